"""Genes that are zeros in a whole query because nobody measured them count as missing."""

import json

import anndata
import numpy as np
import pytest
from scipy import sparse
from tests.unit.modalities.conftest import learn, lognormalised, make

from polyome._errors import InputError
from polyome.modalities.profiles.genes import GeneVocabulary, match_genes, normalised
from polyome.modalities.profiles.matrix import find_expression

N_GENES = 1_000
NAMES = [f"G{i}" for i in range(N_GENES)]
PROGRAMMES = np.arange(N_GENES) % 10 < 3  # genes of single classes


def cells(n_obs, seed, classes=(0, 1, 2), depth=1.0):
    """Counts of cells of three classes, and their classes; 700 genes are common to all."""
    rng = np.random.default_rng(seed)
    means = np.random.default_rng(0).gamma(0.6, 2.0, N_GENES)
    truth = rng.choice(classes, n_obs)
    own = np.arange(N_GENES) % 10  # 0, 1, 2: genes of one class; others of all
    silent = PROGRAMMES & (own != truth[:, None])
    counts = rng.poisson(depth * means * rng.lognormal(0, 0.3, (n_obs, 1)) * ~silent)
    return make(counts, NAMES), truth


@pytest.fixture(scope="module")
def vocabulary():
    adata, truth = cells(400, 1)
    found = learn(adata)
    return found.with_detection(find_expression(adata), np.arange(400), truth)


def filled(adata, measured):
    query = adata.copy()
    query.X = sparse.csr_matrix(query.X.toarray() * measured)
    return query


def match_of(vocabulary, adata):
    return match_genes(vocabulary, find_expression(adata))


@pytest.mark.parametrize("share", [0.2, 0.5, 0.75])
@pytest.mark.parametrize("form", [lambda adata: adata, lognormalised])
def test_zero_filled_is_as_the_subset(vocabulary, share, form):
    adata, _ = cells(150, 2)
    measured = np.random.default_rng(3).random(N_GENES) < share
    match = match_of(vocabulary, form(filled(adata, measured)))
    subset = match_of(vocabulary, form(adata[:, measured].copy()))
    is_measured = np.isin(vocabulary.names, np.array(NAMES)[measured])
    np.testing.assert_array_equal(subset.present, is_measured)
    assert match.present[is_measured].mean() > 0.95
    assert not match.present[~is_measured & (vocabulary.detection.least >= 0.05)].any()
    assert match.library_share == pytest.approx(subset.library_share, abs=0.03)
    assert "are 0 in all 150 cells of X, among them genes that training cells" in match.notes[0]
    assert match.notes[0].endswith("they were taken as not measured, not as silent.")
    assert "are missing from X or not measured there; the others usually hold" in match.notes[1]
    assert "are missing from X; the others" in subset.notes[0]


def test_zero_filled_values_are_those_of_the_subset(vocabulary):
    adata, _ = cells(150, 2)
    measured = np.random.default_rng(3).random(N_GENES) < 0.5
    values = []
    for query in (filled(adata, measured), adata[:, measured].copy()):
        expression = find_expression(query)
        match = match_genes(vocabulary, expression)
        values.append(normalised(vocabulary, match, expression, slice(None)).toarray())
    np.testing.assert_allclose(*values, atol=0.05)


@pytest.mark.parametrize("n_obs", [1, 5, 20, 60, 300])
@pytest.mark.parametrize("classes", [(0,), (1,), (0, 1, 2)])
@pytest.mark.parametrize("depth", [0.1, 0.4, 1.0])
def test_sound_queries_keep_all_genes(vocabulary, n_obs, classes, depth):
    adata, _ = cells(n_obs, 4, classes, depth)
    match = match_of(vocabulary, adata)
    assert match.present.all()
    assert match.notes == ()


def test_a_type_that_lacks_a_programme_keeps_it(vocabulary):
    """Cells of a class that training has not seen may lack a tenth of the common genes."""
    adata, _ = cells(150, 2, (0,))
    common = np.flatnonzero(~PROGRAMMES)
    silent = np.isin(np.arange(N_GENES), common[::10])
    assert match_of(vocabulary, filled(adata, ~silent)).present.all()


def test_few_cells_are_not_judged(vocabulary):
    adata, _ = cells(19, 2)
    assert match_of(vocabulary, filled(adata, np.arange(N_GENES) % 2 == 0)).present.all()


def test_empty_cells_do_not_count(vocabulary):
    adata, _ = cells(30, 2)
    values = adata.X.toarray()
    values[10:] = 0
    assert match_of(vocabulary, make(values, NAMES)).present.all()
    assert match_of(vocabulary, make(values * 0, NAMES)).present.all()


def test_too_few_genes_are_left(vocabulary):
    adata, _ = cells(150, 2)
    message = r"were not measured\. \d+ are left; at least 10% are needed\. Was the file filled up"
    with pytest.raises(InputError, match=message):
        match_of(vocabulary, filled(adata, np.arange(N_GENES) % 20 == 3))


def test_many_cells_in_a_file(vocabulary, tmp_path):
    """A sample finds it; a gene that any other cell expresses was measured."""
    adata, _ = cells(2_500, 5)
    measured = np.arange(N_GENES) % 2 == 0
    query = filled(adata, measured)
    values = query.X.toarray()
    values[1, 7] = 3  # a row that the sample leaves out
    make(values, NAMES).write_h5ad(tmp_path / "a.h5ad")
    match = match_of(vocabulary, anndata.read_h5ad(tmp_path / "a.h5ad", backed="r"))
    names = np.array(vocabulary.names)
    assert match.present[names == "G7"].all()
    assert not match.present[names == "G9"].any()


def test_detection_goes_through_json(vocabulary):
    restored = GeneVocabulary.from_dict(json.loads(json.dumps(vocabulary.to_dict())))
    np.testing.assert_allclose(restored.detection.least, vocabulary.detection.least, atol=1e-5)
    without = vocabulary.to_dict()
    del without["detection"]
    assert GeneVocabulary.from_dict(without).detection is None
    own = np.char.endswith(np.array(vocabulary.names), "1")
    assert vocabulary.detection.least[own].max() < 0.1
    assert (vocabulary.detection.least <= vocabulary.detection.overall + 1e-9).all()
