"""A fitted model with all that answering needs, in memory and as a folder."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from safetensors.torch import load_file as load_weights
from transformers.utils import logging

from polyome._errors import InputError, listed
from polyome._types import FloatArray
from polyome._version import __version__
from polyome.modalities import Modality
from polyome.modalities.base import Records
from polyome.modalities.dna.pretrained import check_finite, code_allowed
from polyome.model.configuration import PolyomeConfig, in_order
from polyome.model.inference import CHUNK_RECORDS, pick_device
from polyome.model.modeling import PolyomeModel
from polyome.outputs import OUTPUTS
from polyome.outputs.base import FittedOutput
from polyome.outputs.unknown import UnknownDetector
from polyome.outputs.unknown_inputs import InputDetectors
from polyome.tasks import TASKS, Task

SUMMARY = "polyome.json"
SCANNER = "scanner"
"""Folder within the model's folder, itself a model folder."""
ARRAYS = "polyome.safetensors"
OUTPUT = "output."
"""Before the names of arrays of the fitted output."""
FORMAT = 5
"""Of a model folder; one more with each change that older folders do not follow."""


@dataclass
class FittedModel:
    """What ``fit`` leaves.

    Attributes
    ----------
    task, modality, model : the parts, fitted.
    target : the column that was learned.
    output : what calibration learned; turns raw outputs into predictions.
    unknown : refuses records unlike all training records.
    arrays : what else is kept: the linear baseline, the reference for alignment.
    facts : of data, split and training, for JSON and the card.
    """

    task: Task
    modality: Modality
    model: PolyomeModel
    target: str
    output: FittedOutput
    unknown: UnknownDetector | InputDetectors | None = None
    arrays: dict[str, FloatArray] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the model's outputs, in their order."""
        return self.output.classes

    @property
    def linear_weight(self) -> float | None:
        """Weight of linear models in the answer, 0 to 1; None where none was fitted.

        Of several inputs that of a record which has all that are read.
        """
        weight: float | None = self.facts.get("linear_weight")
        return weight if self.task.name in self.model.linear else None

    def linear_scores(self, records: Records) -> dict[str, FloatArray]:
        """Scores of the linear baselines that are kept with the model, (n, c) each."""
        parts: dict[str, list[FloatArray]] = {}
        for start in range(0, len(records), CHUNK_RECORDS):
            rows = np.arange(start, min(start + CHUNK_RECORDS, len(records)))
            kept = self.task.kept_features(self.modality, records.take(rows))
            for name, features in kept.items():
                coef = self.arrays[f"baseline.{name}.coef"]
                scores = features @ coef.T + self.arrays[f"baseline.{name}.intercept"]
                parts.setdefault(name, []).append(scores)
        return {name: np.concatenate(chunks) for name, chunks in parts.items()}

    def save(self, folder: Path) -> None:
        """Write the parts into an existing folder: JSON and safetensors, no pickle."""
        self.model.config.id2label = dict(enumerate(self.classes))
        self.model.config.label2id = {label: i for i, label in enumerate(self.classes)}
        with _no_progress_bars():
            # By our own names: transformers would give a backbone those of older versions.
            self.model.save_pretrained(folder, save_original_format=False)
        self.modality.save(folder)
        arrays = dict(self.arrays)
        if self.unknown is not None:
            arrays |= self.unknown.arrays()
        settings, learned = self.output.state()
        arrays |= {OUTPUT + name: array for name, array in learned.items()}
        contiguous = {key: np.ascontiguousarray(array) for key, array in arrays.items()}
        save_file(contiguous, folder / ARRAYS)
        summary = {
            "polyome": __version__,
            "format": FORMAT,
            "task": self.task.name,
            "settings": asdict(self.task),
            "target": self.target,
            "classes": list(self.classes),
            "output": settings,
            "facts": self.facts,
            "sha256": {name: _sha256(folder / name) for name in _checked_files(folder)},
        }
        (folder / SUMMARY).write_text(json.dumps(summary, indent=1))

    @classmethod
    def load(
        cls,
        folder: Path,
        *,
        device: str = "auto",
        quiet: bool = False,
        trust_remote_code: bool = False,
    ) -> Self:
        """Read what :meth:`save` wrote; no network, no pickle, no code without consent."""
        summary = read_summary(folder)
        _check_format(folder, summary)
        _check_files(folder, summary["sha256"])
        known = {f.name for f in fields(TASKS[summary["task"]])}
        settings = {key: value for key, value in summary["settings"].items() if key in known}
        settings |= {"device": device, "quiet": quiet}
        if "trust_remote_code" in known:  # never read from a file
            settings["trust_remote_code"] = trust_remote_code
        try:
            task = TASKS[summary["task"]](**settings)
        except InputError as error:
            raise _damaged(folder / SUMMARY, error) from error
        arrays = _whole(folder, ARRAYS, load_file)
        with code_allowed(trust_remote_code=trust_remote_code):
            modality = task.modality_class().load(folder)
            model = _load_model(folder)
        _check_one_model(folder, summary, modality, model)
        return cls(
            task=task,
            modality=modality,
            model=model.to(pick_device(device)).eval(),
            target=summary["target"],
            output=_fitted_output(folder, task, summary, arrays),
            unknown=_detector(arrays, modality),
            arrays={k: v for k, v in arrays.items() if not k.startswith(("unknown.", OUTPUT))},
            facts=summary["facts"],
        )


def _fitted_output(
    folder: Path, task: Task, summary: dict[str, Any], arrays: dict[str, FloatArray]
) -> FittedOutput:
    """What calibration learned, as it was saved."""
    learned = {k.removeprefix(OUTPUT): v for k, v in arrays.items() if k.startswith(OUTPUT)}
    fitted = OUTPUTS[task.output].fitted
    try:
        return fitted.from_state(tuple(summary["classes"]), summary["output"], learned)
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(folder / SUMMARY, f"'output' cannot be read: {error}") from error


def _detector(
    arrays: dict[str, FloatArray], modality: Modality
) -> UnknownDetector | InputDetectors | None:
    """What refuses unknown records, as it was saved."""
    if "unknown.thresholds" in arrays:
        return InputDetectors.from_arrays(arrays, list(modality.inputs()))
    return UnknownDetector.from_arrays(arrays) if "unknown.means" in arrays else None


def _checked_files(folder: Path) -> list[str]:
    """Files that must stay together; config.json is transformers' own, which may rewrite it."""
    others = (SUMMARY, "config.json", "README.md")
    return sorted(p.name for p in folder.iterdir() if p.is_file() and p.name not in others)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_files(folder: Path, expected: dict[str, str]) -> None:
    """Refuse a folder whose files are missing, damaged or of several models."""
    for name, digest in expected.items():
        path = folder / name
        if not path.is_file():
            message = f"{folder} lacks {name}; copy the whole folder, or fit the model again."
            raise InputError(message)
        if _sha256(path) != digest:
            message = (
                f"{path} is damaged or of another model: it is not the file that 'polyome fit' "
                f"wrote together with {SUMMARY}. Copy the whole model folder again, or fit the "
                "model again."
            )
            raise InputError(message)


@contextmanager
def _no_progress_bars() -> Iterator[None]:
    """Transformers draws a bar for the one file that it writes."""
    was_on = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_on:
            logging.enable_progress_bar()


def read_summary(folder: Path) -> dict[str, Any]:
    """Read a model folder's task, settings and classes; refuse what is no such folder."""
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        message = f"{folder} {what}; the folder that 'polyome fit --out' wrote is needed."
        raise InputError(message)
    path = folder / SUMMARY
    if not path.is_file():
        found = listed(sorted(p.name for p in folder.iterdir()), most=6) or "nothing"
        message = (
            f"{folder} is not a Polyome model folder: it lacks {SUMMARY}. It holds {found}. "
            "Pass the folder that 'polyome fit --out' wrote."
        )
        raise InputError(message)
    try:
        summary: dict[str, Any] = json.loads(path.read_text())
        missing = {"task", "settings", "target", "classes", "output", "facts"} - set(summary)
    except (json.JSONDecodeError, UnicodeDecodeError, TypeError) as error:
        raise _damaged(path, error) from error
    if missing:
        raise _damaged(path, f"lacks {listed(sorted(missing))}")
    if not isinstance(summary["task"], str) or summary["task"] not in TASKS:
        message = f"{path} names the task '{summary['task']}'; this Polyome knows {listed(TASKS)}."
        raise InputError(message)
    types: dict[str, Any] = {
        "settings": dict,
        "classes": list,
        "facts": dict,
        "sha256": dict,
        "target": str,
        "output": dict,
    }
    summary.setdefault("sha256", {})
    right = {key: isinstance(summary[key], expected) for key, expected in types.items()}
    right["classes"] = right["classes"] and all(isinstance(n, str) for n in summary["classes"])
    for key in right:
        if not right[key]:
            raise _damaged(path, f"'{key}' is {summary[key]!r:.40}")
    return summary


def _check_format(folder: Path, summary: dict[str, Any]) -> None:
    """Refuse a folder that an older or newer Polyome wrote in another way."""
    if summary.get("format") != FORMAT:
        message = (
            f"{folder} was written by another version of Polyome (folder format "
            f"{summary.get('format', 1)!r:.20}; this one reads {FORMAT}). Fit the model again, or "
            "answer with the version that wrote it."
        )
        raise InputError(message)


def _check_one_model(
    folder: Path, summary: dict[str, Any], modality: Modality, model: PolyomeModel
) -> None:
    """Refuse a config.json of another Polyome model."""
    labels = [model.config.id2label[i] for i in sorted(model.config.id2label)]
    entries = in_order(modality.entries())
    if labels != list(summary["classes"]) or model.config.modalities != entries:
        message = (
            f"{folder / 'config.json'} and {SUMMARY} are of different models. "
            "Copy one whole model folder, or fit the model again."
        )
        raise InputError(message)


def _load_model(folder: Path) -> PolyomeModel:
    path = folder / "config.json"
    if not path.is_file():
        message = f"{folder} lacks config.json; copy the whole folder, or fit the model again."
        raise InputError(message)
    try:
        settings = json.loads(path.read_text())
        if settings.get("model_type") != "polyome":
            found = settings.get("model_type")
            message = f"{path} describes a model of type '{found}', not 'polyome'."
            raise InputError(message)
        model = PolyomeModel(PolyomeConfig.from_dict(settings))
    except (json.JSONDecodeError, UnicodeDecodeError, AttributeError, KeyError, TypeError) as error:
        raise _damaged(path, error) from error
    weights = _whole(folder, "model.safetensors", load_weights)
    check_finite(str(folder / "model.safetensors"), weights)
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        first = " ".join(str(error).split())[:160]
        message = f"{folder / 'model.safetensors'} does not fit {path}: {first}"
        raise InputError(message) from error
    return model


def _whole(folder: Path, name: str, load: Any) -> dict[str, Any]:
    path = folder / name
    if not path.is_file():
        message = f"{folder} lacks {name}; copy the whole folder, or fit the model again."
        raise InputError(message)
    try:
        loaded: dict[str, Any] = load(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise _damaged(path, error) from error
    return loaded


def _damaged(path: Path, why: object) -> InputError:
    message = f"{path} is damaged ({why}). Copy the model folder again, or fit the model again."
    return InputError(message)
