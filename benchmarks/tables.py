"""Tables of numbers: small real sets of scikit-learn, and age from blood methylation."""

import time
import warnings
from typing import Any

import anndata
import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold

from benchmarks.runner import data_folder, mean_and_spread, paired, shown, table, unit, write
from polyome.data.tables import REAL, load_table
from polyome.estimator import Estimator, estimator_class
from polyome.metrics import pearson, regression_metrics
from polyome.predict.evaluate import kept_baselines

FOLDS = 5
CLASSES = ("breast_cancer", "wine", "digits")
OF_CLASSES = ["accuracy", "macro_f1", "log_loss"]
OF_VALUES = ["pearson", "r2", "rmse"]
CLOCK = {"pearson": "0.8410", "rmse": "-", "mae": "11.5 (mean age of people: 9.0)"}
"""Horvath's clock, 334 of its 353 sites, as measured on this file (shared data's README)."""


def fitted(task: str, source: Any, target: str, **options: Any) -> Estimator:
    """Fit with the defaults on the rows whose part is ``train``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = estimator_class(task)(quiet=True)
        return model.fit(source, target, split="split", **options)


def measure(name: str, task: str, test: np.ndarray) -> dict[str, Any]:
    """Scores of one fold, by method."""
    records = load_table(name)
    part = np.full(len(records), "train", dtype=object)
    part[test] = "test"
    start = time.perf_counter()
    model = fitted(task, records.assign(split=part), REAL[name][1])
    found = model.evaluation_
    assert found is not None
    return {
        "scores": {"Polyome": found.metrics} | found.baselines,
        "weights": model.fitted_.facts["stacking_weights"],
        "fit_seconds": time.perf_counter() - start,
    }


def folds_of(name: str, task: str) -> list[dict[str, Any]]:
    """Five folds of a table, each measured once."""
    labels = load_table(name)[REAL[name][1]].to_numpy()
    rows = np.arange(len(labels))
    folds = (
        StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(rows, labels)
        if task == "classify"
        else KFold(FOLDS, shuffle=True, random_state=0).split(rows)
    )
    return [
        unit(f"tables_{name}", {"fold": k}, lambda test=test: measure(name, task, test))
        for k, (_, test) in enumerate(folds)
    ]


def compared(name: str, task: str, columns: list[str]) -> tuple[str, dict[str, Any]]:
    """Table of methods, and its numbers: mean (SD) over folds."""
    units = folds_of(name, task)
    rows = {
        method: mean_and_spread([one["scores"][method] for one in units])
        for method in units[0]["scores"]
    }
    seconds = [one["fit_seconds"] for one in units]
    n = len(load_table(name))
    more = f"\n\n{n:,} records, mean (SD) of {FOLDS} folds. Fit: {max(seconds):.0f} s or less."
    return f"### {name}\n\n{table(rows, columns)}{more}", rows


def tables() -> None:
    """Four small real tables, five-fold, beside linear models and boosting."""
    found = {name: compared(name, "classify", OF_CLASSES) for name in CLASSES}
    found["diabetes"] = compared("diabetes", "regress", OF_VALUES)
    body = "\n\n".join(text for text, _ in found.values())
    numbers = {name: rows for name, (_, rows) in found.items()}
    write("tables", "Tables of numbers: scikit-learn's small real sets, five-fold", body, numbers)


def people(fold: int, modality: str) -> dict[str, Any]:
    """Age of some people by a fit on all others."""
    adata = read_age()
    test = age_folds(adata.n_obs)[fold]
    adata.obs["split"] = np.where(np.isin(np.arange(adata.n_obs), test), "test", "train")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = estimator_class("regress")(inputs=f"X={modality}", quiet=True)
        model.fit(adata, "Age", split="split", baselines=False)
        some = adata[test].copy()
        answers = model.predict(some)
    others = kept_baselines(model.fitted_, model.fitted_.modality.read(some))
    own = answers["Age"].to_numpy()
    return {
        "answers": {"Polyome": own.tolist()} | {n: v[:, 0].tolist() for n, v in others.items()},
        "low": answers["Age_low"].tolist(),
        "high": answers["Age_high"].tolist(),
        "weights": model.fitted_.facts["stacking_weights"],
    }


def read_age() -> Any:
    """37 people, 5,000 sites, M values."""
    return anndata.read_h5ad(data_folder() / "multimodal" / "blood_methylation.h5ad")


def age_folds(n: int) -> list[np.ndarray]:
    """Ten folds of people, each with one sample."""
    return [test for _, test in KFold(10, shuffle=True, random_state=0).split(np.arange(n))]


def age() -> None:
    """Age from blood methylation, ten folds of people, beside ridge and Horvath's clock."""
    truth = read_age().obs["Age"].to_numpy(np.float64)
    folds = age_folds(len(truth))
    rows: dict[str, dict[str, Any]] = {}
    notes = []
    for modality in ("features", "methylation"):
        units = [
            unit("age", {"fold": k, "as": modality}, lambda k=k, m=modality: people(k, m))
            for k in range(len(folds))
        ]
        true = truth[np.concatenate(folds)]
        for name in units[0]["answers"]:
            found = np.concatenate([one["answers"][name] for one in units])
            scores = dict(regression_metrics(true, found))
            scores["mae"] = float(np.abs(found - true).mean())
            rows[f"{name}, M values as {modality}"] = scores
        own, ridge = (
            [np.concatenate([one["answers"][name] for one in units])]
            for name in ("Polyome", "ridge")
        )
        beside = paired(true, own, ridge, lambda t, found: pearson(t, found) or 0.0)
        notes.append(f"as {modality} r less ridge's is {shown(beside)}")
        low, high = (np.concatenate([one[end] for one in units]) for end in ("low", "high"))
        inside = float(((low <= true) & (true <= high)).mean())
        notes.append(f"as {modality} {inside:.1%} of the ages lie in their 90 % intervals")
    rows["Horvath's clock"] = CLOCK
    body = table(rows, ["pearson", "spearman", "r2", "rmse", "mae"])
    body += f"\n\n{len(truth)} people, 5,000 CpG sites, ten folds of people; {'; '.join(notes)}."
    write("age", "Age from blood methylation, ten folds of people", body, rows)


ROWS = {"tables": tables, "age": age}
