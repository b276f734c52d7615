"""Genes are matched by name, whatever column holds it, or refused with what to pass instead."""

import numpy as np
import pandas as pd
import pytest
from tests.unit.modalities.conftest import GENES, learn, make, read

from polyome._errors import InputError
from polyome.modalities.profiles.genes import match_genes
from polyome.modalities.profiles.matrix import find_expression


def test_gene_column(adata, vocabulary):
    query = adata.copy()
    query.var["symbol"] = pd.Categorical(GENES)
    query.var_names = [f"ENSG{i:011d}" for i in range(60)]
    query.raw = query
    expected = read(vocabulary, adata)
    for layer in ("X", "raw"):
        values = read(vocabulary, query, gene_column="symbol", layer=layer)
        np.testing.assert_array_equal(values, expected)
    message = r"^var has no column 'symbols' \(gene_column\)\. Columns: 'symbol'\. Did you mean"
    with pytest.raises(InputError, match=message):
        find_expression(query, gene_column="symbols")
    with pytest.raises(InputError, match=r"^raw\.var has no column"):
        find_expression(query, gene_column="symbols", layer="raw")


def test_missing_names_are_no_gene():
    adata = make(np.ones((4, 3)), ["a", "b", "c"])
    adata.var["symbol"] = ["A", None, np.nan]
    assert learn(adata, gene_column="symbol").names == ("A",)


def test_ensembl_versions_are_stripped():
    names = ["ENSG00000000003.14", "ENSMUSG00000000001.4", "RP11-206L10.2", "ENSG00000000005"]
    assert list(find_expression(make(np.ones((3, 4)), names)).gene_names) == [
        "ENSG00000000003",
        "ENSMUSG00000000001",
        "RP11-206L10.2",
        "ENSG00000000005",
    ]


def ensembl(prefix="ENSG"):
    return [f"{prefix}{i:011d}" for i in range(60)]


def refused(vocabulary, names, **columns):
    query = make(np.ones((3, len(names))), names)
    for name, values in columns.items():
        query.var[name] = values
    gene_column = "wrong" if "wrong" in columns else None
    with pytest.raises(InputError) as caught:
        match_genes(vocabulary, find_expression(query, gene_column=gene_column))
    return str(caught.value)


def test_too_few_genes_shows_both_sides(vocabulary):
    known = vocabulary.names
    message = refused(vocabulary, [*known[:3], "OTHER", *(f"N{i}" for i in range(9))])
    n_known = len(vocabulary)
    assert f"3 of the {n_known} genes that the model knows (5%) are in X" in message
    assert "var_names that it does not know: 'OTHER', 'N0', 'N1', 'N2' and 6 more." in message
    assert f"The model's that are missing: '{known[3]}', '{known[4]}', " in message
    assert f" and {n_known - 3 - 4} more" in message
    assert message.endswith("Are these the same organism and kind of names?")


def test_no_shared_gene(vocabulary):
    assert "(0%) are in X; at least 10% are needed" in refused(vocabulary, ["A", "B", "C"])


def test_ensembl_against_symbols(vocabulary):
    message = refused(vocabulary, ensembl())
    assert "look like Ensembl ids; the model was fitted on symbols. Pass gene_column=" in message
    message = refused(vocabulary, ensembl(), chromosome="1", symbol=pd.Categorical(GENES))
    assert 'Pass gene_column="symbol", which has 100% of them.' in message
    message = refused(vocabulary, GENES, wrong=ensembl())
    assert "Leave gene_column out: var_names has 100% of them." in message
    assert "var['wrong'] that it does not know: 'ENSG00000000000'" in message


def test_symbols_against_ensembl():
    model = learn(make(np.ones((3, 60)), ensembl()))
    assert "look like symbols; the model was fitted on Ensembl ids" in refused(model, GENES)


def test_ensembl_of_two_species():
    model = learn(make(np.ones((3, 60)), ensembl()))
    message = refused(model, ensembl("ENSMUSG"))
    assert "begin with ENSMUSG, the model's with ENSG: another species" in message


def test_mouse_against_human(vocabulary):
    message = refused(vocabulary, [name.capitalize() for name in GENES])
    assert "Written in capitals, 100% would be shared: is one of them mouse (Actb)" in message


def test_few_genes_are_noted(adata, vocabulary):
    match = match_genes(vocabulary, find_expression(adata[:, :20].copy()))
    assert "with fewer than half of them, expect lower accuracy" in match.notes[0]
    assert match_genes(vocabulary, find_expression(adata)).notes == ()


def test_a_panel_of_known_genes_is_too_small(vocabulary):
    message = refused(vocabulary, [*vocabulary.names[:3], "OTHER"])
    assert "X has 3 genes that the model knows" in message
    assert "a panel of so few genes is too small for this model" in message
    assert "polyome annotate REFERENCE QUERY" in message
    assert "organism" not in message
