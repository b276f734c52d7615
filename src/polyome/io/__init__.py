"""Formats to records and back."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from polyome._errors import InputError, PolyomeWarning, listed
from polyome.io.annotation import ENDINGS as ANNOTATIONS
from polyome.io.cells import read_cells
from polyome.io.compressed import StrPath, ending, first_bytes
from polyome.io.cutting import Cutting
from polyome.io.fasta import read_fasta, with_labels
from polyome.io.h5ad import read_h5ad
from polyome.io.intervals import CUT_AS, read_bed
from polyome.io.joined import source_names
from polyome.io.records import NOTES
from polyome.io.table import read_table
from polyome.io.zarr_tables import is_zarr

KINDS = {
    **dict.fromkeys((".fa", ".fasta", ".fna"), "FASTA"),
    **dict.fromkeys((".csv", ".tsv", ".txt", ".parquet"), "table"),
    **dict.fromkeys((".bed", ".narrowpeak", ".broadpeak"), "BED"),
    **dict.fromkeys(ANNOTATIONS, "GTF"),
}
"""What holds sequences, by ending; ``.gz`` or ``.bgz`` may follow."""


def read(
    path: StrPath,
    *,
    sequence_column: str = "sequence",
    genome: StrPath | None = None,
    labels: StrPath | None = None,
    **cutting: Any,
) -> Any:  # each format has its own type
    r"""Read a file by its ending: cells as AnnData, sequences as a DataFrame.

    Tables (``.csv``, ``.tsv``, ``.txt``) are read as sequences; ``fit`` and ``predict`` of cells
    read them as counts.

    Parameters
    ----------
    path : ``.h5ad``, ``.zarr``, ``.h5mu``, ``.loom``, CellRanger's ``.h5`` or folder, ``.fa``,
        ``.fasta``, ``.fna``, ``.csv``, ``.tsv``, ``.txt``, ``.parquet``, ``.bed``,
        ``.narrowPeak``, ``.broadPeak``, ``.gtf`` or ``.gff3``; sequences and intervals may be gzip.
    sequence_column : of a table.
    genome : the FASTA that intervals are of.
    labels : a table of labels beside a FASTA.
    cutting : how intervals are cut, such as ``window_bp``; see
        :class:`polyome.io.cutting.Cutting`.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "promoters.fa"
    >>> _ = path.write_text(">lacZ\nTTTACA\n")
    >>> read(path)["sequence"].to_dict()
    {'lacZ': 'TTTACA'}
    >>> read("cells.rds")
    Traceback (most recent call last):
    polyome._errors.InputError: cells.rds: the ending '.rds' is not known. Sequences: '.fa', ...
    """
    path = Path(path).expanduser()
    if path.suffix.lower() == ".h5ad":
        return read_h5ad(path)
    if _is_of_cells(path):
        found = read_cells([path])
        for note in found.notes:
            warnings.warn(note, PolyomeWarning, stacklevel=2)
        return found.adata
    _check_options(_kind(path), path, genome, labels, cutting)
    if genome is not None:
        return read_bed(path, genome, **cutting)
    if _kind(path) == "FASTA":
        return read_fasta(path, labels=labels)
    return read_table(path, sequence_column=sequence_column)


def read_sequences(
    source: Sequence[StrPath],
    *,
    sequence_column: str = "sequence",
    genome: StrPath | None = None,
    labels: StrPath | None = None,
    cutting: Mapping[str, Any] | None = None,
    usual: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    r"""Read one file of sequences, or several of one kind as one.

    Parameters
    ----------
    source : the files.
    sequence_column, genome, labels : see `read`.
    cutting : how intervals are to be cut, as far as that was said.
    usual : how they are cut where nothing was said.

    Returns
    -------
    DataFrame, indexed by ``id``, with a column ``sequence``. With several files, a column
    ``source`` names each record's, NaN stands where a file lacks a column of another, and ids carry
    their file where files share an id.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.fa").write_text(">x\nACGT\n")
    >>> _ = (folder / "b.fa").write_text(">x\nGGCC\n>y\nTT\n")
    >>> read_sequences([folder / "a.fa", folder / "b.fa"])["source"].to_dict()
    {'x-a.fa': 'a.fa', 'x-b.fa': 'b.fa', 'y-b.fa': 'b.fa'}
    """
    paths = [Path(path).expanduser() for path in source]
    if not paths:
        message = "No input file was named; give at least one FASTA, CSV or BED file."
        raise InputError(message)
    kinds = sorted({_kind(path) for path in paths})
    if len(kinds) > 1:
        message = f"The files are of several kinds: {listed(kinds)}. Give files of one kind."
        raise InputError(message)
    asked = {key: value for key, value in (cutting or {}).items() if value is not None}
    _check_options(kinds[0], paths[0], genome, labels, asked)
    if genome is not None:
        asked = asdict(Cutting.of(asked, usual or {}))
    names = source_names(paths) if len(paths) > 1 else [""]
    parts = {
        name: read(path, sequence_column=sequence_column, genome=genome, **asked)
        for name, path in zip(names, paths)
    }
    attrs = _joined_attrs(parts, usual or {})
    joined: pd.DataFrame = pd.concat(parts.values())
    if labels is not None:
        joined = with_labels(joined, labels)
    joined = joined if len(paths) == 1 else _with_source(joined, parts)
    joined.attrs |= attrs
    return joined


def _joined_attrs(parts: Mapping[str, pd.DataFrame], usual: Mapping[str, Any]) -> dict[str, Any]:
    """Notes of all files, and how their sequences were cut."""
    notes = tuple(note for part in parts.values() for note in part.attrs.pop(NOTES, ()))
    cut = next((part.attrs[CUT_AS] for part in parts.values() if CUT_AS in part.attrs), None)
    if cut is None:
        return {NOTES: notes}
    return {NOTES: (*notes, *Cutting(**cut).notes(usual)), CUT_AS: cut}


def _with_source(joined: pd.DataFrame, parts: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Say which file each record is from; ids that files share carry their file, as cells' do."""
    sources = [name for name, part in parts.items() for _ in range(len(part))]
    shared = len(set(joined.index)) < sum(part.index.nunique() for part in parts.values())
    if shared:
        ids = [f"{record}-{name}" for record, name in zip(joined.index, sources)]
        joined = joined.set_axis(pd.Index(ids, name="id"), axis=0)
    if "source" in joined:
        message = (
            "The files have a column 'source', which is to name each record's file. Rename it."
        )
        raise InputError(message)
    return joined.assign(source=sources)


_OF_CELLS = (".h5mu", ".loom", ".h5", ".hdf5", ".mtx")


def _is_of_cells(path: Path) -> bool:
    """Whether a path that is no h5ad is of cells: by its ending, its parent's, or as a folder."""
    inside = path.parent.suffix.lower() in _OF_CELLS
    return is_zarr(path) or ending(path) in _OF_CELLS or path.is_dir() or inside


def _kind(path: Path) -> str:
    found = ending(path)
    if found in KINDS:
        return KINDS[found]
    if path.is_dir() or (not found and not path.exists()):
        first_bytes(path)  # says so
    is_of_cells = found == ".h5ad" or _is_of_cells(path)
    why = "holds cells, and sequences are needed" if is_of_cells else "is not known"
    message = (
        f"{path}: the ending '{found}' {why}. Sequences: {listed(KINDS, most=20)}, plain or gzip; "
        "cells: '.h5ad', '.zarr', '.h5mu', '.loom', '.h5' or a folder of CellRanger."
    )
    raise InputError(message)


def _check_options(
    kind: str,
    path: Path,
    genome: StrPath | None,
    labels: StrPath | None,
    cutting: Mapping[str, Any],
) -> None:
    """Refuse options that a kind of file cannot use, or lacks."""
    is_intervals = kind in ("BED", "GTF")
    if is_intervals and genome is None:
        message = (
            f"{path} holds intervals; their sequences are cut from a genome. Name its FASTA with "
            "--genome (in Python: genome=...)."
        )
        raise InputError(message)
    unused = {
        "--genome": genome is not None and not is_intervals,
        "--labels": labels is not None and kind != "FASTA",
        **{key: value is not None and not is_intervals for key, value in cutting.items()},
    }
    wrong = [name for name, is_wrong in unused.items() if is_wrong]
    if wrong:
        owner = "FASTA" if wrong[0] == "--labels" else "BED"
        message = f"{path}: {wrong[0]} is for {owner}, and this is a {kind}. Leave it out."
        raise InputError(message)
