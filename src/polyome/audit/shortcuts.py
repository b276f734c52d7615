"""Single numbers, such as library size, that tell the target by themselves."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polyome._types import FloatArray, IntArray
from polyome.audit.findings import Finding, Severity
from polyome.metrics import classification_metrics

WARN_ABOVE = 0.8
NOTE_ABOVE = 0.7
"""Cross-validated AUROC of the number alone; 0.5 is chance."""


def _binned_proba(
    values: FloatArray, codes: IntArray, fold: IntArray, bins: int
) -> NDArray[np.float64]:
    """Class frequencies in quantile bins, by the folds that a row is not in, (n, c)."""
    n_classes = codes.max() + 1
    proba = np.empty((len(codes), n_classes))
    for k in range(fold.max() + 1):
        fits = fold != k
        edges = np.unique(np.quantile(values[fits], np.arange(1, bins) / bins))
        places = np.searchsorted(edges, values)
        counts = np.zeros((len(edges) + 1, n_classes))
        np.add.at(counts, (places[fits], codes[fits]), 1)
        prior = (np.bincount(codes[fits], minlength=n_classes) + 1) / (fits.sum() + n_classes)
        counts += 5 * prior  # as much as five rows drawn from the whole
        proba[~fits] = (counts / counts.sum(axis=1, keepdims=True))[places[~fits]]
    return proba


def predictive_power(
    values: ArrayLike, labels: ArrayLike, *, bins: int = 20, folds: int = 5, seed: int = 0
) -> dict[str, float]:
    """Measure how well one number alone predicts the classes, in cross-validation.

    The model is the class frequencies in quantile bins of the number, drawn towards the overall
    frequencies, so that any dependence shows, monotone or not.

    Parameters
    ----------
    values : float, (n,), finite.
    labels : (n,), two classes or more.

    Returns
    -------
    auroc (macro, one against the rest; 0.5 is chance), accuracy, majority (accuracy of the most
    frequent class).

    Examples
    --------
    >>> power = predictive_power(np.arange(100), np.repeat(["a", "b"], 50))
    >>> power["auroc"] > 0.95, power["majority"]
    (True, 0.5)
    """
    names = np.asarray(labels).astype(str)
    classes, codes = np.unique(names, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(codes))
    fold = np.empty(len(codes), dtype=np.int64)
    fold[order[np.argsort(codes[order], kind="stable")]] = np.arange(len(codes)) % folds
    proba = _binned_proba(np.asarray(values, dtype=np.float64), codes, fold, bins)
    scores = classification_metrics(names, proba, classes)
    majority = float(np.bincount(codes).max() / len(codes))
    auroc, accuracy = scores["auroc"], scores["accuracy"]
    return {"auroc": auroc or 0.5, "accuracy": accuracy or 0.0, "majority": majority}


def shortcut_findings(
    numbers: Mapping[str, ArrayLike], labels: ArrayLike, *, seed: int = 0
) -> list[Finding]:
    """Report the numbers that predict the target far above chance.

    Parameters
    ----------
    numbers : name to values, float, (n,), such as ``{"library size": counts}``. Rows where a value
        is missing are left out of its check.
    labels : (n,), of rows with a target.

    Returns
    -------
    A warning where the AUROC is 0.8 or more, a note from 0.7.

    Examples
    --------
    >>> labels = np.repeat(["a", "b"], 50)
    >>> [finding.severity for finding in shortcut_findings({"size": np.arange(100)}, labels)]
    ['warning']
    """
    findings = []
    names = np.asarray(labels).astype(str)
    for name, values in numbers.items():
        column = np.asarray(values, dtype=np.float64)
        rows = np.isfinite(column)
        if rows.sum() < 20 or len(np.unique(names[rows])) < 2:
            continue
        power = predictive_power(column[rows], names[rows], seed=seed)
        if power["auroc"] < NOTE_ABOVE:
            continue
        message = (
            f"{name[:1].upper()}{name[1:]} alone predicts the target: AUROC {power['auroc']:.2f} "
            f"(chance 0.50), accuracy {power['accuracy']:.2f} (majority {power['majority']:.2f}). "
            "If it differs between classes for a technical reason, a model may read it "
            "instead of the biology; balance it, or test on data where it does not."
        )
        severity: Severity = "warning" if power["auroc"] >= WARN_ABOVE else "note"
        findings.append(Finding("shortcut", severity, message, {"name": name, **power}))
    return findings
