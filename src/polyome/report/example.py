"""Simulated scored records, for examples and tests of figures; no model made them."""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import softmax

from polyome.metrics import classification_metrics
from polyome.report.record import ModelRecord
from polyome.report.scored import Scored

CLASSES = ("B cell", "monocyte", "T cell")


def example_scored(n: int = 60, *, seed: int = 0, classes: tuple[str, ...] = CLASSES) -> Scored:
    """Simulate records of some classes, most of them answered rightly.

    Examples
    --------
    >>> example_scored(n=12).classes
    ('B cell', 'monocyte', 'T cell')
    """
    rng = np.random.default_rng(seed)
    index = np.resize(np.arange(len(classes)), n)
    logits = 2.5 * np.eye(len(classes))[index] + rng.normal(size=(n, len(classes)))
    names = pd.Index([f"cell {i}" for i in range(n)])
    unknown_score = rng.gamma(4, 0.14, n)
    best = np.asarray(classes)[logits.argmax(axis=1)]
    return Scored(
        names=names,
        truth=np.asarray(classes)[index],
        label=np.where(unknown_score > 1, "unknown", best),
        proba=pd.DataFrame(softmax(logits, axis=1), index=names, columns=list(classes)),
        representation=(logits @ rng.normal(size=(len(classes), 8))).astype(np.float32),
        unknown_score=unknown_score,
        coordinates=rng.uniform(0, 100, size=(n, 2)),
        section=np.where(np.arange(n) < n // 2, "slice 1", "slice 2"),
    )


def example_values(n: int = 60, *, seed: int = 0) -> Scored:
    """Simulate measured and predicted values of two tissues.

    Examples
    --------
    >>> list(example_values(n=5).measured.columns)
    ['liver', 'brain']
    """
    rng = np.random.default_rng(seed)
    names = pd.Index([f"gene {i}" for i in range(n)])
    measured = rng.normal(size=(n, 2))
    predicted = 0.8 * measured + 0.4 * rng.normal(size=(n, 2))
    columns = ["liver", "brain"]
    return Scored(
        names=names,
        measured=pd.DataFrame(measured, index=names, columns=columns),
        predicted=pd.DataFrame(predicted, index=names, columns=columns),
        representation=rng.normal(size=(n, 8)).astype(np.float32),
        output="values",
    )


def example_record(scored: Scored | None = None) -> ModelRecord:
    """Simulate what ``fit`` leaves: scores beside a baseline's, curves, an audit finding.

    Examples
    --------
    >>> example_record().task
    'cell-type'
    """
    scored = scored or example_scored()
    assert scored.proba is not None
    assert scored.truth is not None
    own = classification_metrics(scored.truth, scored.proba.to_numpy(), scored.classes)
    even = np.full(scored.proba.shape, 1 / len(scored.classes))
    baseline = classification_metrics(scored.truth, even, scored.classes)
    summary = {
        "polyome": "0.1.0",
        "task": "cell-type",
        "settings": {"seed": 0},
        "target": "cell_type",
        "classes": list(scored.classes),
        "facts": {
            "rows": {"train": 240, "validation": 0, "test": len(scored)},
            "split": "simulated",
        },
    }
    return ModelRecord(
        folder=Path("simulated"),
        summary=summary,
        scores={
            "n": len(scored),
            "metrics": own,
            "baselines": {"majority": baseline},
            "intervals": {"accuracy": [0.7, 0.95]},
            "differences": {"majority": [0.5, 0.4, 0.6]},
            "unknown": {"coverage": 0.95, "accuracy_after_refusal": 0.9},
        },
        scored=scored,
        curves=[{"train": [1.2, 0.8, 0.6], "validation_losses": [1.1, 0.8, 0.7], "best_epoch": 3}],
        findings=[{"kind": "duplicates", "severity": "warning", "message": "Two rows agree."}],
        parts={"train": 240, "test": len(scored)},
        card="---\ntags: [a]\n---\n\n# A simulated model\n\nNo model made these numbers.\n",
    )
