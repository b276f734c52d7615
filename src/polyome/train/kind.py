"""What fitting and answering need to know of the kind of an answer."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import pandas as pd

from polyome._types import FloatArray, IntArray
from polyome.modalities.base import Answers, Values
from polyome.model.answering import RawAnswers
from polyome.tasks.base import Task
from polyome.tasks.targets import Targets
from polyome.train.direct import FittedDirectPath, Fold
from polyome.train.fitted import Fitted

Truth = Any
"""What :meth:`polyome.tasks.targets.Targets.indices` gives: int (n,), or float (n, c, 2)."""


class Kind(ABC):
    """How raw outputs of a head are judged while fitting, and become answers."""

    constant: str
    """Name of the baseline that answers every record alike."""
    linear: str
    """Name of the direct path as a baseline."""
    caution: str
    """What users should know of confidence or intervals, a line of the card."""

    @abstractmethod
    def described(self, fitted: Fitted) -> str:
        """Say what a model answers, for its card."""

    @abstractmethod
    def loss(self, outputs: FloatArray, truth: Truth) -> float:
        """Mean loss of raw outputs, (m, c), of rows left aside."""

    @abstractmethod
    def fit_direct_path(
        self,
        task: Task,
        folds: list[Fold],
        whole: Fold,
        truth: Truth,
        num_outputs: int,
        module: Any,  # noqa: ANN401
    ) -> FittedDirectPath:
        """Choose the linear path's penalty on held-out rows, then fit all rows with it."""

    @abstractmethod
    def calibrate(
        self,
        fitted: Fitted,
        trunk: FloatArray,
        linear: FittedDirectPath | None,
        rows: IntArray,
        truth: Truth,
    ) -> None:
        """Set the direct path's share, and what answers need, by rows left aside.

        Parameters
        ----------
        trunk : (m, c), what each row's member answered that had left it aside.
        rows : (m,), positions of these rows in ``linear.out_of_fold``.
        truth : of these rows.
        """

    @abstractmethod
    def numbers(self, fitted: Fitted, outputs: FloatArray, part: str = "polyome") -> FloatArray:
        """Probabilities, or values as measured, (n, c), of a model's raw outputs.

        ``part`` is the model, or ``trunk alone`` or ``direct path alone``.
        """

    @abstractmethod
    def joined(self, views: list[FloatArray]) -> FloatArray:
        """Mean of what the direct path gives for several views of the same records, (n, c)."""

    @abstractmethod
    def answers(
        self,
        fitted: Fitted,
        raw: RawAnswers,
        names: pd.Index,
        provenance: dict[str, Any],
        notes: list[str],
        *,
        score: FloatArray | None,
        level: float,
    ) -> Answers | Values:
        """Put answers together.

        Parameters
        ----------
        score : (n,), distance from the training records, above 1 is refused; None refuses none.
        level : share of true values that an interval is to hold.
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
    def linear_answers(self, fitted: Fitted, scores: FloatArray) -> FloatArray:
        """What a linear baseline's scores, (n, c), say."""

    @abstractmethod
    def baseline_truth(self, fitted: Fitted, targets: Targets, rows: IntArray) -> Truth:
        """What the task's other baselines are fitted to."""

    @abstractmethod
    def baseline_answers(self, fitted: Fitted, found: FloatArray) -> FloatArray:
        """Bring what such a baseline gives, (n, c), to the model's units."""
