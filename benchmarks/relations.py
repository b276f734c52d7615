"""Relations between motifs that no motif tells by itself, where layers are needed."""

import warnings
from typing import Any

from benchmarks.runner import mean_and_spread, table, unit, write
from polyome.data.relations import RELATIONS, simulate_relations
from polyome.estimator import estimator_class

SEEDS = (0, 1, 2)
N_TEST = 1000
WAYS: dict[str, dict[str, Any]] = {
    "default": {},
    "motif tokens": {"tokens": "motif"},
    "motif tokens, no layers": {"tokens": "motif", "num_hidden_layers": 0},
}
"""One network each; a linear model beside it, as always."""


def measured(relation: str, rows: int, way: str, seed: int) -> dict[str, Any]:
    """Accuracy of one way to read, and of the cheap baselines beside the default."""
    data = simulate_relations(relation, rows + N_TEST, seed=seed)
    data["split"] = ["train"] * rows + ["test"] * N_TEST
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = estimator_class("promoter")(num_members=1, seed=seed, quiet=True, **WAYS[way])
        found: Any = model.fit(data, "label", split="split", baselines=way == "default").evaluation_
    scores = {way: found.metrics["accuracy"]}
    return scores | {name: s["accuracy"] for name, s in found.baselines.items() if name in CHEAP}


CHEAP = ("logistic_regression", "gradient_boosting")


def _row(name: str, title: str, relations: list[str], rows: int) -> None:
    numbers, shown = {}, {}
    for relation in relations:
        found: list[dict[str, Any]] = []
        for seed in SEEDS:
            scores: dict[str, Any] = {}
            for way in WAYS:
                settings = {"relation": relation, "rows": rows, "way": way, "seed": seed}
                scores |= unit(name, settings, lambda s=settings: measured(**s))
            found.append(scores)
        numbers[relation] = found
        shown[relation] = mean_and_spread(found)
    body = table(shown, [*WAYS, *CHEAP]) + (
        f"\n\nAccuracy on {N_TEST:,} test sequences of 180 bp after {rows:,} training sequences, "
        f"mean (SD) over seeds {', '.join(map(str, SEEDS))}; simulated; one network."
    )
    write(name, title, body, numbers)


def relations() -> None:
    """Seven relations from 4,000 sequences."""
    _row("relations", "Relations between motifs", [*RELATIONS], 4000)


def recall() -> None:
    """Recall with five of sixteen keys and four values from 20,000 sequences."""
    _row("recall", "Recall: which value follows the key that is asked for", ["recall"], 20_000)


ROWS = {"relations": relations, "recall": recall}
