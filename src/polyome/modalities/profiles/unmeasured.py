"""Genes that stand in a file as zeros although nobody measured them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from polyome._types import BoolArray, FloatArray, IntArray
from polyome.modalities.profiles.matrix import ExpressionMatrix
from polyome.modalities.profiles.matrix_evidence import sampled_rows
from polyome.modalities.profiles.matrix_rows import Matrix

FEWEST_CELLS = 20
"""Cells with counts that a query needs before its zeros are judged."""
COMMON = 0.1
"""Share of each class's training cells that express a gene, from which it counts as common."""
IMPLAUSIBLE = 1e-3
"""Chance of no count in a whole query, below which a common gene should not be 0."""
LEAST_SHARE, FEWEST_GENES = 0.15, 5
"""Of the genes that should not be 0, so many must be. Of pbmc3k's no single type lacks one, and 15
cells of another tissue (scp1884_mini) lack 8 % at most; a file with half of its genes, 50 %."""
_PRIOR_CELLS = 5.0  # small classes are told by all cells as well


@dataclass(frozen=True, eq=False)
class Detection:
    """How often training cells express each gene.

    Attributes
    ----------
    overall : float64, (g,), share of the training cells.
    least : float64, (g,), share in the class that expresses it least.

    Examples
    --------
    >>> found = Detection.of(np.array([[10, 0], [9, 10]]), np.array([10, 10]))
    >>> found.overall.tolist(), found.least.round(2).tolist()
    ([0.95, 0.5], [0.92, 0.17])
    """

    overall: FloatArray
    least: FloatArray

    @classmethod
    def of(cls, hits: IntArray, cells: IntArray) -> "Detection":
        """Learn from counts of expressing cells, (c, g), of so many cells, (c,)."""
        overall = hits.sum(axis=0) / max(1, cells.sum())
        shares = (hits + _PRIOR_CELLS * overall) / (cells[:, None] + _PRIOR_CELLS)
        return cls(overall, shares[cells > 0].min(axis=0))


def detected(expression: ExpressionMatrix, columns: Matrix, rows: IntArray) -> tuple[IntArray, int]:
    """Count cells that express each gene, int (g,), and cells that express any.

    Parameters
    ----------
    columns : csr_matrix, (n_vars, g): see `GeneMatch`.
    rows : int, (m,).
    """
    hits, filled = np.zeros(columns.shape[1], dtype=np.int64), 0
    for block in expression.chunks(rows):
        genes = block @ columns
        hits += np.bincount(genes.indices[genes.data > 0], minlength=len(hits))
        filled += int((np.diff(genes.indptr) > 0).sum())
    return hits, filled


def never_measured(
    detection: Detection, expression: ExpressionMatrix, columns: Matrix, present: BoolArray
) -> BoolArray:
    """Find genes that a query has as zeros alone because they were not measured.

    No biology silences a good part of the genes that cells of every training class express. Where
    they are 0 in all cells, a gene was not measured, or measured and not found by chance; the more
    probable of both is taken.

    Parameters
    ----------
    detection : of the training cells.
    expression : of the query, of which all cells are looked at.
    columns : csr_matrix, (n_vars, g): see `GeneMatch`.
    present : bool, (g,), genes that the query has by name.

    Returns
    -------
    bool, (g,). No gene of a query of few cells.
    """
    none = np.zeros_like(present)
    sample = sampled_rows(expression.n_obs)
    if len(sample) < FEWEST_CELLS:
        return none
    found = _zeros(detection, present, *detected(expression, columns, sample))
    if found.any() and len(sample) < expression.n_obs:
        everyone = np.arange(expression.n_obs)
        found = _zeros(detection, present, *detected(expression, columns, everyone))
    return found


def _zeros(detection: Detection, present: BoolArray, hits: IntArray, n_cells: int) -> BoolArray:
    """Judge by how many of so many cells express each gene.

    Examples
    --------
    >>> detection = Detection(np.full(20, 0.5), np.full(20, 0.4))
    >>> hits = np.array([50] * 10 + [0] * 10)
    >>> _zeros(detection, np.ones(20, dtype=bool), hits, 100).sum()
    np.int64(10)
    >>> _zeros(detection, np.ones(20, dtype=bool), hits // 10, 10).sum()
    np.int64(0)
    """
    is_zero = present & (hits == 0)
    if n_cells < FEWEST_CELLS or not is_zero.any():
        return np.zeros_like(present)
    depth = _depth(detection.overall[present], float(hits[present].mean()) / n_cells)
    chance = (1 - detection.least.clip(0, 1 - 1e-9)) ** (n_cells * depth)
    common = present & (detection.least >= COMMON) & (chance <= IMPLAUSIBLE)
    padded = int((common & is_zero).sum())
    if padded < FEWEST_GENES or padded < LEAST_SHARE * common.sum():
        return np.zeros_like(present)
    share = padded / common.sum()
    found: BoolArray = is_zero & (share > (1 - share) * chance)
    return found


def _depth(overall: FloatArray, observed: float) -> float:
    """Cells of the training data that a cell of the query is worth, at most 1.

    A query that was sequenced less detects less of every gene: ``1 - (1 - share) ** depth``.

    Examples
    --------
    >>> round(_depth(np.full(3, 0.75), 0.5), 3)
    0.5
    """
    low, high = 1e-4, 1.0
    for _ in range(40):
        middle = float(np.sqrt(low * high))
        is_deeper: NDArray[np.bool_] = (1 - (1 - overall) ** middle).mean() > observed
        low, high = (low, middle) if is_deeper else (middle, high)
    return high
