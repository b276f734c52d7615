"""Settings of tasks whose answer is one or several measured values."""

from dataclasses import dataclass
from typing import ClassVar

from polyome._errors import InputError, listed
from polyome.outputs.values_scale import TRANSFORMS
from polyome.tasks.base import Task


@dataclass(kw_only=True)
class RegressionTask(Task):
    """A task whose answer is a value for each of one or several targets.

    Parameters
    ----------
    target_transform : how values are measured while training, undone on output: ``standardise``,
        ``log``, ``rank`` (to a normal distribution), or ``auto``: ``log`` where no value is
        negative and the largest is more than 100 times the median, else ``standardise``.
    noise : column with the standard deviation of each row's value over replicates, in the units of
        the target; rows that are surer count for more. Several are separated by commas, one a
        target.

    See also :class:`polyome.tasks.base.Task` for the parameters that all tasks share. Here rows
    choose the weight of the linear model, unless ``linear_weight`` is 0 or 1.
    """

    target_transform: str = "auto"
    noise: str | None = None

    output: ClassVar[str] = "values"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.target_transform not in ("auto", *TRANSFORMS):
            message = (
                f"target_transform={self.target_transform!r} is not known. "
                f"Known: {listed(('auto', *TRANSFORMS))}."
            )
            raise InputError(message)
