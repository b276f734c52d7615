"""The truth of records as classes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from polyome._errors import InputError, listed
from polyome._types import BoolArray, IntArray
from polyome.labels import labels_as_text, reading_notes, without
from polyome.outputs.targets import TableWords, Targets
from polyome.splits import Split


@dataclass(frozen=True, kw_only=True)
class ClassTargets(Targets):
    """The class of each record.

    Attributes
    ----------
    truth : object, (n,), a label or None.
    classes : the labels present, sorted.
    notes : what was done with missing, numeric and excluded labels.
    """

    @property
    def labelled(self) -> BoolArray:
        """bool, (n,): records whose class is known."""
        known: BoolArray = np.array([value is not None for value in self.truth], dtype=bool)
        return known

    @property
    def labels(self) -> np.ndarray | None:
        """(n,), classes whose proportions a split keeps."""
        return self.truth

    @property
    def counts(self) -> dict[str, int]:
        """Rows of each class, in the order of `classes`."""
        known = [value for value in self.truth if value is not None]
        return dict(zip(self.classes, np.unique(known, return_counts=True)[1].tolist()))

    def outputs(self, rows: IntArray) -> tuple[str, ...]:
        """The classes of training rows, sorted."""
        return tuple(sorted(set(self.truth[rows])))

    def answerable(self, rows: IntArray, outputs: tuple[str, ...]) -> IntArray:
        """Those of ``rows`` whose class is among the outputs."""
        return rows[np.isin(self.truth[rows].astype(str), outputs)]

    def indices(self, rows: IntArray, classes: tuple[str, ...]) -> IntArray:
        """int64, (m,): the class of each of ``rows``; all must be labelled."""
        place = {label: i for i, label in enumerate(classes)}
        return np.array([place[value] for value in self.truth[rows]], dtype=np.int64)

    def strata(self, learned: Any) -> IntArray:
        """int64, (m,): classes that folds keep in proportion, of what :meth:`indices` gave."""
        strata: IntArray = learned
        return strata

    def check(self, target: str) -> None:
        """Refuse a target with one class or none."""
        if len(self.classes) < 2:
            found = f"only '{self.classes[0]}'" if self.classes else "no label at all"
            missing = int((~self.labelled).sum())
            rest = f" in {missing:,} of {len(self.labelled):,} rows (empty, NA or NaN)"
            found += f", and none{rest}" * bool(missing and self.classes)
            message = f"column '{target}' (target) has {found}; two classes or more are needed."
            raise InputError(message)

    def check_enough(self, parts: Split, target: str) -> None:
        """Some class needs a row to fit, one to calibrate and one to spare."""
        labels, counts = np.unique(self.truth[parts.train].astype(str), return_counts=True)
        if not len(labels):
            message = (
                f"no row is left to fit on ({parts.how}: {parts.left_out:,} rows were left out as "
                "too near to the test part). More records are needed, or another split."
            )
            raise InputError(message)
        if len(labels) < 2:
            message = (
                f"the training part has only '{labels[0]}' of column '{target}' (target); "
                "two classes or more are needed."
            )
            raise InputError(message)
        if counts.max() < 3 and not len(parts.validation):
            message = (
                f"column '{target}' (target) has {len(labels):,} labels on {counts.sum():,} "
                f"training rows, none of them on 3 rows or more ({listed(labels, most=3)}). Labels "
                "of classes are needed, not names of rows."
            )
            raise InputError(message)
        unseen = sorted(set(self.truth[parts.validation]) - set(labels))
        if unseen:
            message = (
                f"rows of the part 'validation' have labels that no 'train' row has: "
                f"{listed(unseen)}. Move some of those rows to 'train', or give them another part."
            )
            raise InputError(message)


def read_classes(
    table: pd.DataFrame, target: Any, unlabelled: str | None, words: TableWords
) -> ClassTargets:
    """Labels as text; NaN, None, empty and ``unlabelled`` mean that there is none.

    ``unlabelled`` is a label, or several with commas between them.
    """
    column = words.column(table, target)
    values = labels_as_text(column)
    notes = reading_notes(column, values, target)
    if unlabelled is not None:
        values = without(values, unlabelled, column, target)
    missing = np.array([label is None for label in values], dtype=bool)
    if missing.any():
        notes.append(
            f"{int(missing.sum()):,} of {len(column):,} rows have no label in '{target}': "
            "neither fitted nor scored."
        )
    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype):
        notes.append(f"'{target}' holds numbers; they are read as the names of classes.")
    return ClassTargets(
        truth=values, classes=tuple(sorted(set(values[~missing]))), notes=tuple(notes)
    )
