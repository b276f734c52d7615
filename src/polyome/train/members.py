"""Fitting the members of an ensemble: one after the other, or on several processor cores.

Every member is seeded by itself and runs on one thread, so that both ways end at equal weights.
"""

import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import Manager
from typing import Any

import joblib
import numpy as np
import torch

from polyome._progress import Progress
from polyome._types import FloatArray, IntArray
from polyome.modalities import Modality
from polyome.model.configuration import PolyomeConfig
from polyome.model.inference import answer, pick_device
from polyome.model.modeling import PolyomeModel
from polyome.model_folder.checkpoints import Checkpoints, LearningCurve
from polyome.tasks.base import Task
from polyome.train.arguments import FitArguments
from polyome.train.dataset import RecordDataset
from polyome.train.kind import OutOfFold
from polyome.train.kinds import kind_of
from polyome.train.trainer import NARROW, Advances, train
from polyome.train.training import Training

Member = tuple[PolyomeModel, LearningCurve]
WORTH_A_PROCESS = 20_000
"""Passes over a record from which starting processes (about 5 s) pays."""


def build_model(task: Task, training: Training, num_members: int) -> PolyomeModel:
    """A model with random networks."""
    head = task.head_spec(training.truth, training.num_classes) | reads(training.modality)
    return random_model(task, training.modality, head, num_members)


def reads(modality: Modality) -> dict[str, list[str]]:
    """The inputs of a head, each with a linear model beside the network."""
    names = list(modality.inputs())
    return {"inputs": names, "linear": names}


def random_model(
    task: Task, modality: Modality, head: dict[str, Any], num_members: int
) -> PolyomeModel:
    """A model of a task's sizes with one modality and one head."""
    return PolyomeModel(
        PolyomeConfig(
            hidden_size=task.hidden_size,
            num_hidden_layers=task.layers(modality),
            num_attention_heads=task.num_attention_heads,
            intermediate_size=2 * task.hidden_size,
            hidden_dropout_prob=task.dropout,
            num_members=num_members,
            modalities=modality.entries(),
            heads={task.name: head},
        )
    )


def fit_members(
    task: Task,
    training: Training,
    arguments: FitArguments,
    checkpoints: Checkpoints | None,
    numbers: Sequence[int],
) -> list[Member]:
    """Fit some of the members, by number, on their rows; each is a model of one member."""
    processes = _processes(task, training, arguments)
    if processes == 1:
        return [fit_member(task, training, arguments, checkpoints, k) for k in numbers]
    steps = int(arguments.num_train_epochs or 0) * len(numbers)
    what = f"fit, {len(numbers)} members on {processes} cores"
    with Progress(what, steps, quiet=task.quiet) as progress, _told(progress) as tell:
        jobs = (
            joblib.delayed(_in_process)(task, training, arguments, checkpoints, k, tell)
            for k in numbers
        )
        done = joblib.Parallel(n_jobs=processes, backend="loky")(jobs)
    members = []
    for state, curve in done:
        model = build_model(task, training, 1)
        model.load_state_dict(state)
        members.append((model.eval(), curve))
    return members


def _processes(task: Task, training: Training, arguments: FitArguments) -> int:
    """How many processes to use: one per core, for long work on narrow networks."""
    passes = len(training.fit) * int(arguments.num_train_epochs or 0)
    if (
        not training.modality.is_portable
        or passes < WORTH_A_PROCESS
        or task.hidden_size > NARROW
        or pick_device(task.device).type != "cpu"
    ):
        return 1
    return min(training.num_members, joblib.cpu_count(only_physical_cores=False))


class _Teller:
    """Stands for a progress bar in another process."""

    def __init__(self, messages: Any) -> None:  # a proxy of a queue
        self.messages = messages

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Tell of steps done."""
        self.messages.put((steps, note))


@contextmanager
def _told(progress: Progress) -> Iterator[_Teller]:
    """Show in this process what others tell of."""
    with Manager() as manager:
        messages = manager.Queue()
        ended = threading.Event()

        def listen() -> None:
            while not ended.is_set():
                try:
                    steps, note = messages.get(timeout=0.2)
                except queue.Empty:
                    continue
                progress.advance(steps, note)

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        try:
            yield _Teller(messages)
        finally:
            ended.set()
            listener.join()


def _in_process(
    task: Task,
    training: Training,
    arguments: FitArguments,
    checkpoints: Checkpoints | None,
    number: int,
    tell: _Teller,
) -> tuple[dict[str, torch.Tensor], LearningCurve]:
    torch.set_num_threads(1)
    model, curve = fit_member(task, training, arguments, checkpoints, number, tell)
    return model.state_dict(), curve


def validation_folds(
    training: Training, task: Task, arguments: FitArguments
) -> list[tuple[IntArray, IntArray]]:
    """For each member the rows that fit it and the rows that it validates on."""
    number = (
        max(2, round(1 / arguments.validation_fraction)) if arguments.validation_fraction > 0 else 1
    )
    if number == 1 and not len(training.validation):
        return [(training.fit, training.fit[:0])] * training.num_members
    folds = training.folds(number, task.seed + 100, if_small=None)
    used = min(len(folds), max(1, training.num_members // task.members_per_fold))
    return [folds[k % used] for k in range(training.num_members)]


def fit_member(
    task: Task,
    training: Training,
    arguments: FitArguments,
    checkpoints: Checkpoints | None,
    number: int,
    progress: Advances | None = None,
) -> Member:
    """Fit one network on its rows; its embeddings start from these rows alone."""
    modality = training.modality
    rows, aside = validation_folds(training, task, arguments)[number]
    seed = 1000 * task.seed + number
    torch.manual_seed(seed)
    model = build_model(task, training, 1).to(pick_device(task.device))
    name = f"{number}-{arguments.num_train_epochs}"
    done = None if checkpoints is None else checkpoints.load(name, model)
    if done is not None:
        return model.eval(), done
    fitting = training.records.take(rows)
    network: Any = model.members[0]
    modality.start_network(network.embeddings, fitting)

    def validation_loss() -> float:
        outputs = _outputs(task, training, model, aside)
        return kind_of(task).loss(outputs, training.truth[aside])

    dataset = RecordDataset(
        modality,
        fitting,
        {task.name: training.truth[rows]},
        augment=np.random.default_rng(seed),
    )
    curve = train(
        model,
        dataset,
        modality.inputs(),
        arguments,
        seed=seed,
        device=task.device,
        score=validation_loss if len(aside) else None,
        what=f"fit, member {number + 1} of {training.num_members}",
        quiet=task.quiet,
        progress=progress,
    )
    if checkpoints is not None:
        checkpoints.save(name, model, curve)
    return model, curve


def out_of_fold_predictions(
    task: Task,
    training: Training,
    members: Sequence[PolyomeModel],
    divided: Sequence[tuple[IntArray, IntArray]],
) -> list[OutOfFold]:
    """What members answer their validation rows, together where these are the same."""
    rows: dict[bytes, IntArray] = {}
    found: dict[bytes, list[FloatArray]] = {}
    for model, (_, aside) in zip(members, divided, strict=True):
        if len(aside):
            rows[aside.tobytes()] = aside
            found.setdefault(aside.tobytes(), []).append(_outputs(task, training, model, aside))
    return [OutOfFold(rows[key], np.stack(answers)) for key, answers in found.items()]


def _outputs(task: Task, training: Training, model: PolyomeModel, rows: IntArray) -> FloatArray:
    """A member's outputs, (m, c)."""
    return answer(model, training.modality, training.records.take(rows), task.name).outputs
