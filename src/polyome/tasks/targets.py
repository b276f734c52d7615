"""The truth of records: classes, or measured values."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from polyome._errors import InputError, listed
from polyome._types import BoolArray, FloatArray, IntArray
from polyome.splits import Split
from polyome.tasks.scales import ValueScale, chosen_transform


@dataclass(frozen=True)
class Targets:
    """The truth of each record, as classes; :class:`ValueTargets` has values.

    Attributes
    ----------
    truth : object, (n,), a label or None.
    classes : the labels present, sorted.
    notes : what was done with missing, numeric and excluded labels.
    """

    truth: np.ndarray
    classes: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def labelled(self) -> BoolArray:
        """bool, (n,): records whose truth is known."""
        known: BoolArray = np.array([value is not None for value in self.truth], dtype=bool)
        return known

    @property
    def scale(self) -> ValueScale | None:
        """How values are measured while training; None for classes."""
        return None

    @property
    def labels(self) -> np.ndarray | None:
        """(n,), classes whose proportions a split keeps; None for values."""
        return self.truth

    @property
    def counts(self) -> dict[str, int]:
        """Rows of each class, in the order of `classes`; values have none."""
        known = [value for value in self.truth if value is not None]
        return dict(zip(self.classes, np.unique(known, return_counts=True)[1].tolist()))

    def learned_from(self, rows: IntArray) -> Self:
        """These targets with what has to be learned of training rows: of classes, nothing."""
        del rows
        return self

    def outputs(self, rows: IntArray) -> tuple[str, ...]:
        """What a model of these training rows answers: their classes, sorted."""
        return tuple(sorted(set(self.truth[rows])))

    def answerable(self, rows: IntArray, outputs: tuple[str, ...]) -> IntArray:
        """Those of ``rows`` whose class is among the outputs."""
        return rows[np.isin(self.truth[rows].astype(str), outputs)]

    def indices(self, rows: IntArray, classes: tuple[str, ...]) -> Any:  # int, or values
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

    def scorable(self, outputs: tuple[str, ...]) -> Self:
        """The truth in the order of a model's outputs; classes have none."""
        del outputs
        return self

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


LEAST_ROWS = 10
"""Training rows with a value that a target needs."""


@dataclass(frozen=True)
class ValueTargets(Targets):
    """The true values of each record.

    Attributes
    ----------
    truth : float64, (n, c), NaN where missing.
    classes : empty.
    notes : what was done with missing values.
    names : the c targets.
    variances : float64, (n, c), of each value over its replicates, NaN where that is not known.
    transform : of :class:`polyome.tasks.scales.ValueScale`, or ``auto``.
    learned : the scale, once learned from training rows.
    weights : float64, (n, c), what each value counts in the loss, once learned from training rows.
    """

    names: tuple[str, ...] = ()
    variances: FloatArray | None = None
    transform: str = "auto"
    learned: ValueScale | None = None
    weights: FloatArray | None = None

    @property
    def labelled(self) -> BoolArray:
        """bool, (n,): records of which a value is known."""
        return np.asarray(np.isfinite(self.truth).any(axis=1))

    @property
    def scale(self) -> ValueScale | None:
        """How values are measured while training."""
        return self.learned

    @property
    def labels(self) -> None:
        """Values have no classes to keep in proportion."""

    @property
    def counts(self) -> dict[str, int]:
        """None: values have no classes."""
        return {}

    def learned_from(self, rows: IntArray) -> Self:
        """These targets, measured on the scale of training rows."""
        values = self.truth[rows]
        transform = chosen_transform(values) if self.transform == "auto" else self.transform
        if self.transform == "log":
            self._check_not_negative()
        scale = ValueScale.fit(values, transform)
        return replace(self, learned=scale, weights=self._weights(rows, scale))

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

    def answerable(self, rows: IntArray, outputs: tuple[str, ...]) -> IntArray:
        """All of them: a value has no class that could be unknown."""
        del outputs
        return rows

    def indices(self, rows: IntArray, classes: tuple[str, ...]) -> FloatArray:
        """float32, (m, c, 2): values in training units, and their weights, 0 where missing."""
        del classes
        targets = self if self.learned is not None else self.learned_from(rows)
        assert targets.learned is not None
        values = targets.learned.apply(self.truth[rows])
        known = np.isfinite(values)
        weights = np.ones(values.shape) if self.weights is None else self.weights[rows]
        pair = (np.where(known, values, 0), np.where(known, weights, 0))
        return np.stack(pair, axis=-1).astype(np.float32)

    def strata(self, learned: Any) -> IntArray:
        """Zeros: folds are drawn without strata."""
        return np.zeros(len(learned), dtype=np.int64)

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
        pairs = ", ".join(f"'{own}' as '{out}'" for own, out in zip(self.names, outputs))
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
