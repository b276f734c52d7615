"""Cells of one batch, answered by a model of the others: technologies, plates, laboratories."""

import warnings
from functools import partial
from typing import Any

import anndata as ad
import numpy as np
from anndata import AnnData

from benchmarks.cells import SHOWN, read, with_split
from benchmarks.runner import mean_and_spread, table, unit, write
from polyome.estimator import estimator_class

DRAWS = range(5)
FEW_CELLS = 100
PANCREAS = ("pancreas_wang", "pancreas_xin")


def questions() -> dict[str, tuple[AnnData, str, str]]:
    """By name: cells, target, batch column. Every batch is the test part once."""
    symphony, plates = read("pbmc_3tech_symphony"), read("celllines_celseq2_5cl")
    pancreas = ad.concat({name: read(name) for name in PANCREAS}, label="study", join="inner")
    found = {
        "three technologies": (symphony, "cell_type", "donor"),
        "cell lines, plates": (plates, "cell_line", "plate"),
        "islets, two studies": (pancreas, "cell_type", "study"),
    }
    for draw in DRAWS:
        rng = np.random.default_rng(draw)
        batches = symphony.obs["donor"].astype(str).to_numpy()
        rows = [
            rng.choice(np.flatnonzero(batches == batch), FEW_CELLS, replace=False)
            for batch in np.unique(batches)
        ]
        some = symphony[np.sort(np.concatenate(rows))].copy()
        found[f"three technologies, {FEW_CELLS} cells each, draw {draw}"] = (
            some,
            "cell_type",
            "donor",
        )
    return found


def held_out(adata: AnnData, target: str, column: str, batch: str) -> AnnData:
    """Cells whose test part is one batch, without its cells of types that no other batch has."""
    batches = adata.obs[column].astype(str).to_numpy()
    labels = adata.obs[target].astype(str).to_numpy()
    is_test = batches == batch
    kept = ~is_test | np.isin(labels, labels[~is_test])
    return with_split(adata[kept], is_test[kept])


def measured(
    adata: AnnData, target: str, column: str, batch: str, *, group: str | None
) -> dict[str, Any]:
    """Scores of the model, its parts and its baselines on one batch."""
    divided = held_out(adata, target, column, batch)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = estimator_class("cell-type")(quiet=True)
        found: Any = model.fit(divided, target, split="split", group=group).evaluation_
    return {"scores": {"polyome": found.metrics} | found.variants | found.baselines}


def batches() -> None:
    """Row d of the transformer's issue: mean over the batches that are left out in turn."""
    numbers: dict[str, Any] = {}
    parts = []
    for name, (adata, target, column) in questions().items():
        rows: dict[str, Any] = {}
        for group in (None, column):
            tests = sorted(set(adata.obs[column].astype(str)))
            keys = [{"set": name, "batch": batch, "group": group} for batch in tests]
            scored = partial(measured, adata, target, column, group=group)
            results = [unit("batches", k, partial(scored, k["batch"])) for k in keys]
            named = "" if group is None else ", batches named"
            chosen = ["polyome", "logistic_regression"] if group is None else ["polyome"]
            for model in chosen:
                rows[model + named] = mean_and_spread([r["scores"][model] for r in results])
        numbers[name] = rows
        parts.append(f"**{name}**\n\n" + table(rows, SHOWN))
    body = "\n\n".join(parts) + (
        "\n\nMean (SD) over the batches, each left out in turn; seed 0. Logistic regression is the "
        "tuned one on genes, without batches."
    )
    write("batches", "Cells of another batch", body, numbers)


ROWS = {"batches": batches}
