"""Fitting a model's networks: a thin layer over ``transformers.Trainer``."""

import copy
import gc
import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils.data import Dataset
from transformers import (
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from transformers.trainer_callback import PrinterCallback

from polyome._progress import Progress
from polyome.modalities import Modality
from polyome.model.modeling import PolyomeModel
from polyome.model_folder.checkpoints import LearningCurve
from polyome.train.arguments import WEIGHT_DECAY, FitArguments
from polyome.train.dataset import Collator, Example

NARROW = 64  # hidden size up to which one thread is faster than two


class Advances(Protocol):
    """What is told of epochs: a progress bar, or what stands for one."""

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Count steps as done."""


class WatchedTrainer(Trainer):
    """A Trainer that remembers the loss of each step."""

    def __init__(self, **arguments: Any) -> None:  # Trainer's own arguments
        super().__init__(**arguments)
        self.step_losses: list[Tensor] = []

    def training_step(self, *arguments: Any, **keywords: Any) -> Tensor:
        """One step, as Trainer does it."""
        loss: Tensor = super().training_step(*arguments, **keywords)
        self.step_losses.append(loss.detach())
        return loss

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        """Not counted: Trainer's estimate presumes one tensor of input ids."""
        return 0


class RunningAverage:
    """Exponential moving average of a model's trainable weights (Polyak and Juditsky 1992).

    Early on, when there is little to average, it follows the weights more closely.
    """

    def __init__(self, model: PolyomeModel, decay: float) -> None:
        self.weights = [weight for weight in model.parameters() if weight.requires_grad]
        self.average = [weight.detach().clone() for weight in self.weights]
        self.decay = decay
        self.steps = 0

    @torch.no_grad()
    def update(self) -> None:
        """Take the model's weights in."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(self.average, self.weights, 1 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Give the model the average for a while."""
        own = [weight.detach().clone() for weight in self.weights]
        self._put(self.average)
        try:
            yield
        finally:
            self._put(own)

    @torch.no_grad()
    def _put(self, values: list[Tensor]) -> None:
        for weight, value in zip(self.weights, values, strict=True):
            weight.copy_(value)


class EpochWatch(TrainerCallback):
    """Shows progress and keeps the weights of the best epoch, or the average of the last."""

    def __init__(
        self,
        trainer_losses: Callable[[], list[Tensor]],
        score: Callable[[], float] | None,
        progress: Advances,
        average: RunningAverage | None,
        *,
        early_stopping: bool,
    ) -> None:
        self.early_stopping = early_stopping
        self.average = average
        self.take_losses = trainer_losses
        self.score = score
        self.progress = progress
        self.curve = LearningCurve()
        self.best_state: dict[str, Tensor] | None = None

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """Take the step into the average."""
        if self.average is not None:
            self.average.update()

    def on_epoch_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: PolyomeModel,
        **_: object,
    ) -> None:
        """Record the epoch."""
        losses = self.take_losses()
        self.curve.train.append(float(sum(losses)) / max(1, len(losses)) / len(model.members))
        losses.clear()
        note = f"loss {self.curve.train[-1]:.3f}"
        with nullcontext() if self.average is None else self.average.in_place():
            note += self._compare(model)
        self.progress.advance(note=note)

    def _compare(self, model: PolyomeModel) -> str:
        """Keep these weights: the last ones, or with early stopping the best so far."""
        if self.score is not None:
            self.curve.validation_losses.append(self.score())
        stops = self.early_stopping and self.score is not None
        if not stops or self.curve.validation_losses[-1] <= min(self.curve.validation_losses):
            self.curve.best_epoch = len(self.curve.train)
            if stops or self.average is not None:
                self.best_state = copy.deepcopy(model.state_dict())
        return "" if self.score is None else f", validation {self.curve.validation_losses[-1]:.3f}"


def train(
    model: PolyomeModel,
    dataset: Dataset[Example],
    modalities: dict[str, Modality],
    arguments: FitArguments,
    *,
    seed: int,
    device: str,
    score: Callable[[], float] | None = None,
    what: str = "fit",
    quiet: bool = True,
    progress: Advances | None = None,
) -> LearningCurve:
    """Fit the trainable weights of a model in place.

    Parameters
    ----------
    dataset : of :class:`polyome.train.dataset.Example`; may mix modalities.
    modalities : fitted, by name.
    arguments : every field set.
    what : what progress calls this run.
    score : loss on validation rows, called after each epoch; the best epoch's weights are kept.
    progress : is told of each epoch (``advance``) instead of a bar of this run's own.

    Returns
    -------
    Losses by epoch.
    """
    epochs = int(arguments.num_train_epochs or 0)
    with (
        tempfile.TemporaryDirectory() as scratch,
        _quiet_transformers(),
        _few_threads(model),
        _garbage_left_alone(),
        Progress(what, epochs, quiet=quiet or progress is not None) as own_progress,
    ):
        trainer = WatchedTrainer(
            model=model,
            args=_training_arguments(scratch, arguments, seed=seed, device=device),
            train_dataset=dataset,
            data_collator=Collator(modalities),
        )
        trainer.remove_callback(PrinterCallback)
        average = RunningAverage(model, arguments.ema_decay) if arguments.ema_decay else None
        watch = EpochWatch(
            lambda: trainer.step_losses,
            score,
            progress or own_progress,
            average,
            early_stopping=bool(arguments.early_stopping),
        )
        trainer.add_callback(watch)
        trainer.train()
    if watch.best_state is not None:
        model.load_state_dict(watch.best_state)
    model.eval()
    return watch.curve


def _training_arguments(
    folder: str, arguments: FitArguments, *, seed: int, device: str
) -> TrainingArguments:
    made = TrainingArguments(
        output_dir=folder,
        learning_rate=arguments.learning_rate,
        num_train_epochs=arguments.num_train_epochs,
        per_device_train_batch_size=arguments.batch_size,
        weight_decay=WEIGHT_DECAY if arguments.weight_decay is None else arguments.weight_decay,
        warmup_steps=arguments.warmup_ratio or 0.0,
        max_grad_norm=arguments.max_grad_norm,
        adam_beta1=0.9,
        adam_beta2=arguments.adam_beta2,
        lr_scheduler_type="cosine",
        seed=seed,
        use_cpu=device == "cpu",
        remove_unused_columns=False,
        label_names=["labels"],
        report_to="none",
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )
    made._n_gpu = min(made.n_gpu, 1)  # of several GPUs Trainer would scatter each batch over all
    return made


@contextmanager
def _few_threads(model: PolyomeModel) -> Iterator[None]:
    """Use one thread for a narrow model on a CPU: its matrices are too small to share.

    Measured on two cores at hidden size 64: the whole fit takes 15 s instead of 25, and does not
    slow down twentyfold when another program runs beside it.
    """
    usual = torch.get_num_threads()
    if model.device.type == "cpu" and model.config.hidden_size <= NARROW:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(usual)


@contextmanager
def _garbage_left_alone() -> Iterator[None]:
    """Hide what exists already from the garbage collector.

    Trainer collects once before the first step: half a second for all that was imported, as long as
    the epochs of a small fit take.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def _quiet_transformers() -> Iterator[None]:
    """Keep Trainer's own messages, which a user of Polyome cannot act on, from standard error."""
    logger = logging.getLogger("transformers.trainer")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
