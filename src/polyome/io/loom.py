"""Loom files, read straight from HDF5: no package that reads them is needed.

A loom file has genes in rows and cells in columns, attributes of both, and perhaps layers
(linnarssonlab.org/loompy/format).
"""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from polyome._errors import InputError

_CELL_NAMES = ("CellID", "obs_names", "cell_names", "CellName", "cell_id", "barcode", "Barcode")
_GENE_NAMES = ("Gene", "var_names", "gene_names", "GeneName", "gene_name", "Symbol", "Accession")
_CELLS_AT_A_TIME = 2048


def is_loom(file: h5py.File) -> bool:
    """Whether an HDF5 file is laid out as loom.

    Examples
    --------
    >>> with h5py.File("toy.loom", "w", driver="core", backing_store=False) as file:
    ...     file["matrix"] = np.ones((2, 3))
    ...     is_loom(file)
    True
    """
    return isinstance(file.get("matrix"), h5py.Dataset)


def read_loom(path: Path) -> AnnData:
    """Read a loom file into memory, sparse.

    Returns
    -------
    AnnData, cells by genes: attributes of one number or text a cell or gene are in ``obs`` and
    ``var``, wider ones in ``obsm``, and layers in ``layers``.

    Raises
    ------
    InputError
        The file is damaged, or an attribute does not fit the matrix.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "cells.loom"
    >>> with h5py.File(path, "w") as file:
    ...     file["matrix"] = np.array([[1, 0, 2], [0, 5, 0]])
    ...     file["row_attrs/Gene"] = np.array([b"CD3D", b"LYZ"])
    ...     file["col_attrs/CellID"] = np.array([b"a", b"b", b"c"])
    >>> read_loom(path)[:, "LYZ"].X.toarray().ravel()
    array([0., 5., 0.], dtype=float32)
    """
    try:
        with h5py.File(path, "r") as file:
            return _read(file, path)
    except (OSError, KeyError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        reason = " ".join(str(error).split())
        message = f"{path} is damaged: {reason}. Copy or make the loom file again."
        raise InputError(message) from error


def _read(file: h5py.File, path: Path) -> AnnData:
    matrix = file["matrix"]
    genes, cells = matrix.shape
    var, _ = _attributes(file, "row_attrs", genes, path)
    obs, obsm = _attributes(file, "col_attrs", cells, path)
    layers = {str(name): _transposed(layer) for name, layer in file.get("layers", {}).items()}
    layers.pop("", None)  # the matrix itself
    return AnnData(
        _transposed(matrix),
        obs=_named(obs, _CELL_NAMES),
        var=_named(var, _GENE_NAMES),
        obsm=obsm,
        layers=layers,
    )


def _transposed(matrix: h5py.Dataset) -> sparse.csr_matrix:
    """Cells by genes, csr float32; some columns at a time, as they are stored dense."""
    starts = range(0, matrix.shape[1], _CELLS_AT_A_TIME)
    blocks = [
        sparse.csr_matrix(np.ascontiguousarray(matrix[:, i : i + _CELLS_AT_A_TIME].T), dtype="f4")
        for i in starts
    ]
    return sparse.vstack(blocks, format="csr")


def _attributes(
    file: h5py.File, group: str, length: int, path: Path
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Attributes of rows or columns: those of one value each, and wider ones."""
    table: dict[str, Any] = {}
    wide: dict[str, Any] = {}
    for name, item in file.get(group, {}).items():
        if not isinstance(item, h5py.Dataset):
            continue
        values = _decoded(item[()])
        if values.ndim == 0 or len(values) != length:
            kind = "genes" if group == "row_attrs" else "cells"
            message = (
                f"{path}: the attribute {group}/{name} has {values.size:,} values for "
                f"{length:,} {kind}. Write the loom file again."
            )
            raise InputError(message)
        if values.ndim == 1:
            table[str(name)] = values
        elif values.ndim == 2 and values.dtype.kind in "iuf":
            wide[str(name)] = values
    return pd.DataFrame(table, index=pd.RangeIndex(length)), wide


def _decoded(values: Any) -> Any:
    values = np.asarray(values)
    if values.dtype.kind not in "SO":
        return values
    text = [v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in values.ravel()]
    return np.array(text, dtype=object).reshape(values.shape)


def _named(table: pd.DataFrame, names: tuple[str, ...]) -> pd.DataFrame:
    """Index a table by the attribute that names its rows, or number them."""
    column = next((name for name in names if name in table), None)
    if column is None:
        return table.set_axis(table.index.astype(str), axis=0)
    index = pd.Index(table[column].astype(str), dtype=object, name=None)
    return table.drop(columns=column).set_axis(index, axis=0)
