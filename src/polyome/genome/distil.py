"""A fast scanner distilled from a fitted model (Hinton et al. 2015, arXiv:1503.02531).

A genome has many more windows than a model has training rows, and an ensemble is slow. The scanner
keeps the model's linear model; one small network learns what the ensemble beside it answers to
sequences that are drawn from the training sequences: changed, shifted into their neighbours,
crossed, turned over, shuffled. What they are in truth need not be known; the model says what it
thinks of them. So there are as many as one wants, and thresholds carry over.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.special import softmax

from polyome._progress import Progress
from polyome._threads import batch_threads
from polyome._types import FloatArray
from polyome.io.nucleotides import Codes, Sequences
from polyome.modalities import Modality
from polyome.modalities.dna.records import SequenceRecords
from polyome.model.inference import answer, pick_device
from polyome.model.modeling import PolyomeModel
from polyome.model_folder.fitted_model import FittedModel
from polyome.tasks.base import Task
from polyome.train.arguments import FitArguments
from polyome.train.dataset import RecordDataset
from polyome.train.drawing import draw
from polyome.train.members import random_model
from polyome.train.trainer import train

STUDENT: dict[str, Any] = {
    "hidden_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4, "num_members": 1,
    "dropout": 0.0, "tokens": "nucleotide", "stride": 4, "kernel": 11, "composition": 0,
    "mutation_rate": 0.0, "backbone": None,
}  # fmt: skip
"""Settings of the scanner's task where they differ from the model's. Nothing is dropped out: the
answers to be learned have no noise, and sequences are not scarce."""

TRAINING = FitArguments(
    learning_rate=2e-3,
    num_train_epochs=6,
    batch_size=128,
    weight_decay=0.05,
    warmup_ratio=0.15,
    ema_decay=0.99,
    validation_fraction=0.0,
)
MOST_SEQUENCES, FEWEST_SEQUENCES, MOST_BP = 48_000, 12_000, 4_800_000
_AT_ONCE = 1024
NEW_SHARE = 1 / 24  # of the drawn sequences, on which the scanner is compared and not trained


def distil(
    fitted: FittedModel,
    records: SequenceRecords,
    *,
    seed: int = 0,
    num_sequences: int | None = None,
    num_train_epochs: int | None = None,
    quiet: bool = False,
) -> FittedModel:
    """Fit one small network to a model's ensemble, and put it beside the model's linear model.

    Parameters
    ----------
    fitted : the model, of sequences.
    records : its training sequences (never test sequences).
    seed : of everything drawn at random.
    num_sequences : drawn from them; None is as many as 4.8 Mbp, 12,000 to 48,000.
    num_train_epochs : passes over these; None is 6.
    quiet : no progress.

    Returns
    -------
    A model of its own, of the same task, classes and temperature. Save it into the folder
    ``scanner`` of the model's folder. ``facts["scanner"]`` has the agreement with the model on
    drawn sequences that it was not trained on: ``same_class`` (share), ``mean_difference`` (of the
    probabilities) and ``correlation`` (of their logits).

    Examples
    --------
    >>> from polyome.estimator import estimator_class
    >>> task = estimator_class("promoter")
    >>> example = task.task_class.example()
    >>> model = task(num_members=1, quiet=True).fit(
    ...     example.source, example.target, baselines=False, num_train_epochs=1
    ... )
    >>> records = model.fitted_.modality.read(example.source)
    >>> scanner = distil(model.fitted_, records, num_sequences=200, num_train_epochs=1, quiet=True)
    >>> scanner.classes, len(scanner.model.members), sorted(scanner.facts["scanner"])[0]
    (('background', 'promoter'), 1, 'correlation')
    """
    task = _student_task(fitted.task, seed)
    modality: Any = task.build_modality(len(fitted.classes)).fit(records)
    rng = np.random.default_rng(seed)
    number = num_sequences or int(
        np.clip(MOST_BP // modality.length_, FEWEST_SEQUENCES, MOST_SEQUENCES)
    )
    drawn = draw(modality.prepare(records).windows, number, rng)
    is_new = rng.random(number) < NEW_SHARE
    torch.manual_seed(seed)
    network = _student(task, modality, len(fitted.classes), direct=False)
    student: Any = network.members[0]
    modality.start_network(student.embeddings, records)
    learned = drawn[~is_new]
    with _without_linear_model(fitted):
        answers = softmax(_outputs(fitted, learned, quiet=quiet), axis=1).astype(np.float32)
    train(
        network.to(pick_device(task.device)),
        RecordDataset(modality, as_records(learned), {task.name: answers}),
        modality.inputs(),
        replace(TRAINING, num_train_epochs=num_train_epochs or TRAINING.num_train_epochs),
        seed=seed,
        device=task.device,
        what="distil the scanner",
        quiet=quiet,
    )
    model = _joined(network, fitted, task, modality)
    scanner = replace(fitted, task=task, modality=modality, model=model, unknown=None)
    scanner.facts = fitted.facts | {"scanner": {"sequences": number}}
    wanted, found = (
        one.output.calibrated(_outputs(one, drawn[is_new], quiet=True)) for one in (fitted, scanner)
    )
    scanner.facts["scanner"] |= agreement(wanted, found)
    return scanner


def _student_task(task: Task, seed: int) -> Task:
    known = {f.name for f in fields(task)}
    changed = {key: value for key, value in STUDENT.items() if key in known}
    return replace(task, seed=seed, **changed)


def _student(task: Task, modality: Modality, num_classes: int, *, direct: bool) -> PolyomeModel:
    """Build a model of one network, without the loss settings that the ensemble had."""
    head = {
        "output": task.output,
        "inputs": [modality.name],
        "num_labels": num_classes,
        "linear": [modality.name] if direct else [],
    }
    return random_model(task, modality, head, 1)


def _joined(
    network: PolyomeModel, fitted: FittedModel, task: Task, modality: Modality
) -> PolyomeModel:
    """The network beside the model's linear model, with the share that it has in the model."""
    has_direct = task.name in fitted.model.linear
    model = _student(task, modality, len(fitted.classes), direct=has_direct)
    linear = {f"linear.{name}": value for name, value in fitted.model.linear.state_dict().items()}
    model.load_state_dict(network.state_dict() | linear)
    return model.to(fitted.model.device).eval()


@contextmanager
def _without_linear_model(fitted: FittedModel) -> Iterator[None]:
    """Let the ensemble answer alone for a while."""
    if fitted.task.name not in fitted.model.linear:
        yield
        return
    beside: Any = fitted.model.linear[fitted.task.name]
    usual = beside.share
    beside.set_weight(0.0)
    try:
        yield
    finally:
        beside.set_weight(usual)


def _outputs(fitted: FittedModel, windows: Codes, *, quiet: bool) -> FloatArray:
    """Log-probabilities, not yet calibrated, (n, c)."""

    def answered(start: int) -> FloatArray:
        some = as_records(windows[start : start + _AT_ONCE])
        return answer(fitted.model, fitted.modality, some, fitted.task.name).outputs

    outputs: list[FloatArray] = [np.zeros((0, len(fitted.classes)), np.float32)]
    with (
        batch_threads(fitted.model.device) as pool,
        Progress("answers for the scanner", len(windows), quiet=quiet) as progress,
    ):
        for found in pool.map(answered, range(0, len(windows), _AT_ONCE)):
            outputs.append(found)
            progress.advance(len(found))
    return np.concatenate(outputs)


def as_records(windows: Codes) -> SequenceRecords:
    """View windows, uint8 (n, length), as prepared records.

    Examples
    --------
    >>> as_records(np.array([[1, 2], [3, 4]], np.uint8)).dna.text(1)
    'GT'
    """
    number, length = windows.shape
    starts, lengths = np.arange(number) * length, np.full(number, length)
    dna = Sequences(np.ascontiguousarray(windows).ravel(), starts, lengths)
    return SequenceRecords(pd.DataFrame(index=pd.RangeIndex(number)), dna, windows=windows)


def agreement(wanted: FloatArray, found: FloatArray) -> dict[str, float]:
    """Compare probabilities, both (n, c).

    Examples
    --------
    >>> proba = np.array([[0.1, 0.9], [0.6, 0.4]])
    >>> agreement(proba, proba)["same_class"]
    1.0
    """
    if len(wanted) < 2:
        return {}
    logits = [np.log(p.clip(1e-6) / (1 - p).clip(1e-6)).ravel() for p in (wanted, found)]
    with np.errstate(invalid="ignore"):
        correlation = np.corrcoef(*logits)[0, 1]
    return {
        "same_class": float((wanted.argmax(axis=1) == found.argmax(axis=1)).mean()),
        "mean_difference": float(np.abs(wanted - found).mean()),
        "correlation": float(np.nan_to_num(correlation)),
    }
