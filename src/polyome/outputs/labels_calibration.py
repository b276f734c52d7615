"""Labels: slope and offset of each, and the linear model's weight, from validation rows."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit

from polyome._types import FloatArray
from polyome.outputs.linear import OutOfFold, loss_of_ensemble

PRIOR_ROWS = 10.0
"""Rows for which an uncalibrated probability counts while it is calibrated."""


def log_loss(logits: FloatArray, truth: FloatArray) -> float:
    """Log loss of logits, (m, c), over known labels; truth, (m, c, 2), is 0 or 1 and known."""
    values, known = truth[..., 0], truth[..., 1]
    losses = np.logaddexp(0, logits) - values * logits
    return float((losses * known).sum() / max(float(known.sum()), 1.0))


def platt(logits: FloatArray, truth: FloatArray) -> tuple[float, float]:
    """Slope and offset of logits, (m,), that predict 0 or 1, (m,), best; few rows change little.

    Examples
    --------
    >>> slope, offset = platt(np.array([4.0, -4.0] * 50), np.array([1, 0] * 35 + [0, 1] * 15))
    >>> 0.1 < slope < 0.5, abs(offset) < 1e-3
    (True, True)
    """

    def loss(point: FloatArray) -> tuple[float, FloatArray]:
        slope, offset = point
        scaled = slope * logits + offset
        away = point - (1, 0)
        residual = expit(scaled) - truth
        value = (np.logaddexp(0, scaled) - truth * scaled).sum() + PRIOR_ROWS / 2 * (away @ away)
        gradient = np.array([residual @ logits, residual.sum()]) + PRIOR_ROWS * away
        return float(value), gradient

    found = minimize(loss, (1.0, 0.0), jac=True, bounds=[(0.05, 5), (-5, 5)], method="L-BFGS-B")
    return float(found.x[0]), float(found.x[1])


def calibration_of(logits: FloatArray, truth: FloatArray) -> FloatArray:
    """Slope and offset of each label, float64 (2, c), of logits (m, c) by the known labels.

    ``truth``, (m, c, 2), is 0 or 1, and whether that is known.

    Examples
    --------
    >>> calibration_of(np.zeros((0, 3)), np.zeros((0, 3, 2))).tolist()
    [[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]
    """
    found = np.zeros((2, logits.shape[1]))
    for c in range(logits.shape[1]):
        known = truth[:, c, 1] > 0
        found[:, c] = platt(logits[known, c], truth[known, c, 0])
    return found


def choose_linear_weight(
    usual: float,
    out_of_fold: Sequence[OutOfFold],
    linear: FloatArray,
    truth: FloatArray,
    members: int,
) -> float:
    """Weight of the linear model with the least log loss on validation rows, in steps of .05.

    The loss is that at the best temperature, and at the size of the whole ensemble. A usual weight
    of 0 or 1 is the user's choice and is kept.

    Parameters
    ----------
    linear : (n, c), logits of the linear model for all training records, out of fold.
    truth : (n, c, 2), 0 or 1, and whether that is known.
    """
    if not 0 < usual < 1:
        return usual
    number = min(len(part.outputs) for part in out_of_fold)
    rows = np.concatenate([part.rows for part in out_of_fold])
    networks = np.concatenate([part.outputs[:number] for part in out_of_fold], axis=1)  # (r, m, c)

    def loss(weight: float) -> float:
        pooled = (1 - weight) * networks + weight * linear[rows]
        one = _scaled_loss(np.concatenate(pooled), np.tile(truth[rows], (number, 1, 1)))
        several = one if number == 1 else _scaled_loss(pooled.mean(axis=0), truth[rows])
        return loss_of_ensemble(one, several, number, members)

    weights = np.round(np.arange(0, 1.01, 0.05), 2)
    return float(min(weights, key=loss))


def _scaled_loss(logits: FloatArray, truth: FloatArray) -> float:
    """Log loss at the best temperature."""
    found = minimize_scalar(
        lambda scale: log_loss(logits * np.exp(scale), truth),
        bounds=(-np.log(4), np.log(4)),
        method="bounded",
        options={"xatol": 1e-2},
    )
    return float(found.fun)
