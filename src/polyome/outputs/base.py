"""What every output type supplies: all that is particular to one type of answer."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from torch import Tensor

from polyome._types import FloatArray, IntArray
from polyome.outputs.head import Head
from polyome.outputs.linear import FittedLinear, Fold, OutOfFold
from polyome.outputs.prediction import Answered, Prediction
from polyome.outputs.targets import TableWords, Targets, Truth

PARTS = ("polyome", "transformer alone", "linear model alone")
"""What is calibrated: the model, and each part of it for tables that show what it adds."""
Metric = Callable[[np.ndarray, FloatArray, tuple[str, ...]], float | None]
"""Called as ``(truth, predictions, classes)``."""


@dataclass(frozen=True, kw_only=True)
class FittedOutput(ABC):
    """What calibration learned: turns a model's raw outputs into predictions.

    Attributes
    ----------
    classes : names of the outputs, in their order.
    """

    classes: tuple[str, ...]

    @abstractmethod
    def described(self, target: str) -> str:
        """Say what the model answers, for its card."""

    @abstractmethod
    def calibrated(
        self, outputs: FloatArray, part: str = "polyome", pattern: IntArray | None = None
    ) -> FloatArray:
        """Probabilities, or values as measured, float64 (n, c), of raw outputs (n, c).

        Parameters
        ----------
        part : the model, or ``transformer alone`` or ``linear model alone``.
        pattern : (n,), which inputs each record has; None where records have but one.
        """

    def scaled(self, outputs: Tensor) -> Tensor:
        """Raw outputs, (n, c), on the calibrated scale, which explanations explain."""
        return outputs

    @abstractmethod
    def prediction(self, outputs: FloatArray, answered: Answered) -> Prediction:
        """Put a prediction together from raw outputs, (n, c)."""

    @abstractmethod
    def linear_predictions(self, scores: FloatArray) -> FloatArray:
        """Predictions of a linear baseline's scores, (n, c)."""

    @abstractmethod
    def baseline_truth(self, targets: Any, rows: IntArray) -> np.ndarray:
        """What the task's baselines are fitted to."""

    def baseline_predictions(self, raw: FloatArray) -> FloatArray:
        """Bring what such a baseline gives, (n, c), to the model's units."""
        return raw

    @abstractmethod
    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """For saving, without the classes: values for JSON, and arrays."""

    @classmethod
    @abstractmethod
    def from_state(
        cls, classes: tuple[str, ...], settings: dict[str, Any], arrays: dict[str, np.ndarray]
    ) -> Self:
        """Restore what :meth:`state` gave; a ValueError, KeyError or TypeError says it is damaged.

        ``classes`` are the names of the outputs.
        """


@dataclass(frozen=True)
class OutputFigure:
    """A figure that an output type brings to the report.

    Attributes
    ----------
    name, title : of its section.
    draw : draws on the axes that it is given (``draw(ax=...)``).
    size : width and height in inches.
    reading : how to read it.
    """

    name: str
    title: str
    draw: Callable[..., Any]
    size: tuple[float, float]
    reading: str


@dataclass(frozen=True, kw_only=True)
class Output(ABC):
    """One type of answer. Its fields are settings, which a task's attributes of these names set.

    Parameters
    ----------
    linear_weight : usual weight of the linear model in the answer; 0 and 1 are kept.
    head_dropout : on the representation that the head reads.
    shown_metrics : metrics that tables show, the first one first.
    resampled_metrics : those of :meth:`quick_metrics` that get intervals.
    """

    linear_weight: float = 0.5
    head_dropout: float = 0.3
    shown_metrics: tuple[str, ...] = field(default=())
    resampled_metrics: tuple[str, ...] = field(default=())

    name: ClassVar[str]
    head: ClassVar[type[Head]]
    prediction: ClassVar[type[Prediction]]
    fitted: ClassVar[type[FittedOutput]]
    constant: ClassVar[str]
    """Name of the baseline that answers every record alike."""
    linear: ClassVar[str]
    """Name of the linear model as a baseline."""
    caution: ClassVar[str]
    """What users should know of confidence or intervals, a line of the card."""
    network_weight: ClassVar[float] = 0.6
    """Of several inputs, the usual weight of networks of many records beside linear models."""
    joins_inputs: ClassVar[bool] = False
    """Of several inputs, whether one more linear model reads all of them side by side."""
    is_one_class: ClassVar[bool] = False
    """Whether an answer is a class, which can be voted on and looked for in a genome."""
    sections: ClassVar[tuple[str, ...]] = ()
    """Sections of the report that read this type of answer, by name."""

    @staticmethod
    @abstractmethod
    def summary(target: str, classes: tuple[str, ...]) -> str:
        """Say what such a model does, after ``A transformer that``."""

    @staticmethod
    def target_columns(target: str, classes: tuple[str, ...]) -> str | list[str]:
        """Where the truth was read from when the model was fitted."""
        del target
        return list(classes)

    @abstractmethod
    def targets(
        self, table: pd.DataFrame, target: Any, unlabelled: str | None, words: TableWords
    ) -> Targets:
        """Read the truth from the records' table."""

    def for_scoring(self) -> Self:
        """The same type without what only a fit asks of a table."""
        return self

    @abstractmethod
    def head_spec(self, truth: Truth, num_outputs: int) -> dict[str, Any]:
        """Sizes and loss settings of the head, from training targets."""

    @abstractmethod
    def loss(self, outputs: FloatArray, truth: Truth) -> float:
        """Mean loss of raw outputs, (m, c), of validation rows."""

    @abstractmethod
    def fit_linear(
        self,
        folds: list[Fold],
        whole: Fold,
        truth: Truth,
        num_outputs: int,
        *,
        penalties: Sequence[float] | None = None,
        readings: tuple[int, int] | None = None,
        are_few: bool = False,
    ) -> FittedLinear:
        """Choose the linear model's penalty on held-out rows, then fit all rows with it.

        Parameters
        ----------
        penalties, readings, are_few : of :class:`polyome.modalities.embeddings.LinearFeatures`.
        """

    @abstractmethod
    def uncalibrated(self, targets: Any, classes: tuple[str, ...]) -> FittedOutput:
        """What is known before any validation row; ``targets`` are learned from training rows."""

    @abstractmethod
    def calibrate(
        self,
        fitted: Any,
        out_of_fold: Sequence[OutOfFold],
        linear: FittedLinear | None,
        truth: Truth,
        groups: np.ndarray | None,
        *,
        members: int,
    ) -> tuple[FittedOutput, FittedLinear | None, float]:
        """Learn the linear model's weight, and what predictions need, from validation rows.

        Parameters
        ----------
        fitted : what :meth:`uncalibrated` gave.
        out_of_fold : validation rows by the members that validate on them; none without such rows.
        truth : of all training records.
        groups : of all training records, (n,), or None.
        members : networks of the whole ensemble.

        Returns
        -------
        The output; the linear model, its readings perhaps weighed anew; its weight in the answer.
        """

    def constant_outputs(self, truth: Truth, num_outputs: int) -> FloatArray | None:
        """Raw output of all records alike that has the least loss, (c,); None: not known."""
        del truth, num_outputs
        return None

    def stacking_weights(
        self, outputs: Sequence[FloatArray], truth: Truth, start: FloatArray
    ) -> FloatArray:
        """Weights, (k,), of several models' raw outputs, (n, c) each; by default ``start``."""
        del outputs, truth
        return start

    def pooled(self, outputs: Sequence[FloatArray], weights: FloatArray) -> FloatArray:
        """One raw output, (n, c), of several models' by their weights; by default their sum."""
        return np.asarray(np.tensordot(weights, np.stack(outputs), axes=1))

    def fit_jointly(
        self,
        folds: Mapping[str, Sequence[Fold]],
        whole: Mapping[str, Fold],
        alone: Mapping[str, FittedLinear],
        truth: Truth,
    ) -> Mapping[str, FittedLinear] | None:
        """Fit the linear models of several inputs to each other's rest, where that is better.

        ``alone`` are those that were fitted by themselves; None, the default, keeps them.
        """
        del folds, whole, alone, truth
        return None

    def calibrate_inputs(
        self,
        fitted: Any,
        held: Mapping[int, tuple[FloatArray, Truth, np.ndarray | None]],
        num_patterns: int,
    ) -> FittedOutput:
        """Learn what predictions need by set of inputs; by default nothing.

        Parameters
        ----------
        fitted : what :meth:`uncalibrated` gave.
        held : by set of inputs (see
            :attr:`polyome.modalities.input_records.InputRecords.pattern`), of validation rows:
            pooled outputs (m, c), the truth, and groups (m,) or None.
        num_patterns : how many sets there may be, the empty one too.
        """
        del held, num_patterns
        unchanged: FittedOutput = fitted
        return unchanged

    @abstractmethod
    def joined(self, views: Sequence[FloatArray]) -> FloatArray:
        """Mean of the linear model's raw outputs of several views of the same records, (n, c)."""

    @abstractmethod
    def metrics(
        self, truth: np.ndarray, predictions: FloatArray, classes: tuple[str, ...]
    ) -> dict[str, Any]:
        """Metrics by name."""

    @abstractmethod
    def quick_metrics(self) -> dict[str, Metric]:
        """Metrics that are quick enough to resample."""

    def interval_metrics(self) -> dict[str, Metric]:
        """Those of the quick metrics that get intervals, in order."""
        quick = self.quick_metrics()
        return {name: quick[name] for name in self.resampled_metrics}

    def by_target(
        self, truth: np.ndarray, predictions: FloatArray, classes: tuple[str, ...]
    ) -> dict[str, dict[str, Any]]:
        """Metrics of each column by itself; truth and predictions are (n, c)."""
        columns = {name: slice(k, k + 1) for k, name in enumerate(classes)}
        return {
            name: self.metrics(truth[:, one], predictions[:, one], (name,))
            for name, one in columns.items()
        }

    def details(
        self,
        predicted: Any,
        truth: np.ndarray,
        classes: tuple[str, ...],
        *,
        refuses: bool,
    ) -> dict[str, Any]:
        """Further fields of :class:`polyome.predict.evaluate.Evaluation`; by default none.

        ``refuses`` says that the model may answer ``unknown``.
        """
        del predicted, truth, classes, refuses
        return {}

    @abstractmethod
    def fit_constant(self, truth: np.ndarray) -> FloatArray:
        """Learn the constant baseline: (c,)."""

    @abstractmethod
    def fit_linear_baseline(
        self, features: FloatArray, truth: np.ndarray, seed: int, groups: np.ndarray | None
    ) -> tuple[FloatArray, ...]:
        """Coefficients (c, f) and intercepts (c,) of a linear baseline tuned on inner folds."""

    @staticmethod
    def figures(scored: Any) -> Sequence[OutputFigure]:
        """Figures of this type of answer for the report, beside :attr:`sections`.

        ``scored`` is a :class:`polyome.report.scored.Scored`.
        """
        del scored
        return ()
