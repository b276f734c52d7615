"""Tasks: what is asked of records. A new one is one file and one line here."""

from polyome.tasks.base import Task
from polyome.tasks.cell_type import CellType

TASKS: dict[str, type[Task]] = {
    CellType.name: CellType,
}

__all__ = ["TASKS", "CellType", "Task"]
