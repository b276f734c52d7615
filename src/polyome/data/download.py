"""Getting a data set of the catalogue into a file."""

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pooch
import scanpy as sc
from anndata import AnnData

from polyome._errors import InputError
from polyome.data.catalogue import DataSet, find
from polyome.io.files import check_new_folder, check_writable, written_aside
from polyome.io.h5ad import write_h5ad


def get(name: str, folder: Path) -> Path:
    """Write a data set into a folder: from POLYOME_DATA, built in, or downloaded.

    Parameters
    ----------
    name : in the catalogue.
    folder : made if it is not there.

    Returns
    -------
    The file. A file found in POLYOME_DATA is checked against its checksum.

    Examples
    --------
    >>> import tempfile
    >>> get("simulated_cells", Path(tempfile.mkdtemp())).name
    'simulated_cells.h5ad'
    """
    entry = find(name)
    path = folder / entry.file_name
    if not folder.is_dir():
        check_new_folder(folder, replaces=entry.file_name)
    local = find_local(entry)
    adata = None if local is not None else (entry.build or (lambda: _fetch(name, entry)))()
    folder.mkdir(parents=True, exist_ok=True)
    check_writable(path)
    if isinstance(adata, pd.DataFrame):
        with written_aside(path) as aside:
            marked = adata.assign(simulated=True) if adata.attrs.get("simulated") else adata
            marked.to_csv(aside, compression="gzip")
    elif adata is not None:
        write_h5ad(adata, path)
    elif local is not None:
        _check(local, entry)
        with written_aside(path) as aside:
            shutil.copyfile(local, aside)
    return path


def where(entry: DataSet) -> str:
    """Say where `get` would take a data set from.

    Examples
    --------
    >>> where(find("pbmc68k_reduced"))
    'built in'
    """
    local = find_local(entry)
    if local is not None:
        return f"at hand in {local.parent}"
    return "built in" if entry.build is not None else "is downloaded from its first source"


def find_local(entry: DataSet) -> Path | None:
    """Find a data set's file below the folder that the variable POLYOME_DATA names."""
    root = os.environ.get("POLYOME_DATA")
    if not root:
        return None
    return next(iter(sorted(Path(root).rglob(entry.file_name))), None)


def _check(path: Path, entry: DataSet) -> None:
    if entry.sha256 is not None and (found := pooch.file_hash(str(path))) != entry.sha256:
        message = (
            f"{path} has the SHA-256 {found[:12]}..., expected {entry.sha256[:12]}...; "
            "it is damaged or another version. Remove it to download it again."
        )
        raise InputError(message)


def _fetch(name: str, entry: DataSet) -> AnnData:
    """Download through scanpy, and undo its log1p of counts, which is exact."""
    sc.settings.datasetdir = Path(pooch.os_cache("polyome"))
    try:
        adata: AnnData = getattr(sc.datasets, entry.fetch or "")()
    except OSError as error:
        message = (
            f"'{name}' could not be downloaded ({error}). With a copy of {entry.file_name} at "
            "hand, set POLYOME_DATA to its folder."
        )
        raise ConnectionError(message) from error
    counts = adata.raw.to_adata()
    counts.X.data = np.rint(np.expm1(counts.X.data))
    return counts
