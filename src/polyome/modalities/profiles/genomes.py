"""Files with the genes of several genomes: mixtures of species, and cells grafted into another."""

import numpy as np
import pandas as pd

from polyome._types import BoolArray
from polyome.modalities.profiles.matrix import ExpressionMatrix

_PREFIX = r"^(GRC[a-zA-Z]\d+|hg\d+|mm\d+|rn\d+|danRer\d+|dm\d+|human|mouse)[._-]*_"
_LEAST_PREFIXED = 0.9
_MOSTLY = 0.5


def genomes_of(var: pd.DataFrame, names: pd.Index) -> "np.ndarray | None":
    """Genome of each feature, object (n_vars,); None where there are not two or more.

    Parameters
    ----------
    var : its column ``genome``, which CellRanger writes, is believed.
    names : str, (n_vars,); CellRanger puts the genome before them where it has several.

    Examples
    --------
    >>> names = pd.Index(["GRCh38_CD3D", "GRCh38_LYZ", "mm10___Cd3d"])
    >>> genomes_of(pd.DataFrame(index=names), names).tolist()
    ['GRCh38', 'GRCh38', 'mm10']
    """
    if "genome" in var.columns:
        found = var["genome"].astype(object).map(str, na_action="ignore").fillna("").to_numpy()
    else:
        prefixes = pd.Series(names, dtype=object).str.extract(_PREFIX, expand=False)
        found = prefixes.fillna("").to_numpy(dtype=object)
    is_named = found != ""
    if is_named.mean() < _LEAST_PREFIXED or len(set(found[is_named])) < 2:
        return None
    return np.asarray(found, dtype=object)


def genome_notes(expression: ExpressionMatrix, known: BoolArray | None = None) -> tuple[str, ...]:
    """Say that a file has genes of several genomes, and which cells are of another than a model's.

    Parameters
    ----------
    known : bool, (n_vars,), columns that a model reads; None where none is fitted yet.

    Examples
    --------
    >>> from anndata import AnnData
    >>> from polyome.modalities.profiles.matrix import find_expression
    >>> var = pd.DataFrame(index=["hg19_CD3D", "hg19_LYZ", "mm10_Cd3d"])
    >>> cells = AnnData(np.array([[4, 2, 0], [0, 1, 9]]), var=var)
    >>> genome_notes(find_expression(cells), np.array([True, True, False]))[0]
    "X has genes of 2 genomes (hg19: 2, mm10: 1) and the model reads ...
    """
    var, names = expression.var, pd.Index(expression.var.index.astype(str))
    genomes = genomes_of(var, names)
    if genomes is None:
        return ()
    is_read = np.ones(len(var), dtype=bool) if expression.is_gene is None else expression.is_gene
    counts = pd.Series(genomes[is_read & (genomes != "")]).value_counts()
    if len(counts) < 2:
        return ()
    shown = ", ".join(f"{genome}: {number:,}" for genome, number in counts.items())
    start = f"{expression.location} has genes of {len(counts)} genomes ({shown})"
    if known is None or not known.any():
        return (
            f"{start}: all of them are read as genes. For a model of one species, leave out the "
            "genes and the cells of the others.",
        )
    own = pd.Series(genomes[known]).mode()[0]
    start += f" and the model reads those of {own}"
    if expression.is_scaled:
        return (f"{start}.",)
    foreign = _mostly(expression, (genomes != own) & (genomes != ""))
    if not foreign.any():
        return (f"{start}.",)
    first = expression.obs_names[int(np.flatnonzero(foreign)[0])]
    cells = "cell has" if foreign.sum() == 1 else "cells have"
    return (
        f"{start}. {foreign.sum():,} of {len(foreign):,} {cells} most counts in genes of another "
        f"genome (first: '{first}'): leave them out, their labels mean nothing.",
    )


def _mostly(expression: ExpressionMatrix, columns: BoolArray) -> BoolArray:
    """Cells with most of their counts in some columns, bool (n_obs,)."""
    weights = np.column_stack([columns, np.ones(len(columns))]).astype(np.float64)
    sums = np.vstack([block @ weights for block in expression.chunks(slice(None))])
    return np.asarray(sums[:, 0] > _MOSTLY * sums[:, 1])
