"""Tables of sequences: CSV, TSV and Parquet, plain or gzip."""

import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from polyome._errors import InputError, PolyomeWarning, listed, missing_column
from polyome._types import BoolArray
from polyome.io.compressed import StrPath, ending, read_bytes, read_text
from polyome.io.delimited import UNNAMED, Rows, check_names, split_rows
from polyome.io.missing import AS_TEXT
from polyome.io.records import check_dna, dates_note, id_column, wrong_letter

_DECIMAL_COMMA = r"[+-]?[0-9]*,?[0-9]+(?:[eE][+-]?[0-9]+)?"
_OF_GENES = {"id", "name", "gene", "gene_name", "gene_symbol", "symbol", "gene_id"}
_LONG = 40  # letters: among sequences of so many, NA is none
_HEAD_LINES = 500  # more than any file has above its header
_SHOWN = 40  # letters of a column's name, which is a sequence where the header is missing


def read_table(path: StrPath, *, sequence_column: str = "sequence") -> pd.DataFrame:
    r"""Read a table with one sequence per row.

    ``.csv`` is separated by commas, ``.tsv`` and ``.txt`` by tabs, or by what the header shows;
    ``.parquet`` needs pyarrow. Each may be gzip, whatever its name. Sequences and ids are read as
    they are written; elsewhere empty, ``NA``, ``nan`` and their like mean missing.

    Parameters
    ----------
    path : the file.
    sequence_column : the column of sequences.

    Returns
    -------
    DataFrame, one row per row of the file: ``sequence`` (text, letters as in the file) and the
    other columns. The index, ``id``, is the column ``id`` or else ``name``, whichever has no gaps,
    else the number of the row from 1. Ids that repeat in the file, as genes with two promoters do,
    repeat in the index.

    Raises
    ------
    InputError
        There is no such file or column, no table in it, or a sequence is missing or no DNA.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "promoters.csv"
    >>> _ = path.write_text("id,sequence,label\nlacZ,TTTACA,1\nrecA,TTGACA,0\n")
    >>> read_table(path).loc["recA"].to_dict()
    {'sequence': 'TTGACA', 'label': 0}
    """
    path = Path(path).expanduser()
    table, notes = read_any_table(path, text=sequence_column)
    if sequence_column not in table:
        raise _no_sequence_column(sequence_column, table, path)
    if sequence_column != "sequence" and "sequence" in table:
        message = (
            f"{path} has the column '{sequence_column}', which was named for the sequences, and a "
            "column 'sequence'. Rename or remove the one that is not meant."
        )
        raise InputError(message)
    if table.empty:
        message = f"{path} has a header and no rows; at least one sequence is needed."
        raise InputError(message)
    table = named_by_id(table.rename(columns={sequence_column: "sequence"}))
    table["sequence"] = _checked(table["sequence"], path)
    warn_of_table(notes, table, path)
    return table


def read_any_table(path: Path, *, text: str | None = None) -> tuple[pd.DataFrame, list[str]]:
    """Read a CSV, TSV or Parquet file as it is, and what to warn of: see :func:`read_columns`."""
    if ending(path) == ".parquet":
        return _read_parquet(path), []
    return read_columns(path, text=text)


def read_columns(path: Path, *, text: str | None = None) -> tuple[pd.DataFrame, list[str]]:
    r"""Read a CSV or TSV as it is; the column ``text`` and ids stay text.

    Returns
    -------
    One row per row of the file, and what to warn of once the table is known to be right.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "labels.csv"
    >>> _ = path.write_text("id,label\n007,2\nNA,\n")
    >>> read_columns(path)[0].values.tolist()
    [['007', 2.0], ['NA', nan]]
    """
    table, rows = _parsed(read_text(path), path, text)
    if len(table) != len(rows.lines):
        message = (
            f"{path} has {len(rows.lines):,} rows, and {len(table):,} were understood. Write it "
            "again without quote marks."
        )
        raise InputError(message)
    empty = [c for c in table.columns if c.startswith(UNNAMED) and table[c].isna().all()]
    table = table.drop(columns=empty)
    notes = _short_note(rows, path)
    if rows.separator == ";":
        notes += _read_decimal_commas(table, path)
    return table, notes


def read_head(path: Path, *, text: str | None = None) -> pd.DataFrame:
    r"""Read the first rows of a CSV, TSV or Parquet file, for a look at its columns.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "patients.csv"
    >>> _ = path.write_text("id,age\n" + "a,40\n" * 9000)
    >>> len(read_head(path)) < 9000
    True
    """
    if ending(path) == ".parquet":
        return _read_parquet(path).head(_HEAD_LINES)
    lines = read_text(path).split("\n", _HEAD_LINES)[:_HEAD_LINES]
    return _parsed("\n".join(lines), path, text)[0]


def _parsed(content: str, path: Path, text: str | None) -> tuple[pd.DataFrame, Rows]:
    """A table, and the rows that it was made of."""
    usual = "," if ending(path) == ".csv" else "\t"
    is_wanted = _is_name if text is None else text.__eq__
    rows = split_rows(content, path, usual=usual, is_wanted=is_wanted)
    as_text = [name for name in rows.names if name == text or _is_name(name)]
    return _typed(rows, as_text), rows


def _is_name(column: str) -> bool:
    """Whether a column may name the records."""
    return column == "name" or column.lower() == "id"


def _typed(rows: Rows, as_text: list[str]) -> pd.DataFrame:
    """Numbers where all values of a column are numbers, else text; these columns as they are."""
    if not rows.lines:
        return pd.DataFrame(columns=rows.names, dtype=object)
    as_is: dict[str, Callable[[str], str]] = dict.fromkeys(as_text, str.strip)
    table: pd.DataFrame = pd.read_csv(
        io.StringIO("\n".join(rows.lines)),
        sep=rows.separator,
        header=None,
        names=rows.names,
        index_col=False,
        converters=as_is,  # the only way past the marks of missing values
        keep_default_na=False,
        na_values=["", *AS_TEXT],
        low_memory=False,
    )
    return table


def _short_note(rows: Rows, path: Path) -> list[str]:
    if not rows.short:
        return []
    return [
        f"{path}: {len(rows.short):,} of {len(rows.lines):,} rows have fewer fields than the "
        f"header has names (first: line {rows.short[0]:,}); the rest of them is read as missing. "
        "Is the file whole?"
    ]


def _read_decimal_commas(table: pd.DataFrame, path: Path) -> list[str]:
    """Turn columns of numbers with decimal commas to numbers, in place, and say so."""
    found = {}
    for name in table.columns:
        texts = table[name].dropna()
        if pd.api.types.is_numeric_dtype(texts.dtype) or not len(texts):
            continue
        texts = texts.astype(str).str.strip()
        if texts.str.fullmatch(_DECIMAL_COMMA).all() and texts.str.contains(",").any():
            found[name] = texts[texts.str.contains(",")].iloc[0]
            table[name] = pd.to_numeric(texts.str.replace(",", ".")).reindex(table.index)
    if not found:
        return []
    shown = next(iter(found.values()))
    return [
        f"{path} is separated by semicolons with decimal commas: in {listed(found, most=5)} a "
        f"comma is read as a point ('{shown}' is {shown.replace(',', '.')}). Write points if it is "
        "none."
    ]


def warn_of_table(notes: list[str], table: pd.DataFrame, path: Path) -> None:
    """Warn of what was noted while reading, and of genes that a spreadsheet turned to dates."""
    names = [pd.Series(table.index), *(table[c] for c in table.columns if c.lower() in _OF_GENES)]
    dates = [note for column in names for note in dates_note(column, str(path))]
    for note in (*notes, *dates[:1]):
        warnings.warn(note, PolyomeWarning, stacklevel=3)


def _read_parquet(path: Path) -> pd.DataFrame:
    content = read_bytes(path)
    if not content.startswith(b"PAR1"):
        message = f"{path} is not a Parquet file (it begins with {content[:8]!r})."
        raise InputError(message)
    try:
        from pyarrow import parquet

        check_names(list(parquet.read_schema(io.BytesIO(content)).names), path)
        table = pd.read_parquet(io.BytesIO(content))
    except ImportError as error:
        message = f"{path}: Parquet is read with pyarrow, which is absent. Run: pip install pyarrow"
        raise InputError(message) from error
    except InputError:
        raise
    except Exception as error:  # a damaged file fails in as many ways as it has bytes
        message = f"{path} is damaged or cut short; copy or write it again."
        raise InputError(message) from error
    table.columns = table.columns.astype(str)
    if isinstance(table.index, pd.RangeIndex):
        return table
    name = str(table.index.name or "id")
    return table.reset_index(drop=True) if name in table else table.reset_index(names=name)


def _no_sequence_column(name: str, table: pd.DataFrame, path: Path) -> InputError:
    """Say which columns there are, and what the file may be instead."""
    columns = [str(column) for column in table.columns]
    shown = [c if len(c) <= _SHOWN else f"{c[:_SHOWN]}..." for c in columns]
    hint = " Name the column of sequences with --sequence-column."
    if columns and columns[0].startswith(">"):
        hint = " It looks like FASTA: give it the ending .fa."
    elif any(len(c) > 1 and wrong_letter(c) is None for c in columns):
        hint = " The first line looks like a record; it must name the columns."
    elif len(columns) == 1:
        hint = " Commas, tabs, semicolons or | separate columns; was it saved with another sign?"
    return InputError(f"{missing_column(name, shown, role='sequence', where=str(path))}{hint}")


def named_by_id(table: pd.DataFrame) -> pd.DataFrame:
    """Index a table by its ids, or by row numbers where there are none."""
    column = id_column(table)
    if column is None:
        numbers = pd.Index([str(row + 1) for row in range(len(table))], name="id")
        return table.set_axis(numbers, axis=0)
    names = pd.Index(table[column].astype(str).str.strip(), dtype=object, name="id")
    return table.drop(columns=column).set_axis(names, axis=0)


def _checked(sequences: "pd.Series[Any]", path: Path) -> "pd.Series[str]":
    """Sequences without white space around them; refuse what is missing, no text or no DNA."""
    sequences = sequences.astype(object)
    missing = sequences.isna().to_numpy()
    for row, value in enumerate(sequences):
        if not missing[row] and not isinstance(value, str):
            message = (
                f"{path} row {row + 1:,}: the sequence is of the type {type(value).__name__} "
                f"({value!r}); text is needed."
            )
            raise InputError(message)
    stripped = sequences.mask(missing, "").str.strip()
    empty = (stripped == "").to_numpy() | _says_missing(stripped)
    if empty.any():
        row = int(empty.argmax())
        message = (
            f"{path} row {row + 1:,} (id '{sequences.index[row]}') has no sequence "
            f"({int(empty.sum()):,} such rows of {len(empty):,}). Fill in or remove them."
        )
        raise InputError(message)
    for row, sequence in enumerate(stripped):
        if wrong_letter(sequence) is not None:  # names of all rows would take as long as reading
            check_dna([(f"{path} row {row + 1:,} (id '{stripped.index[row]}')", sequence)])
    return stripped


def _says_missing(sequences: "pd.Series[str]") -> BoolArray:
    """Rows, (n,), with a text for a missing value that is spelled like DNA, among longer ones.

    Among sequences of a few letters NA is one: adenine after any base.
    """
    is_text: BoolArray = sequences.isin(AS_TEXT).to_numpy(dtype=bool)
    if not is_text.any():
        return is_text
    usual = sequences[~is_text].str.len().median()
    return is_text & bool(usual >= _LONG)
