"""What no model can reach: how well counts agree with a second count of the same."""

from collections.abc import Callable

import numpy as np

from polyome._types import FloatArray


def split_half_ceiling(
    counts: FloatArray, normalise: Callable[[FloatArray], FloatArray], *, seed: int = 0
) -> FloatArray | None:
    """Largest correlation that any prediction can have with each measured feature.

    Every molecule goes to one of two halves by chance (binomial thinning, as Neufeld et al. 2024,
    Biostatistics). The halves' correlation r has the reliability 2 r / (1 + r) of the whole
    (Spearman 1910, Brown 1910), whose root bounds the correlation with anything without its noise.

    Parameters
    ----------
    counts : (n, f), whole numbers.
    normalise : counts (n, f) -> values (n, g) as they are predicted.

    Returns
    -------
    float, (g,); None where these are no counts.

    Examples
    --------
    >>> means = np.repeat([[5.0], [50.0]], 200, axis=0)
    >>> counts = np.random.default_rng(0).poisson(means).astype(float)
    >>> bool(0.95 < split_half_ceiling(counts, np.log1p)[0] < 1)
    True
    """
    known = np.nan_to_num(counts)
    if (known < 0).any() or (known != np.rint(known)).any():
        return None
    rng = np.random.default_rng(seed)
    one = rng.binomial(known.astype(np.int64), 0.5).astype(np.float64)
    halves = [normalise(half) for half in (one, known - one)]
    found = [_correlation(*columns) for columns in zip(halves[0].T, halves[1].T, strict=True)]
    r = np.clip(np.array(found), 0, 1)
    return np.asarray(np.sqrt(2 * r / (1 + r)))


def _correlation(one: FloatArray, other: FloatArray) -> float:
    if one.std() == 0 or other.std() == 0:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])
