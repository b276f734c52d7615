"""A whole measurement from another: surface proteins from RNA, TEA-seq."""

import time
import warnings
from typing import Any

import mudata
import numpy as np
from sklearn.model_selection import StratifiedKFold

from benchmarks.inputs import FOLDS, SEEDS, read
from benchmarks.runner import mean_and_spread, table, unit, write
from polyome.estimator import estimator_class

SHOWN = ["pearson", "spearman", "r2", "coverage"]


def measure(seed: int, test: np.ndarray) -> dict[str, Any]:
    """Fit without a fold of the cells that have both, and score its proteins."""
    mdata = read("teaseq_pbmc")
    both = mdata[mdata.obs["part"] == "paired"].copy()
    part = np.full(both.n_obs, "train", dtype=object)
    part[test] = "test"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with mudata.set_options(pull_on_update=False):
            both.obs["split"] = part
            model = estimator_class("translate")(seed=seed, cell_types="cell_type", quiet=True)
            start = time.perf_counter()
            model.fit(both, "prot", split="split")
            seconds = time.perf_counter() - start
    scores = model.evaluation_
    coverage = float(np.mean([*scores.coverage.values()]))
    (ceiling,) = [finding for finding in model.findings_ if finding.kind == "ceiling"]
    return {
        "scores": {"Polyome": scores.metrics | {"coverage": coverage}} | scores.baselines,
        "ceiling": float(np.mean([*ceiling.numbers.values()])),
        "weights": model.fitted_.facts.get("stacking_weights"),
        "fit_seconds": seconds,
    }


def translate() -> None:
    """Five folds; of each score the mean over folds and proteins."""
    mdata = read("teaseq_pbmc")
    types = mdata.obs.loc[mdata.obs["part"] == "paired", "cell_type"].astype(str).to_numpy()
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(types, types)
    tests = [test for _, test in folds]
    by_name: dict[str, list[dict[str, Any]]] = {}
    seconds: list[float] = []
    ceilings: list[float] = []
    for seed in SEEDS:
        units = [
            unit(
                "translate",
                {"seed": seed, "fold": fold},
                lambda seed=seed, test=test: measure(seed, test),
            )
            for fold, test in enumerate(tests)
        ]
        seconds += [one["fit_seconds"] for one in units]
        ceilings += [one["ceiling"] for one in units]
        for name, first in units[0]["scores"].items():
            means = {
                key: float(np.mean([one["scores"][name][key] for one in units]))
                for key in SHOWN
                if first.get(key) is not None
            }
            by_name.setdefault(name, []).append(means)
    rows = {name: mean_and_spread(found) for name, found in by_name.items()}
    body = table(rows, SHOWN) + (
        f"\n\n{len(types):,} cells, proteins as centred log ratios, mean of folds; (SD) of seeds. "
        f"Counting noise alone keeps every model below r {np.mean(ceilings):.3f} (split-half). "
        f"Fit: {min(seconds):.0f} to {max(seconds):.0f} s."
    )
    write("translate", "Surface proteins from RNA, TEA-seq, five-fold", body, {"scores": rows})


ROWS = {"translate": translate}
