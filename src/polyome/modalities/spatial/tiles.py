"""Sections cut into tiles, for splits and validation by place."""

import numpy as np

from polyome._types import FloatArray, IntArray
from polyome.modalities.spatial.neighbours import Sections

TILES = 5
"""A section is cut into so many tiles along each axis, with equal numbers of cells."""


def tiles(sections: Sections, number: int = TILES) -> IntArray:
    """Cut sections into ``number`` squared tiles of about equal numbers of cells, int64 (n,).

    Quantiles of the first coordinate, then of the second within each. Sections that share a frame,
    such as planes of one block of tissue, are cut at the same places, and a tile holds cells of
    all of them: what lies above a test cell is no training cell.

    Examples
    --------
    >>> square = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> tiles(Sections(square, np.zeros(4, int), ("a",)), 2).tolist()
    [0, 1, 2, 3]
    """
    found = np.zeros(len(sections.codes), np.int64)
    for frame, members in enumerate(_frames(sections)):
        rows = np.flatnonzero(np.isin(sections.codes, members))
        inside = sections.coordinates[rows]
        column = _quantile(inside[:, 0], number)
        for i in range(number):
            strip = np.flatnonzero(column == i)
            tile = i * number + _quantile(inside[strip, 1], number)
            found[rows[strip]] = frame * number**2 + tile
    return found


def _frames(sections: Sections) -> list[list[int]]:
    """Sections by frame: those whose bounding boxes coincide by more than half."""
    boxes = [
        (inside.min(axis=0)[:2], inside.max(axis=0)[:2])
        for inside in (sections.coordinates[rows] for rows in sections.rows)
    ]
    frames: list[list[int]] = []
    for code, (low, high) in enumerate(boxes):
        for members in frames:
            other_low, other_high = boxes[members[0]]
            shared = np.prod((np.minimum(high, other_high) - np.maximum(low, other_low)).clip(0))
            whole = np.prod(high - low) + np.prod(other_high - other_low) - shared
            if shared > 0.5 * whole:
                members.append(code)
                break
        else:
            frames.append([code])
    return frames


def _quantile(values: FloatArray, number: int) -> IntArray:
    """Quantile that each value lies in, 0 to ``number`` - 1."""
    order = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    return np.asarray(order * number // max(1, len(values)))
