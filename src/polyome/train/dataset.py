"""Records as the data set and the batches that the Trainer asks for."""

from collections.abc import Sequence
from typing import Any, TypedDict

import numpy as np
import torch
from torch.utils.data import Dataset

from polyome._types import Batch, Encoding, FloatArray, IntArray, Segment
from polyome.modalities import Modality
from polyome.modalities.base import Records, segments_of


class Example(TypedDict):
    """One record on its way into a batch."""

    encodings: dict[str, Encoding]
    """By name of the input; what a record lacks is left out."""
    targets: dict[str, Any]
    """By head; empty where nothing is to be learned."""


class RecordDataset(Dataset[Example]):
    """Records of one modality with their targets; encoded a batch at a time.

    Parameters
    ----------
    modality : fitted.
    records : n records.
    targets : by head, (n,) or (n, c).
    augment : varies the records at random each time they are drawn; None does not.

    Several of them, of different modalities, can be joined with
    ``torch.utils.data.ConcatDataset`` and collated by :class:`Collator` into mixed batches.
    """

    def __init__(
        self,
        modality: Modality,
        records: Records,
        targets: dict[str, IntArray | FloatArray],
        *,
        augment: np.random.Generator | None = None,
    ) -> None:
        self.modality = modality
        self.records = modality.prepare(records)
        self.targets = targets
        self.augment = augment

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> Example:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[Example]:
        """Encode a whole batch at once (torch's loader calls this where it exists)."""
        rows = np.asarray(indices)
        records = self.records.take(rows)
        if self.augment is not None:
            records = self.modality.augmented(records, self.augment, self._kinds(rows))
        encodings = self.modality.encode_inputs(records)
        return [
            Example(
                encodings=encoding,
                targets={head: values[row] for head, values in self.targets.items()},
            )
            for row, encoding in zip(rows, encodings, strict=True)
        ]

    def _kinds(self, rows: IntArray) -> IntArray | None:
        """Classes of some records, of the first head that tells classes."""
        for values in self.targets.values():
            if np.issubdtype(values.dtype, np.integer):
                return values[rows].astype(np.int64)
        return None


class Collator:
    """Joins examples of any modalities into one :class:`polyome._types.Batch`.

    Parameters
    ----------
    modalities : fitted, by name of the input.
    """

    def __init__(self, modalities: dict[str, Modality]) -> None:
        self.modalities = modalities

    def __call__(self, examples: Sequence[Example]) -> Batch:
        """Group the encodings by input, the targets by head; ``rows`` remember their places."""
        segments = segments_of(self.modalities, [example["encodings"] for example in examples])
        labels: dict[str, Segment] = {}
        for head in sorted({head for example in examples for head in example["targets"]}):
            rows = [i for i, example in enumerate(examples) if head in example["targets"]]
            target = torch.from_numpy(np.stack([examples[i]["targets"][head] for i in rows]))
            labels[head] = Segment(rows=torch.tensor(rows), inputs={"target": target})
        batch = Batch(size=len(examples), segments=segments)
        if labels:
            batch["labels"] = labels
        return batch
