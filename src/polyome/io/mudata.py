"""One modality of a MuData file, read without the package mudata."""

from pathlib import Path
from typing import Any

import h5py
from anndata import AnnData
from anndata.io import read_elem

from polyome._errors import InputError, listed, suggestion

_EXPRESSION = ("rna", "gex", "gene expression", "gene_expression", "scrna", "expression")
"""Usual names of the modality of gene expression, in lower case."""


def is_mudata(file: h5py.File) -> bool:
    """Whether an HDF5 file is a MuData.

    Examples
    --------
    >>> with h5py.File("toy.h5mu", "w", driver="core", backing_store=False) as file:
    ...     _ = file.create_group("mod")
    ...     is_mudata(file)
    True
    """
    return file.attrs.get("encoding-type") == "MuData" or isinstance(file.get("mod"), h5py.Group)


def read_modality(path: Path, name: str | None = None) -> tuple[AnnData, tuple[str, ...]]:
    """Read one modality of a MuData file: the one that is named, or that of gene expression.

    Columns of the file's own ``obs`` that the modality lacks are put beside its cells.

    Parameters
    ----------
    path : the file.
    name : of a modality; None looks for gene expression by the usual names.

    Returns
    -------
    adata : AnnData, in memory.
    notes : which modality was read, where nobody named it.

    Raises
    ------
    InputError
        No such modality, or none of a usual name; the file is damaged.
    """
    with h5py.File(path, "r") as file:
        known = [str(one) for one in file["mod"]]
        usual = [one for one in known if one.lower() in _EXPRESSION]
        chosen = name or (usual[0] if len(usual) == 1 else known[0] if len(known) == 1 else None)
        if chosen is None or chosen not in known:
            largest = max(known, key=lambda one: _num_features(file["mod"][one]), default="NAME")
            raise _not_chosen(path, name, known, largest)
        try:
            adata: Any = read_elem(file["mod"][chosen])
            shared = read_elem(file["obs"]) if "obs" in file else None
        except Exception as error:  # a damaged file fails in as many ways as it has bytes
            message = f"{path} is damaged: {' '.join(str(error).split())}. Copy it again."
            raise InputError(message) from error
    if shared is not None:
        names = [c for c in shared.columns if c not in adata.obs and not _is_copy(c, known)]
        adata.obs = adata.obs.join(shared[names][~shared.index.duplicated()])
    if name is not None:
        return adata, ()
    others = [one for one in known if one != chosen]
    note = f"{path.name} is a MuData file; its modality '{chosen}' was read"
    return adata, ((f"{note}, and not {listed(others)}." if others else f"{note}."),)


def _is_copy(column: object, modalities: list[str]) -> bool:
    """Whether a column of the whole is a modality's own, with its name before it."""
    return str(column).partition(":")[0] in modalities and ":" in str(column)


def _num_features(modality: h5py.Group) -> int:
    """How many features a modality has; genes are mostly more than proteins. 0 where damaged."""
    var = modality.get("var")
    names = None if var is None else var.get(var.attrs.get("_index", "_index"))
    return len(names) if isinstance(names, h5py.Dataset) else 0


def _not_chosen(path: Path, name: str | None, known: list[str], largest: str) -> InputError:
    shown = f"Modalities: {listed(known)}."
    if name is not None:
        return InputError(f"{path} has no modality '{name}'. {shown}{suggestion(name, known)}")
    return InputError(
        f"{path} is a MuData file of several modalities. {shown} Name the one of gene expression "
        f"behind the file's name: {path}/{largest}."
    )
