"""Records with several inputs: a linear model of each, and weights for each set that may be there.

A record that lacks an input is answered by another mixture than one that has all. The weights of a
mixture are learned from out-of-fold predictions of records with that set: those that have more are
looked at with the others hidden.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
import torch

from polyome._types import FloatArray, IntArray
from polyome.modalities.inputs import Inputs
from polyome.model.linear import LinearModels
from polyome.model.modeling import PolyomeModel
from polyome.model_folder.fitted_model import FittedModel
from polyome.outputs.linear import FittedLinear, Fold, seen_by
from polyome.outputs.stacking import usual_weights
from polyome.outputs.unknown import REFUSED, UnknownDetector
from polyome.outputs.unknown_inputs import InputDetectors
from polyome.tasks.base import Task
from polyome.train.linear_model import fold_features
from polyome.train.members import out_of_fold_predictions
from polyome.train.training import Training
from polyome.train.uninformative import HeldOutLinear, Informativeness, uninformative_of


@dataclass(frozen=True)
class InputLinear:
    """Linear models of the inputs, fitted, and what refuses records by each.

    Attributes
    ----------
    modules : by input, what its linear model reads.
    fits : by input, its linear model; ``out_of_fold`` holds raw outputs (n, c) of all training
        records, such as log-probabilities, which mean nothing where one lacks the input.
    joint : one linear model of all inputs that are read together, features side by side; None of a
        single input, where no record has them all, or where the type of answer has none.
    widths : by input of ``joint``, how many of its features that reads.
    detectors : refuse records unlike all training records; None where answers are no classes.
    informativeness : by input, how much its linear model predicts.
    are_summed : each model says what the others leave, so that their answers add up.
    """

    modules: dict[str, Any]
    fits: dict[str, FittedLinear]
    joint: FittedLinear | None
    widths: dict[str, int]
    detectors: InputDetectors | None
    informativeness: dict[str, Informativeness]
    are_summed: bool = False

    def put_into(self, model: LinearModels) -> None:
        """Put coefficients and features in their place."""
        for name, fitted in self.fits.items():
            part: Any = model.parts[name]
            part.features.load_state_dict(self.modules[name].state_dict())
            _put(part.linear, fitted.coef, fitted.intercept)
        if self.joint is None:
            return
        model.join(self.widths)
        start = 0
        for name, width in self.widths.items():
            coef = self.joint.coef[:, start : start + width]
            intercept = self.joint.intercept * (start == 0)
            _put(model.joint[name], coef, intercept)
            start += width


def _put(linear: Any, coef: FloatArray, intercept: FloatArray) -> None:
    """Fill a linear map, of which the first columns may be all that is read."""
    linear.weight.data.zero_()
    linear.weight.data[:, : coef.shape[1]].copy_(torch.from_numpy(coef))
    linear.bias.data.copy_(torch.from_numpy(intercept))


def fit_input_linear(task: Task, training: Training) -> InputLinear:
    """Fit the linear model of every input to the records that have it.

    An input that tells nothing of the target by itself is not read beside others: its modality is
    told so, in place.
    """
    modality: Any = training.modality
    records: Any = training.records
    output = task.output_type
    folds = training.folds(task.linear_folds, task.seed, if_small=3)
    if len(training.validation):  # every fold is the validation part
        folds = folds[:1]
    fits: dict[str, Any] = {}
    modules, by_fold, wholes, held = {}, {}, {}, {}
    detectors, scores = {}, []
    widths: dict[str, int] = {}
    for name, own in modality.members.items():
        places = np.flatnonzero(records.has(name))
        own_training = replace(training, modality=own, records=records.part(name))
        inside = [_fold(own_training, places, *fold) for fold in folds]
        whole, module = _fold_and_module(own_training, places, training.fit, training.fit[:0])
        usable = [fold for fold in inside if len(fold.held) and len(fold.rows)]
        fits[name] = output.fit_linear(
            usable,
            whole,
            training.truth,
            training.num_classes,
            penalties=module.penalties,
            readings=module.readings,
            are_few=module.are_few,
        )
        held[name] = np.concatenate([fold.held for fold in usable] or [training.fit[:0]])
        modules[name], by_fold[name], wholes[name] = module, inside, whole
        widths[name] = module.readings[0] if module.readings else module.width
        if output.is_one_class:
            detectors[name], own_scores = _detector(usable, whole, training.truth)
            scores.append(own_scores)
    linear = HeldOutLinear(output, fits, held, training.truth)
    informativeness = {name: linear.informativeness(name) for name in fits}
    modality.uninformative = uninformative_of(informativeness)
    found = None
    if detectors:
        found = InputDetectors.fit(detectors, np.stack(scores, axis=1), refused=REFUSED)
    widths = {name: own for name, own in widths.items() if name not in modality.uninformative}
    summed = joint = None
    if len(widths) > 1 and all(modules[name].are_few for name in widths):
        summed = output.fit_jointly(
            {n: by_fold[n] for n in widths},
            {n: wholes[n] for n in widths},
            {n: fits[n] for n in widths},
            training.truth,
        )
    if output.joins_inputs:
        joint = _fit_joint(task, training, [[*by_fold[n], wholes[n]] for n in widths], widths)
    fits |= summed or {}
    return InputLinear(
        modules, fits, joint, widths, found, informativeness, are_summed=summed is not None
    )


def _fit_joint(
    task: Task, training: Training, of_inputs: Sequence[Sequence[Fold]], widths: dict[str, int]
) -> FittedLinear | None:
    """Fit one linear model to the records that have all inputs that are read together."""
    *inside, whole = (_joined(folds, [*widths.values()]) for folds in zip(*of_inputs, strict=True))
    usable = [fold for fold in inside if len(fold.held) and len(fold.rows)]
    if len(widths) < 2 or not usable:
        return None
    return task.output_type.fit_linear(usable, whole, training.truth, training.num_classes)


def _joined(folds: Sequence[Fold], widths: Sequence[int]) -> Fold:
    """One fold of the records that have all inputs, features side by side."""
    rows, held = (
        reduce(np.intersect1d, [getattr(fold, some) for fold in folds]) for some in ("rows", "held")
    )
    x, x_held = (
        np.hstack(
            [
                getattr(fold, values)[np.searchsorted(getattr(fold, some), chosen), :width]
                for fold, width in zip(folds, widths, strict=True)
            ]
        )
        for values, some, chosen in (("x", "rows", rows), ("x_held", "held", held))
    )
    return Fold(rows, held, x, x_held, None, None)


def _detector(
    folds: Sequence[Fold], whole: Fold, truth: IntArray
) -> tuple[UnknownDetector, FloatArray]:
    """Fit an input's detector; held-out scores of all training records, float (n,), else NaN."""
    places, distances = [], []
    for fold in folds:
        known = seen_by(fold.rows, fold.held, truth)
        ood_features: Any = fold.ood_features
        held: Any = fold.ood_held
        places.append(fold.held[known])
        distances.append(UnknownDetector.fit(ood_features, truth[fold.rows]).distance(held[known]))
    detector = UnknownDetector.fit(np.asarray(whole.ood_features), truth[whole.rows])
    detector = detector.with_threshold(np.concatenate(distances), refused=REFUSED)
    found = np.full(len(truth), np.nan)
    found[np.concatenate(places)] = np.concatenate(distances) / detector.threshold
    return detector, found


def _fold(training: Training, places: IntArray, rows: IntArray, held: IntArray) -> Fold:
    return _fold_and_module(training, places, rows, held)[0]


def _fold_and_module(
    training: Training, places: IntArray, rows: IntArray, held: IntArray
) -> tuple[Fold, Any]:
    """A fold of one input's records; ``places``, (m,), are theirs among all training records."""
    inside = [np.flatnonzero(np.isin(places, some)) for some in (rows, held)]
    fold, module = fold_features(training.modality, training.records, *inside)
    return replace(fold, rows=places[inside[0]], held=places[inside[1]]), module


def weigh_inputs(
    fitted: FittedModel,
    training: Training,
    members: Sequence[PolyomeModel],
    divided: Sequence[tuple[IntArray, IntArray]],
    linear: InputLinear,
) -> None:
    """Learn weights of networks and linear models, and intervals, by set of inputs, in place."""
    modality = training.modality
    assert isinstance(modality, Inputs)
    beside: Any = fitted.model.linear[fitted.task.name]
    output = fitted.task.output_type
    found: dict[str, list[float]] = {}
    held: dict[int, Any] = {}
    names = sorted(modality.members)
    for pattern in range(1, 2 ** len(names)):
        chosen = [name for i, name in enumerate(names) if pattern >> i & 1]
        if modality.read_of(chosen) != chosen:  # nobody is answered by such a set
            continue
        is_joint = _are_joined(chosen, linear)
        start = _start(training, fitted.task, len(chosen) + is_joint, are_summed=linear.are_summed)
        outputs, rows = _out_of_fold(fitted.task, training, members, divided, linear, chosen)
        is_read = not {*chosen} <= {*modality.uninformative}
        weights = start if is_read else np.append(0.0, start[1:] / start[1:].sum())
        if len(rows):
            truth = training.truth[rows]
            weights = output.stacking_weights(outputs, truth, start) if is_read else weights
            groups = None if training.groups is None else training.groups[rows]
            held[pattern] = output.pooled(outputs, weights), truth, groups
        row = torch.zeros(1 + len(names))
        row[0] = float(weights[0])
        for name, weight in zip(chosen, weights[1:], strict=False):
            row[1 + names.index(name)] = float(weight)
        beside.weights[pattern] = row.to(beside.weights.device)
        if is_joint:
            beside.joint_weight.fill_(float(weights[-1]))
        found["+".join(chosen)] = [round(float(weight), 4) for weight in weights]
        if chosen == modality.read_of(names):
            alone = weights[1:].mean() if linear.are_summed else weights[1:].sum()
            fitted.facts["linear_weight"] = float(alone / max(weights[0] + alone, 1e-9))
    fitted.facts["stacking_weights"] = found
    fitted.output = output.calibrate_inputs(fitted.output, held, 2 ** len(names))


def _are_joined(chosen: Sequence[str], linear: InputLinear) -> bool:
    """Whether the joint linear model answers records with these inputs."""
    return linear.joint is not None and [*chosen] == [*linear.widths]


def _start(training: Training, task: Task, number: int, *, are_summed: bool) -> FloatArray:
    """Weights of the networks and of so many linear models without any row, (1 + k,)."""
    networks, linear = task.output_type.network_weight, 1 if are_summed else number
    start = usual_weights(networks, linear, len(training.fit))
    return np.append(start[0], np.repeat(start[1], number))


def _out_of_fold(
    task: Task,
    training: Training,
    members: Sequence[PolyomeModel],
    divided: Sequence[tuple[IntArray, IntArray]],
    linear: InputLinear,
    chosen: Sequence[str],
) -> tuple[list[FloatArray], IntArray]:
    """Raw outputs, (m, c), of the networks and of each linear model, and whose they are, (m,)."""
    records: Any = training.records
    has_all = np.all([records.has(name) for name in chosen], axis=0)
    nobody = np.zeros(len(records), dtype=bool)
    hidden = records.only({n: records.has(n) if n in chosen else nobody for n in records.rows})
    shown = replace(training, records=hidden)
    rows = [(fit, validation[has_all[validation]]) for fit, validation in divided]
    parts = out_of_fold_predictions(task, shown, members, rows)
    if not parts:
        return [], training.fit[:0]
    places = np.concatenate([part.rows for part in parts])
    networks = np.concatenate([part.outputs.mean(axis=0) for part in parts])
    beside = [linear.fits[name].out_of_fold[places] for name in chosen]
    if linear.joint is not None and _are_joined(chosen, linear):
        beside.append(linear.joint.out_of_fold[places])
    return [networks, *beside], places
