"""Refusing records of kinds that were not in the training data."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from sklearn.covariance import ledoit_wolf

from polyome._types import FloatArray, IntArray


@dataclass(frozen=True)
class UnknownDetector:
    """Distance to the nearest class, in features where distance tells unseen kinds.

    Mahalanobis distance with one covariance for all classes (Lee et al. 2018, arXiv:1807.03888,
    equation 2), shrunk after Ledoit and Wolf 2004.

    Attributes
    ----------
    means : float32, (c, k), of each class.
    whitening : float32, (k, k), so that distance is Euclidean after it.
    threshold : the distance beyond which a record is refused.
    """

    means: FloatArray
    whitening: FloatArray
    threshold: float

    @classmethod
    def fit(cls, anchors: FloatArray, classes: IntArray, num_classes: int) -> Self:
        """Learn where each class lies; nothing is refused until a threshold is set.

        Parameters
        ----------
        anchors : float, (n, k), of training records.
        classes : int, (n,).
        """
        means = np.stack([anchors[classes == c].mean(axis=0) for c in range(num_classes)])
        covariance, _ = ledoit_wolf(anchors - means[classes], assume_centered=True)
        values, vectors = np.linalg.eigh(covariance)
        whitening = vectors / np.sqrt(values.clip(1e-8))
        return cls(means.astype(np.float32), whitening.astype(np.float32), np.inf)

    def with_threshold(self, anchors: FloatArray, *, refused: float) -> Self:
        """Refuse this share of records kept aside, all of known classes."""
        distances = self.distance(anchors)
        threshold = float(np.quantile(distances, 1 - refused)) if len(distances) else np.inf
        return type(self)(self.means, self.whitening, threshold)

    def distance(self, anchors: FloatArray) -> FloatArray:
        """Distance to the nearest class, float (m,)."""
        white = anchors @ self.whitening
        centres = self.means @ self.whitening
        squares = ((white[:, None] - centres[None]) ** 2).sum(axis=2)
        distances: FloatArray = np.sqrt(squares.min(axis=1))
        return distances

    def score(self, anchors: FloatArray) -> FloatArray:
        """Distance in units of the threshold, float (m,): above 1 is refused."""
        if not np.isfinite(self.threshold):
            return np.zeros(len(anchors), np.float32)
        return self.distance(anchors) / self.threshold

    def arrays(self) -> dict[str, np.ndarray]:
        """For saving."""
        return {
            "unknown.means": self.means,
            "unknown.whitening": self.whitening,
            "unknown.threshold": np.array([self.threshold], np.float64),
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> Self:
        """Restore what :meth:`arrays` gave."""
        threshold = float(arrays["unknown.threshold"][0])
        return cls(arrays["unknown.means"], arrays["unknown.whitening"], threshold)
