"""Refusing records with several inputs, from those that are there."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from polyome._types import FloatArray
from polyome.outputs.unknown import UnknownDetector


@dataclass(frozen=True)
class InputDetectors:
    """A detector of each input; a record's score is the mean over the inputs that it has.

    Attributes
    ----------
    detectors : by input, sorted; each has a threshold of its own.
    thresholds : float, (2^m,): by the set of inputs, the sum of 2^i over those present, the mean
        score beyond which a record is refused.
    """

    detectors: dict[str, UnknownDetector]
    thresholds: FloatArray

    @classmethod
    def fit(
        cls, detectors: dict[str, UnknownDetector], held_out: FloatArray, *, refused: float
    ) -> Self:
        """Learn thresholds for every set of inputs.

        Parameters
        ----------
        held_out : float, (n, m): each input's score of records that were held out of its fit; NaN
            where a record lacks the input.
        refused : share of known records that may be refused.
        """
        m = len(detectors)
        thresholds = np.full(2**m, np.inf)
        for pattern in range(1, 2**m):
            own = held_out[:, [i for i in range(m) if pattern >> i & 1]]
            means = own[np.isfinite(own).all(axis=1)].mean(axis=1)
            if len(means):
                thresholds[pattern] = np.quantile(means, 1 - refused)
        return cls(detectors, thresholds)

    def each(self, ood_features: FloatArray, noise: FloatArray | float = 0.0) -> FloatArray:
        """Each input's own score, float (n, m); NaN where a record lacks it.

        ``ood_features`` are those of all inputs side by side, (n, k), NaN where one is absent.
        """
        found, start = [], 0
        for detector in self.detectors.values():
            end = start + detector.means.shape[1]
            own = noise if isinstance(noise, float) else noise[start:end, start:end]
            scores = np.full(len(ood_features), np.nan)
            has = np.isfinite(ood_features[:, start])
            scores[has] = detector.score(ood_features[has, start:end], own)
            found.append(scores)
            start = end
        return np.stack(found, axis=1)

    def score(self, ood_features: FloatArray, noise: FloatArray | float = 0.0) -> FloatArray:
        """How far each record is from the training records, float (n,): above 1 is refused."""
        scores = self.each(ood_features, noise)
        has = np.isfinite(scores)
        pattern = (has * 2 ** np.arange(scores.shape[1])).sum(axis=1)
        mean = np.where(has, scores, 0).sum(axis=1) / has.sum(axis=1).clip(1)
        return np.asarray(mean / self.thresholds[pattern])

    def arrays(self) -> dict[str, np.ndarray]:
        """For saving."""
        found: dict[str, np.ndarray] = {"unknown.thresholds": self.thresholds}
        for name, detector in self.detectors.items():
            own = {k.removeprefix("unknown."): v for k, v in detector.arrays().items()}
            found |= {f"unknown.input.{name}.{key}": value for key, value in own.items()}
        return found

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray], names: list[str]) -> Self:
        """Restore what :meth:`arrays` gave."""
        detectors = {}
        for name in sorted(names):
            start = f"unknown.input.{name}."
            own = {
                k.replace(start, "unknown."): v for k, v in arrays.items() if k.startswith(start)
            }
            detectors[name] = UnknownDetector.from_arrays(own)
        return cls(detectors, arrays["unknown.thresholds"])
