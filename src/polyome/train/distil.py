"""A fast scanner distilled from a fitted model (Hinton et al. 2015, arXiv:1503.02531).

A genome has many more windows than a model has training rows, and an ensemble with k-mer counts
beside it is slow. One small network learns the model's calibrated probabilities on sequences that
are drawn from the training sequences: changed, shifted into their neighbours, crossed, turned over,
shuffled. What they are in truth need not be known; the model says what it thinks of them. So there
are as many as one wants, and thresholds carry over.
"""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pandas as pd
import torch

from polyome._progress import Progress
from polyome._types import FloatArray
from polyome.io.nucleotides import Codes, Sequences, complement
from polyome.modalities.sequence import SequenceModality
from polyome.modalities.sequence_records import SequenceRecords
from polyome.model.answering import answer, pick_device
from polyome.model.configuration import PolyomeConfig
from polyome.model.modeling import PolyomeModel
from polyome.model.threads import batch_threads
from polyome.tasks.base import Task
from polyome.train.arguments import FitArguments
from polyome.train.calibrate import calibrated
from polyome.train.dataset import RecordDataset
from polyome.train.fitted import Fitted
from polyome.train.trainer import train

SCANNER = "scanner"
"""Folder within the model's folder, itself a model folder."""

STUDENT: dict[str, Any] = {
    "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_members": 1,
    "dropout": 0.0, "direct_weight": 0.0, "tokens": "nucleotide", "stride": 4, "kernel": 11,
    "composition": 5, "mutation_rate": 0.0, "backbone": None,
}  # fmt: skip
"""Settings of the scanner's task where they differ from the model's. Nothing is dropped out: the
answers to be learned have no noise, and sequences are not scarce."""

TRAINING = FitArguments(
    learning_rate=2e-3,
    num_train_epochs=4,
    batch_size=128,
    weight_decay=0.05,
    warmup_ratio=0.15,
    ema_decay=0.99,
    kept_aside=0.0,
)
MOST_SEQUENCES, FEWEST_SEQUENCES, MOST_BP = 48_000, 12_000, 4_800_000
_AT_ONCE = 1024
NEW_SHARE = 1 / 24  # of the drawn sequences, on which the scanner is compared and not trained


def distil(
    fitted: Fitted,
    records: SequenceRecords,
    *,
    seed: int = 0,
    num_sequences: int | None = None,
    num_train_epochs: int | None = None,
    quiet: bool = False,
) -> Fitted:
    """Fit one small network to a model's calibrated probabilities.

    Parameters
    ----------
    fitted : the model, of sequences.
    records : its training sequences (never test sequences).
    seed : of everything drawn at random.
    num_sequences : drawn from them; None is as many as 4.8 Mbp, 12,000 to 48,000.
    num_train_epochs : passes over these; None is 4.
    quiet : no progress.

    Returns
    -------
    A model of its own, of the same task and classes, temperature 1. Save it into the folder
    ``scanner`` of the model's folder. ``facts["scanner"]`` has the agreement with the model on
    drawn sequences that it was not trained on: ``same_class`` (share), ``mean_difference`` (of the
    probabilities) and ``correlation`` (of their logits).

    Examples
    --------
    >>> from polyome.estimators import estimator_class
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
    modality: Any = task.build_modality(len(fitted.classes))
    modality.composition_dropout = 0.0
    modality.fit(records)
    rng = np.random.default_rng(seed)
    number = num_sequences or int(
        np.clip(MOST_BP // modality.length_, FEWEST_SEQUENCES, MOST_SEQUENCES)
    )
    windows: Any = modality.prepare(records).windows
    drawn = draw(windows, number, rng)
    wanted = _answers(fitted, drawn, quiet=quiet)
    is_new = rng.random(number) < NEW_SHARE
    torch.manual_seed(seed)
    model = _student(task, modality, len(fitted.classes))
    modality.start_from(model.members[0], records)
    train(
        model.to(pick_device(task.device)),
        RecordDataset(
            modality, as_records(drawn[~is_new]), {task.name: wanted[~is_new].astype(np.float32)}
        ),
        {modality.name: modality},
        replace(TRAINING, num_train_epochs=num_train_epochs or TRAINING.num_train_epochs),
        seed=seed,
        device=task.device,
        what="distil the scanner",
        quiet=quiet,
    )
    scanner = Fitted(task, modality, model.eval(), fitted.target, fitted.classes)
    scanner.arrays, scanner.facts = dict(fitted.arrays), dict(fitted.facts)
    scanner.facts["scanner"] = {"sequences": number} | agreement(
        wanted[is_new], _answers(scanner, drawn[is_new], quiet=True)
    )
    return scanner


def _student_task(task: Task, seed: int) -> Task:
    known = {f.name for f in fields(task)}
    changed = {key: value for key, value in STUDENT.items() if key in known}
    return replace(task, seed=seed, **changed)


def _student(task: Task, modality: SequenceModality, num_classes: int) -> PolyomeModel:
    """Build a network without a direct path, and without the model's own loss settings."""
    head = {"kind": task.head, "modality": modality.name, "num_labels": num_classes}
    return PolyomeModel(
        PolyomeConfig(
            hidden_size=task.hidden_size,
            num_hidden_layers=task.num_hidden_layers,
            num_attention_heads=task.num_attention_heads,
            intermediate_size=2 * task.hidden_size,
            hidden_dropout_prob=task.dropout,
            num_members=1,
            modalities={modality.name: modality.spec()},
            heads={task.name: head},
        )
    )


def _answers(fitted: Fitted, windows: Codes, *, quiet: bool) -> FloatArray:
    """Calibrated probabilities, (n, c)."""

    def answered(start: int) -> FloatArray:
        some = as_records(windows[start : start + _AT_ONCE])
        outputs = answer(fitted.model, fitted.modality, some, fitted.task.name).outputs
        return calibrated(outputs, fitted.temperature)

    answers: list[FloatArray] = [np.zeros((0, len(fitted.classes)))]
    with (
        batch_threads(fitted.model.device) as pool,
        Progress("answers for the scanner", len(windows), quiet=quiet) as progress,
    ):
        for found in pool.map(answered, range(0, len(windows), _AT_ONCE)):
            answers.append(found)
            progress.advance(len(found))
    return np.concatenate(answers)


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


def draw(windows: Codes, number: int, rng: np.random.Generator) -> Codes:
    """Draw sequences around the training sequences, uint8 (number, length).

    An eighth each: as they are; with up to 30 % of the letters changed (two eighths); with any
    share changed; a window across the border of two; a part of one in another; the other strand;
    nine letters at a time in another order.

    Parameters
    ----------
    windows : uint8, (n, length), the training sequences, 0 where one is shorter.

    Examples
    --------
    >>> windows = np.tile(np.array([1, 2, 3, 4], np.uint8), (5, 3))
    >>> draw(windows, 16, np.random.default_rng(0)).shape
    (16, 12)
    """
    shares = np.diff(np.linspace(0, number, 9).astype(int))
    kinds = [
        _picked(windows, shares[0], rng),
        _changed(_whole(windows, shares[1] + shares[2], rng), 0.3, rng),
        _changed(_whole(windows, shares[3], rng), 1.0, rng),
        _shifted(windows, shares[4], rng),
        _changed(_crossed(windows, shares[5], rng), 0.1, rng),
        _changed(complement(_shifted(windows, shares[6], rng)[:, ::-1]), 0.1, rng),
        _shuffled(_whole(windows, shares[7], rng), 9, rng),
    ]
    return np.concatenate(kinds)


def _picked(windows: Codes, number: int, rng: np.random.Generator) -> Codes:
    return windows[rng.integers(0, len(windows), number)]


def _whole(windows: Codes, number: int, rng: np.random.Generator) -> Codes:
    """Some of the windows, without padding: letters of others stand there."""
    picked = _picked(windows, number, rng)
    for _ in range(8):
        if (picked != 0).all():
            return picked
        picked = np.where(picked == 0, _picked(windows, number, rng), picked)
    return np.where(picked == 0, rng.integers(1, 5, picked.shape, np.uint8), picked)


def _changed(windows: Codes, most: float, rng: np.random.Generator) -> Codes:
    """Replace letters at random; each sequence has a rate of its own, up to ``most``."""
    rate = most * rng.random((len(windows), 1))
    letters = rng.integers(1, 5, windows.shape, np.uint8)
    return np.where(rng.random(windows.shape) < rate, letters, windows)


def _shifted(windows: Codes, number: int, rng: np.random.Generator) -> Codes:
    """The end of one sequence and the beginning of another."""
    length = windows.shape[1]
    pair = np.concatenate([_whole(windows, number, rng), _whole(windows, number, rng)], axis=1)
    places = rng.integers(0, length + 1, (number, 1)) + np.arange(length)
    return np.take_along_axis(pair, places, axis=1)


def _crossed(windows: Codes, number: int, rng: np.random.Generator) -> Codes:
    """A part of one sequence at its place in another."""
    length = windows.shape[1]
    ends = np.sort(rng.integers(0, length + 1, (number, 2)), axis=1)
    places = np.arange(length)
    is_inside = (places >= ends[:, :1]) & (places < ends[:, 1:])
    return np.where(is_inside, _whole(windows, number, rng), _whole(windows, number, rng))


def _shuffled(windows: Codes, size: int, rng: np.random.Generator) -> Codes:
    """Put blocks of letters in another order; what is left at the end stays."""
    number, length = windows.shape
    blocks = length // size
    order = rng.random((number, blocks)).argsort(axis=1)
    places = (order[:, :, None] * size + np.arange(size)).reshape(number, blocks * size)
    rest = np.broadcast_to(np.arange(blocks * size, length), (number, length - blocks * size))
    return np.take_along_axis(windows, np.concatenate([places, rest], axis=1), axis=1)
