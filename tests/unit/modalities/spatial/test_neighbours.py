"""Neighbours are found within a section, whole shells of ties at once, in units without a frame."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from polyome.modalities.spatial.neighbours import FADE, Sections, find_neighbours, unit_of

ALL = slice(None)


def one(coordinates):
    return Sections(np.asarray(coordinates, float), np.zeros(len(coordinates), int), ("all",))


def hexagons(half=8):
    rows, columns = np.mgrid[-half : half + 1, -half : half + 1]
    return np.stack([columns + rows % 2 / 2, rows * np.sqrt(3) / 2], -1).reshape(-1, 2)


def scattered(n=300, dims=2, seed=0):
    return np.random.default_rng(seed).uniform(0, 1000, (n, dims))


def around(found, row):
    places = slice(found.starts[row], found.starts[row + 1])
    return found.cells[places], found.distances[places]


@pytest.mark.parametrize(("k", "taken"), [(1, 6), (6, 6), (8, 12), (15, 18), (30, 30)])
def test_neighbours_tied_with_the_kth_are_all_taken(k, taken):
    grid = hexagons()
    middle = int(np.hypot(*grid.T).argmin())
    found = find_neighbours(one(37.0 * grid), k)
    weights = found.weights(np.array([middle]), k)
    assert (weights > 0).sum() == taken
    assert (weights[weights > 0] == 1).all()


def test_more_ties_than_are_looked_up_at_once():
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    circle = np.concatenate([[[0, 0]], np.stack([np.cos(angles), np.sin(angles)], -1)])
    cells, distances = around(find_neighbours(one(circle), 3), 0)
    assert sorted(cells) == list(range(1, 61))
    np.testing.assert_allclose(distances, distances[0], rtol=1e-5)


@pytest.mark.parametrize("dims", [2, 3])
def test_the_k_nearest_as_by_hand(dims):
    points = scattered(dims=dims)
    found = find_neighbours(one(points), 10)
    expected = NearestNeighbors(n_neighbors=10).fit(points).kneighbors(return_distance=False)
    for row in range(0, 300, 17):
        assert list(around(found, row)[0][:10]) == list(expected[row])


def test_distances_are_in_units_of_the_median_nearest_distance():
    found = find_neighbours(one(scattered()), 5)
    assert np.median(found.distances[found.starts[:-1]]) == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("dims", [2, 3])
def test_moving_turning_mirroring_and_scaling_change_nothing(dims):
    points = scattered(dims=dims)
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(dims, dims)))[0]
    moved = 1000 * points @ turn + 12345.0
    mirrored = points * np.array([-1, 1, 1][:dims])
    usual = find_neighbours(one(points), 20)
    for other in (find_neighbours(one(moved), 20), find_neighbours(one(mirrored), 20)):
        assert (usual.starts == other.starts).all()
        assert (usual.cells == other.cells).all()
        np.testing.assert_allclose(usual.distances, other.distances, atol=1e-5)


def test_an_error_of_rounding_moves_no_mean():
    points, values = scattered(), np.random.default_rng(2).normal(size=(300, 4)).astype(np.float32)
    rows = np.arange(300)
    usual = find_neighbours(one(points), 8).means(rows, 8, values)
    shaken = points + np.random.default_rng(3).uniform(-1e-4, 1e-4, points.shape)
    other = find_neighbours(one(shaken), 8).means(rows, 8, values)
    assert np.abs(usual - other).max() < 1e-3


def test_a_mean_is_that_of_the_neighbours_alone():
    grid = hexagons()
    values = np.arange(len(grid), dtype=np.float32)[:, None]
    found = find_neighbours(one(grid), 6)
    middle = int(np.hypot(*grid.T).argmin())
    cells = around(found, middle)[0][:6]
    mean = found.means(np.array([middle]), 6, values)
    assert mean[0, 0] == pytest.approx(values[cells].mean())
    assert middle not in cells


def test_weights_fade_from_the_kth_outward():
    line = np.array([[0.0, 0], [1, 0], [-1 - FADE / 2, 0], [9, 0]])
    found = find_neighbours(one(line), 1)
    weights = found.weights(np.array([0]), 1)
    assert weights[0] == 1
    assert 0 < weights[1] < 1


def test_sections_at_the_same_place_do_not_see_each_other():
    points = np.tile(scattered(60), (2, 1))
    found = find_neighbours(Sections(points, np.repeat([0, 1], 60), ("a", "b")), 10)
    owners = np.repeat(np.arange(120), np.diff(found.starts))
    assert ((owners < 60) == (found.cells < 60)).all()
    assert (found.distances > 0).all()


def test_fewer_cells_than_k_and_a_cell_alone():
    points = np.array([[0.0, 0], [3, 0], [0, 4], [7, 7]])
    found = find_neighbours(Sections(points, np.array([0, 0, 0, 1]), ("a", "b")), 30)
    assert np.diff(found.starts).tolist() == [2, 2, 2, 0]
    values = np.ones((4, 2), np.float32)
    assert found.means(np.arange(4), 30, values).tolist() == [[1, 1]] * 3 + [[0, 0]]


def test_cells_at_one_place_are_neighbours_of_each_other():
    points = np.concatenate([scattered(40), scattered(40)[:2], scattered(40)[:1]])
    found = find_neighbours(one(points), 5)
    cells, distances = around(found, 0)
    assert {40, 42} <= set(cells[:2])
    assert distances[0] == 0
    assert np.isfinite(found.directions).all()


def test_the_unit_skips_cells_at_one_place():
    assert unit_of(np.array([[0.0, 0], [0, 0], [0, 2], [0, 4]])) == 2
    assert unit_of(np.zeros((3, 2))) == 1


def test_what_was_found_for_more_neighbours_is_used_for_fewer():
    sections = one(scattered())
    many = sections.neighbourhoods(30)
    assert sections.neighbourhoods(8) is many
    assert sections.neighbourhoods(40) is not many
    values = np.random.default_rng(0).normal(size=(300, 3)).astype(np.float32)
    few = find_neighbours(sections, 8).means(np.arange(300), 8, values)
    np.testing.assert_allclose(many.means(np.arange(300), 8, values), few, atol=1e-5)
    few = find_neighbours(sections, 8).pairs(np.arange(0, 300, 3), 8)
    for usual, other in zip(many.pairs(np.arange(0, 300, 3), 8), few):
        assert (usual == other).all()
