"""Tissue whose domains are known: simulated, or semi-synthetic, of real cells in simulated places.

Each domain is a mixture of kinds of cells, and every kind occurs in every domain: a cell by itself
tells its domain poorly, its neighbourhood tells it well.
"""

import numpy as np
import pandas as pd
import scanpy as sc
from anndata import AnnData
from scipy import sparse

from polyome._types import FloatArray, IntArray

MIXTURES = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])
"""Share of each kind of cell in each domain of `simulate_tissue`."""
HOME = 0.7
"""Share of a lineage's cells that `semi_synthetic_tissue` places in the domain of their own; the
others lie in equal parts in the other two."""
DOMAINS = ("follicle", "T zone", "sinus")


def simulate_tissue(
    n_cells: int = 300, n_genes: int = 40, *, n_sections: int = 1, seed: int = 0
) -> AnnData:
    """Simulate sections of three stripes, each a mixture of three kinds of cells.

    Parameters
    ----------
    n_cells, n_genes, n_sections : sizes; cells are divided among the sections.
    seed : of the random numbers.

    Returns
    -------
    AnnData, counts as float32 csr. ``obs``: ``domain``, ``cell_type``, ``section``;
    ``obsm["spatial"]``, float64, each section in a frame and a unit of its own;
    ``uns["simulated"]`` is True.

    Examples
    --------
    >>> tissue = simulate_tissue()
    >>> tissue.shape, sorted(tissue.obs["domain"].unique())
    ((300, 40), ['domain 1', 'domain 2', 'domain 3'])
    """
    rng = np.random.default_rng(seed)
    section = np.arange(n_cells) % n_sections
    places = rng.uniform(0, 1, (n_cells, 2))
    domain = np.minimum((places[:, 0] * 3).astype(int), 2)
    kind = np.array([rng.choice(3, p=MIXTURES[d]) for d in domain])
    rates = rng.lognormal(0, 0.7, n_genes) * np.ones((3, n_genes))
    for k in range(3):
        rates[k, k::6] *= 5
    counts = rng.poisson(rates[kind] * rng.lognormal(0, 0.2, (n_cells, 1)))
    coordinates = np.zeros((n_cells, 2))
    for s in range(n_sections):
        inside = section == s
        coordinates[inside] = places[inside] @ _turn(rng.uniform(0, 2 * np.pi)) * 100 * 3**s
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
    tissue.obsm["spatial"] = coordinates
    tissue.uns["simulated"] = True
    return tissue


def semi_synthetic_tissue(*, seed: int = 0) -> AnnData:
    """Place real blood cells in a simulated lymph node: semi-synthetic.

    The cells are scanpy's ``pbmc68k_reduced``, 700 real cells with their real expression and type,
    each placed once. The places, and with them the domains, are simulated: follicles, the home of
    B cells, in a T zone, the home of T and NK cells, with a sinus around it, the home of myeloid
    cells. 70 % of a lineage's cells lie at home, 15 % in each of the other domains.

    Parameters
    ----------
    seed : of the random numbers.

    Returns
    -------
    AnnData of 700 cells, log-normalised. ``obs``: ``domain`` (simulated), ``bulk_labels``
    (real); ``obsm["spatial"]`` (simulated, micrometres); ``uns["simulated"]`` says what is.

    Examples
    --------
    >>> tissue = semi_synthetic_tissue()
    >>> tissue.n_obs, tissue.uns["simulated"]
    (700, 'semi-synthetic: real cells of pbmc68k_reduced in simulated places')
    """
    rng = np.random.default_rng(seed)
    cells = sc.datasets.pbmc68k_reduced()
    lineage = _lineage(cells.obs["bulk_labels"].astype(str).to_numpy())
    share = np.full((3, 3), (1 - HOME) / 2) + (HOME - (1 - HOME) / 2) * np.eye(3)
    domain = np.array([rng.choice(3, p=share[k]) for k in lineage])
    coordinates = _lymph_node(np.bincount(domain, minlength=3), rng)
    order = rng.permutation(len(domain))  # of the cells, then brought into the domains' order
    order = order[np.argsort(domain[order], kind="stable")]
    raw = cells.raw
    obs = cells.obs[["bulk_labels"]].iloc[order].copy()
    obs["domain"] = pd.Categorical(np.array(DOMAINS)[domain[order]])
    obs.index = pd.Index([f"cell {i + 1}" for i in range(len(order))])
    tissue = AnnData(sparse.csr_matrix(raw.X[order]), obs=obs, var=raw.var[[]].copy())
    tissue.obsm["spatial"] = coordinates
    tissue.uns["simulated"] = "semi-synthetic: real cells of pbmc68k_reduced in simulated places"
    shuffled = rng.permutation(len(order))
    return tissue[shuffled].copy()


def _lineage(types: np.ndarray) -> IntArray:
    """0 for B cells and precursors, 1 for T and NK cells, 2 for myeloid cells."""
    is_b = np.isin(types, ["CD19+ B", "CD34+"])
    is_myeloid = np.isin(types, ["Dendritic", "CD14+ Monocyte"])
    return np.where(is_b, 0, np.where(is_myeloid, 2, 1))


def _lymph_node(counts: IntArray, rng: np.random.Generator) -> FloatArray:
    """Places in a disc, float64 (n, 2), micrometres: those of each domain one after the other."""
    places = _packed(int(counts.sum()), rng)
    radius = np.hypot(*places.T)
    outermost = np.argsort(-radius, kind="stable")
    sinus, inner = outermost[: counts[2]], outermost[counts[2] :]
    middles = 0.45 * radius.max() * np.array([[np.cos(a), np.sin(a)] for a in (0.3, 2.4, 4.5)])
    to_follicle = np.linalg.norm(places[inner, None] - middles, axis=2).min(axis=1)
    nearest = inner[np.argsort(to_follicle, kind="stable")]
    follicle, t_zone = nearest[: counts[0]], nearest[counts[0] :]
    return places[np.concatenate([follicle, t_zone, sinus])]


def _packed(number: int, rng: np.random.Generator, spacing: float = 10.0) -> FloatArray:
    """A disc of places about ``spacing`` micrometres apart: a shaken hexagonal grid."""
    half = int(np.sqrt(number)) + 2
    rows, columns = np.mgrid[-half : half + 1, -half : half + 1]
    grid = np.stack([columns + rows % 2 / 2, rows * np.sqrt(3) / 2], axis=-1).reshape(-1, 2)
    inside = np.argsort(np.hypot(*grid.T), kind="stable")[:number]
    return spacing * (grid[inside] + rng.uniform(-0.25, 0.25, (number, 2)))


def _turn(angle: float) -> FloatArray:
    """Rotation matrix, (2, 2)."""
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
