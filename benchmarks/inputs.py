"""Cells with several measurements: RNA and surface proteins of one cell; an input of noise."""

import os
import tempfile
import time
import warnings
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import mudata
import numpy as np
import pandas as pd
from anndata import AnnData
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedKFold

from benchmarks.runner import data_folder, mean_and_spread, table, unit, write
from polyome.estimator import Estimator, estimator_class
from polyome.metrics import classification_metrics
from polyome.predict.evaluate import kept_baselines
from polyome.predict.predict import PredictArguments, predict

SEEDS = tuple(range(int(os.environ.get("SEEDS", "3"))))
FOLDS = 5
SHOWN = ["macro_f1", "accuracy", "log_loss", "ece"]
NOISE_COLUMNS = 50
SPEED_CELLS = 100_000
TARGETS = {"teaseq_pbmc": "cell_type", "a549_scicar": "dex_hours"}


@cache
def read(name: str) -> Any:
    """A set, its labels as text; of TEA-seq the types of ten paired cells or more."""
    path, target = data_folder() / "multimodal" / f"{name}.h5mu", TARGETS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with mudata.set_options(pull_on_update=False):
            mdata = mudata.read_h5mu(path)
            mdata.obs[target] = mdata.obs[target].astype(str)
            if "part" not in mdata.obs:
                mdata.obs["part"] = "paired"
            counts = mdata.obs.loc[mdata.obs["part"] == "paired", target].value_counts()
            usual = counts.index[counts >= 10]
            return mdata[mdata.obs[target].isin(usual)].copy()


def with_noise(mdata: Any) -> Any:
    """The same cells and 50 more 'antibodies' of the paired ones, which count nothing."""
    paired = mdata.obs_names[mdata.obs["part"] == "paired"]
    values = np.random.default_rng(0).poisson(5.0, (len(paired), NOISE_COLUMNS))
    names = pd.Index([f"noise{i}" for i in range(NOISE_COLUMNS)])
    noise = AnnData(
        values.astype(np.float32), pd.DataFrame(index=paired), pd.DataFrame(index=names)
    )
    with mudata.set_options(pull_on_update=False):
        joined = mudata.MuData(dict(mdata.mod) | {"noise": noise})
    for column in mdata.obs:
        joined.obs[column] = mdata.obs[column].reindex(joined.obs_names)
    return joined


def fitted(mdata: Any, target: str, inputs: str, part: np.ndarray, seed: int) -> Estimator:
    """Fit with the defaults on the rows whose part is ``train``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with mudata.set_options(pull_on_update=False):
            mdata.obs["split"] = part
            model = estimator_class("cell-type")(inputs=inputs, seed=seed, quiet=True)
            return model.fit(mdata, target, split="split", baselines=False)


def answered(model: Estimator, mdata: Any, shown: Iterable[str]) -> dict[str, list[list[float]]]:
    """Probabilities of cells by all inputs, by some alone, and by the linear baselines.

    Inputs shown are joined by ``+``.
    """
    columns, found = list(model.classes_), {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with mudata.set_options(pull_on_update=False):
            found["Polyome"] = model.predict(mdata)[columns].to_numpy()
            for names in shown:
                some = mudata.MuData({name: mdata.mod[name] for name in names.split("+")})
                alone = model.predict(some).loc[mdata.obs_names]
                found[f"Polyome, {names} alone"] = alone[columns].to_numpy()
            records = model.fitted_.modality.read(mdata)
            found |= kept_baselines(model.fitted_, records)
    return {name: np.round(proba, 6).tolist() for name, proba in found.items()}


def measure(
    name: str, inputs: str, seed: int, test: np.ndarray, shown: Iterable[str], *, more: bool
) -> dict[str, Any]:
    """Fit without a fold of the paired cells, and answer it.

    ``more`` fits the cells that have protein alone, too.
    """
    mdata = read(name)
    if "noise" in inputs:
        mdata = with_noise(mdata)
    is_paired = (mdata.obs["part"] == "paired").to_numpy()
    paired = np.flatnonzero(is_paired)
    part = np.where(is_paired | more, "train", "left out").astype(object)
    part[paired[test]] = "test"
    start = time.perf_counter()
    model = fitted(mdata, TARGETS[name], inputs, part, seed)
    seconds = time.perf_counter() - start
    return {
        "proba": answered(model, mdata[paired[test]].copy(), shown),
        "classes": list(model.classes_),
        "weights": model.fitted_.facts["stacking_weights"],
        "fit_seconds": seconds,
    }


def folds_of(name: str) -> tuple[list[np.ndarray], np.ndarray]:
    """Places of each fold among the paired cells; their labels, fold by fold."""
    mdata = read(name)
    own = mdata.obs.loc[mdata.obs["part"] == "paired", TARGETS[name]].astype(str).to_numpy()
    folds = [t for _, t in StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(own, own)]
    return folds, np.concatenate([own[test] for test in folds])


def cross_validated(
    name: str, inputs: str, shown: Iterable[str], *, more: bool = False
) -> tuple[dict[str, list[dict[str, Any]]], list[float]]:
    """Scores of all paired cells by what answered, one entry a seed; seconds of all fits."""
    folds, truth = folds_of(name)
    by_name: dict[str, list[dict[str, Any]]] = {}
    seconds: list[float] = []
    for seed in SEEDS:
        units = [
            unit(
                "inputs",
                {"set": name, "inputs": inputs, "seed": seed, "fold": fold, "more": more},
                lambda seed=seed, test=test: measure(name, inputs, seed, test, shown, more=more),
            )
            for fold, test in enumerate(folds)
        ]
        seconds += [one["fit_seconds"] for one in units]
        for who in units[0]["proba"]:
            proba = np.concatenate([np.array(one["proba"][who]) for one in units])
            scores = classification_metrics(truth, proba, tuple(units[0]["classes"]))
            by_name.setdefault(who, []).append({key: scores[key] for key in SHOWN})
    return by_name, seconds


def teaseq() -> None:
    """Five folds of the paired cells: all inputs, each alone, linear baselines."""
    _teaseq("teaseq", more=False)


def teaseq_more() -> None:
    """The same, fitted with the cells that have protein alone, too."""
    _teaseq("teaseq_more", more=True)


def _teaseq(row: str, *, more: bool) -> None:
    found, seconds = cross_validated("teaseq_pbmc", "rna,prot", ("rna", "prot"), more=more)
    rows = {name: mean_and_spread(scores) for name, scores in found.items()}
    number = len(folds_of("teaseq_pbmc")[1])
    body = table(rows, SHOWN) + _said(number, seconds)
    after = ", 5,025 cells of protein alone fitted, too" if more else ""
    title = f"TEA-seq of blood, RNA and surface proteins, five-fold{after}"
    write(row, title, body, {"scores": rows, "fit_seconds": seconds})


def _said(number: int, seconds: list[float]) -> str:
    """What stands below a table."""
    seeds = f"mean (SD) of seeds 0-{SEEDS[-1]}" if len(SEEDS) > 1 else f"seed {SEEDS[0]}"
    return f"\n\n{number:,} cells, {seeds}. Fit: {min(seconds):.0f} to {max(seconds):.0f} s."


def protein_only() -> None:
    """Fit on the paired cells, tested on those that have protein alone."""
    units = [unit("teaseq_protein", {"seed": s}, lambda s=s: _protein_only(s)) for s in SEEDS]
    rows = {
        who: mean_and_spread([one["scores"][who] for one in units]) for who in units[0]["scores"]
    }
    body = table(rows, SHOWN) + _said(units[0]["number"], [one["fit_seconds"] for one in units])
    title = "TEA-seq of blood, fitted on RNA and proteins, tested on cells of proteins alone"
    write("teaseq_protein", title, body, {"scores": rows})


def _protein_only(seed: int) -> dict[str, Any]:
    mdata = read("teaseq_pbmc")
    is_paired = (mdata.obs["part"] == "paired").to_numpy()
    start = time.perf_counter()
    part = np.where(is_paired, "train", "left out").astype(object)
    model = fitted(mdata, "cell_type", "rna,prot", part, seed)
    seconds = time.perf_counter() - start
    proba = answered(model, mdata[~is_paired].copy(), ())
    truth = mdata.obs["cell_type"].astype(str).to_numpy()
    prot = mdata.mod["prot"]
    modality: Any = model.fitted_.modality
    x = modality.members["prot"].normalised(_dense(prot.X))
    x = x[prot.obs_names.get_indexer(mdata.obs_names)]
    boosting = HistGradientBoostingClassifier(
        max_iter=200, learning_rate=0.05, class_weight="balanced", random_state=seed
    ).fit(x[is_paired], truth[is_paired])
    assert list(boosting.classes_) == list(model.classes_)
    proba["boosting, prot"] = boosting.predict_proba(x[~is_paired]).tolist()
    classes = tuple(model.classes_)
    scores = {
        who: classification_metrics(truth[~is_paired], np.array(found), classes)
        for who, found in proba.items()
    }
    return {
        "scores": {who: {key: one[key] for key in SHOWN} for who, one in scores.items()},
        "number": int((~is_paired).sum()),
        "fit_seconds": seconds,
    }


def _dense(x: Any) -> np.ndarray:
    return x.toarray() if hasattr(x, "toarray") else np.asarray(x)


def noise() -> None:
    """An input of noise beside others; what the same model says without it; one never offered it.

    Of A549, too, what accessibility adds, which says little of the hours.
    """
    rows: dict[str, dict[str, str]] = {}
    for name, own in (("teaseq_pbmc", "rna,prot"), ("a549_scicar", "rna")):
        offered = f"{own},noise=protein"
        for inputs, shown in ((offered, own.replace(",", "+")), (own, None)):
            found, _ = cross_validated(name, inputs, () if shown is None else (shown,))
            for who, scores in found.items():
                if who.startswith("Polyome"):
                    rows[f"{name}, {inputs}: {who}"] = mean_and_spread(scores)
    found, _ = cross_validated("a549_scicar", "rna,atac", ("rna",))
    rows |= {f"a549_scicar, rna,atac: {who}": mean_and_spread(s) for who, s in found.items()}
    body = table(rows, SHOWN) + f"\n\nNoise: {NOISE_COLUMNS} columns, Poisson of mean 5."
    write("input_noise", "An input that says nothing", body, {"scores": rows})


def inputs_speed() -> None:
    """Predict 100,000 cells with RNA and protein, file to file, and without the files."""
    result = unit("inputs_speed", {"threads": os.environ.get("OMP_NUM_THREADS", "all")}, _speed)
    lines = [f"| {what} | {result[what]:.1f} s |" for what in ("read", "answer", "file to file")]
    rate = SPEED_CELLS / result["file to file"]
    body = "| | |\n|---|---|\n" + "\n".join(lines)
    body += f"\n\n{SPEED_CELLS:,} cells of RNA and protein: {rate:,.0f} cells/s file to file."
    write("inputs_speed", "Speed of answering RNA and protein", body, result)


def _speed() -> dict[str, float]:
    mdata = read("teaseq_pbmc")
    is_paired = (mdata.obs["part"] == "paired").to_numpy()
    part = np.where(is_paired, "train", "left out").astype(object)
    model = fitted(mdata, "cell_type", "rna,prot", part, 0)
    rows = np.random.default_rng(0).choice(np.flatnonzero(is_paired), SPEED_CELLS)
    names = pd.Index([f"cell{i}" for i in range(SPEED_CELLS)])
    mod = {}
    for name, own in mdata.mod.items():
        places = own.obs_names.get_indexer(mdata.obs_names[rows])
        mod[name] = AnnData(own.X[places], pd.DataFrame(index=names), own.var[[]].copy())
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path, out = Path(folder) / "many.h5mu", Path(folder) / "answered.h5mu"
        with mudata.set_options(pull_on_update=False):
            mudata.MuData(mod).write_h5mu(path)
        begin = time.perf_counter()
        records = model.fitted_.modality.read(path)
        have_read = time.perf_counter()
        answers = predict(model.fitted_, records, PredictArguments())
        have_answered = time.perf_counter()
        model.fitted_.modality.write(records, answers, out)
        end = time.perf_counter()
    return {
        "read": have_read - begin,
        "answer": have_answered - have_read,
        "file to file": end - begin,
    }


ROWS = {
    "teaseq": teaseq,
    "teaseq_more": teaseq_more,
    "teaseq_protein": protein_only,
    "input_noise": noise,
    "inputs_speed": inputs_speed,
}
