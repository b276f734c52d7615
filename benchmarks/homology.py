"""Homology: coin flips on changed copies, false families, and what the promoter sets lose."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import matthews_corrcoef

from benchmarks.promoters import SETS, read
from benchmarks.runner import table, unit, write
from polyome.audit.homology import compared, have_relatives, homologous_groups, similar_groups
from polyome.audit.relatives import unite
from polyome.audit.sequences import sequence_findings
from polyome.baselines.dna import letters, scaled_kmers, tuned_linear
from polyome.io.nucleotides import Sequences
from polyome.splits import Split, group_split, random_split

ROW = "homology"
LENGTHS = (80, 120, 150, 300)
COPIES = (4, 10)
SEEDS = range(20)
REDRAWN = 0.3
"""Share of the letters that a copy draws again: two copies are 62 % identical."""
ROWS_SIMULATED = 1000
SPLITS = dict.fromkeys(SETS, 10) | {"human_gue_core_all": 2}
"""Drawings of the test part; 59,196 rows take long, and their test part is large."""
BLOCK = 10
GROUPINGS = {"30-mers only": similar_groups, "homology": homologous_groups}
BASES = np.array(list("ACGT"))


def families(count: int, size: int, length: int, seed: int) -> tuple[list[str], np.ndarray]:
    """Copies of random ancestors: texts, and the family of each."""
    rng = np.random.default_rng(seed)
    copies = np.repeat(rng.choice(BASES, (count, length)), size, axis=0)
    changed = rng.random(copies.shape) < REDRAWN
    copies[changed] = rng.choice(BASES, changed.sum())
    return ["".join(copy) for copy in copies], np.repeat(np.arange(count), size)


def accuracy(dna: Sequences, labels: np.ndarray, split: Split) -> float:
    """Of logistic regression on the letter at each position, on the test rows."""
    x = letters(dna.matrix())
    model = LogisticRegression(C=0.1, max_iter=300).fit(x[split.train], labels[split.train])
    return float(model.score(x[split.test], labels[split.test]))


def measure_coins(length: int, size: int, seed: int) -> dict[str, Any]:
    """One label for each family by a coin, and how well it is predicted under each split."""
    texts, family = families(ROWS_SIMULATED // size, size, length, seed)
    labels = np.random.default_rng(seed).integers(0, 2, family.max() + 1)[family]
    dna, labelled = Sequences.from_text(texts), np.ones(len(texts), bool)
    at_random = random_split(labels, labelled=labelled, seed=seed)
    found = sequence_findings(dna, labels, at_random)
    result: dict[str, Any] = {
        "random": accuracy(dna, labels, at_random),
        "warned": any(f.kind == "relatives" and f.severity == "warning" for f in found),
    }
    for name, grouping in GROUPINGS.items():
        groups = grouping(dna)
        split = group_split(groups, labels=labels, labelled=labelled, seed=seed)
        result[name] = accuracy(dna, labels, split)
    result["family across"] = float(np.isin(family[split.test], family[split.train]).mean())
    return result


def coins() -> tuple[str, dict[str, Any]]:
    """Table of coin flips by length and copies of a family, and its numbers."""
    rows: dict[str, dict[str, Any]] = {}
    numbers = {}
    for length in LENGTHS:
        for size in COPIES:
            units = [_coins(length, size, seed) for seed in SEEDS]
            name = f"{length} bp, {size} copies"
            numbers[name] = units
            names = ("random", *GROUPINGS)
            rows[name] = {n: _with_error([u[n] for u in units]) for n in names}
            rows[name]["audit warns"] = f"{sum(u['warned'] for u in units)} of {len(units)}"
            rows[name]["family across"] = f"{np.mean([u['family across'] for u in units]):.2%}"
    return table(rows, list(next(iter(rows.values())))), numbers


def _coins(length: int, size: int, seed: int) -> dict[str, Any]:
    settings = {"length": length, "copies": size, "seed": seed}
    return unit(f"{ROW}-coins", settings, lambda: measure_coins(length, size, seed))


def _with_error(values: list[float]) -> str:
    """Mean, and its standard error."""
    return f"{np.mean(values):.3f} ± {np.std(values, ddof=1) / np.sqrt(len(values)):.3f}"


def dinucleotide_shuffle(text: str, rng: np.random.Generator) -> str:
    """Another order of the letters in which each pair of neighbours is as frequent.

    After Altschul and Erickson (1985): a random walk that uses every pair once.
    """
    after: dict[str, list[str]] = {}
    for one, other in pairwise(text):
        after.setdefault(one, []).append(other)
    while True:
        drawn = {one: rng.permutation(others).tolist() for one, others in after.items()}
        if all(_ends_at(text[-1], one, drawn) for one in drawn):
            break
    steps = {one: iter(others) for one, others in drawn.items()}
    walk = [text[0]]
    for _ in text[1:]:
        walk.append(next(steps[walk[-1]]))
    return "".join(walk)


def _ends_at(last: str, letter: str, after: dict[str, list[str]]) -> bool:
    """Whether the last step from each letter leads to the text's last letter in the end."""
    for _ in after:
        if letter == last:
            return True
        letter = after[letter][-1]
    return letter == last


def dinucleotides(data: pd.DataFrame) -> list[str]:
    """Each sequence shuffled by itself."""
    rng = np.random.default_rng(0)
    return [dinucleotide_shuffle(text.upper(), rng) for text in data["sequence"]]


def blocks(data: pd.DataFrame) -> list[str]:
    """Blocks of 10 bp of the same place, shuffled among the rows of a class."""
    rng = np.random.default_rng(0)
    texts, labels = data["sequence"].str.upper().tolist(), data["label"].to_numpy()
    width = max(map(len, texts))
    matrix = np.array([list(text.ljust(width, "N")) for text in texts])
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        for start in range(0, width, BLOCK):
            matrix[rows, start : start + BLOCK] = matrix[
                rng.permutation(rows), start : start + BLOCK
            ]
    return ["".join(row) for row in matrix]


def measure_false(data: pd.DataFrame, shuffle: Callable[[pd.DataFrame], list[str]]) -> float:
    """Share of the rows that are taken for relatives, though shuffled."""
    dna = Sequences.from_text(shuffle(data))
    groups = unite(compared(dna).dna, np.arange(len(dna)))
    return float((np.bincount(groups)[groups] > 1).mean())


def measure_groups(data: pd.DataFrame) -> dict[str, Any]:
    """Families of both groupings, and the rows that join another family.

    Of a new family that unites old ones, all rows but those of the largest old one join it.
    """
    dna = Sequences.from_text(data["sequence"].tolist())
    groups = pd.DataFrame({name: grouping(dna) for name, grouping in GROUPINGS.items()})
    old, new = (groups[name] for name in GROUPINGS)
    pieces = groups.groupby([new, old]).size()
    largest = pieces.groupby(level=0).max()
    split = _split(old.to_numpy(), data["label"].to_numpy(), 0)
    return {
        "groups": {name: groups[name].tolist() for name in groups},
        "joined": float(1 - largest.sum() / len(groups)),
        "largest": {name: int(groups[name].value_counts().max()) for name in groups},
        "relative across": float(have_relatives(dna, split.test, split.train).mean()),
    }


def _split(groups: np.ndarray, labels: np.ndarray, seed: int) -> Split:
    known = np.ones(len(groups), bool)
    return group_split(groups, labels=labels, labelled=known, seed=seed, name="homology")


def measure_linear(data: pd.DataFrame, groups: list[int], seed: int) -> dict[str, Any]:
    """MCC of tuned logistic regression on k-mers, on the test rows of a split by these groups."""
    families_of, labels = np.array(groups), data["label"].astype(str).to_numpy()
    split = _split(families_of, labels, seed)
    x = Sequences.from_text(data["sequence"].tolist()).matrix()
    train, test = split.train, split.test
    proba = tuned_linear(x[train], labels[train], x[test], scaled_kmers, groups=families_of[train])
    said = np.unique(labels[train])[proba.argmax(axis=1)]
    return {"mcc": float(matthews_corrcoef(labels[test], said)), "test_rows": len(test)}


def one_set(name: str) -> dict[str, Any]:
    """Everything measured on one promoter set."""
    data = read(name)
    found = unit(f"{ROW}-groups", {"set": name}, lambda: measure_groups(data))
    result: dict[str, Any] = {k: found[k] for k in ("joined", "largest", "relative across")}
    result["rows"] = len(data)
    for shuffle in (dinucleotides, blocks):
        kind = shuffle.__name__
        settings = {"set": name, "shuffle": kind}
        result[kind] = unit(
            f"{ROW}-false", settings, lambda s=shuffle: {"rows": measure_false(data, s)}
        )["rows"]
    for grouping, groups in found["groups"].items():
        result[grouping] = [
            unit(
                f"{ROW}-linear",
                {"set": name, "grouping": grouping, "seed": seed},
                lambda groups=groups, seed=seed: measure_linear(data, groups, seed),
            )["mcc"]
            for seed in range(SPLITS[name])
        ]
    return result


def promoter_sets() -> tuple[str, dict[str, Any]]:
    """Table of the six promoter sets, and its numbers."""
    numbers = {name: one_set(name) for name in SETS}
    rows = {}
    for name, found in numbers.items():
        before, after = (found["largest"][grouping] for grouping in GROUPINGS)
        rows[f"{name} ({found['rows']:,} rows)"] = {
            "dinucleotides shuffled": f"{found['dinucleotides']:.2%}",
            "blocks shuffled": f"{found['blocks']:.2%}",
            "join a family": f"{found['joined']:.1%}",
            "largest family": f"{before:,} → {after:,}",
            "relative across": f"{found['relative across']:.1%}",
            **{f"MCC, {grouping}": _with_error(found[grouping]) for grouping in GROUPINGS},
        }
    return table(rows, list(next(iter(rows.values())))), numbers


def homology() -> None:
    """Both tables."""
    coin_table, coin_numbers = coins()
    set_table, set_numbers = promoter_sets()
    body = f"""### Coin flips on copies with {REDRAWN:.0%} of the letters drawn again

Accuracy of logistic regression on the letter at each position, {ROWS_SIMULATED:,} rows. Each
family has one label, by a coin, so there is nothing to learn but the family. Mean ± standard error
of seeds 0 to {SEEDS[-1]}. *30-mers only* is the earlier split. *Family across*: test rows with a
copy of their family among the training rows, under the homology split.

{coin_table}

With no family across, what is left beside .5 is no memory: the test part holds 20 to 50 coins.

### The six promoter sets

*Shuffled*: share of the rows that are taken for relatives after the dinucleotides of each row, or
the {BLOCK}-bp blocks of a place among the rows of a class, were shuffled. All of these are false.
*Join a family*: rows that join another family by a relative without a shared 30-mer. *Relative
across*: test rows with a relative among the training rows, under the earlier split by 30-mers only.
*MCC*: tuned logistic regression on k-mers of 1 to 6 bp under both splits, mean ± standard error of
{SPLITS[SETS[0]]} drawings of the test part ({SPLITS[SETS[-1]]} of human core).

{set_table}"""
    title = "Homology: copies that differ in a third of their letters"
    write(ROW, title, body, {"coins": coin_numbers, "sets": set_numbers})


ROWS = {ROW: homology}
