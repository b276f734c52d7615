"""How training sequences are varied each time they are drawn: recombined and mutated."""

from typing import Any

import numpy as np

from polyome._types import IntArray


def recombined(windows: Any, kinds: IntArray, rate: float, rng: np.random.Generator) -> Any:
    """Give some sequences all before or behind a random place from another one of their class.

    What stands at its place still does, but no sequence can be memorised by what stands far
    apart. On inner folds (two members, half of the sequences) the log loss of human TATA promoters
    fell from .151 to .141, of sigma70's from .182 to .170 and of all E. coli's from .343 to .338;
    of 38,000 human core promoters it rose from .341 to .357. Mixing sequences of both classes, and
    their labels (CutMix, Yun et al. 2019, arXiv:1905.04899), did worse.

    Parameters
    ----------
    windows : uint8, (n, length).
    kinds : int, (n,), the classes.
    rate : share of the sequences, 0 to 1.

    Returns
    -------
    uint8, (n, length)

    Examples
    --------
    >>> rng = np.random.default_rng(3)
    >>> recombined(np.array([[1] * 6, [2] * 6]), np.array([0, 0]), 1.0, rng).tolist()
    [[1, 2, 2, 2, 2, 2], [2, 1, 1, 1, 1, 1]]
    """
    number, length = windows.shape
    partner = np.arange(number)
    for kind in np.unique(kinds):
        rows = np.flatnonzero(kinds == kind)
        partner[rows] = rng.permutation(rows)
    cuts = rng.integers(1, max(length, 2), number)
    behind = np.arange(length) >= cuts[:, None]
    other = behind ^ (rng.random(number) < 0.5)[:, None]
    chosen = rng.random(number) < rate
    return np.where(other & chosen[:, None], windows[partner], windows)


def mutated(windows: Any, rate: float, rng: np.random.Generator) -> Any:
    """Draw a share of the letters anew, uint8 (n, length); padding and letters like N stay.

    Examples
    --------
    >>> mutated(np.array([[1, 1, 0, 1]]), 1.0, np.random.default_rng(0))[0, 2]
    np.int64(0)
    """
    is_base = (windows >= 1) & (windows <= 4)
    hit = (rng.random(windows.shape, np.float32) < rate) & is_base
    return np.where(hit, rng.integers(1, 5, windows.shape, np.uint8), windows)
