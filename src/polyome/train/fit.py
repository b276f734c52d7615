"""From records and their truth to a fitted, calibrated model.

Every member of the ensemble validates on a part of the training rows, each on another one. A member
stops early by its own part, and all the parts together, each answered by the members that did
not fit it, calibrate the whole. The linear model and the detector of unseen kinds are
cross-fitted, so that their part in the calibration is honest too. Test rows are never touched.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch

from polyome._progress import say
from polyome._types import IntArray
from polyome.modalities.base import Records
from polyome.modalities.inputs import Inputs
from polyome.model.inference import pick_device
from polyome.model.modeling import PolyomeModel
from polyome.model_folder.checkpoints import Checkpoints, LearningCurve
from polyome.model_folder.fitted_model import FittedModel
from polyome.outputs.linear import FittedLinear, Fold, OutOfFold, seen_by
from polyome.outputs.targets import Targets
from polyome.outputs.unknown import REFUSED, UnknownDetector
from polyome.splits import Split
from polyome.tasks.base import Task
from polyome.train.arguments import WEIGHT_DECAY, FitArguments
from polyome.train.input_stack import InputLinear, fit_input_linear, weigh_inputs
from polyome.train.linear_model import fold_features
from polyome.train.members import (
    build_model,
    fit_ensemble,
    out_of_fold_predictions,
    validation_folds,
)
from polyome.train.training import Training


def fit_model(
    task: Task,
    records: Records,
    targets: Targets,
    split: Split,
    arguments: FitArguments,
    *,
    groups: np.ndarray | None = None,
    checkpoints: Checkpoints | None = None,
) -> tuple[FittedModel, list[LearningCurve]]:
    """Fit a task's modality, members and linear model on training rows, and calibrate them.

    Members that ``checkpoints`` has from an interrupted fit of the same data are not fitted again.

    Returns
    -------
    The fitted model and one learning curve per member.
    """
    targets = targets.learned_from(split.train)
    classes = targets.outputs(split.train)
    training = _training(task, records, targets, split, classes, groups)
    asked = arguments.num_train_epochs is not None
    longer = None if asked else task.longer(len(training.fit))
    arguments = _filled(arguments, task.training(len(training.fit), training.modality))
    if checkpoints is not None:
        settings = asdict(task) | asdict(arguments) | {"device": "", "quiet": ""}
        divided = validation_folds(training, task, arguments)
        checkpoints.belong_to(settings, training.modality, training.truth, divided)
    several = isinstance(training.modality, Inputs)
    linear = fit_input_linear(task, training) if several else None
    members, training, arguments = fit_ensemble(task, training, arguments, checkpoints, longer)
    model = build_model(task, training, len(members))
    for k, (member, _) in enumerate(members):
        model.members[k] = member.members[0]
    alone = [member for member, _ in members]
    divided = validation_folds(training, task, arguments)
    output = task.output_type.uncalibrated(targets, classes)
    fitted = FittedModel(task, training.modality, model, "", output)
    if linear is not None:
        _add_inputs(fitted, training, alone, divided, linear)
    else:
        _add_linear(fitted, training, out_of_fold_predictions(task, training, alone, divided))
    fitting = training.records.take(training.fit)
    truth = training.truth[training.fit]
    if task.output_type.is_one_class:
        fitted.arrays |= training.modality.reference(fitting, truth, training.num_classes)
    fitted.facts |= training.facts | {"training": asdict(arguments)}
    return fitted, [curve for _, curve in members]


def _add_linear(fitted: FittedModel, training: Training, out_of_fold: Sequence[OutOfFold]) -> None:
    """Fit the linear model, weigh it and calibrate the whole, by rows held out, in place."""
    task, model = fitted.task, fitted.model
    linear, fitted.unknown = _cross_fitted(task, training, model)
    model.to(pick_device(task.device)).eval()
    fitted.output, linear, weight = task.output_type.calibrate(
        fitted.output,
        out_of_fold,
        linear,
        training.truth,
        training.groups,
        members=len(model.members),
    )
    if linear is not None:
        linear_models: Any = model.linear[task.name]
        linear_models.part.linear.weight.data.copy_(torch.from_numpy(linear.coef))
        linear_models.part.linear.bias.data.copy_(torch.from_numpy(linear.intercept))
        linear_models.set_weight(weight)
    fitted.facts["linear_weight"] = weight


def _add_inputs(
    fitted: FittedModel,
    training: Training,
    members: list[PolyomeModel],
    divided: list[tuple[IntArray, IntArray]],
    linear: InputLinear,
) -> None:
    """Weigh the linear models of several inputs; their weights calibrate the answers."""
    beside: Any = fitted.model.linear[fitted.task.name]
    linear.put_into(beside)
    known = {n: one for n, one in linear.informativeness.items() if one.loss is not None}
    fitted.facts["informativeness"] = {name: asdict(one) for name, one in known.items()}
    fitted.model.to(pick_device(fitted.task.device)).eval()
    fitted.unknown = linear.detectors
    weigh_inputs(fitted, training, members, divided, linear)


def _training(
    task: Task,
    records: Records,
    targets: Targets,
    split: Split,
    classes: tuple[str, ...],
    groups: np.ndarray | None,
) -> Training:
    validation = targets.answerable(split.validation, classes)
    rows = np.concatenate([split.train, validation])
    fitting = records.take(split.train)
    modality = task.build_modality(len(classes)).fit(fitting)
    groups = task.inner_groups(records, groups)
    facts = task.choose_settings(
        modality,
        fitting,
        targets.indices(split.train, classes),
        None if groups is None else groups[split.train],
    )
    for name, text in task.chosen_settings(facts).items():
        say(f"{name}: {text}", quiet=task.quiet)
    truth = targets.indices(rows, classes)
    one_class = np.zeros(len(split.train), dtype=np.int64)  # of values: what any record measures
    classes_of = truth[: len(split.train)] if task.output_type.is_one_class else one_class
    modality.learn_classes(fitting, classes_of)
    return Training(
        modality=modality,
        records=modality.prepare(records.take(rows)),
        truth=truth,
        strata=targets.strata(truth),
        num_classes=len(classes),
        num_members=task.members(len(split.train), modality),
        fit=np.arange(len(split.train)),
        validation=np.arange(len(split.train), len(rows)),
        groups=None if groups is None else groups[rows],
        facts=facts,
    )


def _filled(arguments: FitArguments, defaults: dict[str, Any]) -> FitArguments:
    """Put the task's defaults where the user said nothing."""
    defaults = {"weight_decay": WEIGHT_DECAY} | defaults
    unset = {key: value for key, value in defaults.items() if getattr(arguments, key) is None}
    return replace(arguments, **unset)


def _cross_fitted(
    task: Task, training: Training, model: PolyomeModel
) -> tuple[FittedLinear | None, UnknownDetector | None]:
    """Fit the linear model into the model, and the detector, each with held-out rows."""
    if task.name not in model.linear:
        return None, None
    linear_models: Any = model.linear[task.name]
    part = linear_models.part
    if len(training.validation):
        whole, module = fold_features(
            training.modality, training.records, training.fit, training.validation
        )
        folds = [whole]
    else:
        folds = [
            fold_features(training.modality, training.records, rows, held)[0]
            for rows, held in training.folds(task.linear_folds, task.seed, if_small=3)
        ]
        whole, module = fold_features(
            training.modality, training.records, training.fit, training.fit[:0]
        )
    linear = task.output_type.fit_linear(
        folds,
        whole,
        training.truth,
        training.num_classes,
        penalties=module.penalties,
        readings=module.readings,
    )
    part.features.load_state_dict(module.state_dict())
    detector = _detector(folds, whole, training.truth) if task.output_type.is_one_class else None
    return linear, detector


def _detector(folds: list[Fold], whole: Fold, truth: IntArray) -> UnknownDetector | None:
    """Fit on all rows; the threshold is that of rows of known classes, held out of the fit."""
    if whole.ood_features is None:
        return None
    distances = [
        UnknownDetector.fit(fold.ood_features, truth[fold.rows]).distance(
            fold.ood_held[seen_by(fold.rows, fold.held, truth)]
        )
        for fold in folds
        if fold.ood_features is not None and fold.ood_held is not None
    ]
    detector = UnknownDetector.fit(whole.ood_features, truth[whole.rows])
    return detector.with_threshold(np.concatenate(distances), refused=REFUSED)
