"""New sequences drawn from known ones, for a model to answer."""

import numpy as np

from polyome.io.nucleotides import Codes, complement


def draw(windows: Codes, number: int, rng: np.random.Generator) -> Codes:
    """Draw sequences around the training sequences, uint8 (number, length).

    An eighth each: as they are; with up to 30 % of the letters changed (two eighths); with any
    share changed; a window across the border of two; a part of one in another; the other strand;
    nine letters at a time in another order.

    Parameters
    ----------
    windows : uint8, (n, length), the training sequences, 0 where one is shorter.

    Examples
    --------
    >>> windows = np.tile(np.array([1, 2, 3, 4], np.uint8), (5, 3))
    >>> draw(windows, 16, np.random.default_rng(0)).shape
    (16, 12)
    """
    shares = np.diff(np.linspace(0, number, 9).astype(int))
    kinds = [
        _picked(windows, shares[0], rng),
        _changed(_whole(windows, shares[1] + shares[2], rng), 0.3, rng),
        _changed(_whole(windows, shares[3], rng), 1.0, rng),
        _shifted(windows, shares[4], rng),
        _changed(_crossed(windows, shares[5], rng), 0.1, rng),
        _changed(complement(_shifted(windows, shares[6], rng)[:, ::-1]), 0.1, rng),
        _shuffled(_whole(windows, shares[7], rng), 9, rng),
    ]
    return np.concatenate(kinds)


def _picked(windows: Codes, number: int, rng: np.random.Generator) -> Codes:
    return windows[rng.integers(0, len(windows), number)]


def _whole(windows: Codes, number: int, rng: np.random.Generator) -> Codes:
    """Some of the windows, without padding: letters of others stand there."""
    picked = _picked(windows, number, rng)
    for _ in range(8):
        if (picked != 0).all():
            return picked
        picked = np.where(picked == 0, _picked(windows, number, rng), picked)
    return np.where(picked == 0, rng.integers(1, 5, picked.shape, np.uint8), picked)


def _changed(windows: Codes, most: float, rng: np.random.Generator) -> Codes:
    """Replace letters at random; each sequence has a rate of its own, up to ``most``."""
    rate = most * rng.random((len(windows), 1))
    letters = rng.integers(1, 5, windows.shape, np.uint8)
    return np.where(rng.random(windows.shape) < rate, letters, windows)


def _shifted(windows: Codes, number: int, rng: np.random.Generator) -> Codes:
    """The end of one sequence and the beginning of another."""
    length = windows.shape[1]
    pair = np.concatenate([_whole(windows, number, rng), _whole(windows, number, rng)], axis=1)
    places = rng.integers(0, length + 1, (number, 1)) + np.arange(length)
    return np.take_along_axis(pair, places, axis=1)


def _crossed(windows: Codes, number: int, rng: np.random.Generator) -> Codes:
    """A part of one sequence at its place in another."""
    length = windows.shape[1]
    ends = np.sort(rng.integers(0, length + 1, (number, 2)), axis=1)
    places = np.arange(length)
    is_inside = (places >= ends[:, :1]) & (places < ends[:, 1:])
    return np.where(is_inside, _whole(windows, number, rng), _whole(windows, number, rng))


def _shuffled(windows: Codes, size: int, rng: np.random.Generator) -> Codes:
    """Put blocks of letters in another order; what is left at the end stays."""
    number, length = windows.shape
    blocks = length // size
    order = rng.random((number, blocks)).argsort(axis=1)
    places = (order[:, :, None] * size + np.arange(size)).reshape(number, blocks * size)
    rest = np.broadcast_to(np.arange(blocks * size, length), (number, length - blocks * size))
    return np.take_along_axis(windows, np.concatenate([places, rest], axis=1), axis=1)
