"""Measured values: squared error, ridge regression beside the trunk, conformal intervals.

All here is in training units (:class:`polyome.tasks.scales.ValueScale`) until it is answered.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse.linalg import LinearOperator, lsmr
from sklearn.linear_model import RidgeCV

from polyome._threads import each_alone
from polyome._types import BoolArray, FloatArray, IntArray
from polyome.modalities.base import ValuePrediction
from polyome.model.inference import RawOutputs
from polyome.model_folder.fitted_model import FittedModel
from polyome.tasks.base import Task
from polyome.tasks.scales import ValueScale
from polyome.tasks.targets import Targets
from polyome.train.kind import Kind, OutOfFold
from polyome.train.linear_model import FittedLinear, Fold
from polyome.train.ridge import fit_exact_ridge, fit_joint_ridge
from polyome.train.stacking import squared_weights

ALPHAS = (100.0, 30.0, 10.0, 3.0, 1.0, 0.3)
"""Penalties of the linear model, from strong to weak, for features of total variance 1 a block."""
KERNEL_ALPHAS = (3.0, 1.0, 0.3, 0.1, 0.03)
"""The same where features are a kernel with Nystroem landmarks, 1 for equal sequences."""
RIDGE_GRID = np.logspace(-3, 5, 9)
"""Penalties of the baseline, for z-scores."""
LEVELS = 1000
"""Coverages, 1 / LEVELS apart, at which the width of an interval is kept."""
FEWEST = 20
"""Validation rows from which intervals are learned."""


class MeasuredValues(Kind):
    """Answers that are values, with prediction intervals."""

    constant = "mean"
    linear = "ridge"
    caution = (
        "- Intervals hold for records like the training rows; on other laboratories' data they may "
        "be too narrow."
    )

    def described(self, fitted: FittedModel) -> str:
        """Name the targets."""
        names = ", ".join(f"`{name}`" for name in fitted.classes)
        transform = _scale(fitted).transform
        return f"A Polyome model that predicts {names} (fitted after the transform `{transform}`)."

    def loss(self, outputs: FloatArray, truth: FloatArray) -> float:
        """Mean squared error."""
        return _squared(outputs, truth)

    def fit_linear_model(
        self,
        task: Task,
        folds: list[Fold],
        whole: Fold,
        truth: FloatArray,
        num_outputs: int,
        module: Any,
    ) -> FittedLinear:
        """Ridge regression."""
        del task, num_outputs
        if module.are_few:
            return fit_exact_ridge(folds, whole, truth)
        return fit_ridge_path(folds, whole, truth)

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
        rows = np.unique(np.concatenate([f.held for own in folds.values() for f in own]))
        has_all = np.all([np.isin(rows, fold.rows) for fold in whole.values()], axis=0)
        rows = rows[has_all]
        if not len(rows):
            return None
        start = np.full(len(whole), 1 / len(whole))
        separate = [alone[name].out_of_fold[rows] for name in whole]
        weights = squared_weights(separate, truth[rows], start)
        together = np.sum([joint[name].out_of_fold[rows] for name in whole], axis=0)
        better = _squared(together, truth[rows]) < _squared(
            self.pooled(separate, weights), truth[rows]
        )
        return joint if better else None

    def stacked(
        self, outputs: Sequence[FloatArray], truth: FloatArray, start: FloatArray
    ) -> FloatArray:
        """Weights of least squared error."""
        return squared_weights(outputs, truth, start)

    def pooled(self, outputs: Sequence[FloatArray], weights: FloatArray) -> FloatArray:
        """Weighted sum."""
        return np.tensordot(weights, np.stack(outputs), axes=1)

    def calibrate_inputs(
        self,
        fitted: FittedModel,
        held: Mapping[int, tuple[FloatArray, FloatArray, np.ndarray | None]],
    ) -> None:
        """Set the widths of intervals for each set of inputs; where none could be, the widest."""
        own = {
            pattern: conformal_widths(*parts)
            for pattern, parts in held.items()
            if len(parts[0]) >= FEWEST
        }
        if own:
            widest = np.max([*own.values()], axis=0)
            patterns = range(2 ** len(fitted.modality.inputs()))
            fitted.arrays["conformal"] = np.stack([own.get(p, widest) for p in patterns])

    def calibrate(
        self,
        fitted: FittedModel,
        aside: Sequence[OutOfFold],
        linear: FittedLinear | None,
        truth: FloatArray,
        groups: np.ndarray | None,
    ) -> None:
        """Set the linear model's weight, and the widths of intervals (split conformal)."""
        share = fitted.task.linear_weight
        fitted.facts["linear_weight"] = share
        if not aside:
            return
        rows = np.concatenate([part.rows for part in aside])
        outputs = np.concatenate([part.answers.mean(axis=0) for part in aside])
        if linear is not None:
            direct, members = linear.out_of_fold, len(fitted.model.members)
            share = choose_linear_weight(fitted.task, aside, direct, truth, members)
            beside: Any = fitted.model.linear[fitted.task.name]
            beside.set_weight(share)
            fitted.facts["linear_weight"] = share
            outputs = (1 - share) * outputs + share * direct[rows]
        if len(rows) >= FEWEST:
            groups = None if groups is None else groups[rows]
            fitted.arrays["conformal"] = conformal_widths(outputs, truth[rows], groups)

    def numbers(
        self, fitted: FittedModel, outputs: FloatArray, part: str = "polyome"
    ) -> FloatArray:
        """Values as measured."""
        del part
        return _scale(fitted).undo(outputs)

    def joined(self, views: list[FloatArray]) -> FloatArray:
        """Mean."""
        return np.asarray(np.mean(views, axis=0))

    def answers(
        self,
        fitted: FittedModel,
        raw: RawOutputs,
        names: pd.Index,
        provenance: dict[str, Any],
        notes: list[str],
        *,
        score: FloatArray | None,
        refused: BoolArray | None,
        level: float,
        pattern: IntArray | None,
    ) -> ValuePrediction:
        """Values and the ends of their intervals."""
        del score, refused
        low = high = None
        widths = fitted.arrays.get("conformal")
        if widths is not None:
            place = min(LEVELS - 1, round(level * LEVELS)) - 1
            width = widths[place] if pattern is None else widths[pattern, place]
            low, high = (self._frame(fitted, raw.outputs + w, names) for w in (-width, width))
        return ValuePrediction(
            names=names,
            values=self._frame(fitted, raw.outputs, names),
            low=low,
            high=high,
            representation=raw.representation,
            provenance=provenance,
            notes=tuple(notes),
        )

    def _frame(self, fitted: FittedModel, outputs: FloatArray, names: pd.Index) -> pd.DataFrame:
        return pd.DataFrame(
            self.numbers(fitted, outputs), index=names, columns=list(fitted.classes)
        )

    def fit_constant(self, truth: FloatArray) -> FloatArray:
        """Means."""
        return np.asarray(np.nanmean(truth, axis=0))

    def fit_linear(
        self, features: FloatArray, truth: FloatArray, seed: int, groups: np.ndarray | None
    ) -> tuple[FloatArray, ...]:
        """Ridge regression, its penalty chosen by leaving one out."""
        del seed, groups
        fits = []
        for column in truth.T:
            known = np.isfinite(column)
            fits.append(RidgeCV(RIDGE_GRID).fit(features[known], column[known]))
        return np.stack([fit.coef_ for fit in fits]), np.array([fit.intercept_ for fit in fits])

    def linear_answers(self, fitted: FittedModel, scores: FloatArray) -> FloatArray:
        """Values as measured."""
        return _scale(fitted).undo(scores)

    def baseline_truth(self, fitted: FittedModel, targets: Targets, rows: IntArray) -> FloatArray:
        """Values in training units, (m, c), NaN where missing."""
        return _scale(fitted).apply(targets.truth[rows])

    def baseline_answers(self, fitted: FittedModel, found: FloatArray) -> FloatArray:
        """Values as measured."""
        return _scale(fitted).undo(found)


def _scale(fitted: FittedModel) -> ValueScale:
    assert fitted.scale is not None, "a model of values has a scale"
    return fitted.scale


def _squared(outputs: FloatArray, truth: FloatArray) -> float:
    values, weights = truth[..., 0], truth[..., 1]
    return float((weights * (outputs - values) ** 2).sum() / max(float(weights.sum()), 1e-6))


def choose_linear_weight(
    task: Task, aside: Sequence[OutOfFold], direct: FloatArray, truth: FloatArray, members: int
) -> float:
    """Share of the linear model with the least squared error on validation rows, in [0, 1].

    The error is that of the whole ensemble: what members err each by itself is averaged out the
    more, the more there are. A ``linear_weight`` of 0 or 1 is the user's choice and is kept.

    Parameters
    ----------
    direct : (n, c), what the linear model answers all training records, out of fold.
    truth : (n, c, 2), values and their weights.
    """
    usual = task.linear_weight
    if not 0 < usual < 1:
        return usual
    along = size = 0.0
    for part in aside:
        values, weights = truth[part.rows, :, 0], truth[part.rows, :, 1]
        trunk, number = part.answers.mean(axis=0), len(part.answers)
        own = part.answers.var(axis=0, ddof=1) if number > 1 else np.zeros_like(trunk)
        excess = float((weights * own).sum()) * (1 / members - 1 / number)
        apart = direct[part.rows] - trunk
        along += float((weights * apart * (values - trunk)).sum()) + excess
        size += float((weights * apart**2).sum()) + excess
    return float(np.clip(along / size, 0, 1)) if size > 0 else usual


def conformal_widths(
    outputs: FloatArray, truth: FloatArray, groups: np.ndarray | None = None
) -> FloatArray:
    """Half the width of an interval for each coverage from 1 / LEVELS up: float32 (LEVELS - 1, c).

    The ceil((n + 1) * coverage)-th smallest error of n validation rows (Lei et al. 2018, J Am Stat
    Assoc, algorithm 2), here of out-of-fold rows in turn (Vovk 2015, Ann Math Artif
    Intell: cross-conformal). Where that is beyond the n-th, the largest error.

    Of ``groups``, (n,), each counts alike (Dunn et al. 2023, J Am Stat Assoc: pooled distribution
    functions): the next record comes from a new one, for which a family of 3,000 near-copies
    speaks no louder than a single design.

    Examples
    --------
    >>> truth = np.stack([np.arange(9.0), np.ones(9)], axis=-1)[:, None]
    >>> conformal_widths(np.zeros((9, 1)), truth)[[499, 899], 0].tolist()
    [4.0, 8.0]
    >>> families = np.array([0, 0, 0, 0, 0, 5, 6, 7, 8])
    >>> conformal_widths(np.zeros((9, 1)), truth, families)[[499, 899], 0].tolist()
    [6.0, 8.0]
    """
    levels = np.arange(1, LEVELS) / LEVELS
    found = []
    for k in range(outputs.shape[1]):
        known = truth[:, k, 1] > 0
        errors = np.abs(outputs[known, k] - truth[known, k, 0])
        if not len(errors):
            found.append(np.zeros(len(levels)))
            continue
        order = np.argsort(errors)
        own = None if groups is None else groups[known]
        reached = np.cumsum(_equal_groups(len(errors), own)[order])
        place = np.searchsorted(reached, (len(errors) + 1) * levels - 1e-6)
        found.append(errors[order[place.clip(max=len(errors) - 1)]])
    return np.stack(found, axis=1).astype(np.float32)


def _equal_groups(n: int, groups: np.ndarray | None) -> FloatArray:
    """Weights of rows, (n,), of sum n, the same for every group."""
    if groups is None:
        return np.ones(n)
    _, own, sizes = np.unique(groups.astype(str), return_inverse=True, return_counts=True)
    return n / len(sizes) / sizes[own]


def fit_ridge_path(folds: list[Fold], whole: Fold, truth: FloatArray) -> FittedLinear:
    """Choose the penalty by the squared error of held-out rows, then fit all rows with it.

    Each target is fitted to the rows where it is known; penalties go from strong to weak, each
    solution the start of the next.
    """
    errors: dict[float, float] = {}
    held: dict[float, FloatArray] = {}
    scored = np.unique(np.concatenate([fold.held for fold in folds]))
    problems = [_problem(fold, truth) for fold in folds]
    with each_alone() as pool:
        for alpha in ALPHAS if whole.landmarks is None else KERNEL_ALPHAS:
            found = np.zeros(truth.shape[:2])
            solved = pool.map(lambda problem, alpha=alpha: problem.solve(alpha), problems)
            for fold, (coef, intercept) in zip(folds, solved, strict=True):
                found[fold.held] = fold.x_held @ coef.T + intercept
            errors[alpha] = _squared(found[scored], truth[scored])
            held[alpha] = found
            if errors[alpha] > 1.01 * min(errors.values()):
                break
    best = min(errors, key=errors.__getitem__)
    coef, intercept = _problem(whole, truth).solve(best)
    return FittedLinear(coef.astype(np.float32), intercept.astype(np.float32), held[best])


def _problem(fold: Fold, truth: FloatArray) -> "RidgeProblem | KernelProblem":
    own = truth[fold.rows]
    if fold.landmarks is None:
        return RidgeProblem(fold.x, own)
    return KernelProblem(fold.x[fold.landmarks], own[fold.landmarks])


class KernelProblem:
    """Kernel ridge regression: coefficients of the kernel with each landmark.

    Parameters
    ----------
    kernel : float, (m, f), of the landmarks to each other; columns from m on are empty.
    truth : float, (m, c, 2): their values and weights, 0 where missing.

    Examples
    --------
    >>> truth = np.array([[[1.0, 1.0]], [[3.0, 1.0]]])
    >>> coef, intercept = KernelProblem(np.eye(2), truth).solve(1.0)
    >>> coef.round(3).tolist(), intercept.tolist()
    ([[-0.5, 0.5]], [2.0])
    """

    def __init__(self, kernel: FloatArray, truth: FloatArray) -> None:
        self.width = kernel.shape[1]
        self.kernel = kernel[:, : len(kernel)].astype(np.float64)
        self.truth = truth.astype(np.float64)

    def solve(self, alpha: float) -> tuple[FloatArray, FloatArray]:
        """Coefficients (c, f) and intercepts (c,)."""
        coef = np.zeros((self.truth.shape[1], self.width))
        intercept = np.zeros(len(coef))
        for k in range(len(coef)):
            values, weights = self.truth[:, k, 0], self.truth[:, k, 1]
            known = np.flatnonzero(weights)
            if not len(known):
                continue
            intercept[k] = np.average(values[known], weights=weights[known])
            system = self.kernel[np.ix_(known, known)]
            system[np.diag_indices(len(known))] += alpha / weights[known]
            answer = values[known] - intercept[k]
            coef[k, known] = cho_solve(cho_factor(system, overwrite_a=True), answer)
        return coef, intercept


class RidgeProblem:
    """Weighted ridge regression of several targets on one set of features, by LSMR.

    Features are many and sparse, so they are neither centred in memory nor multiplied with each
    other (Fong and Saunders 2011, SIAM J Sci Comput).

    Parameters
    ----------
    x : (n, f), dense or csr.
    truth : float, (n, c, 2): values and weights, 0 where missing.

    Examples
    --------
    >>> x = np.array([[0.0], [1.0], [2.0]])
    >>> truth = np.array([[[1.0, 1.0]], [[3.0, 1.0]], [[5.0, 1.0]]])
    >>> coef, intercept = RidgeProblem(x, truth).solve(1e-6)
    >>> coef.round(3).tolist(), intercept.round(3).tolist()
    ([[2.0]], [1.0])
    """

    def __init__(self, x: Any, truth: FloatArray) -> None:
        self.x = x
        self.values = truth[..., 0].astype(np.float64)
        self.weights = truth[..., 1].astype(np.float64)
        self.coef = np.zeros((truth.shape[1], x.shape[1]))

    def solve(self, alpha: float) -> tuple[FloatArray, FloatArray]:
        """Coefficients (c, f) and intercepts (c,); starts from the last solution."""
        intercept = np.zeros(len(self.coef))
        for k in range(len(self.coef)):
            self.coef[k], intercept[k] = self._solve_one(k, alpha)
        return self.coef.copy(), intercept

    def _solve_one(self, k: int, alpha: float) -> tuple[FloatArray, float]:
        x, weight = self.x, self.weights[:, k]
        total = weight.sum()
        if total == 0:
            return self.coef[k], 0.0
        center_x = np.asarray(x.T @ weight).ravel() / total
        center_y = float(self.values[:, k] @ weight / total)
        root = np.sqrt(weight)

        def forward(v: FloatArray) -> FloatArray:
            return np.asarray(root * (x @ v.astype(x.dtype) - center_x @ v))

        def backward(u: FloatArray) -> FloatArray:
            weighted = root * u
            return np.asarray(x.T @ weighted.astype(x.dtype) - center_x * weighted.sum())

        operator = LinearOperator(x.shape, matvec=forward, rmatvec=backward, dtype=np.float64)
        answer = root * (self.values[:, k] - center_y)
        found = lsmr(
            operator, answer, damp=alpha**0.5, atol=3e-4, btol=3e-4, maxiter=100, x0=self.coef[k]
        )[0]
        return found, center_y - float(center_x @ found)
