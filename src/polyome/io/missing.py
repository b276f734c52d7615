"""Texts that mean that a value is missing, and columns of numbers: one rule for every input."""

from typing import Any

import numpy as np
import pandas as pd

from polyome._errors import InputError, listed
from polyome._types import BoolArray, FloatArray

AS_TEXT = (
    "nan", "NaN", "NAN", "-nan", "-NaN", "NA", "na", "N/A", "n/a", "N.A.", "n.a.", "<NA>", "<na>",
    "NaT", "NULL", "null", "#N/A", "#N/A N/A", "#NA", "#n/a", "1.#QNAN", "-1.#QNAN", "1.#IND",
    "-1.#IND", "#VALUE!", "#DIV/0!", "#REF!", "#NAME?", "#NULL!", "#NUM!",
)  # fmt: skip
"""What numpy, pandas, R, databases and spreadsheets make of a missing value.

Python's "None" is no such text where it names a class: some call an untreated sample so.
"""
_MARKS = ("-", "--", "\N{EN DASH}", "\N{EM DASH}", "?", ".")
"""What people type where they have no value."""
MISSING = frozenset(("", *AS_TEXT, *_MARKS))
_INVISIBLE = "\N{ZERO WIDTH SPACE}\N{ZERO WIDTH NO-BREAK SPACE}"


def stripped(text: str) -> str:
    r"""Text without blanks and invisible marks at its ends.

    Examples
    --------
    >>> stripped(" B cells\u00a0")
    'B cells'
    """
    return text.strip().strip(_INVISIBLE).strip()


def as_numbers(column: "pd.Series[Any]", name: str) -> FloatArray:
    """A column as float64, (n,), NaN where missing; other text and infinite values are refused.

    Parameters
    ----------
    name : what messages call the column.

    Examples
    --------
    >>> as_numbers(pd.Series(["1.5", " 2 ", "NA", "-"]), "column 'y'").tolist()
    [1.5, 2.0, nan, nan]
    >>> as_numbers(pd.Series(["1,5", "2"], index=["a", "b"]), "column 'y'")
    Traceback (most recent call last):
    polyome._errors.InputError: column 'y' holds '1,5' at record 'a' (1 such rows); numbers are ...
    """
    empty = _is_missing(column, also=("None", "none"))
    values = pd.to_numeric(column.where(~empty), errors="coerce").to_numpy(dtype=np.float64)
    wrong = ~np.isfinite(values) & ~empty
    if wrong.any():
        row = int(wrong.argmax())
        found = str(column.iloc[row])
        message = (
            f"{name} holds '{found}' at record '{column.index[row]}' "
            f"({int(wrong.sum()):,} such rows); numbers are needed, or nothing.{_comma_hint(found)}"
        )
        raise InputError(message)
    return values


def missing_words(column: "pd.Series[Any]") -> "pd.Series[int]":
    """Rows of each text in a column that means missing; empty ones are not among them.

    Examples
    --------
    >>> missing_words(pd.Series(["1", "NA", None, "NA", "?"])).to_dict()
    {'NA': 2, '?': 1}
    """
    if pd.api.types.is_numeric_dtype(column.dtype):
        return pd.Series(dtype=np.int64)
    counts = column.dropna().astype(str).value_counts()
    counts = counts.groupby(counts.index.map(stripped), sort=False).sum()
    return counts[[text in MISSING and text != "" for text in counts.index]]


def _is_missing(column: "pd.Series[Any]", also: tuple[str, ...] = ()) -> BoolArray:
    """bool, (n,): nothing, or a text that means so."""
    missing: BoolArray = column.isna().to_numpy(dtype=bool)
    if not pd.api.types.is_numeric_dtype(column.dtype):
        missing |= column.astype(str).map(stripped).isin({*MISSING, *also}).to_numpy(dtype=bool)
    return missing


def _comma_hint(text: str) -> str:
    if "," not in text or not set(text.strip()) <= set("0123456789,.+-eE "):
        return ""
    return (
        " A comma may be a decimal mark or part thousands, so it is not read: write 1234.5 with a "
        "point alone."
    )


def words_note(words: "pd.Series[int]", target: str, meaning: str) -> tuple[str, ...]:
    """Say how many rows have texts that mean missing, or nothing.

    Examples
    --------
    >>> words_note(pd.Series({"NA": 2}), "y", "no value")
    ("2 rows of 'y' say 'NA', the text that a missing value becomes: taken as no value.",)
    """
    if words.empty:
        return ()
    are_texts = set(words.index) <= set(AS_TEXT)
    why = "the text that a missing value becomes" if are_texts else "which stands for nothing"
    return (f"{int(words.sum()):,} rows of '{target}' say {listed(words.index)}, {why}: taken as "
            f"{meaning}.",)  # fmt: skip
