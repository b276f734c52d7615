import json

import pandas as pd
import pytest

from polyome.data.simulate import simulate_sequences
from polyome.data.tissue_simulator import simulate_tissue


@pytest.fixture(scope="module")
def sequences_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("sequences") / "a.csv"
    simulate_sequences(60).to_csv(path)
    return path


@pytest.fixture(scope="module")
def promoter_dir(call, sequences_file, tiny, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "p"
    result = call("fit", "promoter", sequences_file, "--target=label", f"--out={folder}", *tiny)
    assert result.exit_code == 0, result.stderr
    return folder


def test_cells_are_explained_into_a_folder(call, model_dir, cells_file, tmp_path):
    result = call("explain", model_dir, cells_file, "--out", tmp_path / "why", "--device=cpu")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == ""
    assert "mean training profile" in result.stderr
    index = json.loads((tmp_path / "why" / "polyome_explanation.json").read_text())
    assert index["task"] == "cell-type"
    assert (tmp_path / "why" / "genes.csv").read_text().startswith("class,rank,gene,contribution")


def test_sequences_are_explained_into_a_folder(call, promoter_dir, sequences_file, tmp_path):
    words = ["explain", promoter_dir, sequences_file, "--out", tmp_path / "why", "--quiet"]
    for _ in range(2):  # the folder of an explanation may be replaced by another
        result = call(*words, "--set", "most_bp=300", "--set", "output=promoter", "--device=cpu")
        assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    assert (
        json.loads((tmp_path / "why" / "polyome_explanation.json").read_text())["task"]
        == "promoter"
    )


def test_tissue_is_explained_into_a_folder(call, tiny, tmp_path):
    path = tmp_path / "tissue.h5ad"
    simulate_tissue(300).write_h5ad(path)
    fit = [
        "fit",
        "spatial",
        path,
        "--target=domain",
        "--split-by=blocks",
        f"--out={tmp_path / 't'}",
    ]
    assert call(*fit, *tiny, "--set=num_neighbours=15").exit_code == 0
    why = ["explain", tmp_path / "t", path, "--out", tmp_path / "why", "--set=most_records=40"]
    result = call(*why, "--set=by=cell_type")
    assert result.exit_code == 0, result.stderr
    assert "which stay where they are" in result.stderr
    titles = [
        i["title"]
        for i in json.loads((tmp_path / "why/polyome_explanation.json").read_text())["items"]
    ]
    assert titles[0].startswith("Neighbours behind domain ")
    assert set(pd.read_csv(tmp_path / "why/context.csv")["kind"]) == {"type 1", "type 2", "type 3"}


def test_wrong_words_are_refused_and_nothing_is_written(
    refused, model_dir, promoter_dir, cells_file, sequences_file, tmp_path
):
    out = tmp_path / "why"
    assert "Did you mean 'promoter'" in refused(
        "explain", promoter_dir, sequences_file, "--out", out, "--quiet", "--set", "output=promotor"
    )
    assert "--set knows no key 'top_n'. Known:" in refused(
        "explain", model_dir, cells_file, "--out", out, "--set", "top_n=3"
    )
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a.txt").write_text("mine")
    assert "holds other files" in refused(
        "explain", model_dir, cells_file, "--out", tmp_path / "full"
    )
