"""Classes: log loss, logistic regression beside the trunk, calibrated probabilities."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import log_softmax, softmax

from polyome._types import BoolArray, FloatArray, IntArray
from polyome.baselines.logistic_regression import TunedLogisticRegression
from polyome.modalities.base import ClassPrediction
from polyome.model.inference import RawOutputs
from polyome.model_folder.fitted_model import FittedModel
from polyome.tasks.base import Task
from polyome.tasks.targets import Targets
from polyome.train.calibrate import calibrated, fit_temperature
from polyome.train.kind import Kind, OutOfFold, at_size
from polyome.train.linear_model import GRID, FittedLinear, Fold, fit_linear_model, seen_by
from polyome.train.stacking import stacking_weights

UNKNOWN = "unknown"


class Classes(Kind):
    """Answers that are one of several classes, with probabilities."""

    constant = "majority"
    linear = "logistic_regression"
    caution = (
        "- Confidence was calibrated on rows like the training rows; on other laboratories' data "
        "it may be too high."
    )

    def described(self, fitted: FittedModel) -> str:
        """Name the classes."""
        return (
            f"A Polyome model that answers `{fitted.target}` with one of {len(fitted.classes)} "
            "classes:\n" + ", ".join(f"`{label}`" for label in fitted.classes) + "."
        )

    def loss(self, outputs: FloatArray, truth: IntArray) -> float:
        """Log loss of log-probabilities."""
        return float(-outputs[np.arange(len(truth)), truth].mean())

    def fit_linear_model(
        self,
        task: Task,
        folds: list[Fold],
        whole: Fold,
        truth: IntArray,
        num_outputs: int,
        module: Any,
    ) -> FittedLinear:
        """Logistic regression."""
        return fit_linear_model(
            folds,
            whole,
            truth,
            num_outputs,
            penalties=module.penalties or GRID,
            readings=module.readings,
            balance=task.balances_classes,
        )

    def calibrate(
        self,
        fitted: FittedModel,
        aside: Sequence[OutOfFold],
        linear: FittedLinear | None,
        truth: IntArray,
        groups: np.ndarray | None,
    ) -> None:
        """Set temperature and the linear model's weight.

        The trunk and the linear model get temperatures of their own, for tables that show what each
        contributes. Both are fitted on rows of classes that the answering fold had seen.
        """
        del groups
        names = ("polyome", "transformer alone", "linear model alone")
        fitted.facts["temperatures"] = dict.fromkeys(names, 1.0)
        fitted.facts["linear_weight"] = fitted.task.linear_weight
        if not aside:
            return
        rows = np.concatenate([part.rows for part in aside])
        trunk = np.concatenate([part.answers.mean(axis=0) for part in aside])
        everything = np.arange(len(truth))
        seen = np.concatenate(
            [seen_by(np.setdiff1d(everything, part.rows), part.rows, truth) for part in aside]
        )
        pool = [trunk]
        if linear is not None:
            assert linear.seen is not None
            seen &= linear.seen[rows]
            direct = linear.out_of_fold[rows]
            members = len(fitted.model.members)
            share = choose_linear_weight(fitted.task, aside, linear.out_of_fold, truth, members)
            beside: Any = fitted.model.linear[fitted.task.name]
            beside.set_weight(share)
            fitted.facts["linear_weight"] = share
            pool = [(1 - share) * trunk + share * direct, trunk, direct]
        for name, log_proba in zip(names, pool, strict=False):
            fitted.facts["temperatures"][name] = fit_temperature(log_proba[seen], truth[rows[seen]])
        fitted.temperature = fitted.facts["temperatures"]["polyome"]

    def stacked(
        self, outputs: Sequence[FloatArray], truth: IntArray, start: FloatArray
    ) -> FloatArray:
        """Weights of least log loss."""
        return stacking_weights(outputs, truth, start)

    def pooled(self, outputs: Sequence[FloatArray], weights: FloatArray) -> FloatArray:
        """Log-probabilities of a logarithmic opinion pool."""
        return np.asarray(log_softmax(np.tensordot(weights, np.stack(outputs), axes=1), axis=1))

    def numbers(
        self, fitted: FittedModel, outputs: FloatArray, part: str = "polyome"
    ) -> FloatArray:
        """Calibrated probabilities."""
        own = part == "polyome"
        return calibrated(
            outputs, fitted.temperature if own else fitted.facts["temperatures"][part]
        )

    def joined(self, views: list[FloatArray]) -> FloatArray:
        """Mean log-probability."""
        return np.asarray(
            np.mean([log_softmax(v.astype(np.float64), axis=1) for v in views], axis=0)
        )

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
    ) -> ClassPrediction:
        """Label, confidence, probabilities; refused records are ``unknown``."""
        del level, pattern
        proba = self.numbers(fitted, raw.outputs)
        label = np.array(fitted.classes, dtype=object)[proba.argmax(axis=1)]
        if refused is not None:
            label[refused] = UNKNOWN
        distance = np.zeros(len(label)) if score is None else score
        return ClassPrediction(
            names=names,
            label=label,
            confidence=proba.max(axis=1),
            proba=pd.DataFrame(proba, index=names, columns=list(fitted.classes)),
            unknown_score=distance.astype(np.float32),
            representation=raw.representation,
            provenance=provenance,
            notes=tuple(notes),
        )

    def fit_constant(self, truth: np.ndarray) -> FloatArray:
        """Frequencies of the classes."""
        return np.asarray(np.unique(truth, return_counts=True)[1] / len(truth))

    def fit_linear(
        self, features: FloatArray, truth: np.ndarray, seed: int, groups: np.ndarray | None
    ) -> tuple[FloatArray, ...]:
        """Logistic regression."""
        linear = TunedLogisticRegression(seed=seed).fit(features, truth, groups=groups)
        return linear.coef_, linear.intercept_

    def linear_answers(self, fitted: FittedModel, scores: FloatArray) -> FloatArray:
        """Probabilities."""
        del fitted
        return np.asarray(softmax(scores.astype(np.float64), axis=1))

    def baseline_truth(self, fitted: FittedModel, targets: Targets, rows: IntArray) -> np.ndarray:
        """Labels as text, (m,)."""
        del fitted
        return targets.truth[rows].astype(str)

    def baseline_answers(self, fitted: FittedModel, found: FloatArray) -> FloatArray:
        """Probabilities as they are."""
        del fitted
        return found


def choose_linear_weight(
    task: Task, aside: Sequence[OutOfFold], direct: FloatArray, truth: IntArray, members: int
) -> float:
    """Leave the linear model its usual share, or give it another that clearly answers better.

    Usual is the task's ``linear_weight``; or less, by :func:`weight_by_errors`, where the task
    knows how the errors of both correlate.

    Clearly: the log loss of validation rows, at the size of the whole ensemble, falls by the task's
    ``least_gain``, and it falls in half of the validation parts or more: where parts are blocks of
    a tissue, one of them alone can outweigh all others.

    Parameters
    ----------
    direct : (n, c), log-probabilities of the linear model for all training records, out of fold.
    truth : int, (n,).
    """
    usual = task.linear_weight
    if not 0 < usual < 1:
        return usual
    number = min(len(part.answers) for part in aside)

    def laid_out(parts: Sequence[OutOfFold]) -> tuple[FloatArray, FloatArray, IntArray]:
        rows = np.concatenate([part.rows for part in parts])
        trunks = np.concatenate([part.answers[:number] for part in parts], axis=1)  # (r, m, c)
        return trunks, direct[rows], truth[rows]

    of_raw: Callable[[float], float] = lambda share: share  # noqa: E731
    if task.pools_calibrated:
        trunks, beside, own = laid_out(aside)
        of_raw = _of_raw(trunks.mean(axis=0), beside, own)

    def loss(share: float, parts: Sequence[OutOfFold]) -> float:
        trunks, beside, own = laid_out(parts)
        pooled = (1 - of_raw(share)) * trunks + of_raw(share) * beside
        one = _log_loss(np.concatenate(pooled), np.tile(own, number))
        several = one if number == 1 else _log_loss(pooled.mean(axis=0), own)
        return at_size(one, several, number, members)

    if task.error_correlation is not None:
        errors = loss(1, aside), loss(0, aside)
        usual = min(usual, weight_by_errors(*errors, task.error_correlation))
    losses = {share: loss(share, aside) for share in (usual, *task.linear_weights)}
    best = min(losses, key=losses.__getitem__)
    if losses[best] < (1 - task.least_gain) * losses[usual]:
        better = sum(loss(best, [part]) < loss(usual, [part]) for part in aside)
        if 2 * better >= len(aside):
            return of_raw(best)
    return of_raw(usual)


def weight_by_errors(own: float, other: float, correlation: float) -> float:
    """The best share of one of two answers, by the squared errors of both.

    Bates and Granger 1969 (Oper Res Q), equation 1, for errors of a known correlation, here
    with log losses as squared errors. Two losses are known better than the minimum of a flat curve:
    where 600 validation rows of six sets' training parts chose the share, a
    correlation of .8 (.75 and .85 alike), at most .3 and more only for a gain of 1 %, left the
    others' log loss .35 % above the best share's; the search that was here before, .64 %.

    Examples
    --------
    >>> [round(weight_by_errors(loss, 0.2, 0.8), 2) for loss in (0.2, 0.22, 0.28, 0.32)]
    [0.5, 0.38, 0.11, 0.0]
    """
    own, other = max(own, 1e-12), max(other, 1e-12)  # at the size of an ensemble perhaps below 0
    covariance = correlation * (own * other) ** 0.5
    return float(np.clip((other - covariance) / (own + other - 2 * covariance), 0, 1))


def _log_loss(log_proba: FloatArray, truth: IntArray) -> float:
    """Mean log loss once calibrated."""
    scaled = calibrated(log_proba, fit_temperature(log_proba, truth))
    return float(-np.log(scaled[np.arange(len(truth)), truth].clip(1e-12)).mean())


def _of_raw(trunk: FloatArray, direct: FloatArray, truth: IntArray) -> Callable[[float], float]:
    """Turn a share among calibrated log-probabilities into one among the raw ones.

    A trunk that is too sure of itself would otherwise outvote the linear model.
    """
    own, other = 1 / fit_temperature(trunk, truth), 1 / fit_temperature(direct, truth)
    return lambda share: share * other / (share * other + (1 - share) * own)
