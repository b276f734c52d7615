"""What the numbers of an expression matrix are: counts, a logarithm of them, or scaled values.

The state is read from a fixed sample of rows, so that one matrix gets one answer however it is
stored. Two properties of sequencing data carry the decision: within a cell every value is a whole
multiple of one molecule, and cells that were depth-normalised have equal sums. Of the candidates
(the values as they are, ``expm1``, ``2^x - 1``) the true one alone has them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from polyome.modalities.profiles.matrix_rows import (
    CHUNK_ROWS,
    Matrix,
    by_row,
    check_finite,
    check_numeric,
    is_backed,
    read_rows,
)

SAMPLED_ROWS = 2_000
LARGEST_LOG = 30.0  # 2^30 molecules are in no cell
LARGEST_NATURAL_LOG = 14.0  # e^14: 1.2 million, the usual largest depth to normalise to


class MatrixState(StrEnum):
    """How values follow from linear ones, and so how to go back.

    Examples
    --------
    >>> MatrixState.LOG1P.value
    'log1p'
    """

    COUNTS = "counts"
    """Whole numbers."""
    LOG1P = "log1p"
    """Natural log of 1 + counts or normalised counts; ``expm1`` is its exact inverse."""
    LOG2 = "log2"
    """log2 of 1 + counts or normalised counts; ``2^x - 1`` is its exact inverse."""
    UNLOGGED = "unlogged"
    """Linear, not whole: depth- or volume-normalised, or estimated counts."""
    SCALED = "scaled"
    """Negative values: z-scores or residuals. There is no way back."""


INVERSES: dict[MatrixState, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    MatrixState.UNLOGGED: lambda values: values,
    MatrixState.LOG1P: np.expm1,
    MatrixState.LOG2: lambda values: np.expm1(values * np.log(2.0)),
}


@dataclass(frozen=True, slots=True)
class Recognition:
    """What a matrix was found to be.

    Attributes
    ----------
    state : MatrixState
    is_whole : bool. The linear values are whole numbers, so nothing was normalised.
    evidence : str. What the decision rests on, to be shown.
    is_certain : bool. False where only the size of the largest value spoke.

    Examples
    --------
    >>> Recognition(MatrixState.LOG1P, is_whole=True, evidence="").description
    'log1p of counts'
    """

    state: MatrixState
    is_whole: bool
    evidence: str
    is_certain: bool = True

    @property
    def description(self) -> str:
        """The state in words."""
        of = "counts" if self.is_whole else "normalised counts"
        return {
            MatrixState.COUNTS: "counts",
            MatrixState.LOG1P: f"log1p of {of}",
            MatrixState.LOG2: f"log2(1 + x) of {of}",
            MatrixState.UNLOGGED: "unlogged and not whole numbers",
            MatrixState.SCALED: "scaled",
        }[self.state]


def recognise(
    matrix: Matrix,
    *,
    where: str,
    obs_names: pd.Index | None = None,
    var_names: pd.Index | None = None,
) -> Recognition:
    """Find out what a matrix holds, from up to 2,000 rows spread evenly over it.

    Parameters
    ----------
    matrix : (n_obs, n_vars), dense or sparse, in memory or backed.
    where : str. Its name in messages: ``X``, ``.raw``, ``layers['counts']``.
    obs_names, var_names : names for messages; numbers where they are not given.

    Returns
    -------
    Recognition. The same for every way to store the same numbers.

    Raises
    ------
    InputError
        A value is NaN or infinite (a matrix in memory is searched whole, a backed one in the
        sampled rows), or the matrix does not hold numbers.

    Examples
    --------
    >>> import numpy as np
    >>> counts = np.array([[0, 1, 3], [2, 0, 5]])
    >>> recognise(counts, where="X").description
    'counts'
    >>> recognise(np.log1p(counts), where="X").description
    'log1p of counts'
    >>> recognise(np.log2(1 + counts), where="X").description
    'log2(1 + x) of counts'
    >>> recognise(counts - counts.mean(axis=0), where="X").evidence
    'smallest value -1'
    """
    matrix = by_row(matrix)
    check_numeric(matrix, where=where)
    if not is_backed(matrix):
        for start in range(0, matrix.shape[0], CHUNK_ROWS):
            block = read_rows(matrix, slice(start, start + CHUNK_ROWS))
            check_finite(
                block, np.arange(start, start + block.shape[0]), where, obs_names, var_names
            )
    index = sampled_rows(matrix.shape[0])
    parts = []
    for start in range(0, len(index), CHUNK_ROWS):
        part = index[start : start + CHUNK_ROWS]
        block = read_rows(matrix, part)
        check_finite(block, part, where, obs_names, var_names)
        parts.append(sparse.csr_matrix(block, dtype=np.float64))
    return recognise_sample(sparse.vstack(parts, format="csr"))


def recognise_sample(sample: Matrix) -> Recognition:
    """Find out what some rows hold.

    Parameters
    ----------
    sample : csr_matrix float64, (m, n_vars), finite. Changed in place.

    Examples
    --------
    >>> from scipy import sparse
    >>> recognise_sample(sparse.csr_matrix([[0.5, 1.5], [1.0, 250.0]])).evidence
    'largest value 250, more than any logarithm of a molecule count'
    """
    sample.sum_duplicates()
    sample.eliminate_zeros()
    values = sample.data
    if values.size == 0:
        return Recognition(MatrixState.COUNTS, is_whole=True, evidence="no value above 0")
    smallest, largest = float(values.min()), float(values.max())
    if smallest < 0:
        return Recognition(
            MatrixState.SCALED, is_whole=False, evidence=f"smallest value {smallest:.3g}"
        )
    if whole_share(values) == 1:
        return Recognition(MatrixState.COUNTS, is_whole=True, evidence="whole numbers")
    if largest > LARGEST_LOG:
        evidence = f"largest value {largest:,.4g}, more than any logarithm of a molecule count"
        return Recognition(MatrixState.UNLOGGED, is_whole=False, evidence=evidence)
    return (
        _by_whole_numbers(values)
        or _by_molecules(sample)
        or _by_sums(sample)
        or _by_size(values, largest)
    )


def _by_whole_numbers(values: NDArray[np.float64]) -> Recognition | None:
    """Undone, a log of counts is whole; estimated counts are almost whole as they are."""
    for state, way in (
        (MatrixState.LOG1P, "expm1 gives whole numbers"),
        (MatrixState.LOG2, "2^x - 1 gives whole numbers"),
    ):
        if whole_share(INVERSES[state](values)) > 0.999:
            return Recognition(state, is_whole=True, evidence=way)
    share = whole_share(values)
    if share > 0.9:
        evidence = f"{share:.1%} of the values above 0 are whole numbers"
        return Recognition(MatrixState.UNLOGGED, is_whole=False, evidence=evidence)
    return None


def _by_molecules(sample: Matrix) -> Recognition | None:
    """Compare how many values are whole multiples of one molecule of their cell."""
    shares = {state: molecule_share(sample, inverse) for state, inverse in INVERSES.items()}
    best, second = sorted(shares.values(), reverse=True)[:2]
    if best < 0.85 or best - second < 0.15:
        return None
    state = max(shares, key=lambda candidate: shares[candidate])
    evidence = f"{_named(state)} are whole multiples of one molecule per cell ({best:.0%})"
    return Recognition(state, is_whole=False, evidence=evidence)


def _by_sums(sample: Matrix) -> Recognition | None:
    """Compare how equal the cells' sums are: cells normalised to one depth have equal ones."""
    spread = {state: _sum_spread(sample, inverse) for state, inverse in INVERSES.items()}
    best, second = sorted(spread.values())[:2]
    if not (best < 0.02 and best < 0.2 * second):
        return None
    state = min(spread, key=lambda candidate: spread[candidate])
    evidence = f"{_named(state)} have equal sums per cell (within {best:.1e})"
    return Recognition(state, is_whole=False, evidence=evidence)


def _by_size(values: NDArray[np.float64], largest: float) -> Recognition:
    """Decide by the largest value alone, and say that it is not certain."""
    state = MatrixState.LOG1P if largest <= LARGEST_NATURAL_LOG else MatrixState.LOG2
    evidence = f"only by the largest value, {largest:.3g}"
    return Recognition(state, is_whole=False, evidence=evidence, is_certain=False)


def _named(state: MatrixState) -> str:
    return {
        MatrixState.UNLOGGED: "the values as they are",
        MatrixState.LOG1P: "expm1 of the values",
        MatrixState.LOG2: "2^x - 1 of the values",
    }[state]


def whole_share(values: NDArray[np.float64]) -> float:
    """Share of values that are whole numbers, within float32's rounding.

    Values above 10,000 are left out where there are others: undone logarithms that large are
    rounded too much to tell.

    Examples
    --------
    >>> import numpy as np
    >>> whole_share(np.array([1.0, 2.0000001, 0.5, 7.0, 123456.7]))
    0.75
    """
    told = values[values < 10_000]
    if told.size == 0:
        return float(np.mean(values == np.round(values)))
    return float(np.mean(np.abs(told - np.round(told)) <= 1e-4 + 1e-6 * told))


def molecule_share(
    sample: Matrix, inverse: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> float:
    """Share of values that are whole multiples of one molecule of their cell.

    A cell's smallest value is taken for one, two or three molecules, whichever fits it best.
    Values equal to it say nothing and are left out, as are those of 30 molecules or more, where
    rounding counts.

    Parameters
    ----------
    sample : csr_matrix float64, (m, n_vars), all stored values above 0.
    inverse : from the stored to the linear scale.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> cells = sparse.csr_matrix([[0.4, 0.8, 1.2, 0.0], [0.3, 0.3, 0.6, 2.1]])
    >>> molecule_share(cells, lambda values: values)
    1.0
    """
    sizes = np.diff(sample.indptr)
    filled = sizes > 0
    linear = inverse(sample.data)
    smallest = np.minimum.reduceat(linear, sample.indptr[:-1][filled])
    ratio = linear / np.repeat(smallest, sizes[filled])
    cell = np.repeat(np.arange(filled.sum()), sizes[filled])
    hits, asked = [], []
    for molecules in (1, 2, 3):
        multiple = ratio * molecules
        told = (ratio > 1.05) & (multiple < 30)
        hit = told & (np.abs(multiple - np.round(multiple)) < 0.02)
        hits.append(np.bincount(cell, hit, minlength=filled.sum()))
        asked.append(np.bincount(cell, told, minlength=filled.sum()))
    share = np.array(hits) / np.maximum(np.array(asked), 1)
    weight = np.array(asked)[0]
    return float((share.max(axis=0) * weight).sum() / weight.sum()) if weight.any() else 0.0


def _sum_spread(
    sample: Matrix, inverse: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> float:
    """Coefficient of variation of the cells' linear sums; infinite for fewer than 3 cells."""
    linear = sparse.csr_matrix((inverse(sample.data), sample.indices, sample.indptr), sample.shape)
    sums = np.asarray(linear.sum(axis=1)).ravel()
    sums = sums[sums > 0]
    return float(sums.std() / sums.mean()) if len(sums) >= 3 else float("inf")


def sampled_rows(n_obs: int) -> NDArray[np.int64]:
    """Up to 2,000 row numbers, spread evenly, always the same.

    Examples
    --------
    >>> sampled_rows(3)
    array([0, 1, 2])
    >>> len(sampled_rows(100_000))
    2000
    """
    return np.unique(np.linspace(0, n_obs - 1, min(n_obs, SAMPLED_ROWS)).astype(np.int64))
