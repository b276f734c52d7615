"""Intervals of a genome: their sequences read, and results written as BED."""

import gzip
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from polyome._errors import InputError
from polyome._types import BoolArray, IntArray
from polyome.io.annotation import ENDINGS as ANNOTATIONS
from polyome.io.annotation import read_starts
from polyome.io.bed_lines import block_note, read_lines
from polyome.io.chromosomes import alias_note
from polyome.io.compressed import StrPath, ending
from polyome.io.cutting import Cutting
from polyome.io.files import written_aside
from polyome.io.genome import Genome, open_genome, unknown_chromosome
from polyome.io.nucleotides import Sequences, reverse_complement
from polyome.io.records import NOTES, check_dna

MOST_SCORE = 1000
CUT_AS = "cutting"
"""Key of ``attrs`` that says how the sequences were cut: the fields of `Cutting`."""
_STRAND_WORDS = {
    **dict.fromkeys(("+", "1", "1.0", "+1", "plus", "forward"), "+"),
    **dict.fromkeys(("-", "-1", "-1.0", "minus", "reverse"), "-"),
    **dict.fromkeys((".", "", "nan", "none", "<na>"), "."),
}


@dataclass(frozen=True)
class _Places:
    """Where the intervals lie in the genome.

    Attributes
    ----------
    names : the genome's own names of the chromosomes, (n,); None where it lacks them.
    starts, ends : int64, (n,), 0-based, half-open.
    is_minus : whether the minus strand is read, (n,).
    """

    names: list[str | None]
    starts: IntArray
    ends: IntArray
    is_minus: BoolArray


def read_bed(path: StrPath, genome: StrPath, **cutting: Any) -> pd.DataFrame:
    r"""Read intervals and their sequences, 5' to 3' on their own strand.

    Parameters
    ----------
    path : BED with three columns or more, separated by tabs or spaces, plain or gzip. Columns after
        the sixth are called as a line ``#chrom ...`` calls them, else as narrowPeak and broadPeak
        have them, else ``field7`` and so on. GTF and GFF3 give the first base of each transcript.
    genome : the FASTA that the intervals are of.
    cutting : fields of :class:`polyome.io.cutting.Cutting`. With ``window_bp`` so many bp around
        the middle of each interval are read instead, N beyond the ends of a chromosome; ``start``
        and ``end`` stay those of the interval. The base in the middle is at the same place of the
        window on either strand.

    Returns
    -------
    DataFrame, one row per interval: ``chrom``, ``start``, ``end`` (0-based, half-open), as far as
    there ``name``, ``score``, ``strand`` and further columns, and ``sequence`` in upper case. The
    index, ``id``, is the name where all have one of their own, else ``chrom:start-end(strand)``.
    ``attrs["notes"]`` says what was decided, ``attrs["cutting"]`` how the sequences were cut.

    Raises
    ------
    InputError
        A line is no interval of the genome; the message names file and line.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.fa").write_text(">chr1\nAACGTT\nCCC\n")
    >>> _ = (folder / "a.bed").write_text("chr1\t1\t4\tx\t0\t+\nchr1\t5\t8\ty\t0\t-\n")
    >>> read_bed(folder / "a.bed", folder / "a.fa")["sequence"].to_dict()
    {'x': 'ACG', 'y': 'GGA'}
    """
    path, settings = Path(path).expanduser(), Cutting(**cutting)
    table, lines, notes = _parsed(path, settings)
    opened = open_genome(genome, aliases=settings.aliases, circular=settings.circular)
    found = opened.chromosomes.found(table["chrom"])
    names = [found.get(name) for name in table["chrom"]]
    summits = _summits(table, lines, path) if settings.center == "summit" else None
    clipped = _checked(table, names, lines, path, opened, settings)
    starts, ends = table["start"].to_numpy(np.int64), table["end"].to_numpy(np.int64)
    is_minus = _strands(table).eq("-").to_numpy(bool)
    if settings.window_bp is not None:
        if summits is not None:
            starts, ends = summits, summits + 1
        starts, ends = _windows(starts, ends, is_minus, settings.window_bp)
    table["sequence"] = _cut(_Places(names, starts, ends, is_minus), opened, lines, path)
    table = table.set_axis(_names(table), axis=0)
    table.attrs[NOTES] = (*notes, *alias_note(found, str(path)), *clipped)
    table.attrs[CUT_AS] = asdict(settings)  # plain, as parquet needs it
    return table


def _parsed(path: Path, settings: Cutting) -> tuple[pd.DataFrame, list[int], tuple[str, ...]]:
    """The intervals, the line of each, and notes."""
    if ending(path) in ANNOTATIONS:
        if settings.window_bp is None:
            message = (
                f"{path}: windows around the starts of transcripts are read; say how long they are "
                "(--window-bp 1000)."
            )
            raise InputError(message)
        return read_starts(path, settings.feature)
    table, lines = read_lines(path)
    return table, lines, block_note(table, path)


def _cut(places: _Places, genome: Genome, lines: Sequence[int], path: Path) -> list[str]:
    plus = [
        genome.letters(str(name), int(start), int(end))
        for name, start, end in zip(places.names, places.starts, places.ends, strict=True)
    ]
    wheres = (f"{path} line {line:,}: {genome.path} there" for line in lines)
    check_dna(zip(wheres, plus))
    return _on_strand(plus, places.is_minus)


def _summits(table: pd.DataFrame, lines: Sequence[int], path: Path) -> IntArray:
    """Place of each interval's summit in the genome, int64 (n,)."""
    name = next((n for n in ("peak", "summit", "field10") if n in table), None)
    if name is None:
        message = (
            f"{path} has no summits: narrowPeak has them in column 10. Say --center middle to read "
            "windows around the middles."
        )
        raise InputError(message)
    offset = pd.to_numeric(table[name], errors="coerce")
    length = table["end"] - table["start"]
    wrong = (offset.isna() | (offset < 0) | (offset >= length) | (offset % 1 != 0)).to_numpy(bool)
    if wrong.any():
        row = int(wrong.argmax())
        message = (
            f"{path} line {lines[row]:,}: summit (column '{name}') is '{table[name].iloc[row]}'; a "
            f"whole number from 0 to {int(length.iloc[row]) - 1:,}, counted from the start, is "
            "needed. Say --center middle to read windows around the middles."
        )
        raise InputError(message)
    return np.asarray(table["start"] + offset.astype(np.int64), dtype=np.int64)


def _checked(
    table: pd.DataFrame,
    names: list[str | None],
    lines: Sequence[int],
    path: Path,
    genome: Genome,
    settings: Cutting,
) -> tuple[str, ...]:
    """Refuse the first line that is no interval of the genome; clip where that was asked for."""
    starts, ends = table["start"].to_numpy(np.int64), table["end"].to_numpy(np.int64)
    lengths = np.array([0 if name is None else genome.lengths[name] for name in names], np.int64)
    is_known = np.array([name is not None for name in names], bool)
    is_strand = _strands(table).isin(["+", "-", "."]).to_numpy(bool)
    is_circular = np.array([name in genome.circular for name in names], bool)
    is_within = (starts >= 0) & (ends <= lengths)
    if settings.beyond != "refuse":
        is_allowed = (starts < lengths) & (ends > 0)
    else:
        around = is_circular & (starts >= 0) & (starts < lengths) & (ends <= starts + lengths)
        is_allowed = is_within | around
    is_right = is_known & is_allowed & (starts < ends) & is_strand
    if not is_right.all():
        row = int((~is_right).argmax())
        raise _no_interval(table, row, f"{path} line {lines[row]:,}: ", genome, settings.beyond)
    beyond = int((~is_within & ~is_circular).sum())
    if settings.beyond == "clip":
        table["start"] = np.where(is_circular, starts, starts.clip(0))
        table["end"] = np.where(is_circular, ends, np.minimum(ends, lengths))
    if not beyond:
        return ()
    what = {"clip": "what lies there is read", "pad": "N is read there"}[settings.beyond]
    return (
        f"{path}: {beyond:,} of {len(table):,} intervals reach beyond their chromosome; {what} "
        f"(beyond={settings.beyond}).",
    )


def _no_interval(
    table: pd.DataFrame, row: int, where: str, genome: Genome, beyond: str
) -> InputError:
    """Say what is wrong with an interval."""
    start, end = int(table["start"].iloc[row]), int(table["end"].iloc[row])
    chrom, strand = table["chrom"].iloc[row], _strands(table).iloc[row]
    known = genome.find(chrom)
    if known is None:
        return unknown_chromosome(chrom, genome, where=where)
    is_outside = end <= 0 or start >= genome.lengths[known]
    if start < 0 and beyond == "refuse":
        message = f"{where}start {start} is negative; BED counts from 0."
    elif end < start:
        message = f"{where}end {end} is before start {start} on {chrom}."
    elif end == start:
        message = f"{where}start and end are both {start}: the interval is empty."
    elif strand not in ("+", "-", "."):
        message = f"{where}strand '{strand}' is none of '+', '-', '.'."
    elif is_outside and beyond != "refuse":
        message = (
            f"{where}{chrom}:{start}-{end} lies wholly beyond the ends of {chrom}, which has "
            f"{genome.lengths[known]:,} bp in {genome.path}: there is nothing to read. Is it the "
            "genome that the intervals are of?"
        )
    else:
        message = (
            f"{where}end {end:,} is beyond the end of {chrom}, which has {genome.lengths[known]:,} "
            f"bp in {genome.path}. Is it the genome that the intervals are of? --set beyond=clip "
            "reads what is there, beyond=pad puts N."
        )
    return InputError(message)


def strands_of(table: pd.DataFrame) -> "pd.Series[str]":
    """Strand of each row as BED has it: ``+``, ``-``, or ``.`` where there is none.

    Ensembl's 1 and -1, and the words plus, minus, forward and reverse are read too.

    Raises
    ------
    InputError
        A strand is none of these.

    Examples
    --------
    >>> strands_of(pd.DataFrame({"strand": ["-", 1, None, "minus"]})).tolist()
    ['-', '+', '.', '-']
    """
    given = _strands(table).astype(str).str.strip().str.lower()
    found = given.map(_STRAND_WORDS)
    wrong = found.isna().to_numpy()
    if wrong.any():
        row = int(wrong.argmax())
        message = (
            f"strand of record '{table.index[row]}' is '{table['strand'].iloc[row]}'; '+', '-' or "
            "'.' is needed (1, -1, plus, minus, forward and reverse are read too)."
        )
        raise InputError(message)
    return found


def _strands(table: pd.DataFrame) -> "pd.Series[str]":
    return table["strand"].fillna(".") if "strand" in table else pd.Series(".", table.index)


def _windows(
    starts: IntArray, ends: IntArray, is_minus: BoolArray, window_bp: int
) -> tuple[IntArray, IntArray]:
    """Windows around the middles: the minus strand's mirror the plus strand's."""
    first = (starts + ends) // 2 - window_bp // 2
    last = window_bp // 2 - (-starts - ends) // 2
    starts = np.where(is_minus, last - window_bp, first)
    return starts, starts + window_bp


def _on_strand(plus: list[str], is_minus: BoolArray) -> list[str]:
    rows = np.flatnonzero(is_minus)
    other = reverse_complement(Sequences.from_text([plus[row] for row in rows]))
    sequences = list(plus)
    for i, row in enumerate(rows):
        sequences[row] = other.text(i)
    return sequences


def _names(table: pd.DataFrame) -> "pd.Index[str]":
    if "name" in table and table["name"].is_unique and not table["name"].isin(["", "."]).any():
        return pd.Index(table["name"], dtype=object, name="id")
    wheres = zip(table["chrom"], table["start"], table["end"], _strands(table))
    return pd.Index([f"{c}:{s}-{e}({strand})" for c, s, e, strand in wheres], name="id")


def write_bed(table: pd.DataFrame, path: StrPath) -> None:
    r"""Write BED6, rows as they come; ``.gz`` as bgzip with pysam, else as plain gzip.

    Parameters
    ----------
    table : ``chrom``, ``start``, ``end``, and as far as there ``name`` (else the index), ``score``
        (rounded and clipped to 0 to 1000; 0 where missing) and ``strand`` (else ``.``).
    path : written aside and renamed.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "hits.bed"
    >>> hits = pd.DataFrame({"chrom": ["chr1"], "start": [5], "end": [8], "score": [1200.0]})
    >>> write_bed(hits.assign(name="x", strand="-"), path)
    >>> path.read_text()
    'chr1\t5\t8\tx\t1000\t-\n'
    """
    path = Path(path).expanduser()
    names = pd.Series(table.get("name", table.index), dtype=str)
    scores = pd.to_numeric(table["score"]) if "score" in table else pd.Series(0, table.index)
    columns = (
        table["chrom"],
        table["start"].astype(np.int64),
        table["end"].astype(np.int64),
        names.str.replace(r"\s+", " ", regex=True),
        scores.fillna(0).clip(0, MOST_SCORE).round().astype(np.int64),
        _strands(table),
    )
    content = "".join("\t".join(map(str, row)) + "\n" for row in zip(*columns)).encode()
    with written_aside(path) as aside:
        if path.name.lower().endswith((".gz", ".bgz")):
            _write_gzip(content, aside)
        else:
            aside.write_bytes(content)


def _write_gzip(content: bytes, path: Path) -> None:
    try:
        import pysam
    except ImportError:
        path.write_bytes(gzip.compress(content, mtime=0))
        return
    with pysam.BGZFile(str(path), "wb", None) as file:
        file.write(content)
