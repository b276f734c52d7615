"""Finished members of an unfinished fit, so that it can be resumed.

Members are fitted one after the other, each from a seed of its own. A fit that was interrupted and
resumed fits only the members that are missing, and ends at the same weights.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from polyome._types import IntArray
from polyome.io.files import written_aside
from polyome.modalities import Modality
from polyome.model.modeling import PolyomeModel


@dataclass
class LearningCurve:
    """Losses by epoch; ``validation_losses`` is empty without validation rows."""

    train: list[float] = field(default_factory=list)
    validation_losses: list[float] = field(default_factory=list)
    best_epoch: int = 0


class Checkpoints:
    """A folder with the weights and learning curve of each member that is done.

    Parameters
    ----------
    folder : made when the first member is done.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ""

    def belong_to(
        self,
        settings: dict[str, Any],
        modality: Modality,
        truth: IntArray,
        divided: Sequence[tuple[IntArray, IntArray]],
    ) -> None:
        """Say what is being fitted; members of anything else are not used.

        ``divided``: for each member the rows that fit it and those that it validates on.
        """
        digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
        learned, arrays = modality.state()
        digest.update(json.dumps(learned, sort_keys=True, default=str).encode())
        for name in sorted(arrays):
            digest.update(np.ascontiguousarray(arrays[name]).tobytes())
        for rows in (truth, *(part for parts in divided for part in parts)):
            digest.update(np.ascontiguousarray(rows).tobytes())
        self.key = digest.hexdigest()[:16]

    def load(self, name: str, model: PolyomeModel) -> LearningCurve | None:
        """Fill a model with a member's weights, if that member is done."""
        weights = self.folder / f"member-{name}-{self.key}.safetensors"
        curve = weights.with_suffix(".json")
        if not (weights.is_file() and curve.is_file()):
            return None
        try:
            model.load_state_dict(load_file(weights))
            return LearningCurve(**json.loads(curve.read_text()))
        except (SafetensorError, json.JSONDecodeError, RuntimeError, TypeError):
            return None

    def save(self, name: str, model: PolyomeModel, curve: LearningCurve) -> None:
        """Keep a member that is done; its name is its number and for how long it was fitted."""
        self.folder.mkdir(parents=True, exist_ok=True)
        weights = self.folder / f"member-{name}-{self.key}.safetensors"
        with written_aside(weights.with_suffix(".json")) as aside:
            aside.write_text(json.dumps(asdict(curve)))
        with written_aside(weights) as aside:
            save_file({k: v.contiguous() for k, v in model.state_dict().items()}, aside)
