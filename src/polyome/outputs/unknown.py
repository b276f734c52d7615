"""Refusing records of classes that were not in the training data."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from polyome._types import FloatArray, IntArray

UNKNOWN = "unknown"
"""Label of a record that is refused."""
REFUSED = 0.05  # share of known records that may be called unknown
_SHRINKAGE = 0.1  # of the shared covariance towards its diagonal
_PRIOR_ROWS = 20  # rows that the shared covariance counts for in each class's own


@dataclass(frozen=True)
class UnknownDetector:
    """Distance to the nearest class, in features where distance tells unseen kinds.

    The sum of two Mahalanobis distances, one with a covariance that all classes share (Lee et al.
    2018, arXiv:1807.03888, equation 2), one with each class's own, shrunk to the shared one.

    Attributes
    ----------
    means : float32, (c, k), of each class.
    shared : float32, (k, k), the shared covariance.
    own : float32, (c, k, k), the classes' covariances.
    threshold : the distance beyond which a record is refused.
    """

    means: FloatArray
    shared: FloatArray
    own: FloatArray
    threshold: float = np.inf

    @classmethod
    def fit(cls, ood_features: FloatArray, classes: IntArray) -> Self:
        """Learn where each class lies; nothing is refused until a threshold is set.

        Parameters
        ----------
        ood_features : float, (n, k), of training records.
        classes : int, (n,); every class from 0 to c - 1 that has rows counts.
        """
        present = np.unique(classes)
        means = np.stack([ood_features[classes == c].mean(axis=0) for c in present])
        residuals = (ood_features - means[np.searchsorted(present, classes)]).astype(np.float64)
        shared = residuals.T @ residuals / len(residuals)
        shared = (1 - _SHRINKAGE) * shared + _SHRINKAGE * np.diag(np.diag(shared))
        shared += 1e-6 * np.eye(len(shared))
        own = []
        for c in present:
            inside = residuals[classes == c]
            scatter = inside.T @ inside + _PRIOR_ROWS * shared
            own.append(scatter / (len(inside) + _PRIOR_ROWS))
        parts = (means, shared, np.stack(own))
        means, shared, stacked = (part.astype(np.float32) for part in parts)
        return cls(means, shared, stacked)

    def with_threshold(self, held_out: FloatArray, *, refused: float) -> Self:
        """Refuse this share of known records, by distances of records that were held out, (m,)."""
        threshold = float(np.quantile(held_out, 1 - refused)) if len(held_out) else np.inf
        return replace(self, threshold=threshold)

    def distance(self, ood_features: FloatArray, noise: FloatArray | float = 0.0) -> FloatArray:
        """Distance to the nearest class, float (m,).

        ``noise``, (k, k), is covariance that these ood_features have beyond the training records'.
        """
        squares = np.full((2, len(ood_features)), np.inf)
        inverse = np.linalg.inv(self.shared.astype(np.float64) + noise)
        for mean, covariance in zip(self.means, self.own, strict=True):
            offset = ood_features - mean
            own = np.linalg.inv(covariance.astype(np.float64) + noise)
            for i, precision in enumerate((inverse, own)):
                found = ((offset @ precision) * offset).sum(axis=1)
                squares[i] = np.minimum(squares[i], found)
        distances: FloatArray = np.sqrt(squares.clip(0)).sum(axis=0)
        return distances

    def score(self, ood_features: FloatArray, noise: FloatArray | float = 0.0) -> FloatArray:
        """Distance in units of the threshold, float (m,): above 1 is refused."""
        if not np.isfinite(self.threshold):
            return np.zeros(len(ood_features))
        return self.distance(ood_features, noise) / self.threshold

    def arrays(self) -> dict[str, np.ndarray]:
        """For saving."""
        return {
            "unknown.means": self.means,
            "unknown.shared": self.shared,
            "unknown.own": self.own,
            "unknown.threshold": np.array([self.threshold], np.float64),
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> Self:
        """Restore what :meth:`arrays` gave."""
        threshold = float(arrays["unknown.threshold"][0])
        means, shared, own = (arrays[f"unknown.{name}"] for name in ("means", "shared", "own"))
        return cls(means, shared, own, threshold)
