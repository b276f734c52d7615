"""Fitting the members of an ensemble: one after the other, or on several processor cores.

Every member is seeded by itself and runs on one thread, so that both ways end at equal weights.

Where classes overlap, a network that is trained for long overfits; where they hardly do, it only
gets better at telling them apart. So if the first two members of an ensemble have a low loss on
their validation rows, the same two try to last longer.
"""

import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import Manager
from typing import Any

import joblib
import numpy as np
import torch

from polyome._progress import Progress, say
from polyome._types import FloatArray, IntArray
from polyome.modalities import Modality
from polyome.modalities.inputs import Inputs
from polyome.model.configuration import PolyomeConfig
from polyome.model.inference import answer, pick_device
from polyome.model.modeling import PolyomeModel
from polyome.model_folder.checkpoints import Checkpoints, LearningCurve
from polyome.outputs.linear import OutOfFold
from polyome.tasks.base import Task
from polyome.train.arguments import FitArguments
from polyome.train.dataset import RecordDataset
from polyome.train.trainer import NARROW, Advances, train
from polyome.train.training import Training

Member = tuple[PolyomeModel, LearningCurve]
WORTH_A_PROCESS = 20_000
"""Passes over a record from which starting processes (about 5 s) pays."""
PILOTS = 2
LITTLE_DOUBT = 0.12
"""Log loss of validation rows, in nats, below which lasting longer is tried."""
FEWEST_MEMBERS = 4
"""An ensemble of no more is not worth two more fits, and none is cut to fewer."""


def build_model(task: Task, training: Training, num_members: int) -> PolyomeModel:
    """A model with random networks."""
    output = task.output_type
    head = output.head_spec(training.truth, training.num_classes) | reads(training.modality)
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


def fit_ensemble(
    task: Task,
    training: Training,
    arguments: FitArguments,
    checkpoints: Checkpoints | None,
    longer: int | None,
) -> tuple[list[Member], Training, FitArguments]:
    """Fit every member of an ensemble, or fewer members for ``longer`` epochs.

    Longer, if two members say so: by little doubt after the usual number of epochs, and a lower
    loss after the longer one, both on their validation rows. There are then as many members
    as take about the time of the usual ensemble, unless the user asked for a number.

    Returns
    -------
    The members, each a model of one; the training rows, divided among so many; the arguments that
    the members were fitted with.
    """
    usual, number = int(arguments.num_train_epochs or 0), training.num_members
    if longer is None or not arguments.validation_fraction or number <= FEWEST_MEMBERS:
        members = fit_members(task, training, arguments, checkpoints, range(number))
        return members, training, arguments
    pilots = range(PILOTS)
    members = fit_members(task, training, arguments, checkpoints, pilots)
    loss = _loss(members)
    if loss < LITTLE_DOUBT:
        patient = replace(arguments, num_train_epochs=longer)
        tried = fit_members(task, training, patient, checkpoints, pilots)
        losses = f"{loss:.3f} after {usual}, {_loss(tried):.3f} after {longer}"
        if _loss(tried) < loss:
            members, arguments = tried, patient
            if not task.num_members:
                number = max(FEWEST_MEMBERS, (number - PILOTS) * usual // longer)
        chosen = f"{arguments.num_train_epochs} epochs, {number} members"
        say(f"{chosen} (loss of validation rows: {losses})", quiet=task.quiet)
    # Fewer members validate on other rows than many, but the first of them the same ones.
    training = replace(training, num_members=number)
    rest = range(PILOTS, number)
    return members + fit_members(task, training, arguments, checkpoints, rest), training, arguments


def _loss(members: Sequence[Member]) -> float:
    """Of the validation rows, after the last epoch; mean of members."""
    return float(np.mean([curve.validation_losses[-1] for _, curve in members]))


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
    """For each member the rows that fit it and the rows that it validates on.

    Of several inputs two members share validation rows: the weights beside linear models are
    those of an ensemble, which is better than one network.
    """
    number = (
        max(2, round(1 / arguments.validation_fraction)) if arguments.validation_fraction > 0 else 1
    )
    if number == 1 and not len(training.validation):
        return [(training.fit, training.fit[:0])] * training.num_members
    folds = training.folds(number, task.seed + 100, if_small=None)
    together = max(task.members_per_fold, 2 if isinstance(training.modality, Inputs) else 1)
    used = min(len(folds), max(1, training.num_members // together))
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
    rows, validation = validation_folds(training, task, arguments)[number]
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
        outputs = _outputs(task, training, model, validation)
        return task.output_type.loss(outputs, training.truth[validation])

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
        score=validation_loss if len(validation) else None,
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
    """Raw outputs of the members' validation rows, together where these are the same."""
    rows: dict[bytes, IntArray] = {}
    outputs: dict[bytes, list[FloatArray]] = {}
    for model, (_, validation) in zip(members, divided, strict=True):
        if len(validation):
            key = validation.tobytes()
            rows[key] = validation
            outputs.setdefault(key, []).append(_outputs(task, training, model, validation))
    return [OutOfFold(rows[key], np.stack(several)) for key, several in outputs.items()]


def _outputs(task: Task, training: Training, model: PolyomeModel, rows: IntArray) -> FloatArray:
    """A member's outputs, (m, c)."""
    return answer(model, training.modality, training.records.take(rows), task.name).outputs
