"""Any of several labels: a simulated set whose labels are told by motifs and by pairs of them."""

import time
import warnings
from typing import Any

import numpy as np

from benchmarks.contributions import contributions
from benchmarks.runner import mean_and_spread, table, unit, write
from polyome.data.labels import simulate_labels
from polyome.estimator import estimator_class

SEEDS = (0, 1, 2)
N_SEQUENCES, LENGTH, MISSING = 4000, 100, 0.1
SHOWN = ["auprc", "auroc", "macro_f1", "mcc", "log_loss"]


def measure(seed: int) -> dict[str, Any]:
    """Fit 80 % of a simulated set and score the others, beside boosting and logistic regression."""
    drawn = simulate_labels(N_SEQUENCES, LENGTH, missing=MISSING, seed=seed)
    names = [name for name in drawn.columns if name != "sequence"]
    is_test = np.arange(len(drawn)) % 5 == 0
    drawn["split"] = np.where(is_test, "test", "train")
    model = estimator_class("multilabel")(seed=seed, quiet=True)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(drawn, names, split="split")
    seconds = time.perf_counter() - start
    output, truth = model.task.output_type, drawn.loc[is_test, names].to_numpy()
    found = contributions(model, drawn[is_test])
    scores = {part: output.metrics(truth, p, tuple(names)) for part, p in found.items()}
    others = {n: s for n, s in model.evaluation_.baselines.items() if n != output.linear}
    weight = model.fitted_.facts["linear_weight"]
    by_label = {label: s["auprc"] for label, s in model.evaluation_.by_target.items()}
    return {
        "scores": scores | others,
        "by_label": by_label,
        "weight": weight,
        "fit_seconds": seconds,
    }


def multilabel() -> None:
    """Twelve labels, 10 % of them unknown; means of seeds, each with sequences of its own."""
    units = [unit("multilabel", {"seed": seed}, lambda seed=seed: measure(seed)) for seed in SEEDS]
    rows = {
        name: mean_and_spread([one["scores"][name] for one in units]) for name in units[0]["scores"]
    }
    labels = mean_and_spread([one["by_label"] for one in units])
    weights = ", ".join(f"{one['weight']:.2f}" for one in units)
    body = table(rows, SHOWN) + (
        f"\n\nSimulated: {N_SEQUENCES:,} sequences of {LENGTH} bp, {MISSING:.0%} of the labels "
        "unknown; every fifth sequence is scored. Mean (SD) of seeds 0-2. The linear model is "
        f"logistic regression on k-mers; its weight: {weights}. AUPRC by label: "
        + "; ".join(f"{label} {score}" for label, score in labels.items())
        + "."
    )
    numbers = {"scores": rows, "by_label": labels, "weights": [one["weight"] for one in units]}
    write("multilabel", "Any of twelve labels, simulated", body, numbers)


ROWS = {"multilabel": multilabel}
