"""What each input of a record tells: scores with the others hidden, and with it hidden."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.metrics import f1_score

from polyome._types import FloatArray, IntArray
from polyome.modalities.base import Records
from polyome.modalities.input_records import InputRecords
from polyome.model_folder.fitted_model import FittedModel
from polyome.predict.predict import PredictArguments, proba_of


@dataclass(frozen=True)
class InputScores:
    """Scores of a model that sees a part of its inputs.

    Attributes
    ----------
    metrics : by view, ``rna alone`` or ``without rna``, the task's metrics.
    by_output : by view, ``all`` too, the F1 of each class or the first metric of each value.
    n : by view, the scored records: those that have an input which is seen.
    """

    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    by_output: dict[str, dict[str, float | None]] = field(default_factory=dict)
    n: dict[str, int] = field(default_factory=dict)


def scores_by_input(
    fitted: FittedModel,
    records: Records,
    truth: np.ndarray,
    outputs: FloatArray,
    arguments: PredictArguments,
) -> InputScores:
    """Score a model with each input alone, and of three inputs or more without each.

    Parameters
    ----------
    records : the scored records.
    truth : of these records, (n, ...).
    outputs : (n, c), what the model answers with all inputs.

    Returns
    -------
    Empty where the records have one input.
    """
    found = InputScores()
    for view, rows, seen in _views(records):
        answered = proba_of(fitted, seen, arguments)
        found.metrics[view] = fitted.task.output_type.metrics(truth[rows], answered, fitted.classes)
        found.by_output[view] = _by_output(fitted, truth[rows], answered)
        found.n[view] = len(rows)
    if found.n:
        found.by_output["all"] = _by_output(fitted, truth, outputs)
        found.n["all"] = len(truth)
    return found


def _views(records: Records) -> Iterator[tuple[str, IntArray, InputRecords]]:
    """Name of a view, rows that have an input which is seen, these records with the rest hidden."""
    if not isinstance(records, InputRecords):
        return
    names = [name for name in records.rows if records.has(name).any()]
    if len(names) < 2:
        return
    views = {f"{name} alone": [name] for name in names}
    if len(names) > 2:
        views |= {f"without {name}": [n for n in names if n != name] for name in names}
    nobody = np.zeros(len(records), dtype=bool)
    for view, seen in views.items():
        hidden = records.only({n: records.has(n) if n in seen else nobody for n in records.rows})
        rows = np.flatnonzero(hidden.pattern)
        yield view, rows, hidden.take(rows)


def _by_output(
    fitted: FittedModel, truth: np.ndarray, answered: FloatArray
) -> dict[str, float | None]:
    """F1 of each class that the truth has, or the first shown metric of each value."""
    output, names = fitted.task.output_type, fitted.classes
    if not output.is_one_class:
        first = output.shown_metrics[0]
        scores = output.by_target(truth, answered, names)
        return {name: one[first] for name, one in scores.items()}
    present = sorted(set(truth.astype(str)) & set(names))
    best = np.asarray(names)[answered.argmax(axis=1)]
    scores = f1_score(truth.astype(str), best, labels=present, average=None, zero_division=0.0)
    return dict(zip(present, map(float, scores)))
