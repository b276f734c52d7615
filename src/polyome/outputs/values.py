"""Measured values: one or several numbers, with prediction intervals.

Raw outputs are in training units (:class:`polyome.outputs.values_scale.ValueScale`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from sklearn.linear_model import RidgeCV
from torch import Tensor

from polyome._types import FloatArray, IntArray
from polyome.metrics import pearson, regression_metrics
from polyome.outputs.base import FittedOutput, Metric, Output
from polyome.outputs.head import Head, LinearHead
from polyome.outputs.linear import FittedLinear, Fold, OutOfFold, parts_of, validated
from polyome.outputs.prediction import Answered, Prediction
from polyome.outputs.stacking import squared_weights
from polyome.outputs.targets import TableWords
from polyome.outputs.values_calibration import LEVELS, choose_linear_weight, conformal_widths
from polyome.outputs.values_linear import fit_ridge_path, squared_error
from polyome.outputs.values_prediction import ValuePrediction
from polyome.outputs.values_ridge import fit_exact_ridge, fit_joint_ridge
from polyome.outputs.values_scale import ValueScale
from polyome.outputs.values_targets import ValueTargets, read_values

FEWEST = 9
"""Validation rows from which intervals are learned: with 9 the largest error bounds 90 %."""
RIDGE_GRID = np.logspace(-3, 5, 9)
"""Penalties of the baseline, for z-scores."""


class ValueHead(LinearHead):
    """A linear map to one value per target, in training units.

    Parameters
    ----------
    hidden_size : width ``d`` of the representation.
    spec : ``num_labels``, the number of targets; optional ``dropout``.

    Examples
    --------
    >>> import torch
    >>> head = ValueHead(4, {"num_labels": 2})
    >>> head(torch.zeros(3, 4)).shape
    torch.Size([3, 2])
    """

    def loss(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Weighted mean squared error of values, (b, c).

        ``target``, (b, c, 2), holds the true value and its weight; a missing value has weight 0.
        """
        truth, weight = target.unbind(dim=-1)
        return ((outputs - truth).square() * weight).sum() / weight.sum().clamp(min=1e-6)


@dataclass(frozen=True, kw_only=True)
class FittedValues(FittedOutput):
    """Values as measured, and how wide their intervals are.

    Attributes
    ----------
    scale : how values are measured while training.
    widths : float32, (LEVELS - 1, c), half the width of an interval by coverage, in training units;
        of several inputs (2 ** m, LEVELS - 1, c), by those that a record has; None where there were
        too few validation rows.
    """

    scale: ValueScale
    widths: FloatArray | None = None

    def described(self, target: str) -> str:
        """Name the targets."""
        del target
        names = ", ".join(f"`{name}`" for name in self.classes)
        transform = self.scale.transform
        return f"A Polyome model that predicts {names} (fitted after the transform `{transform}`)."

    def calibrated(
        self, outputs: FloatArray, part: str = "polyome", pattern: IntArray | None = None
    ) -> FloatArray:
        """Values as measured."""
        del part, pattern
        return self.scale.undo(outputs)

    def prediction(self, outputs: FloatArray, answered: Answered) -> ValuePrediction:
        """Values and the ends of their intervals."""
        low = high = None
        if self.widths is not None:
            place = min(LEVELS - 1, round(answered.coverage * LEVELS)) - 1
            pattern = answered.pattern
            width = self.widths[place] if pattern is None else self.widths[pattern, place]
            low, high = (self._frame(outputs + w, answered.names) for w in (-width, width))
        values = self._frame(outputs, answered.names)
        return ValuePrediction(values=values, low=low, high=high, **answered.common)

    def _frame(self, outputs: FloatArray, names: pd.Index) -> pd.DataFrame:
        return pd.DataFrame(self.calibrated(outputs), index=names, columns=list(self.classes))

    def linear_predictions(self, scores: FloatArray) -> FloatArray:
        """Values as measured."""
        return self.scale.undo(scores)

    def baseline_truth(self, targets: ValueTargets, rows: IntArray) -> FloatArray:
        """Values in training units, (m, c), NaN where missing."""
        return self.scale.apply(targets.truth[rows])

    def baseline_predictions(self, raw: FloatArray) -> FloatArray:
        """Values as measured."""
        return self.scale.undo(raw)

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Scale and widths."""
        widths = {} if self.widths is None else {"widths": self.widths}
        return {}, self.scale.arrays() | widths

    @classmethod
    def from_state(
        cls, classes: tuple[str, ...], settings: dict[str, Any], arrays: dict[str, np.ndarray]
    ) -> Self:
        """Restore scale and widths."""
        del settings
        scale = ValueScale.from_arrays(arrays)
        return cls(classes=classes, scale=scale, widths=arrays.get("widths"))


@dataclass(frozen=True, kw_only=True)
class Values(Output):
    """One or several numbers for each record.

    Parameters
    ----------
    target_transform : how values are measured while training, see
        :class:`polyome.outputs.values_scale.ValueScale`, or ``auto``.
    noise : columns with the standard deviation of each value, one a target; None without.
    """

    shown_metrics: tuple[str, ...] = ("pearson", "spearman", "r2", "rmse")
    resampled_metrics: tuple[str, ...] = ("pearson", "r2")
    target_transform: str = "auto"
    noise: str | None = None

    name: ClassVar[str] = "values"
    head: ClassVar[type[Head]] = ValueHead
    prediction: ClassVar[type[Prediction]] = ValuePrediction
    fitted: ClassVar[type[FittedOutput]] = FittedValues
    constant: ClassVar[str] = "mean"
    linear: ClassVar[str] = "ridge"
    network_weight: ClassVar[float] = 0.3
    caution: ClassVar[str] = (
        "- Intervals hold for records like the training rows; on other laboratories' data they may "
        "be too narrow."
    )
    sections: ClassVar[tuple[str, ...]] = ("values",)

    @staticmethod
    def summary(target: str, classes: tuple[str, ...]) -> str:
        """Name the targets."""
        del classes
        return f"predicts measured values ({target})"

    def targets(
        self, table: pd.DataFrame, target: Any, unlabelled: str | None, words: TableWords
    ) -> ValueTargets:
        """Values of columns, see :func:`polyome.outputs.values_targets.read_values`."""
        return read_values(
            table,
            target,
            unlabelled,
            words,
            noise=self.noise,
            transform=self.target_transform,
        )

    def for_scoring(self) -> Self:
        """Values alone: how noisy they are matters to a fit only."""
        return replace(self, noise=None)

    def head_spec(self, truth: FloatArray, num_outputs: int) -> dict[str, Any]:
        """One output per target."""
        del truth
        return {"output": self.name, "num_labels": num_outputs, "dropout": self.head_dropout}

    def loss(self, outputs: FloatArray, truth: FloatArray) -> float:
        """Mean squared error."""
        return squared_error(outputs, truth)

    def fit_linear(
        self,
        folds: list[Fold],
        whole: Fold,
        truth: FloatArray,
        num_outputs: int,
        *,
        penalties: Sequence[float] | None = None,
        readings: tuple[int, int] | None = None,
        are_few: bool = False,
    ) -> FittedLinear:
        """Ridge regression."""
        del num_outputs, penalties, readings
        if are_few:
            return fit_exact_ridge(folds, whole, truth)
        return fit_ridge_path(folds, whole, truth)

    def uncalibrated(self, targets: ValueTargets, classes: tuple[str, ...]) -> FittedValues:
        """The scale that was learned with the targets, and no intervals."""
        assert targets.scale is not None, "targets are learned from training rows"
        return FittedValues(classes=classes, scale=targets.scale)

    def calibrate(
        self,
        fitted: FittedValues,
        out_of_fold: Sequence[OutOfFold],
        linear: FittedLinear | None,
        truth: FloatArray,
        groups: np.ndarray | None,
        *,
        members: int,
    ) -> tuple[FittedValues, FittedLinear | None, float]:
        """Learn the linear model's weight, and the widths of intervals (split conformal)."""
        weight = self.linear_weight
        if not out_of_fold:
            return fitted, linear, weight
        rows, outputs = validated(out_of_fold)
        if linear is not None:
            alone = linear.out_of_fold
            weight = choose_linear_weight(weight, out_of_fold, alone, truth, members)
            outputs = parts_of(outputs, alone[rows], weight)[0]
        if len(rows) >= FEWEST:
            groups = None if groups is None else groups[rows]
            fitted = replace(fitted, widths=conformal_widths(outputs, truth[rows], groups))
        return fitted, linear, weight

    def constant_outputs(self, truth: FloatArray, num_outputs: int) -> FloatArray:
        """Weighted means of the values."""
        del num_outputs
        values, weights = truth[..., 0], truth[..., 1]
        return np.asarray((values * weights).sum(axis=0) / weights.sum(axis=0).clip(1e-6))

    def stacking_weights(
        self, outputs: Sequence[FloatArray], truth: FloatArray, start: FloatArray
    ) -> FloatArray:
        """Weights of least squared error."""
        return squared_weights(outputs, truth, start)

    def fit_jointly(
        self,
        folds: Mapping[str, Sequence[Fold]],
        whole: Mapping[str, Fold],
        alone: Mapping[str, FittedLinear],
        truth: FloatArray,
    ) -> Mapping[str, FittedLinear] | None:
        """One ridge regression on all inputs, where its held-out error is the smaller one.

        Values add up: what two inputs say each by itself does not tell what they say together.
        """
        joint = fit_joint_ridge(folds, whole, truth)
        rows = np.unique(np.concatenate([f.held for several in folds.values() for f in several]))
        has_all = np.all([np.isin(rows, fold.rows) for fold in whole.values()], axis=0)
        rows = rows[has_all]
        if not len(rows):
            return None
        start = np.full(len(whole), 1 / len(whole))
        separate = [alone[name].out_of_fold[rows] for name in whole]
        weights = squared_weights(separate, truth[rows], start)
        together = np.sum([joint[name].out_of_fold[rows] for name in whole], axis=0)
        error = squared_error(self.pooled(separate, weights), truth[rows])
        return joint if squared_error(together, truth[rows]) < error else None

    def calibrate_inputs(
        self,
        fitted: FittedValues,
        held: Mapping[int, tuple[FloatArray, FloatArray, np.ndarray | None]],
        num_patterns: int,
    ) -> FittedValues:
        """Learn the widths of intervals for each set of inputs; where none could be, the widest."""
        widths = {
            pattern: conformal_widths(*parts)
            for pattern, parts in held.items()
            if len(parts[0]) >= FEWEST
        }
        if not widths:
            return fitted
        widest = np.max([*widths.values()], axis=0)
        by_pattern = np.stack([widths.get(p, widest) for p in range(num_patterns)])
        return replace(fitted, widths=by_pattern)

    def joined(self, views: Sequence[FloatArray]) -> FloatArray:
        """Mean."""
        return np.asarray(np.mean(views, axis=0))

    def metrics(
        self, truth: np.ndarray, predictions: FloatArray, classes: tuple[str, ...]
    ) -> dict[str, Any]:
        """Means over targets of :func:`polyome.metrics.regression_metrics`; missing rows left out.

        ``truth`` and ``predictions`` are (n, c).
        """
        del classes
        scores = []
        for measured, predicted in zip(truth.T, predictions.T, strict=True):
            known = np.isfinite(measured)
            scores.append(regression_metrics(measured[known], predicted[known]))
        by_name = {name: [s[name] for s in scores] for name in scores[0]}
        return {
            name: None if any(v is None for v in values) else float(np.mean(np.array(values)))
            for name, values in by_name.items()
        }

    def quick_metrics(self) -> dict[str, Metric]:
        """Pearson's r and R2."""
        return {"pearson": _mean_pearson, "r2": _mean_r2}

    def details(
        self,
        predicted: ValuePrediction,
        truth: np.ndarray,
        classes: tuple[str, ...],
        *,
        refuses: bool,
    ) -> dict[str, Any]:
        """Proportion of true values in their intervals, and the scores of each of several."""
        del refuses
        coverage: dict[str, float | None] = {}
        for k, name in enumerate(classes):
            if predicted.low is None or predicted.high is None:
                continue
            known = np.isfinite(truth[:, k])
            low, high = (end[name].to_numpy()[known] for end in (predicted.low, predicted.high))
            inside = (truth[known, k] >= low) & (truth[known, k] <= high)
            coverage[name] = float(inside.mean()) if known.any() else None
        several = classes if len(classes) > 1 else ()
        by_target = self.by_target(truth, predicted.outputs, several)
        return {"by_target": by_target, "coverage": coverage}

    def fit_constant(self, truth: FloatArray) -> FloatArray:
        """Means."""
        return np.asarray(np.nanmean(truth, axis=0))

    def fit_linear_baseline(
        self, features: FloatArray, truth: FloatArray, seed: int, groups: np.ndarray | None
    ) -> tuple[FloatArray, ...]:
        """Ridge regression, its penalty chosen by leaving one out."""
        del seed, groups
        fits = []
        for column in truth.T:
            known = np.isfinite(column)
            fits.append(RidgeCV(RIDGE_GRID).fit(features[known], column[known]))
        return np.stack([fit.coef_ for fit in fits]), np.array([fit.intercept_ for fit in fits])


def _mean_pearson(
    truth: np.ndarray, predictions: FloatArray, classes: tuple[str, ...]
) -> float | None:
    """Mean over targets of Pearson's r, quickly."""
    del classes
    found = []
    for measured, predicted in zip(truth.T, predictions.T, strict=True):
        known = np.isfinite(measured)
        found.append(pearson(measured[known], predicted[known]))
    return None if any(v is None for v in found) else float(np.mean(np.array(found)))


def _mean_r2(truth: np.ndarray, predictions: FloatArray, classes: tuple[str, ...]) -> float | None:
    """Mean over targets of 1 - squared errors / squares about the mean; None where these are 0."""
    del classes
    if not np.isfinite(truth).any(axis=0).all():
        return None
    squares = np.nansum((truth - np.nanmean(truth, axis=0)) ** 2, axis=0)
    if not squares.all():
        return None
    return float(np.mean(1 - np.nansum((truth - predictions) ** 2, axis=0) / squares))
