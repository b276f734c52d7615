"""The truth of records as measured values."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd

from polyome._errors import InputError, listed, one_column
from polyome._types import BoolArray, FloatArray, IntArray
from polyome.io.missing import as_numbers, missing_words, words_note
from polyome.outputs.targets import TableWords, Targets, named_columns
from polyome.outputs.values_scale import ValueScale, chosen_transform
from polyome.splits import Split

LEAST_ROWS = 10
"""Training rows with a value that a target needs."""


@dataclass(frozen=True, kw_only=True)
class ValueTargets(Targets):
    """The true values of each record.

    Attributes
    ----------
    truth : float64, (n, c), NaN where missing.
    classes : empty.
    notes : what was done with missing values.
    names : the c targets.
    variances : float64, (n, c), of each value over its replicates, NaN where that is not known.
    transform : of :class:`polyome.outputs.values_scale.ValueScale`, or ``auto``.
    scale : how values are measured while training, once learned from training rows.
    weights : float64, (n, c), what each value counts in the loss, once learned from training rows.
    """

    names: tuple[str, ...] = ()
    variances: FloatArray | None = None
    transform: str = "auto"
    scale: ValueScale | None = None
    weights: FloatArray | None = None

    @property
    def labelled(self) -> BoolArray:
        """bool, (n,): records of which a value is known."""
        return np.asarray(np.isfinite(self.truth).any(axis=1))

    def learned_from(self, rows: IntArray) -> Self:
        """These targets, measured on the scale of training rows."""
        values = self.truth[rows]
        transform = chosen_transform(values) if self.transform == "auto" else self.transform
        if self.transform == "log":
            self._check_not_negative()
        scale = ValueScale.fit(values, transform)
        return replace(self, scale=scale, weights=self._weights(rows, scale))

    def _weights(self, rows: IntArray, scale: ValueScale) -> FloatArray | None:
        """1 / (a value's variance + the median variance), mean 1, both over training rows.

        Variances are brought to the units that errors have while training, by the slope of the
        transform (the delta method).
        """
        if self.variances is None:
            return None
        variances = self.variances * scale.slope(self.truth) ** 2
        usual = np.nan_to_num(np.nanmedian(variances[rows], axis=0))
        known = np.where(np.isfinite(variances), variances, usual)
        weights = 1 / (known + np.maximum(usual, 1e-12))
        return np.asarray(weights / weights[rows].mean(axis=0))

    def outputs(self, rows: IntArray) -> tuple[str, ...]:
        """The targets' names."""
        del rows
        return self.names

    def indices(self, rows: IntArray, classes: tuple[str, ...]) -> FloatArray:
        """float32, (m, c, 2): values in training units, and their weights, 0 where missing."""
        del classes
        targets = self if self.scale is not None else self.learned_from(rows)
        assert targets.scale is not None
        values = targets.scale.apply(self.truth[rows])
        known = np.isfinite(values)
        weights = np.ones(values.shape) if self.weights is None else self.weights[rows]
        pair = (np.where(known, values, 0), np.where(known, weights, 0))
        return np.stack(pair, axis=-1).astype(np.float32)

    def check(self, target: str) -> None:
        """Refuse a target without two different values."""
        for name, column in zip(self.names, self.truth.T, strict=True):
            self._check_varies(column, f"column '{name}' (target)")
        del target

    def scorable(self, outputs: tuple[str, ...]) -> Self:
        """The targets in the order of a model's; of other names, as many, in the order given."""
        if len(self.names) != len(outputs):
            message = (
                f"the model answers {listed(outputs)}; {len(self.names)} target"
                f"{'s were' if len(self.names) > 1 else ' was'} named ({listed(self.names)}). Name "
                "one for each, in this order."
            )
            raise InputError(message)
        if set(self.names) == set(outputs):
            order = [self.names.index(name) for name in outputs]
            return replace(self, truth=self.truth[:, order], names=outputs)
        pairs = ", ".join(f"'{one}' as '{out}'" for one, out in zip(self.names, outputs))
        return replace(self, notes=(*self.notes, f"columns are scored by their order: {pairs}."))

    def check_enough(self, parts: Split, target: str) -> None:
        """Each target needs some training rows, and they must differ."""
        for name, column in zip(self.names, self.truth[parts.train].T, strict=True):
            self._check_varies(column, f"the training part of column '{name}' (target)")
            known = int(np.isfinite(column).sum())
            if known < LEAST_ROWS:
                message = (
                    f"column '{name}' (target) has a value on {known} training rows; "
                    f"{LEAST_ROWS} or more are needed."
                )
                raise InputError(message)
        del target

    def _check_not_negative(self) -> None:
        """Refuse to take logarithms of what has a sign: logarithms already, or differences."""
        for name, column in zip(self.names, self.truth.T, strict=True):
            negative = column[column < 0]
            if len(negative):
                message = (
                    f"target_transform=log: {len(negative):,} rows of column '{name}' "
                    f"(target) are negative, the smallest {negative.min():g}. Are they logarithms "
                    "already? Use standardise or rank."
                )
                raise InputError(message)

    @staticmethod
    def _check_varies(column: FloatArray, where: str) -> None:
        values = np.unique(column[np.isfinite(column)])
        if len(values) < 2:
            found = f"only the value {values[0]:g}" if len(values) else "no value at all"
            message = f"{where} has {found}; values that differ are needed."
            raise InputError(message)


def read_values(
    table: pd.DataFrame,
    target: Any,
    unlabelled: str | None,
    words: TableWords,
    *,
    noise: str | None = None,
    transform: str = "auto",
) -> ValueTargets:
    """Values of one column or several; NaN, None and empty mean that there is none.

    ``target`` is a column's name, names separated by commas, or a list of names; ``noise`` names
    columns with the standard deviation of each value, one a target.
    """
    if unlabelled is not None:
        message = f"unlabelled='{unlabelled}' is for classes; leave a missing value empty."
        raise InputError(message)
    names = named_columns(target, table)
    columns = [words.column(table, name) for name in names]
    truth = np.column_stack([as_numbers(c, f"column '{n}'") for c, n in zip(columns, names)])
    missing = int((~np.isfinite(truth).any(axis=1)).sum())
    notes = [
        note
        for column, name in zip(columns, names)
        for note in words_note(missing_words(column), name, "no value")
    ]
    if missing:
        notes.append(
            f"{missing:,} of {len(table):,} rows have no value in {listed(names)}: neither "
            "fitted nor scored."
        )
    return ValueTargets(
        truth=truth,
        notes=tuple(notes),
        names=names,
        variances=_variances(table, names, words.where, noise),
        transform=transform,
    )


def _variances(
    table: pd.DataFrame, names: tuple[str, ...], where: str, noise: str | None
) -> FloatArray | None:
    """Variance of each value over its replicates, (n, c), NaN where it is not known."""
    if noise is None:
        return None
    columns = named_columns(noise, table)
    if len(columns) != len(names):
        message = (
            f"noise names {len(columns)} columns for {len(names)} targets; one a target is needed."
        )
        raise InputError(message)
    found = [one_column(table, name, role="noise", where=where) for name in columns]
    return np.column_stack([_deviations(column) for column in found]) ** 2


def _deviations(column: "pd.Series[Any]") -> FloatArray:
    """Standard deviations, (n,); a negative one is refused, and a column without any."""
    values = as_numbers(column, f"column '{column.name}' (noise)")
    if np.isnan(values).all():
        message = (
            f"column '{column.name}' (noise) has no value at all; standard deviations are needed. "
            "Leave noise out where there are none."
        )
        raise InputError(message)
    negative = values < 0
    if negative.any():
        row = int(negative.argmax())
        message = (
            f"column '{column.name}' (noise) holds {values[row]:g} at record "
            f"'{column.index[row]}' ({int(negative.sum()):,} such rows); a standard deviation is "
            "0 or more. Leave unknown ones empty."
        )
        raise InputError(message)
    return values
