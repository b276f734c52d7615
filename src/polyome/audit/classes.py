"""Classes that a part lacks, holds too few of, or holds in other proportions."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from polyome._errors import listed
from polyome.audit.findings import Finding, Number, Severity
from polyome.splits import Split

TINY = 10
SHIFT = 0.15
"""Total variation between the class proportions of two parts from which a shift is reported."""


def class_counts(labels: ArrayLike, split: Split) -> pd.DataFrame:
    """Count each class in each part that has rows: classes by parts.

    Examples
    --------
    >>> split = Split(np.array([0, 1]), np.array([], dtype=int), np.array([2]), 0, "by hand")
    >>> class_counts(["B", "T", "T"], split).to_dict()
    {'train': {'B': 1, 'T': 1}, 'test': {'B': 0, 'T': 1}}
    """
    names = np.asarray(labels, dtype=object)
    parts = {"train": split.train, "validation": split.validation, "test": split.test}
    counts = {
        part: pd.Series(names[rows].astype(str)).value_counts()
        for part, rows in parts.items()
        if len(rows)
    }
    return pd.DataFrame(counts).fillna(0).astype(int).sort_index()


def class_findings(labels: ArrayLike, split: Split) -> list[Finding]:
    """Find classes missing from a part, tiny in one, or in other proportions.

    Parameters
    ----------
    labels : (n,), classes; the rows of the split have one.
    split : the parts.

    Examples
    --------
    >>> split = Split(np.arange(30), np.array([], dtype=int), np.arange(30, 60), 0, "by hand")
    >>> found = class_findings(["B"] * 40 + ["T"] * 20, split)
    >>> [(finding.kind, finding.severity) for finding in found]
    [('missing class', 'warning'), ('class shift', 'warning')]
    """
    counts = class_counts(labels, split)
    parts = [*_missing(counts), *_tiny(counts)]
    if "test" in counts:
        parts += _shift(counts)
    return parts


def _missing(counts: pd.DataFrame) -> list[Finding]:
    meanings = {
        "train": (
            "the model cannot name them and every such row is an error. "
            "Add rows to the training part, or leave the classes out"
        ),
        "validation": "they do not count in early stopping and calibration. Add rows, or go on",
        "test": "nothing is known about their accuracy. Add test rows, or do not claim it",
    }
    findings = []
    for part in counts:
        names = counts.index[counts[part] == 0].tolist()
        if names:
            message = f"No {part} row of {listed(names)}: {meanings[str(part)]}."
            severity: Severity = "note" if part == "validation" else "warning"
            numbers: dict[str, Number] = {"part": str(part), "classes": names}
            findings.append(Finding("missing class", severity, message, numbers))
    return findings


def _tiny(counts: pd.DataFrame) -> list[Finding]:
    meanings = {
        "train": "few to learn from; add rows, or merge the class into a broader one",
        "test": "their scores are rough; read the intervals",
    }
    findings = []
    for part, meaning in meanings.items():
        few = counts[part][counts[part].between(1, TINY - 1)] if part in counts else counts.iloc[:0]
        if len(few):
            shown = listed(f"{name} ({count})" for name, count in few.items())
            message = f"Fewer than {TINY} {part} rows of {shown}: {meaning}."
            rows: list[int] = [int(count) for count in few.to_numpy()]
            numbers: dict[str, Number] = {
                "part": part,
                "classes": few.index.tolist(),
                "rows": rows,
            }
            findings.append(Finding("tiny class", "note", message, numbers))
    return findings


def _shift(counts: pd.DataFrame) -> list[Finding]:
    """Report proportions that differ much, and by more than chance (chi-square, p < 0.001)."""
    pair = counts[["train", "test"]]
    pair = pair[pair.sum(axis=1) > 0]
    proportions = pair / pair.sum()
    change = proportions["test"] - proportions["train"]
    distance = float(change.abs().sum() / 2)
    if distance < SHIFT or stats.chi2_contingency(pair.to_numpy()).pvalue > 0.001:
        return []
    most = str(change.abs().idxmax())
    message = (
        f"Class proportions differ between train and test (total variation {distance:.2f}); most, "
        f"'{most}': {proportions['train'][most]:.0%} of train, {proportions['test'][most]:.0%} of "
        "test. Read macro scores beside accuracy, and do not trust calibration on test blindly."
    )
    numbers: dict[str, Number] = {"total_variation": distance, "class": most}
    return [Finding("class shift", "warning", message, numbers)]
