"""The demo's data, ten draws of each, beside the cheap baselines."""

import warnings
from typing import Any

import numpy as np

from benchmarks.runner import mean_and_spread, table, unit, write
from polyome.data.expression import simulate_expression
from polyome.data.promoters import simulate_promoters
from polyome.data.tissue_simulator import semi_synthetic_tissue
from polyome.estimator import estimator_class
from polyome.tasks import TASKS
from polyome.tasks.base import Example

SEEDS = range(10)
SETS = ("cell-type", "promoter", "expression", "spatial")
METRICS = {
    "cell-type": ["accuracy", "macro_f1", "log_loss"],
    "promoter": ["mcc", "accuracy", "log_loss"],
    "expression": ["pearson", "rmse"],
    "spatial": ["accuracy", "macro_f1", "log_loss"],
}


def drawn(task: str, seed: int) -> tuple[Example, Any]:
    """The demo's example of a task, and its source drawn with another seed.

    The cells are the same for every seed; which of them are test rows hangs on the model's seed.
    """
    example = TASKS[task].demo()
    simulated = {
        "promoter": lambda: simulate_promoters(3000, seed=seed),
        "expression": lambda: simulate_expression(1500, 110, seed=seed),
        "spatial": lambda: semi_synthetic_tissue(seed=seed),
    }
    return example, simulated.get(task, lambda: example.source)()


def measured(task: str, seed: int) -> dict[str, Any]:
    """Scores of the model and its baselines with the demo's settings."""
    example, source = drawn(task, seed)
    split: Any = {"split_by": example.split_by} if example.split_by else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = estimator_class(task)(quiet=True, seed=seed, **example.settings)
        found: Any = model.fit(source, example.target, **split).evaluation_
    return {"scores": {"polyome": found.metrics} | found.variants | found.baselines}


def demo_sets() -> None:
    """Mean of ten seeds; every baseline beside it."""
    numbers: dict[str, Any] = {}
    parts = []
    for task in SETS:
        units = [{"task": task, "seed": seed} for seed in SEEDS]
        results = [unit("demo_sets", one, lambda one=one: measured(**one)) for one in units]
        names = results[0]["scores"]
        rows = {n: mean_and_spread([r["scores"][n] for r in results]) for n in names}
        numbers[task] = {
            "rows": rows,
            "first": [r["scores"]["polyome"][METRICS[task][0]] for r in results],
            "seconds": float(np.mean([r["seconds"] for r in results])),
        }
        parts.append(f"**{task}**\n\n" + table(rows, METRICS[task]))
    body = "\n\n".join(parts) + (
        "\n\nMean (SD) of ten seeds. Cells: scanpy's pbmc68k_reduced, ten random splits 80/20. The "
        "others are simulated (tissue: real cells in simulated domains), drawn anew by each seed."
    )
    write("demo_sets", "The demo's data, ten draws", body, numbers)


ROWS = {"demo_sets": demo_sets}
