"""Sections laid on one another are found, and what only looks like it is not."""

import numpy as np
import pandas as pd
import pytest

from polyome.modalities.spatial.overlap import find_overlap


def spaced(n_side=20, seed=0):
    """Cells that keep a distance: a shaken grid."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(np.arange(n_side), np.arange(n_side)), -1).reshape(-1, 2)
    return grid + rng.uniform(-0.2, 0.2, grid.shape)


def laid_over(number=2):
    return np.concatenate([spaced(seed=k) for k in range(number)])


def column_of(places, **values):
    found = find_overlap(places, pd.DataFrame(values))
    return None if found is None else found.column


def test_sections_are_named_by_a_column_of_any_name():
    kinds = np.random.default_rng(2).choice(list("abc"), 800)
    which = np.repeat(["x", "y"], 400)
    assert column_of(laid_over(), kind=kinds, which=which, score=np.arange(800.0)) == "which"


def test_of_several_columns_the_one_called_section_is_named():
    halves = np.repeat(["x", "y"], 400)
    assert column_of(laid_over(), split=halves, mouse_section=halves) == "mouse_section"


@pytest.mark.parametrize(
    "name",
    [
        "fov",
        "FOV",
        "roi",
        "core_id",
        "region",
        "well",
        "tile",
        "imageID",
        "puck",
        "ImageNumber",
    ],
)
def test_fields_of_view_laid_on_one_another_are_sections(name):
    fields = {name: np.repeat(np.arange(4), 400)}
    kinds = np.random.default_rng(2).choice(list("abc"), 1600)
    assert column_of(laid_over(4), kind=kinds, **fields) == name
    assert column_of(laid_over(4), **{name: np.repeat(np.arange(4.0), 400)}) == name


@pytest.mark.parametrize("name", ["library_id", "Sample", "orig.ident", "section_label"])
def test_mixed_sections_whose_cells_keep_no_distance(name):
    places = np.random.default_rng(0).uniform(size=(600, 2))
    assert column_of(places, **{name: np.random.default_rng(1).choice(["x", "y"], 600)}) == name


@pytest.mark.parametrize("name", ["cell_type", "CellType", "leiden", "subclass", "domain"])
def test_a_column_of_cell_types_is_never_taken(name):
    assert column_of(laid_over(), **{name: np.repeat(["x", "y"], 400)}) is None


def test_few_close_pairs_are_no_evidence_against_rare_kinds():
    """Of 21 pairs none has one kind: with a fifth of all neighbours alike, by chance in a 100th."""
    places = laid_over(4)[:1053]
    kinds = np.random.default_rng(0).choice(list("abcdefg"), 1053, p=[0.35, 0.25, *[0.08] * 5])
    assert column_of(places, what=kinds) is None


@pytest.mark.parametrize("places", [spaced(28), np.random.default_rng(0).uniform(size=(784, 2))])
def test_cell_types_fields_of_view_and_rows_of_a_grid_are_no_sections(places):
    rng = np.random.default_rng(1)
    tiles = np.floor(places / places.max(axis=0) * 5.99)
    assert (
        column_of(
            places,
            kind=rng.choice(list("ab"), 784),
            array_row=np.repeat(np.arange(28), 28).astype(str),
            fov=np.where(places[:, 0] > np.median(places[:, 0]), "left", "right"),
            tile=(tiles[:, 0] * 6 + tiles[:, 1]).astype(int),
            section="one",
            name=[f"cell {i}" for i in range(784)],
        )
        is None
    )


def test_a_grid_without_close_pairs():
    grid = np.stack(np.meshgrid(np.arange(20.0), np.arange(20.0)), -1).reshape(-1, 2)
    assert column_of(grid, array_row=np.repeat(np.arange(20), 20).astype(str)) is None


def test_a_column_that_does_not_count():
    obs = pd.DataFrame({"which": np.repeat(["x", "y"], 400)})
    assert find_overlap(laid_over(), obs, ignored=["which"]) is None
