"""Which cells of a tissue are held out together: those of a tile, or of a section."""

from typing import Any

import numpy as np

from polyome._errors import InputError
from polyome._types import IntArray
from polyome.modalities.spatial.records import TissueRecords
from polyome.modalities.spatial.tiles import tiles


def in_tissue(records: Any) -> tuple[TissueRecords, IntArray]:
    """Records that lie in tissue, and where they stand among all."""
    if isinstance(records, TissueRecords):
        return records, np.arange(len(records))
    for name, part in records.parts.items():
        if isinstance(part, TissueRecords):
            return records.part(name), np.flatnonzero(records.has(name))
    message = f"none of the records lies in tissue; they have {', '.join(records.parts)} alone."
    raise InputError(message)


def tile_names(records: Any) -> np.ndarray:
    """Name of each record's tile, (n,); None where it lies in no tissue."""
    tissue, own = in_tissue(records)
    return _placed(tiles(tissue.sections)[tissue.rows].astype(str), own, len(records))


def section_names(records: Any) -> np.ndarray:
    """Name of each record's section, (n,); None where it lies in none.

    Raises
    ------
    InputError
        There is one section: a split by section needs two.
    """
    tissue, own = in_tissue(records)
    if len(tissue.sections.names) < 2:
        message = "--split-by section needs two sections or more; pass section= with their column."
        raise InputError(message)
    names = np.array(tissue.sections.names)[tissue.sections.codes[tissue.rows]]
    return _placed(names, own, len(records))


def _placed(names: np.ndarray, own: IntArray, n: int) -> np.ndarray:
    """Names of some of ``n`` records, None for the others."""
    if len(own) == n:
        return names
    found = np.full(n, None, dtype=object)
    found[own] = names
    return found
