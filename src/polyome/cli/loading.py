"""What verbs that take a model share: options of reading, the model and its settings."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from polyome._progress import say


def reading_options(
    genome: Path | None,
    labels: Path | None,
    sequence_column: str | None,
    window_bp: int | None,
    center: str | None,
) -> dict[str, Any]:
    """Options that say how files are read, by name."""
    return {
        "genome": genome,
        "labels": labels,
        "sequence_column": sequence_column,
        "window_bp": window_bp,
        "center": center,
    }


def loaded(
    model_dir: Path,
    set_: list[str] | None,
    reading: dict[str, Any],
    *,
    seed: int,
    device: str,
    quiet: bool,
    checked: Callable[..., dict[str, Any]] | None = None,
) -> tuple[Any, dict[str, Any]]:
    """Read the model, and its settings, by default those of reading and prediction."""
    from polyome import parsing
    from polyome.estimator import load

    given = parsing.gathered(None, set_)
    trusted = parsing.consent_taken(given)
    model = load(model_dir, device=device, quiet=quiet, trust_remote_code=trusted)
    model.task.seed = model.fitted_.task.seed = seed
    given |= parsing.reading_settings(model.task_class, reading)
    return model, (checked or parsing.predict_settings)(model, given)


def say_notes(notes: Any, *, quiet: bool) -> None:
    """Say what was decided on the way."""
    for note in notes:
        say(note, quiet=quiet)
