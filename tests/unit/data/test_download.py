import dataclasses

import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from anndata import AnnData
from scipy import sparse

from polyome import InputError
from polyome.data import catalogue
from polyome.data.catalogue import CATALOGUE
from polyome.data.download import get, where
from polyome.data.simulate import simulate_cells
from polyome.io import read
from polyome.io.h5ad import read_h5ad, write_h5ad


@pytest.fixture(autouse=True)
def _no_local_data(monkeypatch):
    monkeypatch.delenv("POLYOME_DATA", raising=False)


@pytest.mark.parametrize("name", [n for n, entry in CATALOGUE.items() if entry.build])
def test_built_in_sets_have_their_target(name, tmp_path):
    found = read(get(name, tmp_path))
    columns = found.columns if isinstance(found, pd.DataFrame) else found.obs.columns
    assert CATALOGUE[name].target in columns


def test_a_download_becomes_whole_counts(monkeypatch, tmp_path):
    counts = simulate_cells(30, seed=0)
    processed = AnnData(np.zeros((30, 2), np.float32), obs=counts.obs)
    processed.raw = AnnData(counts.X.log1p(), obs=counts.obs, var=counts.var)
    monkeypatch.setattr(sc.datasets, "pbmc3k_processed", lambda: processed)
    found = read_h5ad(get("pbmc3k", tmp_path))
    assert (sparse.csr_matrix(found.X) != counts.X).nnz == 0


def test_without_a_network_it_says_what_to_do(monkeypatch, tmp_path):
    def offline():
        raise OSError("no route to host")

    monkeypatch.setattr(sc.datasets, "pbmc3k_processed", offline)
    with pytest.raises(ConnectionError, match="set POLYOME_DATA to its folder"):
        get("pbmc3k", tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def local(monkeypatch, tmp_path):
    folder = tmp_path / "data" / "deep"
    folder.mkdir(parents=True)
    monkeypatch.setenv("POLYOME_DATA", str(tmp_path / "data"))
    write_h5ad(simulate_cells(30, seed=0), folder / "pbmc3k_counts.h5ad")
    return folder / "pbmc3k_counts.h5ad"


def test_a_local_copy_with_another_checksum_is_refused(local, tmp_path):
    with pytest.raises(InputError, match="SHA-256"):
        get("pbmc3k", tmp_path / "out")


def test_a_local_copy_is_taken_first(local, monkeypatch, tmp_path):
    unchecked = dataclasses.replace(CATALOGUE["pbmc3k"], sha256=None)
    monkeypatch.setitem(catalogue.CATALOGUE, "pbmc3k", unchecked)
    assert where(unchecked) == f"at hand in {local.parent}"
    assert get("pbmc3k", tmp_path / "out").read_bytes() == local.read_bytes()


@pytest.mark.real_data
def test_the_real_copy_has_the_checksum(real_data, monkeypatch, tmp_path):
    monkeypatch.setenv("POLYOME_DATA", str(real_data))
    assert read_h5ad(get("pbmc3k", tmp_path)).shape == (2638, 13714)


def test_what_is_simulated_says_so(tmp_path):
    assert "simulated" in CATALOGUE["simulated_cells"].description
    assert simulate_cells().uns["simulated"]
    assert pd.read_csv(get("simulated_expression", tmp_path))["simulated"].all()
