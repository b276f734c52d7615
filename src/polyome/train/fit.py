"""From records and their truth to a fitted model."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from polyome._types import FloatArray, IntArray
from polyome.baselines import TunedLogisticRegression
from polyome.modalities import Modality
from polyome.modalities.base import Records
from polyome.model.answering import RawAnswers, answer, pick_device
from polyome.model.configuration import PolyomeConfig
from polyome.model.modeling import PolyomeModel
from polyome.splits import Split, keep_aside
from polyome.tasks.base import Targets, Task
from polyome.train.arguments import FitArguments
from polyome.train.calibrate import fit_temperature
from polyome.train.dataset import RecordDataset
from polyome.train.fitted import Fitted
from polyome.train.trainer import LearningCurve, train
from polyome.train.unknown import UnknownDetector

REFUSED = 0.05  # share of known records that may be called unknown


@dataclass(frozen=True)
class Parts:
    """Training rows, by what they are for: fitting, or early stopping and calibration."""

    fit: IntArray
    aside: IntArray


def fit_model(
    task: Task,
    records: Records,
    targets: Targets,
    split: Split,
    arguments: FitArguments,
    *,
    groups: np.ndarray | None = None,
) -> tuple[Fitted, LearningCurve]:
    """Fit a task's modality, networks and direct path on training rows, and calibrate them.

    Rows of ``split.test`` are not touched.
    """
    parts = _parts(split, targets, arguments.kept_aside, groups, task.seed)
    classes = tuple(sorted(set(targets.values[split.train])))
    modality = task.build_modality().fit(records.take(parts.fit))
    arguments = _filled(arguments, task.training(len(parts.fit), modality))
    truth = targets.indices(parts.fit, classes)
    model = _build(task, modality, truth, classes).to(pick_device(task.device))
    training = modality.prepare(records.take(parts.fit))
    aside = modality.prepare(records.take(parts.aside))
    aside_truth = targets.indices(parts.aside, classes)

    def aside_loss() -> float:
        log_proba = answer(model, modality, aside, task.name).outputs
        return float(-log_proba[np.arange(len(aside_truth)), aside_truth].mean())

    dataset: Dataset[Any] = RecordDataset(modality, training, {task.name: truth})
    curve = train(
        model,
        dataset,
        {modality.name: modality},
        arguments,
        seed=task.seed,
        device=task.device,
        score=aside_loss if len(parts.aside) else None,
        quiet=task.quiet,
    )
    fitted = Fitted(task, modality, model, target="", classes=classes)
    fit_direct_path(model, task, task.features(modality, training), truth)
    aside_answers = answer(model, modality, aside, task.name)
    calibrate(fitted, aside_answers, aside_truth)
    refuse_unknown(fitted, answer(model, modality, training, task.name), truth, aside_answers)
    return fitted, curve


def _parts(
    split: Split, targets: Targets, size: float, groups: np.ndarray | None, seed: int
) -> Parts:
    if len(split.dev):
        return Parts(split.train, split.dev)
    labels = targets.values[split.train]
    inside = None if groups is None else groups[split.train]
    return Parts(*keep_aside(split.train, labels, size=size, groups=inside, seed=seed))


def _filled(arguments: FitArguments, defaults: dict[str, Any]) -> FitArguments:
    """Put the task's defaults where the user said nothing."""
    unset = {key: value for key, value in defaults.items() if getattr(arguments, key) is None}
    return replace(arguments, **unset)


def _build(
    task: Task, modality: Modality, truth: IntArray | FloatArray, classes: tuple[str, ...]
) -> PolyomeModel:
    """A model at its start: random networks, embeddings that know the data's components."""
    torch.manual_seed(task.seed)
    spec = task.head_spec(truth, classes) | {"direct_features": modality.spec()["num_genes"]}
    config = PolyomeConfig(
        hidden_size=task.hidden_size,
        num_hidden_layers=task.num_hidden_layers,
        num_attention_heads=task.num_attention_heads,
        intermediate_size=2 * task.hidden_size,
        hidden_dropout_prob=task.dropout,
        num_members=task.num_members,
        modalities={modality.name: modality.spec()},
        heads={task.name: spec},
    )
    model = PolyomeModel(config)
    for member in model.members:
        modality.initialise(member.embeddings[modality.name])
    return model


def fit_direct_path(
    model: PolyomeModel, task: Task, features: FloatArray, truth: IntArray
) -> TunedLogisticRegression:
    """Fit the linear path beside the trunk by itself and freeze it."""
    linear = TunedLogisticRegression(seed=task.seed).fit(features, truth)
    path: Any = model.direct[task.name]
    path.linear.weight.data.copy_(torch.from_numpy(linear.coef_))
    path.linear.bias.data.copy_(torch.from_numpy(linear.intercept_))
    path.weight_in_answer.fill_(task.direct_weight)
    return linear


def calibrate(fitted: Fitted, aside: RawAnswers, truth: IntArray) -> None:
    """Fit the temperature on rows kept aside."""
    fitted.temperature = fit_temperature(aside.outputs, truth)


def refuse_unknown(fitted: Fitted, training: RawAnswers, truth: IntArray, aside: RawAnswers) -> None:
    """Learn where known records lie; the threshold comes from rows kept aside."""
    detector = UnknownDetector.fit(training.anchors, truth, len(fitted.classes))
    fitted.unknown = detector.with_threshold(aside.anchors, refused=REFUSED)
