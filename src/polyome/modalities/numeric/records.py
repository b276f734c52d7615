"""Records with one number per named feature."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import anndata
import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from polyome._errors import InputError, listed
from polyome._types import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class NumericRecords:
    """Numbers by record and feature.

    Parameters
    ----------
    table : DataFrame, (n, ...), indexed by name: targets, groups, splits.
    names : the features, (f,), unique.
    values : float32, (n, f); NaN where a feature was not measured.
    notes : what was decided while reading.
    standardised : float32, (n, g), z-scores over a model's features, once they are prepared.
    kind : what the values are, where a modality tells several kinds apart.
    places : (f,), another name of each feature, its place on the genome; None: not known.
    """

    table: pd.DataFrame
    names: pd.Index
    values: FloatArray
    notes: tuple[str, ...] = ()
    standardised: FloatArray | None = None
    kind: str = ""
    places: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.table)

    def measured_values(self) -> FloatArray:
        """(n, f), what was measured, to find copies by."""
        return self.values

    def take(self, rows: IntArray) -> Self:
        """Some of the records, by position."""
        own = None if self.standardised is None else self.standardised[rows]
        values = self.values if self.standardised is not None else self.values[rows]
        return replace(self, table=self.table.iloc[rows], values=values, standardised=own)


def numeric_records(source: Any, what: str) -> NumericRecords:
    """View an AnnData, a table of numbers or an h5ad file as numbers by feature.

    Parameters
    ----------
    source : AnnData (``X``), DataFrame of numeric columns, or the path of an h5ad file.
    what : what the features are, for messages: "proteins".

    Raises
    ------
    InputError
        There is no number in it, a name repeats, or a value is infinite.

    Examples
    --------
    >>> table = pd.DataFrame({"CD3": [5.0, None], "CD19": [0.0, 7.0]}, index=["a", "b"])
    >>> numeric_records(table, "proteins").values.tolist()
    [[5.0, 0.0], [nan, 7.0]]
    """
    if isinstance(source, str | Path):
        source = anndata.read_h5ad(source)
    if isinstance(source, AnnData):
        x = source.X[:] if source.isbacked else source.X
        values = x.toarray() if sparse.issparse(x) else np.asarray(x)
        table, names = source.obs, source.var_names
    elif isinstance(source, pd.DataFrame):
        columns = source.select_dtypes("number")
        values, table, names = (
            columns.to_numpy(np.float32, na_value=np.nan),
            source,
            columns.columns,
        )
    else:
        message = f"an AnnData, a table or an h5ad file of {what} is needed; found {source!r:.60}."
        raise InputError(message)
    return NumericRecords(table, _checked_names(names, what), _checked(values, table, what))


def _checked_names(names: Sequence[Any], what: str) -> pd.Index:
    index = pd.Index([str(name) for name in names])
    if not len(index):
        message = f"there are no {what}: no column holds numbers."
        raise InputError(message)
    if not index.is_unique:
        repeated = index[index.duplicated()].unique()
        message = f"{len(repeated):,} names of {what} occur twice: {listed(repeated, most=4)}."
        raise InputError(message)
    return index


def _checked(values: Any, table: pd.DataFrame, what: str) -> FloatArray:
    found = np.asarray(values, dtype=np.float32)
    if np.isinf(found).any():
        row = int(np.isinf(found).any(axis=1).argmax())
        message = f"{what}: a value of '{table.index[row]}' is infinite."
        raise InputError(message)
    return found
