"""Alignment of a query to the reference without labels, for all that express genes.

Another laboratory shifts and scales genes. Where the query's composition is known, so are the mean
and spread that each gene should have; the composition is read from the model's own answers, and the
three steps are repeated.

A query of one foreign kind differs from the reference by a shift too. So only records near the
training cells teach the alignment, and where hardly any are near it is refused.
"""

from collections.abc import Callable, Iterator

import numpy as np

from polyome._errors import InputError
from polyome._types import BoolArray, FloatArray, IntArray

ITERATIONS = 3
FLOOR = 1.0  # added to variances (of z-scores), so that silent genes are not blown up
NEAR = 1.25
"""``unknown_score`` before alignment up to which a record teaches it, and may get a name by it. Of
Kang's blood cells 64 % lie so near to pbmc3k's, of the gut's non-immune cells 1 %."""
LEAST_NEAR = 20
"""Such records that are needed: a gene's mean over 20 has a standard error of .22 standard
deviations, and laboratories differ by .1 to .3 (symphony's and Kang's cells from pbmc3k)."""
NEARLY_ALL = 0.95
"""Share of refused records from which nothing ties a query to the reference: the share that the
threshold accepts of known cells."""

LEAST_CORRELATION = 0.3
"""Of the mean expression of genes in query and reference: .7 to 1 for blood of other laboratories,
about 0 where gene names are shuffled."""
_FEWEST_GENES = 30  # whose means say anything of it

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


def unsound(score: FloatArray) -> str:
    """Say why a query must not be aligned; empty where it may be.

    Parameters
    ----------
    score : float, (n,), ``unknown_score`` before alignment: above 1 is refused.

    Examples
    --------
    >>> unsound(np.linspace(0.5, 1.5, 100))
    ''
    >>> unsound(np.full(100, 1.8))
    '100 of 100 records (100%) are unlike all training records before alignment'
    >>> unsound(np.full(3, 0.7))
    '3 records are too few: the means of genes over fewer than 20 are too uncertain'
    """
    few = f"the means of genes over fewer than {LEAST_NEAR} are too uncertain"
    if len(score) < LEAST_NEAR:
        return f"{len(score)} record{'s are' if len(score) != 1 else ' is'} too few: {few}"
    refused, near = int((score > 1).sum()), int((score <= NEAR).sum())
    if refused >= NEARLY_ALL * len(score):
        share = refused / len(score)
        return (
            f"{refused:,} of {len(score):,} records ({share:.0%}) are unlike all training records "
            "before alignment"
        )
    if near < LEAST_NEAR:
        return (
            f"only {near} of {len(score):,} records are near the training records "
            f"(unknown_score up to {NEAR}): {few}"
        )
    return ""


def check_sound(score: FloatArray) -> None:
    """Refuse a query whose alignment would make foreign records look known.

    Examples
    --------
    >>> check_sound(np.linspace(0.5, 1.5, 100))
    >>> check_sound(np.array([1.7]))
    Traceback (most recent call last):
    polyome._errors.InputError: align=true: 1 record is too few: ...
    """
    _refuse(unsound(score))


def check_size(n_records: int) -> None:
    """Refuse a query that is too small before its scores are known.

    Examples
    --------
    >>> check_size(20)
    """
    if n_records < LEAST_NEAR:
        _refuse(unsound(np.zeros(n_records)))


def _refuse(why: str) -> None:
    """Refuse to align for a reason, if there is one."""
    if why:
        message = (
            f"align=true: {why}. Any shift of genes would make such records look known, whatever "
            "they are. Leave align=true out: what is unlike the training records stays 'unknown'. "
            "Are tissue, organism and gene names those that the model was fitted on?"
        )
        raise InputError(message)


def check_genes(query: FloatArray, reference: FloatArray) -> None:
    """Refuse a query whose genes are expressed as if they were others.

    Parameters
    ----------
    query, reference : float, (g,), mean log-normalised expression.

    Examples
    --------
    >>> means = np.arange(100.0)
    >>> check_genes(means + 5, means)
    >>> check_genes(means[::-1], means)
    Traceback (most recent call last):
    polyome._errors.InputError: align=true: genes are expressed otherwise than in the training ...
    """
    if len(query) < _FEWEST_GENES or min(query.std(), reference.std()) < 1e-6:
        return
    correlation = float(np.corrcoef(query, reference)[0, 1])
    if correlation < LEAST_CORRELATION:
        message = (
            f"align=true: genes are expressed otherwise than in the training cells (their means "
            f"correlate by {correlation:.2f}; {LEAST_CORRELATION} is needed). Do the gene names "
            "belong to these columns, and is it the same organism? Leave align=true out."
        )
        raise InputError(message)


def align(
    proba: Callable[[Adjustment], FloatArray],
    start: FloatArray,
    chunks: Callable[[], Iterator[FloatArray]],
    means: FloatArray,
    variances: FloatArray,
    near: BoolArray,
) -> Adjustment:
    """Find each gene's scale and shift that take the query's z-scores to the reference's.

    Both are shrunk towards none by empirical Bayes: as far as the differences of all genes are no
    larger than the noise of the query's means and variances, genes stay as they are. Without,
    aligned single types of pbmc3k, where there is nothing to align, lost up to .19 of accuracy.

    Parameters
    ----------
    proba : gives the query's probabilities, (n, c), under an adjustment.
    start : the same without one, (n, c).
    chunks : iterates over the query's z-scores, (m, g) each, as they are.
    means, variances : of each class in the reference, (c, g).
    near : bool, (n,), the records that teach the alignment.

    Returns
    -------
    scale, shift : float32, (g,); adjusted z-scores are ``z * scale + shift``.
    """
    mean, variance, fourth = _central_moments(chunks(), near)
    number = near.sum()
    of_mean = variance / number  # squared standard errors
    of_spread = (fourth - variance**2).clip(0) / number / (2 * (variance + FLOOR)) ** 2
    answers = start
    for _ in range(ITERATIONS):
        composition = answers[near].mean(axis=0)
        expected = composition @ means
        spread = (composition @ (variances + means**2) - expected**2).clip(0)
        scale = np.exp(_shrunk(0.5 * np.log((spread + FLOOR) / (variance + FLOOR)), of_spread))
        shift = mean + _shrunk(expected - mean, of_mean) - mean * scale
        adjustment = scale.astype(np.float32), shift.astype(np.float32)
        answers = proba(adjustment)
    return adjustment


def _shrunk(differences: FloatArray, noise: FloatArray) -> FloatArray:
    """Posterior means of differences, (g,), with a common normal prior about none.

    ``noise``, (g,), are their squared standard errors; the prior's variance is what the squared
    differences have beyond them on average.
    """
    prior = max(0.0, float((differences**2 - noise).mean()))
    kept: FloatArray = differences * (prior / np.maximum(prior + noise, 1e-12))
    return kept


def _central_moments(
    chunks: Iterator[FloatArray], near: BoolArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Mean, variance and fourth central moment of each gene among some records, float64 (g,)."""
    start = 0
    raw = [np.zeros(()) for _ in range(4)]
    for chunk in chunks:
        some = chunk[near[start : start + len(chunk)]].astype(np.float64)
        raw = [sums + (some**power).sum(axis=0) for power, sums in enumerate(raw, start=1)]
        start += len(chunk)
    m1, m2, m3, m4 = (sums / near.sum() for sums in raw)
    variance = (m2 - m1**2).clip(0)
    fourth = m4 - 4 * m1 * m3 + 6 * m1**2 * m2 - 3 * m1**4
    return m1, variance, fourth
