"""What fitting and answering need to know of the kind of an answer."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from polyome._types import BoolArray, FloatArray, IntArray
from polyome.modalities.base import ClassPrediction, ValuePrediction
from polyome.model.inference import RawOutputs
from polyome.model_folder.fitted_model import FittedModel
from polyome.tasks.base import Task
from polyome.tasks.targets import Targets
from polyome.train.linear_model import FittedLinear, Fold

Truth = Any
"""What :meth:`polyome.tasks.targets.Targets.indices` gives: int (n,), or float (n, c, 2)."""


@dataclass(frozen=True)
class OutOfFold:
    """Validation rows of the same members.

    Attributes
    ----------
    rows : int64, (m,), positions in the training records.
    answers : float, (r, m, c), what each of these r members answers them.
    """

    rows: IntArray
    answers: FloatArray


def at_size(one: float, several: float, number: int, members: int) -> float:
    """Mean loss of an ensemble of so many members, by that of one and of several of them.

    What members err in common stays, what each errs by itself is divided by their number: the loss
    is a + b / members, exactly for a squared error, nearly for a log loss. A single member's loss
    would give the trunk too small a share in the answer of many.

    Examples
    --------
    >>> at_size(3.0, 2.0, number=2, members=4)
    1.5
    """
    if number == 1:
        return one
    own = (one - several) / (1 - 1 / number)
    return one - own + own / members


class Kind(ABC):
    """How raw outputs of a head are judged while fitting, and become answers."""

    constant: str
    """Name of the baseline that answers every record alike."""
    linear: str
    """Name of the linear model as a baseline."""
    caution: str
    """What users should know of confidence or intervals, a line of the card."""

    @abstractmethod
    def described(self, fitted: FittedModel) -> str:
        """Say what a model answers, for its card."""

    @abstractmethod
    def loss(self, outputs: FloatArray, truth: Truth) -> float:
        """Mean loss of raw outputs, (m, c), of validation rows."""

    @abstractmethod
    def fit_linear_model(
        self,
        task: Task,
        folds: list[Fold],
        whole: Fold,
        truth: Truth,
        num_outputs: int,
        module: Any,
    ) -> FittedLinear:
        """Choose the linear model's penalty on held-out rows, then fit all rows with it."""

    @abstractmethod
    def calibrate(
        self,
        fitted: FittedModel,
        aside: Sequence[OutOfFold],
        linear: FittedLinear | None,
        truth: Truth,
        groups: np.ndarray | None,
    ) -> None:
        """Set the linear model's weight, and what answers need, by validation rows.

        Parameters
        ----------
        aside : validation rows by the members that validate on them; none without such rows.
        truth : of all training records.
        groups : of all training records, (n,), or None.
        """

    def fit_jointly(
        self,
        folds: Mapping[str, Sequence[Fold]],
        whole: Mapping[str, Fold],
        alone: Mapping[str, FittedLinear],
        truth: Truth,
    ) -> Mapping[str, FittedLinear] | None:
        """Fit the linear models of several inputs to each other's rest, where that is better.

        ``alone`` are those that were fitted by themselves; None keeps them, as classes do.
        """
        del folds, whole, alone, truth
        return None

    @abstractmethod
    def stacked(self, outputs: Sequence[FloatArray], truth: Truth, start: FloatArray) -> FloatArray:
        """Weights (k,), none below 0, of k models' raw outputs, (n, c) each, out of fold.

        ``start`` are the weights without any row.
        """

    @abstractmethod
    def pooled(self, outputs: Sequence[FloatArray], weights: FloatArray) -> FloatArray:
        """One raw output, (n, c), of k models' and their weights."""

    def calibrate_inputs(  # noqa: B027 - classes are calibrated by the weights themselves
        self, fitted: FittedModel, held: Mapping[int, tuple[FloatArray, Truth, np.ndarray | None]]
    ) -> None:
        """Learn what answers need, by set of inputs.

        Parameters
        ----------
        held : by set of inputs (see :attr:`polyome.modalities.inputs.InputRecords.pattern`), of
            validation rows: pooled outputs (m, c), the truth, and groups (m,) or None.
        """

    @abstractmethod
    def numbers(
        self, fitted: FittedModel, outputs: FloatArray, part: str = "polyome"
    ) -> FloatArray:
        """Probabilities, or values as measured, (n, c), of a model's raw outputs.

        ``part`` is the model, or ``transformer alone`` or ``linear model alone``.
        """

    @abstractmethod
    def joined(self, views: list[FloatArray]) -> FloatArray:
        """Mean of what the linear model gives for several views of the same records, (n, c)."""

    @abstractmethod
    def answers(
        self,
        fitted: FittedModel,
        raw: RawOutputs,
        names: pd.Index,
        provenance: dict[str, Any],
        notes: list[str],
        *,
        score: FloatArray | None,
        refused: BoolArray | None,
        level: float,
        pattern: IntArray | None,
    ) -> ClassPrediction | ValuePrediction:
        """Put answers together.

        Parameters
        ----------
        score : (n,), distance from the training records; None where it is not known.
        refused : bool, (n,), records that get no name; None refuses none.
        level : share of true values that an interval is to hold.
        pattern : (n,), which inputs each record has; None where records have but one.
        """

    @abstractmethod
    def fit_constant(self, truth: Truth) -> FloatArray:
        """Learn the constant baseline: (c,)."""

    @abstractmethod
    def fit_linear(
        self, features: FloatArray, truth: Truth, seed: int, groups: np.ndarray | None
    ) -> tuple[FloatArray, ...]:
        """Coefficients (c, f) and intercepts (c,) of a linear baseline tuned on inner folds."""

    @abstractmethod
    def linear_answers(self, fitted: FittedModel, scores: FloatArray) -> FloatArray:
        """What a linear baseline's scores, (n, c), say."""

    @abstractmethod
    def baseline_truth(self, fitted: FittedModel, targets: Targets, rows: IntArray) -> Truth:
        """What the task's other baselines are fitted to."""

    @abstractmethod
    def baseline_answers(self, fitted: FittedModel, found: FloatArray) -> FloatArray:
        """Bring what such a baseline gives, (n, c), to the model's units."""
