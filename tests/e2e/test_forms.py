"""One sample in many forms gets the same labels; half a sample gets nearly the same ones."""

import warnings

import anndata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

import polyome
from polyome.data.simulate import simulate_cells
from polyome.estimator import estimator_class

CLASSES = ["type 1", "type 2", "type 3"]


def dense(adata):
    adata.X = adata.X.toarray()
    return adata


def csc(adata):
    adata.X = adata.X.tocsc()
    return adata


def sparse_array(adata):
    adata.X = sparse.csr_array(adata.X)
    return adata


def float64(adata):
    adata.X = adata.X.astype(np.float64)
    return adata


def integers(adata):
    adata.X = adata.X.astype(np.int32)
    return adata


def log_normalised(adata):
    library = np.asarray(adata.X.sum(axis=1)).ravel()
    adata.X = (sparse.diags_array(1e4 / library) @ adata.X).tocsr().log1p()
    return adata


def log_of_counts(adata):
    adata.X = adata.X.log1p()
    return adata


def log2_of_counts(adata):
    adata.X = adata.X.log1p() / np.float32(np.log(2))
    return adata


def genes_permuted(adata):
    return adata[:, np.random.default_rng(0).permutation(adata.n_vars)].copy()


def extra_genes(adata):
    """Genes that the model does not know do not count towards the library."""
    rng = np.random.default_rng(0)
    more = sparse.csr_matrix(rng.poisson(3.0, (adata.n_obs, 60)).astype(np.float32))
    names = [*adata.var_names, *(f"EXTRA{i}" for i in range(60))]
    return AnnData(
        sparse.hstack([adata.X, more], format="csr"), obs=adata.obs, var=pd.DataFrame(index=names)
    )


def split_genes(adata):
    """A gene's counts on two rows of var with one name."""
    counts = adata.X.toarray()
    half = np.floor(counts[:, :5] / 2)
    counts[:, :5] -= half
    names = [*adata.var_names, *adata.var_names[:5]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # anndata's, of the repeated names
        return AnnData(np.hstack([counts, half]), obs=adata.obs, var=pd.DataFrame(index=names))


def in_a_layer(adata):
    adata.layers["counts"] = adata.X.copy()
    adata.X = scaled(adata.X)
    return adata


def in_raw(adata):
    adata.raw = adata.copy()
    adata.X = scaled(adata.X)
    return adata


def view(adata):
    twice = anndata.concat({"a": adata, "b": adata}, index_unique="-", merge="same")
    some = twice[adata.n_obs :]
    some.obs_names  # noqa: B018
    return some


def scaled(counts):
    values = np.log1p(counts.toarray())
    return ((values - values.mean(axis=0)) / (values.std(axis=0) + 1e-6)).astype(np.float32)


FORMS = [
    dense,
    csc,
    sparse_array,
    float64,
    integers,
    log_normalised,
    log_of_counts,
    log2_of_counts,
    genes_permuted,
    extra_genes,
    split_genes,
    in_a_layer,
    in_raw,
    view,
]


def assert_same(found, expected, *, atol=1e-4):
    assert list(found["label"]) == list(expected["label"])
    np.testing.assert_allclose(found[CLASSES], expected[CLASSES], atol=atol)


@pytest.fixture(scope="module")
def expected(model, cells):
    answers = model.predict(cells)
    assert answers["label"].nunique() >= 3
    return answers


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_every_form_gets_the_same_labels(model, cells, expected, form):
    assert_same(model.predict(form(cells.copy())), expected)


@pytest.mark.parametrize("form", [None, dense, csc, log_normalised, in_raw, in_a_layer])
def test_every_form_gets_the_same_labels_from_a_file(model, cells, expected, tmp_path, form):
    path = tmp_path / "query.h5ad"
    (cells if form is None else form(cells.copy())).write_h5ad(path)
    assert_same(model.predict(path), expected)  # the file is read backed
    backed = anndata.read_h5ad(path, backed="r")
    assert backed.isbacked
    assert_same(model.predict(backed), expected)
    assert_same(model.predict(backed[10:50]), expected[10:50])


def test_fitting_on_another_form_gives_the_same_model(model, cells, expected):
    again = estimator_class("cell-type")(**model.get_params())
    again.fit(genes_permuted(dense(cells.copy())), "cell_type", num_train_epochs=2, baselines=False)
    found = again.predict(cells)
    best, was = found[CLASSES].idxmax(axis=1), expected[CLASSES].idxmax(axis=1)
    assert (best == was).mean() > 0.98


def test_where_values_were_read_is_said(model, cells):
    notes = model.answer(in_raw(cells.copy()))[1].notes
    assert any("X is scaled; values were read from .raw (counts)" in note for note in notes)
    notes = model.answer(in_a_layer(cells.copy()))[1].notes
    assert any("values were read from layers['counts']" in note for note in notes)


def test_scaled_values_alone_are_refused(model, cells):
    query = cells.copy()
    query.X = scaled(query.X)
    with pytest.raises(polyome.InputError, match=r"X is scaled .* was fitted on counts"):
        model.predict(query)


def test_fitting_on_scaled_values_alone_works_and_says_so(model, cells, capsys):
    query = cells.copy()
    query.X = scaled(query.X)
    settings = model.get_params() | {"quiet": False}
    fitted = estimator_class("cell-type")(**settings)
    fitted.fit(query, "cell_type", num_train_epochs=2, baselines=False)
    assert "a query must be scaled by the same procedure" in capsys.readouterr().err
    answers = fitted.predict(query)
    assert (answers[CLASSES].idxmax(axis=1) == query.obs["cell_type"]).mean() > 0.95
    with pytest.raises(polyome.InputError, match="the model was fitted on scaled values"):
        fitted.predict(cells)
    # X of a query is scaled alike; its raw counts must not be taken instead.
    assert_same(fitted.predict(in_raw(cells.copy())), answers)


@pytest.mark.parametrize("draw", range(3))
def test_without_30_percent_of_the_genes_accuracy_stays(model, draw):
    query = simulate_cells(n_cells=240, seed=0)
    kept = np.random.default_rng(draw).random(query.n_vars) >= 0.3
    truth = query.obs["cell_type"].astype(str)
    whole = model.predict(query, refuse=False)["label"]
    some = model.predict(query[:, kept], refuse=False)["label"]
    assert (some == truth).mean() >= (whole == truth).mean() - 0.015


def test_missing_genes_are_said(model, cells):
    notes = model.answer(cells[:, 40:].copy())[1].notes
    assert any("40 of 120 genes that the model knows are missing from X" in note for note in notes)


def test_one_record_one_answer(model, cells, expected):
    for batch_size in (1, 64, 1000):
        assert_same(model.predict(cells, batch_size=batch_size), expected, atol=1e-5)
    order = np.random.default_rng(0).permutation(cells.n_obs)
    for rows in (order, np.arange(cells.n_obs)[::-1], order[:7]):
        assert_same(model.predict(cells[rows].copy()), expected.iloc[rows], atol=1e-5)


# --- the same on real cells


@pytest.fixture(scope="module")
def pbmc(real_data):
    folder = real_data / "single_cell"
    counts = anndata.read_h5ad(folder / "pbmc3k_counts.h5ad")
    processed = anndata.read_h5ad(folder / "pbmc3k_processed.h5ad")
    return counts, processed


@pytest.fixture(scope="module")
def pbmc_model(pbmc):
    made = estimator_class("cell-type")(device="cpu", quiet=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", polyome.PolyomeWarning)  # louvain is a clustering
        made.fit(pbmc[0], "louvain", split="split", baselines=False)
    return made


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.parametrize(
    "form", [f for f in FORMS if f is not split_genes], ids=lambda f: f.__name__
)
def test_forms_of_pbmc3k(pbmc, pbmc_model, form):
    counts = pbmc[0][pbmc[0].obs["split"] == "test"].copy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        query = form(counts.copy())
    expected, found = pbmc_model.predict(counts), pbmc_model.predict(query)
    assert list(found["label"]) == list(expected["label"])


@pytest.mark.real_data
@pytest.mark.slow
def test_processed_pbmc3k_is_read_from_raw(pbmc, pbmc_model):
    counts, processed = pbmc
    answers = pbmc_model.answer(processed)[1]
    assert any("values were read from .raw (log1p of counts)" in n for n in answers.notes)
    expected = pbmc_model.predict(counts).loc[answers.names]
    assert list(answers.label) == list(expected["label"])
    bare = AnnData(processed.X, obs=processed.obs, var=processed.var)
    with pytest.raises(polyome.InputError, match=r"X is scaled .* was fitted on counts"):
        pbmc_model.predict(bare)


@pytest.mark.real_data
@pytest.mark.slow
def test_pbmc3k_without_30_percent_of_the_genes(pbmc, pbmc_model):
    query = pbmc[0][pbmc[0].obs["split"] == "test"]
    truth = query.obs["louvain"].astype(str)
    whole = pbmc_model.predict(query, refuse=False)["label"]
    accuracies = []
    for draw in range(3):
        kept = np.random.default_rng(draw).random(query.n_vars) >= 0.3
        some = pbmc_model.predict(query[:, kept].copy(), refuse=False)["label"]
        accuracies.append((some == truth).mean())
    assert np.mean(accuracies) >= (whole == truth).mean() - 0.015
