"""Confidence that can be believed: one temperature, fitted on validation rows."""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from polyome._types import FloatArray, IntArray


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
