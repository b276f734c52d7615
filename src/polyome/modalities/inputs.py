"""Records with several named inputs, each read by a modality of its own; some may be absent."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import torch
from scipy.linalg import block_diag
from torch import nn

from polyome._errors import InputError, listed
from polyome._types import Encoding, FloatArray, IntArray, Segment
from polyome.io.feature_table import is_table
from polyome.io.measurements import (
    Measurements,
    TableReading,
    choose,
    measurements_of,
    measurements_of_table,
    write_measurements,
)
from polyome.io.profile_writing import predicted_part, write_profile
from polyome.modalities import MODALITIES
from polyome.modalities.base import Modality
from polyome.modalities.embeddings import ModalityEmbeddings
from polyome.modalities.input_records import InputRecords, check_some_input, with_an_input
from polyome.modalities.profiles.records import annotate
from polyome.outputs.prediction import Prediction
from polyome.outputs.values_prediction import ValuePrediction


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Say in messages which input they are about."""
    try:
        yield
    except InputError as error:
        message = f"input '{name}': {error}"
        raise InputError(message) from error


class Inputs(Modality):
    """Several inputs of a record, each with a modality; used wherever one modality is.

    Parameters
    ----------
    members : by name of the input, a modality.
    hidden_share : chance that an input is hidden from the networks while training. Never all of a
        record are: so one model answers with whatever is there.
    columns : of tables, by input the columns or patterns (``*``) that are its own; without any,
        those that begin with its name (see :mod:`polyome.io.feature_table`).

    Attributes
    ----------
    uninformative : inputs that tell nothing of the target, as a fit finds out: records that have
        another one are answered without them.
    """

    name: ClassVar[str] = "inputs"
    answer_formats: ClassVar[tuple[str, ...]] = (".h5mu", ".h5ad", ".csv")
    is_portable: bool = True

    def __init__(
        self,
        members: dict[str, Modality],
        *,
        hidden_share: float = 0.4,
        columns: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.members = dict(sorted(members.items()))
        self.hidden_share = hidden_share
        self.uninformative: tuple[str, ...] = ()
        self.columns = {name: tuple((columns or {}).get(name, ())) for name in self.members}

    def inputs(self) -> dict[str, Modality]:
        """The modality of each input."""
        return self.members

    def read(self, source: Any, *, left_out: Collection[str] = (), **reading: Any) -> InputRecords:
        """View a MuData, an AnnData, a table of numbers, or a file of one as records.

        A measurement that the source lacks, or has of none of its records, is absent. ``left_out``
        names columns of a table that are no measurement, such as the target.
        """
        if isinstance(source, InputRecords):
            return source
        is_fitted = hasattr(self, "is_fitted_")
        found = (
            measurements_of_table(source, self._table_reading(left_out, is_fitted=is_fitted))
            if is_table(source)
            else measurements_of(source)
        )
        parts, rows, notes = {}, {}, [*found.notes]
        for name, own in self.members.items():
            where = self._find(found, name, own, is_fitted=is_fitted)
            if where is None or not (found.rows_of(where) >= 0).any():
                rows[name] = np.full(len(found.table), -1)
                continue
            with _named(name):
                part = found.placed(where) if own.reads_places else found.named(where)
                parts[name] = own.read(part, **reading)
            has = np.append(own.measured(parts[name]), False)
            rows[name] = np.where(has[found.rows_of(where)], found.rows_of(where), -1)
            notes += [f"{name}: {note}" for note in parts[name].notes]
            notes.append(
                f"{name} was read from '{where}' as {own.name}: {(rows[name] >= 0).sum():,} of "
                f"{len(found.table):,} records have it."
            )
        if not parts:
            message = (
                f"none of the inputs {listed(self.members)} is in the data, which has "
                f"{listed(found.parts)}."
            )
            raise InputError(message)
        if is_table(source):
            check_some_input(found.table, rows)
        records = InputRecords(found.table, parts, rows, source=source, notes=tuple(notes))
        return with_an_input(records)

    def _table_reading(self, left_out: Collection[str], *, is_fitted: bool) -> TableReading:
        """How a table is taken apart: by a fitted model the columns that it knows."""
        known = {
            name: lambda names, own=own: [own.overlap(pd.Index([n])) > 0 for n in names]
            for name, own in self.members.items()
        }
        texts = [name for name, own in self.members.items() if own.reads_text]
        return TableReading(self.columns, left_out, known if is_fitted else None, texts)

    def _find(
        self, found: Measurements, name: str, own: Modality, *, is_fitted: bool
    ) -> str | None:
        """Which measurement of the data an input is; None where a query lacks it."""
        if own.reads_text and (name in found.parts or name in found.table):
            return name
        if list(found.parts) == ["X"] and name not in ("X", *found.beside):  # one nameless matrix
            if len(self.members) == 1 or (own.reads_expression and not is_fitted):
                return "X"
            names = found.parts["X"].var_names  # whose features does it have?
            best = max(self.members, key=lambda n: self.members[n].overlap(names))
            if name == best and own.overlap(names) > 0:
                return "X"
        try:
            return choose(found, name)
        except InputError:
            if is_fitted:
                return None
            raise

    def fit(self, records: InputRecords) -> Self:
        """Fit each modality to the records that have its input."""
        for name in self.members:
            number = int(records.has(name).sum())
            if number < 2:
                message = f"{number} training records have the input '{name}'; leave it out."
                raise InputError(message)
        self._check_shared(records)
        for name, own in self.members.items():
            with _named(name):
                own.fit(records.part(name))
        self.is_fitted_ = True
        return self

    def _check_shared(self, records: InputRecords) -> None:
        """Refuse an input that no record has together with another one."""
        has = {name: records.has(name) for name in self.members}
        for name, own in has.items():
            others = [other for other in has if other != name]
            if own.any() and others and not any((own & has[other]).any() for other in others):
                first = {n: records.table.index[has[n]][:1].tolist() for n in (name, *others)}
                shown = ", ".join(f"{n} {listed(names)}" for n, names in first.items())
                message = (
                    f"no training record has '{name}' and another input: are records named alike "
                    f"in each? First names: {shown}."
                )
                raise InputError(message)

    @property
    def num_read(self) -> int:
        """Without the uninformative."""
        return len(self.read_of([*self.members]))

    def read_of(self, names: Sequence[str]) -> list[str]:
        """Which of a record's inputs are read: without the uninformative, if there are others.

        Examples
        --------
        >>> inputs = Inputs({"noise": MODALITIES["features"](), "rna": MODALITIES["cell"]()})
        >>> inputs.uninformative = ("noise",)
        >>> inputs.read_of(["noise", "rna"]), inputs.read_of(["noise"])
        (['rna'], ['noise'])
        """
        kept = [name for name in names if name not in self.uninformative]
        return kept or list(names)

    def read_from(self, records: InputRecords) -> InputRecords:
        """Records without inputs that are not read."""
        if not self.uninformative:
            return records
        has = {name: records.has(name) for name in records.rows}
        others = np.any([own for n, own in has.items() if n not in self.uninformative], axis=0)
        return records.only({n: ~others if n in self.uninformative else has[n] for n in has})

    def learn_classes(self, records: InputRecords, truth: IntArray) -> None:
        """Let each modality learn from the classes of the records that have its input."""
        for name, own in self.members.items():
            own.learn_classes(records.part(name), truth[records.has(name)])

    def prepare(self, records: InputRecords) -> InputRecords:
        """Prepare each input's part once."""
        return self._mapped(records, lambda own, part, _: own.prepare(part))

    def _mapped(self, records: InputRecords, change: Any) -> InputRecords:
        """Put changed parts of the records that have them in place of all parts."""
        parts, rows = {}, {}
        for name, own in self.members.items():
            has = records.has(name)
            rows[name] = np.where(has, np.cumsum(has) - 1, -1)
            if has.any():
                parts[name] = change(own, records.part(name), has)
        return replace(records, parts=parts, rows=rows)

    def augmented(
        self, records: InputRecords, rng: np.random.Generator, kinds: IntArray | None
    ) -> InputRecords:
        """Hide inputs at random, never all of a record, and vary the others."""
        records = self.read_from(records)
        has = np.stack([records.has(name) for name in self.members], axis=1)  # (n, m)
        kept = has & (rng.random(has.shape) >= self.hidden_share)
        chance = np.where(has, rng.random(has.shape), -1.0)
        lost = ~kept.any(axis=1)
        kept[lost, chance[lost].argmax(axis=1)] = has[lost].any(axis=1)
        records = records.only(dict(zip(self.members, kept.T)))
        return self._mapped(
            records,
            lambda own, part, chosen: own.augmented(
                part, rng, None if kinds is None else kinds[chosen]
            ),
        )

    def encode_inputs(self, records: InputRecords) -> list[dict[str, Encoding]]:
        """By record, an encoding of each input that it has."""
        records = self.read_from(records)
        found: list[dict[str, Encoding]] = [{} for _ in range(len(records))]
        for name, own in self.members.items():
            places = np.flatnonzero(records.has(name))
            if len(places):
                for place, encoding in zip(places, own.encode(records.part(name)), strict=True):
                    found[place][name] = encoding
        return found

    def segments(self, records: InputRecords) -> dict[str, Segment]:
        """By input that is read, the records that have it: their places, and the tensors."""
        records = self.read_from(records)
        return {
            name: Segment(
                rows=torch.from_numpy(np.flatnonzero(records.has(name))),
                inputs=own.batch(records.part(name)),
            )
            for name, own in self.members.items()
            if records.has(name).any()
        }

    def start_network(self, embeddings: nn.ModuleDict, records: InputRecords) -> None:
        """Start each input's embeddings from the records that have it."""
        for name, own in self.members.items():
            own.start_from(embeddings[name], records.part(name))

    def ood_noise(self, records: InputRecords) -> FloatArray:
        """Covariance that a query's ood_features have beyond the training records', (k, k)."""
        found = []
        for name, own in self.members.items():
            width = own.spec()["num_ood_features"]
            noise = own.ood_noise(records.part(name)) if records.has(name).any() else 0.0
            found.append(np.zeros((width, width)) if np.isscalar(noise) else np.asarray(noise))
        return np.asarray(block_diag(*found))

    def spec(self) -> dict[str, Any]:
        """Sizes of each input."""
        return {name: own.spec() for name, own in self.members.items()}

    def places(self, records: InputRecords) -> pd.DataFrame | None:
        """Where records lie, by the first input that knows it; missing where one lacks that."""
        for name, own in self.members.items():
            has = records.has(name)
            found = own.places(records.part(name)) if has.any() else None
            if found is not None:
                return (
                    found.set_axis(np.flatnonzero(has))
                    .reindex(range(len(records)))
                    .set_axis(records.table.index)
                )
        return None

    def keys(self, records: InputRecords) -> IntArray:
        """Of the names; of what each input holds, its own modality's."""
        keys = super().keys(records)
        for name, own in self.members.items():
            if records.has(name).any():
                keys[records.has(name)] += own.keys(records.part(name))
        return keys

    def encode(self, records: InputRecords) -> list[Encoding]:
        """Refuse: one encoding cannot hold several inputs; see :meth:`encode_inputs`."""
        message = "records with several inputs have an encoding of each"
        raise TypeError(message)

    @staticmethod
    def embeddings(config: Any, spec: dict[str, Any]) -> ModalityEmbeddings:
        """Refuse: each input has embeddings of its own."""
        message = "records with several inputs have embeddings of each"
        raise TypeError(message)

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """What each input's modality learned, arrays under ``NAME/``."""
        settings: dict[str, Any] = {"hidden_share": self.hidden_share, "inputs": {}}
        settings["uninformative"] = list(self.uninformative)
        settings["columns"] = {name: list(own) for name, own in self.columns.items()}
        arrays: dict[str, np.ndarray] = {}
        for name, own in self.members.items():
            learned, own_arrays = own.state()
            settings["inputs"][name] = {"kind": own.name, "state": learned}
            arrays |= {f"{name}/{key}": array for key, array in own_arrays.items()}
        return settings, arrays

    @classmethod
    def from_state(cls, settings: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """Restore what :meth:`state` gave."""
        members = {}
        for name, entry in settings["inputs"].items():
            own = {
                k.removeprefix(f"{name}/"): v for k, v in arrays.items() if k.startswith(f"{name}/")
            }
            members[name] = MODALITIES[entry["kind"]].from_state(entry["state"], own)
        made = cls(members, hidden_share=settings["hidden_share"], columns=settings.get("columns"))
        made.uninformative = tuple(settings["uninformative"])
        made.is_fitted_ = True
        return made

    def write(self, records: InputRecords, answers: Prediction, path: Path) -> None:
        """Write the MuData or AnnData with answers in its obs and obsm; a table has none.

        A whole measurement is written as one, beside those that are there.
        """
        if isinstance(answers, ValuePrediction) and answers.profile is not None:
            part = predicted_part(answers.values, answers.low, answers.high)
            write_profile(records.source, path, answers.profile, part, answers.provenance)
            return
        write_measurements(records.source, path, lambda data: annotate(data, answers))
