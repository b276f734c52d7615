"""A fit that was interrupted goes on where it stopped, and ends at the same weights."""

import pytest
from safetensors.torch import load_file
from typer.testing import CliRunner

from polyome.cli import app
from polyome.data.simulate import simulate_cells
from polyome.io.h5ad import write_h5ad
from polyome.train import members as fitting

BRIEF = ["--set", "num_train_epochs=2", "--set", "hidden_size=16", "--set", "num_members=3"]


@pytest.fixture
def cells(tmp_path):
    write_h5ad(simulate_cells(seed=0), tmp_path / "cells.h5ad")
    return tmp_path / "cells.h5ad"


def fit(cells, out, *options):
    command = ["fit", "cell-type", str(cells), "--target", "cell_type", "--out", str(out)]
    return CliRunner().invoke(app, [*command, *BRIEF, "--quiet", *options])


@pytest.fixture
def interrupted(cells, tmp_path, monkeypatch):
    """A fit interrupted at its third member; gives a list of what is fitted from then on."""
    usual, fitted = fitting.train, []

    def train(*arguments, **keywords):
        if len(fitted) == 2:
            fitted.append("interrupted")
            raise KeyboardInterrupt
        fitted.append("member")
        return usual(*arguments, **keywords)

    monkeypatch.setattr(fitting, "train", train)
    result = fit(cells, tmp_path / "model")
    assert result.exit_code == 1
    assert "interrupted" in result.stderr
    assert not (tmp_path / "model").exists()
    fitted.clear()
    return fitted


def test_resume_fits_only_what_is_missing(cells, tmp_path, interrupted):
    assert fit(cells, tmp_path / "model", "--resume").exit_code == 0
    assert interrupted == ["member"]


def test_without_resume_everything_is_fitted_anew(cells, tmp_path, interrupted):
    assert fit(cells, tmp_path / "model").exit_code == 1
    assert interrupted == ["member", "member", "interrupted"]


@pytest.mark.parametrize("other", [["--seed=1"], ["--group=donor"]])
def test_members_of_another_fit_are_not_used(cells, tmp_path, interrupted, other):
    assert fit(cells, tmp_path / "model", "--resume", *other).exit_code == 1
    assert interrupted == ["member", "member", "interrupted"]


def test_an_uninterrupted_fit_leaves_the_same_weights(cells, tmp_path, interrupted, monkeypatch):
    assert fit(cells, tmp_path / "model", "--resume").exit_code == 0
    monkeypatch.undo()
    assert fit(cells, tmp_path / "whole").exit_code == 0
    resumed = load_file(tmp_path / "model" / "model.safetensors")
    for name, weight in load_file(tmp_path / "whole" / "model.safetensors").items():
        assert (resumed[name] == weight).all(), name
    assert not list(tmp_path.glob(".*unfinished*"))
