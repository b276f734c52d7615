"""What ``fit`` leaves in a model folder beside the model: all that a report needs, and the card."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.numpy import save_file

from polyome.audit.findings import Finding
from polyome.io.files import write_json
from polyome.model_folder.checkpoints import LearningCurve
from polyome.model_folder.fitted_model import SCANNER, SUMMARY, FittedModel, read_summary
from polyome.outputs.prediction import Prediction
from polyome.predict.evaluate import Evaluation


def write_record(
    folder: Path,
    fitted: FittedModel,
    *,
    evaluation: Evaluation | None,
    answers: Prediction | None,
    truth: np.ndarray | None,
    parts: pd.Series,
    findings: list[Finding],
    curves: list[LearningCurve],
    places: pd.DataFrame | None = None,
) -> None:
    """Write ``metrics.json``, ``README.md`` (the card) and ``evaluation/``.

    ``places`` are ``x``, ``y`` and perhaps ``section`` of the scored records, where they have any.
    """
    inside = folder / "evaluation"
    inside.mkdir()
    parts.to_csv(inside / "split.csv.gz", index_label="id")
    write_json([asdict(finding) for finding in findings], inside / "audit.json")
    write_json([asdict(curve) for curve in curves], inside / "learning_curves.json")
    if evaluation is not None and answers is not None and truth is not None:
        write_json(evaluation.as_dict(), folder / "metrics.json")
        answers.beside(truth).to_csv(inside / "predictions.csv.gz", index_label="id")
        save_file(answers.kept, inside / "representation.safetensors")
        if places is not None:
            places.to_csv(inside / "coordinates.csv.gz", index_label="id")
    (folder / "README.md").write_text(card(fitted, evaluation))


def own_names(folder: Path) -> set[str]:
    """Names in a model folder that Polyome wrote: they go when another model takes its place."""
    parts = {SUMMARY, "config.json", "README.md", "metrics.json", "evaluation", SCANNER}
    made_of_it = {"report.html", "explanations"}
    return parts | made_of_it | set(read_summary(folder).get("sha256", {}))


def copy_record(source: Path, folder: Path) -> None:
    """Take the record of a model that was read along, when it is written again."""
    for name in ("metrics.json", "README.md"):
        if (source / name).is_file():
            shutil.copyfile(source / name, folder / name)
    for name in ("evaluation", SCANNER):
        if (source / name).is_dir():
            shutil.copytree(source / name, folder / name)


def card(fitted: FittedModel, evaluation: Evaluation | None) -> str:
    """Write a model card: data, split, metrics, baselines, limits; Markdown."""
    facts = fitted.facts
    rows = facts["rows"]
    lines = [
        "---",
        "library_name: polyome",
        f"tags: [polyome, {fitted.task.name}, genomics]",
        "---",
        "",
        f"# {fitted.task.name}: {fitted.target}",
        "",
        fitted.output.described(fitted.target),
        "",
        "```python",
        "import polyome",
        f'model = polyome.{fitted.task.estimator}.from_pretrained("this folder")',
        "answers = model.predict(new)",
        "```",
        "",
        "## Data and split",
        "",
        f"- Data: {facts.get('source', 'not recorded')}.",
        f"- {rows['train']:,} training rows, {rows['validation']:,} validation, "
        f"{rows['test']:,} test; split: {facts['split']}; {facts['left_out']:,} rows left out, "
        f"{facts['without_label']:,} without a label.",
        *[f"- {note}" for note in facts["notes"]],
        *[f"- {name}: {text}" for name, text in fitted.task.chosen_settings(facts).items()],
        "",
        "## What the audit found",
        "",
        *([f"- {finding}" for finding in facts["findings"]] or ["Nothing."]),
        "",
        "## Scores",
        "",
        *_scores(evaluation),
        "",
        "## Settings",
        "",
        "```json",
        json.dumps(asdict(fitted.task) | facts.get("training", {}), indent=1),
        "```",
        "",
        "## Limits",
        "",
        fitted.task.output_type.caution,
        *[f"- {limit}" for limit in fitted.task.known_limits()],
        "",
    ]
    return "\n".join(lines)


def _scores(evaluation: Evaluation | None) -> list[str]:
    if evaluation is None:
        return ["No test part: nothing is known about this model's accuracy."]
    names = [name for name, value in evaluation.metrics.items() if value is not None]
    table = [
        f"On {evaluation.n:,} test rows:",
        "",
        "| | " + " | ".join(names) + " |",
        "|---" * (len(names) + 1) + "|",
    ]
    rows = {"polyome": evaluation.metrics} | evaluation.by_target | evaluation.baselines
    for row, values in rows.items():
        table.append(f"| {row} | " + " | ".join(_shown(values.get(name)) for name in names) + " |")
    table += [""]
    if evaluation.ahead:
        table.append(
            f"- ahead of this model in {evaluation.shown[0]}: {', '.join(evaluation.ahead)}"
        )
    for name, (low, high) in evaluation.intervals.items():
        if low is not None and high is not None:
            table.append(f"- {name}: 95 % interval {low:.3f} to {high:.3f} (bootstrap)")
    if evaluation.no_error:
        table.append(f"- {evaluation.no_error}")
    for name, value in evaluation.coverage.items():
        table.append(f"- {name}: share of the true values in their intervals: {_shown(value)}")
    for name, value in evaluation.unknown.items():
        table.append(f"- {name}: {_shown(value)}")
    return table


def _shown(value: Any) -> str:
    return "-" if value is None else f"{value:.3f}"
