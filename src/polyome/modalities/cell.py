"""The cell modality: a cell's expression profile becomes tokens.

A segment is ``[M]``, which knows the whole profile, and a few module tokens, each a learned
combination of genes. Genes have no order, so tokens carry no position.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from polyome._types import BoolArray, Encoding, FloatArray, IntArray
from polyome.modalities.profiles.alignment import Adjustment, align, check_genes, class_moments
from polyome.modalities.profiles.features import LinearProfileFeatures, thinned
from polyome.modalities.profiles.modality import ProfileModality
from polyome.modalities.profiles.records import CellRecords
from polyome.modalities.profiles.tokens import CellEmbeddings

_ALIGN_CELLS = 4096


class CellModality(ProfileModality):
    """Expression profiles of single cells.

    See :class:`polyome.modalities.profiles.modality.ProfileModality` for its parameters.
    """

    name: ClassVar[str] = "cell"
    can_align: ClassVar[bool] = True
    can_be_input: ClassVar[bool] = True

    @staticmethod
    def embeddings(config: Any, spec: dict[str, Any]) -> CellEmbeddings:
        """Build the embeddings."""
        return CellEmbeddings(config.hidden_size, spec)

    @staticmethod
    def features(spec: dict[str, Any]) -> LinearProfileFeatures:
        """Build what the linear model reads."""
        return LinearProfileFeatures(spec)

    def augmented(
        self, records: CellRecords, rng: np.random.Generator, kinds: IntArray | None
    ) -> CellRecords:
        """Thin the molecules of each cell, as if it had been sequenced less."""
        del kinds
        if not self.is_counted_ or self.least_depth >= 1:
            return records
        records = self.prepare(records)
        return replace(records, profile=thinned(records.profile, self.least_depth, rng))

    def encode(self, records: CellRecords) -> list[Encoding]:
        """``values``, float32 (g,): z-scores, clipped; missing genes as the others suggest."""
        return [{"values": row} for row in self.standardised(records)]

    def batch(self, records: CellRecords) -> dict[str, Tensor]:
        """``values``, float32 (b, g)."""
        return {"values": torch.from_numpy(self.standardised(records))}

    def reference(
        self, records: CellRecords, truth: IntArray, num_classes: int
    ) -> dict[str, FloatArray]:
        """Moments of each class, for :meth:`align`."""
        means, variances = class_moments(self.standardised(records), truth, num_classes)
        return {"reference.means": means, "reference.variances": variances}

    def align(
        self,
        records: CellRecords,
        proba: Callable[[CellRecords], FloatArray],
        reference: dict[str, FloatArray],
        *,
        start: FloatArray,
        near: BoolArray,
    ) -> CellRecords:
        """Shift and scale the query's genes to the reference (see `profiles/alignment.py`).

        Genes that it does not measure follow the others, see :meth:`standardised`.
        """
        first = self.profiled(records.take(np.arange(1)))
        genes = len(self.selected_)
        present = np.ones(genes, dtype=bool) if first.present is None else first.present

        def chunks() -> Iterator[FloatArray]:
            for begin in range(0, len(records), _ALIGN_CELLS):
                rows = np.arange(begin, min(begin + _ALIGN_CELLS, len(records)))
                yield self.standardised(records.take(rows))[:, present]

        if not self.vocabulary_.is_scaled:
            z = sum(chunk.sum(axis=0, dtype=np.float64) for chunk in chunks()) / len(records)
            means = self.means_[present]
            check_genes(means + z * self.scales_[present], means)

        def of_all_genes(adjustment: Adjustment) -> Adjustment:
            scale, shift = np.ones(genes, np.float32), np.zeros(genes, np.float32)
            scale[present], shift[present] = adjustment
            return scale, shift

        found = align(
            lambda some: proba(replace(records, adjustment=of_all_genes(some))),
            start,
            chunks,
            reference["reference.means"][:, present],
            reference["reference.variances"][:, present],
            near,
        )
        return replace(records, adjustment=of_all_genes(found))
