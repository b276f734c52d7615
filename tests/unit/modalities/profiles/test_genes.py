"""One sample in many forms is the same sample; genes are matched by name or refused clearly."""

import json

import anndata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from tests.unit.modalities.conftest import GENES, learn, lognormalised, make, read, sample, scaled

from polyome._errors import InputError
from polyome.modalities.profiles.genes import GeneVocabulary, match_genes
from polyome.modalities.profiles.matrix import find_expression
from polyome.modalities.profiles.matrix_state import MatrixState


def forms(adata, folder):
    """The same cells in many forms; rows are always the same cells in the same order."""
    logged = lognormalised(adata)
    yield "counts", adata
    yield "lognormalised", logged
    yield "log1p of CPM", lognormalised(adata, 1e6)
    for name, convert in (
        ("dense", lambda x: x.toarray()),
        ("csc", sparse.csc_matrix),
        ("float64", lambda x: x.astype(np.float64)),
        ("integers", lambda x: x.astype(np.int64)),
        ("log2", lambda x: x.multiply(1 / x.sum(axis=1)).multiply(1e4).tocsr()),
    ):
        other = adata.copy()
        other.X = convert(other.X)
        if name == "log2":
            other.X.data = np.log2(1 + other.X.data)
        yield name, other
    dense_log = logged.copy()
    dense_log.X = dense_log.X.toarray().astype(np.float64)
    yield "dense float64 lognormalised", dense_log
    for name, source in (("sparse", adata), ("dense", dense_log)):
        source.write_h5ad(folder / f"{name}.h5ad")
        yield f"backed {name}", anndata.read_h5ad(folder / f"{name}.h5ad", backed="r")
    twice = anndata.concat({"a": adata, "b": adata}, index_unique="-")
    yield "view", twice[adata.n_obs :]
    twice.write_h5ad(folder / "twice.h5ad")
    yield "backed view", anndata.read_h5ad(folder / "twice.h5ad", backed="r")[: adata.n_obs]
    order = np.random.default_rng(1).permutation(adata.n_vars)
    yield "permuted", adata[:, order].copy()
    extra = make(np.ones((adata.n_obs, 3)) * 40, ["X1", "X2", "X3"])
    yield "extra genes", anndata.concat([adata, extra], axis=1)
    yield "extra genes, lognormalised", lognormalised(anndata.concat([extra, adata], axis=1))
    hidden = scaled(adata)
    hidden.raw = logged
    yield "scaled with .raw", hidden
    hidden.write_h5ad(folder / "raw.h5ad")
    yield "backed .raw", anndata.read_h5ad(folder / "raw.h5ad", backed="r")
    twice = anndata.concat({"a": hidden, "b": hidden}, index_unique="-")
    twice.raw = anndata.concat({"a": logged, "b": logged}, index_unique="-")
    yield "view with .raw", twice[adata.n_obs :]
    layered = scaled(adata)
    layered.layers["counts"] = adata.X
    yield "scaled with counts", layered


@pytest.mark.filterwarnings("ignore:zero-centering a sparse:UserWarning")
def test_one_sample_many_forms(adata, vocabulary, tmp_path):
    expected = read(vocabulary, adata)
    counts = adata[:, list(vocabulary.names)].X.toarray()
    by_hand = np.log1p(counts / counts.sum(axis=1, keepdims=True) * 1e4)
    np.testing.assert_allclose(expected, by_hand, atol=1e-5)
    index = np.array([9, 0, 33, 9])
    seen = set()
    for name, form in forms(adata, tmp_path):
        seen.add(name)
        np.testing.assert_allclose(read(vocabulary, form), expected, atol=1e-5, err_msg=name)
        some = read(vocabulary, form, index)
        np.testing.assert_allclose(some, expected[index], atol=1e-5, err_msg=name)
        assert some.dtype == np.float32
    assert len(seen) == 20


def test_reading_changes_nothing(adata, vocabulary):
    before = adata.X.copy()
    read(vocabulary, adata)
    logged = lognormalised(adata)
    kept = logged.X.copy()
    read(vocabulary, logged)
    assert (before != adata.X).nnz == 0
    assert (kept != logged.X).nnz == 0


def test_a_cell_does_not_depend_on_the_others(adata, vocabulary):
    together = read(vocabulary, adata)
    alone = np.vstack([read(vocabulary, adata, np.array([i])) for i in range(adata.n_obs)])
    np.testing.assert_array_equal(together, alone)


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(range(60)), seed=st.integers(0, 5))
def test_gene_order_does_not_matter(order, seed):
    adata = sample(seed=seed)
    vocabulary = learn(adata)
    np.testing.assert_array_equal(
        read(vocabulary, adata), read(vocabulary, adata[:, list(order)].copy())
    )


def test_duplicated_genes_are_added_up(adata, vocabulary):
    counts = adata.X.toarray()
    split = np.hstack([counts - counts // 2, counts // 2])
    np.testing.assert_allclose(
        read(vocabulary, make(split, GENES + GENES)), read(vocabulary, adata), atol=1e-6
    )
    assert learn(make(split, GENES + GENES)).names == vocabulary.names


def test_cells_without_counts_are_empty(vocabulary):
    counts = np.ones((3, 60))
    counts[1] = 0
    values = read(vocabulary, make(counts))
    assert not values[1].any()
    assert values[0].all()


def test_missing_genes_leave_the_others_values(adata, vocabulary):
    kept = np.random.default_rng(3).random(60) > 0.3
    query = adata[:, kept].copy()
    expression = find_expression(query)
    match = match_genes(vocabulary, expression)
    present = np.isin(vocabulary.names, query.var_names)
    np.testing.assert_array_equal(match.present, present)
    assert match.library_share == pytest.approx(vocabulary.fractions[present].sum())
    assert (
        f"{(~present).sum()} of {len(vocabulary)} genes that the model knows are missing"
        in match.notes[0]
    )
    values = read(vocabulary, query)
    assert not values[:, ~present].any()
    whole = read(vocabulary, adata)[:, present]
    assert np.abs(values[:, present] - whole).mean() < 0.15
    assert abs((values[:, present] - whole).mean()) < 0.02


# The vocabulary


def test_vocabulary_knows_training_cells_only():
    counts = np.zeros((8, 3))
    counts[:, 0] = 4
    counts[:3, 1] = 4
    counts[5:, 2] = 4
    expression = find_expression(make(counts, ["A", "B", "C"]))
    vocabulary = GeneVocabulary.fit(expression, np.arange(4))
    assert vocabulary.names == ("A", "B")
    np.testing.assert_allclose(vocabulary.fractions, [0.625, 0.375])
    assert GeneVocabulary.fit(expression, np.arange(8) < 4, min_cells=4).names == ("A",)


def test_vocabulary_without_a_gene():
    expression = find_expression(make(np.eye(2), ["A", "B"]))
    with pytest.raises(InputError, match=r"No gene of X is found in at least 3 training cells \(2"):
        GeneVocabulary.fit(expression, np.arange(2))


def test_vocabulary_goes_through_json(vocabulary):
    restored = GeneVocabulary.from_dict(json.loads(json.dumps(vocabulary.to_dict())))
    assert restored.names == vocabulary.names
    np.testing.assert_array_equal(restored.fractions, vocabulary.fractions)
    assert restored.fractions.sum() == pytest.approx(1)


# Where values are read


def test_reading_from_raw_is_said(adata):
    query = scaled(adata)
    query.raw = adata
    expression = find_expression(query)
    assert (expression.layer, expression.location) == ("raw", ".raw")
    assert expression.notes == ("X is scaled; values were read from .raw (counts).",)


def test_layers_are_searched_in_order(adata):
    query = scaled(adata)
    query.layers["other"] = lognormalised(adata).X
    query.layers["bad"] = np.full(adata.shape, np.nan)
    assert find_expression(query).layer == "other"
    query.raw = adata
    assert find_expression(query).layer == "raw"
    query.layers["counts"] = adata.X
    assert find_expression(query).layer == "counts"
    assert find_expression(query, layer="raw").notes == ()
    assert find_expression(query, layer="X", allow_scaled=True).is_scaled


def test_x_that_is_absent(adata):
    query = AnnData(obs=adata.obs, var=adata.var, layers={"counts": adata.X})
    assert find_expression(query).layer == "counts"
    with pytest.raises(InputError, match=r"no X, no layers and no \.raw"):
        find_expression(AnnData(obs=adata.obs, var=adata.var))


def test_unknown_layer(adata):
    query = adata.copy()
    query.layers["counts"] = adata.X
    message = r"There is no layer 'count'\. Known: 'X', 'counts'\. Did you mean 'counts'\?"
    with pytest.raises(InputError, match=message):
        find_expression(query, layer="count")


def test_empty(adata):
    with pytest.raises(InputError, match="The data has 0 cells and 60 genes"):
        find_expression(adata[:0])


def test_scaled_only(adata):
    query = scaled(adata)
    with pytest.raises(
        InputError, match=r"X is scaled \(smallest value -.*cannot be computed back"
    ):
        find_expression(query)
    query.layers["counts"] = adata.X
    with pytest.raises(InputError, match=r"X is scaled .* Pass another layer: 'counts'\."):
        find_expression(query, layer="X")


def test_fitting_on_scaled_values(adata):
    train = scaled(adata)
    expression = find_expression(train, allow_scaled=True)
    assert "a query must be scaled by the same procedure" in expression.notes[0]
    vocabulary = learn(train, allow_scaled=True)
    assert vocabulary.is_scaled
    assert not vocabulary.fractions.any()
    query = train[:, 10:].copy()
    query.X = sparse.csr_matrix(query.X)
    for form in (train[:, 10:].copy(), query):
        values = read(vocabulary, form, allow_scaled=True)
        np.testing.assert_array_equal(values[:, 10:], train.X[:, 10:].astype(np.float32))
        assert not values[:, :10].any()


def test_states_of_model_and_query_differ(adata, vocabulary):
    train = scaled(adata)
    with pytest.raises(InputError, match=r"X holds counts, but the model was fitted on scaled"):
        match_genes(learn(train, allow_scaled=True), find_expression(adata))
    with pytest.raises(InputError, match=r"X is scaled .* but the model was fitted on counts"):
        match_genes(vocabulary, find_expression(train, allow_scaled=True))


def test_conversions_are_said():
    counts = sample().X.toarray()
    adata = make(counts / counts.sum(axis=1, keepdims=True) * 1e4)
    assert "depth-normalised like counts" in find_expression(adata).notes[0]
    adata.X = np.log2(1 + adata.X.toarray())
    assert find_expression(adata).notes == (
        "X is log2(1 + x) of normalised counts; it was converted exactly.",
    )
    adata.X = np.random.default_rng(0).gamma(2.0, 1.0, adata.shape)
    assert "if that is wrong, pass layer=" in find_expression(adata).notes[0]


def test_negative_value_outside_the_sample(tmp_path):
    counts = np.ones((4_000, 2), dtype=np.float32)
    counts[1, 1] = -3
    make(counts, ["A", "B"]).write_h5ad(tmp_path / "a.h5ad")
    expression = find_expression(anndata.read_h5ad(tmp_path / "a.h5ad", backed="r"))
    with pytest.raises(InputError, match=r"X holds -3\.0 at cell 'c1', gene 'B', although its oth"):
        expression.rows(slice(0, 10))


def test_not_finite_in_a_backed_file(tmp_path):
    values = np.ones((4_000, 2), dtype=np.float32)
    values[1, 1] = np.nan
    obs = pd.DataFrame(index=[f"c{i}" for i in range(4_000)])
    AnnData(values, obs=obs).write_h5ad(tmp_path / "a.h5ad")
    expression = find_expression(anndata.read_h5ad(tmp_path / "a.h5ad", backed="r"))
    with pytest.raises(InputError, match="X holds nan at cell 'c1', gene '1'; every value must be"):
        expression.rows(np.array([3, 1]))


# Files read as one


def test_files_of_two_kinds():
    adata = sample()
    joined = anndata.concat([adata, lognormalised(adata)], index_unique="-", keys=["a", "b"])
    sources = pd.Series(["a.h5ad"] * 50 + ["b.h5ad"] * 50, dtype="category")
    message = r"X is counts in a\.h5ad but log1p of normalised counts in b\.h5ad; files read as"
    with pytest.raises(InputError, match=message):
        find_expression(joined, sources=sources)


def test_files_of_one_kind():
    adata = sample()
    other = adata.copy()
    other.X = other.X * 0.3
    joined = anndata.concat([adata, other], index_unique="-", keys=["a", "b"])
    find_expression(joined, sources=np.array(["a"] * 50 + ["b"] * 50))


# Real cells


@pytest.fixture
def real(real_data):
    return lambda name: anndata.read_h5ad(real_data / "single_cell" / f"{name}.h5ad")


@pytest.mark.real_data
def test_pbmc3k_processed_is_read_from_raw(real):
    counts, processed = real("pbmc3k_counts"), real("pbmc3k_processed")
    expression = find_expression(processed)
    assert expression.notes == ("X is scaled; values were read from .raw (log1p of counts).",)
    vocabulary = GeneVocabulary.fit(find_expression(counts), np.arange(counts.n_obs))
    rows = np.arange(0, counts.n_obs, 7)
    processed = processed[counts.obs_names]
    ours, theirs = read(vocabulary, counts, rows), read(vocabulary, processed, rows)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    logged = read(vocabulary, lognormalised(counts), rows)
    np.testing.assert_allclose(ours, logged, atol=1e-5)


@pytest.mark.real_data
@pytest.mark.parametrize("query", ["kang_ifnb1k", "pbmc_3tech_symphony", "zheng68k_mini"])
def test_other_studies_match_pbmc3k(real, query):
    vocabulary = learn(real("pbmc3k_counts"))
    adata = real(query)
    values = read(vocabulary, adata)
    assert np.isfinite(values).all()
    assert values.max() < 10


@pytest.mark.real_data
def test_a_tenth_of_the_genes_drawn_at_random_is_too_few(real):
    adata = real("pbmc3k_counts")
    vocabulary = learn(adata)
    kept = np.random.default_rng(0).random(adata.n_vars) < 0.09
    with pytest.raises(InputError, match=r"of 13,656 \(9%\); at least 10% are needed"):
        match_genes(vocabulary, find_expression(adata[:, kept]))


@pytest.mark.real_data
def test_cell_lines_are_ensembl(real):
    vocabulary = learn(real("pbmc3k_counts"))
    expression = find_expression(real("celllines_celseq2_5cl"))
    assert expression.recognition.state is MatrixState.COUNTS
    with pytest.raises(InputError, match=r"'ENSG00000000003'.*'AL627309\.1'.*look like Ensembl"):
        match_genes(vocabulary, expression)
