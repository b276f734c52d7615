"""Places that cannot be written to, and folders that hold no model, are refused: exit code 2."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

# --- where to write


def test_a_folder_that_holds_other_files(refused_fit, refused, tmp_path):
    (tmp_path / "cell-type").mkdir()
    (tmp_path / "cell-type" / "thesis.tex").touch()
    message = refused_fit(f"--out={tmp_path / 'cell-type'}")
    assert "holds other files; name a new or an empty folder" in message
    assert "holds other files" in refused("demo", "cell-type", f"--out={tmp_path}")


def test_a_file_where_a_folder_is_needed(refused_fit, refused, tmp_path):
    (tmp_path / "a.txt").touch()
    assert "a.txt is a file; a folder is needed" in refused_fit(f"--out={tmp_path / 'a.txt'}")
    message = refused_fit(f"--out={tmp_path / 'a.txt' / 'model'}")
    assert "a.txt is a file; no folder can be made in it" in message
    message = refused("data", "get", "simulated_cells", f"--out={tmp_path / 'a.txt'}")
    assert "a.txt is a file; a folder is needed" in message


@pytest.mark.parametrize("verb", ["predict", "embed", "evaluate", "audit"])
def test_output_files(refused, model_dir, cells_file, tmp_path, verb):
    option = "--out" if verb in ("predict", "embed") else "--json"
    words = [verb, model_dir, cells_file]
    if verb == "audit":
        words = [verb, "cell-type", cells_file, "--target=cell_type"]
    missing = tmp_path / "results" / "a.csv"
    message = refused(*words, f"{option}={missing}")
    assert message == f"the folder {missing.parent} does not exist; make it first."
    assert "is a folder; a file name is needed" in refused(*words, f"{option}={tmp_path}")
    if option == "--out":
        message = refused(*words, f"--out={tmp_path / 'a.txt'}")
        assert "a.txt: a name that ends in ." in message


@pytest.mark.skipif(
    not Path("/proc/self").is_dir(), reason="needs a place that nobody can write to"
)
def test_a_place_that_cannot_be_written_to(refused_fit, refused, model_dir, cells_file):
    place = f"/proc/{os.getpid()}"
    assert f"nothing can be written in {place}" in refused_fit(f"--out={place}/model")
    message = refused("predict", model_dir, cells_file, f"--out={place}/p.csv")
    assert f"nothing can be written in {place}" in message


# --- model folders


def test_no_model_folder(refused_predict, cells_file, tmp_path):
    message = refused_predict(cells_file, folder=tmp_path / "model")
    assert "model does not exist; the folder that 'polyome fit --out' wrote is needed" in message
    message = refused_predict(cells_file, folder=cells_file)
    assert "cells.h5ad is a file; the folder that" in message
    message = refused_predict(cells_file, folder=cells_file.parent)
    assert "is not a Polyome model folder: it lacks polyome.json. It holds 'cells.h5ad'" in message


PARTS = [
    "config.json",
    "model.safetensors",
    "modality_cell.json",
    "modality_cell.safetensors",
    "polyome.json",
    "polyome.safetensors",
]


@pytest.fixture
def copied(model_dir, tmp_path):
    """A copy of the model folder, to spoil."""
    return Path(shutil.copytree(model_dir, tmp_path / "copy"))


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("how", ["missing", "truncated", "random", "bert", "list"])
def test_spoilt_model_folders(refused_predict, copied, cells_file, name, how):
    path = copied / name
    whole = path.read_bytes()
    path.unlink()
    if how == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    elif how == "random":
        path.write_bytes(np.random.default_rng(0).bytes(1000))
    elif how == "bert":
        path.write_text('{"model_type": "bert", "hidden_size": 768, "vocab_size": 30522}')
    elif how == "list":
        path.write_text("[1, 2]")
    message = refused_predict(cells_file, folder=copied)
    assert name in message
    if how == "missing":
        assert f"lacks {name}" in message
    if (name, how) == ("config.json", "bert"):
        assert "describes a model of type 'bert', not 'polyome'" in message


@pytest.fixture(scope="module")
def other_model(call, cells, tiny, tmp_path_factory):
    """A whole folder of another model: other genes, other classes, other size."""
    folder = tmp_path_factory.mktemp("other")
    few = cells[cells.obs["cell_type"] != "type 3", :50].copy()
    few.write_h5ad(folder / "few.h5ad")
    options = ["--target=cell_type", f"--out={folder / 'm'}", *tiny, "--set=hidden_size=8"]
    assert call("fit", "cell-type", folder / "few.h5ad", *options).exit_code == 0
    return folder / "m"


@pytest.mark.parametrize("name", PARTS)
def test_a_file_of_another_model(refused_predict, copied, other_model, cells_file, name):
    shutil.copy(other_model / name, copied / name)
    message = refused_predict(cells_file, folder=copied)
    if name == "config.json":
        assert "config.json" in message
    elif name == "polyome.json":
        assert "of another model" in message
    else:
        assert f"{name} is damaged or of another model" in message


@pytest.mark.parametrize(
    ("key", "value"),
    [("output", {"temperature": 0, "temperatures": {}}),
     ("output", {"temperature": "hot", "temperatures": {}}), ("output", 3),
     ("classes", [1, 2, 3]), ("target", None),
     ("settings", {"hidden_size": "wide"})],
)  # fmt: skip
def test_a_spoilt_value_of_the_summary(refused_predict, copied, cells_file, key, value):
    path = copied / "polyome.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    message = refused_predict(cells_file, folder=copied)
    assert "polyome.json is damaged" in message
    assert (key if key != "settings" else "hidden_size='wide'") in message


@pytest.mark.parametrize("found", [None, 1, 99])
def test_a_folder_of_another_version(refused_predict, copied, cells_file, found):
    path = copied / "polyome.json"
    summary = json.loads(path.read_text())
    del summary["format"]
    path.write_text(json.dumps(summary if found is None else summary | {"format": found}))
    message = refused_predict(cells_file, folder=copied)
    assert f"was written by another version of Polyome (folder format {found or 1}" in message


def test_a_spoilt_split(refused, copied, cells_file):
    (copied / "evaluation" / "split.csv.gz").write_bytes(b"abc")
    assert "split.csv.gz is damaged" in refused("evaluate", copied, cells_file)
