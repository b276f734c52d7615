"""Simulated model folders, as ``fit`` leaves them, without fitting."""

import json

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from polyome.report.example import example_record, example_scored, example_values

mpl.use("agg")


@pytest.fixture
def scored():
    return example_scored()


@pytest.fixture
def record():
    return example_record()


def write_folder(folder, scored, *, facts=None, task="cell-type"):
    """What fit leaves of the scored records, and enough beside it for a report."""
    inside = folder / "evaluation"
    inside.mkdir(parents=True)
    whole = example_record()
    classes = scored.classes or tuple(scored.predicted.columns)
    summary = whole.summary | {"classes": list(classes), "output": {}, "task": task}
    summary["facts"] = summary["facts"] | (facts or {})
    (folder / "polyome.json").write_text(json.dumps(summary))
    (folder / "README.md").write_text(whole.card)
    (folder / "metrics.json").write_text(json.dumps(whole.scores))
    (inside / "audit.json").write_text(json.dumps(whole.findings))
    (inside / "learning_curves.json").write_text(json.dumps(whole.curves))
    parts = pd.Series("test", index=scored.names, name="part")
    parts.to_csv(inside / "split.csv.gz", index_label="id")
    arrays = {"representation": scored.representation}
    if scored.unknown_score is not None:
        arrays["unknown_score"] = scored.unknown_score
    save_file(arrays, inside / "representation.safetensors")
    _predictions(scored).to_csv(inside / "predictions.csv.gz", index_label="id")
    if scored.coordinates is not None:
        places = pd.DataFrame(scored.coordinates, index=scored.names, columns=["x", "y"])
        places = places.assign(section=scored.section)
        places.to_csv(inside / "coordinates.csv.gz", index_label="id")
    return folder


def _predictions(scored):
    if scored.proba is None:
        table = pd.DataFrame(index=scored.names)
        for name in scored.predicted:
            table[name] = scored.predicted[name]
            table[f"{name}_low"] = scored.predicted[name] - 1
            table[f"{name}_high"] = scored.predicted[name] + 1
        for name in scored.measured:
            table[f"truth_{name}"] = scored.measured[name]
        return table
    answers = {"label": scored.label, "confidence": scored.confidence}
    table = pd.DataFrame(answers, index=scored.names).join(scored.proba, rsuffix=" (class)")
    return table.assign(truth=scored.truth)


@pytest.fixture
def folder(tmp_path, scored):
    return write_folder(tmp_path / "model", scored)


@pytest.fixture
def value_folder(tmp_path):
    folder = write_folder(tmp_path / "values", example_values(), task="expression")
    scores = {
        "task": "expression",
        "n": 60,
        "metrics": {"pearson": 0.89, "r2": 0.7},
        "baselines": {"ridge": {"pearson": 0.8, "r2": 0.6}},
        "intervals": {"pearson": [0.85, 0.92]},
        "by_target": {"liver": {"pearson": 0.93}, "brain": {"pearson": 0.85}},
        "coverage": {"liver": 0.9, "brain": 0.88},
    }
    (folder / "metrics.json").write_text(json.dumps(scores))
    return folder


@pytest.fixture
def few():
    """Four records by hand: two right, one wrong, one refused."""
    proba = pd.DataFrame(
        [[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.6, 0.4]],
        index=list("abcd"),
        columns=["x", "y"],
    )
    from polyome.report.scored import Scored

    return Scored(
        names=proba.index,
        truth=np.array(["x", "y", "y", "z"]),
        label=np.array(["x", "y", "x", "unknown"]),
        proba=proba,
        unknown_score=np.array([0.2, 0.3, 0.9, 1.5]),
    )
