"""The commands that use a fitted model, and its folder; audit, data and demo."""

import json
import os
import subprocess
import sys

import anndata
import numpy as np
import pandas as pd
import pytest
from tests.e2e.conftest import CLASSES, SOURCE

import polyome
from polyome.tasks import CellType

# --- predict and embed


def test_predict_writes_h5ad(call, model_dir, cells, cells_file, tmp_path):
    result = call("predict", model_dir, cells_file, f"--out={tmp_path / 'p.h5ad'}")
    assert result.exit_code == 0, result.stderr
    found = anndata.read_h5ad(tmp_path / "p.h5ad")
    assert set(found.obs["polyome_label"]) <= {*CLASSES, "unknown"}
    assert found.obs["polyome_confidence"].between(1 / 3, 1 + 1e-6).all()
    proba = found.obsm["polyome_proba"]
    assert proba.shape == (240, 3)
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-5)
    assert found.obsm["X_polyome"].shape == (240, 16)
    about = found.uns["polyome"]
    assert list(about["classes"]) == CLASSES
    assert (about["task"], about["target"]) == ("cell-type", "cell_type")
    assert about["version"] == polyome.__version__
    assert not about["aligned"]
    assert found.uns["simulated"]
    assert list(found.obs_names) == list(cells.obs_names)
    np.testing.assert_array_equal(found.X.toarray(), cells.X.toarray())
    best = np.array(CLASSES)[proba.argmax(axis=1)]
    assert (best == cells.obs["cell_type"]).mean() > 0.9


def test_predict_writes_csv(call, model_dir, cells_file, tmp_path):
    call("predict", model_dir, cells_file, f"--out={tmp_path / 'p.csv'}", "--set=refuse=false")
    table = pd.read_csv(tmp_path / "p.csv")
    assert list(table.columns) == ["id", "label", "confidence", *CLASSES]
    assert (table["label"] == table[CLASSES].idxmax(axis=1)).all()
    np.testing.assert_allclose(table["confidence"], table[CLASSES].max(axis=1))


def test_predict_can_write_over_its_input(call, model_dir, cells, tmp_path):
    path = tmp_path / "cells.h5ad"
    cells.write_h5ad(path)
    assert call("predict", model_dir, path, f"--out={path}").exit_code == 0
    assert "polyome_label" in anndata.read_h5ad(path).obs
    assert [file.name for file in tmp_path.iterdir()] == ["cells.h5ad"]


def test_alignment_is_recorded(call, model_dir, cells_file, tmp_path):
    options = ["--set=align=true", f"--out={tmp_path / 'p.h5ad'}"]
    result = call("predict", model_dir, cells_file, *options)
    assert result.exit_code == 0, result.stderr
    assert anndata.read_h5ad(tmp_path / "p.h5ad").uns["polyome"]["aligned"]


def test_majority_vote_is_recorded(call, model_dir, cells_file, tmp_path):
    options = ["--set=over=donor", f"--out={tmp_path / 'p.h5ad'}"]
    result = call("predict", model_dir, cells_file, *options)
    assert result.exit_code == 0, result.stderr
    found = anndata.read_h5ad(tmp_path / "p.h5ad")
    assert found.uns["polyome"]["voted_over"] == "donor"
    assert found.obs.groupby("donor", observed=True)["polyome_label"].nunique().eq(1).all()


def test_embed_formats_agree(call, model_dir, cells_file, tmp_path):
    for ending in ("csv", "npy", "h5ad"):
        result = call("embed", model_dir, cells_file, f"--out={tmp_path / f'e.{ending}'}")
        assert (result.exit_code, result.stdout) == (0, "")
    array = np.load(tmp_path / "e.npy", allow_pickle=False)
    assert (array.dtype, array.shape) == (np.float32, (240, 16))
    table = pd.read_csv(tmp_path / "e.csv", index_col="id")
    np.testing.assert_allclose(table, array, rtol=1e-5)
    np.testing.assert_array_equal(anndata.read_h5ad(tmp_path / "e.h5ad").obsm["X_polyome"], array)


# --- audit, data, demo


def test_audit(call, cells, tmp_path):
    cells = cells.copy()
    cells.X = cells.X.toarray()
    cells.X[5] = cells.X[0]
    cells.obs["part"] = np.where(np.arange(240) == 5, "test", "train")
    cells.write_h5ad(tmp_path / "a.h5ad")
    options = ["--target=cell_type", "--split=part", f"--json={tmp_path / 'a.json'}"]
    result = call("audit", "cell-type", tmp_path / "a.h5ad", *options)
    assert result.exit_code == 0, result.stderr
    report = json.loads((tmp_path / "a.json").read_text())
    assert report["task"] == "cell-type"
    assert any("duplicate" in finding["kind"] for finding in report["findings"])
    for finding in report["findings"]:
        assert f"{finding['severity']}: {finding['message']}" in result.stdout
    result = call("audit", "cell-type", tmp_path / "a.h5ad", "--target=with_gaps")
    assert "48 of 240 rows have no label in 'with_gaps'" in " ".join(result.stderr.split())


def test_data_list_and_get(call, tmp_path, monkeypatch):
    monkeypatch.delenv("POLYOME_DATA", raising=False)
    listed = call("data", "list")
    assert listed.exit_code == 0
    for name in ("pbmc3k", "pbmc68k_reduced", "simulated_cells"):
        assert name in listed.stdout
    result = call("data", "get", "simulated_cells", f"--out={tmp_path / 'new'}")
    assert result.exit_code == 0, result.stderr
    assert anndata.read_h5ad(tmp_path / "new" / "simulated_cells.h5ad").uns["simulated"]


@pytest.mark.real_data
def test_data_get_prefers_the_local_copy(call, real_data, tmp_path, monkeypatch):
    monkeypatch.setenv("POLYOME_DATA", str(real_data))
    assert str(real_data) in call("data", "list").stdout
    assert call("data", "get", "pbmc3k", f"--out={tmp_path}").exit_code == 0
    assert anndata.read_h5ad(tmp_path / "pbmc3k_counts.h5ad").shape == (2638, 13714)


def test_demo(call, tmp_path, monkeypatch):
    monkeypatch.setattr(CellType, "demo", CellType.example)
    monkeypatch.setattr(CellType, "training", lambda *_: {
        "learning_rate": 1e-3, "num_train_epochs": 1, "batch_size": 64
    })  # fmt: skip
    result = call("demo", "cell-type", f"--out={tmp_path / 'demo'}", "--device=cpu")
    assert result.exit_code == 0, result.stderr
    for said in ("simulated", "polyome", "logistic_regression", "knn_on_components", "accuracy"):
        assert said in result.stdout
    assert (tmp_path / "demo" / "cell-type" / "metrics.json").is_file()
    page = tmp_path / "demo" / "cell-type" / "report.html"
    assert f"report: {page}" in result.stdout
    assert "polyome demo cell-type --seed 0" in page.read_text()


@pytest.mark.slow
def test_demo_as_it_is(call, tmp_path):
    result = call("demo", f"--out={tmp_path / 'demo'}", "--device=cpu")
    assert result.exit_code == 0, result.stderr
    assert "700 real PBMC" in result.stdout


# --- the folder


PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK\x03\x04", b"\x93NUMPY")


def test_no_pickle_in_the_folder(model_dir):
    for path in model_dir.rglob("*"):
        if path.is_file():
            assert path.suffix in {".json", ".safetensors", ".md", ".gz"}, path
            assert not path.read_bytes().startswith(PICKLES), path


def test_a_folder_answers_as_the_model_that_was_fitted(model, model_dir, cells):
    loaded = polyome.load(model_dir, device="cpu", quiet=True)
    assert type(loaded) is type(model)
    expected, found = model.predict(cells), loaded.predict(cells)
    assert list(expected["label"]) == list(found["label"])
    np.testing.assert_allclose(found[CLASSES], expected[CLASSES], atol=1e-6)


@pytest.mark.slow
def test_a_fresh_process_without_network_gives_the_same_answers(
    model, cells, cells_file, tiny, tmp_path
):
    environment = os.environ | {"PYTHONPATH": SOURCE, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}

    def polyome_command(*words):
        command = [sys.executable, "-m", "polyome", *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 0, done.stderr
        return done

    folder, out = tmp_path / "model", tmp_path / "p.csv"
    done = polyome_command(
        "fit", "cell-type", cells_file, "--target=cell_type", f"--out={folder}", *tiny
    )
    assert "accuracy" in done.stdout
    assert f"wrote {folder}" in done.stderr.splitlines()
    polyome_command("predict", folder, cells_file, f"--out={out}", "--device=cpu")
    table = pd.read_csv(out, index_col="id")
    expected = model.predict(cells)
    np.testing.assert_allclose(table[CLASSES], expected[CLASSES], atol=1e-6)
    assert list(table["label"]) == list(expected["label"])
