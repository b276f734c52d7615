"""The linear model of labels beside the transformer: a logistic regression of each."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.special import logit

from polyome._types import BoolArray, FloatArray, IntArray
from polyome.outputs.classes_linear import GRID, fit_linear_model
from polyome.outputs.linear import FittedLinear, Fold

LEAST_FREQUENCY = 1e-3
"""Frequency that is believed of a label which no row has."""


def fit_label_models(
    folds: Sequence[Fold],
    whole: Fold,
    truth: FloatArray,
    *,
    penalties: Sequence[float] | None = None,
    readings: tuple[int, int] | None = None,
) -> FittedLinear:
    """Fit each label on the rows where it is known; the coefficients give its log-odds.

    Parameters
    ----------
    truth : float, (n, c, 2): 0 or 1, and whether that is known.
    penalties, readings : see :func:`polyome.outputs.classes_linear.fit_linear_model`.

    Examples
    --------
    >>> x, rows = np.linspace(-1, 1, 8)[:, None], np.arange(8)
    >>> truth = np.stack([x > 0, x > -9], axis=-1).astype(np.float32)
    >>> folds = [Fold(rows[k::2], rows[1 - k :: 2], x[k::2], x[1 - k :: 2], None, None)
    ...          for k in (0, 1)]
    >>> fitted = fit_label_models(folds, Fold(rows, rows[:0], x, x[:0], None, None), truth)
    >>> fitted.coef.shape, bool(fitted.coef[0, 0] > 1)
    ((1, 1), True)
    """
    fits = []
    for k in range(truth.shape[1]):
        known = truth[:, k, 1] > 0
        labels = truth[:, k, 0].astype(np.int64)
        inside = [_restricted(fold, known) for fold in folds]
        usable = [fold for fold in inside if len(fold.rows) and len(fold.held)]
        fitting = _restricted(whole, known)
        if not usable or len(np.unique(labels[fitting.rows])) < 2:
            fits.append(_constant(labels[known], whole.x.shape[1], len(truth)))
            continue
        fit = fit_linear_model(
            usable,
            fitting,
            labels,
            2,
            penalties=penalties or GRID,
            readings=readings,
            balance=False,
        )
        fits.append(
            FittedLinear(
                coef=fit.coef[1] - fit.coef[0],
                intercept=fit.intercept[1] - fit.intercept[0],
                out_of_fold=fit.out_of_fold[:, 1] - fit.out_of_fold[:, 0],
            )
        )
    return FittedLinear(
        coef=np.stack([fit.coef for fit in fits]),
        intercept=np.array([fit.intercept for fit in fits]),
        out_of_fold=np.stack([fit.out_of_fold for fit in fits], axis=1),
    )


def _constant(labels: IntArray, width: int, size: int) -> FittedLinear:
    """The log-odds of a label's frequency: nothing more can be told, or be validated."""
    frequency = labels.mean() if len(labels) else 0.5
    odds = np.asarray(logit(np.clip(frequency, LEAST_FREQUENCY, 1 - LEAST_FREQUENCY)))
    return FittedLinear(np.zeros(width, np.float32), odds, np.full(size, odds))


def _restricted(fold: Fold, known: BoolArray) -> Fold:
    """A fold of the rows whose label is known; bool (n,) over all rows."""
    rows, held = known[fold.rows], known[fold.held]
    return replace(
        fold,
        rows=fold.rows[rows],
        held=fold.held[held],
        x=fold.x[np.flatnonzero(rows)],
        x_held=fold.x_held[np.flatnonzero(held)] if len(held) else fold.x_held,
    )
