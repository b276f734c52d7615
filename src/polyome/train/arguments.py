"""How a model is trained; the keys of ``--set`` and of ``fit`` are these fields."""

from dataclasses import dataclass

from polyome.settings import (
    AtLeastZero,
    BelowOne,
    Count,
    LearningRate,
    Natural,
    Positive,
    Proportion,
    Settings,
    UpToHalf,
)

WEIGHT_DECAY = 0.05
"""Where neither the user nor the task says another."""


@dataclass(frozen=True, kw_only=True)
class FitArguments(Settings):
    """Settings of training, with the names that Hugging Face uses.

    The defaults of None are replaced by the task's own, which depend on the size of the data.

    Parameters
    ----------
    learning_rate : peak of the schedule: linear warm-up, then a cosine to zero.
    num_train_epochs : passes over the training rows.
    batch_size : records per step.
    weight_decay : of AdamW, on matrices only.
    warmup_ratio : share of the steps spent warming up.
    max_grad_norm : gradients are clipped to this norm.
    adam_beta2 : decay of AdamW's second moment.
    ema_decay : of the running average of the weights, which is what is kept; 0 for none.
    early_stopping : keep the weights of the epoch that was best on the validation rows, not the
        last ones.
    validation_fraction : share of the training rows that each member of the ensemble validates
        on, a different one each, for early stopping and calibration.
    """

    learning_rate: LearningRate | None = None
    num_train_epochs: Natural | None = None
    batch_size: Count | None = None
    weight_decay: AtLeastZero | None = None
    warmup_ratio: Proportion | None = None
    max_grad_norm: Positive = 1.0
    adam_beta2: BelowOne = 0.98
    ema_decay: BelowOne | None = None
    early_stopping: bool | None = None
    validation_fraction: UpToHalf = 1 / 7
