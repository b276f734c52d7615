"""From records and their truth to a fitted, calibrated model.

Every member of the ensemble leaves a part of the training rows aside, each another one. A member
stops early by its own part, and all the parts together, each answered by the members that left it
aside, calibrate the whole. The direct path and the detector of unseen kinds are cross-fitted, so
that their part in the calibration is honest too. Test rows are never touched.
"""

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch

from polyome._progress import say
from polyome._types import IntArray
from polyome.modalities.base import Records
from polyome.modalities.inputs import Inputs
from polyome.model.answering import pick_device
from polyome.model.modeling import PolyomeModel
from polyome.splits import Split
from polyome.tasks.base import Targets, Task
from polyome.train.arguments import WEIGHT_DECAY, FitArguments
from polyome.train.checkpoints import Checkpoints
from polyome.train.direct import FittedDirectPath, Fold, fold_features, seen_by
from polyome.train.epochs import fit_ensemble
from polyome.train.fitted import Fitted
from polyome.train.input_stack import fit_input_linear, weigh_inputs
from polyome.train.kinds import kind_of
from polyome.train.members import answers_aside, build_model, folds_aside
from polyome.train.trainer import LearningCurve
from polyome.train.training import Training
from polyome.train.unknown import REFUSED, UnknownDetector


def fit_model(
    task: Task,
    records: Records,
    targets: Targets,
    split: Split,
    arguments: FitArguments,
    *,
    groups: np.ndarray | None = None,
    checkpoints: Checkpoints | None = None,
) -> tuple[Fitted, list[LearningCurve]]:
    """Fit a task's modality, members and direct path on training rows, and calibrate them.

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
        divided = folds_aside(training, task, arguments)
        checkpoints.belong_to(settings, training.modality, training.truth, divided)
    members, training, arguments = fit_ensemble(task, training, arguments, checkpoints, longer)
    model = build_model(task, training, len(members))
    for k, (member, _) in enumerate(members):
        model.members[k] = member.members[0]
    alone = [member for member, _ in members]
    aside = answers_aside(task, training, alone, folds_aside(training, task, arguments))
    curves = [curve for _, curve in members]
    if isinstance(training.modality, Inputs):
        divided = folds_aside(training, task, arguments)
        fitted = _of_inputs(task, training, model, classes, alone, divided)
    else:
        linear, detector = _cross_fitted(task, training, model)
        model.to(pick_device(task.device)).eval()
        fitted = Fitted(
            task, training.modality, model, "", classes, unknown=detector, scale=targets.scale
        )
        kind_of(task).calibrate(fitted, aside, linear, training.truth, training.groups)
    fitting = training.records.take(training.fit)
    truth = training.truth[training.fit]
    fitted.arrays |= training.modality.reference(fitting, truth, training.num_classes)
    fitted.facts |= training.facts | {"training": asdict(arguments)}
    return fitted, curves


def _of_inputs(
    task: Task,
    training: Training,
    model: PolyomeModel,
    classes: tuple[str, ...],
    members: list[PolyomeModel],
    divided: list[tuple[IntArray, IntArray]],
) -> Fitted:
    """Fit and weigh the linear models of several inputs; their weights calibrate the answers."""
    linear = fit_input_linear(task, training, model)
    model.to(pick_device(task.device)).eval()
    fitted = Fitted(task, training.modality, model, "", classes, unknown=linear.detectors)
    weigh_inputs(fitted, training, members, divided, linear)
    return fitted


def _training(
    task: Task,
    records: Records,
    targets: Targets,
    split: Split,
    classes: tuple[str, ...],
    groups: np.ndarray | None,
) -> Training:
    dev = targets.answerable(split.dev, classes)
    rows = np.concatenate([split.train, dev])
    fitting = records.take(split.train)
    modality = task.build_modality(len(classes)).fit(fitting)
    groups = task.inner_groups(records, groups)
    facts = task.settle(
        modality,
        fitting,
        targets.indices(split.train, classes),
        None if groups is None else groups[split.train],
    )
    for name, text in task.settled(facts).items():
        say(f"{name}: {text}", quiet=task.quiet)
    truth = targets.indices(rows, classes)
    modality.learn_classes(fitting, truth[: len(split.train)])
    return Training(
        modality=modality,
        records=modality.prepare(records.take(rows)),
        truth=truth,
        strata=targets.strata(truth),
        num_classes=len(classes),
        num_members=task.members(len(split.train), modality),
        fit=np.arange(len(split.train)),
        dev=np.arange(len(split.train), len(rows)),
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
) -> tuple[FittedDirectPath | None, UnknownDetector | None]:
    """Fit the direct path into the model, and the detector, each with held-out rows."""
    if task.name not in model.linear:
        return None, None
    beside: Any = model.linear[task.name]
    path = beside.part
    if len(training.dev):
        whole, module = fold_features(
            training.modality, training.records, training.fit, training.dev
        )
        folds = [whole]
    else:
        folds = [
            fold_features(training.modality, training.records, rows, held)[0]
            for rows, held in training.folds(task.direct_folds, task.seed, if_small=3)
        ]
        whole, module = fold_features(
            training.modality, training.records, training.fit, training.fit[:0]
        )
    linear = kind_of(task).fit_direct_path(
        task, folds, whole, training.truth, training.num_classes, module
    )
    path.features.load_state_dict(module.state_dict())
    path.linear.weight.data.copy_(torch.from_numpy(linear.coef))
    path.linear.bias.data.copy_(torch.from_numpy(linear.intercept))
    beside.set_share(task.direct_weight)
    return linear, _detector(folds, whole, training.truth)


def _detector(folds: list[Fold], whole: Fold, truth: IntArray) -> UnknownDetector | None:
    """Fit on all rows; the threshold is that of rows of known classes, held out of the fit."""
    if whole.anchors is None:
        return None
    distances = [
        UnknownDetector.fit(fold.anchors, truth[fold.rows]).distance(
            fold.anchors_held[seen_by(fold.rows, fold.held, truth)]
        )
        for fold in folds
        if fold.anchors is not None and fold.anchors_held is not None
    ]
    detector = UnknownDetector.fit(whole.anchors, truth[whole.rows])
    return detector.with_threshold(np.concatenate(distances), refused=REFUSED)
