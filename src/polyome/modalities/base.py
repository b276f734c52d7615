"""What every modality supplies, and what all of them inherit."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import pandas as pd
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from torch import Tensor, nn

from polyome._errors import InputError
from polyome._types import BoolArray, Encoding, FloatArray, IntArray, Segment
from polyome.modalities.embeddings import LinearFeatures, ModalityEmbeddings


class Records(Protocol):
    """Things that each receive one answer, in an order."""

    @property
    def table(self) -> pd.DataFrame:
        """One row per record, indexed by its name: targets, groups, splits."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What was decided while reading, for the user to know."""

    def __len__(self) -> int: ...

    def take(self, rows: IntArray) -> Self:
        """Return some of the records, by position."""


class Modality(ABC):
    """Reads records, learns its vocabulary and scaling, turns records into tokens.

    A subclass supplies the abstract methods. Padding, batching, saving and loading are inherited.
    """

    name: ClassVar[str]
    reading_options: ClassVar[tuple[str, ...]] = ()
    """Arguments of :meth:`read` that say how a source is read, and may differ for a query."""
    table_name: ClassVar[str] = "obs"
    """What users call the table of records."""
    target_hint: ClassVar[str] = ""
    """Where else the truth may be, for users whose table lacks its column."""
    is_portable: bool = False
    """Whether prepared records may be sent to another process."""
    can_align: ClassVar[bool] = False
    """Whether a query can be brought to the training records, see :meth:`align`."""
    can_be_predicted: ClassVar[bool] = False
    """Whether :meth:`target_values` gives what may be predicted of it."""
    can_be_input: ClassVar[bool] = False
    """Whether it may be one of several inputs of a record."""
    reads_places: ClassVar[bool] = False
    """Whether it reads coordinates, which a MuData may hold for all its measurements."""
    reads_text: ClassVar[bool] = False
    """Whether it reads a column of text, of a table or of ``obs``."""
    reads_expression: ClassVar[bool] = False
    """Whether a nameless matrix is taken for what it reads."""
    answer_formats: ClassVar[tuple[str, ...]] = (".csv",)
    """Endings of the files that :meth:`write` writes; a table, ``.csv``, can always be written."""

    @property
    def no_scanner(self) -> str:
        """Why no scanner can be made of a model of such records; empty where one can."""
        return "has no sequences to scan"

    @abstractmethod
    def read(self, source: Any, **reading: Any) -> Records:  # each its own sources
        """Check a source (file, files or an object in memory) and view it as records.

        Records that it has read come back as they are.

        ``reading`` has the keys of ``reading_options``; what is not given is as it was for `fit`.
        """

    @abstractmethod
    def fit(self, records: Any) -> Self:
        """Learn vocabulary and scaling; the records must be training records only."""

    def learn_classes(self, records: Any, truth: IntArray) -> None:
        """Learn what tells the classes of training records, (n,); by default nothing."""
        del records, truth

    @abstractmethod
    def spec(self) -> dict[str, Any]:
        """Sizes that the embeddings need; kept in the model's configuration."""

    @staticmethod
    @abstractmethod
    def embeddings(config: Any, spec: dict[str, Any]) -> ModalityEmbeddings:
        """Build the module that embeds this modality's batches."""

    @abstractmethod
    def encode(self, records: Any) -> list[Encoding]:
        """One encoding per record: named arrays, the first axis may differ between records."""

    @abstractmethod
    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """What was learned: values for JSON, and arrays."""

    @classmethod
    @abstractmethod
    def from_state(cls, settings: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """Restore what :meth:`state` gave."""

    @abstractmethod
    def write(self, records: Any, answers: Any, path: Path) -> None:
        """Write answers back in the format that the records came in."""

    def prepare(self, records: Any) -> Any:
        """Do once what need not be done per batch; by default nothing."""
        return records

    def measured(self, records: Any) -> BoolArray:
        """Which records have a measurement at all, (n,); by default each."""
        return np.ones(len(records), dtype=bool)

    def technical_numbers(self, records: Any) -> dict[str, FloatArray]:
        """By name, (n,): how deeply records were measured, which may tell a target; by default {}.

        The modality need not be fitted.
        """
        del records
        return {}

    def baseline_features(self, records: Any) -> FloatArray:
        """What cheap models read of an input's records, float32 (n, f), 0 on average."""
        del records
        message = f"the modality '{self.name}' cannot be one of several inputs"
        raise TypeError(message)

    def baseline_width(self) -> int:
        """How many :meth:`baseline_features` there are."""
        message = f"the modality '{self.name}' cannot be one of several inputs"
        raise TypeError(message)

    def feature_names(self) -> list[str] | None:
        """Names of the ``values`` that a record is encoded as; None where there are none."""
        return None

    @staticmethod
    def features(spec: dict[str, Any]) -> LinearFeatures | None:
        """Build what the linear model beside the trunk reads; None for no path."""
        del spec
        return None

    def start_from(self, module: nn.Module, records: Any) -> None:  # noqa: B027
        """Give a module built here a start learned from records; by default none.

        ``module`` is this input's embeddings, or what :meth:`features` gave: nothing of others.
        """

    def inputs(self) -> dict[str, "Modality"]:
        """By name, what each record's inputs are read by; by default this modality alone."""
        return {self.name: self}

    @property
    def num_read(self) -> int:
        """How many inputs of a record that has all are read."""
        return len(self.inputs())

    def entries(self) -> dict[str, Any]:
        """Of each input what ``config.modalities`` holds: its kind and sizes."""
        return {n: {"kind": own.name, "spec": own.spec()} for n, own in self.inputs().items()}

    def overlap(self, names: pd.Index) -> float:
        """Share of the features that were learned which these names have; by default none."""
        del names
        return 0.0

    def target_values(self, records: Any) -> tuple[tuple[str, ...], FloatArray]:
        """Names (f,) and values, float (n, f), that may be predicted of records.

        Raises
        ------
        InputError
            The modality has none.
        """
        message = f"values of the modality '{self.name}' cannot be predicted."
        raise InputError(message)

    def encode_inputs(self, records: Any) -> list[dict[str, Encoding]]:
        """By record, an encoding of each input that it has."""
        return [{self.name: encoding} for encoding in self.encode(records)]

    def batch(self, records: Any) -> dict[str, Tensor]:
        """Inputs of all records as tensors, first axis b: :meth:`encode`, collated.

        A modality whose encodings are rows of arrays may give the arrays, which is quicker.
        """
        return self.collate(self.encode(records))

    def segments(self, records: Any) -> dict[str, Segment]:
        """By input, the records that have it: their places, and the tensors."""
        return {self.name: Segment(rows=torch.arange(len(records)), inputs=self.batch(records))}

    def start_network(self, embeddings: nn.ModuleDict, records: Any) -> None:
        """Give the embeddings of every input, by name, a start learned from records."""
        self.start_from(embeddings[self.name], records)

    def reference(self, records: Any, truth: IntArray, num_classes: int) -> dict[str, FloatArray]:
        """What :meth:`align` needs to know of the training records; by default nothing."""
        del records, truth, num_classes
        return {}

    def align(
        self,
        records: Any,
        proba: Callable[[Any], FloatArray],
        reference: dict[str, FloatArray],
        *,
        start: FloatArray,
        near: BoolArray,
    ) -> Any:
        """Bring a query to the reference, from the whole query and without its labels.

        Parameters
        ----------
        proba : answers records, (n, c).
        reference : what :meth:`reference` gave.
        start : what ``proba`` answers of the records as they are, (n, c).
        near : bool, (n,), the records that are like training records.
        """
        del records, proba, reference, start, near
        message = f"align=true: records of the modality '{self.name}' cannot be aligned."
        raise InputError(message)

    def ood_noise(self, records: Any) -> FloatArray | float:
        """Covariance, (k, k), that a query's ood_features have beyond the training records'."""
        del records
        return 0.0

    def augmented(self, records: Any, rng: np.random.Generator, kinds: IntArray | None) -> Any:
        """Vary training records at random; by default not at all.

        ``kinds``, int (n,), are the classes of the records; None where they have none.
        """
        del rng, kinds
        return records

    def places(self, records: Any) -> pd.DataFrame | None:
        """Say where records lie: ``x``, ``y`` and perhaps ``section``; by default nowhere."""
        del records
        return None

    def keys(self, records: Any) -> IntArray:
        """A number for each record, uint64 (n,), that hardly another has; usually of its name."""
        names = np.asarray(records.table.index.astype(str), dtype=object)
        return np.asarray(pd.util.hash_array(names))

    def views(self, records: Any) -> list[Any]:
        """Equivalent forms of the records, whose answers are averaged; by default only one."""
        return [records]

    def collate(self, encodings: Sequence[Encoding]) -> dict[str, Tensor]:
        """Stack encodings into tensors, first axis b.

        Arrays of unequal length are padded with zeros at the end and come with an
        ``attention_mask``, bool, (b, n), which all of them share: they are of one length in a
        record.
        """
        batch: dict[str, Tensor] = {}
        ragged: dict[str, IntArray] = {}
        for key in encodings[0]:
            arrays = [encoding[key] for encoding in encodings]
            lengths = np.array([array.shape[0] if array.ndim else 0 for array in arrays])
            if (lengths == lengths[0]).all():
                batch[key] = torch.from_numpy(np.stack(arrays))
                continue
            padded = np.zeros((len(arrays), lengths.max(), *arrays[0].shape[1:]), arrays[0].dtype)
            for row, array in zip(padded, arrays, strict=True):
                row[: len(array)] = array
            batch[key] = torch.from_numpy(padded)
            ragged[key] = lengths
            batch["attention_mask"] = torch.from_numpy(np.arange(lengths.max()) < lengths[:, None])
        if any((lengths != next(iter(ragged.values()))).any() for lengths in ragged.values()):
            message = (
                f"'{self.name}': {' and '.join(ragged)} differ in length within a record; one mask "
                "cannot serve them. Override collate and give each array a mask of its own."
            )
            raise ValueError(message)
        return batch

    def save(self, folder: Path) -> None:
        """Write ``modality_NAME.json`` and ``modality_NAME.safetensors``."""
        settings, arrays = self.state()
        (folder / f"modality_{self.name}.json").write_text(json.dumps(settings, indent=1))
        contiguous = {key: np.ascontiguousarray(array) for key, array in arrays.items()}
        save_file(contiguous, folder / f"modality_{self.name}.safetensors")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote."""
        settings_path = folder / f"modality_{cls.name}.json"
        arrays_path = folder / f"modality_{cls.name}.safetensors"
        for path in (settings_path, arrays_path):
            if not path.is_file():
                message = f"{folder} lacks {path.name}; it is not a whole Polyome model folder."
                raise InputError(message)
        try:
            return cls.from_state(json.loads(settings_path.read_text()), load_file(arrays_path))
        except (
            json.JSONDecodeError,
            UnicodeDecodeError,
            SafetensorError,
            KeyError,
            TypeError,
        ) as error:
            message = (
                f"{folder}: {settings_path.name} or {arrays_path.name} is damaged ({error}). "
                "Copy the folder again, or fit the model again."
            )
            raise InputError(message) from error


def segments_of(
    inputs: Mapping[str, Modality], examples: Sequence[Mapping[str, Encoding]]
) -> dict[str, Segment]:
    """Collate records that have one or several inputs each.

    Parameters
    ----------
    inputs : fitted modalities, by name of the input.
    examples : of each record the encodings of its inputs.

    Returns
    -------
    By input, the records that have it: their places, and the tensors.
    """
    segments: dict[str, Segment] = {}
    for name in sorted({name for example in examples for name in example}):
        rows = [i for i, example in enumerate(examples) if name in example]
        collated = inputs[name].collate([examples[i][name] for i in rows])
        segments[name] = Segment(rows=torch.tensor(rows), inputs=collated)
    return segments
