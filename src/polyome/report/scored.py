"""Records whose truth is known beside a model's answers: what every figure is drawn from."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from safetensors import SafetensorError
from safetensors.numpy import load_file

from polyome._errors import InputError, missing_column
from polyome._types import BoolArray, FloatArray, IntArray
from polyome.io.files import read_kept_table
from polyome.labels import labels_as_text, meant_missing
from polyome.outputs import OUTPUTS
from polyome.outputs.unknown import UNKNOWN

ARRAYS = "representation.safetensors"
PREDICTIONS = "predictions.csv.gz"
COORDINATES = "coordinates.csv.gz"


@dataclass(frozen=True)
class Scored:
    """Scored records. What a record does not have is None, and its figures are left out.

    Attributes
    ----------
    names : (n,), the records' names.
    truth : str, (n,), the true labels; None where values were predicted.
    label : str, (n,), the answers, ``unknown`` among them.
    proba : DataFrame, (n, c), calibrated probability of each class.
    measured, predicted : DataFrame, (n, t), values in the target's own unit; None where classes
        were predicted.
    representation : float32, (n, d).
    unknown_score : float, (n,), above 1 is refused.
    coordinates : float, (n, 2), in the unit of the data.
    section : str, (n,), the piece of tissue that each record lies in.
    colors : by class, a colour that the user has chosen.
    output : the type of answer, a name in ``polyome.outputs.OUTPUTS``.
    """

    names: pd.Index
    truth: np.ndarray | None = None
    label: np.ndarray | None = None
    proba: pd.DataFrame | None = None
    measured: pd.DataFrame | None = None
    predicted: pd.DataFrame | None = None
    representation: FloatArray | None = None
    unknown_score: FloatArray | None = None
    coordinates: FloatArray | None = None
    section: np.ndarray | None = None
    colors: dict[str, str] = field(default_factory=dict)
    output: str = "classes"

    def __len__(self) -> int:
        return len(self.names)

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes that the model knows, in the order of its outputs."""
        return () if self.proba is None else tuple(map(str, self.proba.columns))

    @property
    def best(self) -> np.ndarray:
        """The most probable class of each record, also where it was refused, str (n,)."""
        assert self.proba is not None
        return np.asarray(self.classes)[self.proba.to_numpy().argmax(axis=1)]

    @property
    def confidence(self) -> FloatArray:
        """Probability of the most probable class, (n,)."""
        assert self.proba is not None
        return np.asarray(self.proba.to_numpy().max(axis=1), dtype=np.float64)

    @property
    def refused(self) -> BoolArray:
        """Records that were answered ``unknown``, bool (n,)."""
        assert self.label is not None
        return np.asarray(self.label == UNKNOWN, dtype=bool) & (UNKNOWN not in self.classes)

    @property
    def right(self) -> BoolArray:
        """Records whose most probable class is the true one, bool (n,)."""
        assert self.truth is not None
        return np.asarray(self.best == self.truth, dtype=bool)

    def truth_index(self) -> IntArray:
        """Each truth's column in ``proba``, (n,); -1 for a label that the model does not know."""
        assert self.truth is not None
        return np.asarray(pd.Index(self.classes).get_indexer(pd.Index(self.truth)), dtype=np.int64)

    def true_classes(self) -> tuple[str, ...]:
        """Classes of the model, then the true labels that it does not know."""
        known = set(self.classes)
        truth = () if self.truth is None else self.truth
        return (*self.classes, *sorted(set(map(str, truth)) - known))

    @classmethod
    def from_folder(cls, folder: Path, classes: tuple[str, ...], output: str) -> Self:
        """Read ``evaluation/`` of a model folder.

        Parameters
        ----------
        folder : the model folder.
        classes : names of the model's outputs.
        output : their type.
        """
        table = _table(folder / "evaluation" / PREDICTIONS)
        arrays = _arrays(folder / "evaluation" / ARRAYS, len(table))
        arrays |= _places(folder / "evaluation" / COORDINATES, table.index)
        found = OUTPUTS[output].prediction.scored(table, classes)
        if found is None:
            message = f"{folder / 'evaluation' / PREDICTIONS} has columns that no task writes."
            raise InputError(message)
        return cls(names=table.index, output=output, **found, **arrays)

    @classmethod
    def from_estimator(cls, model: Any) -> Self:  # an Estimator lives above
        """Take the test part that a model was scored on when it was fitted."""
        answers, truth = getattr(model, "answers_", None), getattr(model, "truth_", None)
        places = getattr(model, "places_", None)
        lie = {} if places is None else _laid_out(places)
        if answers is None or truth is None:
            message = (
                "this model keeps no scored records in memory; fit it with a test part, or pass "
                "the folder it was saved in."
            )
            raise InputError(message)
        kept = dict(answers.kept)
        if "unknown_score" in kept:
            kept["unknown_score"] = _some(kept["unknown_score"])
        found = answers.scored(answers.beside(np.asarray(truth)), answers.classes)
        return cls(names=answers.names, output=answers.output_type, **found, **kept, **lie)

    @classmethod
    def from_adata(cls, adata: Any, truth: str | None) -> Self:
        """Read what ``annotate`` and ``polyome predict`` write, and the truth beside it.

        Parameters
        ----------
        adata : AnnData with ``obs["polyome_label"]``.
        truth : column of ``obs``; ``uns[f"{truth}_colors"]`` are its colours. None where the truth
            is not known: then answers and confidence can be drawn, scores cannot.
        """
        if "polyome_label" not in adata.obs or "polyome_proba" not in adata.obsm:
            message = "this AnnData holds no answers of a model; run model.annotate(adata) first."
            raise InputError(message)
        if "polyome" not in adata.uns:
            message = (
                "uns has no 'polyome', which says what the classes are; anndata.concat keeps it "
                'with uns_merge="same".'
            )
            raise InputError(message)
        if truth is not None and truth not in adata.obs:
            raise missing_column(truth, adata.obs.columns, role="truth")
        told = adata.uns["polyome"]
        labels, known = None, np.ones(adata.n_obs, dtype=bool)
        if truth is not None:
            labels = labels_as_text(adata.obs[truth])
            missing = meant_missing(told.get("unlabelled") or "", set(labels))
            labels[np.isin(labels.astype(str), missing)] = None
            known = np.array([label is not None for label in labels], dtype=bool)
        classes = [str(label) for label in told["classes"]]
        obs = adata.obs[known]
        section = told.get("section") or None
        unknown_score = obs.get("polyome_unknown_score")
        place = adata.obsm["spatial"][known] if "spatial" in adata.obsm else None
        return cls(
            names=obs.index,
            truth=None if labels is None else labels[known].astype(str),
            label=obs["polyome_label"].astype(str).to_numpy(dtype=str),
            proba=pd.DataFrame(
                np.asarray(adata.obsm["polyome_proba"])[known], index=obs.index, columns=classes
            ),
            representation=np.asarray(adata.obsm["X_polyome"])[known],
            unknown_score=None if unknown_score is None else _some(unknown_score.to_numpy()),
            coordinates=None if place is None else np.asarray(place, dtype=np.float64)[:, :2],
            section=obs[section].astype(str).to_numpy(dtype=str) if section in obs else None,
            colors={} if truth is None else _chosen_colors(adata, truth),
        )


def _chosen_colors(adata: Any, key: str) -> dict[str, str]:
    """Colours of a categorical column, as scanpy keeps them."""
    colors = adata.uns.get(f"{key}_colors")
    if colors is None or not hasattr(adata.obs[key], "cat"):
        return {}
    return dict(zip(map(str, adata.obs[key].cat.categories), map(str, colors)))


def _some(values: Any) -> FloatArray | None:
    """Values, or None where not one of them is a number: the model refuses nothing."""
    array = np.asarray(values, dtype=np.float64)
    return array if np.isfinite(array).any() and np.any(array != 0) else None


def _table(path: Path) -> pd.DataFrame:
    """Predictions; labels are text, whatever they look like."""
    if not path.is_file():
        message = (
            f"{path.parents[1]} was fitted without a test part, so no record was scored: there "
            "is nothing to draw. Fit it with --split or --split-by."
        )
        raise InputError(message)
    words: dict[str, Any] = {"id": str, "label": str, "truth": str, "truth (truth)": str}
    return _kept(path, words)


def _kept(path: Path, words: dict[str, Any]) -> pd.DataFrame:
    """A table of records by ``id``, of which only empty cells are missing."""
    options: dict[str, Any] = {"dtype": words, "keep_default_na": False, "na_values": [""]}
    return read_kept_table(path, ["id"], **options).set_index("id")


def _places(path: Path, names: pd.Index) -> dict[str, Any]:
    """Where the scored records lie: columns ``x``, ``y`` and perhaps ``section``."""
    if not path.is_file():
        return {}
    words = {"id": str, "section": str}
    table = _kept(path, words)
    if not {"x", "y"} <= set(table.columns) or not table.index.equals(names):
        message = f"{path} does not belong to the predictions beside it. Fit the model again."
        raise InputError(message)
    return _laid_out(table)


def _laid_out(table: pd.DataFrame) -> dict[str, Any]:
    section = table["section"].to_numpy(dtype=str) if "section" in table else None
    return {"coordinates": table[["x", "y"]].to_numpy(np.float64), "section": section}


def _arrays(path: Path, n_records: int) -> dict[str, Any]:
    """What else is kept of the scored records."""
    found: dict[str, Any] = {}
    if path.is_file():
        try:
            arrays = load_file(path)
        except SafetensorError as error:
            message = f"{path} is damaged: {error}. Fit the model again."
            raise InputError(message) from error
        found["representation"] = arrays.get("representation")
        if "unknown_score" in arrays:
            found["unknown_score"] = _some(arrays["unknown_score"])
    for name, array in found.items():
        if array is not None and len(array) != n_records:
            message = f"{path} holds {len(array):,} rows of {name}, not {n_records:,}; fit again."
            raise InputError(message)
    return found
