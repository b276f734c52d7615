"""What in a matrix's values tells its state: whole numbers, molecules, sums; which rows to read.

Two properties of sequencing data carry the decision: within a cell every value is a whole multiple
of one molecule, and cells that were depth-normalised have equal sums.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from polyome.modalities.profiles.matrix_rows import Matrix

SAMPLED_ROWS = 2_000
_Inverse = Callable[[NDArray[np.float64]], NDArray[np.float64]]


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


def molecule_share(sample: Matrix, inverse: _Inverse) -> float:
    """Share of values that are whole multiples of one molecule of their cell.

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
    share, weight = molecule_shares(sample, inverse)
    return float((share * weight).sum() / weight.sum()) if weight.any() else 0.0


def molecule_shares(
    sample: Matrix, inverse: _Inverse
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Share of each cell's values that are whole multiples of one molecule, and of how many.

    A cell's smallest value is taken for one, two or three molecules, whichever fits it best.
    Values equal to it say nothing and are left out, as are those of 30 molecules or more, where
    rounding counts.

    Returns
    -------
    float64 (m,) and int (m,): 0 of 0 for empty cells.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> cells = sparse.csr_matrix([[0.4, 0.8, 1.2, 0.0], [0.0, 0.0, 0.0, 0.0]])
    >>> molecule_shares(cells, lambda values: values)
    (array([1., 0.]), array([2, 0]))
    """
    sizes = np.diff(sample.indptr)
    filled = np.flatnonzero(sizes)
    linear = inverse(sample.data)
    smallest = np.minimum.reduceat(linear, sample.indptr[:-1][filled]) if len(filled) else linear
    ratio = linear / np.repeat(smallest, sizes[filled])
    cell = np.repeat(np.arange(len(sizes)), sizes)
    hits, asked = [], []
    for molecules in (1, 2, 3):
        multiple = ratio * molecules
        told = (ratio > 1.05) & (multiple < 30)
        hit = told & (np.abs(multiple - np.round(multiple)) < 0.02)
        hits.append(np.bincount(cell, hit, minlength=len(sizes)))
        asked.append(np.bincount(cell[told], minlength=len(sizes)))
    share = np.array(hits) / np.maximum(np.array(asked), 1)
    return share.max(axis=0), asked[0]


def sum_spread(sample: Matrix, inverse: _Inverse) -> float:
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
