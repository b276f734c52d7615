"""Scores of answers, with intervals. Numbers are Python floats, or None where undefined."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from sklearn.metrics import f1_score, r2_score, recall_score, roc_auc_score

from polyome._types import BoolArray, FloatArray, IntArray

Metrics = dict[str, float | None]
Metric = Callable[..., float | None]

LEAST_PROBABILITY = float(np.finfo(np.float32).eps)
"""Floor of a probability in the log loss, so that float32 and float64 score alike."""


def _number(value: float) -> float | None:
    """Return a Python float, None where `value` is not finite."""
    return float(value) if np.isfinite(value) else None


def _strings(values: ArrayLike) -> NDArray[np.str_]:
    return np.asarray(values).astype(str)


def _truth_index(truth: ArrayLike, classes: ArrayLike) -> IntArray:
    """Each truth's column in `proba`, (n,); -1 where the model does not know the label."""
    known = pd.Index(_strings(classes))
    return np.asarray(known.get_indexer(pd.Index(_strings(truth))), dtype=np.int64)


def unseen_labels(truth: ArrayLike, classes: ArrayLike) -> dict[str, int]:
    """Count the rows of each true label that the model does not know.

    Examples
    --------
    >>> unseen_labels(["B", "T", "platelet"], ["B", "T"])
    {'platelet': 1}
    """
    names, counts = np.unique(_strings(truth), return_counts=True)
    known = set(_strings(classes).tolist())
    return {str(name): int(k) for name, k in zip(names, counts) if str(name) not in known}


def classification_metrics(
    truth: ArrayLike, proba: FloatArray, classes: Sequence[str] | NDArray[Any]
) -> Metrics:
    """Score class probabilities.

    Averages over classes are over those present in `truth`. A true label that the model does not
    know counts as an error in every metric but ``auroc`` and ``log_loss``, which leave it out.

    Parameters
    ----------
    truth : str, (n,)
    proba : float, (n, c), rows sum to 1.
    classes : str, (c,), the columns' labels.

    Returns
    -------
    accuracy, balanced_accuracy, macro_f1, weighted_f1, mcc, auroc (macro, one against the rest),
    log_loss (nats), ece (15 bins).

    Examples
    --------
    >>> proba = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    >>> scores = classification_metrics(["B", "T", "T"], proba, ["B", "T"])
    >>> round(scores["accuracy"], 3), round(scores["balanced_accuracy"], 3), scores["auroc"]
    (0.667, 0.75, 1.0)
    """
    names = ["accuracy", "balanced_accuracy", "macro_f1", "weighted_f1", "mcc"]
    names += ["auroc", "log_loss", "ece"]
    true = _strings(truth)
    if not len(true):
        return dict.fromkeys(names)
    proba = np.asarray(proba, dtype=np.float64)
    index = _truth_index(true, classes)
    predicted = _strings(classes)[proba.argmax(axis=1)]
    over: dict[str, Any] = {"labels": np.unique(true), "zero_division": 0.0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # undefined cases are answered below, by 0 or None
        values = [
            np.mean(true == predicted),
            recall_score(true, predicted, average="macro", **over),
            f1_score(true, predicted, average="macro", **over),
            f1_score(true, predicted, average="weighted", **over),
            matthews(true, predicted),
            _auroc(proba[index >= 0], index[index >= 0]),
            _log_loss(proba[index >= 0], index[index >= 0]),
            _calibration_error(proba, index),
        ]
    return {name: _number(value) for name, value in zip(names, values)}


def matthews(truth: ArrayLike, predicted: ArrayLike) -> float:
    """Matthews correlation coefficient of labels, (n,) each; 0 where it is not defined.

    For any number of classes (Gorodkin 2004, equation 8). It is resampled thousands of times, and
    scikit-learn's, which this equals, takes milliseconds for its checks.

    Examples
    --------
    >>> matthews(["a", "a", "b"], ["a", "a", "b"])
    1.0
    """
    n = len(np.asarray(truth))
    both = np.concatenate([_strings(truth), _strings(predicted)])
    names, codes = np.unique(both, return_inverse=True)
    true, said = (np.bincount(part, minlength=len(names)) for part in (codes[:n], codes[n:]))
    right = int((codes[:n] == codes[n:]).sum())
    spread = float(n * n - true @ true) * float(n * n - said @ said)
    return float((right * n - true @ said) / spread**0.5) if spread else 0.0


def _auroc(proba: FloatArray, index: IntArray) -> float:
    """Mean over the classes present of the AUROC of one against the rest; NaN with one class."""
    present = np.unique(index)
    if len(present) < 2:
        return float("nan")
    return float(np.mean([roc_auc_score(index == k, proba[:, k]) for k in present]))


def _log_loss(proba: FloatArray, index: IntArray) -> float:
    if not len(index):
        return float("nan")
    chosen = proba[np.arange(len(index)), index]
    return abs(float(np.log(np.clip(chosen, LEAST_PROBABILITY, 1.0)).mean()))  # never -0


def _calibration_error(proba: FloatArray, index: IntArray) -> float:
    table = reliability(proba, index)
    gaps = (table["confidence"] - table["accuracy"]).abs()
    return float((gaps * table["count"]).sum() / table["count"].sum())


def reliability(proba: FloatArray, truth_index: IntArray, bins: int = 15) -> pd.DataFrame:
    """Confidence against accuracy in equal-width bins of the largest probability.

    Parameters
    ----------
    proba : float, (n, c)
    truth_index : int, (n,), each row's true column; -1 for a label that has none.

    Returns
    -------
    One row per bin that is not empty: its mean ``confidence``, its ``accuracy``, its ``count``.

    Examples
    --------
    >>> reliability(np.array([[0.9, 0.1], [0.9, 0.1]]), np.array([0, 1]))
       confidence  accuracy  count
    0         0.9       0.5      2
    """
    confidence = np.asarray(proba, dtype=np.float64).max(axis=1)
    table = pd.DataFrame(
        {
            "confidence": confidence,
            "accuracy": (proba.argmax(axis=1) == truth_index).astype(np.float64),
            "bin": np.clip(np.ceil(confidence * bins) - 1, 0, bins - 1).astype(int),
        }
    )
    by_bin = table.groupby("bin")
    means = by_bin[["confidence", "accuracy"]].mean()
    return means.assign(count=by_bin.size()).reset_index(drop=True)


def regression_metrics(truth: ArrayLike, predicted: ArrayLike) -> Metrics:
    """Score predicted values: pearson, spearman, r2, rmse; None where an input is constant.

    Parameters
    ----------
    truth, predicted : float, (n,)

    Examples
    --------
    >>> scores = regression_metrics([1.0, 2.0, 3.0], [2.0, 3.0, 4.0])
    >>> round(scores["pearson"], 6), scores["r2"], scores["rmse"]
    (1.0, -0.5, 1.0)
    """
    true = np.asarray(truth, dtype=np.float64)
    guess = np.asarray(predicted, dtype=np.float64)
    scores: Metrics = dict.fromkeys(["pearson", "spearman", "r2", "rmse"])
    if not len(true):
        return scores
    if len(true) > 1 and np.ptp(true) > 0:
        scores["r2"] = _number(r2_score(true, guess))
        if np.ptp(guess) > 0:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # nearly constant input
                scores["pearson"] = _number(stats.pearsonr(true, guess).statistic)
                scores["spearman"] = _number(stats.spearmanr(true, guess).statistic)
    scores["rmse"] = _number(np.sqrt(np.mean((true - guess) ** 2)))
    return scores


def pearson(truth: FloatArray, predicted: FloatArray) -> float | None:
    """Pearson's r of values, (n,) each, without a p-value; None where one of them is constant.

    Examples
    --------
    >>> round(pearson(np.array([1.0, 2.0, 4.0]), np.array([1.0, 2.0, 4.0])), 6)
    1.0
    """
    if len(truth) < 2:
        return None
    one, other = truth - truth.mean(), predicted - predicted.mean()
    size = np.sqrt((one @ one) * (other @ other))
    return float(one @ other / size) if size > 0 else None


def refusal_metrics(truth: ArrayLike, predicted: ArrayLike, unknown: BoolArray) -> Metrics:
    """Share of the rows that are answered, and the accuracy of those answers.

    Parameters
    ----------
    truth, predicted : str, (n,), the true and the best known label.
    unknown : bool, (n,), whether the row was refused.

    Examples
    --------
    >>> refusal_metrics(["B", "T"], ["B", "B"], np.array([False, True]))
    {'coverage': 0.5, 'accuracy_after_refusal': 1.0}
    """
    answered = ~np.asarray(unknown, dtype=bool)
    right = (_strings(truth) == _strings(predicted))[answered]
    return {
        "coverage": float(answered.mean()) if len(answered) else None,
        "accuracy_after_refusal": float(right.mean()) if len(right) else None,
    }


def _interval(values: Sequence[float | None], level: float) -> tuple[float | None, float | None]:
    """Percentiles of the resampled values that are defined."""
    defined = [value for value in values if value is not None and np.isfinite(value)]
    if not defined:
        return None, None
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def bootstrap_interval(
    metric: Metric,
    *arrays: ArrayLike,
    groups: ArrayLike | None = None,
    repeats: int = 500,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float | None, float | None]:
    """Percentile interval of `metric` over resampled rows (Efron 1979), or over whole groups.

    Rows of one donor are alike: where donors are to be answered that nobody has seen, donors are
    what is drawn (Davison & Hinkley 1997, section 3.8).

    Parameters
    ----------
    metric : called with the resampled arrays; resamples where it gives None are left out.
    arrays : each (n, ...), resampled together.
    groups : (n,); whole groups are drawn if there are two or more.

    Examples
    --------
    >>> bootstrap_interval(lambda right: float(right.mean()), np.ones(20))
    (1.0, 1.0)
    """
    columns = [np.asarray(array) for array in arrays]
    n, rng = len(columns[0]), np.random.default_rng(seed)
    if not n:
        return None, None
    members = [] if groups is None else _members(groups)
    if len(members) < 2:
        draws = (rng.integers(n, size=n) for _ in range(repeats))
    else:
        drawn = (rng.integers(len(members), size=len(members)) for _ in range(repeats))
        draws = (np.concatenate([members[k] for k in some]) for some in drawn)
    return _interval([metric(*(column[draw] for column in columns)) for draw in draws], level)


def _members(groups: ArrayLike) -> list[NDArray[np.int64]]:
    """Positions of the rows of each group."""
    codes = np.unique(np.asarray(groups).astype(str), return_inverse=True)[1]
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)


def paired_difference(
    metric: Metric,
    truth: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    repeats: int = 500,
    seed: int = 0,
) -> tuple[float | None, float | None, float | None]:
    """``metric(truth, a) - metric(truth, b)``, and its 95 % interval over the same resamples.

    Examples
    --------
    >>> def accuracy(truth, answer):
    ...     return float((truth == answer).mean())
    >>> paired_difference(accuracy, [1, 1, 1], [1, 1, 1], [0, 0, 0])
    (1.0, 1.0, 1.0)
    """

    def difference(*columns: NDArray[Any]) -> float | None:
        true, one, other = columns
        first, second = metric(true, one), metric(true, other)
        return None if first is None or second is None else first - second

    columns = [np.asarray(column) for column in (truth, a, b)]
    low, high = bootstrap_interval(difference, *columns, groups=groups, repeats=repeats, seed=seed)
    return difference(*columns), low, high
