"""``polyome report`` on a folder that ``polyome fit`` wrote."""

import copy
import shutil

import pandas as pd
import pytest

import polyome
from polyome.report.scored import Scored


@pytest.fixture
def folder(model_dir, tmp_path):
    """A copy that may be written into."""
    return shutil.copytree(model_dir, tmp_path / "model")


def test_report_writes_one_file(call, folder):
    before = set(folder.rglob("*"))
    result = call("report", folder)
    assert (result.exit_code, result.stdout) == (0, "")
    assert f"wrote {folder / 'report.html'}" in result.stderr
    assert set(folder.rglob("*")) - before == {folder / "report.html"}
    page = (folder / "report.html").read_text()
    for said in ("48 test records", "logistic regression", "simulated", "cells.h5ad", "type 3"):
        assert said in page
    polyome.load(folder, quiet=True)  # the report does not make the folder look damaged


def test_the_command_in_the_report_is_the_one_that_was_typed(call, folder, tmp_path):
    out = tmp_path / "a.html"
    result = call("report", folder, f"--out={out}", "--seed=3", "--quiet", "--device=cpu")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    page = out.read_text()
    for word in (
        "polyome fit cell-type cells.h5ad --target=cell_type",
        "hidden_size=16",
        "epochs=2",
    ):
        assert word in page


def test_report_settings(call, folder, refused):
    assert call("report", folder, "--set=umap_records=20").exit_code == 0
    assert "20 of 48 records, drawn at random." in (folder / "report.html").read_text()
    (folder / "report.html").unlink()
    assert "--set knows no key 'umap'" in refused("report", folder, "--set=umap=20")


def test_what_cannot_be_reported(folder, refused, tmp_path):
    assert "does not exist" in refused("report", tmp_path / "nothing")
    assert "does not exist; make it first" in refused(
        "report", folder, f"--out={tmp_path / 'no' / 'a.html'}"
    )
    shutil.rmtree(folder / "evaluation")
    assert "no folder 'evaluation'" in refused("report", folder)


def test_a_model_in_memory_is_drawn_as_its_folder_is(model, folder):
    in_memory, on_disk = (
        Scored.from_estimator(model),
        Scored.from_folder(folder, model.classes_, "classes"),
    )
    assert list(in_memory.names) == list(on_disk.names)
    assert (in_memory.label == on_disk.label).all()
    assert abs(in_memory.proba.to_numpy() - on_disk.proba.to_numpy()).max() < 1e-5
    ax = polyome.pl.confusion_matrix(model)
    assert ax.get_xlabel() == "prediction"
    ax.figure.clear()


def test_places_of_records_are_kept_and_drawn(model, tmp_path):
    placed = copy.copy(model)
    assert placed.places_ is None, "cells lie nowhere"
    names = placed.answers_.names
    placed.places_ = pd.DataFrame({"x": range(48), "y": 1.5, "section": "left"}, index=names)
    placed.save_pretrained(tmp_path / "placed")
    found = Scored.from_folder(tmp_path / "placed", placed.classes_, "classes")
    assert found.coordinates[:2].tolist() == [[0.0, 1.5], [1.0, 1.5]]
    assert set(found.section) == {"left"}
    page = polyome.report(tmp_path / "placed", quiet=True).read_text()
    assert 'id="map-0"' in page
