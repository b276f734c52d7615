"""How long to train, where two members can tell.

Where classes overlap, a network that is trained for long learns single records by heart; where they
hardly do, it only gets better at telling them apart. So if the first two members of an ensemble
answer their validation rows with little doubt, the same two try to last longer.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from polyome._progress import say
from polyome.model_folder.checkpoints import Checkpoints
from polyome.tasks.base import Task
from polyome.train.arguments import FitArguments
from polyome.train.members import Member, fit_members
from polyome.train.training import Training

PILOTS = 2
LITTLE_DOUBT = 0.12
"""Log loss of validation rows, in nats, below which lasting longer is tried."""
FEWEST_MEMBERS = 4
"""An ensemble of no more is not worth two more fits, and none is cut to fewer."""


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
