"""The README's results are those of the committed tables, and its commands name rows that exist."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from benchmarks.__main__ import ROWS

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
README = (ROOT / "README.md").read_text()
TABLE_ROWS = [line for line in README.splitlines() if line.startswith("|") and "ONLY=" in line]
SHOWN = {"promoters": ["mcc"], "expression": ["pearson", "r2"]}


@pytest.mark.parametrize("name", sorted(set(re.findall(r"ONLY=(\w+)", README))))
def test_a_row_that_the_readme_names_exists(name):
    assert name in ROWS
    assert (RESULTS / f"{name}.md").is_file()


@pytest.mark.parametrize("line", TABLE_ROWS, ids=lambda line: line.split("`")[1])
def test_a_score_of_the_readme_is_that_of_its_table(line):
    (name,) = re.findall(r"ONLY=(\w+)", line)
    scores = json.loads((RESULTS / f"{name}.json").read_text())["scores"]
    metrics = SHOWN[name.partition("_")[0]]
    parts = ("polyome", "transformer alone", "linear model alone")
    expected = [[float(scores[part][metric].split()[0]) for metric in metrics] for part in parts]
    cells = [cell.replace("*", "").split("/") for cell in line.split("|")[2:5]]
    assert np.allclose([[float(v) for v in cell] for cell in cells], expected, atol=6e-4)


@pytest.mark.parametrize(
    "line",
    [line for line in TABLE_ROWS if "ONLY=promoters_" in line],
    ids=lambda line: line.split("`")[1],
)
def test_a_score_without_homologues_is_that_of_its_table(line):
    (name,) = re.findall(r"ONLY=promoters_(\w+)", line)
    found = json.loads((RESULTS / f"promoters_homology_{name}.json").read_text())
    own, best = (float(v) for v in line.split("|")[6].replace("*", "").split("/"))
    assert np.allclose(
        [own, best], [found["mcc"]["polyome"], found["mcc"][found["best"]]], atol=6e-4
    )
