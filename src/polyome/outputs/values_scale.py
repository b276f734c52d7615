"""Measured values in training units, and back: learned on training rows, undone on output."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.special import ndtri

from polyome._types import FloatArray

TRANSFORMS = ("standardise", "log", "rank")
_KNOTS = 257  # quantiles that the rank transform remembers


@dataclass(frozen=True)
class ValueScale:
    """How each target is measured while training: mean 0, standard deviation 1.

    Attributes
    ----------
    transform : ``standardise``; ``log`` before it; or ``rank``, which maps quantiles of the
        training values to those of a normal distribution.
    offset : float64, (c,), added before the logarithm: a twentieth of the median positive value.
    center, spread : float64, (c,), mean and standard deviation after the logarithm.
    knots : float64, (c, k), quantiles of the training values, for ``rank``.
    """

    transform: str
    offset: FloatArray
    center: FloatArray
    spread: FloatArray
    knots: FloatArray

    @classmethod
    def fit(cls, values: FloatArray, transform: str) -> Self:
        """Learn from training values, (n, c), NaN where missing.

        Examples
        --------
        >>> scale = ValueScale.fit(np.array([[1.0], [3.0], [np.nan]]), "standardise")
        >>> scale.apply(np.array([[3.0]])).tolist(), scale.undo(np.array([[1.0]])).tolist()
        ([[1.0]], [[3.0]])
        """
        columns = [column[np.isfinite(column)] for column in values.T.astype(np.float64)]
        offset = np.array([_offset(column) for column in columns])
        if transform == "log":
            columns = [np.log(c.clip(0) + o) for c, o in zip(columns, offset, strict=True)]
        shares = np.linspace(0, 1, _KNOTS)
        return cls(
            transform,
            offset,
            np.array([column.mean() for column in columns]),
            np.array([column.std() or 1.0 for column in columns]),
            np.stack([np.quantile(column, shares) for column in columns]),
        )

    def apply(self, values: FloatArray) -> FloatArray:
        """Values as measured, (n, c), in training units; NaN stays."""
        if self.transform == "rank":
            columns = [_rank(v, k) for v, k in zip(values.T, self.knots, strict=True)]
            return np.where(np.isfinite(values), np.stack(columns, axis=1), np.nan)
        if self.transform == "log":
            values = np.log(np.clip(values, 0, None) + self.offset)
        return np.asarray((values - self.center) / self.spread)

    def slope(self, values: FloatArray) -> FloatArray:
        """How much a training unit changes with a value as measured, (n, c); NaN stays.

        Examples
        --------
        >>> scale = ValueScale.fit(np.array([[1.0], [10.0], [100.0]]), "log")
        >>> steep, flat = scale.slope(np.array([[1.0], [100.0]]))[:, 0]
        >>> bool(steep > 50 * flat)
        True
        """
        if self.transform == "log":
            return np.asarray(1 / ((np.clip(values, 0, None) + self.offset) * self.spread))
        if self.transform == "rank":
            step = self.spread / 4  # a difference over so much: knots are steps, not a curve
            return np.asarray((self.apply(values + step) - self.apply(values - step)) / (2 * step))
        return np.where(np.isfinite(values), 1 / self.spread, np.nan)

    def undo(self, values: FloatArray) -> FloatArray:
        """Values in training units, (n, c), as measured; larger stays larger."""
        values = values.astype(np.float64)
        if self.transform == "rank":
            columns = [np.interp(v, _SCORES, k) for v, k in zip(values.T, self.knots, strict=True)]
            return np.stack(columns, axis=1)
        values = values * self.spread + self.center
        if self.transform == "log":
            values = np.exp(values) - self.offset
        return values

    def arrays(self) -> dict[str, np.ndarray]:
        """For saving."""
        number = np.array([TRANSFORMS.index(self.transform)])
        return {"transform": number} | {name: getattr(self, name) for name in _PARTS}

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> Self:
        """Restore what :meth:`arrays` gave."""
        transform = TRANSFORMS[int(arrays["transform"][0])]
        return cls(transform, *(arrays[name] for name in _PARTS))


_PARTS = ("offset", "center", "spread", "knots")
_SCORES = ndtri((np.arange(_KNOTS) + 0.5) / _KNOTS)


def _rank(values: FloatArray, knots: FloatArray) -> FloatArray:
    """The normal score of each value; of values that tie, the mean of the scores that they span."""
    different, first, count = np.unique(knots, return_index=True, return_counts=True)
    ends = np.concatenate([[0.0], np.cumsum(_SCORES)])
    scores = (ends[first + count] - ends[first]) / count
    return np.interp(values, different, scores)


def _offset(column: FloatArray) -> float:
    positive = column[column > 0]
    return float(np.median(positive) / 20) if len(positive) else 1.0


def chosen_transform(values: FloatArray) -> str:
    """``log`` for values that plainly call for it, else ``standardise``.

    Plainly: no value is negative, and the largest of each target is more than 100 times the median.

    Examples
    --------
    >>> chosen_transform(np.array([[1.0], [2.0], [3.0]]))
    'standardise'
    >>> chosen_transform(np.array([[1.0], [2.0], [3000.0]]))
    'log'
    """
    median = np.nanmedian(values, axis=0)
    plainly = (np.nanmin(values, axis=0) >= 0) & (np.nanmax(values, axis=0) > 100 * median)
    return "log" if bool(plainly.all()) else "standardise"
