"""All cells of a matrix hold the same kind of values, or the matrix is refused or another read."""

import anndata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse
from tests.unit.modalities.conftest import learn, lognormalised, make, read, sample, scaled

from polyome._errors import InputError
from polyome.modalities.profiles.cell_states import MixedStatesError
from polyome.modalities.profiles.file_states import log_base
from polyome.modalities.profiles.matrix import find_expression
from polyome.modalities.profiles.matrix_state import MatrixState

BASES = {np.e: "log1p", 2: "log2(1 + x)", 10: "log10(1 + x)"}


def logged(adata, base=np.e):
    query = lognormalised(adata)
    query.X = (query.X / np.log(base)).astype(np.float32)
    return query


def mixed(adata, cells, base=np.e):
    """Raw counts in some cells of a log-normalised matrix."""
    query = logged(adata, base)
    values = query.X.toarray()
    values[cells] = adata.X.toarray()[cells]
    query.X = sparse.csr_matrix(values)
    return query


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("cells", [[7], [3, 7, 9], list(range(25)), list(range(40))])
def test_counts_in_some_cells(adata, base, cells):
    other = min(set(range(50)) - set(cells))
    with pytest.raises(MixedStatesError) as caught:
        find_expression(mixed(adata, cells, base))
    message = str(caught.value)
    plural = "cells" if len(cells) > 1 else "cell"
    first = f"cell 'c{cells[0]}', row {cells[0]}"
    assert f"counts in {len(cells)} {plural} (first: {first})" in message
    assert f"{BASES[base]} of normalised counts in {50 - len(cells)} cells" in message
    assert f"(first: cell 'c{other}', row {other})" in message
    assert "all cells of a matrix must hold the same kind of values" in message
    assert "pass layer=" in message


def test_counts_in_one_cell_of_many():
    """A sample of rows misses it; a matrix in memory is searched whole."""
    adata = sample(5_000)
    with pytest.raises(MixedStatesError, match=r"counts in 1 cell \(first: cell 'c1', row 1\)"):
        find_expression(mixed(adata, [1]))
    assert find_expression(logged(adata)).recognition.state is MatrixState.LOG1P


@pytest.mark.parametrize(
    ("make_query", "kind"),
    [
        (lambda adata: mixed(adata, [1]), "counts in cell 'c1', row 1, although .* are log1p of"),
        (
            lambda adata: mixed(adata, [i for i in range(5_000) if i != 1]),
            "no whole numbers in cell 'c1', row 1, although its other values are counts",
        ),
    ],
)
def test_a_cell_that_the_sample_of_a_file_misses(tmp_path, make_query, kind):
    make_query(sample(5_000)).write_h5ad(tmp_path / "a.h5ad")
    expression = find_expression(anndata.read_h5ad(tmp_path / "a.h5ad", backed="r"))
    with pytest.raises(MixedStatesError, match=f"X holds {kind}"):
        list(expression.chunks(slice(None)))
    assert expression.rows(slice(2, 9)).shape == (7, 60)


def test_scaled_values_in_some_cells(adata):
    query = logged(adata)
    values = query.X.toarray()
    values[:4] = scaled(adata).X[:4]
    query.X = values
    with pytest.raises(MixedStatesError, match="negative values in 4 cells"):
        find_expression(query, allow_scaled=True)


def test_logarithms_to_two_bases(adata):
    counts = sample(60, seed=3)
    query = logged(counts)
    values = query.X.toarray()
    values[:20] = logged(counts, 2).X.toarray()[:20]
    query.X = sparse.csr_matrix(values)
    message = r"log2\(1 \+ x\) .* in \d+ cells .* and log1p of normalised counts in \d+ cells"
    with pytest.raises(MixedStatesError, match=message):
        find_expression(query)


def test_shallow_cells_are_no_mix():
    """log2 of counts that are 1, 3 or 7 is whole, and volume-normalised cells may be small."""
    rng = np.random.default_rng(0)
    counts = rng.poisson(0.3, (300, 60)) + rng.poisson(3, (300, 60)) * (rng.random((300, 1)) < 0.5)
    assert find_expression(make(np.log2(1 + counts))).recognition.description.startswith("log2")
    volumes = rng.uniform(0.5, 30, (300, 1))
    found = find_expression(make(counts / volumes)).recognition
    assert found.state is MatrixState.UNLOGGED


# Another matrix in place of X


def test_whole_counts_are_read_where_cells_differ(adata, vocabulary):
    query = mixed(adata, [3])
    query.layers["counts"] = adata.X
    expression = find_expression(query)
    assert expression.layer == "counts"
    assert expression.notes == (
        "X holds counts in 1 cell (first: cell 'c3', row 3) and log1p of normalised counts in 49 "
        "cells (first: cell 'c0', row 0); values were read from layers['counts'] (counts).",
    )
    np.testing.assert_array_equal(read(vocabulary, query), read(vocabulary, adata))
    with pytest.raises(MixedStatesError):
        find_expression(query, layer="X")


def doubtful(adata):
    query = adata.copy()
    query.X = np.random.default_rng(0).gamma(2.0, 1.0, adata.shape)
    return query


@pytest.mark.parametrize("place", ["counts", "raw", "umis"])
def test_whole_counts_are_read_where_x_is_doubtful(adata, place):
    query = doubtful(adata)
    if place == "raw":
        query.raw = adata
    else:
        query.layers[place] = adata.X
    expression = find_expression(query)
    assert expression.layer == place
    assert expression.notes == (
        f"What X holds is not certain; values were read from {expression.location} (counts).",
    )


def test_what_does_not_stand_for_x(adata):
    query = doubtful(adata)
    query.layers["spliced"] = adata.X
    query.layers["other"] = doubtful(adata).X
    query.raw = adata[:, :20]
    expression = find_expression(query)
    assert expression.layer == "X"
    assert len(expression.notes) == 1


# The base of the logarithm


@pytest.mark.parametrize("base", [None, 2, 10, 3.5, "10.0"])
def test_base_in_uns(adata, vocabulary, base):
    value = np.e if base is None else float(base)
    query = logged(adata, value)
    query.uns["log1p"] = {"base": base}
    np.testing.assert_allclose(read(vocabulary, query), read(vocabulary, adata), atol=1e-4)
    notes = find_expression(query).notes
    assert len(notes) == (base is not None)
    assert all("it was converted exactly" in note for note in notes)


def test_base_in_uns_decides_where_values_do_not():
    query = doubtful(sample())
    query.X = query.X / 3  # 10^9 is in no cell
    query.uns["log1p"] = {"base": 10}
    expression = find_expression(query)
    assert expression.recognition.state is MatrixState.LOG10
    assert expression.notes == (
        "X was taken for log10(1 + x) of normalised counts only by uns['log1p'] (base 10); if that "
        "is wrong, pass layer= with the name of a layer of counts.",
    )


def test_base_in_uns_that_is_wrong(adata, vocabulary):
    query = logged(adata)
    query.uns["log1p"] = {"base": 2}
    (note,) = find_expression(query).notes
    assert note.startswith("uns['log1p'] says base 2, but expm1 of the values are whole multiples")
    assert note.endswith("X was read as log1p of normalised counts.")
    np.testing.assert_allclose(read(vocabulary, query), read(vocabulary, adata), atol=1e-5)
    stale = adata.copy()
    stale.uns["log1p"] = {"base": 10}
    assert find_expression(stale).notes == ()


@pytest.mark.parametrize("written", [3, {"base": "x"}, {"base": -1}, {"base": 1}, {"base": np.nan}])
def test_base_that_says_nothing(written):
    assert log_base({"log1p": written}) is None


def test_no_two_notes_contradict_each_other():
    query = doubtful(sample())
    query.X = query.X / query.X.max() * 18
    (note,) = find_expression(query).notes
    assert "only by the largest value, 18" in note


# Values just below 0


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("form", [lambda adata: adata.copy(), logged])
def test_rounding_below_0(adata, vocabulary, tmp_path, convert, form):
    query = form(adata)
    expected = read(vocabulary, query)
    values = query.X.toarray()
    values[values == 0] = np.where(np.arange((values == 0).sum()) % 7, 0, -1e-8)
    query.X = convert(values)
    query.write_h5ad(tmp_path / "a.h5ad")
    for one in (query, anndata.read_h5ad(tmp_path / "a.h5ad", backed="r")):
        np.testing.assert_allclose(read(vocabulary, one), expected, atol=1e-6)
        (note,) = find_expression(one).notes
        assert note == (
            "X holds values just below 0 (smallest -1e-08): those within 1e-05 of the largest "
            "value are rounding and were taken for 0."
        )


def test_what_is_more_than_rounding(adata):
    query = logged(adata)
    values = query.X.toarray()
    values[values == 0] = -0.01
    query.X = values
    with pytest.raises(InputError, match=r"X is scaled \(smallest value -0\.01\)"):
        find_expression(query)


# The model's genes decide


def test_the_state_is_that_of_the_genes_that_the_model_knows(adata, vocabulary):
    rng = np.random.default_rng(0)
    others = rng.gamma(2.0, 40.0, (50, 30))
    query = AnnData(
        np.hstack([logged(adata).X.toarray(), others]),
        obs=adata.obs,
        var=pd.DataFrame(index=[*adata.var_names, *(f"OTHER{i}" for i in range(30))]),
    )
    assert find_expression(query).recognition.state is MatrixState.UNLOGGED
    known = find_expression(query, known=vocabulary.names)
    assert known.recognition.description == "log1p of normalised counts"
    few = find_expression(query, known=vocabulary.names[:9])  # too few to decide by
    assert few.recognition.state is MatrixState.UNLOGGED


def test_all_genes_tell_what_few_known_ones_do_not():
    rng = np.random.default_rng(2)
    lengths = rng.uniform(0.5, 5, 60)
    values = sample().X.toarray() / lengths
    query = make(np.log1p(values / values.sum(axis=1, keepdims=True) * 1e6))
    found = find_expression(query, known=[f"GENE{i}" for i in range(20)]).recognition
    assert found.description == "log1p of normalised counts"
    assert found.is_certain
    assert "equal sums" in found.evidence


def test_fitting_refuses_a_mix(adata):
    with pytest.raises(MixedStatesError):
        learn(mixed(adata, [0, 1]))
