"""What all tests share: one thread, fixed seeds, and the folder of real data."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings

from polyome.report.plots import maps

REPOSITORY = Path(__file__).parents[1]
settings.register_profile("polyome", deadline=None)  # machines are busy
settings.load_profile("polyome")


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def _components_for_umap():
    """UMAP compiles for half a minute; two principal components stand for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(maps, "LEAST_FOR_UMAP", 10**9)
        yield


@pytest.fixture(autouse=True)
def _seeds():
    np.random.seed(0)  # noqa: NPY002 - third parties use it
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets; a test that asks for it is skipped where it is absent."""
    named = os.environ.get("POLYOME_DATA")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real data in {folder}")
    return folder
