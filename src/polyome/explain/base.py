"""What every explanation is: a table, arrays, pictures, and a folder that a report can show."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from polyome._errors import InputError, listed, suggestion
from polyome._types import FloatArray, IntArray
from polyome._version import __version__
from polyome.io.files import folder_written_aside
from polyome.model.inference import RawOutputs
from polyome.model_folder.fitted_model import FittedModel
from polyome.outputs import OUTPUTS
from polyome.outputs.head import Head

INDEX = "polyome_explanation.json"
"""File of an explanation's folder that lists the others."""


def own_names(folder: Path) -> set[str]:
    """Names in an explanation's folder that its index lists, and the index."""
    try:
        items = json.loads((folder / INDEX).read_text())["items"]
        return {INDEX} | {item["file"] for item in items}
    except (ValueError, KeyError, TypeError):  # damaged: nothing is known to be ours
        return {INDEX}


@dataclass(frozen=True)
class Item:
    """A file of an explanation's folder.

    Attributes
    ----------
    title : a few words.
    how_to_read : one sentence.
    file : its name in the folder.
    kind : ``picture``, ``table`` or ``data``.
    """

    title: str
    how_to_read: str
    file: str
    kind: str


@dataclass(frozen=True, kw_only=True)
class Explanation(ABC):
    """Why a model answers as it does.

    Attributes
    ----------
    task : name of the model's task.
    notes : how it was made, and what the user should know of it.
    simulated : whether the records are known to be simulated.
    """

    task: str
    notes: tuple[str, ...] = ()
    simulated: bool = False

    @property
    @abstractmethod
    def table(self) -> pd.DataFrame:
        """The main result."""

    @abstractmethod
    def plot(self, which: str | None = None, **options: Any) -> Any:
        """Draw one record or class; returns matplotlib's axes."""

    @abstractmethod
    def write_into(self, folder: Path) -> list[Item]:
        """Write files into an existing folder; what the index is to list, in its order."""

    def save(self, folder: str | Path) -> None:
        """Write tables, pictures and their index into a folder, whole or not at all."""
        with folder_written_aside(Path(folder), replaces=INDEX, own=own_names) as aside:
            items = self.write_into(aside)
            index = {
                "polyome": __version__,
                "task": self.task,
                "simulated": self.simulated,
                "notes": list(self.notes),
                "items": [asdict(item) for item in items],
            }
            (aside / INDEX).write_text(json.dumps(index, indent=1) + "\n")


@dataclass(frozen=True)
class Explainer:
    """How records of one modality are explained.

    Attributes
    ----------
    arguments : dataclass of settings; every field has a default.
    explain : called with a fitted model, records, arguments and ``quiet=``.
    """

    arguments: type
    explain: Callable[..., Explanation]


def head_of(fitted: FittedModel) -> type[Head]:
    """The class of the head that answers the task."""
    return OUTPUTS[fitted.task.output].head


def explained_outputs(fitted: FittedModel, raw: RawOutputs) -> FloatArray:
    """What is explained of a model's answers, float32 (n, c), on the calibrated scale."""
    outputs = fitted.output.scaled(torch.from_numpy(raw.outputs))
    explained: FloatArray = head_of(fitted).explained(outputs).numpy()
    return explained


def chosen_outputs(fitted: FittedModel, raw: RawOutputs, output: str | None) -> IntArray:
    """Which output each record is explained for, int64 (n,).

    Parameters
    ----------
    output : a class or a target; None: of classes each record's best, else the first.
    """
    if output is None:
        chosen: IntArray = head_of(fitted).chosen(torch.from_numpy(raw.outputs)).numpy()
        return chosen
    if output not in fitted.classes:
        message = (
            f"output={output!r} is nothing that this model answers. Known: "
            f"{listed(fitted.classes, most=20)}.{suggestion(output, fitted.classes)}"
        )
        raise InputError(message)
    return np.full(len(raw.outputs), fitted.classes.index(output))
