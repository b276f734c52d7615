"""Cells and spots in real tissue."""

import resource
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import scanpy as sc
from anndata import AnnData
from scipy import sparse

from benchmarks.contributions import contributions
from benchmarks.runner import data_folder, mean_and_spread, table, unit, write
from polyome.estimator import Estimator, estimator_class
from polyome.metrics import classification_metrics

SEEDS = (0, 1, 2)
SHOWN = ["accuracy", "macro_f1", "log_loss", "ece"]
LEAST_CELLS = 10  # of a class that is fitted and scored
TURN = 0.7


@dataclass(frozen=True)
class Question:
    """One real set and what is asked of it."""

    file: str
    target: str

    @property
    def name(self) -> str:
        """For file names and tables."""
        return f"{self.file}_{self.target}"


DOMAINS = (
    Question("starmap_mpfc", "domain"),
    Question("osmfish_cortex", "region"),
    Question("visium_dlpfc", "layer"),
)
TYPES = (
    Question("starmap_mpfc", "cell_type"),
    Question("osmfish_cortex", "cell_type"),
    Question("seqfish_embryo2", "cell_type"),
    Question("merfish_hypothalamus", "cell_type"),
)


def read(question: Question) -> AnnData:
    """One of the real sets; classes of fewer than 10 cells, and Excluded, lose their label."""
    adata = sc.read_h5ad(data_folder() / "spatial" / f"{question.file}.h5ad")
    labels = adata.obs[question.target].astype(str)
    counts = labels.value_counts()
    kept = labels.isin(counts.index[counts >= LEAST_CELLS]) & (labels != "Excluded")
    adata.obs[question.target] = labels.where(kept)
    return adata


def fitted(adata: AnnData, target: str, **settings: Any) -> Estimator:
    """Fit with the defaults, quietly, on the file's own split."""
    baselines = settings.pop("baselines", False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = estimator_class("spatial")(section="section", quiet=True, **settings)
        return model.fit(adata, target, split="split", baselines=baselines)


def scores_of(model: Estimator, adata: AnnData, target: str) -> dict[str, dict[str, Any]]:
    """The whole, the transformer alone and the linear model alone, on the test rows."""
    rows = np.flatnonzero((adata.obs["split"] == "test") & adata.obs[target].notna())
    records = model.fitted_.modality.read(adata).take(rows)
    truth = adata.obs[target].astype(str).to_numpy()[rows]
    return {
        name: classification_metrics(truth, proba, model.classes_)
        for name, proba in contributions(model, records).items()
    }


def measured(question: Question) -> list[dict[str, Any]]:
    """Fit and score with each seed; the first also has the baselines that take long."""
    adata = read(question)

    def measure(seed: int) -> dict[str, Any]:
        start = time.perf_counter()
        model = fitted(adata, question.target, seed=seed, baselines=seed == SEEDS[0])
        wall = time.perf_counter() - start
        scores = scores_of(model, adata, question.target) | model.evaluation_.baselines
        return {
            "scores": scores,
            "fit_seconds": wall,
            "context": model.fitted_.facts["context"],
            "unknown": model.evaluation_.unknown,
        }

    return [unit(question.name, {"seed": s}, lambda s=s: measure(s)) for s in SEEDS]


def answered(question: Question) -> None:
    """Rows a to d: the file's own split, three seeds, beside the baselines."""
    results = measured(question)
    names = results[0]["scores"]
    rows = {
        name: mean_and_spread([r["scores"][name] for r in results if name in r["scores"]])
        for name in results[1]["scores"]
    }
    rows |= {name: names[name] for name in names if name not in rows}
    seconds = ", ".join(f"{r['fit_seconds']:.0f}" for r in results)
    contexts = [r["context"]["levels"] for r in results]
    body = (
        f"{table(rows, SHOWN)}\n\nMean (SD) of seeds 0-2; baselines with one value: seed 0. "
        f"Fit, with the first one's baselines: {seconds} s. Context chosen: {contexts}."
    )
    write(question.name, f"{question.file}, {question.target}", body, results)


def few_genes() -> None:
    """Row e: 50 of seqFISH's 351 genes, with and without context."""
    question = Question("seqfish_embryo2", "cell_type")
    whole = read(question)

    def measure(draw: int) -> dict[str, Any]:
        genes = np.random.default_rng(draw).choice(whole.n_vars, 50, replace=False)
        adata = whole[:, genes].copy()
        model = fitted(adata, question.target, seed=draw, baselines=True)
        without = fitted(adata, question.target, seed=draw, num_neighbours=0)
        return {
            "with context": model.evaluation_.metrics,
            "without context": without.evaluation_.metrics,
            "levels": model.fitted_.facts["context"]["levels"],
        } | model.evaluation_.baselines

    results = [unit("few_genes", {"draw": d}, lambda d=d: measure(d)) for d in SEEDS]
    names = [name for name, value in results[0].items() if isinstance(value, dict)]
    rows = {name: mean_and_spread([r[name] for r in results]) for name in names}
    gains = [r["with context"]["accuracy"] - r["without context"]["accuracy"] for r in results]
    body = (
        f"{table(rows, SHOWN)}\n\nMean (SD) of three draws of 50 genes. "
        f"Context adds {np.mean(gains):+.4f} of accuracy."
    )
    write("few_genes", "50 of 351 genes of seqFISH", body, results)


def context_harm() -> None:
    """Row f: with minus without the chosen context, wherever cell types are asked for."""

    def without(question: Question, seed: int) -> dict[str, Any]:
        model = fitted(read(question), question.target, seed=seed, num_neighbours=0)
        return {"accuracy": model.evaluation_.metrics["accuracy"]}

    rows = {}
    for question in TYPES:
        numbers: dict[str, list[float]] = {"with": [], "without": []}
        levels = []
        for seed, found in zip(SEEDS, measured(question)):
            chosen = found["context"]["levels"]
            own = found["scores"]["polyome"]  # without context too, where none was chosen
            settings = {"set": question.file, "seed": seed}
            other = own
            if chosen:
                other = unit("context_harm", settings, lambda s=seed, q=question: without(q, s))
            numbers["with"].append(own["accuracy"])
            numbers["without"].append(other["accuracy"])
            levels.append(chosen)
        mean = {key: float(np.mean(values)) for key, values in numbers.items()}
        rows[question.file] = mean | {
            "difference": mean["with"] - mean["without"],
            "levels": str(levels),
        }
    body = table(rows, ["with", "without", "difference", "levels"])
    write("context_harm", "What the chosen context costs on cell types", body, rows)


def two_sections() -> None:
    """Row h: sections laid on one another, moved, and each in its own file; real STARmap."""
    question = Question("starmap_mpfc", "domain")

    def measure() -> dict[str, Any]:
        adata = read(question)
        model = fitted(adata, question.target, seed=0, num_members=1)
        usual = model.predict(adata)
        turn = np.array([[np.cos(TURN), -np.sin(TURN)], [np.sin(TURN), np.cos(TURN)]])
        place = adata.obsm["spatial"].astype(np.float64)
        forms = {
            "shifted": place + 5000,
            "turned": place @ turn,
            "mirrored": place * [-1, 1],
            "times 1000": place * 1000,
            "turned, single precision": (place @ turn).astype(np.float32),
        }
        found = {}
        for name, coordinates in forms.items():
            other = adata.copy()
            other.obsm["spatial"] = coordinates
            found[name] = _change(usual, model.predict(other))
        order = np.random.default_rng(0).permutation(adata.n_obs)
        found["another order"] = _change(usual, model.predict(adata[order].copy()))
        found["batches of 7"] = _change(usual, model.predict(adata, batch_size=7))
        for name in adata.obs["section"].unique():
            alone = adata[adata.obs["section"] == name].copy()
            found[f"{name} in its own file"] = _change(usual, model.predict(alone))
        return found

    result = unit("two_sections", {}, measure)
    rows = {name: values for name, values in result.items() if name != "seconds"}
    body = table(rows, ["largest change of a probability", "same labels"])
    write("two_sections", "A section's place, order and company change nothing", body, rows)


def _change(usual: pd.DataFrame, other: pd.DataFrame) -> dict[str, Any]:
    usual = usual.loc[other.index]
    change = np.abs(usual.iloc[:, 1:].to_numpy(float) - other.iloc[:, 1:].to_numpy(float)).max()
    return {
        "largest change of a probability": f"{change:.1e}",
        "same labels": bool((usual["label"] == other["label"]).all()),
    }


def speed() -> None:
    """Row i: simulated, 100,000 cells with 300 genes, 30 neighbours, annotated."""

    def measure() -> dict[str, Any]:
        rng = np.random.default_rng(0)

        def cells(n: int) -> AnnData:
            counts = sparse.random(n, 300, 0.3, "csr", np.float32, rng)
            counts.data = np.ceil(counts.data * 6)
            side = np.sqrt(n) * 10
            adata = AnnData(counts, obsm={"spatial": rng.uniform(0, side, (n, 2))})
            adata.obs["kind"] = pd.Categorical(rng.choice(list("abcdefghij"), n))
            adata.obs_names = [f"cell {i}" for i in range(n)]
            return adata

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = estimator_class("spatial")(num_neighbours=30, quiet=True)
            model.fit(cells(3000), "kind", baselines=False, num_train_epochs=1)
        query = cells(100_000)
        wall, own = time.perf_counter(), time.process_time()
        model.annotate(query)
        wall, own = time.perf_counter() - wall, time.process_time() - own
        return {
            "cells per second": 100_000 / wall,
            "cells per second of processor time": 100_000 / own,
            "members": len(model.fitted_.model.members),
            "peak memory, GB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
        }

    result = unit("tissue_speed", {}, measure)
    columns = [name for name in result if name != "seconds"]
    body = table({"annotate": result}, columns)
    write("tissue_speed", "Simulated, 100,000 cells, 300 genes, 30 neighbours", body, result)


ROWS: dict[str, Callable[[], None]] = {
    **{q.name: (lambda q=q: answered(q)) for q in (*DOMAINS, *TYPES)},
    "few_genes": few_genes,
    "context_harm": context_harm,
    "two_sections": two_sections,
    "tissue_speed": speed,
}
