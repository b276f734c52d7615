"""What positions give away is found, and what only looks like it is not."""

import numpy as np
import pandas as pd

from polyome.audit.positions import (
    leak_findings,
    overlap_findings,
    position_findings,
    state_findings,
    unit_findings,
)
from polyome.splits import Split

NONE = np.array([], dtype=int)


def spaced(n_side=20, seed=0):
    """Cells that keep a distance: a shaken grid."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(np.arange(n_side), np.arange(n_side)), -1).reshape(-1, 2)
    return grid + rng.uniform(-0.2, 0.2, grid.shape)


def two_sections():
    return np.concatenate([spaced(seed=0), spaced(seed=1)])


def columns(**values):
    return pd.DataFrame(values)


def test_sections_laid_on_one_another_are_a_warning():
    (found,) = overlap_findings(two_sections(), columns(which=np.repeat(["x", "y"], 400)))
    assert found.severity == "warning"
    assert found.numbers == {"column": "which", "sections": 2, "same_place": 0}
    assert "Pass section=which" in found.message
    assert overlap_findings(spaced(), columns(kind=["a"] * 400)) == []


def test_cells_at_equal_places_that_no_column_separates():
    places = np.concatenate([spaced(), spaced()[:60]])
    (found,) = overlap_findings(places, columns(kind=["a"] * 460))
    assert "120 of 460 cells lie at exactly the place of another" in found.message
    assert found.numbers == {"same_place": 120}


def test_a_target_is_no_section():
    obs = columns(which=np.repeat(["x", "y"], 400))
    assert overlap_findings(two_sections(), obs, ignored=["which"]) == []


def near(n=400):
    owners = np.repeat(np.arange(n), 2)
    return np.stack([np.arange(n) - 1, np.arange(n) + 1], 1).clip(0, n - 1).ravel(), owners


def test_a_scattered_test_part_leaks_and_a_block_does_not():
    rows = np.arange(400)
    scattered = Split(rows[rows % 5 > 0], NONE, rows[rows % 5 == 0], 0, "at random")
    (found,) = leak_findings(*near(), scattered)
    assert found.numbers["share_of_test"] == 1
    assert "--split-by blocks" in found.message
    block = Split(rows[:320], NONE, rows[320:], 0, "by block")
    assert leak_findings(*near(), block) == []
    assert leak_findings(*near(), Split(rows, NONE, NONE, 0, "none")) == []


def test_position_alone():
    places = spaced()
    rows = np.random.default_rng(0).permutation(400)
    split = Split(rows[:300], NONE, rows[300:], 0, "at random")
    stripes = np.array(["a", "b"], dtype=object)[(places[:, 0] > 10).astype(int)]
    (found,) = position_findings(places, stripes, split)
    assert found.severity == "warning"
    assert found.numbers["accuracy"] > 0.9
    noise = np.random.default_rng(1).choice(np.array(["a", "b"], dtype=object), 400)
    assert position_findings(places, noise, split) == []
    assert position_findings(places, np.full(400, None), split) == []


def test_units_that_differ():
    (found,) = unit_findings({"a": 12.0, "b": 13.0})
    assert found.severity == "note"
    assert "plausible as micrometres" in found.message
    assert "not micrometres" in unit_findings({"a": 0.03})[0].message
    (found,) = unit_findings({"a": 12.0, "b": 190.0})
    assert "12 apart in section 'a' but 190 in 'b'" in found.message


def test_sections_of_other_values():
    states = {"a": "counts", "b": "counts", "c": "log1p of counts"}
    (found,) = state_findings(states)
    assert "counts in 'a', 'b'; log1p of counts in 'c'" in found.message


def test_sections_of_one_cell_have_no_unit():
    assert unit_findings({}) == []
