"""Telling sources of sequences from sources of other measurements, before either is read."""

from pathlib import Path
from typing import Any

import pandas as pd

from polyome._errors import InputError
from polyome.io.compressed import ending
from polyome.io.feature_table import ENDINGS as TABLES
from polyome.io.records import wrong_letter
from polyome.io.table import read_head

MEASURED = (".h5ad", ".h5mu")
"""Endings of files that hold measurements of records, and no sequences."""
LEAST_LETTERS = 12
"""Bases in a row that are no word."""


def holds_sequences(source: Any, column: str) -> bool:
    r"""Whether a source is of sequences: FASTA, intervals, or a table with a column of them.

    Of a table the first rows are read.

    Parameters
    ----------
    source : a table, a path or several, an AnnData, a MuData, or what was read from one.
    column : name of the column of sequences.

    Raises
    ------
    InputError
        A table lacks the column, and another one holds DNA.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "patients.csv"
    >>> _ = path.write_text("id,age,bound\na,40,1\n")
    >>> holds_sequences(path, "sequence"), holds_sequences("a.fa", "sequence")
    (False, True)
    """
    sources = source if isinstance(source, list) else [source]
    if isinstance(source, pd.DataFrame):
        return _in_table(source.head(), column, "the table")
    if not all(isinstance(one, str | Path) for one in sources):
        return False
    paths = [Path(one).expanduser() for one in sources]
    return any(_in_file(path, column) for path in paths)


def _in_file(path: Path, column: str) -> bool:
    if ending(path) not in TABLES:
        return ending(path) not in MEASURED
    return _in_table(read_head(path, text=column), column, str(path))


def _in_table(head: pd.DataFrame, column: str, where: str) -> bool:
    """Whether the first rows of a table have the column; refuse DNA under another name."""
    if column in head.columns:
        return True
    for name, values in head.items():
        texts = values.dropna()
        if pd.api.types.is_numeric_dtype(texts.dtype) or not len(texts):
            continue
        if all(len(t) >= LEAST_LETTERS and wrong_letter(t) is None for t in texts.astype(str)):
            message = (
                f"{where} has no column '{column}', and '{name}' holds DNA ('{texts.iloc[0]:.12}"
                f"...'). Pass --sequence-column {name}, or --inputs features to read the numbers "
                "without it."
            )
            raise InputError(message)
    return False
