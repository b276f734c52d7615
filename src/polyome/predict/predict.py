"""Calibrated answers, with ``unknown`` and the two options that use the whole query."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from polyome._errors import InputError
from polyome._types import BoolArray, FloatArray, IntArray
from polyome._version import __version__
from polyome.modalities.base import Records
from polyome.modalities.input_records import InputRecords
from polyome.modalities.inputs import Inputs
from polyome.modalities.profiles.alignment import NEAR, check_sound, unsound
from polyome.model.inference import RawOutputs, answer
from polyome.model_folder.fitted_model import FittedModel
from polyome.outputs.classes_prediction import ClassPrediction
from polyome.outputs.prediction import Answered, Prediction
from polyome.outputs.unknown import UNKNOWN
from polyome.outputs.values_prediction import ValuePrediction
from polyome.predict.vote import majority_vote
from polyome.settings import Count, Coverage, Proportion, Settings

MANY_REFUSED = 0.2
"""Share of the records from which refusals are pointed out."""


@dataclass(frozen=True, kw_only=True)
class PredictArguments(Settings):
    """Settings of prediction; the keys of ``--set`` beside those of reading.

    Parameters
    ----------
    batch_size : records at a time; changes only the speed.
    refuse : name records unlike any training record ``unknown``.
    align : shift and scale each gene of the query to the reference (uses the whole query).
    over : majority vote within the values of this column of ``obs``, or within ``leiden``
        clusters made for it (uses the whole query).
    least_share : of a cluster's records that must have got the winner of its vote, or each keeps
        its own label.
    interval : share of the true values that prediction intervals are to hold.
    """

    batch_size: Count = 256
    refuse: bool = True
    align: bool = False
    over: str | None = None
    least_share: Proportion = 0.0
    interval: Coverage = 0.9

    def __post_init__(self) -> None:
        over: object = self.over
        if over is not None and not isinstance(over, str):
            message = f"over={over!r}: the name of one column of obs, or 'leiden', is needed."
            raise InputError(message)
        super().__post_init__()
        if self.least_share and over is None:
            message = (
                f"least_share={self.least_share:g} belongs to a majority vote: name its "
                "groups too, with over= and a column of obs, or over=leiden."
            )
            raise InputError(message)


def predict(fitted: FittedModel, records: Records, arguments: PredictArguments) -> Prediction:
    """Answer records with a fitted model."""
    if arguments.over is not None and not fitted.task.output_type.is_one_class:
        what = "Only one class of each record can be voted on"
        message = (
            f"over='{arguments.over}': {what}; the task '{fitted.task.name}' answers otherwise."
        )
        raise InputError(message)
    if arguments.align and not fitted.modality.can_align:
        message = f"align=true: records of the modality '{fitted.modality.name}' cannot be aligned."
        raise InputError(message)
    notes = list(records.notes)
    raw = run(fitted, records, arguments)
    unaligned = None
    if arguments.align:
        unaligned = _score(fitted, records, raw)
        records = _aligned(fitted, records, raw, unaligned, arguments)
        raw = run(fitted, records, arguments)
        notes.append("The query was aligned to the reference: each gene was shifted and scaled.")
    answers = _assemble(fitted, records, raw, unaligned, arguments, notes)
    if fitted.task.predicts_profile and isinstance(answers, ValuePrediction):
        answers = replace(answers, profile=fitted.target)
    if arguments.over is not None and isinstance(answers, ClassPrediction):
        answers = majority_vote(
            answers,
            records.table,
            arguments.over,
            least_share=arguments.least_share,
            seed=fitted.task.seed,
        )
    return answers


def _aligned(
    fitted: FittedModel,
    records: Records,
    raw: RawOutputs,
    unaligned: FloatArray,
    arguments: PredictArguments,
) -> Records:
    """Align a query by its records near the training cells; refuse where they are too few."""
    check_sound(unaligned)
    aligned: Records = fitted.modality.align(
        records,
        lambda adjusted: proba_of(fitted, adjusted, arguments),
        fitted.arrays,
        start=fitted.output.calibrated(raw.outputs),
        near=unaligned <= NEAR,
    )
    return aligned


def run(fitted: FittedModel, records: Records, arguments: PredictArguments) -> RawOutputs:
    """Run the network; outputs are not yet calibrated."""
    head = fitted.task.name
    return answer(fitted.model, fitted.modality, records, head, batch_size=arguments.batch_size)


def proba_of(fitted: FittedModel, records: Records, arguments: PredictArguments) -> FloatArray:
    """Calibrated probabilities, or values as measured, (n, c)."""
    outputs = run(fitted, records, arguments).outputs
    return fitted.output.calibrated(outputs, pattern=_pattern(fitted, records))


def _pattern(fitted: FittedModel, records: Records) -> IntArray | None:
    """Which inputs are read of each record, (n,); None where records have but one."""
    if not (isinstance(fitted.modality, Inputs) and isinstance(records, InputRecords)):
        return None
    return fitted.modality.read_from(records).pattern


def _score(fitted: FittedModel, records: Records, raw: RawOutputs) -> FloatArray:
    """How far records are from the training records, (n,): above 1 is refused."""
    if fitted.unknown is None:
        return np.zeros(len(records))
    return fitted.unknown.score(raw.ood_features, fitted.modality.ood_noise(records))


def _assemble(
    fitted: FittedModel,
    records: Records,
    raw: RawOutputs,
    unaligned: FloatArray | None,
    arguments: PredictArguments,
    notes: list[str],
) -> Prediction:
    score = refused = None
    if fitted.unknown is not None:
        score = _score(fitted, records, raw)
        if arguments.refuse:
            refused = score > 1
            if unaligned is not None:
                refused |= unaligned > NEAR
            is_open = fitted.modality.can_align and unaligned is None
            notes += _of_refused(refused, _advice(score) if is_open else "")
    answered = Answered(
        names=records.table.index,
        representation=raw.representation,
        provenance=_provenance(fitted, arguments, notes),
        notes=tuple(notes),
        score=score,
        refused=refused,
        coverage=arguments.interval,
        pattern=_pattern(fitted, records),
    )
    prediction = fitted.output.prediction(raw.outputs, answered)
    return prediction if unaligned is None else prediction.unaligned(unaligned)


def _of_refused(refused: BoolArray, advice: str) -> list[str]:
    """Say so where many records are refused, and what may be done."""
    number = int(refused.sum())
    if number < MANY_REFUSED * len(refused):
        return []
    return [
        f"{number:,} of {len(refused):,} records ({number / len(refused):.0%}) are unlike all "
        f"training records and were named '{UNKNOWN}'; the largest probability tells their best "
        f"class. {advice}--set refuse=false names them all."
    ]


def _advice(score: FloatArray) -> str:
    """Say whether alignment is sensible for a query that was not aligned."""
    if unsound(score):
        return (
            "Check that tissue, organism and gene names are those that the model was fitted on; "
            "alignment would not help. "
        )
    return (
        "If they are kinds of cells that the model knows, from another laboratory or condition, "
        "--set align=true may bring them back; if their kinds or tissue may be new, leave them "
        "unknown. "
    )


def _provenance(
    fitted: FittedModel, arguments: PredictArguments, notes: list[str]
) -> dict[str, Any]:
    return {
        "version": __version__,
        "task": fitted.task.name,
        "target": fitted.target,
        "classes": list(fitted.classes),
        "aligned": arguments.align,
        "voted_over": arguments.over or "",
        "refused": arguments.refuse,
        "unlabelled": fitted.facts.get("unlabelled") or "",
        "section": getattr(fitted.task, "section", None) or "",
        "notes": notes,
    }
