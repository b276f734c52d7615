"""Simulated and semi-synthetic tissue whose domains are known. Each says what it is."""

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

MIXTURES = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])
"""Share of each kind of cell in each domain of `simulate_tissue`."""


def simulate_tissue(
    n_cells: int = 360, n_genes: int = 40, *, n_sections: int = 2, seed: int = 0
) -> AnnData:
    """Simulate sections of three striped domains, each a mixture of three kinds of cells.

    Every kind occurs in every domain: a cell by itself tells its domain poorly, its neighbourhood
    tells it well.

    Parameters
    ----------
    n_cells, n_genes, n_sections : sizes; cells are divided among the sections.
    seed : of the random numbers.

    Returns
    -------
    AnnData, counts as float32 csr. ``obs``: ``domain``, ``cell_type``, ``section``;
    ``obsm["spatial"]``, each section in a frame and a unit of its own; ``uns["simulated"]``.

    Examples
    --------
    >>> tissue = simulate_tissue()
    >>> tissue.shape, sorted(tissue.obs["domain"].unique())
    ((360, 40), ['domain 1', 'domain 2', 'domain 3'])
    """
    rng = np.random.default_rng(seed)
    section = np.arange(n_cells) % n_sections
    places = rng.uniform(0, 1, (n_cells, 2))
    domain = np.clip((places[:, 0] * 3).astype(int), 0, 2)
    kind = np.array([rng.choice(3, p=MIXTURES[d]) for d in domain])
    rates = rng.lognormal(0, 0.7, n_genes) * np.ones((3, n_genes))
    for k in range(3):
        rates[k, k::6] *= 5
    counts = rng.poisson(rates[kind] * rng.lognormal(0, 0.2, (n_cells, 1)))
    turn = rng.uniform(0, 2 * np.pi, n_sections)[section]
    scale = (100.0 * 3.0 ** np.arange(n_sections))[section, None]
    frame = np.stack(
        [np.stack([np.cos(turn), -np.sin(turn)]), np.stack([np.sin(turn), np.cos(turn)])]
    )
    coordinates = np.einsum("ijn,nj->ni", frame, places) * scale
    obs = pd.DataFrame(
        {
            "domain": pd.Categorical([f"domain {d + 1}" for d in domain]),
            "cell_type": pd.Categorical([f"type {k + 1}" for k in kind]),
            "section": pd.Categorical([f"section {s + 1}" for s in section]),
        },
        index=[f"cell {i + 1}" for i in range(n_cells)],
    )
    var = pd.DataFrame(index=[f"GENE{i + 1}" for i in range(n_genes)])
    tissue = AnnData(sparse.csr_matrix(counts.astype(np.float32)), obs=obs, var=var)
    tissue.obsm["spatial"] = coordinates.astype(np.float32)
    tissue.uns["simulated"] = True
    return tissue
