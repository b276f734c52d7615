"""A clustering of the same matrix is suspected by name, and hinted at by numbers."""

import numpy as np
import pytest
from scipy import sparse

from polyome.audit.clustering import labels_from_clustering, neighbour_agreement


def plane(n=1500):
    """Points of a plane without gaps, cut in four: a clustering of what has no clusters."""
    x = np.random.default_rng(0).uniform(size=(n, 2))
    return x, np.char.add((x[:, 0] > 0.5).astype(str), (x[:, 1] > 0.5).astype(str))


def test_a_cut_continuum_is_a_note():
    x, labels = plane()
    found = labels_from_clustering(x, labels, target="cell_type")
    assert [finding.severity for finding in found] == ["note"]
    assert "although the labels touch" in found[0].message


def test_labels_that_mix_where_they_touch_are_not_suspected():
    x, _ = plane()
    mixed = np.random.default_rng(1).random(len(x)) < x[:, 0]
    assert labels_from_clustering(x, mixed, target="genotype") == []


def test_shuffled_labels_do_not_agree_with_their_neighbours():
    x, labels = plane()
    numbers = neighbour_agreement(x, np.random.default_rng(0).permutation(labels))
    assert numbers["agreement"] < 0.35
    assert numbers["border"] > 0.9


@pytest.mark.parametrize("name", ["louvain", "leiden_0.5", "seurat_clusters", "RNA_snn_res.0.8"])
def test_a_name_is_enough(name):
    x = np.random.default_rng(0).normal(size=(60, 5))
    labels = np.array(["a", "b", "c"] * 20)
    assert [f.severity for f in labels_from_clustering(x, labels, target=name)] == ["warning"]


def test_settings_in_uns_need_the_numbers_too():
    x, labels = plane()
    keys = ["leiden", "cell_type_colors"]
    found = labels_from_clustering(x, labels, target="cell_type", uns_keys=keys)
    assert [finding.severity for finding in found] == ["warning"]
    shuffled = np.random.default_rng(0).permutation(labels)
    assert labels_from_clustering(x, shuffled, target="cell_type", uns_keys=keys) == []


def test_sparse_and_dense_agree():
    x = np.random.default_rng(0).poisson(1, (80, 50)).astype(np.float32)
    labels = np.array(["a", "b"] * 40)
    dense, thin = neighbour_agreement(x, labels), neighbour_agreement(sparse.csc_matrix(x), labels)
    assert dense["agreement"] == pytest.approx(thin["agreement"], abs=0.1)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("file", "column", "as_called", "renamed"),
    [
        ("pbmc3k_counts", "louvain", ["warning"], ["note"]),
        ("celllines_celseq2_5cl", "cell_line", [], []),
    ],
)
def test_real_labels(real_data, file, column, as_called, renamed):
    import anndata

    adata = anndata.read_h5ad(real_data / "single_cell" / f"{file}.h5ad")
    counts = sparse.csr_matrix(adata.X, dtype=np.float32)
    depth = np.asarray(counts.sum(axis=1)).ravel()
    x = sparse.csr_matrix(sparse.diags(1e4 / depth) @ counts).log1p()
    labels = adata.obs[column].astype(str).to_numpy()
    for target, expected in ((column, as_called), ("type", renamed)):
        found = labels_from_clustering(x, labels, target=target)
        assert [finding.severity for finding in found] == expected
