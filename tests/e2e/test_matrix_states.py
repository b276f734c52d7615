"""Real cells get the labels of their plain counts, whatever X holds, or the file is refused."""

import anndata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

from polyome import CellTypeClassifier
from polyome._errors import InputError

BASES = {"natural": np.e, "log2": 2.0, "log10": 10.0}
ANTIBODIES = ["CD4", "CD14", "CD19", "CD8A", "FCGR3A"]

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.filterwarnings("ignore:Variable names are not unique:UserWarning"),
    pytest.mark.filterwarnings("ignore::polyome._errors.PolyomeWarning"),
]


@pytest.fixture(scope="module")
def fitted(real_data):
    """A small model of a third of pbmc3k, test cells, and the labels of their counts."""
    adata = anndata.read_h5ad(real_data / "single_cell" / "pbmc3k_counts.h5ad")[::3].copy()
    model = CellTypeClassifier(num_members=1, quiet=True)
    model.fit(adata, "louvain", split="split", num_train_epochs=2, baselines=False)
    cells = adata[(adata.obs["split"] == "test").to_numpy()].copy()
    return model, cells, model.predict(cells)["label"]


def logarithms(counts, base):
    library = np.asarray(counts.sum(axis=1)).ravel()
    values = (sparse.diags_array(1e4 / library) @ counts).tocsr().log1p()
    return (values / np.log(base)).astype(np.float32)


def same(model, query, expected):
    return (model.predict(query)["label"].to_numpy() == expected.to_numpy()).mean()


@pytest.mark.parametrize("base", BASES)
def test_logarithms(fitted, base):
    model, cells, expected = fitted
    query = AnnData(logarithms(cells.X, BASES[base]), obs=cells.obs, var=cells.var)
    assert same(model, query, expected) >= 0.99


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("share", [0.01, 0.5])
def test_counts_in_some_cells(fitted, base, share):
    model, cells, expected = fitted
    values = logarithms(cells.X, BASES[base]).tolil()
    rows = np.random.default_rng(0).choice(cells.n_obs, int(share * cells.n_obs), replace=False)
    values[rows] = cells.X[rows]
    query = AnnData(values.tocsr(), obs=cells.obs, var=cells.var)
    with pytest.raises(InputError, match=rf"X holds counts in {len(rows)} cells? \(first"):
        model.predict(query)
    if share == 0.5:
        query.layers["counts"] = cells.X
        assert same(model, query, expected) == 1


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("number", [5, 200])
@pytest.mark.parametrize("typed", [True, False])
def test_antibodies_beside_logarithms(fitted, base, number, typed):
    model, cells, expected = fitted
    counts = np.random.default_rng(0).negative_binomial(1.5, 0.02, (cells.n_obs, number))
    names = [*ANTIBODIES, *(f"AB{i}" for i in range(number - 5))]
    var = pd.DataFrame(index=[*cells.var_names, *names])
    if typed:
        var["feature_types"] = ["Gene Expression"] * cells.n_vars + ["Antibody Capture"] * number
    values = sparse.hstack(
        [logarithms(cells.X, BASES[base]), sparse.csr_matrix(counts)],
        format="csr",
        dtype=np.float32,
    )
    assert same(model, AnnData(values, obs=cells.obs, var=var), expected) >= 0.99


def test_half_of_the_genes_filled_with_zeros(fitted):
    model, cells, _ = fitted
    measured = np.random.default_rng(0).random(cells.n_vars) < 0.5
    subset = cells[:, measured].copy()
    query = cells.copy()
    query.X = sparse.csr_matrix(cells.X.multiply(measured))
    assert same(model, query, model.predict(subset)["label"]) >= 0.95
    assert (model.predict(query)["label"] == "unknown").mean() < 0.2
