"""Simulated and semi-synthetic tissue: what is real is real, and it says what is not."""

import numpy as np
import pandas as pd
import scanpy as sc

from polyome.data.tissue_simulator import DOMAINS, semi_synthetic_tissue, simulate_tissue


def test_a_seed_gives_the_same_tissue():
    for make in (simulate_tissue, semi_synthetic_tissue):
        one, same, other = make(seed=1), make(seed=1), make(seed=2)
        assert (one.obsm["spatial"] == same.obsm["spatial"]).all()
        assert (one.X != same.X).nnz == 0
        assert not np.array_equal(one.obsm["spatial"], other.obsm["spatial"])
        assert one.uns["simulated"]


def test_semi_synthetic_cells_are_the_real_ones():
    tissue, real = semi_synthetic_tissue(), sc.datasets.pbmc68k_reduced()
    sums = np.sort(np.asarray(tissue.X.sum(axis=1)).ravel())
    np.testing.assert_allclose(sums, np.sort(np.asarray(real.raw.X.sum(axis=1)).ravel()))
    counts = tissue.obs["bulk_labels"].value_counts()
    assert counts.to_dict() == real.obs["bulk_labels"].value_counts().to_dict()
    assert "semi-synthetic" in tissue.uns["simulated"]


def test_a_domain_holds_all_kinds_and_most_of_its_own():
    tissue = semi_synthetic_tissue()
    types = tissue.obs["bulk_labels"].isin(["Dendritic", "CD14+ Monocyte"])
    share = pd.crosstab(tissue.obs["domain"], types, normalize="index")[True]
    assert set(share.index) == set(DOMAINS)
    assert share["sinus"] > 0.7
    assert share.min() > 0.1


def test_domains_lie_together():
    tissue = semi_synthetic_tissue()
    places, domain = tissue.obsm["spatial"], tissue.obs["domain"].astype(str).to_numpy()
    radius = np.hypot(*places.T)
    assert radius[domain == "sinus"].min() > np.median(radius[domain != "sinus"])
    assert len(np.unique(places.round(3), axis=0)) == len(places)


def test_sections_have_frames_and_units_of_their_own():
    tissue = simulate_tissue(600, n_sections=3)
    spans = [
        np.ptp(tissue.obsm["spatial"][tissue.obs["section"] == name], axis=0).max()
        for name in ("section 1", "section 2", "section 3")
    ]
    assert spans[2] > 2 * spans[1] > 4 * spans[0]
