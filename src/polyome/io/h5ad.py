"""AnnData in h5ad files: read with clear refusals, joined, and written whole or not at all."""

import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anndata
import h5py
import pandas as pd
from anndata import AnnData
from anndata.io import write_elem

from polyome._errors import InputError, listed, repeated_names
from polyome.io.compressed import StrPath
from polyome.io.files import written_aside


@contextmanager
def quiet() -> Iterator[None]:
    """Third parties' warnings about a file are nothing that the user can act on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def read_h5ad(path: StrPath, *, backed: bool = False) -> AnnData:
    """Read an AnnData from an h5ad file.

    Parameters
    ----------
    path : an ``.h5ad`` file.
    backed : leave the values of X and ``.raw`` in the file, to be read when they are asked for.

    Returns
    -------
    AnnData, at least one cell by one gene (or by something in ``obsm``), with unique obs_names.

    Raises
    ------
    InputError
        There is no such file, it is not an h5ad, it is damaged, it is empty or two cells have the
        same name.

    Examples
    --------
    >>> import tempfile
    >>> import scanpy as sc
    >>> path = Path(tempfile.mkdtemp()) / "pbmc.h5ad"
    >>> write_h5ad(sc.datasets.pbmc68k_reduced(), path)
    >>> read_h5ad(path).shape
    (700, 765)
    """
    path = Path(path).expanduser()
    _check_is_h5ad(path)
    try:
        with quiet():
            adata = anndata.read_h5ad(path, backed="r" if backed else None)
    except Exception as error:  # a damaged file fails in as many ways as it has bytes
        msg = (
            f"{path} is damaged: {_first_line(error)}. An intact h5ad file was expected; copy, "
            "download or write it again."
        )
        raise InputError(msg) from error
    check_cells(adata, path)
    return adata


def check_cells(adata: AnnData, path: Path) -> None:
    """Refuse a file without cells or genes, or whose cells' names repeat."""
    if not (adata.n_obs and (adata.n_vars or len(adata.obsm))):
        msg = (
            f"{path} is empty: {adata.n_obs} cells, {adata.n_vars} genes. "
            f"At least one of each is needed.{_hint_raw(adata)}"
        )
        raise InputError(msg)
    if not adata.obs_names.is_unique:
        raise repeated_names(adata.obs_names, where=f"{path}: ")


def _hint_raw(adata: AnnData) -> str:
    """What to do where a file has its genes in ``.raw`` alone."""
    if adata.raw is None or not (adata.n_obs and adata.raw.n_vars):
        return ""
    return f" .raw holds {adata.raw.n_vars:,} genes: save adata.raw.to_adata() and pass that file."


def _check_is_h5ad(path: Path) -> None:
    """Refuse what is not there, is not HDF5, or is HDF5 of another kind."""
    if path.is_dir():
        msg = f"{path} is a folder; an h5ad file was expected.{_inside(path)}"
        raise InputError(msg)
    if not path.exists():
        nearby = (
            _inside(path.parent) if path.parent.is_dir() else " Its folder does not exist either."
        )
        msg = f"There is no file {path}.{nearby}"
        raise InputError(msg)
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror or error}."
        raise InputError(msg) from error
    if not h5py.is_hdf5(path):
        raise InputError(_not_hdf5(path, start))
    try:
        with h5py.File(path, "r") as file:
            is_anndata = file.attrs.get("encoding-type") == "anndata" or {"obs", "var"} <= set(file)
            inside = sorted(file)
    except OSError as error:
        msg = (
            f"{path} is damaged or cut short: {_first_line(error)}. An intact h5ad file was "
            "expected; copy or download it again."
        )
        raise InputError(msg) from error
    if not is_anndata:
        msg = (
            f"{path} is an HDF5 file, but no AnnData, MuData, loom or CellRanger matrix: it holds "
            f"{listed(inside)}, no obs and var."
        )
        raise InputError(msg)


def _inside(folder: Path) -> str:
    """Name the h5ad files of a folder, as a hint."""
    found = sorted(file.name for file in folder.glob("*.h5ad"))
    return f" h5ad files there: {listed(found)}." if found else ""


def _not_hdf5(path: Path, start: bytes) -> str:
    """Say what a file is by its first bytes, and what to do about it."""
    if not start:
        found, hint = "is empty (0 bytes)", "Copy or download it again."
    elif start.startswith(b"\x89HDF"):
        found, hint = "is damaged or cut short", "Copy or download it again."
    elif start.startswith(b"\x1f\x8b"):
        found = "is gzip-compressed"
        hint = "Decompress it, or if it is an R object (.rds), convert it with zellkonverter in R."
    else:
        found = f"is not an HDF5 file (it begins with {start!r})"
        hint = (
            "Give text the ending .csv or .tsv, name the folder of a CellRanger matrix, or convert "
            "it with scanpy or anndata and save it with write_h5ad."
        )
    return f"{path} {found}; an h5ad file was expected. {hint}"


def _first_line(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0].rstrip(".")


_MAPPINGS = ("obsm", "varm", "obsp", "varp", "layers", "uns")


def write_h5ad(adata: AnnData, path: StrPath) -> None:
    """Write an AnnData to an h5ad file: after a crash there is the old file or the new one.

    The caller's object is not changed. Columns of obs and var whose values are of several types,
    which HDF5 cannot hold, are written as text. A backed AnnData is copied file to file: its
    matrix does not pass through memory.

    Parameters
    ----------
    adata : may be a view, or backed by the very file that is written.
    path : where to; its folder must exist.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> path = Path(tempfile.mkdtemp()) / "two.h5ad"
    >>> obs = pd.DataFrame({"age": [30, "unknown"]}, index=["a", "b"])
    >>> adata = AnnData(np.ones((2, 1)), obs=obs)
    >>> write_h5ad(adata, path)
    >>> list(read_h5ad(path).obs["age"])
    ['30', 'unknown']
    """
    with written_aside(Path(path).expanduser()) as aside, quiet():
        if adata.isbacked and not adata.is_view:
            _write_backed(adata, aside)
        else:
            _write_memory(adata, aside)


def _write_memory(adata: AnnData, path: Path) -> None:
    source = adata.to_memory() if adata.isbacked else adata
    parts: dict[str, Any] = {key: dict(getattr(source, key)) for key in _MAPPINGS}
    if source.raw is not None:
        raw = source.raw
        parts["raw"] = {"X": raw.X, "var": _storable(raw.var), "varm": dict(raw.varm)}
    whole = AnnData(source.X, obs=_storable(source.obs), var=_storable(source.var), **parts)
    whole.write_h5ad(path)


def _write_backed(adata: AnnData, path: Path) -> None:
    """Copy the file that holds X and .raw, then write everything that is in memory anew."""
    shutil.copyfile(adata.filename, path)
    with h5py.File(path, "r+") as file:
        for key in ("obs", "var"):
            write_elem(file, key, _storable(getattr(adata, key)))
        for key in _MAPPINGS:
            write_elem(file, key, dict(getattr(adata, key)))


_TEXT_ONLY = (pd.StringDtype, pd.PeriodDtype, pd.IntervalDtype, pd.DatetimeTZDtype)


def _storable(frame: pd.DataFrame) -> pd.DataFrame:
    """Copy obs or var, with text in place of what HDF5 cannot hold."""
    frame = frame.copy()
    frame.index = frame.index.astype(str)
    frame.columns = frame.columns.astype(str)
    for position, column in enumerate(frame.columns):
        values = frame.iloc[:, position]
        if isinstance(values.dtype, pd.CategoricalDtype):
            if _is_mixed(values.cat.categories):
                names = values.cat.categories.astype(str)
                text = values.astype(object).map(str, na_action="ignore")
                frame[column] = pd.Categorical(text, categories=names.unique())
        elif isinstance(values.dtype, _TEXT_ONLY) or values.dtype.kind in "mM" or _is_mixed(values):
            frame[column] = _as_text(values)
    return frame


def _is_mixed(values: "pd.Series[Any] | pd.Index[Any]") -> bool:
    """Whether values are objects other than text alone."""
    if values.dtype != object:
        return isinstance(values.dtype, pd.IntervalDtype)
    kind = pd.api.types.infer_dtype(values, skipna=True)
    return kind != "string" or bool(values.isna().any())


def _as_text(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """Text, as categories where values are missing: those can be stored."""
    text = values.astype(object).map(str, na_action="ignore")
    return text.astype("category") if text.isna().any() else text
