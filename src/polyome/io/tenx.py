"""What CellRanger writes: a folder with a matrix, its barcodes and its features, or one ``.h5``.

Folders are read as any version of CellRanger and its imitators write them: ``features.tsv`` or
``genes.tsv``, plain or gzip, with or without a sample's name before the files' names.
"""

import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import scanpy
from anndata import AnnData
from scipy import sparse
from scipy.io import mmread

from polyome._errors import InputError, listed
from polyome.io.compressed import opened, read_text
from polyome.io.h5ad import quiet

_MATRIX = re.compile(r"^(?P<prefix>.*?)matrix\.mtx(\.gz)?$", re.IGNORECASE)
_EMPTY_COUNTS = 10
"""Counts below which a barcode is hardly a cell."""
_GENOME_PARTS = {"barcodes", "data", "genes", "indices", "indptr", "shape"}


def is_matrix_file(path: Path) -> bool:
    """Whether a path is named as the matrix of a CellRanger folder.

    Examples
    --------
    >>> is_matrix_file(Path("GSM1_a_matrix.mtx.gz")), is_matrix_file(Path("counts.csv"))
    (True, False)
    """
    return _MATRIX.match(path.name) is not None


def matrices_in(folder: Path) -> list[Path]:
    """Matrices of a folder, or of the folders in it where it has none itself."""
    found = sorted(path for path in folder.iterdir() if is_matrix_file(path))
    below = sorted(path for path in folder.glob("*/*") if is_matrix_file(path))
    return found or below


def read_10x_folder(path: Path) -> AnnData:
    r"""Read the matrix of a folder, or one that is named, with its barcodes and features.

    Parameters
    ----------
    path : a folder with ``matrix.mtx``, ``barcodes.tsv`` and ``features.tsv`` or ``genes.tsv``,
        plain or gzip, or the path of the matrix itself.

    Returns
    -------
    AnnData, cells by features; ``var`` has ``gene_ids`` and, from CellRanger 3 on,
    ``feature_types``. ``var_names`` are symbols, which may repeat.

    Raises
    ------
    InputError
        A file is missing or damaged, its lines do not fit the matrix, or the folder has several
        matrices.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> head = "%%MatrixMarket matrix coordinate integer general\n"
    >>> _ = (folder / "matrix.mtx").write_text(head + "2 1 1\n2 1 7\n")
    >>> _ = (folder / "barcodes.tsv").write_text("AAAC-1\n")
    >>> _ = (folder / "genes.tsv").write_text("ENSG1\tCD3D\nENSG2\tLYZ\n")
    >>> read_10x_folder(folder)[:, "LYZ"].X.toarray()
    array([[7.]], dtype=float32)
    """
    matrix_path = _one_matrix(path) if path.is_dir() else path
    barcodes = _table_beside(matrix_path, ("barcodes",))
    features = _table_beside(matrix_path, ("features", "genes"))
    values = _read_matrix(matrix_path)
    names, var = _column(barcodes), _features(features)
    if values.shape == (len(names), len(var)) and values.shape[0] != values.shape[1]:
        values = values.T  # cells in rows, as kallisto and alevin write them
    if values.shape != (len(var), len(names)):
        message = (
            f"{matrix_path} is {values.shape[0]:,} by {values.shape[1]:,}, but {features.name} has "
            f"{len(var):,} lines and {barcodes.name} {len(names):,}. All three must be of one "
            "sample."
        )
        raise InputError(message)
    with quiet():  # of names that repeat
        counts = sparse.csr_matrix(values.T, dtype=np.float32)
        return AnnData(counts, obs=pd.DataFrame(index=names), var=var)


def _one_matrix(folder: Path) -> Path:
    found = matrices_in(folder)
    if len(found) == 1:
        return found[0]
    inside = sorted(file.name for file in folder.iterdir())
    if not found:
        readable = [name for name in inside if name.endswith((".h5ad", ".h5", ".h5mu", ".loom"))]
        hint = f" It holds {listed(inside, most=4)}." if inside else " It is empty."
        if readable:
            hint = f" Files of cells there: {listed(readable)}."
        message = (
            f"{folder} is a folder without a matrix.mtx or matrix.mtx.gz; one that CellRanger "
            f"wrote is needed, or a file of cells.{hint}"
        )
        raise InputError(message)
    shown = [
        str(one if one.parent == folder else one.parent)
        for one in sorted(found, key=lambda one: ("raw" in one.parent.name, str(one)))
    ]
    message = (
        f"{folder} holds {len(found)} matrices. Name the one that is meant, or several: "
        f"{listed(shown, most=6)}."
    )
    raise InputError(message)


def _table_beside(matrix: Path, kinds: tuple[str, ...]) -> Path:
    """The file of barcodes or features that belongs to a matrix."""
    match = _MATRIX.match(matrix.name)
    assert match is not None
    prefix = match["prefix"]
    names = [f"{prefix}{kind}.tsv{end}" for kind in kinds for end in (".gz", "")]
    for name in names:
        if (matrix.parent / name).is_file():
            return matrix.parent / name
    there = listed(sorted(file.name for file in matrix.parent.iterdir()), most=6)
    message = (
        f"{matrix.parent} lacks {' or '.join(names)}, which belongs to {matrix.name}. It holds "
        f"{there}."
    )
    raise InputError(message)


def _read_matrix(path: Path) -> Any:
    try:
        with opened(path) as file:
            values = mmread(file)
    except InputError:
        raise
    except Exception as error:  # a damaged file fails in as many ways as it has bytes
        message = (
            f"{path} is no whole Matrix Market file: {' '.join(str(error).split())}. Copy or "
            "download it again."
        )
        raise InputError(message) from error
    return values.tocsr() if sparse.issparse(values) else sparse.csr_matrix(values)


def _lines(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in read_text(path).splitlines() if line.strip()]


def _column(path: Path) -> pd.Index:
    """The first column of a table of barcodes; a header, as some tools write one, is left out."""
    names = [fields[0].strip().strip('"') for fields in _lines(path)]
    if names and names[0].lower() in {"barcode", "barcodes", "x", "cell", "cell_id"}:
        names = names[1:]
    return pd.Index(names, dtype=object)


def _features(path: Path) -> pd.DataFrame:
    """``var`` of a table of features: id, symbol, type."""
    lines = [[field.strip().strip('"') for field in fields] for fields in _lines(path)]
    width = max((len(fields) for fields in lines), default=0)
    for number, fields in enumerate(lines, start=1):
        if len(fields) != width:
            message = (
                f"{path} line {number:,} has {len(fields)} columns and others have {width}; each "
                "line needs an id, a symbol and perhaps a type, with tabs between them."
            )
            raise InputError(message)
    ids = [fields[0] for fields in lines]
    symbols = [fields[1] or fields[0] for fields in lines] if width > 1 else ids
    var = pd.DataFrame(index=pd.Index(symbols, dtype=object))
    if width > 1:
        var["gene_ids"] = ids
    if width > 2:
        var["feature_types"] = [fields[2] for fields in lines]
    return var


def genomes_in(file: h5py.File) -> list[str]:
    """Groups of a CellRanger 2 file, one a genome; empty for other files.

    Examples
    --------
    >>> with h5py.File("toy.h5", "w", driver="core", backing_store=False) as file:
    ...     for name in sorted(_GENOME_PARTS):
    ...         file[f"hg19/{name}"] = [0]
    ...     genomes_in(file)
    ['hg19']
    """
    groups = [name for name, item in file.items() if isinstance(item, h5py.Group)]
    return [name for name in groups if set(file[name]) >= _GENOME_PARTS]


def read_10x_h5(path: Path, genome: str | None = None) -> AnnData:
    """Read ``filtered_feature_bc_matrix.h5`` of CellRanger 3 and later, or one of CellRanger 2.

    Parameters
    ----------
    path : the file.
    genome : which of the genomes of a CellRanger 2 file.

    Raises
    ------
    InputError
        The file is damaged, or has several genomes and none was named.
    """
    with h5py.File(path, "r") as file:
        genomes = [] if "matrix" in file else genomes_in(file)
    if genome is None and len(genomes) > 1:
        message = (
            f"{path} has a matrix for each of {len(genomes)} genomes: {listed(genomes)}. Name one "
            f"behind the file's name: {path}/{genomes[0]}."
        )
        raise InputError(message)
    try:
        with quiet():  # of names that repeat
            found: AnnData = scanpy.read_10x_h5(
                path, genome=genome if genomes else None, gex_only=False
            )
    except Exception as error:  # a damaged file fails in as many ways as it has bytes
        reason = " ".join(str(error.__cause__ or error).split())
        message = f"{path} cannot be read as a CellRanger file ({reason}). Copy or make it again."
        raise InputError(message) from error
    found.X = sparse.csr_matrix(found.X, dtype=np.float32)
    return found


def raw_note(adata: AnnData, path: Path) -> tuple[str, ...]:
    """Say so where most barcodes are empty droplets, as in an unfiltered matrix.

    Examples
    --------
    >>> counts = sparse.csr_matrix(np.array([[900], [1], [0], [2]], np.float32))
    >>> raw_note(AnnData(counts), Path("raw_feature_bc_matrix"))[0]
    'raw_feature_bc_matrix: 3 of 4 barcodes have fewer than 10 counts, as empty droplets have. ...'
    """
    totals = np.asarray(adata.X.sum(axis=1)).ravel()
    empty = int((totals < _EMPTY_COUNTS).sum())
    if empty <= adata.n_obs / 2:
        return ()
    return (
        f"{path.name}: {empty:,} of {adata.n_obs:,} barcodes have fewer than {_EMPTY_COUNTS} "
        "counts, as empty droplets have. It looks like an unfiltered matrix; the cells are in "
        "filtered_feature_bc_matrix.",
    )
