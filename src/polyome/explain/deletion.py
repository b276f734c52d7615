"""Is an explanation true of the model? Remove what it names first, and see what the answer loses.

Removal of parts in the order of their contributions against removal in random order (Samek et al.
2017, arXiv:1509.06321); for insertion parts are put back in that order.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from polyome._types import BoolArray, FloatArray, IntArray
from polyome.explain.attribution import proba_of_values
from polyome.io.nucleotides import Sequences
from polyome.modalities.dna.records import SequenceRecords
from polyome.modalities.profiles.records import CellRecords
from polyome.model_folder.fitted_model import FittedModel
from polyome.predict.predict import PredictArguments, proba_of

Answer = Callable[[BoolArray], FloatArray]
"""From which parts are removed, bool (n, parts), to the probability explained, (n,)."""


@dataclass(frozen=True)
class Curves:
    """Mean probability of the answer that is explained while parts are removed.

    Attributes
    ----------
    shares : float, (k,), of the parts that are removed (or put back), from 0 to 1.
    named : float, (k,), in the order of the contributions, the largest first.
    random : float, (k,), in random order, mean over orders.
    """

    shares: FloatArray
    named: FloatArray
    random: FloatArray

    @property
    def area(self) -> tuple[float, float]:
        """Area under both curves, named and random."""
        return float(np.trapezoid(self.named, self.shares)), float(
            np.trapezoid(self.random, self.shares)
        )

    def lost(self, share: float) -> tuple[float, float]:
        """Mean loss of probability over the removal of the first ``share``, named and random."""
        first = self.shares <= share + 1e-9
        named, random = (
            float(np.trapezoid(curve[0] - curve[first], self.shares[first]) / share)
            for curve in (self.named, self.random)
        )
        return named, random


def removal_curves(
    contributions: FloatArray,
    answer: Answer,
    *,
    shares: FloatArray,
    repeats: int = 5,
    insertion: bool = False,
    seed: int = 0,
) -> Curves:
    """Remove parts in the order of their contributions and in random orders.

    Parameters
    ----------
    contributions : float, (n, parts).
    answer : the model.
    shares : float, (k,), where the curves are measured.
    repeats : random orders.
    insertion : start with every part removed and put them back.

    Examples
    --------
    >>> curves = removal_curves(
    ...     np.array([[3.0, 0.0, 0.0, 0.0]]),
    ...     lambda removed: 1.0 - removed[:, 0],
    ...     shares=np.array([0.0, 0.25, 1.0]),
    ... )
    >>> curves.named.tolist()
    [1.0, 0.0, 0.0]
    """
    rng = np.random.default_rng(seed)
    named = _followed(-contributions, answer, shares, insertion=insertion)
    random = [
        _followed(rng.random(contributions.shape), answer, shares, insertion=insertion)
        for _ in range(repeats)
    ]
    return Curves(shares, named, np.mean(random, axis=0))


def _followed(keys: FloatArray, answer: Answer, shares: FloatArray, *, insertion: bool) -> Any:
    """Mean answer after each share of the parts with the smallest keys, (k,)."""
    ranks = keys.argsort(axis=1, kind="stable").argsort(axis=1)
    counts = np.rint(shares * keys.shape[1])
    return np.array([answer((ranks < count) != insertion).mean() for count in counts])


def cells_without(fitted: FittedModel, records: CellRecords, chosen: IntArray) -> Answer:
    """Cells whose removed genes are at the mean of the training cells (z-score 0)."""
    modality: Any = fitted.modality
    records = modality.prepare(records)
    z = modality.standardised(records)

    def answer(removed: BoolArray) -> FloatArray:
        proba = proba_of_values(fitted, records, np.where(removed, np.float32(0), z))
        return np.asarray(proba[np.arange(len(z)), chosen])

    return answer


def sequences_without(
    fitted: FittedModel, records: SequenceRecords, chosen: IntArray, *, seed: int = 0
) -> Answer:
    """Sequences of one length whose removed bases are replaced by another one, drawn once."""
    letters = records.dna.matrix()
    drawn = np.random.default_rng(seed).integers(1, 4, letters.shape)
    is_base = (letters >= 1) & (letters <= 4)
    others = np.where(is_base, (letters - 1 + drawn) % 4 + 1, letters).astype(np.uint8)
    starts = np.arange(len(letters)) * letters.shape[1]

    def answer(removed: BoolArray) -> FloatArray:
        changed = np.where(removed, others, letters).reshape(-1)
        dna = Sequences(changed, starts, records.dna.lengths)
        asked = replace(records, dna=dna, windows=None)
        proba = proba_of(fitted, asked, PredictArguments())
        return np.asarray(proba[np.arange(len(letters)), chosen])

    return answer
