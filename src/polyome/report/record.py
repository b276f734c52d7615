"""What ``fit`` left in a model folder, read for a report."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from polyome._errors import InputError
from polyome.io.files import read_kept_table
from polyome.model_folder.fitted_model import read_summary
from polyome.model_folder.hub import is_on_hub
from polyome.outputs import OUTPUTS
from polyome.report.scored import PREDICTIONS, Scored
from polyome.tasks import TASKS


@dataclass(frozen=True)
class ModelRecord:
    """A model folder without its model: nothing here needs torch to run.

    Attributes
    ----------
    folder : where it is.
    summary : ``polyome.json``: task, settings, target, classes, facts.
    scores : ``metrics.json``; empty where there was no test part.
    scored : the scored records; None where there was no test part.
    curves : ``train`` and ``validation_losses`` losses by epoch, one entry per member.
    findings : of the audit.
    parts : number of rows by part.
    card : the model card, Markdown.
    """

    folder: Path
    summary: dict[str, Any]
    scores: dict[str, Any] = field(default_factory=dict)
    scored: Scored | None = None
    curves: list[dict[str, Any]] = field(default_factory=list)
    findings: list[dict[str, Any]] = field(default_factory=list)
    parts: dict[str, int] = field(default_factory=dict)
    card: str = ""

    @property
    def task(self) -> str:
        """The task's name."""
        return str(self.summary["task"])

    @property
    def target(self) -> str:
        """What is answered; several names with commas."""
        target = self.summary["target"]
        return target if isinstance(target, str) else ", ".join(map(str, target))

    @property
    def facts(self) -> dict[str, Any]:
        """What is known of data, split and training."""
        return dict(self.summary["facts"])

    @property
    def shown_metrics(self) -> tuple[str, ...]:
        """Metrics that tables show, the first one first, as far as they were scored."""
        values = self.scores.get("metrics", {})
        shown = [
            name
            for name in TASKS[self.task]().output_type.shown_metrics
            if values.get(name) is not None
        ]
        return tuple(shown or [name for name, value in values.items() if value is not None])

    @property
    def settings(self) -> dict[str, Any]:
        """The task's settings and those of its training, by name."""
        return dict(self.summary["settings"]) | dict(self.facts.get("training", {}))

    @property
    def what(self) -> str:
        """What the model is, in one sentence."""
        classes = tuple(map(str, self.summary["classes"]))
        source = self.facts.get("source", "records that were not named")
        does = OUTPUTS[TASKS[self.task].output].summary(self.target, classes)
        return f"A transformer that {does}, fitted on {source}."

    @classmethod
    def read(cls, folder: str | Path) -> Self:
        """Read a folder that ``fit`` or ``save_pretrained`` wrote."""
        if is_on_hub(folder):
            message = (
                f"{folder}: a report shows the rows that were scored, which are not uploaded. Make "
                "it of the folder that 'polyome fit' wrote."
            )
            raise InputError(message)
        folder = Path(folder)
        summary = read_summary(folder)
        inside = folder / "evaluation"
        if not inside.is_dir():
            message = (
                f"{folder} has no folder 'evaluation', which 'polyome fit' writes: there is "
                "nothing to report. Copy the whole model folder, or fit the model again."
            )
            raise InputError(message)
        has_scores = (folder / "metrics.json").is_file() and (inside / PREDICTIONS).is_file()
        classes = tuple(map(str, summary["classes"]))
        output = TASKS[summary["task"]].output
        return cls(
            folder=folder,
            summary=summary,
            scores=_json(folder / "metrics.json", {}) if has_scores else {},
            scored=Scored.from_folder(folder, classes, output) if has_scores else None,
            curves=_json(inside / "learning_curves.json", []),
            findings=_json(inside / "audit.json", []),
            parts=_part_sizes(inside / "split.csv.gz"),
            card=_text(folder / "README.md"),
        )


def _json(path: Path, absent: Any) -> Any:
    if not path.is_file():
        return absent
    try:
        found = json.loads(path.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        message = f"{path} is damaged: {error}. Fit the model again."
        raise InputError(message) from error
    if not isinstance(found, type(absent)):
        message = f"{path} is damaged: it holds no {type(absent).__name__}. Fit the model again."
        raise InputError(message)
    return found


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.is_file() else ""


def _part_sizes(path: Path) -> dict[str, int]:
    if not path.is_file():
        return {}
    counts = read_kept_table(path, ["part"])["part"].value_counts()
    return {str(part): int(count) for part, count in counts.items()}
