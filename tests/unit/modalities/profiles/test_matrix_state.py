"""The state of a matrix is recognised from its values, however it is stored."""

import anndata
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from anndata import AnnData
from anndata.abc import CSRDataset
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from polyome._errors import InputError
from polyome.modalities.profiles.matrix import find_expression
from polyome.modalities.profiles.matrix_evidence import sampled_rows
from polyome.modalities.profiles.matrix_rows import by_row, check_numeric, read_rows
from polyome.modalities.profiles.matrix_state import MatrixState, recognise_sample
from polyome.modalities.profiles.recognition import recognise


def simulated_counts(n_obs=300, n_vars=400, seed=0):
    """Counts of cells of unequal depth, float64, (n_obs, n_vars)."""
    rng = np.random.default_rng(seed)
    means = rng.gamma(0.4, 2.0, n_vars) * rng.lognormal(0, 0.5, (n_obs, 1))
    return rng.poisson(means).astype(np.float64)


def depth(counts, total=1e4):
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1) * total


COUNTS = simulated_counts()
SELECTED = slice(0, 60)
FORMS = {
    "counts": (COUNTS, "counts"),
    "log1p counts": (np.log1p(COUNTS), "log1p of counts"),
    "log1p 10k": (np.log1p(depth(COUNTS)), "log1p of normalised counts"),
    "log1p 10k, selected genes": (
        np.log1p(depth(COUNTS))[:, SELECTED],
        "log1p of normalised counts",
    ),
    "log1p CPM": (np.log1p(depth(COUNTS, 1e6)), "log1p of normalised counts"),
    "log2 counts": (np.log2(1 + COUNTS), "log2(1 + x) of counts"),
    "log2 10k": (np.log2(1 + depth(COUNTS)), "log2(1 + x) of normalised counts"),
    "log2 CPM, selected": (
        np.log2(1 + depth(COUNTS, 1e6))[:, SELECTED],
        "log2(1 + x) of normalised counts",
    ),
    "roots of counts": (np.sqrt(COUNTS), "the square root of counts"),
    "roots of 10k": (np.sqrt(depth(COUNTS)), "the square root of normalised counts"),
    "roots of CPM": (np.sqrt(depth(COUNTS, 1e6)), "the square root of normalised counts"),
    "CPM": (depth(COUNTS, 1e6), "unlogged and not whole numbers"),
    "proportions": (depth(COUNTS, 1), "unlogged and not whole numbers"),
    "volume-normalised": (
        COUNTS / np.random.default_rng(1).uniform(0.5, 3, (300, 1)),
        "unlogged and not whole numbers",
    ),
    "estimated counts": (
        np.where(np.random.default_rng(1).random(COUNTS.shape) < 0.02, COUNTS * 0.9, COUNTS),
        "unlogged and not whole numbers",
    ),
    "z-scores": ((COUNTS - COUNTS.mean(0)) / (COUNTS.std(0) + 1), "scaled"),
    "TPM": (
        depth(COUNTS / np.random.default_rng(2).uniform(0.5, 5, 400), 1e6),
        "unlogged and not whole numbers",
    ),
    "log1p TPM": (
        np.log1p(depth(COUNTS / np.random.default_rng(2).uniform(0.5, 5, 400), 1e6)),
        "log1p of normalised counts",
    ),
    "log2 TPM": (
        np.log2(1 + depth(COUNTS / np.random.default_rng(2).uniform(0.5, 5, 400), 1e6)),
        "log2(1 + x) of normalised counts",
    ),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_simulated_states(form, dtype):
    values, expected = FORMS[form]
    found = recognise(sparse.csr_matrix(values.astype(dtype)), where="X")
    assert found.description == expected, found
    assert found.is_certain


def stored(values, tmp_path):
    """The same values in many forms."""
    for name, matrix in (
        ("dense", values),
        ("csr", sparse.csr_matrix(values)),
        ("csc", sparse.csc_matrix(values)),
    ):
        yield name, matrix
        AnnData(matrix).write_h5ad(tmp_path / f"{name}.h5ad")
        yield f"backed {name}", anndata.read_h5ad(tmp_path / f"{name}.h5ad", backed="r").X
    yield "matrix", np.matrix(values)
    yield "array", sparse.csr_array(values)
    yield "coo", sparse.coo_matrix(values)
    yield "view", AnnData(np.vstack([values, values]))[: len(values)].X
    yield "float64", values.astype(np.float64)


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("form", ["counts", "log1p 10k", "log2 10k", "z-scores"])
def test_storage_changes_nothing(form, tmp_path):
    values = FORMS[form][0].astype(np.float32)
    index = np.array([7, 0, 299, 7])
    found = {}
    for name, matrix in stored(values, tmp_path):
        found[name] = recognise(matrix, where="X")
        for rows in (index, -1 - index, slice(3, 9), slice(2, 40, 5), np.arange(300) % 7 == 0):
            block = read_rows(by_row(matrix), rows)
            block = block.toarray() if sparse.issparse(block) else block
            np.testing.assert_array_equal(block, values[rows], err_msg=name)
    assert len(set(found.values())) == 1, found


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64, bool, np.float16])
def test_number_types(dtype):
    values = (COUNTS > 0).astype(dtype)
    assert recognise(values, where="X").state is MatrixState.COUNTS
    assert recognise(sparse.csr_matrix(values.astype(np.float32)), where="X").is_whole


def test_scattered_rows_of_a_backed_file(tmp_path):
    values = sparse.random(3_000, 5, density=0.5, format="csr", random_state=0)
    AnnData(values).write_h5ad(tmp_path / "a.h5ad")
    matrix = anndata.read_h5ad(tmp_path / "a.h5ad", backed="r").X
    assert isinstance(matrix, CSRDataset)
    index = np.array([2_999, 0, 1_500, 0])
    np.testing.assert_allclose(read_rows(matrix, index).toarray(), values[index].toarray())
    assert read_rows(matrix, np.array([], dtype=int)).shape == (0, 5)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix, sparse.csc_matrix])
def test_not_finite(make, value):
    values = np.ones((3_000, 4))
    values[2_001, 2] = values[2_500, 0] = value
    cells, genes = pd.Index([f"c{i}" for i in range(3_000)]), pd.Index(list("ABCD"))
    message = rf"X holds {value} at cell 'c2001', gene 'C'; every value must be a finite number"
    with pytest.raises(InputError, match=message):
        recognise(make(values), where="X", obs_names=cells, var_names=genes)


def test_values_that_are_no_numbers():
    with pytest.raises(InputError, match="X holds values of type object; numbers are needed"):
        check_numeric(np.array([["a", 1]], dtype=object), where="X")


def test_empty_rows_are_fine():
    values = COUNTS.copy()
    values[::3] = 0
    assert recognise(np.log1p(depth(values)), where="X").state is MatrixState.LOG1P
    assert recognise(np.zeros((3, 2)), where="X").evidence == "no value above 0"


def test_without_evidence_the_answer_is_not_certain():
    rng = np.random.default_rng(0)
    smooth = rng.gamma(2.0, 1.0, (200, 30))
    found = recognise(smooth, where="X")
    assert (found.state, found.is_certain) == (MatrixState.LOG1P, False)
    found = recognise(smooth / smooth.max() * 18, where="X")
    assert (found.state, found.is_certain) == (MatrixState.LOG2, False)


def test_sample_is_even_and_fixed():
    rows = sampled_rows(1_000_000)
    assert (len(rows), rows[0], rows[-1]) == (2_000, 0, 999_999)
    assert np.ptp(np.diff(rows)) <= 1


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1_000),
    n_obs=st.integers(5, 60),
    form=st.sampled_from(["log1p", "log2", "counts"]),
    total=st.sampled_from([500.0, 1e4, 1e6]),
)
def test_any_simulated_matrix(seed, n_obs, form, total):
    counts = simulated_counts(n_obs, 200, seed)
    values = {
        "counts": counts,
        "log1p": np.log1p(depth(counts, total)),
        "log2": np.log2(1 + depth(counts, total)),
    }[form]
    assert recognise(values, where="X").state.value == form


def test_pbmc68k_reduced():
    adata = sc.datasets.pbmc68k_reduced()
    assert recognise(adata.X, where="X").description == "scaled"
    assert recognise(adata.raw.X, where=".raw").description == "log1p of normalised counts"


REAL = {
    "single_cell/celllines_celseq2_5cl": "counts",
    "single_cell/kang_ifnb1k": "counts",
    "single_cell/pancreas_wang": "log2(1 + x) of normalised counts",
    "single_cell/pancreas_xin": "log2(1 + x) of normalised counts",
    "single_cell/pbmc3k_counts": "counts",
    "single_cell/pbmc3k_processed": "scaled",
    "single_cell/pbmc_3tech_symphony": "log1p of normalised counts",
    "single_cell/scp1884_mini": "counts",
    "single_cell/zheng68k_mini": "counts",
    # Both READMEs say "log-normalised": 2^x - 1, not expm1, has equal sums per cell.
    "spatial/merfish_hypothalamus": "log2(1 + x) of normalised counts",
    "spatial/seqfish_embryo2": "log2(1 + x) of normalised counts",
    "spatial/osmfish_cortex": "counts",
    "spatial/starmap_mpfc": "counts",
    "spatial/visium_dlpfc": "scaled",
}


@pytest.mark.real_data
@pytest.mark.parametrize("name", REAL)
def test_real_files(real_data, name):
    adata = anndata.read_h5ad(real_data / f"{name}.h5ad", backed="r")
    found = recognise(adata.X, where="X")
    assert found.description == REAL[name], found
    assert found.is_certain
    if adata.raw is not None:
        assert recognise(adata.raw.X, where=".raw").description == "log1p of counts"
    adata.file.close()


def test_square_roots_are_undone_exactly():
    adata = AnnData(np.sqrt(COUNTS))
    found = find_expression(adata)
    assert found.recognition.linear(np.sqrt(COUNTS)) == pytest.approx(COUNTS)
    assert found.notes == ("X is the square root of counts; it was converted exactly.",)


def test_values_that_are_all_1_are_pointed_out():
    present = (COUNTS > 0).astype(np.float32)
    (note,) = find_expression(AnnData(present)).notes
    assert note.startswith("X was taken for counts although it holds 0 and 1 only")
    adata = AnnData(present, layers={"counts": COUNTS})
    assert find_expression(adata).layer == "counts"


def test_logarithms_of_intensities_are_no_logarithms_of_counts():
    """Quantitative PCR: cycles below a limit, each doubling, no library."""
    rng = np.random.default_rng(0)
    values = np.clip(rng.normal(16, 3, (50, 30)), 0.1, 25) * (rng.random((50, 30)) < 0.4)
    values[0, 0] = 25.4
    found = recognise_sample(sparse.csr_matrix(values))
    assert found.state is MatrixState.SCALED
    assert "logarithms, but not of counts" in found.evidence
    few_large = recognise_sample(sparse.csr_matrix(rng.gamma(0.3, 2.5, (50, 30)).clip(0, 25.4)))
    assert few_large.state is not MatrixState.SCALED
