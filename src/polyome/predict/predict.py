"""Calibrated answers, with ``unknown`` and the two options that use the whole query."""

from dataclasses import dataclass
from typing import Any

from polyome._errors import InputError
from polyome._types import FloatArray
from polyome._version import __version__
from polyome.modalities.base import Answers, Modality, Records, Values
from polyome.model.answering import RawAnswers, answer
from polyome.predict.vote import majority_vote
from polyome.train.classes import UNKNOWN
from polyome.train.fitted import Fitted
from polyome.train.kinds import kind_of

__all__ = ["UNKNOWN", "PredictArguments", "predict", "proba_of", "run"]


MANY_REFUSED = 0.2
"""Share of the records from which refusals are pointed out."""


@dataclass(frozen=True, kw_only=True)
class PredictArguments:
    """Settings of prediction; the keys of ``--set`` beside those of reading.

    Parameters
    ----------
    batch_size : records at a time; changes only the speed.
    refuse : name records unlike any training record ``unknown``.
    align : shift and scale each gene of the query to the reference (uses the whole query).
    over : majority vote within the values of this column of ``obs``, or within ``leiden``
        clusters made for it (uses the whole query).
    interval : share of the true values that prediction intervals are to hold.
    """

    batch_size: int = 256
    refuse: bool = True
    align: bool = False
    over: str | None = None
    interval: float = 0.9

    def __post_init__(self) -> None:
        over: object = self.over
        if over is not None and not isinstance(over, str):
            message = f"over={over!r}: the name of one column of obs, or 'leiden', is needed."
            raise InputError(message)


def predict(fitted: Fitted, records: Records, arguments: PredictArguments) -> Answers | Values:
    """Answer records with a fitted model."""
    if arguments.over is not None and not fitted.task.names_kinds:
        message = f"over='{arguments.over}': values of the task '{fitted.task.name}' are not voted."
        raise InputError(message)
    notes = list(records.notes)
    if arguments.align:
        records = fitted.modality.align(
            records, lambda adjusted: proba_of(fitted, adjusted, arguments), fitted.arrays
        )
        notes.append("The query was aligned to the reference: each gene was shifted and scaled.")
    raw = run(fitted, records, arguments)
    answers = _assemble(fitted, records, raw, arguments, notes)
    if arguments.over is not None and isinstance(answers, Answers):
        answers = majority_vote(answers, records.table, arguments.over, seed=fitted.task.seed)
    return answers


def run(fitted: Fitted, records: Records, arguments: PredictArguments) -> RawAnswers:
    """Run the network; outputs are not yet calibrated."""
    head = fitted.task.name
    return answer(fitted.model, fitted.modality, records, head, batch_size=arguments.batch_size)


def proba_of(fitted: Fitted, records: Records, arguments: PredictArguments) -> FloatArray:
    """Calibrated probabilities, or values as measured, (n, c)."""
    return kind_of(fitted.task).numbers(fitted, run(fitted, records, arguments).outputs)


def _assemble(
    fitted: Fitted,
    records: Records,
    raw: RawAnswers,
    arguments: PredictArguments,
    notes: list[str],
) -> Answers | Values:
    score = None
    if fitted.unknown is not None:
        score = fitted.unknown.score(raw.anchors, fitted.modality.anchor_noise(records))
        if arguments.refuse:
            can_align = type(fitted.modality).align is not Modality.align and not arguments.align
            notes += _of_refused(score, can_align=can_align)
    return kind_of(fitted.task).answers(
        fitted,
        raw,
        records.table.index,
        _provenance(fitted, arguments, notes),
        notes,
        score=score,
        level=arguments.interval,
    )


def _of_refused(score: FloatArray, *, can_align: bool) -> list[str]:
    """Say so where many records are refused."""
    refused = int((score > 1).sum())
    if refused < MANY_REFUSED * len(score):
        return []
    other = "--set align=true, or " if can_align else ""
    return [
        f"{refused:,} of {len(score):,} records ({refused / len(score):.0%}) are unlike all "
        f"training records and were named '{UNKNOWN}'; the largest probability "
        f"tells their best class. If they come from another protocol or condition, try {other}"
        "--set refuse=false."
    ]


def _provenance(fitted: Fitted, arguments: PredictArguments, notes: list[str]) -> dict[str, Any]:
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
