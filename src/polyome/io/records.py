"""What tables of sequences share, whatever they were read from: names, letters and labels."""

import re
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from polyome._errors import InputError, PolyomeWarning, listed, missing_column
from polyome.io.nucleotides import LETTERS, not_dna

NOTES = "notes"
"""Key of a table's ``attrs`` that says what was decided while reading."""
_MONTH = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sept?|Oct|Nov|Dec"
_DATE = (
    rf"[0-9]{{1,2}}-(?:{_MONTH})|(?:{_MONTH})-[0-9]{{1,2}}|"
    r"[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}(?: 00:00:00)?|[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}"
)
"""What spreadsheets write for MARCH1, SEPT2, DEC1, OCT4 and other names of genes."""
_DATE_LINE = re.compile(f"^(?:{_DATE})$", re.MULTILINE)
_NUCLEOTIDES = (LETTERS[1:] + LETTERS[1:].lower() + "Uu").encode()


def wrong_letter(sequence: str) -> int | None:
    """The place of the first letter that is no nucleotide (0-based), if there is one.

    Examples
    --------
    >>> wrong_letter("ACGTnnRY"), wrong_letter("AC GT")
    (None, 2)
    """
    letters = sequence.encode("ascii", "replace")  # one byte a letter, "?" is no nucleotide
    wrong = letters.translate(None, delete=_NUCLEOTIDES)
    return min(letters.index(byte) for byte in set(wrong)) if wrong else None


def check_dna(sequences: Iterable[tuple[str, str]]) -> None:
    """Refuse what is not DNA.

    Parameters
    ----------
    sequences : what an error calls each sequence, and the sequence.

    Examples
    --------
    >>> check_dna([("a.fa: record 'x'", "ACGU"), ("a.fa: record 'y'", "MKLV")])
    Traceback (most recent call last):
    polyome._errors.InputError: a.fa: record 'y' holds 'L' at position 3, which is no nucleotide ...
    """
    for where, sequence in sequences:
        place = wrong_letter(sequence)
        if place is not None:
            message = not_dna(sequence, place, where)
            raise InputError(message)


def id_column(table: pd.DataFrame) -> str | None:
    """The column that names the records: ``id`` or else ``name``, whichever has no gaps.

    Examples
    --------
    >>> id_column(pd.DataFrame({"name": ["a", "b"], "ID": ["a", None]}))
    'name'
    """
    columns = [str(column) for column in table.columns]
    for column in ["id", *(c for c in columns if c.lower() == "id"), "name"]:
        if column in columns:
            values = table[column]
            if not (values.isna() | (values.astype(str).str.strip() == "")).any():
                return column
    return None


def repeated_ids(names: "pd.Index[str]", where: str) -> InputError:
    """Build the error for records that their ids do not tell apart.

    Examples
    --------
    >>> print(repeated_ids(pd.Index(["a", "b", "a"]), "labels.csv"))
    labels.csv: 1 of the ids occurs more than once ('a'); records are matched by id. ...
    """
    repeated = names[names.duplicated()].unique()
    verb = "occurs" if len(repeated) == 1 else "occur"
    return InputError(
        f"{where}: {len(repeated):,} of the ids {verb} more than once "
        f"({listed(repeated, most=3)}); records are matched by id. Give each an id of its own."
    )


def dates_note(names: "pd.Series[Any]", where: str) -> list[str]:
    """Say which names may be genes that a spreadsheet turned to dates; none where most are dates.

    Examples
    --------
    >>> dates_note(pd.Series(["TP53", "1-Mar", "MYC"]), "a.csv")
    ["a.csv: 1 of 3 names look like dates ('1-Mar'). Spreadsheets turn genes such as MARCH1 ..."]
    """
    texts = names.dropna().astype(str)
    if not _DATE_LINE.search("\n".join(texts)):  # faster than a match of each of many names
        return []
    dates = texts[texts.str.fullmatch(_DATE)]
    if not len(dates) or 2 * len(dates) > len(texts):
        return []
    return [
        f"{where}: {len(dates):,} of {len(names):,} names look like dates "
        f"({listed(dates.unique(), most=3)}). Spreadsheets turn genes such as MARCH1 and SEPT2 to "
        "dates; take the names from the original file."
    ]


def join_labels(records: pd.DataFrame, labels: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Put the columns of a table beside the records of the same id.

    Parameters
    ----------
    records : indexed by id.
    labels : a column ``id`` or ``name``, and columns that ``records`` has not.
    path : where the labels are from, for errors.

    Returns
    -------
    DataFrame, the records in their order; NaN where a record has no label. Labels of other records
    are left out; a warning says so if there are records without a label, too.

    Examples
    --------
    >>> records = pd.DataFrame({"sequence": ["AC", "GT"]}, index=["a", "b"])
    >>> table = pd.DataFrame({"id": ["b"], "label": ["yes"]})
    >>> join_labels(records, table, Path("labels.csv"))["label"].tolist()
    [nan, 'yes']
    """
    column = id_column(labels)
    if column is None:
        wanted = "id"
        if wanted in labels:
            empty = labels[wanted].isna() | (labels[wanted].astype(str).str.strip() == "")
            message = (
                f"{path}: the column 'id' (names of records) is empty in {int(empty.sum()):,} of "
                f"{len(labels):,} rows, first in row {int(empty.to_numpy().argmax()) + 1:,}. "
                "Each label needs an id."
            )
            raise InputError(message)
        raise missing_column(wanted, labels.columns, role="names of records", where=str(path))
    labels = labels.set_index(labels[column].astype(str).str.strip()).drop(columns=column)
    if not labels.index.is_unique:
        raise repeated_ids(labels.index, str(path))
    clash = [name for name in labels.columns if name in records]
    if clash:
        message = (
            f"{path} has columns that the sequences have already: {listed(clash)}. "
            "Rename or remove them."
        )
        raise InputError(message)
    if not records.index.isin(labels.index).any():
        message = (
            f"{path} labels none of the {len(records):,} sequences. Its ids: "
            f"{listed(labels.index, most=3)}; the sequences': {listed(records.index, most=3)}. "
            "The id of a sequence is the first word of its header."
        )
        raise InputError(message)
    strangers = labels.index[~labels.index.isin(records.index)]
    unlabelled = records.index[~records.index.isin(labels.index)]
    if len(strangers) and len(unlabelled):
        message = (
            f"{len(unlabelled):,} of {len(records):,} sequences have no label in {path} (first: "
            f"'{unlabelled[0]}'), and {len(strangers):,} of its ids are no sequence's (first: "
            f"'{strangers[0]}'). Are they spelled alike?"
        )
        warnings.warn(message, PolyomeWarning, stacklevel=2)
    return records.join(labels.reindex(records.index.unique()))
