"""Files of cells of every format as AnnData: h5ad, zarr, h5mu, loom, CellRanger, tables."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import h5py
from anndata import AnnData

from polyome._errors import InputError
from polyome.io.cell_labels import with_cell_labels
from polyome.io.compressed import StrPath, ending
from polyome.io.count_tables import ENDINGS, KnownGenes, read_count_table
from polyome.io.h5ad import check_cells, quiet, read_h5ad
from polyome.io.joined import joined, source_names
from polyome.io.loom import is_loom, read_loom
from polyome.io.mudata import is_mudata, read_modality
from polyome.io.tenx import (
    genomes_in,
    is_matrix_file,
    raw_note,
    read_10x_folder,
    read_10x_h5,
)
from polyome.io.zarr_tables import is_zarr, read_zarr_table

READING = ("labels", "table_rows")
"""What may be said of how files of cells are read."""


@dataclass(frozen=True)
class CellReading:
    """How files of cells are read.

    Attributes
    ----------
    labels : a table with labels of the cells, by their names.
    table_rows : of tables: ``cells`` or ``genes``; None finds out by the names.
    gene_column : column of ``var`` by which several files are joined where ``var_names`` differ.
    known : counts how many of a model's genes are among names.
    """

    labels: StrPath | None = None
    table_rows: str | None = None
    gene_column: str | None = None
    known: KnownGenes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class CellFiles:
    """What was read: an AnnData, and what the user should know of how."""

    adata: AnnData
    notes: tuple[str, ...] = ()


def read_cells(paths: Sequence[StrPath], reading: CellReading | None = None) -> CellFiles:
    """Read one or several files of cells as one AnnData.

    The values of a single h5ad stay in the file, to be read when they are asked for. Several files
    are joined in memory on the genes that all of them have (see `polyome.io.joined`).

    Parameters
    ----------
    paths : files or folders; a modality of an h5mu, or a genome of a CellRanger 2 file, is named
        behind the file: ``cells.h5mu/rna``.
    reading : how they are read.

    Returns
    -------
    CellFiles. Cells have unique names.

    Examples
    --------
    >>> import tempfile
    >>> import scanpy as sc
    >>> from polyome.io.h5ad import write_h5ad
    >>> folder, pbmc = Path(tempfile.mkdtemp()), sc.datasets.pbmc68k_reduced()
    >>> write_h5ad(pbmc[:300], folder / "a.h5ad")
    >>> write_h5ad(pbmc[300:], folder / "b.h5ad")
    >>> found = read_cells([folder / "a.h5ad", folder / "b.h5ad"])
    >>> found.adata.obs["source"].value_counts().to_dict()
    {'b.h5ad': 400, 'a.h5ad': 300}
    """
    reading = reading or CellReading()
    files = [Path(path).expanduser() for path in paths]
    if not files:
        msg = "No input file was named; give at least one file of cells, such as an .h5ad."
        raise InputError(msg)
    names = source_names(files) if len(files) > 1 else [files[0].name]
    parts = [_read_one(path, reading, backed=len(files) == 1) for path in files]
    notes = tuple(note for part in parts for note in part.notes)
    adata = parts[0].adata
    if len(parts) > 1:
        adata = joined({n: p.adata for n, p in zip(names, parts)}, reading.gene_column)
    if reading.labels is not None:
        adata.obs = with_cell_labels(adata.obs, Path(reading.labels))
    return CellFiles(adata, notes)


def _read_one(path: Path, reading: CellReading, *, backed: bool) -> CellFiles:
    with quiet():
        found = _by_kind(path, reading, backed=backed)
    check_cells(found.adata, path)
    return found


def _by_kind(path: Path, reading: CellReading, *, backed: bool) -> CellFiles:
    """Read a file by what it is: by its content where that is HDF5, else by its name."""
    if is_zarr(path):
        return CellFiles(read_zarr_table(path))
    if path.is_dir() or is_matrix_file(path):
        adata = read_10x_folder(path)
        return CellFiles(adata, raw_note(adata, path))
    if ending(path) in ENDINGS:
        return CellFiles(*read_count_table(path, reading.table_rows, reading.known))
    whole, part = (path.parent, path.name) if path.parent.is_file() else (path, None)
    kind = _kind_of_hdf5(whole)
    if kind == "MuData":
        return CellFiles(*read_modality(whole, part))
    if kind == "CellRanger":
        adata = read_10x_h5(whole, part)
        return CellFiles(adata, raw_note(adata, whole))
    if kind == "loom":
        return CellFiles(read_loom(whole))
    return CellFiles(read_h5ad(whole, backed=backed))


def _kind_of_hdf5(path: Path) -> str:
    """What an HDF5 file holds; anything else is for the reader of h5ad to refuse."""
    try:
        with h5py.File(path, "r") as file:
            if is_mudata(file):
                return "MuData"
            if {"obs", "var"} <= set(file):
                return "AnnData"
            if is_loom(file):
                return "loom"
            if isinstance(file.get("matrix"), h5py.Group) or genomes_in(file):
                return "CellRanger"
    except OSError:
        return "AnnData"
    return "AnnData"
