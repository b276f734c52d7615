"""Explanations against known truth: planted words, known markers, removal, shuffled labels."""

import hashlib
import json
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import scanpy as sc
from scipy.stats import rankdata

from benchmarks.promoters import read as read_promoters
from benchmarks.runner import CACHE, SOURCE, data_folder, table, unit, write
from polyome.data.promoter_grammar import ELEMENTS, THRESHOLD
from polyome.data.promoters import planted, simulate_promoters
from polyome.data.tissue_simulator import simulate_tissue
from polyome.estimator import Estimator, estimator_class, load
from polyome.explain.attention import attention_maps, rollout
from polyome.explain.attribution import integrated_gradients
from polyome.explain.deletion import (
    Curves,
    cells_without,
    removal_curves,
    sequences_without,
)
from polyome.explain.known_motifs import named
from polyome.io.nucleotides import LETTERS, base_shares

MARKERS = {
    "CD4 T cells": ("IL7R",),
    "CD8 T cells": ("CD8B", "CD8A"),
    "B cells": ("MS4A1", "CD79A"),
    "NK cells": ("GNLY",),
    "CD14+ Monocytes": ("S100A8", "LYZ"),
    "FCGR3A+ Monocytes": ("FCGR3A", "MS4A7"),
    "Dendritic cells": ("FCER1A",),
    "Megakaryocytes": ("PPBP", "PF4"),
}
TRAINING = 10_000  # simulated sequences
SHUFFLES, MARKER_SHUFFLES = range(3), range(10)  # few genes decide, so their spread is wide
EXPLAINED = 150  # simulated promoters, none of them fitted
SHARES = np.r_[0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]


def model_folder(task: str, name: str, settings: dict[str, Any]) -> Path:
    """Named by all code that a fit depends on."""
    digest = hashlib.sha256(f"{task} {name} {sorted(settings.items())}".encode())
    for path in sorted(SOURCE.rglob("*.py")):
        if path.parent.name not in ("explain", "report", "cli"):
            digest.update(path.read_bytes())
    return CACHE / f"model-{name}-{digest.hexdigest()[:16]}"


def kept_model(
    task: str,
    name: str,
    fit: Callable[[Estimator], Any],
    **settings: Any,
) -> Estimator:
    """Fit once for all changes of code that no fit depends on."""
    folder = model_folder(task, name, settings)
    if not folder.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        model = estimator_class(task)(quiet=True, device="cpu", **settings)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit(model)
        model.save_pretrained(folder)
    return load(folder, device="cpu", quiet=True)


def promoter_model(shuffle: int | None = None) -> Estimator:
    """Of simulated promoters; with labels permuted if ``shuffle`` is a seed."""
    data = simulate_promoters(TRAINING if shuffle is None else 2000, seed=0)
    if shuffle is not None:
        data["label"] = np.random.default_rng(shuffle).permutation(data["label"].to_numpy())
    name = "promoters" if shuffle is None else f"promoters-shuffled-{shuffle}"
    return kept_model("promoter", name, lambda m: m.fit(data, "label", baselines=False))


def new_promoters(count: int) -> pd.DataFrame:
    """Simulated promoters that no model has seen."""
    drawn = simulate_promoters(3 * count, seed=5)
    return drawn[drawn["score"] >= THRESHOLD].head(count)


def area_under_roc(truth: np.ndarray, score: np.ndarray) -> float:
    ranks, positive = rankdata(score), int(truth.sum())
    rest = len(truth) - positive
    return float((ranks[truth].sum() - positive * (positive + 1) / 2) / (positive * rest))


def mean_area(inside: np.ndarray, scores: np.ndarray) -> float:
    return float(np.mean([area_under_roc(i, s) for i, s in zip(inside, scores)]))


def rolled_out(model: Estimator, data: pd.DataFrame) -> np.ndarray:
    """Attention rollout spread over bases, (n, length)."""
    inside: Any = model.fitted_
    tokens = rollout(attention_maps(inside, inside.modality.read(data)))[:, 1:]
    return np.repeat(tokens, inside.modality.stride_, axis=1)[:, : inside.modality.length_]


def planted_words() -> dict[str, np.ndarray]:
    """Words of the grammar as matrices, (4, w)."""
    shares = base_shares().astype(float)
    spelled = {name: [LETTERS.index(c) for c in e.consensus] for name, e in ELEMENTS.items()}
    return {name: shares[codes].T for name, codes in spelled.items()}


def measure_promoters() -> dict[str, Any]:
    """Row a: where the top contribution lies, and which planted words are found again."""
    model, data = promoter_model(), new_promoters(EXPLAINED)
    why: Any = model.explain(data, output="promoter", most_bp=10**9)
    inside, contributions = planted(data), why.contributions
    top = inside[np.arange(len(data)), contributions.argmax(axis=1)]
    motifs, matches = named(list(why.motifs), planted_words())
    best = matches.groupby("known")["q_value"].min()
    held: Counter[str] = Counter()
    for words in data["elements"]:
        held.update({word["name"] for word in json.loads(words)})
    some = data.head(60)
    return {
        "n": len(data),
        "top_inside": float(top.mean()),
        "inside_by_chance": float(inside.mean()),
        "auroc": mean_area(inside, contributions),
        "auroc_attention": mean_area(planted(some), rolled_out(model, some)),
        "motifs": [[m.consensus, m.num_seqlets, m.match, m.q_value] for m in motifs],
        "words": {
            name: {
                "of promoters": held[name] / len(data),
                "of all sequences": held[name] / len(data) / 2,
                "q": float(best.get(name, 1.0)),
            }
            for name in ELEMENTS
        },
    }


def cells() -> Any:
    return anndata.read_h5ad(data_folder() / "single_cell" / "pbmc3k_counts.h5ad")


def cell_model(shuffle: int | None = None) -> Estimator:
    """Of pbmc3k, its given split; with labels permuted if ``shuffle`` is a seed."""
    adata = cells()
    labels = adata.obs["louvain"].astype(str).to_numpy()
    if shuffle is not None:
        labels = np.random.default_rng(shuffle).permutation(labels)
    adata.obs["label"] = labels
    name = "cells" if shuffle is None else f"cells-shuffled-{shuffle}"
    return kept_model(
        "cell-type",
        name,
        lambda m: m.fit(adata, "label", split="split", baselines=False),
    )


def measure_markers() -> dict[str, Any]:
    """Row b: ranks of known markers among the genes that speak for a class."""
    model = cell_model()
    why: Any = model.explain(cells())
    ranks = {}
    for name, genes in MARKERS.items():
        of_class = why.table[(why.table["class"] == name) & (why.table["z_score"] > 0)]
        order = {gene: i for i, gene in enumerate(of_class["gene"], start=1)}
        ranks[name] = {gene: order.get(gene) for gene in genes}
    hit = [any(r is not None and r <= 20 for r in found.values()) for found in ranks.values()]
    shared = []
    for _, of_class in why.table[why.table["z_score"] > 0].groupby("class"):
        shared.append(float((of_class["test_rank"].head(20) <= 20).mean()))
    return {"ranks": ranks, "classes": int(sum(hit)), "shared_with_scanpy": shared}


def measure_removal_cells() -> dict[str, Any]:
    """Row d: genes of the test cells of pbmc3k."""
    model: Any = cell_model()
    adata = cells()
    adata = adata[(adata.obs["split"] == "test").to_numpy()].copy()
    why: Any = model.explain(adata)
    inside = model.fitted_
    records = inside.modality.read(adata)
    chosen = pd.Index(inside.classes).get_indexer(why.adata.obs["polyome_label"].astype(str))
    answer = cells_without(inside, records, chosen)
    return _curves(why.adata.layers["polyome_contribution"], answer)


def measure_removal_promoters() -> dict[str, Any]:
    """Row d: bases of test sequences that the model calls TATA promoters."""
    data = read_promoters("human_gue_300_tata")
    model: Any = kept_model(
        "promoter", "tata", lambda m: m.fit(data, "label", split="split", baselines=False)
    )
    test = data[data["split"] == "test"]
    found = model.predict(test)
    called = test[(found["label"] == "1").to_numpy()]
    some = called.iloc[np.linspace(0, len(called) - 1, 30).astype(int)]
    why: Any = model.explain(some, output="1", most_bp=10**9)
    inside = model.fitted_
    chosen = np.full(len(some), inside.classes.index("1"))
    answer = sequences_without(inside, inside.modality.read(some), chosen)
    return _curves(np.nan_to_num(why.contributions), answer)


def measure_tissue(seed: int) -> dict[str, Any]:
    """Row c: is a domain's own kind what contributes most to cells that need their context.

    These are the cells whose label is right, and another one without context.
    """
    tissue = simulate_tissue(1500, seed=seed)
    model = kept_model(
        "spatial",
        f"tissue-{seed}",
        lambda m: m.fit(tissue, "domain", split_by="blocks", baselines=False),
        seed=seed,
    )
    why: Any = model.explain(tissue, by="cell_type", most_records=len(tissue))
    obs, around = why.adata.obs, why.adata.obsm["polyome_neighbours"]
    truth = tissue.obs.loc[obs.index, "domain"].astype(str)
    right = obs["polyome_label"].astype(str) == truth
    needs = right & (obs["polyome_without_context"].astype(str) != truth)
    most = around.idxmax(axis=1).str.removeprefix("type ")
    found = most == truth.str.removeprefix("domain ")
    return {
        "accuracy": float(right.mean()),
        "accuracy without context": float(
            (obs["polyome_without_context"].astype(str) == truth).mean()
        ),
        "cells that need it": int(needs.sum()),
        "domain's kind first": float(found[needs].mean()),
    }


def _curves(contributions: np.ndarray, answer: Any) -> dict[str, Any]:
    result: dict[str, Any] = {"n": len(contributions)}
    for kind in ("deletion", "insertion"):
        is_insertion = kind == "insertion"
        found: Curves = removal_curves(
            contributions, answer, shares=SHARES, repeats=3, insertion=is_insertion
        )
        result[kind] = {
            "shares": found.shares.tolist(),
            "named": found.named.tolist(),
            "random": found.random.tolist(),
            "area": found.area,
            "lost at 20 %": found.lost(0.2),
        }
    return result


def measure_shuffled(seed: int) -> dict[str, Any]:
    """Row e: a model of permuted labels knows no word."""
    data = new_promoters(40)
    model = promoter_model(shuffle=seed)
    why: Any = model.explain(data, output="promoter", most_bp=10**9)
    inside = planted(data)
    return {
        "words": mean_area(inside, why.contributions),
        "words, attention": mean_area(inside, rolled_out(model, data)),
    }


def measure_shuffled_markers(seed: int) -> dict[str, Any]:
    """Row e: AUROC of contributions for the 50 best genes of each class by scanpy's test, mean."""
    inside, adata = cell_model(shuffle=seed).fitted_, cells()
    modality: Any = inside.modality
    records = modality.prepare(modality.read(adata))
    names = np.array(modality.vocabulary_.names)[modality.selected_]
    plain = anndata.AnnData(records.profile, obs=adata.obs[["louvain"]].copy())
    plain.var_names = names
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sc.tl.rank_genes_groups(plain, "louvain", method="wilcoxon")
    areas = []
    for name in adata.obs["louvain"].cat.categories:
        rows = np.flatnonzero(adata.obs["louvain"] == name)[:100]
        chosen = np.full(len(rows), inside.classes.index(name))
        found = integrated_gradients(inside, records.take(rows), chosen, {"values": 0.0})
        mean = np.concatenate([part.contributions["values"] for part in found]).mean(axis=0)
        best = plain.uns["rank_genes_groups"]["names"][name][:50]
        areas.append(area_under_roc(np.isin(names, best), mean))
    return {"markers": float(np.mean(areas))}


def explain() -> None:
    """Planted words, known markers, removal, neighbours."""
    found = {
        "markers": unit("explain_markers", {}, measure_markers),
        "removal, pbmc3k": unit("explain_removal_cells", {}, measure_removal_cells),
        "promoters": unit("explain_promoters", {"n": EXPLAINED}, measure_promoters),
        "removal, human TATA": unit("explain_removal_promoters", {}, measure_removal_promoters),
        "tissue": {
            f"seed {seed}": unit("explain_tissue", {"seed": seed}, lambda s=seed: measure_tissue(s))
            for seed in (0, 1, 2)
        },
    }
    write("explain", "Explanations against known truth", _body(found), found)


def explain_shuffled() -> None:
    """Models of permuted labels: an explanation that still finds the truth shows the data."""
    measured = {"explain_shuffled_markers": (measure_shuffled_markers, MARKER_SHUFFLES)}
    measured["explain_shuffled"] = (measure_shuffled, SHUFFLES)
    found: dict[str, dict[str, Any]] = {f"seed {seed}": {} for seed in MARKER_SHUFFLES}
    for row, (measure, seeds) in measured.items():
        for seed in seeds:
            found[f"seed {seed}"] |= unit(row, {"seed": seed}, lambda s=seed, m=measure: m(s))
    columns = ["words", "words, attention", "markers"]
    known = {c: [row[c] for row in found.values() if c in row] for c in columns}
    mean = {"mean": {c: float(np.mean(values)) for c, values in known.items()}}
    text = "AUROC of contributions for planted positions (40 simulated promoters) and for the 50 "
    text += "best genes of each class by scanpy's test (pbmc3k), of models fitted to permuted "
    text += f"labels; 0.5 is chance.\n\n{table(found | mean, columns)}"
    write("explain_shuffled", "Explanations of models of shuffled labels", text, found)


def _body(found: dict[str, Any]) -> str:
    promoters = found["promoters"]
    lines = [
        "Promoters are simulated; pbmc3k and human TATA are real.",
        "",
        f"**Planted words.** A model of {TRAINING:,} simulated sequences, {promoters['n']} new "
        f"simulated promoters: the top contribution lies inside a planted word in "
        f"{promoters['top_inside']:.1%} ({promoters['inside_by_chance']:.1%} by chance); AUROC of "
        f"contributions for planted positions {promoters['auroc']:.3f}, of attention rollout "
        f"{promoters['auroc_attention']:.3f}. Words found again (TOMTOM against the eight planted "
        "words and 92 shuffled ones):",
        "",
        table(promoters["words"], ["of promoters", "of all sequences", "q"]),
        "",
        "**Markers of pbmc3k** among the 20 genes that speak most for a class and that are "
        "expressed there above the mean training cell:",
        "",
    ]
    markers = found["markers"]
    ranks = "; ".join(
        f"{name} " + ", ".join(f"{gene} {rank or '-'}" for gene, rank in genes.items())
        for name, genes in markers["ranks"].items()
    )
    lines += [
        f"{markers['classes']} of 8 types. Ranks: {ranks}. "
        f"{np.mean(markers['shared_with_scanpy']):.0%} of the top 20 are in scanpy's top 20.",
    ]
    lines += ["", "**Removal**: probability of the answer while parts are removed.", ""]
    rows = {}
    for name in ("removal, pbmc3k", "removal, human TATA"):
        for kind in ("deletion", "insertion"):
            own, random = found[name][kind]["area"]
            lost, lost_random = found[name][kind]["lost at 20 %"]
            rows[f"{name.removeprefix('removal, ')}, {kind}"] = {
                "area": own,
                "area, random": random,
                "lost at 20 %": lost,
                "lost at 20 %, random": lost_random,
            }
    lines.append(table(rows, list(next(iter(rows.values())))))
    lines += [
        "",
        "**Neighbours** in simulated tissue whose domains are mixtures of three kinds: is "
        "the domain's own kind the one that contributes most to cells whose label needs context?",
        "",
    ]
    tissue = found["tissue"]
    lines.append(table(tissue, [name for name in tissue["seed 0"] if name != "seconds"]))
    return "\n".join(lines)


ROWS = {"explain": explain, "explain_shuffled": explain_shuffled}
