"""Names of genes in other spellings, other columns or .raw are found, with a note."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse
from tests.unit.modalities.conftest import GENES, lognormalised, scaled

from polyome.modalities.profiles.gene_names import as_known
from polyome.modalities.profiles.gene_source import for_model
from polyome.modalities.profiles.matrix import find_expression


@pytest.fixture
def cells(adata):
    return adata.copy()


KNOWN = pd.Index(["CD3D", "HLA-A", "MT-CO1", "Y_RNA", "7SK", "RP11-206L10.2", "ENSG00000000457"])


@pytest.mark.parametrize(
    "spelled",
    [
        "GRCh38_{name}",
        "GRCh38______{name}",
        "hg19_{name}",
        "hg19-{name}",
        "GRCh38_premrna_{name}",
        "HUMAN_{name}",
        "{name}|ENSG00000167286",
        "{name}_ENSG00000167286.9",
        "{name}-ENSG00000167286",
        "{name} (ENSG00000167286)",
        "ENSG00000167286_{name}",
        "ENSG00000167286.9|{name}",
        "ENSG00000167286.9|{name}|protein_coding",
        "hg38_ENSG00000167286_{name}",
        "{name}|915",
    ],
)
def test_spellings_of_one_name(spelled):
    symbols = KNOWN[:-1]
    names, note = as_known(pd.Index([spelled.format(name=name) for name in symbols]), symbols)
    assert list(names) == list(symbols)
    assert "matched: '" in note


@pytest.mark.parametrize(("old", "new"), [("-", "."), ("_", "-"), ("7SK", "X7SK")])
def test_names_as_r_and_seurat_change_them(old, new):
    names, _ = as_known(KNOWN.str.replace(old, new), KNOWN)
    assert list(names) == list(KNOWN)


@pytest.mark.parametrize(
    "name", ["GRCh38_ENSG00000000457.14", "SCYL3|ENSG00000000457.2", "ENSG00000000457_SCYL3"]
)
def test_ids_inside_names(name):
    assert list(as_known(pd.Index([name]), KNOWN)[0]) == ["ENSG00000000457"]


def test_a_model_of_long_names_knows_short_ones():
    known = pd.Index(["CD3D|ENSG00000167286", "GRCh38_LYZ"])
    assert list(as_known(pd.Index(["LYZ", "ENSG00000167286"]), known)[0]) == [*known[::-1]]
    assert list(as_known(pd.Index(["CD3D"]), known)[0]) == ["CD3D|ENSG00000167286"]


def test_a_name_that_is_there_itself_is_not_taken_twice():
    names, note = as_known(pd.Index(["CD3D", "hg19_CD3D", "HLA.A"]), KNOWN)
    assert list(names) == ["CD3D", "hg19_CD3D", "HLA-A"]
    assert note.startswith("1 gene name is the model's but for its spelling and was matched")


def test_a_second_genome_is_left_alone():
    found = pd.Index(["hg19_CD3D", "hg19_HLA-A", "mm10_CD3D", "mm10_Cd4"])
    assert list(as_known(found, KNOWN)[0]) == ["CD3D", "HLA-A", "mm10_CD3D", "mm10_Cd4"]


def test_the_same_names_need_no_note():
    assert as_known(KNOWN, KNOWN)[1] == ""
    assert as_known(pd.Index(["", "other"]), KNOWN)[1] == ""


def chosen(cells, known, **options):
    find = partial(find_expression, cells)
    return for_model(cells, find(allow_scaled=True), pd.Index(known), find, **options)


@pytest.mark.parametrize("column", ["feature_name", "gene_symbols", "Symbol", "gene_name"])
def test_a_usual_column_is_used_unasked(column, cells):
    cells.var[column] = pd.Categorical(GENES)
    cells.var_names = [f"ENSG{i:011d}" for i in range(60)]
    found = chosen(cells, GENES)
    assert list(found.gene_names) == GENES
    assert found.gene_column == column
    has = f"Genes are named by var['{column}'], which has 60 of the model's 60; var_names have 0."
    assert has in found.notes
    assert list(chosen(cells, GENES, column_is_open=False).gene_names) == list(cells.var_names)


def test_ids_are_used_by_a_model_of_ids(cells):
    cells.var["gene_ids"] = [f"ENSG{i:011d}.3" for i in range(60)]
    known = [f"ENSG{i:011d}" for i in range(60)]
    assert list(chosen(cells, known).gene_names) == known


def test_another_column_is_left_where_the_names_will_do(cells):
    cells.var["gene_symbols"] = GENES
    cells.var_names = [*GENES[:40], *(f"x{i}" for i in range(20))]
    assert chosen(cells, GENES).gene_column is None


def test_the_names_are_used_where_the_column_of_the_fit_has_others(cells):
    cells.var["feature_name"] = [f"ENSG{i:011d}" for i in range(60)]
    find = partial(find_expression, cells)
    found = for_model(cells, find(gene_column="feature_name"), pd.Index(GENES), find)
    assert found.gene_column is None
    has = (
        "Genes are named by var_names, which have 60 of the model's 60; var['feature_name'] has 0."
    )
    assert has in found.notes


def variable_genes(cells, kept=8):
    """Few genes in X and all of them in .raw, as scanpy's and Seurat's objects have them."""
    logged = lognormalised(cells)
    few = logged[:, :kept].copy()
    few.raw = logged
    return few


def test_raw_is_read_where_x_lacks_the_genes(cells):
    found = chosen(variable_genes(cells), GENES)
    assert found.layer == "raw"
    assert list(found.gene_names) == GENES
    assert (
        "X has 8 of the model's 60 genes and .raw has 60; values were read from .raw"
        in (found.notes[-1])
    )
    assert chosen(variable_genes(cells), GENES, layer="X").layer == "X"


def test_raw_is_left_where_x_will_do(cells):
    assert chosen(variable_genes(cells, 40), GENES).layer == "X"
    assert chosen(variable_genes(cells), GENES[:8]).layer == "X"


@pytest.mark.filterwarnings("ignore:zero-centering a sparse:UserWarning")
def test_scaled_raw_is_not_read(cells):
    few = lognormalised(cells)[:, :8].copy()
    few.raw = scaled(cells)
    assert chosen(few, GENES).layer == "X"


def test_raw_and_a_column_of_its_own(cells):
    logged = lognormalised(cells)
    logged.var["feature_name"] = GENES
    logged.var_names = [f"ENSG{i:011d}" for i in range(60)]
    few = logged[:, :8].copy()
    few.raw = logged
    found = chosen(few, GENES)
    assert (found.layer, found.gene_column) == ("raw", "feature_name")
    assert any("Genes are named by raw.var['feature_name']" in note for note in found.notes)


def test_values_follow_the_names(vocabulary, cells):
    other = AnnData(
        sparse.csr_matrix(cells.X), var=pd.DataFrame(index=[f"hg19_{n}" for n in GENES])
    )
    found = chosen(other, vocabulary.names)
    np.testing.assert_array_equal(found.rows(slice(None)).toarray(), cells.X.toarray())
    assert set(vocabulary.names) <= set(found.gene_names)


@pytest.mark.parametrize("spelled", [" CD3D", "CD3D\u00a0", "b'CD3D'", "b'GRCh38_CD3D'"])
def test_blanks_and_marks_of_bytes_around_names(spelled):
    names, note = as_known(pd.Index([spelled, "LYZ"]), pd.Index(["CD3D", "LYZ"]))
    assert list(names) == ["CD3D", "LYZ"]
    assert "1 gene name is the model's but for its spelling" in note
