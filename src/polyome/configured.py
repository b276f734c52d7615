"""Settings of an estimator, with scikit-learn's manners: stored as given, checked, changeable."""

from dataclasses import fields
from typing import Any, ClassVar, Self

from polyome._errors import unknown_key
from polyome.model.inference import check_device
from polyome.tasks import Task


class Configured:
    """What has the settings of a task as attributes; ``task`` is the task of them.

    Parameters
    ----------
    settings : the task's fields; stored unchanged as attributes.
    """

    task_class: ClassVar[type[Task]]

    def __init__(self, **settings: Any) -> None:  # checked against the task's fields
        known = [f.name for f in fields(self.task_class)]
        for key in settings:
            if key not in known:
                raise unknown_key(key, known, where=type(self).__name__)
        self.task = self._checked_task(settings)
        for name in known:
            setattr(self, name, getattr(self.task, name))

    def _checked_task(self, settings: dict[str, Any]) -> Task:
        """The task of these settings, checked; NumPy's numbers count as Python's."""
        task = self.task_class(**settings)
        check_device(task.device)
        return task

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: FBT001, FBT002 - scikit-learn's signature
        """Settings by name."""
        return {f.name: getattr(self, f.name) for f in fields(self.task_class)}

    def set_params(self, **settings: Any) -> Self:
        """Change settings for the next ``fit``. Returns this estimator."""
        checked = type(self)(**self.get_params() | settings)
        for name in settings:
            setattr(self, name, getattr(checked, name))
        return self

    def __repr__(self) -> str:
        changed = {
            f.name: value
            for f in fields(self.task_class)
            if (value := getattr(self, f.name)) != f.default
        }
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in changed.items())})"
