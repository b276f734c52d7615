"""Tables of numbers: which columns are measurements, and which of them belong to each input."""

from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from polyome._errors import InputError, listed
from polyome._types import FloatArray
from polyome.io.compressed import ending
from polyome.io.delimited import UNNAMED
from polyome.io.joined import source_names
from polyome.io.missing import as_numbers, missing_words
from polyome.io.records import repeated_ids
from polyome.io.table import named_by_id, read_any_table, warn_of_table

ENDINGS = (".csv", ".tsv", ".txt", ".parquet")
SEPARATORS = (":", "_", ".")
"""What may stand between an input's name and its column's; the first one found counts."""
REST = "features"
"""The input of this name takes all columns of numbers that no other input has."""
MOSTLY_NUMBERS = 0.8
"""Share of numbers among the texts of a column from which the others are taken for mistakes."""


def is_table(source: Any) -> bool:
    """Whether a source is a table in memory, or the path or paths of tables.

    Examples
    --------
    >>> is_table("a.csv.gz"), is_table(["a.tsv", "b.tsv"]), is_table("cells.h5mu")
    (True, True, False)
    """
    if isinstance(source, pd.DataFrame):
        return True
    paths = source if isinstance(source, list) else [source]
    are_paths = bool(paths) and all(isinstance(one, str | Path) for one in paths)
    return are_paths and all(ending(Path(one)) in ENDINGS for one in paths)


def read_feature_table(source: Any) -> pd.DataFrame:
    r"""Read a table, or several as one, whose rows are records.

    Parameters
    ----------
    source : DataFrame, or the path or paths of CSV, TSV or Parquet files, plain or gzip.

    Returns
    -------
    DataFrame, indexed by the column ``id`` or ``name``, a first column without a name, or the
    number of the row. With several files a column ``source`` names each record's.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "patients.csv"
    >>> _ = path.write_text("id,age,bmi\np1,40,\np2,50,22.5\n")
    >>> read_feature_table(path)["bmi"].to_dict()
    {'p1': nan, 'p2': 22.5}
    """
    if isinstance(source, pd.DataFrame):
        named = source.set_axis(source.index.astype(str), axis=0)
        return _checked(named.set_axis(named.columns.astype(str), axis=1), "the table")
    paths = [Path(one).expanduser() for one in (source if isinstance(source, list) else [source])]
    parts = [_read(path) for path in paths]
    if len(parts) == 1:
        return _checked(parts[0], str(paths[0]))
    names = source_names(paths)
    for part, name in zip(parts, names, strict=True):
        if "source" in part:
            message = (
                f"{name} has a column 'source', which is to name each record's file. Rename it."
            )
            raise InputError(message)
        part["source"] = name
    joined = pd.concat(parts)
    if not joined.index.is_unique:
        joined.index = pd.Index([f"{i}-{s}" for i, s in zip(joined.index, joined["source"])])
    return _checked(joined, "the tables")


def _read(path: Path) -> pd.DataFrame:
    table, notes = read_any_table(path)
    first = str(table.columns[0]) if len(table.columns) else ""
    if first.startswith(UNNAMED) and table[first].notna().all():  # the index that pandas writes
        table = table.rename(columns={first: "id"}) if "id" not in table else table
    table = named_by_id(table)
    warn_of_table(notes, table, path)
    return table


def _checked(table: pd.DataFrame, where: str) -> pd.DataFrame:
    if not len(table):
        message = f"{where} has a header and no rows; records are needed."
        raise InputError(message)
    if not table.index.is_unique:
        raise repeated_ids(table.index, where)
    if not table.columns.is_unique:
        repeated = table.columns[table.columns.duplicated()].unique()
        message = f"{where} has several columns called {listed(repeated, most=3)}. Rename them."
        raise InputError(message)
    return table


def columns_by_input(
    names: Sequence[str], inputs: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, str]]:
    """By input its columns, and what each is called there; none for inputs that take the rest.

    Parameters
    ----------
    names : of all columns.
    inputs : by input the columns or patterns (``*``, ``?``) that were named; without any, its
        columns are those that begin with its name and a colon, an underscore or a point.

    Examples
    --------
    >>> columns_by_input(["expr:TP53", "expr:MYC", "age"], {"expr": (), "clinical": ("ag*",)})
    {'clinical': {'age': 'age'}, 'expr': {'expr:TP53': 'TP53', 'expr:MYC': 'MYC'}}
    """
    found: dict[str, dict[str, str]] = {}
    taken: set[str] = set()
    # What was named goes first; of two prefixes the longer one.
    for name in sorted(inputs, key=lambda n: (not inputs[n], -len(n), n)):
        free = [column for column in names if column not in taken]
        own = _named(name, free, inputs[name]) if inputs[name] else _with_prefix(name, free)
        found[name] = own
        taken |= set(own)
    return found


def _named(name: str, free: Sequence[str], patterns: Sequence[str]) -> dict[str, str]:
    for pattern in patterns:
        if not any(fnmatchcase(column, pattern) for column in free):
            message = (
                f"the input '{name}' is to have the column '{pattern}', and there is no such "
                f"column left. Columns: {listed(free, most=8)}."
            )
            raise InputError(message)
    return {c: c for c in free if any(fnmatchcase(c, pattern) for pattern in patterns)}


def _with_prefix(name: str, free: Sequence[str]) -> dict[str, str]:
    for separator in SEPARATORS:
        start = f"{name}{separator}"
        own = {c: c.removeprefix(start) for c in free if c.startswith(start) and c != start}
        if own:
            return own
    return {name: name} if name in free else {}


def rest_of(inputs: Mapping[str, dict[str, str]]) -> str | None:
    """The input that takes all other columns: that called `features`, or the only one."""
    if len(inputs) == 1:
        (only,) = inputs
        return only if not inputs[only] else None
    return REST if REST in inputs and not inputs[REST] else None


def number_columns(
    table: pd.DataFrame, names: Sequence[str], known: Collection[str] = ()
) -> tuple[list[str], list[str]]:
    """Columns of numbers among some columns, and those of text that are left out.

    Parameters
    ----------
    known : columns that must be numbers: a model reads them.

    Raises
    ------
    InputError
        A column has numbers and some other texts, or should have numbers.
    """
    numbers, texts = [], []
    for name in names:
        column = table[name]
        if pd.api.types.is_numeric_dtype(column.dtype) or column.isna().all():
            numbers.append(name)
            continue
        filled = column.dropna()
        filled = filled[~filled.astype(str).isin(missing_words(filled).index)]
        share = pd.to_numeric(filled.astype(str), errors="coerce").notna().mean()
        if name in known or (len(filled) and share >= MOSTLY_NUMBERS):
            as_numbers(column, f"column '{name}'")  # says which record has text
            numbers.append(name)
        else:
            texts.append(name)
    return numbers, texts


def numbers_of(table: pd.DataFrame, names: Sequence[str]) -> FloatArray:
    """Columns as numbers, float32 (n, f), NaN where missing; other text is refused."""
    columns = [
        table[name].to_numpy(np.float32, na_value=np.nan)
        if pd.api.types.is_numeric_dtype(table[name].dtype)
        else as_numbers(table[name], f"column '{name}'").astype(np.float32)
        for name in names
    ]
    return np.column_stack(columns) if columns else np.zeros((len(table), 0), np.float32)
