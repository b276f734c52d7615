"""Simulated data whose truth is known. Whatever is made here is called simulated wherever shown."""

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse


def simulate_cells(
    n_cells: int = 240, n_genes: int = 120, n_types: int = 3, *, n_donors: int = 4, seed: int = 0
) -> AnnData:
    """Simulate counts of a few cell types, each with its own marker genes.

    Expression follows a log-normal over genes; a tenth of the genes, at least four, mark each type
    and are 4 to 12 times as high there. Counts are Poisson at a library of about 1,500.

    Parameters
    ----------
    n_cells, n_genes, n_types, n_donors : sizes.
    seed : of the random numbers.

    Returns
    -------
    AnnData, counts as float32 csr (n_cells, n_genes). ``obs``: ``cell_type``, ``donor``;
    ``uns["simulated"]`` is True, ``varm["markers"]`` says which genes mark which type.

    Examples
    --------
    >>> cells = simulate_cells(seed=0)
    >>> cells.shape, sorted(cells.obs["cell_type"].unique())
    ((240, 120), ['type 1', 'type 2', 'type 3'])
    """
    rng = np.random.default_rng(seed)
    base = rng.lognormal(0, 1, n_genes)
    markers = np.zeros((n_genes, n_types), bool)
    per_type = max(4, n_genes // 10)
    for k, genes in enumerate(np.split(rng.permutation(n_genes)[: per_type * n_types], n_types)):
        markers[genes, k] = True
    fold = np.where(markers, rng.uniform(4, 12, markers.shape), 1.0)
    types = rng.permutation(np.arange(n_cells) % n_types)
    rates = base * fold.T[types]
    library = rng.lognormal(np.log(1500), 0.3, n_cells)
    counts = rng.poisson(rates / rates.sum(axis=1, keepdims=True) * library[:, None])
    obs = pd.DataFrame(
        {
            "cell_type": pd.Categorical([f"type {k + 1}" for k in types]),
            "donor": pd.Categorical([f"donor {d + 1}" for d in rng.integers(0, n_donors, n_cells)]),
        },
        index=[f"cell {i + 1}" for i in range(n_cells)],
    )
    var = pd.DataFrame(index=[f"GENE{i + 1}" for i in range(n_genes)])
    cells = AnnData(sparse.csr_matrix(counts.astype(np.float32)), obs=obs, var=var)
    cells.varm["markers"] = markers
    cells.uns["simulated"] = True
    return cells


def simulate_sequences(n_sequences: int = 240, length: int = 60, *, seed: int = 0) -> pd.DataFrame:
    """Simulate easy promoters: random letters, half of them with a TATA box near the middle.

    For tests and first steps; `simulate_promoters` has a grammar.

    Parameters
    ----------
    n_sequences, length : sizes; 20 bp at least.
    seed : of the random numbers.

    Returns
    -------
    DataFrame indexed by name, ``sequence`` and ``label`` (promoter, background);
    ``attrs["simulated"]`` is True.

    Examples
    --------
    >>> table = simulate_sequences(4)
    >>> table["sequence"].str.len().tolist(), sorted(set(table["label"]))
    ([60, 60, 60, 60], ['background', 'promoter'])
    """
    rng = np.random.default_rng(seed)
    letters = rng.choice(list("ACGT"), (n_sequences, length))
    is_promoter = rng.permutation(np.arange(n_sequences) % 2 == 0)
    for row in np.flatnonzero(is_promoter):
        start = length // 2 - 4 + rng.integers(-3, 4)
        letters[row, start : start + 8] = list("TATAAAAG")
    table = pd.DataFrame(
        {
            "sequence": ["".join(row) for row in letters],
            "label": np.where(is_promoter, "promoter", "background"),
        },
        index=pd.Index([f"sequence {i + 1}" for i in range(n_sequences)], name="id"),
    )
    table.attrs["simulated"] = True
    return table
