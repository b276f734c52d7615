"""Intervals of a genome in BED: their sequences read, and results written."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd

from polyome._errors import InputError
from polyome.io.compressed import StrPath, read_text
from polyome.io.files import written_aside
from polyome.io.genome import Genome, open_genome, unknown_chromosome
from polyome.io.nucleotides import Sequences, reverse_complement
from polyome.io.records import check_dna

COLUMNS = ("chrom", "start", "end", "name", "score", "strand")
MOST_SCORE = 1000
_STRAND_WORDS = {
    **dict.fromkeys(("+", "1", "1.0", "+1", "plus", "forward"), "+"),
    **dict.fromkeys(("-", "-1", "-1.0", "minus", "reverse"), "-"),
    **dict.fromkeys((".", "", "nan", "none", "<na>"), "."),
}
_MISSING = {"", ".", "NA", "NaN", "nan"}


def read_bed(path: StrPath, genome: StrPath, *, window_bp: int | None = None) -> pd.DataFrame:
    r"""Read intervals and their sequences, 5' to 3' on their own strand.

    Parameters
    ----------
    path : BED with three columns or more, separated by tabs or spaces, plain or gzip. Columns after
        the sixth are called as a line ``#chrom ...`` calls them, else ``field7`` and so on.
    genome : the FASTA that the intervals are of.
    window_bp : read this many bp around the middle of each interval instead, N beyond the ends of
        a chromosome; ``start`` and ``end`` stay those of the interval. The base in the middle is at
        the same place of the window on either strand.

    Returns
    -------
    DataFrame, one row per interval: ``chrom``, ``start``, ``end`` (0-based, half-open), as far as
    there ``name``, ``score``, ``strand`` and further columns, and ``sequence`` in upper case. The
    index, ``id``, is the name where all have one of their own, else ``chrom:start-end(strand)``.

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
    path = Path(path).expanduser()
    if window_bp is not None and window_bp < 1:
        message = f"window_bp is {window_bp}; at least 1 is needed."
        raise InputError(message)
    table, lines = _parsed(path)
    opened = open_genome(genome)
    _check_within(table, lines, path, opened)
    starts, ends = table["start"].to_numpy(np.int64), table["end"].to_numpy(np.int64)
    is_minus = _strands(table).eq("-").to_numpy(bool)
    if window_bp is not None:
        starts, ends = _windows(starts, ends, is_minus, window_bp)
    plus = [letters_of(opened, *where) for where in zip(table["chrom"], starts, ends)]
    names = (f"{path} line {line:,}: {opened.path} there" for line in lines)
    check_dna(zip(names, plus))
    table["sequence"] = _on_strand(plus, is_minus)
    return table.set_axis(_names(table), axis=0)


def _parsed(path: Path) -> tuple[pd.DataFrame, list[int]]:
    """The table of intervals, and the line of each in the file (from 1)."""
    rows: list[list[str]] = []
    lines: list[int] = []
    header: list[str] = []
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.lower().startswith("#chrom"):
            header = _fields(line.lstrip("#"))
        fields = _fields(line)
        if not any(fields) or line.startswith("#") or line.split()[0] in {"track", "browser"}:
            continue
        if len(fields) < 3 or (rows and len(fields) != len(rows[0])):
            needed = f"{len(rows[0])} as in line {lines[0]:,}" if rows else "3 or more"
            message = (
                f"{path} line {number:,} has {len(fields)} fields; {needed} are needed: chrom, "
                "start, end, name, score, strand."
            )
            raise InputError(message)
        rows.append(fields)
        lines.append(number)
    if not rows:
        message = f"{path} holds no interval. Each line needs chrom, start and end."
        raise InputError(message)
    table = pd.DataFrame(rows, columns=_column_names(header, len(rows[0]), path), dtype=object)
    for column in ("start", "end"):
        table[column] = _integers(table[column], lines, path)
    for column in table.columns.difference(["chrom", "start", "end", "name", "strand"]):
        table[column] = _inferred(table[column])
    return table, lines


def _fields(line: str) -> list[str]:
    return [field.strip() for field in line.split("\t")] if "\t" in line else line.split()


def _column_names(header: list[str], width: int, path: Path) -> list[str]:
    if len(header) > len(COLUMNS) and len(header) != width:
        message = (
            f"{path}: the line '#chrom' names {len(header)} columns, and the lines below have "
            f"{width}. One name for each is needed."
        )
        raise InputError(message)
    further = header[len(COLUMNS) : width] if header else []
    names = [*COLUMNS[:width], *further]
    names += [f"field{i + 1}" for i in range(len(names), width)]
    if len(set(names) | {"sequence"}) <= width:
        message = f"{path}: the line '#chrom' gives two columns one name, or calls one 'sequence'."
        raise InputError(message)
    return names


def _integers(column: "pd.Series[str]", lines: list[int], path: Path) -> "pd.Series[int]":
    is_integer = column.str.fullmatch(r"-?[0-9]{1,18}").to_numpy(bool)
    if not is_integer.all():
        wrong = int((~is_integer).argmax())
        message = (
            f"{path} line {lines[wrong]:,}: {column.name} is '{column.iloc[wrong]}'; a whole "
            "number is needed. BED has chrom, start, end in this order; a header begins with '#'."
        )
        raise InputError(message)
    return column.astype(np.int64)


def _inferred(column: "pd.Series[str]") -> "pd.Series[str] | pd.Series[float]":
    """Numbers where all that is not missing is a number, else text."""
    present = column.where(~column.isin(_MISSING))
    try:
        return pd.to_numeric(present)
    except ValueError:
        return present


def _check_within(table: pd.DataFrame, lines: list[int], path: Path, genome: Genome) -> None:
    """Refuse the first line that is no interval of the genome."""
    starts, ends = table["start"].to_numpy(np.int64), table["end"].to_numpy(np.int64)
    lengths = table["chrom"].map(genome.lengths)
    is_known = lengths.notna().to_numpy(bool)
    strands = _strands(table)
    is_strand = strands.isin(["+", "-", "."]).to_numpy(bool)
    is_within = (starts >= 0) & (starts < ends) & (ends <= lengths.fillna(0).to_numpy(np.int64))
    is_right = is_known & is_within & is_strand
    if is_right.all():
        return
    row = int((~is_right).argmax())
    where = f"{path} line {lines[row]:,}: "
    start, end, chrom = int(starts[row]), int(ends[row]), table["chrom"].iloc[row]
    if not is_known[row]:
        raise unknown_chromosome(chrom, genome, where=where)
    if start < 0:
        message = f"{where}start {start} is negative; BED counts from 0."
    elif end < start:
        message = f"{where}end {end} is before start {start} on {chrom}."
    elif end == start:
        message = f"{where}start and end are both {start}: the interval is empty."
    elif not is_strand[row]:
        message = f"{where}strand '{strands.iloc[row]}' is none of '+', '-', '.'."
    else:
        message = (
            f"{where}end {end:,} is beyond the end of {chrom}, which has {genome.lengths[chrom]:,} "
            f"bp in {genome.path}. Is it the genome that the intervals are of?"
        )
    raise InputError(message)


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
    starts: np.ndarray, ends: np.ndarray, is_minus: np.ndarray, window_bp: int
) -> tuple[np.ndarray, np.ndarray]:
    """Windows around the middles: the minus strand's mirror the plus strand's."""
    first = (starts + ends) // 2 - window_bp // 2
    last = window_bp // 2 - (-starts - ends) // 2
    starts = np.where(is_minus, last - window_bp, first)
    return starts, starts + window_bp


def letters_of(genome: Genome, chrom: str, start: int, end: int) -> str:
    """Letters of the plus strand, upper case, N beyond the ends of the chromosome."""
    length = genome.lengths[chrom]
    inside = genome.fetch(chrom, min(max(start, 0), length), min(max(end, 0), length)).upper()
    return "N" * min(max(-start, 0), end - start) + inside + "N" * max(0, end - max(start, length))


def _on_strand(plus: list[str], is_minus: np.ndarray) -> list[str]:
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
