"""What fitting a linear model beside the transformer reads, and what it leaves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from polyome._types import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class Fold:
    """Features of one fold, learned without the rows that it holds out.

    Attributes
    ----------
    rows, held : positions of the rows that fit, and of those held out.
    x, x_held : (n, f) and (m, f), dense or sparse.
    ood_features, ood_held : (n, k) and (m, k), where distance tells unseen classes; None where the
        features have no such thing.
    landmarks : (m,), places in ``rows`` of those that each of the first m features is the kernel
        with; None where features are no kernel.
    """

    rows: IntArray
    held: IntArray
    x: Any
    x_held: Any
    ood_features: FloatArray | None
    ood_held: FloatArray | None
    landmarks: IntArray | None = None


@dataclass(frozen=True)
class FittedLinear:
    """A fitted linear model.

    Attributes
    ----------
    coef : float32, (c, f).
    intercept : float32, (c,).
    out_of_fold : float, (n, c), raw outputs of all training records by the folds' models.
    seen : bool, (n,), rows of a class that their fold was fitted on; None without classes.
    readings : the models that this one is a weighted sum of: one reads few features, one all; none
        where there is but one.
    """

    coef: FloatArray
    intercept: FloatArray
    out_of_fold: FloatArray
    seen: BoolArray | None = None
    readings: "tuple[FittedLinear, ...]" = ()

    @classmethod
    def summed(cls, readings: "Sequence[FittedLinear]", weights: FloatArray) -> Self:
        """The weighted sum of linear models is a linear model; ``weights``, (k,), sum to one."""
        pairs = [*zip(readings, weights, strict=True)]
        return cls(
            coef=np.sum([weight * one.coef for one, weight in pairs], axis=0, dtype=np.float32),
            intercept=np.sum(
                [weight * one.intercept for one, weight in pairs], axis=0, dtype=np.float32
            ),
            out_of_fold=np.sum([weight * one.out_of_fold for one, weight in pairs], axis=0),
            seen=readings[0].seen,
            readings=(*readings,),
        )


@dataclass(frozen=True)
class OutOfFold:
    """Raw outputs of validation rows by the members that validate on them.

    Attributes
    ----------
    rows : int64, (m,), positions in the training records.
    outputs : float, (r, m, c), of each of these r members.
    """

    rows: IntArray
    outputs: FloatArray


def validated(out_of_fold: Sequence[OutOfFold]) -> tuple[IntArray, FloatArray]:
    """Validation rows, (m,), and the mean of their members' raw outputs, (m, c).

    Examples
    --------
    >>> rows, outputs = validated([OutOfFold(np.array([4]), np.array([[[1.0]], [[3.0]]]))])
    >>> rows.tolist(), outputs.tolist()
    ([4], [[2.0]])
    """
    rows = np.concatenate([part.rows for part in out_of_fold])
    return rows, np.concatenate([part.outputs.mean(axis=0) for part in out_of_fold])


def parts_of(networks: FloatArray, linear: FloatArray, weight: float) -> list[FloatArray]:
    """Raw outputs, (m, c), of the model, the transformer alone and the linear model alone.

    Examples
    --------
    >>> parts_of(np.array([1.0]), np.array([3.0]), 0.5)
    [array([2.]), array([1.]), array([3.])]
    """
    return [(1 - weight) * networks + weight * linear, networks, linear]


def seen_by(rows: IntArray, held: IntArray, truth: IntArray) -> BoolArray:
    """Which of the rows held out, (m,), are of a class that the rows that fit have.

    Where whole groups are held out, a class of one group alone is a class that nobody has seen.

    Examples
    --------
    >>> seen_by(np.array([0, 1]), np.array([2, 3]), np.array([0, 1, 1, 2])).tolist()
    [True, False]
    """
    return np.isin(truth[held], truth[rows])


def loss_of_ensemble(one: float, several: float, number: int, members: int) -> float:
    """Mean loss of an ensemble of so many members, by that of one and of several of them.

    The error that members have in common stays, the error of each alone is divided by their number:
    the loss is a + b / members, exactly for a squared error, nearly for a log loss. A single
    member's loss would give the transformer too small a weight in the answer of many.

    Examples
    --------
    >>> loss_of_ensemble(3.0, 2.0, number=2, members=4)
    1.5
    """
    if number == 1:
        return one
    variable = (one - several) / (1 - 1 / number)
    return one - variable + variable / members
