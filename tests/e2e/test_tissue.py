"""The commands on simulated tissue, and what they refuse."""

import json
from types import SimpleNamespace

import anndata
import numpy as np
import pandas as pd
import pytest

import polyome
from polyome.data.tissue_simulator import simulate_tissue
from polyome.io.zarr_tables import write_zarr_table


@pytest.fixture(scope="module")
def tissue():
    return simulate_tissue(400, n_sections=2, seed=1)


@pytest.fixture(scope="module")
def tissue_file(tissue, tmp_path_factory):
    path = tmp_path_factory.mktemp("tissue") / "tissue.h5ad"
    tissue.write_h5ad(path)
    return path


@pytest.fixture(scope="module")
def model_dir(call, tissue_file, tiny, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "t"
    options = ["--set=section=section", "--split-by=blocks", "--target=domain", f"--out={folder}"]
    result = call("fit", "spatial", tissue_file, *options, *tiny)
    assert result.exit_code == 0, result.stderr
    assert "a buffer of 15 neighbours" in result.stderr
    assert "context: 15" in result.stderr
    return folder


def test_tables_of_spatialdata_come_back(call, refused, model_dir, tissue, tmp_path):
    store, out = tmp_path / "xenium.zarr", tmp_path / "out.zarr"
    table = tissue.copy()
    table.uns["spatialdata_attrs"] = {"region_key": "section", "instance_key": "cell"}
    (store / "tables").mkdir(parents=True)
    write_zarr_table(table, store / "tables" / "table")
    assert call("predict", model_dir, store, f"--out={out}").exit_code == 0
    found = anndata.read_zarr(out)
    assert found.uns["spatialdata_attrs"]["region_key"] == "section"
    data = SimpleNamespace(tables={"table": table})
    polyome.load(model_dir, device="cpu", quiet=True).annotate(data)
    assert list(data.tables["table"].obs["polyome_label"]) == list(found.obs["polyome_label"])
    with pytest.raises(polyome.InputError, match="this is a PosixPath"):
        polyome.load(model_dir, device="cpu", quiet=True).annotate(store)
    assert "whose images would be lost" in refused("predict", model_dir, store, f"--out={store}")


def test_predict_evaluate_embed_audit(call, model_dir, tissue_file, tmp_path):
    out = tmp_path / "out.h5ad"
    assert call("predict", model_dir, tissue_file, f"--out={out}").exit_code == 0
    found = anndata.read_h5ad(out)
    assert set(found.obs["polyome_label"]) <= {"domain 1", "domain 2", "domain 3", "unknown"}
    assert found.uns["polyome"]["task"] == "spatial"
    scores = tmp_path / "scores.json"
    result = call("evaluate", model_dir, tissue_file, f"--json={scores}")
    assert result.exit_code == 0, result.stderr
    assert json.loads(scores.read_text())["task"] == "spatial"
    assert call("embed", model_dir, tissue_file, f"--out={tmp_path / 'e.npy'}").exit_code == 0
    assert np.load(tmp_path / "e.npy").shape == (400, 16)
    result = call("audit", "spatial", tissue_file, "--target=domain", "--set=section=section")
    assert "blocks" in result.stdout
    assert "Nearest cells are" in result.stdout


def test_the_choice_of_context_is_kept(model_dir):
    facts = json.loads((model_dir / "polyome.json").read_text())["facts"]["context"]
    assert set(facts) == {"levels", "how", "log_loss"}
    assert "15" in (model_dir / "README.md").read_text()


def test_places_are_kept_for_maps(model_dir, tissue):
    kept = pd.read_csv(model_dir / "evaluation" / "coordinates.csv.gz", index_col="id")
    assert list(kept.columns) == ["x", "y", "section"]
    where = tissue.obs_names.get_indexer(kept.index)
    np.testing.assert_allclose(kept[["x", "y"]], tissue.obsm["spatial"][where])
    assert (kept["section"] == tissue.obs["section"].iloc[where].astype(str).to_numpy()).all()


def without(tissue):
    del tissue.obsm["spatial"]


def with_nan(tissue):
    tissue.obsm["spatial"][5, 0] = np.nan


def one_dimension(tissue):
    tissue.obsm["spatial"] = tissue.obsm["spatial"][:, :1]


def one_place(tissue):
    tissue.obsm["spatial"][:] = 1.0


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (without, "has no obsm['spatial']"),
        (with_nan, "at cell 'cell 6' (1 of 400 cells have no place)"),
        (one_dimension, "has 1 coordinate per cell; x and y are needed"),
        (one_place, "lie at 1 place only"),
    ],
)
def test_what_cannot_be_used_is_refused(refused, tissue, model_dir, tmp_path, spoil, message):
    broken = tissue.copy()
    spoil(broken)
    path = tmp_path / "broken.h5ad"
    broken.write_h5ad(path)
    assert message in refused("predict", model_dir, path, f"--out={tmp_path / 'o.h5ad'}")
    told = refused(
        "fit", "spatial", path, "--target=domain", f"--out={tmp_path / 'm'}", "--set=seed=1"
    )
    assert message in told


def test_a_wrong_column_of_sections(refused, tissue_file, tmp_path):
    options = ["--target=domain", f"--out={tmp_path / 'm'}", "--set=section=slice"]
    assert "obs has no column 'slice' (section)" in refused("fit", "spatial", tissue_file, *options)


def test_a_section_of_one_cell_and_fewer_cells_than_neighbours(call, tissue, model_dir, tmp_path):
    few = tissue[:7].copy()
    few.obs["section"] = ["a"] + ["b"] * 6
    few.write_h5ad(tmp_path / "few.h5ad")
    result = call("predict", model_dir, tmp_path / "few.h5ad", f"--out={tmp_path / 'o.csv'}")
    assert result.exit_code == 0, result.stderr
    assert "1 section has one cell only ('a')" in result.stderr
    assert len(pd.read_csv(tmp_path / "o.csv")) == 7


def test_pixels_beside_micrometres_are_named(call, tissue, tissue_file):
    options = ["--target=domain", "--set=section=section"]
    result = call("audit", "spatial", tissue_file, *options)
    assert "other units, such as pixels and micrometres" in result.stdout
    assert np.ptp(tissue.obsm["spatial"]) > 100


def test_several_files_are_several_sections(call, tissue, model_dir, tissue_file, tmp_path):
    both = pd.DataFrame()
    for name in ("section 1", "section 2"):
        part = tissue[tissue.obs["section"] == name].copy()
        part.write_h5ad(tmp_path / f"{name}.h5ad")
    paths = [tmp_path / "section 1.h5ad", tmp_path / "section 2.h5ad"]
    for source, out in ((paths, "both"), ([tissue_file], "one")):
        result = call("predict", model_dir, *source, f"--out={tmp_path / out}.csv")
        assert result.exit_code == 0, result.stderr
    both = pd.read_csv(tmp_path / "both.csv", index_col=0)
    one = pd.read_csv(tmp_path / "one.csv", index_col=0)
    np.testing.assert_allclose(both.loc[one.index, "confidence"], one["confidence"], atol=1e-4)


def test_a_split_that_leaves_no_row_to_fit_is_refused_in_words(call, tiny, tmp_path):
    simulate_tissue(24, seed=0).write_h5ad(tmp_path / "t.h5ad")
    words = ["fit", "spatial", tmp_path / "t.h5ad", "--target=domain", "--split-by=blocks", *tiny]
    result = call(*words, f"--out={tmp_path / 'm'}")
    assert result.exit_code == 2
    assert "no row is left to fit on" in result.stderr
