"""The genes behind each class, beside scanpy's test of the same cells."""

import warnings

import numpy as np
import pandas as pd
import scanpy as sc
from anndata import AnnData

from polyome._types import FloatArray

KEY = "polyome_contribution"
"""Layer with each cell's contributions, and varm with each class's."""


def genes_by_class(
    adata: AnnData, z: FloatArray, labels: np.ndarray, classes: tuple[str, ...]
) -> pd.DataFrame:
    """A row per class and gene, the most contributing first; ``labels`` say whose each cell is."""
    ranks = _test_ranks(adata)
    parts = []
    for c, name in enumerate(classes):
        if not (labels == name).any():
            continue
        part = pd.DataFrame(
            {
                "class": name,
                "gene": adata.var_names,
                "contribution": adata.varm[KEY][:, c],
                "z_score": z[labels == name].mean(axis=0),
                "test_rank": ranks.get(name, _untested(adata)).reindex(adata.var_names).to_numpy(),
            }
        ).sort_values("contribution", ascending=False)
        part.insert(1, "rank", np.arange(1, len(part) + 1))
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _test_ranks(adata: AnnData) -> "dict[str, pd.Series[float]]":
    """Rank of each gene in each class by scanpy's Wilcoxon test, 1 the best, where there is one."""
    labels = adata.obs["polyome_label"]
    counts = labels.value_counts()
    tested = [str(name) for name in counts.index[(counts > 1) & (counts < len(labels))]]
    if not tested:
        return {}
    plain = AnnData(adata.X, obs=adata.obs[["polyome_label"]].copy(), var=adata.var)
    plain.uns["log1p"] = {"base": None}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sc.tl.rank_genes_groups(plain, "polyome_label", groups=tested, method="wilcoxon")
    names = plain.uns["rank_genes_groups"]["names"]
    ranks = np.arange(1.0, adata.n_vars + 1)
    return {name: pd.Series(ranks, index=names[name]) for name in tested}


def _untested(adata: AnnData) -> "pd.Series[float]":
    return pd.Series(np.nan, index=adata.var_names)
