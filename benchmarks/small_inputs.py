"""Records with measurements that are no expression, alone or beside it: methylation, open peaks."""

import time
import warnings
from typing import Any

import anndata
import mudata
import numpy as np
from sklearn.model_selection import LeaveOneOut, StratifiedKFold

from benchmarks.inputs import NOISE_COLUMNS, answered, fitted, with_noise
from benchmarks.runner import data_folder, mean_and_spread, table, unit, write
from polyome.estimator import estimator_class
from polyome.metrics import classification_metrics
from polyome.predict.evaluate import kept_baselines

SEEDS = (0, 1, 2)
FOLDS = 5
SHOWN = ["macro_f1", "accuracy", "log_loss", "ece"]
TARGET = "cell_type"


def _quietly(read: Any, name: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with mudata.set_options(pull_on_update=False):
            return read(data_folder() / "multimodal" / name)


def measure_fold(
    data: Any, inputs: str, target: str, test: np.ndarray, seed: int
) -> dict[str, Any]:
    """Fit with the defaults without a fold, and answer it; linear baselines beside."""
    part = np.full(data.n_obs, "train", dtype=object)
    part[test] = "test"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with mudata.set_options(pull_on_update=False):
            data.obs["split"] = part
            model = estimator_class("cell-type")(inputs=inputs, seed=seed, quiet=True)
            start = time.perf_counter()
            model.fit(data, target, split="split")
            seconds = time.perf_counter() - start
            query = data[test].copy()
            columns = list(model.classes_)
            found = {"Polyome": model.predict(query)[columns].to_numpy()}
            found |= kept_baselines(model.fitted_, model.fitted_.modality.read(query))
    return {
        "proba": {name: np.round(proba, 6).tolist() for name, proba in found.items()},
        "classes": columns,
        "weights": model.fitted_.facts["stacking_weights"],
        "fit_seconds": seconds,
    }


def cross_fitted(row: str, title: str, data: Any, inputs: str, target: str, splits: Any) -> None:
    """Answer every fold by a model fitted without it; mean and spread of seeds."""
    truth = data.obs[target].astype(str).to_numpy()
    data.obs[target] = truth
    folds = [test for _, test in splits.split(truth, truth)]
    by_name: dict[str, list[dict[str, Any]]] = {}
    seconds: list[float] = []
    for seed in SEEDS:
        units = [
            unit(
                row,
                {"seed": seed, "fold": fold},
                lambda test=test, seed=seed: measure_fold(data, inputs, target, test, seed),
            )
            for fold, test in enumerate(folds)
        ]
        seconds += [one["fit_seconds"] for one in units]
        for name in units[0]["proba"]:
            proba = np.concatenate([np.array(one["proba"][name]) for one in units])
            scores = classification_metrics(
                truth[np.concatenate(folds)], proba, tuple(units[0]["classes"])
            )
            by_name.setdefault(name, []).append({key: scores[key] for key in SHOWN})
    rows = {name: mean_and_spread(found) for name, found in by_name.items()}
    body = table(rows, SHOWN) + (
        f"\n\n{len(truth):,} records, `--inputs {inputs}`, mean (SD) of seeds "
        f"{SEEDS[0]}-{SEEDS[-1]}. Fit: {min(seconds):.0f} to {max(seconds):.0f} s."
    )
    write(row, title, body, {"scores": rows})


def scgem() -> None:
    """Stages of reprogramming, from RNA and methylation of the same cells."""
    data = _quietly(mudata.read_h5mu, "scgem.h5mu")
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    cross_fitted("scgem", "scGEM: stage, five-fold", data, "rna,met", "stage", folds)


def bloodmeth() -> None:
    """Types of sorted blood, from methylation alone, leaving one sample out."""
    data = _quietly(anndata.read_h5ad, "blood_methylation.h5ad")
    data = data[data.obs[TARGET] != "unresolved"].copy()
    title = "Sorted blood: cell type from methylation, leave one out"
    cross_fitted("bloodmeth", title, data, "met", TARGET, LeaveOneOut())


def hemato() -> None:
    """Types of blood progenitors, from open peaks alone."""
    data = _quietly(anndata.read_h5ad, "hemato_atac.h5ad")
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    title = "Blood progenitors: cell type from accessibility, five-fold"
    cross_fitted("hemato", title, data, "atac", "BioClassification", folds)


def small_noise() -> None:
    """The same three sets, five-fold, with an input of noise; and what is said without it."""
    rows: dict[str, dict[str, str]] = {}
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    scgem_cells = _quietly(mudata.read_h5mu, "scgem.h5mu")
    blood = _quietly(anndata.read_h5ad, "blood_methylation.h5ad")
    blood = blood[blood.obs[TARGET] != "unresolved"].copy()
    progenitors = _quietly(anndata.read_h5ad, "hemato_atac.h5ad")
    for name, data, inputs, target, splits in (
        ("scgem", scgem_cells, "rna,met", "stage", folds),
        ("bloodmeth", blood, "met", TARGET, folds),
        ("hemato", progenitors, "atac", "BioClassification", folds),
    ):
        truth = data.obs[target].astype(str).to_numpy()
        if isinstance(data, anndata.AnnData):
            data = mudata.MuData({inputs: data})
            data.obs[target] = truth
        tests = [test for _, test in splits.split(truth, truth)]
        by_name: dict[str, list[dict[str, Any]]] = {}
        for seed in SEEDS:
            units = [
                unit(
                    "small_noise",
                    {"set": name, "seed": seed, "fold": fold},
                    lambda args=(data, inputs, target, test, seed): _noise_fold(*args),
                )
                for fold, test in enumerate(tests)
            ]
            for who in units[0]["proba"]:
                proba = np.concatenate([np.array(one["proba"][who]) for one in units])
                scores = classification_metrics(
                    truth[np.concatenate(tests)], proba, tuple(units[0]["classes"])
                )
                by_name.setdefault(who, []).append({key: scores[key] for key in SHOWN})
        rows |= {f"{name}: {who}": mean_and_spread(found) for who, found in by_name.items()}
    body = table(rows, SHOWN) + f"\n\nNoise: {NOISE_COLUMNS} columns, Poisson of mean 5."
    write("small_noise", "An input that says nothing, small sets", body, {"scores": rows})


def _noise_fold(data: Any, inputs: str, target: str, test: np.ndarray, seed: int) -> dict[str, Any]:
    """Fit with noise beside the inputs; answer with it, without it, and never offered it."""
    part = np.full(data.n_obs, "train", dtype=object)
    part[test] = "test"
    data.obs["split"] = part
    data.obs["part"] = "paired"
    offered = with_noise(data)
    found: dict[str, Any] = {}
    for given, said in ((offered, f"{inputs},noise=protein"), (data, inputs)):
        model = fitted(given, target, said, part, seed)
        found |= {
            f"{said}: {who}": proba
            for who, proba in answered(
                model, given[test].copy(), (inputs.replace(",", "+"),)
            ).items()
            if who.startswith("Polyome")
        }
    return {"proba": found, "classes": list(model.classes_)}


ROWS = {"scgem": scgem, "bloodmeth": bloodmeth, "hemato": hemato, "small_noise": small_noise}
