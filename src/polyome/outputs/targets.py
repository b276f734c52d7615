"""The truth of records, as every output type reads it from their table."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from polyome._errors import InputError, missing_column, one_column
from polyome._types import BoolArray, IntArray
from polyome.splits import Split

Truth = Any
"""What :meth:`Targets.indices` gives: int64 (n,) for classes, else float32 with n rows."""


@dataclass(frozen=True)
class TableWords:
    """How messages name the table of the records.

    Attributes
    ----------
    where : such as ``obs``.
    hint : where else the truth may be, for users whose table lacks its column.
    """

    where: str = "obs"
    hint: str = ""

    def column(self, table: pd.DataFrame, target: object) -> "pd.Series[Any]":
        """Look up the column with the truth."""
        if not isinstance(target, str):
            message = f"target={target!r}: the name of one column is needed."
            raise InputError(message)
        if target not in table.columns:
            error = missing_column(target, table.columns, role="target", where=self.where)
            is_near = "Did you mean" in str(error)
            message = f"{error}{'' if is_near else self.hint}"
            raise InputError(message)
        return one_column(table, target, role="target", where=self.where)


@dataclass(frozen=True, kw_only=True)
class Targets(ABC):
    """The truth of each record.

    Attributes
    ----------
    truth : (n,) or (n, c).
    classes : the classes present, sorted; empty where an answer is not one of several.
    notes : what was done with missing values.
    """

    truth: np.ndarray
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    @abstractmethod
    def labelled(self) -> BoolArray:
        """bool, (n,): records whose truth is known, at least in part."""

    @property
    def labels(self) -> np.ndarray | None:
        """(n,), classes whose proportions a split keeps; None where there are none."""
        return None

    @property
    def counts(self) -> dict[str, int]:
        """Rows of each class, in the order of `classes`."""
        return {}

    def learned_from(self, rows: IntArray) -> Self:
        """These targets with what has to be learned of training rows; by default nothing."""
        del rows
        return self

    @abstractmethod
    def outputs(self, rows: IntArray) -> tuple[str, ...]:
        """Names of what a model of these training rows answers."""

    def answerable(self, rows: IntArray, outputs: tuple[str, ...]) -> IntArray:
        """Those of ``rows`` whose truth is among the outputs; by default all."""
        del outputs
        return rows

    @abstractmethod
    def indices(self, rows: IntArray, classes: tuple[str, ...]) -> Truth:
        """The truth of ``rows`` as the loss reads it."""

    def strata(self, learned: Truth) -> IntArray:
        """int64, (m,): what folds keep in proportion; by default nothing, zeros."""
        return np.zeros(len(learned), dtype=np.int64)

    @abstractmethod
    def check(self, target: str) -> None:
        """Refuse a target from which nothing can be learned."""

    def scorable(self, outputs: tuple[str, ...]) -> Self:
        """The truth in the order of a model's outputs; classes are looked up by name."""
        del outputs
        return self

    @abstractmethod
    def check_enough(self, parts: Split, target: str) -> None:
        """Refuse a training part that is too small."""


def named_columns(target: object, table: pd.DataFrame) -> tuple[str, ...]:
    """Names of columns: one, several with commas between them, or a list.

    Examples
    --------
    >>> named_columns("liver, brain", pd.DataFrame())
    ('liver', 'brain')
    """
    if isinstance(target, str):
        whole = target in table.columns
        names = [target] if whole else [name.strip() for name in target.split(",")]
    elif isinstance(target, Sequence) and all(isinstance(name, str) for name in target):
        names = list(target)
    else:
        names = []
    if not names or not all(names) or len(set(names)) < len(names):
        message = (
            f"target={target!r}: different names of columns are needed, such as 'liver,brain'."
        )
        raise InputError(message)
    return tuple(names)
