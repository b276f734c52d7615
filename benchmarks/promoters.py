"""Promoters: six published sets, on their own split and on one without homologues."""

import time
import warnings
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmarks.contributions import contributions
from benchmarks.runner import data_folder, mean_and_spread, paired, shown, table, unit, write
from polyome.audit.homology import similar_groups
from polyome.baselines.dna import (
    MOST_ROWS,
    averaged_boosting,
    choose_boosting,
    log_pool,
    placed_letters,
    scaled_kmers,
    small_cnn,
    tuned_linear,
)
from polyome.estimator import Estimator, audit, estimator_class
from polyome.io.nucleotides import Sequences
from polyome.metrics import classification_metrics
from polyome.splits import group_split

SETS = (
    "human_gue_300_tata",
    "mouse_tata_cnnprom",
    "ecoli_sigma70_cnnprom",
    "ecoli_v9d3",
    "bsubtilis_cnnprom",
    "human_gue_core_all",
)
SEEDS = (0, 1, 2)
SHOWN = ["mcc", "accuracy", "auroc", "log_loss", "ece"]
BARS = dict(zip(SETS, (0.86, 0.935, 0.815, 0.72, 0.79, 0.705)))
WITHOUT_TRUNK = "linear model + boosting"
GIVEN = "promoters"  # the row of the sets' own splits
EARLIER = (
    "Made under the earlier homology split, which saw shared 30-mers only; today's also keeps "
    "relatives without one on one side. `make bench ONLY=homology` scores a linear model under "
    "both."
)


def read(name: str) -> pd.DataFrame:
    """One of the six sets, rows named by number."""
    found = pd.read_csv(data_folder() / "dna" / f"promoter_{name}.csv.gz")
    return found[["sequence", "label", "split"]].set_axis(found.index.astype(str), axis=0)


def by_homology(data: pd.DataFrame) -> pd.DataFrame:
    """The same rows, divided so that sequences that share a 30-mer stay on one side."""
    groups = similar_groups(Sequences.from_text(data["sequence"].tolist()))
    known = np.ones(len(data), bool)
    labels = data["label"].to_numpy()
    parts = group_split(groups, labels=labels, labelled=known, seed=0, name="homology")
    split = np.full(len(data), "train")
    split[parts.test] = "test"
    return data.assign(split=split, group=groups.astype(str))


def fitted(data: pd.DataFrame, **settings: Any) -> Estimator:
    """Fit with the defaults, quietly."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = estimator_class("promoter")(quiet=True, device="cpu", **settings)
        group = "group" if "group" in data else None
        return model.fit(data, "label", split="split", group=group, baselines=False)


def cheap(row: str, name: str, data: pd.DataFrame) -> list[dict[str, np.ndarray]]:
    """What the tuned baselines answer on the test rows, for each seed; the dev rows fit too.

    Boosting and the CNN are averaged over as many fits as the model has members. Without homologues
    there is no CNN: on the given splits it takes longest and is nowhere the best.
    """
    train, test = data[data["split"] != "test"], data[data["split"] == "test"]
    x, x_test = (Sequences.from_text(p["sequence"].tolist()).matrix() for p in (train, test))
    y = train["label"].astype(str).to_numpy()
    groups = train["group"].to_numpy() if "group" in train else None
    repeats = 3 if len(train) < MOST_ROWS else 2

    def once(kind: str, measure: Any, seed: int = 0) -> Any:
        return unit(f"{row}-{kind}", {"set": name, "seed": seed}, lambda: {"is": measure()})["is"]

    def linear(features: Any) -> list[list[float]]:
        return np.round(tuned_linear(x, y, x_test, features, groups=groups), 6).tolist()

    kmers = np.array(once("kmers", lambda: linear(scaled_kmers)))
    letters = np.array(once("letters", lambda: linear(placed_letters)))
    settings = once("choose", lambda: choose_boosting(x, y, groups=groups))
    answers = []
    for seed in SEEDS:
        seeds = range(repeats * seed, repeats * (seed + 1))
        trees = once("boosting", lambda s=seeds: _trees(x, y, x_test, settings, s), seed)
        both = log_pool([kmers, letters])
        found = {
            "logistic regression, k-mers 1-6": kmers,
            "logistic regression, one-hot": letters,
            "linear (both, averaged)": both,
            "gradient boosting": np.array(trees),
            "linear + boosting": log_pool([both, np.array(trees)]),
        }
        if row == GIVEN:
            cnn = once("cnn", lambda s=seed: _cnn(x, y, x_test, s, repeats), seed)
            found["small CNN"] = np.array(cnn)
        answers.append(found)
    return answers


def _trees(x: Any, y: Any, x_test: Any, settings: Any, seeds: range) -> list[list[float]]:
    return np.round(averaged_boosting(x, y, x_test, settings, seeds=seeds), 6).tolist()


def _cnn(x: Any, y: Any, x_test: Any, seed: int, repeats: int) -> list[list[float]]:
    found = small_cnn(x, y, x_test, seed=seed, groups=None, repeats=repeats)
    return np.round(found, 6).tolist()


def measure_model(data: pd.DataFrame, seed: int) -> dict[str, Any]:
    """Fit one model; keep what it answers on the test rows."""
    start = time.perf_counter()
    model = fitted(data, seed=seed)
    wall = time.perf_counter() - start
    found = contributions(model, data[data["split"] == "test"])
    weight = model.fitted_.facts["linear_weight"]
    cost = {"fit_seconds": wall, "threads": torch.get_num_threads()}
    return {"proba": _plain(found), "linear_weight": weight, **cost}


def _plain(found: dict[str, np.ndarray]) -> dict[str, list[list[float]]]:
    return {name: np.round(proba, 6).tolist() for name, proba in found.items()}


def models(row: str, name: str, data: pd.DataFrame) -> list[dict[str, Any]]:
    """Fit with each seed."""
    return [
        unit(row, {"set": name, "seed": seed}, lambda s=seed: measure_model(data, s))
        for seed in SEEDS
    ]


def one_set(row: str, name: str, data: pd.DataFrame) -> dict[str, Any]:
    """Everything measured on one set: scores by name, and differences to the best baseline."""
    test = data[data["split"] == "test"]
    truth = test["label"].astype(str).to_numpy()
    classes = tuple(np.unique(data["label"].astype(str)))
    by_seed: list[dict[str, np.ndarray]] = []
    seconds, weights, threads = [], [], set()
    rivals = cheap(row, name, data)
    for seed, model in zip(SEEDS, models(row, name, data)):
        seconds.append(model["fit_seconds"])
        weights.append(model["linear_weight"])
        threads.add(model["threads"])
        found = {n: np.array(p) for n, p in model["proba"].items()} | rivals[seed]
        trees = found["gradient boosting"]
        found[WITHOUT_TRUNK] = log_pool([found["linear model alone"], trees])
        by_seed.append(found)
    scores = {
        n: [dict(classification_metrics(truth, found[n], classes)) for found in by_seed]
        for n in by_seed[0]
    }
    mean = {n: float(np.mean([s["mcc"] for s in found])) for n, found in scores.items()}
    names = [*rivals[0], WITHOUT_TRUNK]
    best = max(names, key=lambda n: mean[n])
    codes = np.searchsorted(classes, truth)
    own, other = ([found[n].argmax(1) for found in by_seed] for n in ("polyome", best))
    return {
        "scores": {n: mean_and_spread(found) for n, found in scores.items()},
        "mcc": mean,
        "n": len(test),
        "best": best,
        **paired(codes, own, other, _mcc),
        "fit_seconds": seconds,
        "linear_weight": weights,
        "threads": sorted(threads),
    }


def _mcc(truth: np.ndarray, said: np.ndarray) -> float:
    """Matthews correlation of two classes, quickly."""
    both = np.bincount(2 * truth + said, minlength=4).astype(float)
    below = (both[0] + both[1]) * (both[2] + both[3]) * (both[0] + both[2]) * (both[1] + both[3])
    return float((both[0] * both[3] - both[1] * both[2]) / np.sqrt(max(below, 1.0)))


def given_split(name: str) -> None:
    """Rows a to e on one set: its own split."""
    write_set(GIVEN, name, read(name))


def homology_split(name: str) -> None:
    """Row g on one set: no test sequence shares a 30-mer with a training sequence."""
    write_set("promoters_homology", name, by_homology(read(name)))


def write_set(row: str, name: str, data: pd.DataFrame) -> None:
    """The table of one set."""
    found = one_set(row, name, data)
    own = row == GIVEN
    which = f"the file's own split. The bar: MCC {BARS[name]}" if own else "a split by homology"
    lines = [
        f"{found['n']:,} test rows of {which}. Mean (SD) of seeds 0-2.",
        table(found["scores"], SHOWN),
        f"Model less the best baseline ({found['best']}), MCC, with a paired 95 % interval "
        f"(bootstrap over test rows): {shown(found)}.",
        f"Seconds to fit on {' or '.join(map(str, found['threads']))} thread(s): "
        f"{', '.join(f'{s:.0f}' for s in found['fit_seconds'])}.",
    ]
    if not own:
        lines.append(EARLIER)
    title = f"Promoters: {name}" if own else f"Promoters without homologues: {name}"
    write(f"{row}_{name}", title, "\n\n".join(lines), found)


def measure_layers(name: str) -> dict[str, Any]:
    """Test MCC with and without the trunk's layers, the linear model beside them or not."""
    data = read(name)
    test = data[data["split"] == "test"]
    truth = test["label"].astype(str).to_numpy()
    model = unit(GIVEN, {"set": name, "seed": 0}, lambda: measure_model(data, 0))["proba"]
    without = contributions(fitted(data, seed=0, num_hidden_layers=0), test)
    found = {}
    for part in ("polyome", "transformer alone"):
        for which, proba in (("layers", np.array(model[part])), ("zero layers", without[part])):
            scores = classification_metrics(truth, proba, tuple(np.unique(truth)))
            found[f"{part}, {which}"] = scores["mcc"]
    return found


def promoters_layers() -> None:
    """What the trunk's layers add on the sets' own split."""
    found = {n: unit("promoters_layers", {"set": n}, lambda n=n: measure_layers(n)) for n in SETS}
    columns = [name for name in next(iter(found.values())) if name != "seconds"]
    body = f"MCC on test rows, seed 0.\n\n{table(found, columns)}\n"
    write("promoters_layers", "Promoters with and without the trunk's layers", body, found)


def promoters_audit() -> None:
    """Row f: what the audit says of the given splits."""
    found = {}
    for name in SETS:
        findings = audit("promoter", read(name), "label", split="split", quiet=True)
        found[name] = [
            {"message": f.message, "kind": f.kind, "numbers": f.numbers} for f in findings
        ]
    body = "\n".join(
        f"\n### {name}\n\n" + "\n".join(f"- {f['message']}" for f in findings)
        for name, findings in found.items()
    )
    write("promoters_audit", "What the audit finds in the promoter sets", body, found)


ROWS = {
    **{f"promoters_{name}": (lambda n=name: given_split(n)) for name in SETS},
    **{f"promoters_homology_{name}": (lambda n=name: homology_split(n)) for name in SETS},
    "promoters_layers": promoters_layers,
    "promoters_audit": promoters_audit,
}
