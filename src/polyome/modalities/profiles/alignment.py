"""Alignment of a query to the reference without labels, for all that express genes.

Another laboratory shifts and scales genes. Where the query's composition is known, so are the mean
and spread that each gene should have; the composition is read from the model's own confident
answers, and the three steps are repeated.
"""

from collections.abc import Callable, Iterator

import numpy as np

from polyome._types import FloatArray, IntArray

ITERATIONS = 3
CONFIDENT = 0.97  # probability from which an answer counts as known
FLOOR = 1.0  # added to variances (of z-scores), so that silent genes are not blown up

Adjustment = tuple[FloatArray, FloatArray]


def class_moments(
    z: FloatArray, truth: IntArray, num_classes: int
) -> tuple[FloatArray, FloatArray]:
    """Mean and variance of each gene in each class, float32 (c, g), of z-scores (n, g).

    Examples
    --------
    >>> means, variances = class_moments(np.array([[1.0], [3.0], [5.0]]), np.array([0, 0, 1]), 2)
    >>> means.ravel().tolist(), variances.ravel().tolist()
    ([2.0, 5.0], [1.0, 0.0])
    """
    member = np.eye(num_classes)[truth]  # (n, c)
    counts = member.sum(axis=0).clip(1)[:, None]
    means = member.T @ z / counts
    variances = member.T @ np.square(z) / counts - means**2
    return means.astype(np.float32), variances.clip(0).astype(np.float32)


def align(
    proba: Callable[[Adjustment | None], FloatArray],
    chunks: Callable[[], Iterator[FloatArray]],
    means: FloatArray,
    variances: FloatArray,
) -> Adjustment:
    """Find each gene's scale and shift that take the query's z-scores to the reference's.

    Parameters
    ----------
    proba : gives the query's probabilities, (n, c), under an adjustment (None: as it is).
    chunks : iterates over the query's z-scores, (m, g) each, as they are.
    means, variances : of each class in the reference, (c, g).

    Returns
    -------
    scale, shift : float32, (g,); adjusted z-scores are ``z * scale + shift``.
    """
    adjustment: Adjustment | None = None
    for _ in range(ITERATIONS):
        answers = proba(adjustment)
        weights = (answers.max(axis=1) >= CONFIDENT).astype(np.float64)
        if weights.mean() < 0.5:  # too few to speak for the query
            weights[:] = 1
        weights /= weights.sum()
        composition = np.bincount(answers.argmax(axis=1), weights, minlength=answers.shape[1])
        expected = composition @ means
        spread = (composition @ (variances + means**2) - expected**2).clip(0)
        found, found_spread = _weighted_moments(chunks(), weights)
        scale = np.sqrt((spread + FLOOR) / (found_spread + FLOOR))
        shift = expected - found * scale
        adjustment = scale.astype(np.float32), shift.astype(np.float32)
    assert adjustment is not None
    return adjustment


def _weighted_moments(
    chunks: Iterator[FloatArray], weights: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Mean and variance of each gene, float64 (g,), each record with its weight."""
    start = 0
    first, second = np.zeros(()), np.zeros(())
    for chunk in chunks:
        share = weights[start : start + len(chunk)]
        first = first + share @ chunk
        second = second + share @ np.square(chunk)
        start += len(chunk)
    return first, (second - first**2).clip(0)
