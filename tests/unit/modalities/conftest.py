"""Small samples of cells, ways to learn their genes and to read them; tiny checkpoints."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scanpy as sc
import torch
from anndata import AnnData
from scipy import sparse
from tests.unit.modalities.dna.tiny_checkpoints import MAKE
from transformers import (
    dynamic_module_utils,
)

from polyome.modalities.profiles.genes import GeneVocabulary, match_genes, normalised
from polyome.modalities.profiles.matrix import find_expression

GENES = [f"GENE{i}" for i in range(60)]


def make(counts, names=GENES, **obs):
    cells = pd.DataFrame(obs, index=[f"c{i}" for i in range(len(counts))])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return AnnData(
            sparse.csr_matrix(counts, dtype=np.float32), obs=cells, var=pd.DataFrame(index=names)
        )


def sample(n_obs=50, seed=0):
    rng = np.random.default_rng(seed)
    counts = rng.poisson(rng.gamma(0.5, 3.0, 60) * rng.lognormal(0, 0.5, (n_obs, 1)))
    return make(counts + (rng.random(counts.shape) < 0.05))


def lognormalised(adata, total=1e4):
    adata = adata.copy()
    sc.pp.normalize_total(adata, target_sum=total)
    sc.pp.log1p(adata)
    return adata


def scaled(adata):
    adata = adata.copy()
    adata.X = sc.pp.scale(lognormalised(adata).X.toarray())
    return adata


def learn(adata, **options):
    return GeneVocabulary.fit(find_expression(adata, **options), np.arange(adata.n_obs))


def read(vocabulary, adata, rows=slice(None), **options):
    expression = find_expression(adata, **options)
    values = normalised(vocabulary, match_genes(vocabulary, expression), expression, rows)
    return values.toarray() if sparse.issparse(values) else values


@pytest.fixture(scope="module")
def adata():
    return sample()


@pytest.fixture(scope="module")
def vocabulary(adata):
    return learn(adata)


@pytest.fixture(scope="session")
def code_cache(tmp_path_factory):
    """Keep code that the tests run out of the user's cache; Python imports it once per session."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("modules")
        patch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(folder))
        patch.syspath_prepend(folder)
        yield


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory) -> dict[str, Path]:
    torch.manual_seed(1)
    above = tmp_path_factory.mktemp("checkpoints")
    return {kind: make(above / kind) for kind, make in MAKE.items()}
