"""Metrics of labels; what is not known is left out."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import rankdata

from polyome._types import FloatArray
from polyome.outputs.base import Metric


def average_precision(truth: FloatArray, proba: FloatArray) -> float | None:
    """Area under precision and recall, by steps, of 0, 1 or NaN, (n,); None of one value.

    Examples
    --------
    >>> average_precision(np.array([1.0, 0.0, 1.0, np.nan]), np.array([0.9, 0.8, 0.7, 0.1]))
    0.8333333333333333
    """
    known = np.isfinite(truth)
    truth, proba = truth[known], proba[known]
    if len(np.unique(truth)) < 2:
        return None
    order = np.argsort(-proba, kind="stable")
    last = np.append(np.diff(proba[order]) != 0, True)  # equal probabilities are one threshold
    hits = np.cumsum(truth[order])[last]
    precision = hits / (np.flatnonzero(last) + 1)
    return float((np.diff(hits, prepend=0) * precision).sum() / hits[-1])


def auroc(truth: FloatArray, proba: FloatArray) -> float | None:
    """Area under the ROC curve, of 0, 1 or NaN, (n,); None of one value.

    Examples
    --------
    >>> auroc(np.array([1.0, 0.0, 1.0, np.nan]), np.array([0.9, 0.8, 0.7, 0.1]))
    0.5
    """
    known = np.isfinite(truth)
    truth, proba = truth[known], proba[known]
    positive = int(truth.sum())
    negative = len(truth) - positive
    if not positive or not negative:
        return None
    ranks = rankdata(proba)[truth == 1].sum()
    return float((ranks - positive * (positive + 1) / 2) / (positive * negative))


def scores_of(truth: FloatArray, proba: FloatArray) -> dict[str, float | None]:
    """The metrics of one label, of 0, 1 or NaN, (n,)."""
    known = np.isfinite(truth)
    is_true, is_said = truth[known] == 1, proba[known] >= 0.5
    hits, false = int((is_true & is_said).sum()), int((~is_true & is_said).sum())
    missed, right = int((is_true & ~is_said).sum()), int((~is_true & ~is_said).sum())
    varies = is_true.any() and not is_true.all()
    size = float((hits + false) * (hits + missed) * (right + false) * (right + missed)) ** 0.5
    chosen = np.where(is_true, proba[known], 1 - proba[known]).clip(1e-12)
    return {
        "auprc": average_precision(truth, proba),
        "auroc": auroc(truth, proba),
        "macro_f1": 2 * hits / (2 * hits + false + missed) if varies else None,
        "mcc": ((hits * right - false * missed) / size if size else 0.0) if varies else None,
        "log_loss": abs(float(np.log(chosen).mean())) if known.any() else None,
    }


def macro(metric: Callable[[FloatArray, FloatArray], float | None]) -> Metric:
    """Mean of a metric of one label over labels."""

    def of_all(truth: np.ndarray, proba: FloatArray, classes: tuple[str, ...]) -> float | None:
        del classes
        return mean_of_known([metric(*pair) for pair in zip(truth.T, proba.T, strict=True)])

    return of_all


def mean_of_known(values: Sequence[float | None]) -> float | None:
    """Mean of what is not None; None where nothing is.

    Examples
    --------
    >>> mean_of_known([1.0, None, 2.0])
    1.5
    """
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
