"""Labels: any of several, each with a calibrated probability; some may be unknown for a record.

The truth of a record is 0, 1 or missing for each label. A missing label teaches nothing and is not
scored; a record with one known label is a record.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from torch import Tensor, nn
from torch.nn import functional

from polyome._types import FloatArray, IntArray
from polyome.outputs.base import PARTS, FittedOutput, Metric, Output, OutputFigure
from polyome.outputs.head import Head, LinearHead
from polyome.outputs.labels_calibration import calibration_of, choose_linear_weight, log_loss
from polyome.outputs.labels_linear import fit_label_models
from polyome.outputs.labels_metrics import (
    auroc,
    average_precision,
    macro,
    mean_of_known,
    scores_of,
)
from polyome.outputs.labels_prediction import LabelPrediction
from polyome.outputs.labels_targets import LabelTargets, read_labels
from polyome.outputs.linear import FittedLinear, Fold, OutOfFold, parts_of, validated
from polyome.outputs.logistic_regression import TunedLogisticRegression
from polyome.outputs.prediction import Answered, Prediction
from polyome.outputs.stacking import label_weights
from polyome.outputs.targets import TableWords


class LabelHead(LinearHead):
    """A linear map to one logit per label, and a small network beside it.

    What a representation pools over places can only be combined afterwards: a label that two
    motifs make together needs the network.

    Parameters
    ----------
    hidden_size : width ``d`` of the representation.
    spec : ``num_labels``; optional ``dropout``.

    Examples
    --------
    >>> import torch
    >>> head = LabelHead(4, {"num_labels": 3})
    >>> head(torch.zeros(2, 4)).shape
    torch.Size([2, 3])
    """

    def __init__(self, hidden_size: int, spec: dict[str, Any]) -> None:
        super().__init__(hidden_size, spec)
        self.pairs = nn.Sequential(
            nn.Linear(hidden_size, 2 * hidden_size),
            nn.GELU(),
            nn.Linear(2 * hidden_size, spec["num_labels"]),
        )

    def forward(self, representation: Tensor) -> Tensor:
        """(b, d) -> logits, (b, c)."""
        representation = self.dropout(representation)
        logits: Tensor = self.output(representation) + self.pairs(representation)
        return logits

    def loss(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Binary cross-entropy of logits, (b, c), over the labels that are known.

        ``target``, (b, c, 2), holds 0 or 1, and whether the label is known.
        """
        truth, known = target.unbind(dim=-1)
        losses = functional.binary_cross_entropy_with_logits(outputs, truth, reduction="none")
        return (losses * known).sum() / known.sum().clamp(min=1)

    @staticmethod
    def chosen(outputs: Tensor) -> Tensor:
        """The most probable label."""
        return outputs.argmax(dim=-1)


@dataclass(frozen=True, kw_only=True)
class FittedLabels(FittedOutput):
    """Calibrated probabilities of labels (Platt 1999: a slope and an offset for each logit).

    Attributes
    ----------
    slopes, offsets : float64, (3, c): of the model, the transformer alone and the linear model.
    by_pattern : float64, (2 ** m, 2, c): of records with m inputs, slopes and offsets of the model
        by those that a record has; None where records have one.
    """

    slopes: FloatArray
    offsets: FloatArray
    by_pattern: FloatArray | None = None

    def described(self, target: str) -> str:
        """Name the labels."""
        del target
        names = ", ".join(f"`{name}`" for name in self.classes)
        return f"A Polyome model that answers any of {len(self.classes)} labels:\n{names}."

    def calibrated(
        self, outputs: FloatArray, part: str = "polyome", pattern: IntArray | None = None
    ) -> FloatArray:
        """Probabilities of logits, float64 (n, c)."""
        k = PARTS.index(part)
        slopes, offsets = self.slopes[k], self.offsets[k]
        if self.by_pattern is not None and pattern is not None and k == 0:
            slopes, offsets = self.by_pattern[pattern, 0], self.by_pattern[pattern, 1]
        return np.asarray(expit(outputs.astype(np.float64) * slopes + offsets))

    def scaled(self, outputs: Tensor) -> Tensor:
        """Calibrated logits."""
        slopes, offsets = outputs.new_tensor(self.slopes[0]), outputs.new_tensor(self.offsets[0])
        return outputs * slopes + offsets

    def prediction(self, outputs: FloatArray, answered: Answered) -> LabelPrediction:
        """Probabilities; nothing is refused."""
        proba = self.calibrated(outputs, pattern=answered.pattern)
        frame = pd.DataFrame(proba, index=answered.names, columns=list(self.classes))
        return LabelPrediction(proba=frame, **answered.common)

    def linear_predictions(self, scores: FloatArray) -> FloatArray:
        """Probabilities of logits."""
        return np.asarray(expit(scores.astype(np.float64)))

    def baseline_truth(self, targets: LabelTargets, rows: IntArray) -> FloatArray:
        """0, 1 or NaN, (m, c)."""
        return np.asarray(targets.truth[rows])

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Slopes and offsets."""
        of_inputs = {} if self.by_pattern is None else {"by_pattern": self.by_pattern}
        return {}, {"slopes": self.slopes, "offsets": self.offsets} | of_inputs

    @classmethod
    def from_state(
        cls, classes: tuple[str, ...], settings: dict[str, Any], arrays: dict[str, np.ndarray]
    ) -> Self:
        """Restore slopes and offsets."""
        del settings
        return cls(
            classes=classes,
            slopes=arrays["slopes"],
            offsets=arrays["offsets"],
            by_pattern=arrays.get("by_pattern"),
        )


@dataclass(frozen=True, kw_only=True)
class Labels(Output):
    """Any of several labels for each record."""

    shown_metrics: tuple[str, ...] = ("auprc", "auroc", "macro_f1", "mcc", "log_loss")
    resampled_metrics: tuple[str, ...] = ("auprc", "auroc")

    name: ClassVar[str] = "labels"
    head: ClassVar[type[Head]] = LabelHead
    prediction: ClassVar[type[Prediction]] = LabelPrediction
    fitted: ClassVar[type[FittedOutput]] = FittedLabels
    constant: ClassVar[str] = "majority"
    linear: ClassVar[str] = "logistic_regression"
    joins_inputs: ClassVar[bool] = True
    caution: ClassVar[str] = (
        "- Probabilities were calibrated on rows like the training rows, each label by itself; a "
        "label is given from a probability of .5."
    )

    @staticmethod
    def summary(target: str, classes: tuple[str, ...]) -> str:
        """Name the first labels."""
        del target
        first = ", ".join(classes[:12]) + (" and others" if len(classes) > 12 else "")
        return f"answers any of {len(classes):,} labels ({first})"

    def targets(
        self, table: pd.DataFrame, target: Any, unlabelled: str | None, words: TableWords
    ) -> LabelTargets:
        """Columns of 0 and 1, see :func:`polyome.outputs.labels_targets.read_labels`."""
        return read_labels(table, target, unlabelled, words)

    def head_spec(self, truth: FloatArray, num_outputs: int) -> dict[str, Any]:
        """One logit per label."""
        del truth
        return {"output": self.name, "num_labels": num_outputs, "dropout": self.head_dropout}

    def loss(self, outputs: FloatArray, truth: FloatArray) -> float:
        """Log loss of logits over the labels that are known."""
        return log_loss(outputs, truth)

    def fit_linear(
        self,
        folds: list[Fold],
        whole: Fold,
        truth: FloatArray,
        num_outputs: int,
        *,
        penalties: Sequence[float] | None = None,
        readings: tuple[int, int] | None = None,
        are_few: bool = False,
    ) -> FittedLinear:
        """Logistic regression of each label on the rows where it is known."""
        del num_outputs, are_few
        return fit_label_models(folds, whole, truth, penalties=penalties, readings=readings)

    def uncalibrated(self, targets: Any, classes: tuple[str, ...]) -> FittedLabels:
        """Probabilities as the networks give them."""
        del targets
        shape = (len(PARTS), len(classes))
        return FittedLabels(classes=classes, slopes=np.ones(shape), offsets=np.zeros(shape))

    def calibrate(
        self,
        fitted: FittedLabels,
        out_of_fold: Sequence[OutOfFold],
        linear: FittedLinear | None,
        truth: FloatArray,
        groups: np.ndarray | None,
        *,
        members: int,
    ) -> tuple[FittedLabels, FittedLinear | None, float]:
        """Learn the linear model's weight, and slope and offset of each label."""
        del groups
        weight = self.linear_weight
        if not out_of_fold:
            return fitted, linear, weight
        rows, networks = validated(out_of_fold)
        pool = [networks]
        if linear is not None:
            weight = choose_linear_weight(weight, out_of_fold, linear.out_of_fold, truth, members)
            pool = parts_of(networks, linear.out_of_fold[rows], weight)
        slopes, offsets = fitted.slopes.copy(), fitted.offsets.copy()
        for k, outputs in enumerate(pool):
            slopes[k], offsets[k] = calibration_of(outputs, truth[rows])
        return replace(fitted, slopes=slopes, offsets=offsets), linear, weight

    def constant_outputs(self, truth: FloatArray, num_outputs: int) -> FloatArray:
        """Logits of the labels' frequencies."""
        del num_outputs
        values, known = truth[..., 0], truth[..., 1] > 0
        counts, total = np.where(known, values, 0).sum(axis=0), known.sum(axis=0)
        return np.asarray(logit((counts + 0.5) / (total + 1.0)))

    def stacking_weights(
        self, outputs: Sequence[FloatArray], truth: FloatArray, start: FloatArray
    ) -> FloatArray:
        """Weights of logits whose sum predicts known labels best."""
        return label_weights(outputs, truth, start)

    def calibrate_inputs(
        self,
        fitted: FittedLabels,
        held: Mapping[int, tuple[FloatArray, FloatArray, np.ndarray | None]],
        num_patterns: int,
    ) -> FittedLabels:
        """Learn slope and offset of each label by the inputs that a record has.

        A label that one input tells alone is weakened by the weights of the others.
        """
        if not held:
            return fitted
        by_pattern = np.tile([[[1.0], [0.0]]], (num_patterns, 1, len(fitted.classes)))
        for pattern, (outputs, truth, _) in held.items():
            by_pattern[pattern] = calibration_of(outputs, truth)
        slopes, offsets = fitted.slopes.copy(), fitted.offsets.copy()
        slopes[0], offsets[0] = by_pattern[-1]
        return replace(fitted, slopes=slopes, offsets=offsets, by_pattern=by_pattern)

    def joined(self, views: Sequence[FloatArray]) -> FloatArray:
        """Mean logit."""
        return np.asarray(np.mean(views, axis=0))

    def metrics(
        self, truth: np.ndarray, predictions: FloatArray, classes: tuple[str, ...]
    ) -> dict[str, Any]:
        """Means over the labels that some scored records have and some lack.

        ``truth``, (n, c), is 0, 1 or NaN; ``predictions``, (n, c), are probabilities.
        """
        del classes
        scores = [scores_of(*pair) for pair in zip(truth.T, predictions.T, strict=True)]
        return {name: mean_of_known([score[name] for score in scores]) for name in scores[0]}

    def quick_metrics(self) -> dict[str, Metric]:
        """Mean over labels of the area under precision and recall, and under the ROC curve."""
        return {"auprc": macro(average_precision), "auroc": macro(auroc)}

    def details(
        self,
        predicted: LabelPrediction,
        truth: np.ndarray,
        classes: tuple[str, ...],
        *,
        refuses: bool,
    ) -> dict[str, Any]:
        """The scores of each label."""
        del refuses
        return {"by_target": self.by_target(truth, predicted.outputs, classes)}

    def fit_constant(self, truth: FloatArray) -> FloatArray:
        """Frequencies of the labels."""
        return np.asarray(np.nanmean(truth, axis=0))

    def fit_linear_baseline(
        self, features: FloatArray, truth: FloatArray, seed: int, groups: np.ndarray | None
    ) -> tuple[FloatArray, ...]:
        """Logistic regression of each label; a label of one value is answered with its odds."""
        coef, intercept = np.zeros((truth.shape[1], features.shape[1])), np.zeros(truth.shape[1])
        for k, column in enumerate(truth.T):
            known = np.isfinite(column)
            if len(np.unique(column[known])) < 2:
                intercept[k] = logit(np.clip(column[known].mean(), 1e-3, 1 - 1e-3))
                continue
            inside = None if groups is None else groups[known]
            model = TunedLogisticRegression(seed=seed).fit(
                features[known], column[known], groups=inside
            )
            coef[k] = model.coef_[1] - model.coef_[0]
            intercept[k] = model.intercept_[1] - model.intercept_[0]
        return coef, intercept

    @staticmethod
    def figures(scored: Any) -> Sequence[OutputFigure]:
        """Bars of the area under precision and recall, a label each."""
        columns = zip(scored.measured.items(), scored.predicted.to_numpy().T, strict=True)
        areas = {str(name): average_precision(true.to_numpy(), p) for (name, true), p in columns}
        known = {name: area for name, area in areas.items() if area is not None}
        if not known:
            return ()
        frequencies = scored.measured.mean()

        def draw(ax: Any) -> None:
            names = sorted(known, key=known.__getitem__)
            ax.barh(names, [known[name] for name in names], color="#3b7dd8")
            ax.plot(
                [frequencies[name] for name in names], names, "|", color="#8a8f98", markersize=9
            )
            ax.set(xlim=(0, 1), xlabel="area under precision and recall (AUPRC)")

        reading = (
            "Bars: how well the records with a label are ranked above those without it; a perfect "
            "ranking reaches 1. Grey marks: the frequency of the label, which guessing reaches."
        )
        size = (4.6, 1.0 + 0.26 * len(known))
        return [OutputFigure("labels", "How well each label is found", draw, size, reading)]
