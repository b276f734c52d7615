"""Peaks of a score along a chromosome: the best window of each place, and not its neighbours."""

import numpy as np

from polyome._types import FloatArray, IntArray


def peaks(
    starts: IntArray, probability: FloatArray, *, threshold: float, distance_bp: int
) -> IntArray:
    """Find the best windows that are at least a distance apart (non-maximum suppression).

    The best window of all is kept and its neighbours are left out, then the best of the rest, and
    so on: every window above the threshold is kept or is near a better one that is. Of equal
    windows the first counts.

    Parameters
    ----------
    starts : int64, (n,), ascending; where the windows start.
    probability : float, (n,); NaN where a window was not scored.
    threshold : the smallest probability of a peak.
    distance_bp : the smallest distance between the starts of two peaks.

    Returns
    -------
    int64, (k,), ascending: positions in ``starts``.

    Examples
    --------
    >>> starts = np.arange(0, 70, 10)
    >>> probability = np.array([0.2, 0.7, 0.9, 0.6, 0.8, np.nan, 0.7])
    >>> peaks(starts, probability, threshold=0.5, distance_bp=30)
    array([2, 6])
    """
    candidates = np.flatnonzero(probability >= threshold)
    places = starts[candidates]
    first = np.searchsorted(places, places - distance_bp, side="right")
    last = np.searchsorted(places, places + distance_bp, side="left")
    is_free, is_peak = np.ones(len(places), bool), np.zeros(len(places), bool)
    for i in np.argsort(-probability[candidates], kind="stable"):
        if is_free[i]:
            is_peak[i] = True
            is_free[first[i] : last[i]] = False
    return candidates[is_peak]
