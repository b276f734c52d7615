"""Settings given as text, checked against the dataclasses that they fill."""

import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polyome._errors import InputError, unknown_key
from polyome.modalities import MODALITIES
from polyome.predict.predict import PredictArguments
from polyome.settings import from_text, hints_of
from polyome.tasks import TASKS, Task
from polyome.train.arguments import FitArguments

FIT_OPTIONS: dict[str, type] = {"unlabelled": str, "baselines": bool, "scanner": bool}
"""Settings of ``fit`` that are not settings of training."""


@dataclass(frozen=True)
class FitSettings:
    """Settings of ``fit``, by where they go: the task's class, or its method ``fit``."""

    task: dict[str, Any]
    fit: dict[str, Any]


def gathered(config: Path | None, pairs: Sequence[str] | None) -> dict[str, Any]:
    """Join a configuration file and ``key=value`` pairs; the pairs win.

    Examples
    --------
    >>> gathered(None, ["seed=1", "layer=counts"])
    {'seed': '1', 'layer': 'counts'}
    """
    settings: dict[str, Any] = {} if config is None else _read(config)
    for pair in pairs or ():
        key, sign, value = pair.partition("=")
        if not sign or not key:
            message = f"--set {pair}: KEY=VALUE is needed, such as --set hidden_size=128."
            raise InputError(message)
        settings[key.strip()] = value.strip()
    return settings


def flags(seed: int | None, device: str | None, *, quiet: bool) -> dict[str, Any]:
    """Options of their own that were given; they win over a file and ``--set``.

    Examples
    --------
    >>> flags(1, None, quiet=False)
    {'seed': 1}
    """
    given = {"seed": seed, "device": device, "quiet": quiet or None}
    return {key: value for key, value in given.items() if value is not None}


def fit_settings(
    task: type[Task], settings: dict[str, Any], *, beside: Sequence[str] = ()
) -> FitSettings:
    """Sort settings into the task's and training's, and check names and types.

    ``beside`` names keys that are known too, for the message about an unknown one.

    Examples
    --------
    >>> from polyome.tasks import CellType
    >>> fit_settings(CellType, {"hidden_size": "128", "num_train_epochs": "3"})
    FitSettings(task={'hidden_size': 128}, fit={'num_train_epochs': 3})
    """
    of_task, of_fit = hints_of(task), hints_of(FitArguments) | FIT_OPTIONS
    reading = MODALITIES[task.modality].reading_options
    of_fit |= {key: str | None for key in reading if key not in of_task}
    known = [*of_task, *of_fit, *beside]
    chosen = FitSettings({}, {})
    for key, value in settings.items():
        if key in of_task:
            chosen.task[key] = from_text(key, value, of_task[key])
        elif key in of_fit:
            chosen.fit[key] = from_text(key, value, of_fit[key])
        else:
            raise unknown_key(key, known, where="--set")
    return chosen


def annotate_settings(settings: dict[str, Any]) -> tuple[FitSettings, dict[str, Any]]:
    """Sort settings into those of fitting cell types and those of answering by them.

    Examples
    --------
    >>> annotate_settings({"align": "true", "num_genes": "500"})
    (FitSettings(task={'num_genes': 500}, fit={}), {'align': True})
    """
    of_answer = hints_of(PredictArguments)
    chosen = {k: from_text(k, settings[k], of_answer[k]) for k in of_answer if k in settings}
    others = {key: value for key, value in settings.items() if key not in of_answer}
    return fit_settings(TASKS["cell-type"], others, beside=list(of_answer)), chosen


def reading_settings(task: type[Task], options: dict[str, Any]) -> dict[str, str]:
    """Options that say how files are read, as text; refuse those that a task has no use for.

    Examples
    --------
    >>> from polyome.tasks import CellType
    >>> reading_settings(CellType, {"genome": None})
    {}
    >>> reading_settings(CellType, {"genome": "hg38.fa"})
    Traceback (most recent call last):
    polyome._errors.InputError: --genome is for sequences; the task cell-type reads none. ...
    """
    known = MODALITIES[task.modality].reading_options
    given = {key: str(value) for key, value in options.items() if value is not None}
    for key in given:
        if key not in known:
            flag = key.replace("_", "-")
            message = f"--{flag} is for sequences; the task {task.name} reads none. Leave it out."
            raise InputError(message)
    return given


def predict_settings(model: Any, settings: dict[str, Any]) -> dict[str, Any]:
    """Check settings of reading and prediction for a fitted estimator."""
    reading = dict.fromkeys(model.fitted_.modality.reading_options, str | None)
    known = hints_of(PredictArguments) | reading
    for key in settings:
        if key not in known:
            raise unknown_key(key, known, where="--set")
    chosen = {key: from_text(key, value, known[key]) for key, value in settings.items()}
    return chosen


def explain_settings(model: Any, settings: dict[str, Any]) -> dict[str, Any]:
    """Check settings of reading and explaining for a fitted estimator."""
    reading = dict.fromkeys(model.fitted_.modality.reading_options, str | None)
    known = hints_of(model.explainer().arguments) | reading
    for key in settings:
        if key not in known:
            raise unknown_key(key, known, where="--set")
    chosen = {key: from_text(key, value, known[key]) for key, value in settings.items()}
    return chosen


def consent_taken(settings: dict[str, Any]) -> bool:
    """Take ``trust_remote_code`` out of the settings of a command that reads a model folder.

    Examples
    --------
    >>> consent_taken({"trust_remote_code": "true"})
    True
    """
    given = settings.pop("trust_remote_code", False)
    return bool(from_text("trust_remote_code", given, bool))


def checked_settings(arguments: type, settings: dict[str, Any]) -> dict[str, Any]:
    """Check settings against the dataclass that they fill.

    Examples
    --------
    >>> from polyome.genome.variants import VariantArguments
    >>> checked_settings(VariantArguments, {"upstream_bp": "200"})
    {'upstream_bp': 200}
    """
    known = hints_of(arguments)
    for key in settings:
        if key not in known:
            raise unknown_key(key, known, where="--set")
    return {key: from_text(key, value, known[key]) for key, value in settings.items()}


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        message = f"there is no configuration file {path}."
        raise InputError(message)
    found: Any
    try:
        if path.suffix == ".toml":
            found = tomllib.loads(path.read_text())
        elif path.suffix == ".json":
            found = json.loads(path.read_text())
        elif path.suffix in (".yaml", ".yml"):
            import yaml

            found = yaml.safe_load(path.read_text())
        else:
            message = f"{path}: .toml, .json or .yaml is needed."
            raise InputError(message)
    except Exception as error:  # each of the three formats has its own
        if isinstance(error, InputError):
            raise
        message = f"{path} cannot be read as {path.suffix[1:]}: {' '.join(str(error).split())}"
        raise InputError(message) from error
    if not isinstance(found, dict):
        message = f"{path} holds no table of settings."
        raise InputError(message)
    return found
