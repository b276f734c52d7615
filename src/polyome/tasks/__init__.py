"""Tasks: what is asked of records. A new one is one file and one line here."""

from importlib.metadata import entry_points

from polyome.tasks.base import Task
from polyome.tasks.cell_type import CellType
from polyome.tasks.classify import Classify
from polyome.tasks.expression import Expression
from polyome.tasks.multilabel import MultiLabel
from polyome.tasks.promoter import Promoter
from polyome.tasks.regress import Regress
from polyome.tasks.spatial import Spatial
from polyome.tasks.translate import Translate

TASKS: dict[str, type[Task]] = {
    CellType.name: CellType,
    Promoter.name: Promoter,
    Expression.name: Expression,
    Spatial.name: Spatial,
    Classify.name: Classify,
    Regress.name: Regress,
    Translate.name: Translate,
    MultiLabel.name: MultiLabel,
}

for _entry in entry_points(group="polyome.tasks"):  # of other packages
    TASKS[_entry.name] = _entry.load()

__all__ = [
    "TASKS",
    "CellType",
    "Classify",
    "Expression",
    "MultiLabel",
    "Promoter",
    "Regress",
    "Spatial",
    "Task",
    "Translate",
]
