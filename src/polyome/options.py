"""What a caller asked for by keyword: told apart, checked, kept so that it can be asked again."""

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from polyome._errors import InputError, unknown_key
from polyome.modalities import MODALITIES, Modality
from polyome.tasks import Task
from polyome.train.arguments import FitArguments

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Arguments = TypeVar("Arguments", bound="DataclassInstance")


def fit_arguments(training: dict[str, Any], task: type[Task] = Task) -> FitArguments:
    """Check names of training arguments; ``task`` tells those that belong to its class."""
    known = [f.name for f in fields(FitArguments)]
    for key in training:
        if key not in known:
            if key in {f.name for f in fields(task)}:
                message = f"fit: {key} is a setting of the class: {task.estimator}({key}=...)."
                raise InputError(message)
            raise unknown_key(key, known, where="fit")
    return FitArguments(**training)


def reading_options(task: type[Task], options: dict[str, Any]) -> dict[str, Any]:
    """Take reading options that are no settings of the task out of ``options``."""
    known = MODALITIES[task.modality].reading_options
    own = {f.name for f in fields(task)}
    return {key: options.pop(key) for key in known if key in options and key not in own}


def sort_options(
    modality: Modality, options: dict[str, Any], arguments: type[Arguments], *, where: str
) -> tuple[dict[str, Any], Arguments]:
    """Tell how a source is read from the fields of ``arguments``; refuse all other keys."""
    reads = modality.reading_options
    known = [*reads, *(f.name for f in fields(arguments))]
    for key in options:
        if key not in known:
            raise unknown_key(key, known, where=where)
    reading = {key: value for key, value in options.items() if key in reads}
    return reading, arguments(**{k: v for k, v in options.items() if k not in reads})


def in_words(source: Any, n_records: int) -> str:
    """Say in words what was read, for the card."""
    sources = source if isinstance(source, list) else [source]
    names = [Path(s).name if isinstance(s, str | Path) else "in memory" for s in sources]
    return f"{n_records:,} records, {', '.join(names)}"


def paths(source: Any) -> list[str]:
    """Name the files that were read, to fit again; only the name where a path starts at the root.

    Empty where something was in memory. Others need not know how this machine's disk is laid out.
    """
    sources = source if isinstance(source, list) else [source]
    if not all(isinstance(s, str | Path) for s in sources):
        return []
    return [short(s) for s in sources]


def short(path: Any) -> Any:
    """A path without its folders, where it starts at the root; other values as they are."""
    if not isinstance(path, str | Path):
        return path
    return Path(path).name if Path(path).is_absolute() else str(path)


def not_default(*settings: dict[str, Any]) -> dict[str, Any]:
    """Join what was asked of a fit, without what was left open."""
    return {
        key: value if isinstance(value, bool | int | float) else str(value)
        for part in settings
        for key, value in part.items()
        if value is not None
    }
