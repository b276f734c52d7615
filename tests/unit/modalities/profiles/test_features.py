import numpy as np
import pytest
import torch
from anndata import AnnData
from scipy import sparse

from polyome.data.simulate import simulate_cells
from polyome.modalities.cell import CellModality
from polyome.modalities.profiles.components import _leading
from polyome.modalities.profiles.features import ProfileFeatures, is_counted, moments, thinned
from polyome.outputs.unknown import UnknownDetector


@pytest.fixture(scope="module")
def lognorm():
    counts = simulate_cells(200, seed=0).X
    scale = 1e4 / np.asarray(counts.sum(axis=1)).ravel()
    return (sparse.diags_array(scale) @ counts).tocsr().log1p().astype(np.float32), counts


def test_thinning_keeps_whole_molecules_and_the_mean(lognorm):
    values, counts = lognorm
    rng = np.random.default_rng(0)
    drawn = [np.expm1(thinned(values, 0.3, rng).toarray()) for _ in range(60)]
    expected = np.expm1(values.toarray())
    np.testing.assert_allclose(np.mean(drawn, axis=0).sum(axis=1), expected.sum(1), rtol=0.03)
    assert all((d[counts.toarray() == 0] == 0).all() for d in drawn)


def test_thinning_leaves_the_original_alone(lognorm):
    values, _ = lognorm
    before = values.copy()
    thinned(values, 0.3, np.random.default_rng(0))
    assert (values != before).nnz == 0


def test_cells_without_counts_are_thinned_to_nothing():
    empty = sparse.csr_matrix((3, 5), dtype=np.float32)
    assert thinned(empty, 0.3, np.random.default_rng(0)).nnz == 0


def test_knows_molecules_from_measurements_without_a_unit(lognorm):
    values, _ = lognorm
    assert is_counted(values)
    tpm = sparse.csr_matrix(np.random.default_rng(0).lognormal(3, 2, (50, 40)).astype(np.float32))
    assert not is_counted(tpm.log1p())
    assert not is_counted(values.toarray())


def test_moments_of_sparse_and_dense_agree(lognorm):
    values, _ = lognorm
    for one, other in zip(moments(values), moments(values.toarray()), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


SPEC = {
    "num_genes": 30,
    "num_components": 6,
    "num_ood_features": 6,
    "input_dropout": 0.3,
    "component_shift": 0.1,
}


def test_features_vary_in_training_only():
    features = ProfileFeatures(SPEC)
    features.get_buffer("components").normal_()
    values = torch.randn(8, 30)
    assert torch.equal(features.eval()(values), features(values))
    assert not torch.equal(features.train()(values), features(values))


def test_without_components_genes_count_by_themselves():
    features = ProfileFeatures(SPEC | {"num_components": 0}).eval()
    values = torch.randn(8, 30)
    assert torch.equal(features(values), values)
    assert features.width == 30
    assert features.ood_features(values=values).shape == (8, 6)


def test_the_direct_path_reads_more_components_than_the_trunk_and_the_same_first(lognorm):
    values, _ = lognorm
    modality = CellModality(num_components=3)
    records = modality.read(AnnData(values.copy()))
    modality.fit(records)
    direct, trunk = CellModality.features(modality.spec()), ProfileFeatures(modality.spec())
    for module in (direct, trunk):
        modality.start_from(module.eval(), records)
    z = torch.from_numpy(modality.standardised(records))
    assert trunk(z).shape == (200, 3)
    assert direct(z).shape == (200, values.shape[1] - 1)
    assert direct.readings == (3, values.shape[1] - 1)
    torch.testing.assert_close(direct(z)[:, :3], trunk(z))
    torch.testing.assert_close(direct.ood_features(values=z), trunk.ood_features(values=z))


def test_a_panel_is_read_gene_by_gene_by_both():
    spec = SPEC | {"num_components": 0, "num_linear_components": 0}
    assert CellModality.features(spec).readings is None


@pytest.fixture(scope="module")
def fitted():
    cells = simulate_cells(400, 300, seed=1)
    return CellModality(num_components=10).fit(CellModality().read(cells)), cells


def test_components_are_orthonormal_and_in_order(fitted):
    modality, _ = fitted
    identity = modality.components_ @ modality.components_.T
    np.testing.assert_allclose(identity, np.eye(len(identity)), atol=1e-4)
    assert (np.diff(modality.stds_) <= 0).all()


def test_missing_genes_are_completed_from_the_others(fitted):
    modality, cells = fitted
    whole = modality.standardised(modality.read(cells))
    kept = np.random.default_rng(0).random(cells.n_vars) >= 0.3
    partial = modality.standardised(modality.read(cells[:, kept].copy()))
    missing = ~np.isin(modality.vocabulary_.names, cells.var_names[kept])
    # Along the components that matter the completed profile says what the whole one says.
    strong = modality.components_[:2]
    for component in strong:
        with_them = np.corrcoef(whole @ component, partial @ component)[0, 1]
        without = partial.copy()
        without[:, missing] = 0
        assert with_them > 0.95
        scale = np.std(without @ component) / np.std(whole @ component)
        assert abs(np.std(partial @ component) / np.std(whole @ component) - 1) < abs(scale - 1)


def test_highly_variable_genes_are_chosen_where_there_are_many():
    cells = simulate_cells(200, 300, seed=2)
    modality = CellModality(num_genes=100).fit(CellModality().read(cells))
    assert len(modality.selected_) == 100
    assert len(modality.vocabulary_) > 100  # the library is still taken over all of them
    markers = cells.varm["markers"].any(axis=1)
    chosen = np.isin(cells.var_names, np.array(modality.vocabulary_.names)[modality.selected_])
    assert markers[chosen].mean() > 1.3 * markers.mean()


def test_one_gene_is_enough_not_to_crash():
    cells = simulate_cells(60, seed=0)[:, :1].copy()
    modality = CellModality().fit(CellModality().read(cells))
    assert modality.standardised(modality.read(cells)).shape == (60, 1)


def test_a_whole_number_layer_is_preferred_to_scaled_values():
    cells = simulate_cells(60, seed=0)
    scaled = AnnData((cells.X.toarray() - cells.X.mean()) / 3, obs=cells.obs, var=cells.var)
    scaled.layers["counts"] = cells.X
    modality = CellModality()
    records = modality.read(scaled)
    assert any("counts" in note for note in records.notes)
    np.testing.assert_allclose(
        modality.fit(records).standardised(records),
        CellModality().fit(modality.read(cells)).standardised(modality.read(cells)),
        atol=1e-5,
    )


def test_missing_genes_do_not_make_known_cells_strange():
    """The share refused stays near the nominal one, because the lost precision is known."""
    cells = simulate_cells(1200, 300, seed=3)
    types = cells.obs["cell_type"].cat.codes.to_numpy()
    modality = CellModality(num_components=10).fit(CellModality().read(cells[:600].copy()))

    def ood_features(query):
        records = modality.read(query)
        kept = modality.components_[: modality.num_ood_features_]
        return modality.standardised(records) @ kept.T, modality.ood_noise(records)

    detector = UnknownDetector.fit(ood_features(cells[:600].copy())[0], types[:600])
    held_out = detector.distance(ood_features(cells[600:900].copy())[0])
    detector = detector.with_threshold(held_out, refused=0.1)
    genes = np.random.default_rng(0).random(cells.n_vars) >= 0.5
    found, noise = ood_features(cells[900:, genes].copy())
    assert (detector.score(found) > 1).mean() > 0.2
    assert (detector.score(found, noise) > 1).mean() == pytest.approx(0.1, abs=0.06)


def test_a_linear_map_of_components_is_one_of_genes():
    spec = {"num_genes": 40, "num_components": 12, "num_ood_features": 3, "num_modules": 2}
    features = ProfileFeatures(spec | {"input_dropout": 0.3, "component_shift": 0.1}).eval()
    features.components.normal_()
    features.stds.uniform_(1, 2)
    values, linear = torch.randn(7, 40), torch.nn.Linear(12, 4)
    torch.testing.assert_close(features.weighed(linear, values=values), linear(features(values)))
    torch.testing.assert_close(
        features.ood_features(values=values), features.project(values)[:, :3]
    )


def test_components_of_few_cells_are_those_of_their_covariance():
    z = np.random.default_rng(0).normal(size=(30, 80)) * np.linspace(3, 0.1, 80)
    values, vectors = _leading(z, 5)
    expected, directions = np.linalg.eigh(z.T @ z / 30)
    np.testing.assert_allclose(values, expected[::-1][:5])
    np.testing.assert_allclose(np.abs((vectors * directions[:, ::-1][:, :5]).sum(axis=0)), 1)


def test_as_many_components_as_cells_are_orthonormal():
    z = np.random.default_rng(0).normal(size=(6, 20))
    for wanted in (5, 6, 8):
        vectors = _leading(z, wanted)[1]
        np.testing.assert_allclose(vectors.T @ vectors, np.eye(wanted), atol=1e-9)


def test_centred_genes_keep_their_spread():
    cells = CellModality().read(simulate_cells(60, seed=0))
    own = CellModality(num_components=5, unit_variance=False).fit(cells)
    assert (own.scales_ == 1).all()
    single = CellModality(num_components=0, unit_variance=False).fit(cells)
    assert len(np.unique(single.scales_)) > 1
