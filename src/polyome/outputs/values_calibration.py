"""Values: widths of intervals, and the linear model's weight, learned from validation rows."""

from collections.abc import Sequence

import numpy as np

from polyome._types import FloatArray
from polyome.outputs.linear import OutOfFold

LEVELS = 1000
"""Coverages, 1 / LEVELS apart, at which the width of an interval is kept."""


def choose_linear_weight(
    usual: float,
    out_of_fold: Sequence[OutOfFold],
    linear: FloatArray,
    truth: FloatArray,
    members: int,
) -> float:
    """Weight of the linear model with the least squared error on validation rows, in [0, 1].

    The error is that of the whole ensemble: the error of each member alone is averaged out the
    more, the more there are. A usual weight of 0 or 1 is the user's choice and is kept.

    Parameters
    ----------
    usual : the weight where no row says otherwise.
    linear : (n, c), outputs of the linear model for all training records, out of fold.
    truth : (n, c, 2), values and their weights.
    """
    if not 0 < usual < 1:
        return usual
    along = size = 0.0
    for part in out_of_fold:
        values, weights = truth[part.rows, :, 0], truth[part.rows, :, 1]
        networks, number = part.outputs.mean(axis=0), len(part.outputs)
        variance = part.outputs.var(axis=0, ddof=1) if number > 1 else np.zeros_like(networks)
        excess = float((weights * variance).sum()) * (1 / members - 1 / number)
        difference = linear[part.rows] - networks
        along += float((weights * difference * (values - networks)).sum()) + excess
        size += float((weights * difference**2).sum()) + excess
    return float(np.clip(along / size, 0, 1)) if size > 0 else usual


def conformal_widths(
    outputs: FloatArray, truth: FloatArray, groups: np.ndarray | None = None
) -> FloatArray:
    """Half the width of an interval for each coverage from 1 / LEVELS up: float32 (LEVELS - 1, c).

    The ceil((n + 1) * coverage)-th smallest error of n validation rows (Lei et al. 2018, J Am Stat
    Assoc, algorithm 2), here of out-of-fold rows in turn (Vovk 2015, Ann Math Artif
    Intell: cross-conformal). Where that is beyond the n-th, the largest error.

    Of ``groups``, (n,), each counts alike (Dunn et al. 2023, J Am Stat Assoc: pooled distribution
    functions): the next record comes from a new one, for which a family of 3,000 near-copies
    speaks no louder than a single design.

    Examples
    --------
    >>> truth = np.stack([np.arange(9.0), np.ones(9)], axis=-1)[:, None]
    >>> conformal_widths(np.zeros((9, 1)), truth)[[499, 899], 0].tolist()
    [4.0, 8.0]
    >>> families = np.array([0, 0, 0, 0, 0, 5, 6, 7, 8])
    >>> conformal_widths(np.zeros((9, 1)), truth, families)[[499, 899], 0].tolist()
    [6.0, 8.0]
    """
    levels = np.arange(1, LEVELS) / LEVELS
    widths = []
    for k in range(outputs.shape[1]):
        known = truth[:, k, 1] > 0
        errors = np.abs(outputs[known, k] - truth[known, k, 0])
        if not len(errors):
            widths.append(np.zeros(len(levels)))
            continue
        order = np.argsort(errors)
        names = None if groups is None else groups[known]
        reached = np.cumsum(_equal_groups(len(errors), names)[order])
        place = np.searchsorted(reached, (len(errors) + 1) * levels - 1e-6)
        widths.append(errors[order[place.clip(max=len(errors) - 1)]])
    return np.stack(widths, axis=1).astype(np.float32)


def _equal_groups(n: int, groups: np.ndarray | None) -> FloatArray:
    """Weights of rows, (n,), of sum n, the same for every group."""
    if groups is None:
        return np.ones(n)
    _, codes, sizes = np.unique(groups.astype(str), return_inverse=True, return_counts=True)
    return n / len(sizes) / sizes[codes]
