"""Simulated cells in files, one small fitted model, and a way to call the command in process."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import polyome
from polyome.cli import app
from polyome.data.simulate import simulate_cells
from polyome.estimator import estimator_class

FIT = {"num_train_epochs": 2, "baselines": False}
CLASSES = ["type 1", "type 2", "type 3"]
SOURCE = str(Path(polyome.__file__).parents[1])
TINY = {"hidden_size": 16, "num_hidden_layers": 1, "num_members": 1}


@pytest.fixture(scope="session")
def tiny() -> list[str]:
    """Options of ``fit`` for a model that is made in a second."""
    pairs = [f"--set={key}={value}" for key, value in (TINY | FIT).items()]
    return [*pairs, "--device=cpu"]


@pytest.fixture(scope="session")
def call():
    """Run a command line; the result has exit_code, stdout and stderr."""

    def run(*words):
        result = CliRunner().invoke(app, [str(word) for word in words])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


def cells_with_columns():
    """Simulated cells; columns with every kind of target and split that the tests need."""
    cells = simulate_cells(seed=0)
    n = cells.n_obs
    types = cells.obs["cell_type"].astype(str)
    part = np.resize(["train", "train", "train", "dev", "Test", "spare"], n)
    cells.obs["part"] = pd.Categorical(part)
    cells.obs["number"] = types.str[-1].astype(int)
    cells.obs["number_with_gaps"] = cells.obs["number"].where(np.arange(n) % 5 > 0)
    cells.obs["with_gaps"] = pd.Categorical(types.where(np.arange(n) % 5 > 0))
    cells.obs["with_excluded"] = types.where(np.arange(n) % 8 > 0, "Excluded")
    cells.obs["coarse"] = np.where(types == "type 1", "type 1", "type 2")
    cells.obs["one_class"] = "T cell"
    cells.obs["nothing"] = np.nan
    cells.obs["name"] = cells.obs_names.astype(str)
    return cells


@pytest.fixture(scope="session")
def cells():
    """Do not change it: take a copy."""
    return cells_with_columns()


@pytest.fixture(scope="session")
def cells_file(cells, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("cells") / "cells.h5ad"
    cells.write_h5ad(path)
    return path


@pytest.fixture(scope="session")
def model(cells):
    """A small model, fitted in memory."""
    made = estimator_class("cell-type")(**TINY, device="cpu", quiet=True)
    return made.fit(cells, "cell_type", **FIT)


@pytest.fixture(scope="session")
def model_dir(call, cells_file, tiny, tmp_path_factory) -> Path:
    """The folder that ``polyome fit`` wrote with the same settings as ``model``'s."""
    folder = tmp_path_factory.mktemp("models") / "a"
    result = call("fit", "cell-type", cells_file, "--target=cell_type", f"--out={folder}", *tiny)
    assert result.exit_code == 0, result.stderr
    return folder


@pytest.fixture
def fit(call, cells_file, tiny, tmp_path):
    """Fit on the simulated cells; returns the folder and the result."""

    def run(*options, target="cell_type"):
        folder = tmp_path / "model"
        result = call(
            "fit", "cell-type", cells_file, f"--target={target}", f"--out={folder}", *tiny, *options
        )
        assert result.exit_code == 0, result.stderr
        return folder, result

    return run


def read_json(path):
    return json.loads(path.read_text())


def rows_of(folder):
    return read_json(folder / "polyome.json")["facts"]["rows"]


@pytest.fixture
def refused(call, tmp_path):
    """Call a command that must refuse; returns its message."""

    def run(*words):
        before = sorted(tmp_path.rglob("*"))
        result = call(*words)
        lines = [line for line in result.stderr.splitlines() if line]
        messages = [line for line in lines if line.startswith("polyome: ")]
        assert result.exit_code == 2, result.stderr
        assert result.stdout == ""
        assert len(messages) == 1, result.stderr
        assert lines[-1] == messages[0], "the message is one line, and the last one"
        assert "Traceback" not in result.stderr
        assert "failed" not in messages[0]
        assert sorted(tmp_path.rglob("*")) == before, "something was written"
        return messages[0].removeprefix("polyome: ")

    return run


@pytest.fixture
def refused_fit(refused, cells_file, tiny, tmp_path):
    """Call ``fit`` with a file and options."""

    def run(*options, source=cells_file, target="cell_type", task="cell-type"):
        out = () if any(o.startswith("--out") for o in options) else (f"--out={tmp_path / 'm'}",)
        return refused("fit", task, source, f"--target={target}", *out, *tiny, *options)

    return run


@pytest.fixture
def refused_predict(refused, model_dir, tmp_path):
    """Call ``predict`` on a file."""

    def run(source, *options, folder=model_dir):
        return refused("predict", folder, source, f"--out={tmp_path / 'p.h5ad'}", *options)

    return run
