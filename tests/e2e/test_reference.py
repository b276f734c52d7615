"""A section is named by a labelled single-cell reference, in one command."""

import anndata
import numpy as np
import pytest

import polyome
from polyome.data.simulate import simulate_cells
from polyome.modalities.cell import CellModality
from polyome.reference import with_genes_of

TINY = {"hidden_size": 16, "num_members": 1, "device": "cpu", "quiet": True}


@pytest.fixture(scope="module")
def reference():
    return simulate_cells(seed=0)


@pytest.fixture(scope="module")
def section(reference):
    """A panel of 30 of the reference's genes and two of its own, with coordinates."""
    cells = reference[:60, ::4].copy()
    cells.var_names = [*cells.var_names[:-2], "BLANK-1", "BLANK-2"]
    cells.obsm["spatial"] = np.random.default_rng(0).uniform(size=(60, 2))
    cells.obs["truth"] = cells.obs.pop("cell_type")
    return cells


def test_a_section_is_named_in_one_command(call, tiny, reference, section, tmp_path):
    reference.write_h5ad(tmp_path / "reference.h5ad")
    section.write_h5ad(tmp_path / "section.h5ad")
    words = ["annotate", tmp_path / "reference.h5ad", tmp_path / "section.h5ad"]
    words += ["--target=cell_type", f"--out={tmp_path / 'out.h5ad'}", *tiny]
    result = call(*words, "--set=align=true", "--set=num_train_epochs=5")
    assert result.exit_code == 0, result.stderr
    assert "28 genes are in both" in result.stderr
    assert "logistic_regression" in result.stdout
    found = anndata.read_h5ad(tmp_path / "out.h5ad")
    assert found.uns["polyome"]["aligned"]
    assert (found.obs["polyome_label"].astype(str) == found.obs["truth"].astype(str)).mean() > 0.8
    np.testing.assert_array_equal(found.obsm["spatial"], section.obsm["spatial"])


def test_the_reference_is_read_where_its_values_are(reference, section):
    whole = reference.copy()
    whole.raw = whole
    whole = whole[:, :5].copy()
    whole.X = whole.X.toarray() - whole.X.toarray().mean(axis=0)
    query = section.copy()
    model = polyome.annotate_from(whole, query, "cell_type", fit={"num_train_epochs": 5}, **TINY)
    assert len(model.fitted_.modality.vocabulary_) == 28
    assert (query.obs["polyome_label"].astype(str) == query.obs["truth"].astype(str)).mean() > 0.8


def test_too_few_genes_are_refused(reference, section, refused, tmp_path):
    with pytest.raises(
        polyome.InputError, match="7 of the query's 7 genes are in the reference; at least 10"
    ):
        polyome.annotate_from(reference, section[:, :7].copy(), "cell_type", **TINY)
    foreign = section.copy()
    foreign.var_names = [f"MOUSE{i}" for i in range(foreign.n_vars)]
    reference.write_h5ad(tmp_path / "reference.h5ad")
    foreign.write_h5ad(tmp_path / "foreign.h5ad")
    paths = [tmp_path / name for name in ("reference.h5ad", "foreign.h5ad")]
    message = refused("annotate", *paths, "--target=cell_type", f"--out={tmp_path / 'a.h5ad'}")
    assert "0 of the query's 30 genes are in the reference" in message
    assert "The query has 'MOUSE0', 'MOUSE1'" in message
    assert not (tmp_path / "a.h5ad").exists()
    assert ".csv or .h5ad" in refused(
        "annotate", *paths, "--target=cell_type", f"--out={tmp_path / 'a.txt'}"
    )


def test_unknown_settings_list_those_of_fitting_and_of_answering(refused, tmp_path):
    paths = [tmp_path / name for name in ("reference.h5ad", "section.h5ad")]
    out = f"--out={tmp_path / 'a.csv'}"
    message = refused("annotate", *paths, "--target=cell_type", out, "--set=aligned=true")
    assert "Did you mean 'align'" in message
    assert "'num_genes'" in message


def test_scaled_values_are_not_compared_with_counts(reference, section):
    scaled = section.copy()
    scaled.X = scaled.X.toarray() - scaled.X.toarray().mean(axis=0)
    with pytest.raises(polyome.InputError, match="the query's values are scaled and the reference"):
        polyome.annotate_from(reference, scaled, "cell_type", **TINY)


def test_gene_names_and_layers_are_those_that_each_of_the_two_has(reference, section):
    ids = reference.copy()
    ids.var["symbol"] = ids.var_names
    ids.var_names = [f"ENSG{i:011d}" for i in range(ids.n_vars)]
    ids.layers["counts"] = ids.X.copy()
    where = {"gene_column": "symbol", "layer": "counts"}
    query = section.copy()
    fit = {"num_train_epochs": 5}
    model = polyome.annotate_from(ids, query, "cell_type", fit=fit, **where, **TINY)
    assert len(model.fitted_.modality.vocabulary_) == 28
    assert (query.obs["polyome_label"].astype(str) == query.obs["truth"].astype(str)).mean() > 0.8
    with pytest.raises(polyome.InputError, match="no column 'names'"):
        polyome.annotate_from(ids, query, "cell_type", gene_column="names", **TINY)


def test_few_genes_of_a_log2_reference_are_not_taken_for_another_logarithm():
    rng = np.random.default_rng(0)
    levels = rng.lognormal(0, 1.5, (60, 400)) * (rng.random((60, 400)) < 0.5)
    levels *= 1e4 / levels.sum(axis=1, keepdims=True)
    names = [f"gene {i}" for i in range(400)]
    reference = anndata.AnnData(np.log2(1 + levels).astype(np.float32))
    query = anndata.AnnData(rng.poisson(3, (30, 40)).astype(np.float32))
    reference.var_names, query.var_names = names, names[:40]
    modality = CellModality()
    shared = with_genes_of(modality.read(query), modality.read(reference))
    np.testing.assert_allclose(shared.X.toarray(), levels[:, :40], rtol=1e-3)


def test_the_state_of_a_reference_is_recognised_by_all_of_its_genes():
    """Of a panel's genes alone, log1p of molecules that are not whole looks like log2."""
    rng = np.random.default_rng(0)
    cells = simulate_cells(300, 600, 3, seed=3)
    denoised = rng.gamma(cells.X.toarray() + 0.3, 1)
    denoised *= 1e4 / denoised.sum(axis=1, keepdims=True)
    known = cells.copy()
    known.X = np.log1p(denoised).astype(np.float32)
    few = denoised.max(axis=0) < 29
    modality = CellModality()
    shared = with_genes_of(modality.read(cells[:, few].copy()), modality.read(known))
    recognised = modality.read(shared).expression.recognition
    assert recognised.description == "unlogged and not whole numbers"
    assert modality.read(shared).expression.rows([0]).toarray() == pytest.approx(
        denoised[:1, few], rel=1e-3
    )


def test_what_is_wrong_with_the_query_is_said_before_work_starts(reference, section, monkeypatch):
    monkeypatch.setattr(polyome.CellTypeClassifier, "fit", None)
    with pytest.raises(polyome.InputError, match="knows no key 'alignn'"):
        polyome.annotate_from(reference, section, "cell_type", predict={"alignn": True}, **TINY)
    few = section[:5].copy()
    with pytest.raises(polyome.InputError, match="align=true: 5 records are too few"):
        polyome.annotate_from(reference, few, "cell_type", predict={"align": True}, **TINY)
    twice = section.copy()
    twice.obs_names = ["same"] * twice.n_obs
    with pytest.raises(polyome.InputError, match="occurs more than once"):
        polyome.annotate_from(reference, twice, "cell_type", **TINY)
