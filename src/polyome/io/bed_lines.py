"""The lines of BED, narrowPeak and broadPeak as a table."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from polyome._errors import InputError
from polyome.io.compressed import ending, read_text

COLUMNS = ("chrom", "start", "end", "name", "score", "strand")
_PEAKS = ("signalValue", "pValue", "qValue", "peak")
_FURTHER = {".narrowpeak": _PEAKS, ".broadpeak": _PEAKS[:3]}
"""Names of the columns after the sixth, by the file's ending."""
_MISSING = {"", ".", "NA", "NaN", "nan"}
_SIGNS = {"+", "-"}
_WORDS = ({"plus", "minus"}, {"forward", "reverse"}, {"fwd", "rev"})
_NUMBERS = ({"1", "-1"}, {"+1", "-1"})
_MINUS = {"-1", "minus", "reverse", "rev"}
"""How strands are written elsewhere than in BED; a column counts as strands if it has these."""


def read_lines(path: Path) -> tuple[pd.DataFrame, list[int]]:
    r"""Read the table of intervals, and the line of each in the file (from 1).

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.bed"
    >>> _ = path.write_text("track name=x\nchr1\t5\t9\n")
    >>> table, lines = read_lines(path)
    >>> table["end"].tolist(), lines
    ([9], [2])
    """
    rows: list[list[str]] = []
    lines: list[int] = []
    header: list[str] = []
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.lower().startswith("#chrom"):
            header = _fields(line.lstrip("#"))
        fields = _fields(line)
        if not any(fields) or line.startswith("#") or _is_for_browser(fields):
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
    check_strand_column(table, lines, path)
    for column in table.columns.difference(["chrom", "start", "end", "name", "strand"]):
        table[column] = _inferred(table[column])
    return table, lines


def _fields(line: str) -> list[str]:
    return [field.strip() for field in line.split("\t")] if "\t" in line else line.split()


def _is_for_browser(fields: list[str]) -> bool:
    """Whether a line is for a genome browser; a chromosome may be called ``track`` too."""
    places = [field for field in fields[1:3] if field.isdecimal()]
    return fields[0].split()[0] in {"track", "browser"} and len(places) < 2


def _column_names(header: list[str], width: int, path: Path) -> list[str]:
    if len(header) > len(COLUMNS) and len(header) != width:
        message = (
            f"{path}: the line '#chrom' names {len(header)} columns, and the lines below have "
            f"{width}. One name for each is needed."
        )
        raise InputError(message)
    usual = _FURTHER.get(ending(path), ())
    if usual and width != len(COLUMNS) + len(usual):
        message = (
            f"{path} has {width} columns; {ending(path)[1:]} has {len(COLUMNS) + len(usual)}. "
            "Rename the file to .bed to read it as BED."
        )
        raise InputError(message)
    further = header[len(COLUMNS) : width] if header else list(usual)
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


def check_strand_column(table: pd.DataFrame, lines: Sequence[int], path: Path) -> None:
    """Refuse strands in a column where BED has none, and where column 6 has none.

    Such intervals would all be read on the plus strand. Strands are ``+`` and ``-``, or words and
    numbers for them, of which that of the minus strand occurs.

    Examples
    --------
    >>> table = pd.DataFrame([["c", 0, 9, "x", "-1"]], columns=[*COLUMNS[:5]])
    >>> check_strand_column(table, [1], Path("a.bed"))
    Traceback (most recent call last):
    polyome._errors.InputError: a.bed line 1: column 5 holds '-1'. Is it the strand? BED has it ...
    """
    if "strand" in table and table["strand"].isin(_SIGNS).any():
        return
    for number, name in enumerate(table.columns[3:], start=4):
        is_strand = _strands_in(table[name])
        if name == "strand" or not is_strand.any():
            continue
        row = int(is_strand.to_numpy().argmax())
        advice = (
            "Add the columns that are missing before it ('.' for a name, 0 for a score)."
            if table.shape[1] < len(COLUMNS)
            else "Move it there, or separate the columns by tabs if names hold blanks."
        )
        message = (
            f"{path} line {lines[row]:,}: column {number} holds '{table[name].iloc[row]}'. Is it "
            f"the strand? BED has it in column 6: {', '.join(COLUMNS)}. {advice}"
        )
        raise InputError(message)


def _strands_in(column: "pd.Series[Any]") -> "pd.Series[bool]":
    """Rows that hold a strand, where a column is one of strands; none where it is not.

    1 and -1 are strands in the column of scores only: elsewhere they may be labels.
    """
    signs = column.isin(_SIGNS)
    is_strand = (signs | column.isin(_MISSING)).all() or column.name == "score"
    if is_strand and signs.any():
        return signs
    pairs = {"name": _WORDS, "score": (*_WORDS, *_NUMBERS)}.get(str(column.name), ())
    texts = column.astype(str).str.lower()
    for pair in pairs:
        found = texts.isin(pair)
        if (found | column.isin(_MISSING)).all() and texts.isin(_MINUS).any():
            return found
    return pd.Series(data=False, index=column.index)


def block_note(table: pd.DataFrame, path: Path) -> tuple[str, ...]:
    """Say that the blocks of BED12 are not cut out, where there are any.

    Examples
    --------
    >>> row = pd.DataFrame([["c", 0, 90, "x", 0, "+", 0, 90, 0, 2, "10,20,", "0,70,"]])
    >>> block_note(row, Path("a.bed"))
    ('a.bed: 1 of 1 intervals have blocks (BED12); they are read whole, introns too.',)
    """
    if table.shape[1] < 12:
        return ()
    counts = pd.to_numeric(table.iloc[:, 9], errors="coerce")
    sizes, starts = (table.iloc[:, place].astype(str) for place in (10, 11))
    is_list = sizes.str.fullmatch(r"([0-9]+,?)+") & starts.str.fullmatch(r"([0-9]+,?)+")
    blocks = int(((counts > 1) & is_list).sum())
    if not blocks:
        return ()
    return (
        f"{path}: {blocks:,} of {len(table):,} intervals have blocks (BED12); they are read whole, "
        "introns too.",
    )
