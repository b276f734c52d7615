"""Seeded draws, and seeded work that leaves the caller's own random numbers alone."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from polyome._types import IntArray

_ONE_AT_A_TIME = threading.RLock()


@contextmanager
def own_random_state() -> Iterator[None]:
    """Give the global generators of Python, NumPy and torch back as they were.

    Training seeds them; a caller's loop that draws subsamples must not get the same one each time.
    They belong to the whole process, so that of several threads one works at a time.

    Examples
    --------
    >>> np.random.seed(1)
    >>> with own_random_state():
    ...     np.random.seed(0)
    >>> round(np.random.rand(), 3)
    0.417
    """
    with _ONE_AT_A_TIME, torch.random.fork_rng():
        pythons, numpys = random.getstate(), np.random.get_state()  # noqa: NPY002
        try:
            yield
        finally:
            random.setstate(pythons)
            np.random.set_state(numpys)  # noqa: NPY002


def some_of(n: int, most: int, seed: int) -> IntArray:
    """At most ``most`` of ``n`` rows, drawn evenly, in order: int64.

    Examples
    --------
    >>> some_of(3, 5, seed=0).tolist(), len(some_of(9, 5, seed=0))
    ([0, 1, 2], 5)
    """
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, most, replace=False))
