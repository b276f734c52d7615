"""Polyome: transformers on genomic data at every scale.

Examples
--------
>>> import polyome
>>> polyome.CellTypeClassifier(seed=1)
CellTypeClassifier(seed=1)
"""

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from polyome._version import __version__

__all__ = [
    "InputError",
    "PolyomeWarning",
    "__version__",
    "annotate_from",
    "audit",
    "load",
    "pl",
    "read",
    "report",
]

if TYPE_CHECKING:
    from polyome import pl
    from polyome._errors import InputError, PolyomeWarning
    from polyome.estimator import Estimator, audit, load
    from polyome.io import read
    from polyome.reference import annotate_from
    from polyome.report.html import report

    # For editors, which cannot see what __getattr__ makes of the registry of tasks.
    CellTypeClassifier: type[Estimator]
    Classifier: type[Estimator]
    ExpressionRegressor: type[Estimator]
    MultiLabelClassifier: type[Estimator]
    PromoterClassifier: type[Estimator]
    Regressor: type[Estimator]
    SpatialClassifier: type[Estimator]
    Translator: type[Estimator]

_HOMES = {
    "InputError": "polyome._errors",
    "PolyomeWarning": "polyome._errors",
    "annotate_from": "polyome.reference",
    "audit": "polyome.estimator",
    "load": "polyome.estimator",
    "read": "polyome.io",
    "report": "polyome.report.html",
}


class _Package(ModuleType):
    """Keeps the names of verbs for the functions, where a package of parts is called the same."""

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute; importing ``polyome.audit`` must not hide ``polyome.audit()``."""
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __dir__() -> list[str]:
    """Names for tab completion, the tasks' public classes included."""
    from importlib import import_module

    tasks = import_module("polyome.tasks").TASKS
    return sorted([*__all__, *(task.estimator for task in tasks.values())])


def __getattr__(name: str) -> Any:
    """Import on first use: ``polyome --help`` needs neither torch nor scanpy.

    The public class of a task is made from the task's own file (``tasks/``), so that a new task
    needs no line here.
    """
    from importlib import import_module

    if name == "pl":
        return import_module("polyome.pl")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name[:1].isupper():
        tasks = import_module("polyome.tasks").TASKS
        for task in tasks.values():
            if task.estimator == name:
                return import_module("polyome.estimator").estimator_class(task.name)
    message = f"module 'polyome' has no attribute '{name}'"
    raise AttributeError(message)
