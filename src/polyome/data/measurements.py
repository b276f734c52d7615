"""Simulated cells with two measurements, RNA and surface proteins, as a MuData."""

from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from polyome._errors import InputError
from polyome.data.simulate import simulate_cells

NUM_PROTEINS = 12


def simulate_measurements(n_cells: int = 240, *, n_unpaired: int = 20, seed: int = 0) -> Any:
    """Simulate a MuData: counts of 120 genes and of 12 proteins, which follow the cell's type.

    Parameters
    ----------
    n_cells : cells of three types.
    n_unpaired : of them, the first ones lack RNA.
    seed : of all random numbers.

    Returns
    -------
    MuData with ``rna`` and ``prot``; ``obs["cell_type"]`` is the truth.

    Raises
    ------
    InputError
        mudata is not installed.

    Examples
    --------
    >>> simulate_measurements(30, n_unpaired=5).mod["rna"].n_obs
    25
    """
    try:
        import mudata
    except ImportError as error:
        message = "cells with several measurements need mudata: pip install 'polyome[multimodal]'."
        raise InputError(message) from error
    cells = simulate_cells(n_cells, seed=seed)
    rng = np.random.default_rng(seed)
    types = pd.factorize(cells.obs["cell_type"], sort=True)[0]
    levels = np.random.default_rng(99).gamma(2.0, 8.0, (types.max() + 1, NUM_PROTEINS))
    levels *= levels.sum() / len(levels) / levels.sum(axis=1, keepdims=True)  # same depth
    activity = rng.lognormal(0, 0.3, (n_cells, 1))
    counts = rng.poisson(levels[types] * activity).astype(np.float32)
    names = [*(f"CD{i + 1}" for i in range(NUM_PROTEINS - 1)), "IgG1.Isotype.Control"]
    obs = pd.DataFrame(index=cells.obs_names)
    rna = cells[n_unpaired:].copy()
    rna.obs = pd.DataFrame(index=rna.obs_names)
    with mudata.set_options(pull_on_update=False):
        both = mudata.MuData({"rna": rna, "prot": AnnData(counts, obs, pd.DataFrame(index=names))})
    both.obs["cell_type"] = cells.obs["cell_type"].reindex(both.obs_names)
    return both
