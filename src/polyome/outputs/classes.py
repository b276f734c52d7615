"""Classes: one of several, with calibrated probabilities, and ``unknown`` where refused."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import torch
from scipy.special import log_softmax, softmax
from torch import Tensor
from torch.nn import functional

from polyome._types import FloatArray, IntArray
from polyome.metrics import classification_metrics, matthews, refusal_metrics, unseen_labels
from polyome.outputs.base import PARTS, FittedOutput, Metric, Output
from polyome.outputs.classes_calibration import (
    calibrated,
    choose_linear_weight,
    fit_temperature,
    stack_readings,
)
from polyome.outputs.classes_linear import GRID, fit_linear_model
from polyome.outputs.classes_prediction import ClassPrediction
from polyome.outputs.classes_targets import ClassTargets, read_classes
from polyome.outputs.head import Head, LinearHead, weighted
from polyome.outputs.linear import (
    FittedLinear,
    Fold,
    OutOfFold,
    parts_of,
    seen_by,
    validated,
)
from polyome.outputs.logistic_regression import TunedLogisticRegression
from polyome.outputs.prediction import Answered, Prediction
from polyome.outputs.stacking import stacking_weights
from polyome.outputs.targets import TableWords
from polyome.outputs.unknown import UNKNOWN


class ClassHead(LinearHead):
    """A linear map to one logit per class.

    Parameters
    ----------
    hidden_size : width ``d`` of the representation.
    spec : ``num_labels``; optional ``dropout``, ``label_smoothing`` and ``class_weights`` (one
        weight per class in the loss, mean 1, for rare classes).

    Examples
    --------
    >>> head = ClassHead(4, {"num_labels": 3})
    >>> head(torch.zeros(2, 4)).shape
    torch.Size([2, 3])
    """

    def __init__(self, hidden_size: int, spec: dict[str, Any]) -> None:
        super().__init__(hidden_size, spec)
        self.label_smoothing = spec.get("label_smoothing", 0.0)
        self.class_weights: list[float] | None = spec.get("class_weights")

    def loss(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Cross-entropy of logits, (b, c), with classes, int64, (b,), or proportions, (b, c)."""
        weights = None if self.class_weights is None else outputs.new_tensor(self.class_weights)
        return functional.cross_entropy(
            outputs, target, weight=weights, label_smoothing=self.label_smoothing
        )

    @staticmethod
    def combine(members: Tensor, linear: Sequence[Tensor], weights: Tensor) -> Tensor:
        """Log-probabilities, (b, c): a logarithmic opinion pool (Heskes 1998, equation 3).

        Every member has the same weight in the members' part.
        """
        pooled = members.log_softmax(dim=-1).mean(dim=0)
        linear = [outputs.log_softmax(dim=-1) for outputs in linear]
        return weighted(pooled, linear, weights).log_softmax(dim=-1)

    @staticmethod
    def explained(outputs: Tensor) -> Tensor:
        """Log-odds of each class against all others together: unlike a probability, never flat."""
        log_proba = outputs.log_softmax(dim=-1)
        others = torch.eye(outputs.shape[-1], dtype=torch.bool, device=outputs.device)
        # Not log(1 - p), which is lost to rounding where p is nearly 1.
        rest = log_proba[..., None, :].masked_fill(others, -torch.inf).logsumexp(dim=-1)
        return log_proba - rest

    @staticmethod
    def chosen(outputs: Tensor) -> Tensor:
        """The best class."""
        return outputs.argmax(dim=-1)


@dataclass(frozen=True, kw_only=True)
class FittedClasses(FittedOutput):
    """Calibrated probabilities of classes.

    Attributes
    ----------
    temperature : of the whole model.
    temperatures : of ``transformer alone`` and ``linear model alone``, where they are known.
    """

    temperature: float = 1.0
    temperatures: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in {"": self.temperature, **self.temperatures}.items():
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not is_number or not 0 < value < float("inf"):
                message = f"the temperature {name} is {value!r:.40}"
                raise ValueError(message)

    def described(self, target: str) -> str:
        """Name the classes."""
        return (
            f"A Polyome model that answers `{target}` with one of {len(self.classes)} "
            "classes:\n" + ", ".join(f"`{label}`" for label in self.classes) + "."
        )

    def calibrated(
        self, outputs: FloatArray, part: str = "polyome", pattern: IntArray | None = None
    ) -> FloatArray:
        """Probabilities of log-probabilities, float64 (n, c)."""
        del pattern
        is_whole = part == "polyome"
        return calibrated(outputs, self.temperature if is_whole else self.temperatures[part])

    def scaled(self, outputs: Tensor) -> Tensor:
        """Log-probabilities at the temperature, not normalised."""
        return outputs / self.temperature

    def prediction(self, outputs: FloatArray, answered: Answered) -> ClassPrediction:
        """Label, confidence, probabilities; refused records are ``unknown``."""
        proba = self.calibrated(outputs)
        label = np.array(self.classes, dtype=object)[proba.argmax(axis=1)]
        if answered.refused is not None:
            label[answered.refused] = UNKNOWN
        distance = np.zeros(len(label)) if answered.score is None else answered.score
        return ClassPrediction(
            label=label,
            confidence=proba.max(axis=1),
            proba=pd.DataFrame(proba, index=answered.names, columns=list(self.classes)),
            unknown_score=distance.astype(np.float32),
            **answered.common,
        )

    def linear_predictions(self, scores: FloatArray) -> FloatArray:
        """Probabilities."""
        return np.asarray(softmax(scores.astype(np.float64), axis=1))

    def baseline_truth(self, targets: ClassTargets, rows: IntArray) -> np.ndarray:
        """Labels as text, (m,)."""
        return targets.truth[rows].astype(str)

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """The temperatures."""
        return {"temperature": self.temperature, "temperatures": self.temperatures}, {}

    @classmethod
    def from_state(
        cls, classes: tuple[str, ...], settings: dict[str, Any], arrays: dict[str, np.ndarray]
    ) -> Self:
        """Restore the temperatures."""
        del arrays
        temperatures = dict(settings["temperatures"])
        return cls(classes=classes, temperature=settings["temperature"], temperatures=temperatures)


@dataclass(frozen=True, kw_only=True)
class Classes(Output):
    """One of several classes for each record.

    Parameters
    ----------
    linear_weights : what the linear model's weight may be, beside ``linear_weight``.
    least_gain : proportion by which another one must lower the log loss of validation rows.
    error_correlation : of transformer and linear model; with it the usual weight falls where the
        linear model errs more.
    pools_calibrated : whether weights are of the calibrated outputs of both, or the raw ones.
    balances_classes : whether rare classes count for more than their number in the loss.
    label_smoothing : of the networks' loss.
    """

    head_dropout: float = 0.5
    shown_metrics: tuple[str, ...] = ("accuracy", "macro_f1", "auroc", "log_loss", "ece")
    resampled_metrics: tuple[str, ...] = ("accuracy", "macro_f1")
    linear_weights: tuple[float, ...] = ()
    least_gain: float = 0.05
    error_correlation: float | None = None
    pools_calibrated: bool = False
    balances_classes: bool = True
    label_smoothing: float = 0.05

    name: ClassVar[str] = "classes"
    head: ClassVar[type[Head]] = ClassHead
    prediction: ClassVar[type[Prediction]] = ClassPrediction
    fitted: ClassVar[type[FittedOutput]] = FittedClasses
    constant: ClassVar[str] = "majority"
    linear: ClassVar[str] = "logistic_regression"
    joins_inputs: ClassVar[bool] = True
    caution: ClassVar[str] = (
        "- Confidence was calibrated on rows like the training rows; on other laboratories' data "
        "it may be too high."
    )
    is_one_class: ClassVar[bool] = True
    sections: ClassVar[tuple[str, ...]] = ("mistakes", "ranking", "confidence", "unknown")

    @staticmethod
    def summary(target: str, classes: tuple[str, ...]) -> str:
        """Name the first classes."""
        first = ", ".join(classes[:12]) + (" and others" if len(classes) > 12 else "")
        return f"answers {target} with one of {len(classes):,} classes ({first})"

    @staticmethod
    def target_columns(target: str, classes: tuple[str, ...]) -> str:
        """One column."""
        del classes
        return target

    def targets(
        self, table: pd.DataFrame, target: Any, unlabelled: str | None, words: TableWords
    ) -> ClassTargets:
        """Labels as text, see :func:`polyome.outputs.classes_targets.read_classes`."""
        return read_classes(table, target, unlabelled, words)

    def head_spec(self, truth: IntArray, num_outputs: int) -> dict[str, Any]:
        """Class weights go with the square root of the rarity of a class, mean 1 over records."""
        counts = np.bincount(truth.astype(np.int64), minlength=num_outputs).clip(1)
        weights = 1 / np.sqrt(counts) if self.balances_classes else np.ones(num_outputs)
        weights /= (weights * counts).sum() / counts.sum()
        return {
            "output": self.name,
            "num_labels": num_outputs,
            "label_smoothing": self.label_smoothing,
            "dropout": self.head_dropout,
            "class_weights": [float(weight) for weight in weights],
        }

    def loss(self, outputs: FloatArray, truth: IntArray) -> float:
        """Log loss of log-probabilities."""
        return float(-outputs[np.arange(len(truth)), truth].mean())

    def fit_linear(
        self,
        folds: list[Fold],
        whole: Fold,
        truth: IntArray,
        num_outputs: int,
        *,
        penalties: Sequence[float] | None = None,
        readings: tuple[int, int] | None = None,
        are_few: bool = False,
    ) -> FittedLinear:
        """Logistic regression."""
        del are_few
        return fit_linear_model(
            folds,
            whole,
            truth,
            num_outputs,
            penalties=penalties or GRID,
            readings=readings,
            balance=self.balances_classes,
        )

    def uncalibrated(self, targets: Any, classes: tuple[str, ...]) -> FittedClasses:
        """Temperatures of 1."""
        del targets
        return FittedClasses(classes=classes, temperatures=dict.fromkeys(PARTS[1:], 1.0))

    def calibrate(
        self,
        fitted: FittedClasses,
        out_of_fold: Sequence[OutOfFold],
        linear: FittedLinear | None,
        truth: IntArray,
        groups: np.ndarray | None,
        *,
        members: int,
    ) -> tuple[FittedClasses, FittedLinear | None, float]:
        """Learn temperatures and the linear model's weight.

        Transformer and linear model get temperatures of their own, for tables that show what each
        contributes. All are fitted on rows of classes that the answering fold had seen.
        """
        del groups
        weight = self.linear_weight
        if not out_of_fold:
            return fitted, linear, weight
        rows, networks = validated(out_of_fold)
        everything = np.arange(len(truth))
        seen = np.concatenate(
            [seen_by(np.setdiff1d(everything, p.rows), p.rows, truth) for p in out_of_fold]
        )
        pool = [networks]
        if linear is not None:
            assert linear.seen is not None
            seen &= linear.seen[rows]
            if linear.readings and 0 < weight < 1:
                known = networks[seen], rows[seen]
                linear, weight = stack_readings(*known, linear, truth, weight)
            else:
                held = linear.out_of_fold
                weight = choose_linear_weight(self, out_of_fold, held, truth, members)
            pool = parts_of(networks, linear.out_of_fold[rows], weight)
        found = {
            name: fit_temperature(log_proba[seen], truth[rows[seen]])
            for name, log_proba in zip(PARTS, pool, strict=False)
        }
        temperature = found.pop("polyome")
        temperatures = fitted.temperatures | found
        fitted = replace(fitted, temperature=temperature, temperatures=temperatures)
        return fitted, linear, weight

    def constant_outputs(self, truth: IntArray, num_outputs: int) -> FloatArray:
        """Log frequencies of the classes."""
        counts = np.bincount(truth.astype(np.int64), minlength=num_outputs).clip(0.5)
        return np.asarray(np.log(counts / counts.sum()))

    def stacking_weights(
        self, outputs: Sequence[FloatArray], truth: IntArray, start: FloatArray
    ) -> FloatArray:
        """Weights whose normalised sum of log-probabilities predicts best."""
        return stacking_weights(outputs, truth, start)

    def pooled(self, outputs: Sequence[FloatArray], weights: FloatArray) -> FloatArray:
        """Log-probabilities of a logarithmic opinion pool."""
        return np.asarray(log_softmax(super().pooled(outputs, weights), axis=1))

    def joined(self, views: Sequence[FloatArray]) -> FloatArray:
        """Mean log-probability."""
        return np.asarray(
            np.mean([log_softmax(v.astype(np.float64), axis=1) for v in views], axis=0)
        )

    def metrics(
        self, truth: np.ndarray, predictions: FloatArray, classes: tuple[str, ...]
    ) -> dict[str, Any]:
        """See :func:`polyome.metrics.classification_metrics`."""
        return dict(classification_metrics(truth, predictions, classes))

    def quick_metrics(self) -> dict[str, Metric]:
        """Accuracy, macro F1 and MCC."""
        return {"accuracy": _accuracy, "macro_f1": _macro_f1, "mcc": _mcc}

    def details(
        self,
        predicted: ClassPrediction,
        truth: np.ndarray,
        classes: tuple[str, ...],
        *,
        refuses: bool,
    ) -> dict[str, Any]:
        """Say what was refused, and which labels the model does not know."""
        found: dict[str, Any] = {"unseen": unseen_labels(truth, classes)}
        if refuses:
            refused = predicted.label == UNKNOWN
            found["unknown"] = dict(refusal_metrics(truth.astype(str), predicted.best, refused))
        return found

    def fit_constant(self, truth: np.ndarray) -> FloatArray:
        """Frequencies of the classes."""
        return np.asarray(np.unique(truth, return_counts=True)[1] / len(truth))

    def fit_linear_baseline(
        self, features: FloatArray, truth: np.ndarray, seed: int, groups: np.ndarray | None
    ) -> tuple[FloatArray, ...]:
        """Logistic regression."""
        model = TunedLogisticRegression(seed=seed).fit(features, truth, groups=groups)
        return model.coef_, model.intercept_


def _best(predictions: FloatArray, classes: tuple[str, ...]) -> np.ndarray:
    return np.asarray(classes)[predictions.argmax(axis=1)]


def _accuracy(truth: np.ndarray, predictions: FloatArray, classes: tuple[str, ...]) -> float:
    return float((truth.astype(str) == _best(predictions, classes)).mean())


def _mcc(truth: np.ndarray, predictions: FloatArray, classes: tuple[str, ...]) -> float:
    return matthews(truth.astype(str), _best(predictions, classes))


def _macro_f1(truth: np.ndarray, predictions: FloatArray, classes: tuple[str, ...]) -> float:
    """Mean over the classes present in the truth of 2 TP / (2 TP + FP + FN)."""
    names, codes = np.unique(truth.astype(str), return_inverse=True)
    best = pd.Index(names).get_indexer(pd.Index(_best(predictions, classes)))
    hits = np.bincount(codes[best == codes], minlength=len(names))
    predicted = np.bincount(best[best >= 0], minlength=len(names))
    return float((2 * hits / (predicted + np.bincount(codes))).mean())
