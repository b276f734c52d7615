"""Cells in tissue as records: each with its section and, once prepared, with its neighbours."""

from dataclasses import dataclass, replace
from typing import Any, Self

from polyome._types import FloatArray, IntArray
from polyome.modalities.profiles.records import CellRecords
from polyome.modalities.spatial.neighbours import Sections


@dataclass(frozen=True, eq=False, kw_only=True)
class TissueRecords(CellRecords):
    """Cells of an AnnData with the sections that they lie in.

    ``rows`` are the cells that are answered; all others of a section are still their neighbours.

    Parameters
    ----------
    sections : of all cells of ``adata``.
    context : float32, (n, l, q), standardised means of the neighbourhoods, once prepared.
    neighbours : int64, (n, s), the nearest neighbours' positions in ``adata``.
    geometry : float32, (n, s, 1 + 4): how much each neighbour counts, and where it lies.
    counts : int64, (n,), of the slots in use; the others' weight is 0.
    shown : float32, (all cells, p), what a neighbour's token shows.
    """

    sections: Sections
    context: FloatArray | None = None
    neighbours: IntArray | None = None
    geometry: FloatArray | None = None
    counts: IntArray | None = None
    shown: FloatArray | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """Where values and coordinates were read from."""
        return (*self.expression.notes, *self.sections.notes)

    def __getstate__(self) -> dict[str, Any]:
        """For pickle: prepared, they need no sections either."""
        return super().__getstate__() | ({} if self.profile is None else {"sections": None})

    def take(self, rows: IntArray) -> Self:
        """Some of the cells, by position among these; their neighbours stay."""
        if self.context is None or self.neighbours is None:
            return super().take(rows)
        assert self.geometry is not None
        assert self.counts is not None
        return replace(
            super().take(rows),
            context=self.context[rows],
            neighbours=self.neighbours[rows],
            geometry=self.geometry[rows],
            counts=self.counts[rows],
        )


@dataclass(frozen=True, eq=False)
class View:
    """All cells of a source as neighbours see them.

    Attributes
    ----------
    averaged : float32, (n, q), what is averaged over neighbourhoods: z-scores or components, then
        memberships in clusters.
    shown : float32, (n, p), what a neighbour's token shows.
    """

    averaged: FloatArray
    shown: FloatArray
