"""Any of several labels: simulated motifs and pairs of them; genes activated in real cells."""

import time
import warnings
from typing import Any

import anndata
import numpy as np
import pandas as pd

from benchmarks.contributions import contributions
from benchmarks.runner import data_folder, mean_and_spread, table, unit, write
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


def activated_cells() -> tuple[anndata.AnnData, list[str]]:
    """K562 cells in which one gene was activated, two, or none; genes of two conditions or more.

    The truth is what each cell's guides say, not a clustering.
    """
    path = data_folder() / "multimodal" / "perturb_norman_mcfaline.h5ad"
    cells = anndata.read_h5ad(path)
    cells = cells[cells.obs["cell_type"] == "k562"].copy()
    conditions = cells.obs["condition"].astype(str)
    of_each = {name: set(name.split("+")) for name in conditions.unique()}
    counts = pd.Series([gene for genes in of_each.values() for gene in genes]).value_counts()
    genes = sorted(counts.index[counts > 1])
    for gene in genes:
        cells.obs[gene] = [float(gene in of_each[name]) for name in conditions]
    return cells, genes


def measure_cells(seed: int) -> dict[str, Any]:
    """Fit four fifths of the cells, a part of their labels hidden, and score the others."""
    cells, genes = activated_cells()
    is_test = np.arange(cells.n_obs) % 5 == 0
    hidden = np.random.default_rng(seed).random((cells.n_obs, len(genes))) < MISSING
    for k, gene in enumerate(genes):
        cells.obs[gene] = cells.obs[gene].mask(hidden[:, k] & ~is_test)
    cells.obs["split"] = np.where(is_test, "test", "train")
    model = estimator_class("multilabel")(seed=seed, quiet=True)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(cells, genes, split="split")
    seconds = time.perf_counter() - start
    scores = {"polyome": model.evaluation_.metrics} | model.evaluation_.baselines
    by_label = {label: s["auprc"] for label, s in model.evaluation_.by_target.items()}
    return {"scores": scores, "by_label": by_label, "fit_seconds": seconds, "n": cells.n_obs}


def activated() -> None:
    """Which of ten genes were activated in a cell, told from 500 others; means of seeds."""
    units = [
        unit("activated", {"seed": seed}, lambda seed=seed: measure_cells(seed)) for seed in SEEDS
    ]
    rows = {
        name: mean_and_spread([one["scores"][name] for one in units]) for name in units[0]["scores"]
    }
    labels = mean_and_spread([one["by_label"] for one in units])
    body = table(rows, SHOWN) + (
        f"\n\n{units[0]['n']:,} K562 cells (Norman et al. 2019), 500 variable genes, "
        f"log-normalised; every fifth cell is scored, {MISSING:.0%} of the other cells' labels are "
        "hidden. Mean (SD) of seeds 0-2. AUPRC by label: "
        + "; ".join(f"{label} {score}" for label, score in labels.items())
        + "."
    )
    write("activated", "Which genes were activated, real cells", body, {"scores": rows} | labels)


ROWS = {"multilabel": multilabel, "activated": activated}
