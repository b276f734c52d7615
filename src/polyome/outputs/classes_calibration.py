"""Classes: one temperature, and the linear model's weight, learned from validation rows."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from polyome._types import FloatArray, IntArray
from polyome.outputs.linear import FittedLinear, OutOfFold, loss_of_ensemble
from polyome.outputs.stacking import stacking_weights, usual_weights


def fit_temperature(log_proba: FloatArray, truth: IntArray) -> float:
    """Temperature that minimises the log loss of rows the model was not fitted on.

    Guo et al. 2017 (arXiv:1706.04599), section 4.2.

    Parameters
    ----------
    log_proba : float, (n, c).
    truth : int, (n,), the class of each row.

    Returns
    -------
    float in [0.25, 4]; 1 where there are no rows.

    Examples
    --------
    >>> sure = np.log([[0.99, 0.01]] * 10)
    >>> fit_temperature(sure, np.array([0] * 7 + [1] * 3)) > 1
    True
    """
    if len(truth) == 0:
        return 1.0
    rows = np.arange(len(truth))

    def loss(log_temperature: float) -> float:
        scaled = log_softmax(log_proba / np.exp(log_temperature), axis=1)
        return float(-scaled[rows, truth].mean())

    found = minimize_scalar(loss, bounds=(-np.log(4), np.log(4)), method="bounded")
    return float(np.exp(found.x))


def calibrated(log_proba: FloatArray, temperature: float) -> FloatArray:
    """Probabilities, float64 (n, c), at a temperature.

    Examples
    --------
    >>> calibrated(np.log([[0.5, 0.5]]), 2.0)
    array([[0.5, 0.5]])
    """
    proba: FloatArray = softmax(log_proba.astype(np.float64) / temperature, axis=1)
    return proba


def choose_linear_weight(
    settings: Any,
    out_of_fold: Sequence[OutOfFold],
    linear: FloatArray,
    truth: IntArray,
    members: int,
) -> float:
    """Leave the linear model its usual weight, or give it another that clearly answers better.

    Usual is ``linear_weight``; or less, by :func:`weight_by_errors`, where the task knows how the
    errors of both correlate.

    Clearly: the log loss of validation rows, at the size of the whole ensemble, falls by
    ``least_gain``, and it falls in half of the validation parts or more: where parts are blocks of
    a tissue, one of them alone can outweigh all others.

    Parameters
    ----------
    settings : :class:`polyome.outputs.classes.Classes`, or what has its settings of the weight.
    linear : (n, c), log-probabilities of the linear model for all training records, out of fold.
    truth : int, (n,).
    """
    usual: float = settings.linear_weight
    if not 0 < usual < 1:
        return usual
    number = min(len(part.outputs) for part in out_of_fold)

    def laid_out(parts: Sequence[OutOfFold]) -> tuple[FloatArray, FloatArray, IntArray]:
        rows = np.concatenate([part.rows for part in parts])
        networks = np.concatenate([part.outputs[:number] for part in parts], axis=1)  # (r, m, c)
        return networks, linear[rows], truth[rows]

    of_raw: Callable[[float], float] = lambda weight: weight  # noqa: E731
    if settings.pools_calibrated:
        networks, linears, classes = laid_out(out_of_fold)
        of_raw = _of_raw(networks.mean(axis=0), linears, classes)

    def loss(weight: float, parts: Sequence[OutOfFold]) -> float:
        networks, linears, classes = laid_out(parts)
        pooled = (1 - of_raw(weight)) * networks + of_raw(weight) * linears
        one = _log_loss(np.concatenate(pooled), np.tile(classes, number))
        several = one if number == 1 else _log_loss(pooled.mean(axis=0), classes)
        return loss_of_ensemble(one, several, number, members)

    if settings.error_correlation is not None:
        errors = loss(1, out_of_fold), loss(0, out_of_fold)
        usual = min(usual, weight_by_errors(*errors, settings.error_correlation))
    losses = {weight: loss(weight, out_of_fold) for weight in (usual, *settings.linear_weights)}
    best = min(losses, key=losses.__getitem__)
    if losses[best] < (1 - settings.least_gain) * losses[usual]:
        better = sum(loss(best, [part]) < loss(usual, [part]) for part in out_of_fold)
        if 2 * better >= len(out_of_fold):
            return of_raw(best)
    return of_raw(usual)


def stack_readings(
    networks: FloatArray, rows: IntArray, linear: FittedLinear, truth: IntArray, usual: float
) -> tuple[FittedLinear, float]:
    """Weigh the networks and each reading of the linear model by validation rows (stacking).

    Parameters
    ----------
    networks : (m, c), log-probabilities of ``rows``, (m,), which are places among all records.
    truth : int, (n,), of all training records.
    usual : weight of the readings together in the answer of a model of many records.

    Returns
    -------
    The weighted sum of the readings, and its weight in the answer.
    """
    start = usual_weights(1 - usual, len(linear.readings), len(truth))
    held = [reading.out_of_fold[rows] for reading in linear.readings]
    weights = stacking_weights([networks, *held], truth[rows], start)
    together = weights[1:].sum()
    if not together > 0:
        return linear, 0.0
    return FittedLinear.summed(linear.readings, weights[1:] / together), together / weights.sum()


def weight_by_errors(one: float, other: float, correlation: float) -> float:
    """The best weight of one of two answers, by the squared errors of both.

    Bates and Granger 1969 (Oper Res Q), equation 1, for errors of a known correlation, here
    with log losses as squared errors. Two losses are known better than the minimum of a flat curve:
    where 600 validation rows of six sets' training parts chose the weight, a
    correlation of .8 (.75 and .85 alike), at most .3 and more only for a gain of 1 %, left the
    others' log loss .35 % above the best weight's; the search that was here before, .64 %.

    Examples
    --------
    >>> [round(weight_by_errors(loss, 0.2, 0.8), 2) for loss in (0.2, 0.22, 0.28, 0.32)]
    [0.5, 0.38, 0.11, 0.0]
    """
    one, other = max(one, 1e-12), max(other, 1e-12)  # at the size of an ensemble perhaps below 0
    covariance = correlation * (one * other) ** 0.5
    return float(np.clip((other - covariance) / (one + other - 2 * covariance), 0, 1))


def _log_loss(log_proba: FloatArray, truth: IntArray) -> float:
    """Mean log loss once calibrated."""
    scaled = calibrated(log_proba, fit_temperature(log_proba, truth))
    return float(-np.log(scaled[np.arange(len(truth)), truth].clip(1e-12)).mean())


def _of_raw(networks: FloatArray, linear: FloatArray, truth: IntArray) -> Callable[[float], float]:
    """Turn a weight among calibrated log-probabilities into one among the raw ones.

    A transformer that is too sure of itself would otherwise outvote the linear model.
    """
    one, other = 1 / fit_temperature(networks, truth), 1 / fit_temperature(linear, truth)
    return lambda weight: weight * other / (weight * other + (1 - weight) * one)
