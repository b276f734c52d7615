"""Every verb of cells reads what CellRanger, loompy, spreadsheets and MuData write."""

import warnings

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
from anndata.io import write_elem
from tests.cell_files import write_folder, write_h5, write_loom, write_table
from tests.e2e.conftest import FIT, TINY

from polyome._errors import PolyomeWarning
from polyome.estimator import estimator_class
from polyome.io.zarr_tables import write_zarr_table

FORMS = {
    "folder": lambda cells, to: write_folder(cells, to / "filtered_feature_bc_matrix"),
    "folder of CellRanger 2": lambda cells, to: write_folder(
        cells, to / "hg19", version=2, packed=False
    ),
    "folder of GEO": lambda cells, to: write_folder(cells, to / "geo", prefix="GSM1_a_"),
    "h5": lambda cells, to: write_h5(cells, to / "x.h5"),
    "h5 of CellRanger 2": lambda cells, to: write_h5(cells, to / "x.h5", version=2),
    "loom": lambda cells, to: write_loom(cells, to / "x.loom"),
    "csv": lambda cells, to: write_table(cells, to / "x.csv"),
    "csv, genes in rows": lambda cells, to: write_table(cells, to / "x.csv.gz", rows="genes"),
    "tsv": lambda cells, to: write_table(cells, to / "x.tsv", separator="\t"),
}


@pytest.fixture(scope="session")
def expected(call, model_dir, cells_file, tmp_path_factory):
    out = tmp_path_factory.mktemp("expected") / "p.csv"
    assert call("predict", model_dir, cells_file, f"--out={out}").exit_code == 0
    return pd.read_csv(out, index_col=0)


@pytest.mark.parametrize("form", FORMS)
def test_predictions_are_those_of_the_h5ad(form, call, model_dir, cells, expected, tmp_path):
    path = FORMS[form](cells, tmp_path)
    result = call("predict", model_dir, path, f"--out={tmp_path / 'p.csv'}")
    assert result.exit_code == 0, result.stderr
    found = pd.read_csv(tmp_path / "p.csv", index_col=0)
    pd.testing.assert_frame_equal(found, expected)


def test_what_is_read_is_written_as_h5ad_or_zarr(call, model_dir, cells, expected, tmp_path):
    path = write_h5(cells, tmp_path / "x.h5")
    for name, reader in (("p.h5ad", anndata.read_h5ad), ("p.zarr", anndata.read_zarr)):
        result = call("predict", model_dir, path, f"--out={tmp_path / name}")
        assert result.exit_code == 0, result.stderr
        found = reader(tmp_path / name)
        assert list(found.obs["polyome_label"]) == list(expected["label"])
        np.testing.assert_array_equal(found.X.toarray(), cells.X.toarray())
        assert list(found.var["feature_types"].unique()) == ["Gene Expression"]


def test_zarr_comes_back_as_zarr(call, model_dir, cells, expected, tmp_path):
    write_zarr_table(cells, tmp_path / "in.zarr")
    out = tmp_path / "out.zarr"
    assert call("predict", model_dir, tmp_path / "in.zarr", f"--out={out}").exit_code == 0
    assert list(anndata.read_zarr(out).obs["polyome_label"]) == list(expected["label"])
    assert call("embed", model_dir, tmp_path / "in.zarr", f"--out={out}").exit_code == 0
    assert "X_polyome" in anndata.read_zarr(out).obsm


def labels_of(cells, path):
    cells.obs[["cell_type"]].to_csv(path, index_label="barcode")
    return path


def test_fit_and_evaluate_with_a_table_of_labels(call, cells, tiny, tmp_path):
    folder, labels = write_folder(cells, tmp_path / "x"), labels_of(cells, tmp_path / "labels.csv")
    options = ["--target=cell_type", f"--labels={labels}"]
    result = call("fit", "cell-type", folder, *options, *tiny, f"--out={tmp_path / 'm'}")
    assert result.exit_code == 0, result.stderr
    scores = call("evaluate", tmp_path / "m", folder, f"--labels={labels}", "--quiet")
    assert scores.exit_code == 0, scores.stderr
    assert "accuracy" in scores.stdout
    told = call("audit", "cell-type", folder, *options)
    assert told.exit_code == 0, told.stderr


def test_fit_without_labels_says_where_they_may_be(call, cells, tiny, tmp_path):
    folder = write_folder(cells, tmp_path / "x")
    result = call("fit", "cell-type", folder, "--target=cell_type", *tiny, "--out", tmp_path / "m")
    assert result.exit_code == 2
    assert "Labels of CellRanger's files and of tables: --labels TABLE" in result.stderr


def test_fit_reads_labels_that_stand_in_the_table(call, cells, tiny, tmp_path):
    frame = cells.to_df().astype(int)
    frame.insert(0, "cell_type", cells.obs["cell_type"].astype(str))
    frame.to_csv(tmp_path / "x.csv")
    words = ["fit", "cell-type", tmp_path / "x.csv", "--target=cell_type", *tiny]
    asked = call(*words, f"--out={tmp_path / 'm'}")
    assert asked.exit_code == 2
    assert "--set table_rows=cells or --set table_rows=genes" in asked.stderr
    done = call(*words, "--set=table_rows=cells", f"--out={tmp_path / 'm'}")
    assert done.exit_code == 0, done.stderr


def test_the_other_verbs(call, model_dir, cells, tmp_path):
    path = write_loom(cells, tmp_path / "x.loom")
    assert call("embed", model_dir, path, f"--out={tmp_path / 'e.npy'}").exit_code == 0
    assert np.load(tmp_path / "e.npy").shape[0] == cells.n_obs
    result = call("explain", model_dir, path, f"--out={tmp_path / 'why'}")
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "why" / "genes.csv").is_file()


def test_a_mudata_file_is_answered_by_its_rna(call, model_dir, cells, expected, tmp_path):
    path = tmp_path / "x.h5mu"
    with h5py.File(path, "w") as file:
        file.attrs["encoding-type"] = "MuData"
        write_elem(file, "mod/rna", cells)
        write_elem(file, "mod/prot", cells[:, :3].copy())
    result = call("predict", model_dir, path, f"--out={tmp_path / 'p.h5ad'}")
    assert result.exit_code == 0, result.stderr
    assert "its modality 'rna' was read, and not 'prot'" in result.stderr
    found = anndata.read_h5ad(tmp_path / "p.h5ad")
    assert list(found.obs["polyome_label"]) == list(expected["label"])
    assert any("modality 'rna'" in note for note in found.uns["polyome"]["notes"])


@pytest.mark.parametrize("form", ["folder", "h5"])
def test_only_genes_are_read_unless_asked(form, call, model_dir, cells, expected, tmp_path):
    antibodies = cells[:, :2].copy()
    antibodies.var_names = ["CD4_TotalSeqB", "CD19_TotalSeqB"]
    both = anndata.concat([cells, antibodies], axis=1)
    both.var["feature_types"] = ["Gene Expression"] * cells.n_vars + ["Antibody Capture"] * 2
    path, out = FORMS[form](both, tmp_path), tmp_path / "p.csv"
    result = call("predict", model_dir, path, f"--out={out}")
    assert "2 of 122 features are no genes and were left out: 2 'Antibody Capture'" in result.stderr
    pd.testing.assert_frame_equal(pd.read_csv(out, index_col=0), expected)
    asked = call("predict", model_dir, path, f"--out={out}", "--set=feature_types=all")
    assert asked.exit_code == 0, asked.stderr
    assert "left out" not in asked.stderr


def test_options_of_files_are_not_for_what_is_in_memory(model, cells):
    with pytest.raises(ValueError, match="table_rows= says how files are read, and this is in"):
        model.predict(cells, table_rows="cells")


def test_other_spellings_are_answered_alike(call, model_dir, cells, expected, tmp_path):
    other = cells.copy()
    other.var_names = [f"GRCh38_{name}" for name in cells.var_names]
    other.write_h5ad(tmp_path / "x.h5ad")
    result = call("predict", model_dir, tmp_path / "x.h5ad", f"--out={tmp_path / 'p.csv'}")
    assert "but for their spelling and were matched: 'GRCh38_" in result.stderr
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "p.csv", index_col=0), expected)


def test_an_explanation_is_written_back_to_other_spellings(model, cells):
    other = cells[:20].copy()
    other.var_names = [f"hg19_{name}" for name in cells.var_names]
    why = model.explain(other)
    why.annotate(other)
    assert np.isfinite(other.varm["polyome_contribution"]).any()


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_pbmc3k_in_every_form(form, pbmc3k, tmp_path):
    """Row g of the issue: predictions equal to the h5ad's."""
    model, cells, expected = pbmc3k
    found = model.predict(FORMS[form](cells, tmp_path))
    pd.testing.assert_frame_equal(found, expected, check_names=False)


@pytest.fixture(scope="module")
def pbmc3k(real_data):
    """A small model, cells of pbmc3k, and what it says of them."""
    cells = anndata.read_h5ad(real_data / "single_cell" / "pbmc3k_counts.h5ad")[:500].copy()
    model = estimator_class("cell-type")(**TINY, device="cpu", quiet=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PolyomeWarning)  # the labels are a clustering
        model.fit(cells, "louvain", **FIT)
    return model, cells, model.predict(cells)
