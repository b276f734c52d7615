"""Tables of sequences: CSV, TSV and Parquet, plain or gzip."""

import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from polyome._errors import InputError, missing_column
from polyome.io.compressed import StrPath, ending, read_bytes, read_text
from polyome.io.records import check_dna, id_column, wrong_letter

_SHOWN = 40  # letters of a column's name, which is a sequence where the header is missing


def read_table(path: StrPath, *, sequence_column: str = "sequence") -> pd.DataFrame:
    r"""Read a table with one sequence per row.

    ``.csv`` is separated by commas, ``.tsv`` and ``.txt`` by tabs; ``.parquet`` needs pyarrow. Each
    may be gzip, whatever its name. Sequences and ids are read as they are written; elsewhere
    pandas's marks (empty, ``NA``, ``nan``, ...) mean missing.

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
    is_parquet = ending(path) == ".parquet"
    table = _read_parquet(path) if is_parquet else read_columns(path, text=sequence_column)
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
    table = _named(table.rename(columns={sequence_column: "sequence"}), path)
    table["sequence"] = _checked(table["sequence"], path)
    return table


def read_columns(path: Path, *, text: str | None = None) -> pd.DataFrame:
    r"""Read a CSV or TSV as it is; the column ``text`` and ids stay text.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "labels.csv"
    >>> _ = path.write_text("id,label\n007,2\nNA,\n")
    >>> read_columns(path).values.tolist()
    [['007', 2.0], ['NA', nan]]
    """
    content = read_text(path)
    separator = "," if ending(path) == ".csv" else "\t"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            first = pd.read_csv(io.StringIO(content), sep=separator, index_col=False, nrows=0)
            header = [str(column) for column in first.columns]
            as_is: dict[str, Callable[[str], str]] = {
                c: str.strip for c in header if c in {text, "name"} or c.lower() == "id"
            }
            return pd.read_csv(
                io.StringIO(content),
                sep=separator,
                index_col=False,  # a field too many is an error, not an index
                converters=as_is,  # the only way past the marks of missing values
                low_memory=False,
            )
    except (pd.errors.EmptyDataError, pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise _no_table(path, error) from error


def _no_table(path: Path, error: Exception) -> InputError:
    if isinstance(error, pd.errors.EmptyDataError):
        return InputError(f"{path} holds no table: it is blank. A header and rows are needed.")
    if isinstance(error, pd.errors.ParserWarning):
        return InputError(
            f"{path}: rows have more fields than the header has names. Name every column in the "
            "first line (if R wrote the file: row.names = FALSE)."
        )
    reason = str(error).strip().removeprefix("Error tokenizing data. C error: ")
    return InputError(
        f"{path} is not a table: {reason}. Every line needs as many fields as the first."
    )


def _read_parquet(path: Path) -> pd.DataFrame:
    content = read_bytes(path)
    if not content.startswith(b"PAR1"):
        message = f"{path} is not a Parquet file (it begins with {content[:8]!r})."
        raise InputError(message)
    try:
        table = pd.read_parquet(io.BytesIO(content))
    except ImportError as error:
        message = f"{path}: Parquet is read with pyarrow, which is absent. Run: pip install pyarrow"
        raise InputError(message) from error
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
    elif len(columns) == 1 and any(mark in columns[0] for mark in ";,\t|"):
        hint = " .csv is separated by commas, .tsv and .txt by tabs."
    return InputError(f"{missing_column(name, shown, role='sequence', where=str(path))}{hint}")


def _named(table: pd.DataFrame, path: Path) -> pd.DataFrame:
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
    empty = (stripped == "").to_numpy()
    if empty.any():
        row = int(empty.argmax())
        message = (
            f"{path} row {row + 1:,} (id '{sequences.index[row]}') has no sequence "
            f"({int(empty.sum()):,} such rows of {len(empty):,}). Fill in or remove them."
        )
        raise InputError(message)
    names = (f"{path} row {i + 1:,} (id '{name}')" for i, name in enumerate(stripped.index))
    check_dna(zip(names, stripped))
    return stripped
