"""AnnData in h5ad files: read with clear refusals, joined, and written whole or not at all."""

import shutil
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anndata
import h5py
import pandas as pd
from anndata import AnnData
from anndata.io import write_elem

from polyome._errors import InputError, PolyomeWarning, listed, repeated_names
from polyome.io.compressed import StrPath
from polyome.io.files import written_aside

JOINED = "polyome_files"
"""Key of ``uns`` with the files whose cells were joined; ``obs["source"]`` tells them apart."""
LEAST_SHARED = 0.1  # of the smallest file's genes, below which files are not joined


@contextmanager
def _quiet() -> Iterator[None]:
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
    AnnData, at least one cell by one gene, with unique obs_names.

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
        with _quiet():
            adata = anndata.read_h5ad(path, backed="r" if backed else None)
    except Exception as error:  # a damaged file fails in as many ways as it has bytes
        msg = (
            f"{path} is damaged: {_first_line(error)}. An intact h5ad file was expected; copy, "
            "download or write it again."
        )
        raise InputError(msg) from error
    if not (adata.n_obs and adata.n_vars):
        msg = (
            f"{path} is empty: {adata.n_obs} cells, {adata.n_vars} genes. "
            "At least one of each is needed."
        )
        raise InputError(msg)
    if not adata.obs_names.is_unique:
        raise repeated_names(adata.obs_names, where=f"{path}: ")
    return adata


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
        hint = "Read it with scanpy.read_10x_h5 and save it with write_h5ad."
        msg = (
            f"{path} is an HDF5 file but not an h5ad: it holds {listed(inside)}, no obs and var."
            f"{' ' + hint if 'matrix' in inside else ''}"
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
        hint = "Convert it with scanpy (read_csv, read_10x_mtx, ...) and save it with write_h5ad."
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
    with written_aside(Path(path).expanduser()) as aside, _quiet():
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


def read_many(paths: Sequence[StrPath], *, backed: bool = False) -> AnnData:
    """Read one or several h5ad files as one AnnData.

    Several files are joined in memory on the genes that all of them have; how many are left out
    is said in a warning. Every obs column of any file is kept, missing where a file has none.
    Whether the files hold the same kind of values is for `check_same_state` to say.

    Parameters
    ----------
    paths : one or more files.
    backed : leave the values in the file; only one file can be read so.

    Returns
    -------
    AnnData. Of one file, as it is. Of several, ``obs["source"]`` (categorical) is each cell's file
    name, obs_names that two files share carry it as a suffix, and ``uns[JOINED]`` names the files.

    Examples
    --------
    >>> import tempfile
    >>> import scanpy as sc
    >>> folder, pbmc = Path(tempfile.mkdtemp()), sc.datasets.pbmc68k_reduced()
    >>> write_h5ad(pbmc[:300], folder / "a.h5ad")
    >>> write_h5ad(pbmc[300:], folder / "b.h5ad")
    >>> read_many([folder / "a.h5ad", folder / "b.h5ad"]).obs["source"].value_counts().to_dict()
    {'b.h5ad': 400, 'a.h5ad': 300}
    """
    if len(paths) == 0:
        msg = "No input file was named; give at least one .h5ad file."
        raise InputError(msg)
    if len(paths) == 1:
        return read_h5ad(paths[0], backed=backed)
    names = source_names([Path(path) for path in paths])
    parts = {name: read_h5ad(path) for name, path in zip(names, paths)}
    originals = _make_var_names_unique(parts)
    _check_shared_genes(parts)
    _warn_of_lost_matrices(parts)
    with _quiet():
        joined = anndata.concat(parts, join="inner", merge="same", uns_merge="same")
        joined.obs = _joined_obs(parts)
        joined.uns[JOINED] = names
        joined.var_names = [originals[name] for name in joined.var_names]
    return joined


def source_names(paths: list[Path]) -> list[str]:
    """File names, or whole paths where two are alike."""
    for names in ([path.name for path in paths], [str(path) for path in paths]):
        if len(set(names)) == len(names):
            return names
    repeated = {str(path) for path in paths if paths.count(path) > 1}
    msg = f"A file is named more than once: {listed(sorted(repeated))}. Name each file once."
    raise InputError(msg)


def _make_var_names_unique(parts: dict[str, AnnData]) -> dict[str, str]:
    """Repeated gene names get suffixes, so that files can be joined; returns the way back."""
    originals: dict[str, str] = {}
    for adata in parts.values():
        names = adata.var_names.astype(str)
        with _quiet():
            adata.var_names_make_unique()
            if adata.raw is not None and not adata.raw.var_names.is_unique:
                raw = adata.raw.to_adata()
                raw.var_names_make_unique()
                adata.raw = raw
        originals.update(zip(adata.var_names, names))
    return originals


def _check_shared_genes(parts: dict[str, AnnData]) -> None:
    """Refuse files with next to no gene in common; say what the others leave out."""
    all_names = [set(adata.var_names) for adata in parts.values()]
    shared, total = len(set.intersection(*all_names)), len(set.union(*all_names))
    fewest = min(len(names) for names in all_names)
    if shared < LEAST_SHARED * fewest or shared == 0:
        shown = "; ".join(
            f"{name} has {listed(adata.var_names, most=3)}" for name, adata in parts.items()
        )
        msg = (
            f"The files share {shared:,} of {total:,} genes and cannot be read as one: {shown}. "
            "Give them the same kind of var_names, or read them one by one."
        )
        raise InputError(msg)
    if shared < total:
        msg = (
            f"{shared:,} genes are in all {len(parts)} files and were kept; {total - shared:,} "
            "that some files lack were left out."
        )
        warnings.warn(msg, PolyomeWarning, stacklevel=3)


def _warn_of_lost_matrices(parts: dict[str, AnnData]) -> None:
    """Say which layers, and whether ``.raw``, are left out because a file lacks them."""
    places = {
        name: ({".raw"} if adata.raw is not None else set())
        | {f"layers['{layer}']" for layer in adata.layers}
        for name, adata in parts.items()
    }
    for place in sorted(set.union(*places.values())):
        lacking = [name for name, has in places.items() if place not in has]
        if lacking:
            msg = f"{place} was left out: {listed(lacking, most=3)} has none."
            warnings.warn(msg, PolyomeWarning, stacklevel=3)


def _joined_obs(parts: dict[str, AnnData]) -> pd.DataFrame:
    """Stack obs: all columns, categories kept, names told apart by their file."""
    clash = [name for name, adata in parts.items() if "source" in adata.obs.columns]
    if clash:
        msg = f"obs of {listed(clash)} has a column 'source', which is to name each cell's file. "
        msg += "Rename it."
        raise InputError(msg)
    frames = {name: adata.obs.assign(source=name) for name, adata in parts.items()}
    obs: pd.DataFrame = pd.concat(frames.values())
    kinds = [
        {c for c in f.columns if isinstance(f[c].dtype, pd.CategoricalDtype)}
        for f in frames.values()
    ]
    for column in set.union(*kinds) | {"source"}:
        obs[column] = obs[column].astype("category")
    if not obs.index.is_unique:
        obs.index = pd.Index([f"{cell}-{name}" for name, f in frames.items() for cell in f.index])
    return obs
