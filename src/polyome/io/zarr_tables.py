"""Tables of cells in zarr: an AnnData, or the table inside a SpatialData store.

A SpatialData store keeps its tables as AnnData groups, so that they can be read without the
package spatialdata; images and shapes are not looked at.
"""

import json
import warnings
from pathlib import Path
from typing import Any

import anndata
from anndata import AnnData

from polyome._errors import InputError, listed
from polyome.io.files import check_new_folder, folder_written_aside

_GROUPS = {"tables", "table"}
_MARKS = ("zarr.json", ".zgroup")  # of a store's third and second version


def is_zarr(source: object) -> bool:
    """Whether a source is the path of a zarr store, or of a group in one.

    Examples
    --------
    >>> is_zarr("xenium.zarr"), is_zarr("xenium.zarr/tables/table"), is_zarr("cells.h5ad")
    (True, True, False)
    """
    if not isinstance(source, str | Path):
        return False
    path = Path(source)
    return any(part.endswith(".zarr") for part in path.parts) and path.suffix != ".h5ad"


def table_of(source: Any) -> AnnData:  # spatialdata need not be installed
    """Take the table of a SpatialData object, which must have one.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import numpy as np
    >>> table_of(SimpleNamespace(tables={"table": AnnData(np.ones((2, 3)))})).shape
    (2, 3)
    """
    tables = dict(source.tables)
    if len(tables) != 1:
        message = (
            f"the SpatialData object has {len(tables)} tables ({listed(tables) or 'none'}); one is "
            "needed. Pass the one that is meant: sdata.tables[NAME]."
        )
        raise InputError(message)
    found: AnnData = next(iter(tables.values()))
    return found


def read_zarr_table(path: str | Path) -> AnnData:
    """Read an AnnData in zarr, or the one table of a SpatialData store, into memory.

    Parameters
    ----------
    path : ``NAME.zarr``, or where there are several tables ``NAME.zarr/tables/TABLE``.

    Examples
    --------
    >>> read_zarr_table("absent.zarr")
    Traceback (most recent call last):
    polyome._errors.InputError: There is no zarr store absent.zarr.
    """
    path = Path(path).expanduser()
    if not path.is_dir():
        message = f"There is no zarr store {path}."
        raise InputError(message)
    inside = [path / name for name in sorted(_GROUPS) if (path / name).is_dir()]
    tables = [found for group in inside for found in sorted(group.iterdir()) if found.is_dir()]
    if len(tables) > 1:
        names = listed(found.name for found in tables)
        message = f"{path} has several tables: {names}. Name one, such as {tables[0]}."
        raise InputError(message)
    if inside and not tables:
        message = f"{path} is a SpatialData store without a table of cells."
        raise InputError(message)
    try:
        return anndata.read_zarr(tables[0] if tables else path)
    except Exception as error:  # a damaged store fails in as many ways as it has files
        reason = " ".join(str(error).split())[:200]
        message = f"{path} cannot be read as an AnnData or SpatialData store: {reason}"
        raise InputError(message) from error


def check_new_zarr(path: Path) -> None:
    """Refuse early a folder that holds anything but one table."""
    if any((path / group).is_dir() for group in _GROUPS):
        message = (
            f"{path} is a SpatialData store, whose images would be lost. Write the table elsewhere "
            'and put it in: sdata.tables["table"] = anndata.read_zarr(OUT).'
        )
        raise InputError(message)
    check_new_folder(path, replaces=_mark(path))
    if path.is_dir() and any(path.iterdir()) and not _is_table(path):
        message = f"{path} is a zarr store of something else than a table of cells; name a new one."
        raise InputError(message)


def write_zarr_table(adata: AnnData, path: Path) -> None:
    """Write an AnnData as a zarr store, whole or not at all; an older table is replaced.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> path = Path(tempfile.mkdtemp()) / "cells.zarr"
    >>> write_zarr_table(AnnData(np.ones((2, 3), np.float32)), path)
    >>> read_zarr_table(path).shape
    (2, 3)
    """
    check_new_zarr(path)
    # The third version of zarr, which SpatialData writes and anndata is about to.
    with (
        folder_written_aside(path, replaces=_mark(path)) as aside,
        anndata.settings.override(zarr_write_format=3),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        adata.write_zarr(aside)


def _mark(path: Path) -> str:
    return next((name for name in _MARKS if (path / name).is_file()), _MARKS[0])


def _is_table(path: Path) -> bool:
    """Whether a store's own attributes, of its third or second version, call it an AnnData."""
    for name in ("zarr.json", ".zattrs"):
        try:
            found = json.loads((path / name).read_text())
            kind = found.get("attributes", found).get("encoding-type")
        except (OSError, ValueError, AttributeError):
            continue
        if kind == "anndata":
            return True
    return False
