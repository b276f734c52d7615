"""The linear model of classes beside the transformer, fitted by itself: logistic regression."""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from scipy import sparse
from scipy.special import log_softmax
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from polyome._threads import each_alone
from polyome._types import FloatArray, IntArray
from polyome.outputs.linear import FittedLinear, Fold, seen_by
from polyome.outputs.stacking import stacking_weights

GRID = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
"""Values of scikit-learn's C, for features of standard deviation about 1."""
LEAST_PROBABILITY = 1e-6
LEAST_GAIN = 0.05
"""Proportion by which reading all features must lower the held-out log loss to be done. It is 4 %
on pbmc3k, whose model answers Kang's cells worse through all genes (accuracy .926, through few
.938), 7 to 21 % on pbmc68k_reduced, 15 to 45 % on three technologies together, whose model answers
another technology better through all of them."""
UNSEEN = 5.0
"""How far below the lowest intercept a class starts that no row of an input has."""


def fit_linear_model(
    folds: list[Fold],
    whole: Fold,
    truth: IntArray,
    num_classes: int,
    *,
    penalties: Sequence[float] = GRID,
    readings: tuple[int, int] | None = None,
    balance: bool = True,
) -> FittedLinear:
    """Choose C by the log loss of held-out rows, then fit all rows with it.

    With ``balance`` classes count by the square root of their size, as in the networks' loss.

    With ``readings`` two models are fitted, one to the first few features, one to all, and summed
    with the weights that held-out rows give them (stacking), where this clearly answers them
    better; else few are read. Of both only the model of few features balances classes (log loss of
    ten splits of pbmc68k_reduced .394; where both balance .398).
    """
    fit = partial(
        _fit_one, truth=truth, num_classes=num_classes, penalties=penalties, balance=balance
    )
    if readings is None:
        return fit(folds, whole)
    few, every = (_narrowed_all(folds, whole, width) for width in readings)
    models = [fit(*few), fit(*every, balance=False)]
    padding = ((0, 0), (0, readings[1] - readings[0]))
    models[0] = replace(models[0], coef=np.pad(models[0].coef, padding))
    seen = models[0].seen
    assert seen is not None
    scored = np.flatnonzero(seen)  # the others' classes no fold could know
    held = [model.out_of_fold[scored] for model in models]
    weights = stacking_weights(held, truth[scored], np.array([0.5, 0.5]))
    both = FittedLinear.summed(models, weights / weights.sum())
    both = replace(both, out_of_fold=log_softmax(both.out_of_fold, axis=1))
    losses = [-model.out_of_fold[scored, truth[scored]].sum() for model in (models[0], both)]
    return both if losses[1] < (1 - LEAST_GAIN) * losses[0] else models[0]


def _narrowed_all(folds: Sequence[Fold], whole: Fold, width: int) -> tuple[list[Fold], Fold]:
    return [_narrowed(fold, width) for fold in folds], _narrowed(whole, width)


def _narrowed(fold: Fold, width: int) -> Fold:
    return replace(fold, x=fold.x[:, :width], x_held=fold.x_held[:, :width])


def _fit_one(
    folds: list[Fold],
    whole: Fold,
    *,
    truth: IntArray,
    num_classes: int,
    penalties: Sequence[float],
    balance: bool,
) -> FittedLinear:
    losses: dict[float, float] = {}
    held: dict[float, FloatArray] = {}
    scored = np.unique(np.concatenate([fold.held for fold in folds]))
    models = [_solver(fold, truth) for fold in folds]
    with each_alone() as pool, warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for C in penalties:  # noqa: N806 - scikit-learn's name
            fit = partial(_fit, truth=truth, C=C, balance=balance)
            proba = np.full((len(truth), num_classes), LEAST_PROBABILITY)
            for fold, model in zip(folds, pool.map(fit, models, folds), strict=True):
                proba[np.ix_(fold.held, model.classes_)] = model.predict_proba(fold.x_held)
            proba /= proba.sum(axis=1, keepdims=True)
            losses[C] = float(-np.log(proba[scored, truth[scored]].clip(1e-12)).mean())
            held[C] = np.log(proba.clip(1e-12))
            if losses[C] > 1.05 * min(losses.values()):
                break
        best = min(losses, key=losses.__getitem__)
        model = _fit(_solver(whole, truth), whole, truth, best, balance=balance)
    coef, intercept = _one_row_per_class(model, num_classes)
    seen = np.zeros(len(truth), dtype=bool)
    for fold in folds:
        seen[fold.held] = seen_by(fold.rows, fold.held, truth)
    return FittedLinear(coef, intercept, held[best], seen)


def _solver(fold: Fold, truth: IntArray) -> Any:
    """Solve sparse features closely, each C starting from the last one's coefficients.

    A fold whose rows are all of one class can but answer that class.
    """
    if len(np.unique(truth[fold.rows])) == 1:
        return DummyClassifier(strategy="prior")
    if sparse.issparse(fold.x):
        return LogisticRegression(max_iter=500, tol=1e-4, warm_start=True)
    return LogisticRegression(max_iter=300, tol=1e-3)


def _fit(
    model: Any,
    fold: Fold,
    truth: IntArray,
    C: float,  # noqa: N803
    *,
    balance: bool,
) -> Any:
    labels = truth[fold.rows]
    weights = 1 / np.sqrt(np.bincount(labels).clip(1)[labels]) if balance else np.ones(len(labels))
    if isinstance(model, LogisticRegression):
        model.set_params(C=C)
    return model.fit(fold.x.astype(np.float64), labels, weights / weights.mean())


def _one_row_per_class(model: Any, num_classes: int) -> tuple[FloatArray, FloatArray]:
    """Coefficients so that softmax gives the probabilities, two classes included."""
    coef, intercept = model.coef_, model.intercept_
    if len(model.classes_) == 2:
        coef, intercept = np.vstack([-coef, coef]) / 2, np.r_[-intercept, intercept] / 2
    if len(coef) != num_classes:  # classes without a row that has this input
        rows = np.zeros((num_classes, coef.shape[1]))
        rows[model.classes_] = coef
        lowest = np.full(num_classes, intercept.min() - UNSEEN)
        lowest[model.classes_] = intercept
        coef, intercept = rows, lowest
    return coef.astype(np.float32), intercept.astype(np.float32)
