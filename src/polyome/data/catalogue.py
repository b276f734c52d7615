"""Data sets by name: built in, or fetched."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import scanpy as sc
from anndata import AnnData

from polyome._errors import InputError, listed, suggestion
from polyome.data.expression import simulate_expression
from polyome.data.promoters import simulate_promoters
from polyome.data.simulate import simulate_cells
from polyome.data.tissue_simulator import semi_synthetic_tissue


@dataclass(frozen=True)
class DataSet:
    """One entry of the catalogue.

    Attributes
    ----------
    description : what it is; says so where it is simulated.
    task, target : what it can be used for, and the column with the truth.
    file_name : under this name it is looked for in the folder POLYOME_DATA, and written.
    build : makes it without a network, where it is built in.
    fetch : name of the function in scanpy.datasets that downloads it, where it is not.
    sha256 : of the file as found in POLYOME_DATA.
    """

    description: str
    task: str
    target: str
    file_name: str
    build: Callable[[], AnnData | pd.DataFrame] | None = None
    fetch: str | None = None
    sha256: str | None = None


CATALOGUE: dict[str, DataSet] = {
    "pbmc68k_reduced": DataSet(
        "700 real blood cells of 10 types, 765 genes; comes with scanpy",
        task="cell-type",
        target="bulk_labels",
        file_name="pbmc68k_reduced.h5ad",
        build=lambda: load_builtin("pbmc68k_reduced"),
    ),
    "simulated_cells": DataSet(
        "simulated: 240 cells of 3 types, 120 genes, marker genes known",
        task="cell-type",
        target="cell_type",
        file_name="simulated_cells.h5ad",
        build=simulate_cells,
    ),
    "simulated_promoters": DataSet(
        "simulated: 2,000 promoters and backgrounds of a known grammar, 160 bp",
        task="promoter",
        target="label",
        file_name="simulated_promoters.csv.gz",
        build=simulate_promoters,
    ),
    "semi_synthetic_tissue": DataSet(
        "semi-synthetic: 700 real blood cells (pbmc68k_reduced) in simulated domains",
        task="spatial",
        target="domain",
        file_name="semi_synthetic_tissue.h5ad",
        build=semi_synthetic_tissue,
    ),
    "simulated_expression": DataSet(
        "simulated: 3,000 bacterial reporters of a known grammar, 150 bp, with noise and the truth",
        task="expression",
        target="expression",
        file_name="simulated_expression.csv.gz",
        build=simulate_expression,
    ),
    "pbmc3k": DataSet(
        "2,638 real blood cells of 8 types, counts of 13,714 genes (10x Genomics)",
        task="cell-type",
        target="louvain",
        file_name="pbmc3k_counts.h5ad",
        fetch="pbmc3k_processed",
        sha256="c571be595653d60e205b274dc95ff95dd0187340fb0774ef2161703200353d8e",
    ),
}


def find(name: str) -> DataSet:
    """Look a data set up.

    Examples
    --------
    >>> find("pbmc3k").target
    'louvain'
    >>> find("pbmc3")
    Traceback (most recent call last):
    polyome._errors.InputError: there is no data set 'pbmc3'. Known: ... Did you mean 'pbmc3k'?
    """
    if name not in CATALOGUE:
        message = (
            f"there is no data set '{name}'. Known: {listed(CATALOGUE)}."
            f"{suggestion(name, list(CATALOGUE))}"
        )
        raise InputError(message)
    return CATALOGUE[name]


def load_builtin(name: str) -> AnnData:
    """Load a data set that comes with scanpy.

    Examples
    --------
    >>> load_builtin("pbmc68k_reduced").shape
    (700, 765)
    """
    adata: AnnData = getattr(sc.datasets, name)()
    return adata
