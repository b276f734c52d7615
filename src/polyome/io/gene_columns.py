"""Columns of ``var`` that commonly name genes."""

from typing import Any

import pandas as pd

USUAL_COLUMNS = (
    "feature_name",
    "gene_symbols",
    "gene_symbol",
    "gene_name",
    "gene_names",
    "gene_short_name",
    "genename",
    "genesymbol",
    "external_gene_name",
    "hgnc_symbol",
    "symbol",
    "symbols",
    "features",
    "gene_ids",
    "gene_id",
    "feature_id",
    "ensembl_id",
    "ensembl",
    "accession",
    "gene",
    "genes",
    "index",
    "_index",
    "var_names",
    "name",
    "names",
)
"""In lower case, the likeliest first."""


def _plain(column: Any) -> str:
    return str(column).lower().replace(".", "_").replace(" ", "_")


def usual_columns(columns: pd.Index) -> list[Any]:
    """Columns that commonly name genes, the likeliest first.

    Examples
    --------
    >>> usual_columns(pd.Index(["n_cells", "gene_ids", "Symbol"]))
    ['Symbol', 'gene_ids']
    """
    lowered = {_plain(column): column for column in reversed(list(columns))}
    return [lowered[name] for name in USUAL_COLUMNS if name in lowered]
