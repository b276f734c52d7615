"""Tasks: what is asked of records. A new one is one file and one line here."""

from polyome.tasks.base import Task
from polyome.tasks.cell_type import CellType
from polyome.tasks.expression import Expression
from polyome.tasks.multilabel import MultiLabel
from polyome.tasks.promoter import Promoter
from polyome.tasks.spatial import Spatial

TASKS: dict[str, type[Task]] = {
    CellType.name: CellType,
    Promoter.name: Promoter,
    Expression.name: Expression,
    Spatial.name: Spatial,
    MultiLabel.name: MultiLabel,
}

__all__ = ["TASKS", "CellType", "Expression", "MultiLabel", "Promoter", "Spatial", "Task"]
