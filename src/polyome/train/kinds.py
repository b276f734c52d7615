"""The kinds of answers, by the head that gives them. A new kind is one file and one line here."""

from polyome.heads import ClassificationHead, RegressionHead
from polyome.tasks.base import Task
from polyome.train.classes import Classes
from polyome.train.kind import Kind
from polyome.train.values import MeasuredValues

KINDS: dict[str, Kind] = {
    ClassificationHead.kind: Classes(),
    RegressionHead.kind: MeasuredValues(),
}


def kind_of(task: Task) -> Kind:
    """The kind of a task's answers.

    Examples
    --------
    >>> from polyome.tasks import Promoter
    >>> kind_of(Promoter()).constant
    'majority'
    """
    return KINDS[task.head]
