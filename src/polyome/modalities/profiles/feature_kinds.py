"""Which features of a matrix are genes: antibodies, probes that control and spike-ins are not."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from polyome._errors import InputError, listed, suggestion
from polyome._types import BoolArray

TYPE_COLUMNS = ("feature_types", "feature_type", "feature_biotype")
"""Columns of var that say what a feature is: CellRanger's, Space Ranger's, CELLxGENE's."""
EVERYTHING = "all"
"""Value of ``feature_types=`` to read every feature, whatever it is."""
_GENE_TYPES = {
    "geneexpression", "gene", "genes", "rna", "gex", "mrna", "transcript", "transcripts",
    "transcriptome", "transcriptomics", "expression",
}  # fmt: skip
"""In lower case, letters and digits alone: see `_plain`."""
_NO_TYPE = {"", "nan", "none", "na"}
_OTHER_TYPES = (
    "antibod|antigen|protein|adt|hto|hashtag|crispr|guide|multiplex|peak|control|codeword|blank"
    "|custom|vdj|surface|abseq|citeseq"
)
_BIOTYPES = "proteincoding|lncrna|lincrna|processedpseudogene"
_SPIKE_INS = {"spikein", "synthetic", "ercc"}
_MOST_TYPES = 20  # a column of more values says something else
_NAMED: Mapping[str, str] = {
    "control probes": (
        r"NegControl(Probe|Codeword)_?.*|(Unassigned|Deprecated|Blank)Codeword_?.*"
        r"|antisense_.+|BLANK[-_ ]?\w+|Intergenic_Region_.+|NegPrb[-_]?\w*|SystemControl[-_]?\w*"
        r"|Negative[-_]?(Control|Probe)?[-_]?\d+|FalseCode[-_]?\w*"
    ),
    "hashtags": r"(.*[-_ ])?(HTO|Hash[-_ ]?tag)[-_ ]?[A-Z]?\d*([-_ ].*)?|CMO\d{3}",
    "antibodies": (
        r"(ADT|AB|CITE|prot|protein|antibody)[-_:].+|.+[-_.]TotalSeq[-_]?[A-D]?"
        r"|.+[-_](ADT|prot|protein|antibody|AbSeq)"
    ),
    "guide RNAs": r"(.+[-_])?s?gRNA([-_]?\d+|[-_].+)?",
    "ERCC spike-ins": r"(gSpikein_)?ERCC-\d{5}",
    "read summaries": (
        r"__(no_feature|ambiguous|too_low_aQual|not_aligned|alignment_not_unique)"
        r"|N_(unmapped|multimapping|noFeature|ambiguous)|unmapped"
    ),
}
"""Features that their names give away, in files without a column of types."""


@dataclass(frozen=True, eq=False)
class Genes:
    """Which columns of a matrix are genes.

    Attributes
    ----------
    is_gene : bool, (n_vars,)
    notes : tuple of str. What was left out.
    """

    is_gene: BoolArray
    notes: tuple[str, ...] = ()


def find_genes(var: pd.DataFrame, names: pd.Index, *, feature_types: str | None = None) -> Genes:
    """Tell genes from the other features of a file.

    Parameters
    ----------
    var : DataFrame, (n_vars, ...). A column ``feature_types`` is believed, where it knows genes;
        so is one of another name that has both genes and other features.
    names : str, (n_vars,), of the features: control probes and the like have names of their own.
    feature_types : a value of that column to read instead of "Gene Expression"; "all" for all.

    Returns
    -------
    Genes

    Raises
    ------
    InputError
        No feature has the type that was asked for, or none is a gene.

    Examples
    --------
    >>> var = pd.DataFrame({"feature_types": ["Gene Expression", "Antibody Capture"]})
    >>> genes = find_genes(var, pd.Index(["CD4", "CD4"]))
    >>> genes.is_gene.tolist()
    [True, False]
    >>> genes.notes
    ("1 of 2 features is no gene and was left out: 1 'Antibody Capture'.",)
    """
    if feature_types == EVERYTHING:
        return Genes(np.ones(len(var), dtype=bool))
    column = type_column(var)
    if feature_types is not None:
        return _of_type(var, column, feature_types)
    kinds = np.full(len(var), "", dtype=object)
    if column is not None:
        kinds = _typed(var[column])
    unnamed = kinds == ""
    kinds[unnamed] = _by_name(var.index[unnamed])
    unnamed = kinds == ""
    kinds[unnamed] = _by_name(names[unnamed])
    is_gene = kinds == ""
    if not is_gene.any():
        msg = (
            f"None of the {len(var):,} features is a gene: {_counted(kinds)}. Pass feature_types= "
            f'with the type to read instead, or feature_types="{EVERYTHING}" for all features.'
        )
        raise InputError(msg)
    return Genes(is_gene, _left_out(kinds))


def _of_type(var: pd.DataFrame, column: str | None, feature_types: str) -> Genes:
    if column is None:
        msg = f"var has no column {listed(TYPE_COLUMNS[:1])}, which feature_types= needs."
        raise InputError(msg)
    types = var[column].astype(str)
    is_asked = (types == feature_types).to_numpy()
    if not is_asked.any():
        known = sorted(types.unique())
        msg = (
            f"No feature of var['{column}'] is '{feature_types}'. Known: {listed(known)}."
            f"{suggestion(feature_types, known)}"
        )
        raise InputError(msg)
    others = types.to_numpy(dtype=object).copy()
    others[is_asked] = ""
    return Genes(is_asked, _left_out(others))


def _typed(types: "pd.Series[Any]") -> "np.ndarray":
    """Type of each feature, object (n_vars,): empty for genes and where nothing is said."""
    text = types.astype(object).map(str, na_action="ignore").fillna("").astype(object)
    plain = _plain(text)
    if types.name == "feature_biotype" or plain.str.fullmatch(_BIOTYPES).any():
        is_gene = ~plain.isin(_SPIKE_INS)
    else:
        is_gene = plain.isin(_GENE_TYPES)
        is_other = plain.str.contains(_OTHER_TYPES)
        if not is_gene.any() and not is_other.any():
            is_gene[:] = True  # words of its own, which say nothing
        is_gene |= plain.isin(_NO_TYPE)
    return np.where(is_gene, "", text).astype(object)


def _plain(types: "pd.Series[Any]") -> "pd.Series[str]":
    """Types in lower case, without blanks and marks: people write ``GeneExpression`` too."""
    return types.astype(str).str.lower().str.replace(r"[\W_]+", "", regex=True)


def type_column(var: pd.DataFrame) -> str | None:
    """Name of the column that says what features are; None where there is none.

    Examples
    --------
    >>> type_column(pd.DataFrame({"n": [1, 2], "modality": ["GeneExpression", "ADT"]}))
    'modality'
    """
    usual = next((column for column in TYPE_COLUMNS if column in var.columns), None)
    return usual or next((name for name in var.columns if _tells_genes(var[name])), None)


def _tells_genes(column: "pd.Series[Any]") -> bool:
    """Whether a column of an unknown name has both genes and other features."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        return False
    found = pd.Series(column.dropna().unique(), dtype=object)
    if len(found) > _MOST_TYPES:
        return False
    plain = _plain(found)
    return bool(plain.isin(_GENE_TYPES).any() and plain.str.contains(_OTHER_TYPES).any())


def typed_var(var: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Give the genes' table of ``.raw`` the types that ``var`` has, where it has none of its own.

    Examples
    --------
    >>> raw = pd.DataFrame(index=["CD4", "CD3"])
    >>> var = pd.DataFrame({"feature_types": ["Antibody Capture"]}, index=["CD3"])
    >>> typed_var(raw, var)["feature_types"].tolist()
    [nan, 'Antibody Capture']
    """
    column = type_column(other)
    if column is None or type_column(var) is not None:
        return var
    types = other[column].astype(object)[~other.index.duplicated()]
    return var.assign(**{column: types.reindex(var.index).to_numpy()})


def _by_name(names: pd.Index) -> "np.ndarray":
    """Kind of each feature by its name, object (n,): empty for genes."""
    kinds = np.full(len(names), "", dtype=object)
    text = pd.Series(names.astype(str))
    for kind, pattern in _NAMED.items():
        is_kind = text.str.fullmatch(pattern, flags=re.IGNORECASE).to_numpy(dtype=bool)
        kinds[is_kind & (kinds == "")] = kind
    return kinds


def _counted(kinds: "np.ndarray") -> str:
    """Kinds and how many features are of each, the most frequent first."""
    counts = pd.Series(kinds[kinds != ""]).value_counts()
    return ", ".join(
        f"{number:,} {kind}" if kind in _NAMED else f"{number:,} '{kind}'"
        for kind, number in counts.items()
    )


def _left_out(kinds: "np.ndarray") -> tuple[str, ...]:
    number = int((kinds != "").sum())
    if not number:
        return ()
    verb = "is no gene and was" if number == 1 else "are no genes and were"
    return (f"{number:,} of {len(kinds):,} features {verb} left out: {_counted(kinds)}.",)
