"""Records with peaks that are open or closed."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from polyome._errors import InputError, listed
from polyome._types import IntArray
from polyome.io.feature_places import feature_places
from polyome.io.h5ad import read_h5ad

MOSTLY_CLOSED = 0.5
"""Largest share of a matrix of peaks that may be above 0."""


@dataclass(frozen=True, eq=False)
class PeakRecords:
    """Peaks by record; what is above 0 is open.

    Parameters
    ----------
    table : DataFrame, (n, ...), indexed by name: targets, groups, splits.
    names : of the peaks, (p,), unique.
    places : DataFrame, (p, 3), where they lie, see `feature_places`; None where that is not known.
    open : csr, (n, p).
    notes : what was decided while reading.
    known : csr, (p, g), which of a model's peaks each tells of, where it was read for a model.
    weights : float32 csr, (n, g), over a model's peaks, once they are prepared.
    """

    table: pd.DataFrame
    names: pd.Index
    places: pd.DataFrame | None
    open: "sparse.csr_matrix | None"
    notes: tuple[str, ...] = ()
    known: "sparse.csr_matrix | None" = None
    weights: "sparse.csr_matrix | None" = None

    def __len__(self) -> int:
        return len(self.table)

    def measured_values(self) -> Any:
        """Csr (n, p), what was measured, to find copies by."""
        return self.open

    def take(self, rows: IntArray) -> Self:
        """Some of the records, by position."""
        own = None if self.open is None else self.open[rows]
        weights = None if self.weights is None else self.weights[rows]
        return replace(self, table=self.table.iloc[rows], open=own, weights=weights)


def peak_records(source: Any) -> PeakRecords:
    """View an AnnData (``X``) or an h5ad file as open peaks; sparse stays sparse.

    Raises
    ------
    InputError
        A value is below 0, missing or infinite; names repeat; most peaks are open.

    Examples
    --------
    >>> var = pd.DataFrame(index=["chr1:10-20", "chr1:50-60", "chr2:5-9"])
    >>> found = peak_records(AnnData(np.array([[0.0, 2.0, 0.0]]), var=var))
    >>> found.open.toarray().tolist(), found.places["start"].tolist()
    ([[0.0, 1.0, 0.0]], [10, 50, 5])
    """
    if isinstance(source, str | Path):
        source = read_h5ad(source)
    if not isinstance(source, AnnData):
        message = f"an AnnData or an h5ad file of peaks is needed; found {source!r:.60}."
        raise InputError(message)
    x = source.X[:] if source.isbacked else source.X
    counts = sparse.csr_matrix(x if sparse.issparse(x) else _unmeasured_closed(np.asarray(x)))
    names = pd.Index([str(name) for name in source.var_names])
    _check(counts, source.obs_names, names)
    counts.eliminate_zeros()
    opened = sparse.csr_matrix(
        (np.ones(counts.nnz, np.float32), counts.indices, counts.indptr), shape=counts.shape
    )
    places = feature_places(source.var, names)
    notes: tuple[str, ...] = ()
    if places is None:
        notes = (
            "peaks have no places on the genome (columns chrom, start and end of var, or names "
            "such as 'chr1:100-200'); other data can be matched by name alone.",
        )
    return PeakRecords(source.obs, names, places, opened, notes)


def _unmeasured_closed(values: np.ndarray) -> np.ndarray:
    """Records without any value have no open peak."""
    nothing = np.isnan(values.astype(float)).all(axis=1)
    return np.where(nothing[:, None], 0, values) if nothing.any() else values


def _check(counts: "sparse.csr_matrix", records: pd.Index, names: pd.Index) -> None:
    if not names.is_unique:
        repeated = names[names.duplicated()].unique()
        message = f"{len(repeated):,} names of peaks occur twice: {listed(repeated, most=4)}."
        raise InputError(message)
    wrong = np.flatnonzero(~(counts.data >= 0) | np.isinf(counts.data))
    if len(wrong):
        row = int(np.searchsorted(counts.indptr, wrong[0], side="right")) - 1
        message = (
            f"peaks are counts or 0/1, but '{names[counts.indices[wrong[0]]]}' of "
            f"'{records[row]}' is {counts.data[wrong[0]]:.3g}. Pass the counts; other numbers are "
            "read by NAME=features."
        )
        raise InputError(message)
    share = np.count_nonzero(counts.data) / max(1, np.prod(counts.shape))
    if share > MOSTLY_CLOSED and counts.shape[1] > 1:
        message = (
            f"{share:.0%} of the values are above 0; peaks of single cells are mostly closed. Is "
            "this another measurement? Numbers of any kind are read by NAME=features."
        )
        raise InputError(message)
