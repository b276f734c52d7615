"""The truth of records as any of several labels."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd

from polyome._errors import InputError, listed
from polyome._types import BoolArray, FloatArray, IntArray
from polyome.io.missing import MISSING, missing_words, stripped, words_note
from polyome.outputs.targets import TableWords, Targets, named_columns
from polyome.splits import Split

WORDS = {
    "1": 1.0,
    "1.0": 1.0,
    "yes": 1.0,
    "true": 1.0,
    "0": 0.0,
    "0.0": 0.0,
    "no": 0.0,
    "false": 0.0,
}
"""What a column may hold, in any capitals."""
LEAST_ROWS = 3
"""Training rows that have a label, and rows that lack it, from which it can be learned."""


@dataclass(frozen=True, kw_only=True)
class LabelTargets(Targets):
    """Which labels each record has.

    Attributes
    ----------
    truth : float64, (n, c): 1, 0, or NaN where that is not known.
    names : the c labels.
    """

    names: tuple[str, ...] = ()

    @property
    def labelled(self) -> BoolArray:
        """bool, (n,): records of which a label is known."""
        return np.asarray(np.isfinite(self.truth).any(axis=1))

    def outputs(self, rows: IntArray) -> tuple[str, ...]:
        """The labels."""
        del rows
        return self.names

    def indices(self, rows: IntArray, classes: tuple[str, ...]) -> FloatArray:
        """float32, (m, c, 2): 0 or 1, and whether that is known."""
        del classes
        known = np.isfinite(self.truth[rows])
        pair = (np.where(known, self.truth[rows], 0), known)
        return np.stack(pair, axis=-1).astype(np.float32)

    def check(self, target: str) -> None:
        """Refuse a label that all records have, or none."""
        del target
        for name, column in zip(self.names, self.truth.T, strict=True):
            values = np.unique(column[np.isfinite(column)])
            if len(values) < 2:
                found = f"only {values[0]:g}" if len(values) else "no value at all"
                message = (
                    f"column '{name}' (target) has {found}; records with the label (1) and without "
                    "it (0) are needed. Leave the column out of --target."
                )
                raise InputError(message)

    def scorable(self, outputs: tuple[str, ...]) -> Self:
        """The truth in the order of a model's labels, which must be the same."""
        if set(self.names) != set(outputs) or len(self.names) != len(outputs):
            message = (
                f"the model answers the labels {listed(outputs)}; columns {listed(self.names)} "
                "were named. Name a column for each label, of the same name."
            )
            raise InputError(message)
        order = [self.names.index(name) for name in outputs]
        return replace(self, truth=self.truth[:, order], names=outputs)

    def check_enough(self, parts: Split, target: str) -> None:
        """Of each label some training rows must have it, and some lack it."""
        del target
        for name, column in zip(self.names, self.truth[parts.train].T, strict=True):
            for value, what in ((1, "have"), (0, "lack")):
                number = int((column == value).sum())
                if number < LEAST_ROWS:
                    message = (
                        f"{number} training rows {what} the label '{name}' (target); {LEAST_ROWS} "
                        "or more are needed. Leave the column out of --target, or split otherwise."
                    )
                    raise InputError(message)


def read_labels(
    table: pd.DataFrame, target: Any, unlabelled: str | None, words: TableWords
) -> LabelTargets:
    """Columns of 0 and 1, yes and no, true and false; missing where a label is not known.

    ``target`` is names separated by commas, or a list of names.

    Examples
    --------
    >>> table = pd.DataFrame({"a": ["yes", "no", None], "b": [1, 0, 1]})
    >>> read_labels(table, "a,b", None, TableWords()).truth.tolist()
    [[1.0, 1.0], [0.0, 0.0], [nan, 1.0]]
    """
    if unlabelled is not None:
        message = f"unlabelled='{unlabelled}' is for classes; leave a label that is unknown empty."
        raise InputError(message)
    names = named_columns(target, table)
    columns = [words.column(table, name) for name in names]
    truth = np.column_stack([_zeros_and_ones(column) for column in columns])
    notes = [
        note
        for column, name in zip(columns, names, strict=True)
        for note in words_note(missing_words(column), name, "not known")
    ]
    unknown = np.isnan(truth)
    if unknown.any():
        notes.append(
            f"{int(unknown.sum()):,} of {truth.size:,} labels are not known: neither fitted nor "
            f"scored; {int(unknown.all(axis=1).sum()):,} of {len(table):,} rows have none."
        )
    return LabelTargets(truth=truth, notes=tuple(notes), names=names)


def _zeros_and_ones(column: "pd.Series[Any]") -> FloatArray:
    """A column as 0, 1 or NaN, (n,); anything else is refused."""
    texts = column.astype(object).map(lambda value: stripped(str(value)).lower())
    missing = column.isna().to_numpy(dtype=bool)
    missing |= texts.isin({word.lower() for word in MISSING} | {"none"}).to_numpy(dtype=bool)
    values = texts.map(WORDS).to_numpy(dtype=np.float64)
    wrong = np.isnan(values) & ~missing
    if wrong.any():
        row = int(wrong.argmax())
        message = (
            f"column '{column.name}' (target) holds '{column.iloc[row]}' at record "
            f"'{column.index[row]}' ({int(wrong.sum()):,} such rows); 0, 1, yes, no, true or false "
            "are needed, or nothing where it is not known."
        )
        raise InputError(message)
    return np.where(missing, np.nan, values)
