"""Only genes are read as genes: antibodies, control probes, hashtags and spike-ins are not."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse
from tests.unit.modalities.conftest import GENES, learn, lognormalised, make, read, sample

from polyome._errors import InputError
from polyome.data.simulate import simulate_cells
from polyome.estimator import estimator_class
from polyome.modalities.profiles.feature_kinds import find_genes
from polyome.modalities.profiles.matrix import find_expression

CONTROLS = {
    "control probes": [
        "NegControlProbe_00042", "NegControlCodeword_0500", "UnassignedCodeword_0001",
        "DeprecatedCodeword_0003", "antisense_PROKR2", "BLANK_0001", "Blank-12", "blank1",
        "NegPrb3", "Negative01", "SystemControl105", "FalseCode7", "Intergenic_Region_1003",
    ],
    "hashtags": ["HTO_1", "HTO-A", "HTO3", "Hashtag1", "hashtag-2-TotalSeqC", "anti_Hashtag5",
                 "CMO301", "Hash-tag_4"],
    "antibodies": ["ADT_CD3", "CD3_TotalSeqB", "CD19-TotalSeqC", "prot_CD4", "CD4_ADT", "ADT:CD8",
                   "AB_CD8A", "CD3_PROT", "CD19-protein", "CITE_CD4"],
    "guide RNAs": ["NT-sgRNA1", "gRNA_TP53", "sgRNA12", "TP53_sgRNA_2"],
    "ERCC spike-ins": ["ERCC-00002", "ERCC-00171"],
    "read summaries": ["__no_feature", "N_unmapped", "unmapped"],
}  # fmt: skip
SYMBOLS = [
    "ERCC1", "ERCC6L2", "NEGR1", "CD4", "HTR1A", "HASPIN", "CMC1", "BLNK", "N4BP1", "AMBP", "ADTRP",
    "PROT1", "MT-CO1", "HLA-A", "RP11-206L10.2", "SYS1", "UNC5A", "ENSG00000000003", "NEGRT",
    "ABCA1", "AB019441.29", "CITED2", "GRN",
]  # fmt: skip


@pytest.mark.parametrize("kind", CONTROLS)
def test_features_that_their_names_give_away(kind):
    names = [*CONTROLS[kind], *SYMBOLS]
    genes = find_genes(pd.DataFrame(index=names), pd.Index(names))
    assert list(np.array(names)[genes.is_gene]) == SYMBOLS
    number, total = len(CONTROLS[kind]), len(names)
    assert genes.notes == (
        f"{number} of {total} features are no genes and were left out: {number} {kind}.",
    )


@pytest.mark.parametrize("column", ["feature_types", "feature_type"])
def test_types_are_believed(column):
    types = [
        "Gene Expression",
        "Antibody Capture",
        "Multiplexing Capture",
        "Antibody Capture",
        None,
    ]
    var = pd.DataFrame({column: pd.Categorical(types)}, index=["CD4", "CD4-1", "tag", "CD8", "LYZ"])
    genes = find_genes(var, pd.Index(var.index))
    assert genes.is_gene.tolist() == [True, False, False, False, True]
    assert genes.notes == (
        "3 of 5 features are no genes and were left out: 2 'Antibody Capture', "
        "1 'Multiplexing Capture'.",
    )


@pytest.mark.parametrize(
    ("column", "types", "expected"),
    [
        ("feature_biotype", ["gene", "spike-in"], [True, False]),
        ("feature_type", ["protein_coding", "lncRNA"], [True, True]),
        ("feature_type", ["protein_coding", "synthetic"], [True, False]),
        ("feature_types", ["Gene Expression", "Negative Control Probe"], [True, False]),
        ("feature_types", ["my own", "words"], [True, True]),
        ("feature_types", ["gex", "adt"], [True, False]),
        ("feature_types", ["GeneExpression", "AntibodyCapture"], [True, False]),
        ("feature_types", ["gene-expression", "protein"], [True, False]),
        ("feature_types", ["transcriptome", "cell surface"], [True, False]),
        ("modality", ["RNA", "ADT"], [True, False]),
        ("Type", ["Gene Expression", "Antibody Capture"], [True, False]),
        ("comment", ["gene", "my own"], [True, True]),
    ],
)
def test_other_vocabularies(column, types, expected):
    var = pd.DataFrame({column: types}, index=["A", "B"])
    assert find_genes(var, pd.Index(var.index)).is_gene.tolist() == expected


def test_another_type_is_read_where_it_is_asked_for():
    types = ["Gene Expression", "Antibody Capture"]
    var = pd.DataFrame({"feature_types": types}, index=["CD4", "CD4"])
    asked = find_genes(var, pd.Index(var.index), feature_types="Antibody Capture")
    assert asked.is_gene.tolist() == [False, True]
    assert asked.notes == ("1 of 2 features is no gene and was left out: 1 'Gene Expression'.",)
    assert find_genes(var, pd.Index(var.index), feature_types="all").is_gene.all()
    message = r"No feature of var\['feature_types'\] is 'Antibody'\. Known: 'Antibody Capture', "
    with pytest.raises(InputError, match=message):
        find_genes(var, pd.Index(var.index), feature_types="Antibody")
    with pytest.raises(
        InputError, match=r"var has no column 'feature_types', which feature_types="
    ):
        find_genes(var[[]], pd.Index(var.index), feature_types="Antibody Capture")


def test_no_gene_at_all():
    var = pd.DataFrame({"feature_types": ["Antibody Capture"] * 2}, index=["CD4", "CD8"])
    message = (
        r"None of the 2 features is a gene: 2 'Antibody Capture'\. Pass feature_types= with the "
        r'type to read instead, or feature_types="all"'
    )
    with pytest.raises(InputError, match=message):
        find_genes(var, pd.Index(var.index))


# In a matrix


def with_antibodies(adata, names=("GENE0", "GENE1", "CD3"), *, typed=True, values=None):
    rng = np.random.default_rng(0)
    if values is None:
        values = rng.negative_binomial(1.5, 0.01, (adata.n_obs, len(names)))
    var = pd.DataFrame(index=[*adata.var_names, *names])
    if typed:
        var["feature_types"] = ["Gene Expression"] * adata.n_vars + ["Antibody Capture"] * len(
            names
        )
    stacked = sparse.hstack([adata.X, sparse.csr_matrix(values)], format="csr", dtype=np.float32)
    return AnnData(stacked, obs=adata.obs, var=var)


@pytest.mark.filterwarnings("ignore:Variable names are not unique:UserWarning")
@pytest.mark.parametrize("form", [lambda adata: adata, lognormalised])
def test_antibodies_are_not_added_to_rna_of_their_name(adata, vocabulary, form):
    query = with_antibodies(form(adata))
    np.testing.assert_allclose(read(vocabulary, query), read(vocabulary, adata), atol=1e-5)
    assert find_expression(query).notes == (
        "3 of 63 features are no genes and were left out: 3 'Antibody Capture'.",
    )
    assert learn(query).names == vocabulary.names
    dense = query.copy()
    dense.X = query.X.toarray()
    np.testing.assert_allclose(read(vocabulary, dense), read(vocabulary, adata), atol=1e-5)


@pytest.mark.filterwarnings("ignore:Variable names are not unique:UserWarning")
def test_not_finite_antibodies_do_not_matter(adata, vocabulary):
    values = np.full((adata.n_obs, 1), np.nan)
    query = with_antibodies(adata, ["CD3"], values=values)
    np.testing.assert_allclose(read(vocabulary, query), read(vocabulary, adata), atol=1e-5)


@pytest.mark.filterwarnings("ignore:Variable names are not unique:UserWarning")
def test_types_of_x_hold_for_raw(adata, vocabulary):
    query = with_antibodies(adata, ["CD3", "CD4"])
    query.raw = query
    query.raw.var.drop(columns="feature_types", inplace=True)  # noqa: PD002 - raw.var is read-only
    np.testing.assert_allclose(
        read(vocabulary, query, layer="raw"), read(vocabulary, adata), atol=1e-5
    )
    assert not find_expression(query, layer="raw").is_gene[-2:].any()


@pytest.mark.filterwarnings("ignore:Variable names are not unique:UserWarning")
@pytest.mark.parametrize("kind", ["counts", "clr"])
def test_antibodies_that_nothing_names(adata, vocabulary, kind):
    rng = np.random.default_rng(0)
    values = rng.negative_binomial(1.5, 0.01, (adata.n_obs, 3)).astype(float)
    what, others = "hold whole numbers", "logarithms"
    if kind == "clr":
        values = np.log1p(values) - np.log1p(values).mean(axis=0)
        what, others = "have values below 0", "none"
    query = with_antibodies(lognormalised(adata), typed=False, values=values)
    np.testing.assert_allclose(read(vocabulary, query), read(vocabulary, adata), atol=1e-5)
    assert find_expression(query).notes == (
        f"3 of 63 features {what} and the others {others}: they were taken for antibodies or the "
        "like and left out ('GENE0', 'GENE1', 'CD3').",
    )


def test_counts_and_scaled_values_keep_all_features(adata):
    assert find_expression(adata).is_gene.all()
    values = lognormalised(adata).X.toarray()
    assert find_expression(make(values - values.mean(0)), allow_scaled=True).is_gene.all()


# Several columns of one gene


@pytest.mark.filterwarnings("ignore:Variable names are not unique:UserWarning")
def test_summed_columns_are_said(adata):
    model = estimator_class("cell-type")().task.build_modality()
    twice = make(np.hstack([adata.X.toarray()] * 2), GENES + GENES)
    message = "60 genes have several columns in X ('GENE0' has 2); their values were added up."
    assert any(note.startswith(message) for note in model.read(twice).notes)
    model.fit(model.read(sample()))
    assert any(message[2:] in note for note in model.read(twice).notes)


@pytest.mark.filterwarnings("ignore:Variable names are not unique:UserWarning")
def test_scaled_columns_are_averaged(adata):
    values = adata.X.toarray() - adata.X.toarray().mean(0)
    vocabulary = learn(make(values), allow_scaled=True)
    twice = make(np.hstack([values, values]), GENES + GENES)
    np.testing.assert_allclose(
        read(vocabulary, twice, allow_scaled=True),
        read(vocabulary, make(values), allow_scaled=True),
        atol=1e-6,
    )
    model = estimator_class("cell-type")().task.build_modality()
    assert any("their values were averaged" in note for note in model.read(twice).notes)


# Through fit and predict


@pytest.mark.filterwarnings("ignore::polyome._errors.PolyomeWarning")
def test_fit_reads_genes_alone_and_predict_the_type_that_fit_read():
    cells = simulate_cells(seed=0)
    query = with_antibodies(cells, ["AB1", "AB2"])
    options = {"num_members": 1, "quiet": True, "hidden_size": 16}
    fitting = {"num_train_epochs": 1, "baselines": False}
    model = estimator_class("cell-type")(**options).fit(query, "cell_type", **fitting)
    assert not {"AB1", "AB2"} & set(model.fitted_.modality.vocabulary_.names)
    every = estimator_class("cell-type")(**options, feature_types="all")
    every.fit(query, "cell_type", **fitting)
    assert {"AB1", "AB2"} <= set(every.fitted_.modality.vocabulary_.names)
    assert every.fitted_.modality.read(query).expression.is_gene.all()
    assert not every.fitted_.modality.read(
        query, feature_types="Gene Expression"
    ).expression.is_gene[-1]
