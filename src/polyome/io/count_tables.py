"""Tables of counts as text: cells by genes or genes by cells, whichever the names tell."""

import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from polyome._errors import InputError, listed
from polyome._types import FloatArray
from polyome.io.compressed import not_utf8, opened
from polyome.io.gene_sides import CELLS, GENES, side_of_genes

ENDINGS = (".csv", ".tsv", ".txt", ".tab")
"""Of names of such tables; ``.gz`` may follow."""
KnownGenes = Callable[[pd.Index], int]
_VALUES_AT_A_TIME = 4_000_000
_LOOKED_AT = 50
"""Lines by which columns of text are recognised."""
_SEPARATORS = ("\t", ";", ",", " ")
_OF_FEATURECOUNTS = ("Chr", "Start", "End", "Strand", "Length")
_NAMES_ROWS = re.compile(
    r"(?i)$|(.*[ _.]|cell|gene|x)?id$|(gene|cell|barcode|name|index|unnamed|symbol|feature)"
)
"""Headers of a first column that names rows, though by numbers."""


@dataclass(frozen=True)
class _Layout:
    """How a table is written.

    Attributes
    ----------
    separator : between fields.
    header : names of all columns, the first one empty where rows have a name more than the header.
    first_line : number of the first line of values, from 1.
    """

    separator: str
    header: list[str]
    first_line: int


def read_count_table(
    path: Path, rows: str | None = None, known: KnownGenes | None = None
) -> tuple[AnnData, tuple[str, ...]]:
    r"""Read a table of counts, plain or gzip, with names in the first line and the first column.

    Columns of text, such as labels of cells or symbols beside ids, go to ``obs`` or ``var``.

    Parameters
    ----------
    path : the table; commas, tabs, semicolons or blanks separate its fields.
    rows : ``cells`` or ``genes``; None finds out by the names.
    known : counts how many of a model's genes are among names.

    Returns
    -------
    adata : AnnData, X csr_matrix float32.
    notes : which axis was taken for the genes, and why.

    Raises
    ------
    InputError
        It is no table of numbers, a line has another number of fields, or neither axis looks like
        genes and ``rows`` is None.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "counts.tsv"
    >>> _ = path.write_text("gene\ta\tb\nCD3D\t0\t3\nLYZ\t7\t0\n")
    >>> adata, notes = read_count_table(path)
    >>> adata.to_df().loc["a"].to_dict()
    {'CD3D': 0.0, 'LYZ': 7.0}
    >>> notes[0]
    "counts.tsv: rows were taken for genes ('CD3D', 'LYZ') and columns for cells ('a', 'b'), by ..."
    """
    if rows not in (None, CELLS, GENES):
        message = f"table_rows={rows}: {CELLS} or {GENES} is needed."
        raise InputError(message)
    table, values, columns = _read(path)
    sides = [[pd.Index(table.index), *(pd.Index(table[c].astype(str)) for c in table)], [columns]]
    found, why = (rows, "") if rows is not None else side_of_genes(path, sides, known)
    if found == CELLS:
        adata = AnnData(values, obs=table, var=pd.DataFrame(index=columns))
    else:
        adata = AnnData(values.T.tocsr(), obs=pd.DataFrame(index=columns), var=table)
    return adata, ((why,) if why else ())


def _read(path: Path) -> tuple[pd.DataFrame, sparse.csr_matrix, pd.Index]:
    """Names and text of the rows, values (rows, columns), names of the columns of values."""
    with opened(path) as file:
        lines = _lines(file, path)
        layout, first = _layout(lines, path)
        number = max(1, _VALUES_AT_A_TIME // len(layout.header))
        chunk = [first, *islice(lines, number - 1)]
        text = _text_columns(chunk[:_LOOKED_AT], layout, path)
        blocks, tables, line = [], [], layout.first_line
        while chunk:
            words, numbers = _parsed(chunk, layout, text, path, line)
            tables.append(words)
            blocks.append(sparse.csr_matrix(numbers))
            line += len(chunk)
            chunk = list(islice(lines, number))
    kept = [i for i in range(len(layout.header)) if i not in text]
    columns = pd.Index([layout.header[i] for i in kept], dtype=object)
    table = _row_table(pd.concat(tables, ignore_index=True), layout)
    return table, sparse.vstack(blocks, format="csr"), columns


def _lines(file: Any, path: Path) -> Iterator[str]:
    """Lines of text that hold something."""
    for number, line in enumerate(file, start=1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise not_utf8(path, number, line[error.start]) from error
        if text.strip():
            yield text


def _layout(lines: Iterator[str], path: Path) -> tuple[_Layout, str]:
    """How the table is written, and its first line of values."""
    number, head = 0, ""
    for line in lines:
        number += 1
        if not line.startswith("#") and not line.lower().startswith("sep="):
            head = line
            break
    first = next(lines, None)
    if not head or first is None:
        message = f"{path} holds no table: a first line of names and lines of counts are needed."
        raise InputError(message)
    separator = max(_SEPARATORS, key=lambda mark: _count(first, mark))
    header = _fields(head, separator)
    width = len(_fields(first, separator))
    if width == len(header) + 1:
        header = ["", *header]  # as R writes row names
    if width < 2:
        message = (
            f"{path} has one column only; a table of counts needs names and one column or more of "
            "numbers, with commas or tabs between them."
        )
        raise InputError(message)
    if width != len(header):
        message = f"{path}: the first line has {len(header):,} fields and the next {width:,}."
        raise InputError(message)
    return _Layout(separator, header, number + 1), first


def _count(line: str, mark: str) -> int:
    """Fields that a separator makes; a comma within numbers that others separate is none."""
    return len(_fields(line, mark)) if mark in line else 0


def _fields(line: str, separator: str) -> list[str]:
    return [field.strip() for field in next(csv.reader([line], delimiter=separator))]


def _text_columns(lines: list[str], layout: _Layout, path: Path) -> list[int]:
    """Places of the columns that name or describe rows: the first one, and all that are text."""
    for number, one in enumerate(lines, start=layout.first_line):
        if _width(one, layout.separator) != len(layout.header):
            raise _wrong_line([one], layout, [], path, number)
    frame = _frame(lines, layout, None, path, layout.first_line)
    text = [i for i in range(len(layout.header)) if _is_text(frame[i])]
    if 0 not in text and _NAMES_ROWS.match(layout.header[0]):
        text = [0, *text]
    if tuple(layout.header[1:6]) == _OF_FEATURECOUNTS:
        text = sorted({*text, *range(6)})
    if len(text) == len(layout.header):
        message = (
            f"{path} holds no column of numbers; its columns are {listed(layout.header, most=4)}. "
            "A table of counts of cells by genes, or genes by cells, is needed."
        )
        raise InputError(message)
    return text


def _is_text(values: "pd.Series[Any]") -> bool:
    """Whether most values are no numbers; a column of counts with a wrong one is none of text."""
    if values.dtype != object:
        return bool(values.dtype == bool)
    there = values.dropna()
    return bool(pd.to_numeric(there, errors="coerce").isna().mean() > 0.5)


def _parsed(
    lines: list[str], layout: _Layout, text: list[int], path: Path, line: int
) -> tuple[pd.DataFrame, FloatArray]:
    """Columns of text, and those of numbers, float32; every line becomes one row."""
    for number, one in enumerate(lines, start=line):
        if _width(one, layout.separator) != len(layout.header):
            raise _wrong_line([one], layout, text, path, number)
    kept = [i for i in range(len(layout.header)) if i not in text]
    try:
        numbers = np.loadtxt(
            [one.replace(",", ".") for one in lines] if layout.separator == ";" else lines,
            dtype=np.float32,
            delimiter=layout.separator,
            comments=None,
            quotechar='"',
            usecols=kept,
            ndmin=2,
        )
    except ValueError:  # marks of missing values, which pandas knows, or no numbers
        frame = _frame(lines, layout, text, path, line)
        return frame[text], frame[kept].to_numpy(dtype=np.float32)
    if text == [0]:  # the other fields, which may be many, need not be cut
        words = [[_first_field(one, layout.separator)] for one in lines]
    else:
        words = [[fields[i] for i in text] for fields in _rows(lines, layout)]
    return pd.DataFrame(words, columns=text, dtype=object), numbers


def _first_field(line: str, separator: str) -> str:
    if line.startswith('"'):
        return _fields(line, separator)[0]
    return line.partition(separator)[0].strip()


def _rows(lines: list[str], layout: _Layout) -> Iterator[list[str]]:
    return csv.reader(lines, delimiter=layout.separator)


def _frame(
    lines: list[str], layout: _Layout, text: list[int] | None, path: Path, line: int
) -> pd.DataFrame:
    """Parse lines by pandas; without ``text`` it looks for the types."""
    kinds = None
    if text is not None:
        kinds = {i: object if i in text else np.float32 for i in range(len(layout.header))}
    decimal = "," if layout.separator == ";" and any("," in one for one in lines) else "."
    try:
        return pd.read_csv(
            io.StringIO("\n".join(lines)),
            sep=layout.separator,
            decimal=decimal,
            dtype=kinds,
            header=None,
            index_col=False,
            names=range(len(layout.header)),
            low_memory=False,
        )
    except (ValueError, OverflowError) as error:
        raise _wrong_line(lines, layout, text or [], path, line) from error


def _wrong_line(
    lines: list[str], layout: _Layout, text: list[int], path: Path, start: int
) -> InputError:
    """Name the line, and the column, that cannot be read."""
    width = len(layout.header)
    for number, line in enumerate(lines, start=start):
        fields = _fields(line, layout.separator) if line.count('"') % 2 == 0 else []
        if not fields:
            return InputError(f"{path} line {number:,} has a quotation mark without its partner.")
        if len(fields) != width:
            return InputError(
                f"{path} line {number:,} has {len(fields):,} fields; the first line has {width:,}."
            )
        for i, field in enumerate(fields):
            if i not in text and not _is_number(field):
                return InputError(
                    f"{path} line {number:,} has '{field[:40]}' in column "
                    f"'{layout.header[i]}', where a number is needed."
                )
    return InputError(f"{path} cannot be read as a table near line {start:,}.")


def _width(line: str, separator: str) -> int:
    """Fields of a line; 0 where quotation marks have no partner."""
    if '"' not in line:
        return line.count(separator) + 1
    return len(_fields(line, separator)) if line.count('"') % 2 == 0 else 0


def _is_number(field: str) -> bool:
    try:
        float(field.replace(",", ".") or "nan")
    except ValueError:
        return field.lower() in {"na", "n/a", "null", "none"}
    return True


def _row_table(text: pd.DataFrame, layout: _Layout) -> pd.DataFrame:
    """Columns of text by their names, indexed by the first column, or by numbers without one."""
    table = text.set_axis([layout.header[int(str(i))] for i in text.columns], axis=1)
    if 0 not in text.columns:
        return table.set_axis(pd.RangeIndex(1, len(table) + 1).astype(str), axis=0)
    names = pd.Index(text[0].fillna("").astype(str).str.strip().to_numpy(), dtype=object)
    rest = table.iloc[:, 1:]
    rest = rest.loc[:, ~rest.columns.duplicated()]
    return rest.set_axis(names, axis=0)
