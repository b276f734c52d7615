"""Why a record with any measurements got its answer: the contribution of each input and feature."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from polyome._errors import InputError, listed, suggestion
from polyome._progress import say
from polyome._random import some_of
from polyome._types import FloatArray
from polyome.explain.attribution import integrated_gradients
from polyome.explain.base import Explanation, Item, chosen_outputs, explained_outputs
from polyome.explain.logos import save_figure
from polyome.modalities.input_records import InputRecords
from polyome.modalities.inputs import Inputs
from polyome.model_folder.fitted_model import FittedModel
from polyome.predict.predict import PredictArguments, run

_REFERENCE = (
    "A feature's contribution is measured against the mean training record (z-score 0 of every "
    "feature of the inputs that the record has), by integrated gradients: all contributions of a "
    "record add up to its answer less that record's."
)
_MORE, _LESS = "#D55E00", "#0072B2"


@dataclass(frozen=True, kw_only=True)
class InputArguments:
    """Settings of the explanation of records with any inputs; keys of ``--set``.

    Parameters
    ----------
    output : the class or the target to explain in every record; None: each record's best class, or
        the first target.
    most_records : records explained; more are drawn from at random, with a note.
    top : features shown for each class or target.
    """

    output: str | None = None
    most_records: int = 3000
    top: int = 20


@dataclass(frozen=True, kw_only=True)
class InputExplanation(Explanation):
    """Contributions of features, by input.

    Attributes
    ----------
    records : a row per record: ``explained`` (class or target), ``answer`` (its log-odds, or the
        value in training units), and a column per input with the sum of its contributions, NaN
        where the record lacks it.
    contributions : a row per record, columns (input, feature), NaN where a record lacks the input.
    features : see :attr:`table`.
    top : features shown for each class or target.
    """

    records: pd.DataFrame
    contributions: pd.DataFrame
    features: pd.DataFrame
    top: int = 20

    @property
    def table(self) -> pd.DataFrame:
        """A row per class (or target), input and feature, ordered by ``rank``.

        ``contribution``: mean over the records that are explained for it; ``magnitude``: the mean
        of absolute contributions, by which features are ranked; ``z_score``: their mean value.
        """
        return self.features

    def plot(self, which: str | None = None, *, ax: Any = None, **options: Any) -> Any:
        """Draw the top features of a class or target as bars; returns matplotlib's axes."""
        import matplotlib.pyplot as plt

        known = list(dict.fromkeys(self.features["explained"]))
        name = which or known[0]
        if name not in known:
            message = (
                f"no explained record is '{name}'. Known: {listed(known, most=20)}."
                f"{suggestion(name, known)}"
            )
            raise InputError(message)
        shown = self.features[self.features["explained"] == name].head(self.top).iloc[::-1]
        if ax is None:
            _, ax = plt.subplots(figsize=(5, 0.22 * len(shown) + 0.8), layout="constrained")
        several = len(set(self.features["input"])) > 1
        labels = [
            f"{row.input}: {row.feature}" if several else row.feature for row in shown.itertuples()
        ]
        colors = np.where(shown["contribution"] > 0, _MORE, _LESS)
        ax.barh(labels, shown["magnitude"], color=colors, **options)
        ax.set_title(name, fontsize=9, loc="left")
        ax.set_xlabel("mean absolute contribution", fontsize=8)
        ax.tick_params(labelsize=7)
        return ax

    def write_into(self, folder: Path) -> list[Item]:
        """Features of every class or target, bars, sums of inputs, and all contributions."""
        items = []
        for number, name in enumerate(dict.fromkeys(self.features["explained"]), start=1):
            file = f"features_{number}.svg"
            save_figure(self.plot(name), folder / file)
            how = "Orange: on average the feature speaks for it in these records; blue: against it."
            items.append(Item(f"Features behind {name}", how, file, "picture"))
        tables = {
            "features.csv": (self.features, "Features of every class or target", "Mean contribution"
                             " and mean absolute contribution over the records explained for it."),
            "inputs.csv": (self.records, "What each input adds to each record", "Sums of the "
                           "contributions of an input's features; empty where it is absent."),
        }  # fmt: skip
        for file, (table, title, how) in tables.items():
            has_names = file == "inputs.csv"
            table.to_csv(folder / file, index=has_names, index_label="id", float_format="%.5g")
            items.append(Item(title, how, file, "table"))
        flat = self.contributions.set_axis(
            [": ".join(pair) for pair in self.contributions.columns], axis=1
        )
        flat.to_csv(folder / "contributions.csv.gz", index_label="id", float_format="%.4g")
        how = "A row per record, a column per input and feature."
        items.append(Item("Every contribution", how, "contributions.csv.gz", "data"))
        return items


def explain_inputs(
    fitted: FittedModel, records: InputRecords, arguments: InputArguments, *, quiet: bool
) -> InputExplanation:
    """Explain records with any inputs by integrated gradients."""
    modality = fitted.modality
    if not isinstance(modality, Inputs):
        message = f"{modality.name} has no several inputs"
        raise TypeError(message)
    names = _feature_names(modality)
    notes = [*records.notes, _REFERENCE]
    rows = some_of(len(records), arguments.most_records, fitted.task.seed)
    if len(rows) < len(records):
        notes.append(
            f"{len(rows):,} of {len(records):,} records, drawn at random, are explained "
            "(--set most_records=N for more)."
        )
    is_simulated = bool(records.table.attrs.get("simulated"))
    records = modality.prepare(records.take(rows))
    raw = run(fitted, records, PredictArguments())
    chosen = chosen_outputs(fitted, raw, arguments.output)
    found, z, missed = _contributions(fitted, records, chosen, names, quiet=quiet)
    notes.append(f"Contributions miss their sum by {missed:.3f} on average.")
    for note in notes:
        say(note, quiet=quiet)
    explained = np.array(fitted.classes, dtype=object)[chosen]
    contributions = pd.DataFrame(
        np.hstack([found[name] for name in names]),
        index=records.table.index,
        columns=pd.MultiIndex.from_tuples([(n, f) for n, own in names.items() for f in own]),
    )
    answer = explained_outputs(fitted, raw)[np.arange(len(records)), chosen]
    by_record = pd.DataFrame({"explained": explained, "answer": answer}, index=contributions.index)
    for name, own in found.items():
        has = records.has(name)
        by_record[name] = np.where(has, np.nansum(own, axis=1), np.nan)
    return InputExplanation(
        task=fitted.task.name,
        notes=tuple(notes),
        simulated=is_simulated,
        records=by_record,
        contributions=contributions,
        features=_ranked(names, found, z, explained),
        top=arguments.top,
    )


def _feature_names(modality: Inputs) -> dict[str, list[str]]:
    """Names of the features that each input is read as."""
    found = {}
    for name, own in modality.members.items():
        names = own.feature_names()
        if names is None:
            message = (
                f"explain: the input '{name}' is read as {own.name}, whose features cannot be "
                "explained yet."
            )
            raise InputError(message)
        found[name] = names
    return found


def _contributions(
    fitted: FittedModel,
    records: InputRecords,
    chosen: Any,
    names: dict[str, list[str]],
    *,
    quiet: bool,
) -> tuple[dict[str, FloatArray], dict[str, FloatArray], float]:
    """By input contributions and z-scores, (n, f), NaN where it is absent; the mean gap."""
    modality: Any = fitted.modality
    records = modality.read_from(records)
    found = {n: np.full((len(records), len(own)), np.nan, np.float32) for n, own in names.items()}
    z = {n: own.copy() for n, own in found.items()}
    gaps = []
    for pattern in np.unique(records.pattern):  # records of one pattern have the same inputs
        places = np.flatnonzero(records.pattern == pattern)
        some = records.take(places)
        present = [name for name in names if some.has(name).all()]
        starts = {f"{name}/values": 0.0 for name in present}
        for part in integrated_gradients(fitted, some, chosen[places], starts, quiet=quiet):
            for name in present:
                found[name][places[part.rows]] = part.contributions[f"{name}/values"]
                z[name][places[part.rows]] = part.inputs[f"{name}/values"]
            gaps.append(part.gaps)
    return found, z, float(np.abs(np.concatenate(gaps)).mean())


def _ranked(
    names: dict[str, list[str]],
    found: dict[str, FloatArray],
    z: dict[str, FloatArray],
    explained: np.ndarray,
) -> pd.DataFrame:
    """A row per class or target, input and feature, the largest first."""
    parts = []
    for output in dict.fromkeys(explained):
        own = []
        for name, features in names.items():
            these = (explained == output) & np.isfinite(found[name]).all(axis=1)
            if not these.any():
                continue
            values = found[name][these]
            columns = {
                "explained": output,
                "input": name,
                "feature": features,
                "contribution": values.mean(axis=0),
                "magnitude": np.abs(values).mean(axis=0),
                "z_score": z[name][these].mean(axis=0),
            }
            own.append(pd.DataFrame(columns))
        table = pd.concat(own).sort_values("magnitude", ascending=False, kind="stable")
        table.insert(1, "rank", np.arange(1, len(table) + 1))
        parts.append(table)
    return pd.concat(parts, ignore_index=True)
