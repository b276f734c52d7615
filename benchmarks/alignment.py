"""What alignment does to queries that it suits, and to such as no alignment can be right for."""

from collections.abc import Callable, Iterator
from typing import Any

import anndata as ad
import numpy as np
from anndata import AnnData
from scipy import sparse

from benchmarks.cells import fitted, queries, read
from benchmarks.runner import mean_and_spread, table, unit, write
from polyome._errors import InputError
from polyome.estimator import Estimator
from polyome.metrics import classification_metrics

SEEDS = (0,)
LEAST_CELLS = 20  # of a single type
FOREIGN = ("Endothelial", "Enterocytes", "Fibroblasts", "Glial", "Goblet", "Pericytes", "Stem")
AMONG = 100  # cells of Kang


def alignment() -> None:
    """Garbage stays unknown or is refused; sound queries and single types lose nothing."""
    reference = read("pbmc3k_counts")
    test = (reference.obs["split"] == "test").to_numpy()

    def measure(seed: int) -> dict[str, Any]:
        everything = reference.copy()
        everything.obs["split"] = "train"
        whole = fitted(everything, "louvain", seed=seed)
        part = fitted(reference, "louvain", seed=seed)
        singles = [*_types("kang", whole, *queries()["kang"])]
        held = reference[test].copy()
        singles += _types("pbmc3k", part, held, held.obs["louvain"].astype(str).to_numpy(object))
        return {
            "garbage": {name: _unknown(whole, q, rows) for name, q, rows in _garbage(reference)},
            "sound": {name: _gained(whole, *query) for name, query in queries().items()},
            "single": dict(singles),
        }

    results = [unit("alignment", {"seed": s}, lambda s=s: measure(s)) for s in SEEDS]
    parts = {
        "garbage": ["cells", "unknown before", "refused", "unknown or refused"],
        "sound": ["as it is", "aligned", "macro_f1 as it is", "macro_f1 aligned", "unknown before",
                  "unknown aligned"],
        "single": ["cells", "as it is", "aligned", "difference"],
    }  # fmt: skip
    titles = {
        "garbage": "Queries that no alignment can be right for: seed 0.",
        "sound": "Other laboratories' blood cells: accuracy, macro F1, share named `unknown`.",
        "single": "Queries of one type: accuracy of the best class. Where alignment is refused, "
        "the answer is that of the query as it is.",
    }
    body = "\n\n".join(
        f"{titles[part]}\n\n"
        + table(
            {
                name: mean_and_spread([result[part][name] for result in results])
                for name in results[0][part]
            },
            columns,
        )
        for part, columns in parts.items()
    )
    write("alignment", "Alignment: what it suits, and what it refuses", body, results)


def _garbage(pbmc: AnnData) -> Iterator[tuple[str, AnnData, np.ndarray]]:
    """Name, query, and the rows of it that must stay unknown."""
    kang, gut = read("kang_ifnb1k"), read("scp1884_mini")
    for adata in (kang, gut):
        adata.var_names_make_unique()
    types = gut.obs["Celltype"].astype(str)
    for name in FOREIGN:
        yield from _whole(f"gut: {name}", gut[types.str.startswith(name)].copy())
    foreign = gut[types.str.startswith(FOREIGN)].copy()
    yield from _whole("gut: all of these", foreign)
    for name, adata in (("pbmc3k", pbmc), ("kang", kang)):
        for seed in range(3):
            yield from _whole(f"{name}, shuffled gene names {seed}", _shuffled(adata, seed))
        for depth in (200, 1000):
            yield from _whole(f"{name}, ambient droplets of {depth}", _ambient(adata, depth))
    rng = np.random.default_rng(0)
    genes = np.intersect1d(foreign.var_names, kang.var_names)
    known = kang[rng.choice(kang.n_obs, AMONG, replace=False)][:, genes]
    for seed in range(10):
        one = foreign[[np.random.default_rng(seed).integers(foreign.n_obs)]].copy()
        yield from _whole(f"one foreign cell {seed}", one)
        among = ad.concat([known, one[:, genes]])
        yield f"one foreign cell {seed} among {AMONG} of Kang", among, np.array([AMONG])
    half = ad.concat([known, foreign[:AMONG, genes]])
    yield f"{AMONG} foreign cells among {AMONG} of Kang", half, np.arange(AMONG, 2 * AMONG)


def _whole(name: str, adata: AnnData) -> Iterator[tuple[str, AnnData, np.ndarray]]:
    yield name, adata, np.arange(adata.n_obs)


def _shuffled(adata: AnnData, seed: int) -> AnnData:
    copy = adata.copy()
    copy.var_names = np.random.default_rng(seed).permutation(np.asarray(adata.var_names))
    return copy


def _ambient(adata: AnnData, depth: int, n: int = 200) -> AnnData:
    """Empty droplets: molecules of the mean profile at a low depth."""
    rng = np.random.default_rng(0)
    mean = np.asarray(adata.X.sum(axis=0)).ravel()
    expected = np.outer(rng.lognormal(0, 0.3, n) * depth, mean / mean.sum())
    counts = sparse.csr_matrix(rng.poisson(expected).astype(np.float32))
    return AnnData(counts, var=adata.var[[]].copy())


def _unknown(model: Estimator, query: AnnData, rows: np.ndarray) -> dict[str, float]:
    """Share of the rows named unknown as they are, and of those so or refused once aligned."""
    before = (model.answer(query)[1].label[rows] == "unknown").mean()
    try:
        after = (model.answer(query, align=True)[1].label[rows] == "unknown").mean()
        refused = 0
    except InputError:
        after = refused = 1
    return {
        "cells": len(rows),
        "unknown before": float(before),
        "refused": refused,
        "unknown or refused": float(after),
    }


def _gained(model: Estimator, query: AnnData, truth: np.ndarray) -> dict[str, float | None]:
    """Scores as it is and aligned, over the cells whose type the model knows."""
    known = np.array([label is not None for label in truth])
    found: dict[str, float | None] = {}
    for name, suffix in (("as it is", "before"), ("aligned", "aligned")):
        answers = model.answer(query, align=name == "aligned")[1]
        proba = answers.proba.to_numpy()[known]
        metrics = classification_metrics(truth[known], proba, model.classes_)
        found[name] = metrics["accuracy"]
        found[f"macro_f1 {name}"] = metrics["macro_f1"]
        found[f"unknown {suffix}"] = float((answers.label == "unknown").mean())
    return found


def _types(
    what: str, model: Estimator, adata: AnnData, truth: np.ndarray
) -> Iterator[tuple[str, dict[str, float]]]:
    """Of each type alone the accuracy as it is and aligned."""
    kinds = adata.obs.get("seurat_annotations", adata.obs.get("louvain")).astype(str).to_numpy()
    for kind in np.unique(kinds):
        rows = np.flatnonzero(kinds == kind)
        if len(rows) < LEAST_CELLS:
            continue
        query = adata[rows].copy()
        before = float((model.answer(query)[1].best == truth[rows]).mean())
        try:
            after = float((model.answer(query, align=True)[1].best == truth[rows]).mean())
        except InputError:
            after = before
        found = {"as it is": before, "aligned": after, "difference": after - before}
        yield f"{what}, {kind}", {"cells": len(rows)} | found


ROWS: dict[str, Callable[[], None]] = {"alignment": alignment}
