"""Cells with several measurements: RNA and surface proteins of one cell."""

import time
import warnings
from typing import Any

import mudata
import numpy as np
from sklearn.model_selection import StratifiedKFold

from benchmarks.runner import data_folder, mean_and_spread, table, unit, write
from polyome.estimator import Estimator, estimator_class
from polyome.metrics import classification_metrics
from polyome.predict.evaluate import kept_baselines

SEEDS = (0, 1, 2)
FOLDS = 5
SHOWN = ["macro_f1", "accuracy", "log_loss", "ece"]
TARGET = "cell_type"


def read() -> Any:
    """TEA-seq of blood: types of ten paired cells or more."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with mudata.set_options(pull_on_update=False):
            mdata = mudata.read_h5mu(data_folder() / "multimodal" / "teaseq_pbmc.h5mu")
            paired = mdata.obs["part"] == "paired"
            counts = mdata.obs.loc[paired, TARGET].value_counts()
            usual = counts.index[counts >= 10]
            return mdata[mdata.obs[TARGET].isin(usual)].copy()


def fitted(mdata: Any, part: np.ndarray, seed: int) -> Estimator:
    """Fit with the defaults on the rows whose part is ``train``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with mudata.set_options(pull_on_update=False):
            mdata.obs["split"] = part
            model = estimator_class("cell-type")(inputs="rna,prot", seed=seed, quiet=True)
            return model.fit(mdata, TARGET, split="split", baselines=False)


def answered(model: Estimator, mdata: Any) -> dict[str, list[list[float]]]:
    """Probabilities of cells by all inputs, by each alone, and by the linear baselines."""
    columns, found = list(model.classes_), {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with mudata.set_options(pull_on_update=False):
            found["Polyome"] = model.predict(mdata)[columns].to_numpy()
            for name in ("rna", "prot"):
                alone = model.predict(mudata.MuData({name: mdata.mod[name]}))
                found[f"Polyome, {name} alone"] = alone[columns].to_numpy()
            records = model.fitted_.modality.read(mdata)
            found |= kept_baselines(model.fitted_, records)
    return {name: np.round(proba, 6).tolist() for name, proba in found.items()}


def measure(seed: int, test: np.ndarray, *, more: bool) -> dict[str, Any]:
    """Fit without a fold of the paired cells, and answer it.

    ``more`` fits the cells that have protein alone, too.
    """
    mdata = read()
    is_paired = (mdata.obs["part"] == "paired").to_numpy()
    paired = np.flatnonzero(is_paired)
    part = np.where(is_paired | more, "train", "left out").astype(object)
    part[paired[test]] = "test"
    start = time.perf_counter()
    model = fitted(mdata, part, seed)
    seconds = time.perf_counter() - start
    return {
        "proba": answered(model, mdata[paired[test]].copy()),
        "classes": list(model.classes_),
        "weights": model.fitted_.facts["stacking_weights"],
        "fit_seconds": seconds,
    }


def teaseq() -> None:
    """Five folds of the paired cells: all inputs, each alone, linear baselines."""
    mdata = read()
    own = mdata.obs.loc[mdata.obs["part"] == "paired", TARGET].astype(str).to_numpy()
    folds = [t for _, t in StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(own, own)]
    truth = np.concatenate([own[test] for test in folds])
    rows: dict[str, dict[str, str]] = {}
    seconds: list[float] = []
    for more, after in ((False, ""), (True, "; fitted with 5,025 cells of protein alone, too")):
        by_name: dict[str, list[dict[str, Any]]] = {}
        for seed in SEEDS:
            units = [
                unit(
                    "teaseq",
                    {"seed": seed, "fold": fold, "more": more},
                    lambda seed=seed, test=test, more=more: measure(seed, test, more=more),
                )
                for fold, test in enumerate(folds)
            ]
            seconds += [one["fit_seconds"] for one in units]
            for name in units[0]["proba"]:
                proba = np.concatenate([np.array(one["proba"][name]) for one in units])
                scores = classification_metrics(truth, proba, tuple(units[0]["classes"]))
                by_name.setdefault(name, []).append({key: scores[key] for key in SHOWN})
        rows |= {f"{name}{after}": mean_and_spread(found) for name, found in by_name.items()}
    body = table(rows, SHOWN) + (
        f"\n\n{len(truth):,} cells, mean (SD) of seeds 0-2. Fit: {min(seconds):.0f} to "
        f"{max(seconds):.0f} s."
    )
    write("teaseq", "TEA-seq of blood, RNA and surface proteins, five-fold", body, {"scores": rows})


ROWS = {"teaseq": teaseq}
