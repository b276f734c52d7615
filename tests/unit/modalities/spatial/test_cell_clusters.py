"""Clusters of cells, by which a neighbourhood's composition is told."""

import numpy as np
import pytest

from polyome.modalities.spatial.cell_clusters import MOST_CLUSTERS, CellClusters


@pytest.fixture
def kinds():
    """Three kinds of cells, 200 of each, far apart in two genes of ten."""
    rng = np.random.default_rng(0)
    middles = np.zeros((3, 10))
    middles[1, 0] = middles[2, 1] = 3
    names = np.repeat([0, 1, 2], 200)
    return rng.normal(middles[names], 0.3).astype(np.float32), names


def test_a_cluster_holds_cells_of_one_kind(kinds):
    z, names = kinds
    clusters = CellClusters.fit(z, seed=0)
    nearest = clusters.memberships(z).argmax(axis=1)
    for cluster in np.unique(nearest):
        assert len(np.unique(names[nearest == cluster])) == 1


def test_memberships_less_what_is_usual_are_zero_on_average(kinds):
    z, _ = kinds
    clusters = CellClusters.fit(z, seed=0)
    found = clusters.memberships(z)
    assert found.shape == (600, MOST_CLUSTERS)
    assert np.abs(found.mean(axis=0)).max() < 1e-5
    np.testing.assert_allclose((found + clusters.shares).sum(axis=1), 1, atol=1e-5)


def test_one_absurd_value_makes_no_cluster(kinds):
    z, _ = kinds
    wild = z.copy()
    wild[0, 5] = 1e4
    found = CellClusters.fit(wild, seed=0).memberships(wild)
    assert np.isfinite(found).all()
    assert CellClusters.fit(wild, seed=0).centres.max() <= 3.5


@pytest.mark.parametrize("n", [1, 2, 30])
def test_few_or_equal_cells_make_few_clusters(n):
    clusters = CellClusters.fit(np.zeros((n, 4), np.float32), seed=0)
    assert len(clusters.centres) == 1
    assert clusters.memberships(np.ones((3, 4), np.float32)).tolist() == [[0.0]] * 3
