"""Weights of several models' answers in one, learned from out-of-fold predictions."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize, nnls
from scipy.special import expit, log_softmax

from polyome._types import FloatArray, IntArray

PRIOR_ROWS = 10.0
"""Rows for which the starting weights count."""
VALUE_PRIOR_ROWS = 30.0
"""The same for values, whose errors vary more: with 15 validation rows networks that are behind got
a fifth of the weight. Cross-validated r with 10 and with 30: age from methylation .587 and .605
(ridge .628), diabetes, 153 validation rows, .711 and .709."""
LARGEST = 5.0
HALF_ROWS = 300
"""Training records of which the networks weigh half of what those of many records do, where no row
says otherwise; the linear models share the rest. Networks of few records are behind, and the rows
that weigh them are those by which they stopped, which flatters them (scGEM, 142 records: the
networks' log loss is .34, that of a linear model of all inputs .17)."""


def usual_weights(networks: float, number: int, rows: int) -> FloatArray:
    """Weights of the networks and of so many linear models without any validation row, (1 + k,).

    Parameters
    ----------
    networks : the networks' weight in the answer of a model of many records.
    rows : training records.

    Examples
    --------
    >>> usual_weights(0.6, 2, 300).tolist()
    [0.3, 0.35, 0.35]
    """
    networks *= rows / (rows + HALF_ROWS)
    return np.array([networks, *[(1 - networks) / number] * number])


def stacking_weights(
    log_proba: Sequence[FloatArray], truth: IntArray, start: FloatArray
) -> FloatArray:
    """Weights, none below 0, of log-probabilities whose normalised sum predicts best.

    Stacking (Wolpert 1992, Neural Networks; with non-negative weights Breiman 1996, Machine
    Learning) of a logarithmic opinion pool. Few rows leave the weights near the starting ones.
    Weights need not sum to one: their sum is what calibration does elsewhere.

    Parameters
    ----------
    log_proba : of each model, (n, c), of rows that it was not fitted on.
    truth : int, (n,).
    start : (k,), the weights without any row.

    Returns
    -------
    float64, (k,).

    Examples
    --------
    >>> right = np.log(np.array([[0.9, 0.1], [0.2, 0.8]] * 50))
    >>> noise = np.log(np.full((100, 2), 0.5))
    >>> weights = stacking_weights([right, noise], np.array([0, 1] * 50), np.array([0.5, 0.5]))
    >>> bool(weights[0] > 0.8)
    True
    """
    if not len(truth):
        return np.asarray(start, dtype=np.float64)
    stacked = np.stack([np.asarray(one, np.float64) for one in log_proba])  # (k, n, c)
    rows = np.arange(len(truth))

    def loss(weights: FloatArray) -> tuple[float, FloatArray]:
        pooled = log_softmax(np.tensordot(weights, stacked, axes=1), axis=1)  # (n, c)
        proba = np.exp(pooled)
        gradient = (proba * stacked).sum(axis=(1, 2)) - stacked[:, rows, truth].sum(axis=1)
        away = weights - start
        value = -pooled[rows, truth].sum() + PRIOR_ROWS * (away @ away)
        return float(value), gradient + 2 * PRIOR_ROWS * away

    found = minimize(loss, start, jac=True, bounds=[(0, LARGEST)] * len(start), method="L-BFGS-B")
    return np.asarray(found.x)


def label_weights(
    outputs: Sequence[FloatArray], truth: FloatArray, start: FloatArray
) -> FloatArray:
    """Weights, none below 0, of logits whose sum predicts the known labels best.

    Parameters
    ----------
    outputs : of each model, logits (n, c), of rows that it was not fitted on.
    truth : float, (n, c, 2): 0 or 1, and whether that is known.
    start : (k,), the weights without any row, for which :data:`PRIOR_ROWS` count.

    Examples
    --------
    >>> truth = np.stack([np.tile([0.0, 1.0], 50), np.ones(100)], axis=-1)[:, None]
    >>> right, noise = 4 * truth[..., 0] - 2, np.tile([[1.0], [1.0], [-1.0], [-1.0]], (25, 1))
    >>> weights = label_weights([right, noise], truth, np.array([0.5, 0.5]))
    >>> bool(weights[0] > 1 > 0.5 > weights[1])
    True
    """
    values, known = truth[..., 0].astype(np.float64), truth[..., 1] > 0
    if not known.any():
        return np.asarray(start, dtype=np.float64)
    stacked = np.stack([np.asarray(one, np.float64)[known] for one in outputs])  # (k, m)
    labels = values[known]

    def loss(weights: FloatArray) -> tuple[float, FloatArray]:
        logits = weights @ stacked
        away = weights - start
        value = (np.logaddexp(0, logits) - labels * logits).sum() + PRIOR_ROWS * (away @ away)
        return float(value), stacked @ (expit(logits) - labels) + 2 * PRIOR_ROWS * away

    found = minimize(loss, start, jac=True, bounds=[(0, LARGEST)] * len(start), method="L-BFGS-B")
    return np.asarray(found.x)


def squared_weights(
    outputs: Sequence[FloatArray], truth: FloatArray, start: FloatArray
) -> FloatArray:
    """Weights, none below 0, of values whose sum has the least squared error.

    Values have mean 0 over training rows, so that weights below 1 in sum draw answers of weak
    models to the mean.

    Parameters
    ----------
    outputs : of each model, (n, c), of rows that it was not fitted on.
    truth : float, (n, c, 2): values and their weights, 0 where missing.
    start : (k,), the weights without any row, for which :data:`VALUE_PRIOR_ROWS` count.

    Examples
    --------
    >>> truth = np.stack([np.linspace(-1, 1, 50), np.ones(50)], axis=-1)[:, None]
    >>> right, wrong = truth[..., 0], np.tile([[1.0], [-1.0]], (25, 1))
    >>> squared_weights([right, wrong], truth, np.array([0.5, 0.5])).round(1).tolist()
    [0.8, 0.1]
    """
    values, rows = truth[..., 0].astype(np.float64), truth[..., 1].astype(np.float64)
    if not rows.any():
        return np.asarray(start, dtype=np.float64)
    root = np.sqrt(rows).ravel()
    stacked = np.stack([np.asarray(one, np.float64).ravel() * root for one in outputs], axis=1)
    wanted = values.ravel() * root
    spread = (wanted**2).sum() / rows.sum()
    prior = np.sqrt(VALUE_PRIOR_ROWS * spread) * np.eye(len(start))
    system, answer = np.vstack([stacked, prior]), np.concatenate([wanted, prior @ start])
    return np.asarray(nnls(system, answer)[0])
