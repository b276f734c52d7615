"""Expression: five measured sets, intervals, variants in simulated reporters, long sequences."""

import tempfile
import time
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.contributions import contributions
from benchmarks.runner import data_folder, mean_and_spread, paired, shown, table, unit, write
from polyome.baselines.dna import MOST_ROWS, kmers_and_letters, placed_letters, scaled_kmers
from polyome.baselines.dna_values import (
    boosted,
    choose_boosting,
    gene_kmers,
    small_cnn,
    tuned_ridge,
)
from polyome.data.expression import simulate_expression
from polyome.data.expression_grammar import expression_scores
from polyome.estimator import Estimator, estimator_class
from polyome.genome.variants import score_variants
from polyome.io.nucleotides import Sequences
from polyome.metrics import pearson, regression_metrics
from polyome.modalities.dna.codons import common_start
from polyome.modalities.sequence import GENE_BP

SETS = {
    "lafleur2022": "ecoli_sigma70_lafleur2022",
    "ecoli_tss_mpra": "ecoli_endogenous_tss_mpra",
    "ecoli_genes": "ecoli_genes_rnaseq",
    "yeast_genes": "yeast_genes_rnaseq",
    "yeast_dream2022": "yeast_dream2022_testset",
}
BARS = {
    "lafleur2022": (0.915, 0.835),
    "yeast_dream2022": (0.81, 0.655),
    "ecoli_tss_mpra": (0.51, 0.25),
    "ecoli_genes": (0.71, 0.45),
    "yeast_genes": (0.52, 0.24),
}
SEEDS = (0, 1, 2)
SHOWN = ["pearson", "spearman", "r2", "rmse"]
UPSTREAM = {"ecoli_genes": 400, "yeast_genes": 500}
"""Bases before the start codon or the start site."""


def read(name: str) -> pd.DataFrame:
    """One of the five sets, rows named by number, the value in ``target``."""
    found = pd.read_csv(data_folder() / "dna" / f"expression_{SETS[name]}.csv.gz")
    found = found.set_axis(found.index.astype(str), axis=0)
    if name == "lafleur2022":
        found = found[found["high_quality"] == "Yes"]
        return found.assign(target=found["log_tx_ref"])
    if name == "ecoli_tss_mpra":
        found = found[found["split"] != "both"]
        return found.assign(target=np.log2(found["expression"].clip(lower=0) + 0.05))
    if name == "yeast_genes":
        found = found[found["fpkm"] > 0]
    return found.assign(target=found["expression"])


def stay_together(name: str, data: pd.DataFrame) -> np.ndarray | None:
    """Groups of rows that inner folds keep whole, as the given split does; None for none."""
    if name == "yeast_dream2022":
        return data["group"].astype(str).to_numpy()
    if name == "yeast_genes":
        return data["chrom"].to_numpy()
    position = {"ecoli_tss_mpra": "start", "ecoli_genes": "start0"}.get(name)
    return None if position is None else (data[position] // 100_000).astype(str).to_numpy()


def fitted(name: str, data: pd.DataFrame, **settings: Any) -> Estimator:
    """Fit with the defaults, quietly, on the file's own split."""
    groups = stay_together(name, data)
    data = data if groups is None else data.assign(together=groups)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = estimator_class("expression")(quiet=True, device="cpu", **settings)
        group = None if groups is None else "together"
        return model.fit(data, "target", split="split", group=group, baselines=False)


def measure_model(name: str, seed: int) -> dict[str, Any]:
    """Fit one model; keep what it answers on the test rows, and how often intervals hold."""
    data = read(name)
    start = time.perf_counter()
    model = fitted(name, data, seed=seed)
    wall = time.perf_counter() - start
    answers = contributions(model, data[data["split"] == "test"])
    assert model.evaluation_ is not None
    return {
        "values": {n: np.round(v[:, 0], 6).tolist() for n, v in answers.items()},
        "fit_seconds": wall,
        "linear_weight": model.fitted_.facts["linear_weight"],
        "coverage": model.evaluation_.coverage["target"],
    }


def models(name: str) -> list[dict[str, Any]]:
    """Fit with each seed."""
    return [
        unit("expression", {"set": name, "seed": seed}, lambda s=seed: measure_model(name, s))
        for seed in SEEDS
    ]


def cheap(name: str) -> list[dict[str, np.ndarray]]:
    """What the tuned baselines answer on the test rows, for each seed; averaged like the model."""
    data = read(name)
    train, test = data[data["split"] != "test"], data[data["split"] == "test"]
    length = int(data["sequence"].str.len().max())
    x, x_test = (Sequences.from_text(p["sequence"].tolist()).matrix(length) for p in (train, test))
    y = train["target"].to_numpy()[:, None]
    groups = stay_together(name, train)
    repeats = 5 if len(train) < MOST_ROWS else 2

    def once(kind: str, measure: Any, seed: int = 0) -> Any:
        settings = {"set": name, "seed": seed}
        return unit(f"expression-{kind}", settings, lambda: {"is": measure()})["is"]

    def ridge(features: Any) -> list[float]:
        return tuned_ridge(x, y, x_test, features, groups=groups)[:, 0].tolist()

    kmers = np.array(once("kmers", lambda: ridge(scaled_kmers)))
    letters = np.array(once("letters", lambda: ridge(placed_letters)))
    words = kmers_and_letters
    if length >= GENE_BP:
        words = partial(gene_kmers, start=common_start(x))
    settings = once("choose", lambda: choose_boosting(x, y, groups=groups, features=words))
    answers = []
    for seed in SEEDS:
        seeds = range(repeats * seed, repeats * (seed + 1))
        trees = once(
            "boosting",
            lambda s=seeds: boosted(x, y, x_test, settings, seeds=s, features=words)[:, 0].tolist(),
            seed,
        )
        cnn = once(
            "cnn",
            lambda s=seed: small_cnn(x, y, x_test, seed=s, groups=groups, repeats=repeats)[
                :, 0
            ].tolist(),
            seed,
        )
        answers.append(
            {
                "ridge, k-mers 1-6": kmers,
                "ridge, one-hot": letters,
                "ridge (both, averaged)": (kmers + letters) / 2,
                "gradient boosting": np.array(trees),
                "ridge + boosting": (kmers + letters) / 4 + np.array(trees) / 2,
                "small CNN": np.array(cnn),
            }
        )
    return answers


def r_of(truth: np.ndarray, said: np.ndarray) -> float:
    """Pearson's r; 0 where one of them does not vary."""
    return pearson(truth, said) or 0.0


def one_set(name: str) -> dict[str, Any]:
    """Everything measured on one set: scores by name, and differences to the best baseline."""
    data = read(name)
    test = data[data["split"] == "test"]
    truth = test["target"].to_numpy()
    found_models, rivals = models(name), cheap(name)
    by_seed = [
        {part: np.array(values) for part, values in model["values"].items()} | rival
        for model, rival in zip(found_models, rivals)
    ]
    if name == "lafleur2022":
        for found in by_seed:
            found["published calculator"] = test["calculator_prediction"].to_numpy()
    scores = {
        n: [dict(regression_metrics(truth, found[n])) for found in by_seed] for n in by_seed[0]
    }
    mean = {n: float(np.mean([s["pearson"] for s in found])) for n, found in scores.items()}
    best = max(rivals[0], key=lambda n: mean[n])
    own, other = ([found[n] for found in by_seed] for n in ("polyome", best))
    found = {
        "scores": {n: mean_and_spread(values) for n, values in scores.items()},
        "n": len(test),
        "best": best,
        **paired(truth, own, other, r_of),
        "fit_seconds": [model["fit_seconds"] for model in found_models],
        "linear_weight": [model["linear_weight"] for model in found_models],
        "coverage": [model["coverage"] for model in found_models],
    }
    if name == "yeast_dream2022":
        rows = (test["category"] == "all_random").to_numpy()
        trees = [found["gradient boosting"][rows] for found in by_seed]
        mine = [one[rows] for one in own]
        found["all_random"] = {"n": int(rows.sum()), **paired(truth[rows], mine, trees, r_of)}
    return found


def measured_set(name: str) -> None:
    """Rows a to g on one set: its own split, defaults, three seeds."""
    found = one_set(name)
    lines = [
        f"{found['n']:,} test rows of the file's own split, mean (SD) of seeds 0-2. "
        + "The bar: r {}, R2 {}.".format(*BARS[name]),
        table(found["scores"], SHOWN),
        f"Model less the best baseline ({found['best']}), Pearson's r, with a paired 95 % interval "
        f"(bootstrap over test rows): {shown(found)}.",
        "Coverage of 90 % intervals: {}. Seconds to fit: {}.".format(
            ", ".join(f"{c:.3f}" for c in found["coverage"]),
            ", ".join(f"{s:.0f}" for s in found["fit_seconds"]),
        ),
    ]
    if "all_random" in found:
        some = found["all_random"]
        lines.append(f"On the {some['n']:,} rows `all_random`, model less boosting: {shown(some)}.")
    write(f"expression_{name}", f"Expression: {name}", "\n\n".join(lines), found)


def measure_form(name: str, form: str, seed: int) -> dict[str, Any]:
    """Natural genes: upstream sequence only, or with half-life as a feature."""
    data = read(name)
    settings: dict[str, Any] = {}
    if form == "upstream only":
        data = data.assign(sequence=data["sequence"].str[: UPSTREAM[name]])
    else:
        settings["feature_columns"] = "half_life_min"
    model = fitted(name, data, seed=seed, **settings)
    assert model.evaluation_ is not None
    return {"metrics": model.evaluation_.metrics}


def expression_forms() -> None:
    """Beside rows d and e: upstream only; half-life as a feature."""
    forms = [(n, "upstream only") for n in UPSTREAM] + [("yeast_genes", "with half-life")]
    rows = {}
    for name, form in forms:
        found = [
            unit(
                "expression-form",
                {"set": name, "form": form, "seed": seed},
                lambda n=name, f=form, s=seed: measure_form(n, f, s),
            )["metrics"]
            for seed in SEEDS
        ]
        rows[f"{name}, {form}"] = mean_and_spread(found)
    body = f"Mean (SD) of seeds 0-2.\n\n{table(rows, SHOWN)}\n"
    write("expression_forms", "Natural genes in other forms", body, rows)


def measure_variants(
    seed: int,
    reporters_read: int,
    length: int,
    number: int = 10_000,
    **training: Any,
) -> dict[str, Any]:
    """Known substitutions of simulated reporters: true effects against scored ones."""
    model = estimator_class("expression")(seed=seed, quiet=True, device="cpu")
    data = simulate_expression(reporters_read, length, seed=seed)
    model.fit(data, "expression", baselines=False, **training)
    reporters = simulate_expression(200, length, seed=1000 + seed)["sequence"].tolist()
    rng = np.random.default_rng(seed)
    rows = sorted(
        zip(rng.integers(0, 200, number).tolist(), rng.integers(0, length, number).tolist())
    )
    changed = [(i, p, "ACGT".replace(reporters[i][p], "")[int(rng.integers(3))]) for i, p in rows]
    reference = expression_scores(reporters)
    truth = expression_scores([reporters[i][:p] + a + reporters[i][p + 1 :] for i, p, a in changed])
    truth -= reference[[i for i, _, _ in changed]]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "g.fa").write_text("".join(f">r{i}\n{s}\n" for i, s in enumerate(reporters)))
        bed = "".join(f"r{i}\t0\t{length}\tr{i}\t0\t+\n" for i in range(len(reporters)))
        (folder / "w.bed").write_text(bed)
        lines = "".join(
            f"r{i}\t{p + 1}\t.\t{reporters[i][p]}\t{a}\t.\t.\t.\n" for i, p, a in changed
        )
        header = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
        (folder / "v.vcf").write_text(header + lines)
        start = time.perf_counter()
        paths = (folder / "v.vcf", folder / "g.fa", folder / "o.vcf")
        score_variants(model.fitted_, *paths, windows=folder / "w.bed", quiet=True)
        wall = time.perf_counter() - start
        text = (folder / "o.vcf").read_text().splitlines()
    effects = np.array(
        [float(li.split("DIFF_expression=")[1].split(";")[0]) for li in text if li[0] != "#"]
    )
    top = np.abs(truth) >= np.quantile(np.abs(truth), 0.9)
    return {
        "pearson": pearson(truth, effects),
        "sign_in_top_decile": float((np.sign(truth) == np.sign(effects))[top].mean()),
        "seconds_per_10000": wall * 10_000 / number,
        "members": len(model.fitted_.model.members),
    }


def expression_variants() -> None:
    """Row h: effects of variants in simulated reporters, whose truth is known; speed at 300 bp."""
    found = [
        unit("expression-variants", {"seed": s}, lambda s=s: measure_variants(s, 30_000, 150))
        for s in SEEDS
    ]
    speed = {
        number: unit(
            "expression-variants-speed",
            {"reporters": number},
            lambda n=number: measure_variants(0, n, 300, num_train_epochs=1),
        )
        for number in (30_000, 500)
    }
    columns = ["pearson", "sign_in_top_decile"]
    shown = table({"polyome": mean_and_spread(found)}, columns)
    body = f"Simulated, 30,000 reporters of 150 bp. Mean (SD) of seeds 0-2.\n\n{shown}\n\n"
    body += "10,000 variants in windows of 300 bp:\n\n" + "\n".join(
        f"- {of['seconds_per_10000']:.0f} s by the {of['members']} members that {number:,} "
        "reporters get"
        for number, of in speed.items()
    )
    numbers = {"effects": found, "speed": speed}
    write("expression_variants", "Effects of variants in simulated reporters", body, numbers)


def measure_length(length: int) -> dict[str, Any]:
    """Fit a little on random sequences of a length, then time predictions."""
    rng = np.random.default_rng(0)
    letters = rng.choice(list("ACGT"), (256, length))
    data = pd.DataFrame({"sequence": ["".join(row) for row in letters]})
    data["value"] = (letters == "G").mean(axis=1)
    model = estimator_class("expression")(quiet=True, device="cpu")
    model.fit(data, "value", baselines=False, num_train_epochs=1)
    start = time.perf_counter()
    model.predict(data)
    return {"ms_per_record": 1000 * (time.perf_counter() - start) / len(data)}


def expression_length() -> None:
    """Row j: time per record of 10 kbp against 500 bp."""
    found = {
        n: unit("expression-length", {"bp": n}, lambda n=n: measure_length(n))
        for n in (500, 10_000)
    }
    times = {f"{n} bp": {"ms per record": found[n]["ms_per_record"]} for n in found}
    ratio = found[10_000]["ms_per_record"] / found[500]["ms_per_record"]
    body = f"{table(times, ['ms per record'])}\n\n10 kbp take {ratio:.1f} times as long.\n"
    write("expression_length", "Long sequences", body, found)


ROWS = {
    **{f"expression_{name}": (lambda n=name: measured_set(n)) for name in SETS},
    "expression_forms": expression_forms,
    "expression_variants": expression_variants,
    "expression_length": expression_length,
}
