"""Features whose values are of another kind than the other features': antibodies without a name."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from polyome._errors import listed
from polyome._types import BoolArray, IntArray
from polyome.modalities.profiles.feature_kinds import Genes
from polyome.modalities.profiles.matrix_rows import keep_columns
from polyome.modalities.profiles.matrix_state import LARGEST_LOG, MatrixState, recognise_sample

_MOST = 0.5  # as many as the other features, of those that are left out
_FEWEST = 5  # values above 0 that are all whole, before a feature beside antibodies counts as one
_LEAST_NEGATIVE = 0.1  # of a feature's values: fewer are errors, which are refused elsewhere


def without_others(genes: Genes, sample: sparse.csr_matrix, names: pd.Index) -> Genes:
    """Leave out features of raw counts, or below 0, where all others are logarithms or counts.

    Parameters
    ----------
    sample : csr_matrix float64, (m, n_vars): some rows of the matrix, other features set to 0.
    names : str, (n_vars,), for the note.

    Examples
    --------
    >>> logs = np.log1p([[1.5, 0.0, 3.1], [0.5, 2.2, 0.7], [4.4, 1.3, 0.9]])
    >>> sample = sparse.csr_matrix(np.hstack([logs, [[812.0], [14.0], [377.0]]]))
    >>> names = pd.Index(["CD3D", "MS4A1", "LYZ", "CD3"])
    >>> without_others(Genes(np.ones(4, dtype=bool)), sample, names).is_gene.tolist()
    [True, True, True, False]
    """
    values = _Values.of(sparse.csc_matrix(sample))
    for found, what, others in (
        (_counted(values), "hold whole numbers", "logarithms"),
        (_negative(values, sample), "have values below 0", "none"),
    ):
        if found.any():
            note = (
                f"{found.sum():,} of {len(found):,} features {what} and the others {others}: they "
                "were taken for antibodies or the like and left out "
                f"({listed(names[found], most=3)})."
            )
            return Genes(genes.is_gene & ~found, (*genes.notes, note))
    return genes


class _Values:
    """Of each feature: how many values it has, whole ones and negative ones, and the largest."""

    def __init__(self, sizes: IntArray) -> None:
        self.sizes = sizes
        self.whole, self.negative = np.zeros_like(sizes), np.zeros_like(sizes)
        self.largest: NDArray[np.float64] = np.zeros(len(sizes))

    @classmethod
    def of(cls, sample: sparse.csc_matrix) -> "_Values":
        values = cls(np.diff(sample.indptr).astype(np.int64))
        filled = np.flatnonzero(values.sizes)
        if len(filled):
            starts, data = sample.indptr[:-1][filled], sample.data
            near = np.abs(data - np.rint(data)) <= 1e-4
            values.whole[filled] = np.add.reduceat(near, starts, dtype=np.int64)
            values.negative[filled] = np.add.reduceat(data < 0, starts, dtype=np.int64)
            values.largest[filled] = np.maximum.reduceat(data, starts)
        return values

    @property
    def is_whole(self) -> BoolArray:
        return (self.sizes > 0) & (self.whole == self.sizes) & (self.negative == 0)


def _counted(values: _Values) -> BoolArray:
    """Features of counts beside logarithms."""
    counted = values.is_whole & (values.largest > LARGEST_LOG)
    others = (values.sizes > 0) & ~counted
    none = np.zeros_like(counted)
    if not counted.any() or counted.sum() > _MOST * others.sum():
        return none
    if values.largest[others].max() > LARGEST_LOG or values.is_whole[others].mean() > _MOST:
        return none  # not only logarithms beside them
    return counted | (values.is_whole & (values.sizes >= _FEWEST))


def _negative(values: _Values, sample: sparse.csr_matrix) -> BoolArray:
    """Features with values below 0 beside features that are surely not scaled."""
    negative = values.negative > _LEAST_NEGATIVE * np.maximum(values.sizes, 1)
    others = (values.sizes > 0) & ~negative
    none = np.zeros_like(negative)
    if not negative.any() or negative.sum() > _MOST * others.sum():
        return none
    rest = recognise_sample(keep_columns(sample, ~negative))
    return negative if rest.is_certain and rest.state is not MatrixState.SCALED else none
