"""Single columns that give the target away."""

from typing import Any

import numpy as np
from scipy.stats import rankdata

from polyome._errors import listed
from polyome._types import FloatArray
from polyome.audit.findings import Finding

GIVES_AWAY = 0.98
"""Share of the target's variance that one column explains alone, from which it is a copy of it."""
_MOST_ROWS = 5_000
_FEWEST_ROWS = 10


def given_away(
    features: FloatArray,
    names: list[str],
    truth: np.ndarray,
    *,
    target: str = "the target",
    seed: int = 0,
) -> list[Finding]:
    """Find columns that are nearly the target itself: codes of classes, other units of a value.

    Parameters
    ----------
    features : (n, f), NaN where missing.
    names : of the features.
    truth : (n,) labels; or float (n,), values, compared by rank, so that a logarithm is found too.
    target : what messages call it.

    Examples
    --------
    >>> codes = np.repeat([[1.0], [2.0]], 20, axis=0)
    >>> found = given_away(codes, ["code"], np.repeat(["a", "b"], 20))
    >>> found[0].message
    "The column 'code' alone gives the target away: it explains 100 % of it. ..."
    """
    rows = np.arange(len(truth))
    if len(rows) > _MOST_ROWS:
        rows = np.random.default_rng(seed).choice(rows, _MOST_ROWS, replace=False)
    features, truth = np.asarray(features[rows], np.float64), truth[rows]
    if len(rows) < _FEWEST_ROWS:
        return []
    is_value = np.issubdtype(truth.dtype, np.floating)
    explained = _of_value(features, truth) if is_value else _of_classes(features, truth)
    best = np.flatnonzero(explained >= GIVES_AWAY)
    if not len(best):
        return []
    best = best[np.argsort(-explained[best], kind="stable")]
    shown = listed([names[k] for k in best], most=5)
    one = len(best) == 1
    message = (
        f"The column{'' if one else 's'} {shown} alone give{'s' if one else ''} {target} away: "
        f"{'it explains' if one else 'each explains'} {explained[best].min():.0%} of it. "
        f"If {'it was' if one else 'they were'} derived from {target}, or measured after it, "
        "remove the column; the score is of copying otherwise."
    ).replace("%", " %")
    numbers: dict[str, Any] = {"columns": [names[k] for k in best[:20]]}
    numbers["explained"] = [float(explained[k]) for k in best[:20]]
    return [Finding("shortcut", "warning", message, numbers)]


def _of_value(features: FloatArray, truth: FloatArray) -> FloatArray:
    """Squared rank correlation with the known values, (f,); 0 where there are too few."""
    found = np.zeros(features.shape[1])
    for k, column in enumerate(features.T):
        known = np.isfinite(column) & np.isfinite(truth)
        if known.sum() >= _FEWEST_ROWS and np.ptp(column[known]) > 0 and np.ptp(truth[known]) > 0:
            ranks = rankdata(column[known]), rankdata(truth[known])
            found[k] = np.corrcoef(*ranks)[0, 1] ** 2
    return found


def _of_classes(features: FloatArray, truth: np.ndarray) -> FloatArray:
    """Share of each column's variance that lies between classes, (f,)."""
    codes = np.unique(truth.astype(str), return_inverse=True)[1]
    known = np.isfinite(features)
    total_count = known.sum(axis=0)
    values = np.where(known, features, 0)
    mean = values.sum(axis=0) / total_count.clip(1)
    total = (np.where(known, features - mean, 0) ** 2).sum(axis=0)
    between = np.zeros(features.shape[1])
    for code in range(codes.max() + 1):
        count = known[codes == code].sum(axis=0)
        own = values[codes == code].sum(axis=0) / count.clip(1)
        between += count * (own - mean) ** 2
    enough = (total > 1e-12) & (total_count >= _FEWEST_ROWS)
    return np.where(enough, between / np.where(enough, total, 1), 0.0)
