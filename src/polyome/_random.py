"""Seeded work that leaves the caller's own random numbers alone."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def own_random_state() -> Iterator[None]:
    """Give the global generators of Python, NumPy and torch back as they were.

    Training seeds them; a caller's loop that draws subsamples must not get the same one each time.

    Examples
    --------
    >>> np.random.seed(1)
    >>> with own_random_state():
    ...     np.random.seed(0)
    >>> round(np.random.rand(), 3)
    0.417
    """
    pythons, numpys = random.getstate(), np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng():
        try:
            yield
        finally:
            random.setstate(pythons)
            np.random.set_state(numpys)  # noqa: NPY002
