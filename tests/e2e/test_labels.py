"""Labels as people have them: missing, numbers, words that mean something else."""

import numpy as np
import pandas as pd
import pytest
from tests.e2e.conftest import CLASSES, read_json, rows_of


def test_labels_that_are_missing_are_neither_fitted_nor_scored(call, fit, cells_file, tmp_path):
    folder, result = fit(target="with_gaps")
    assert "48 of 240 rows have no label in 'with_gaps': neither fitted nor scored" in result.stderr
    assert sum(rows_of(folder).values()) == 192
    result = call("evaluate", folder, cells_file, "--part=all", f"--json={tmp_path / 'e.json'}")
    assert "48 of 240 rows have no label" in result.stderr
    assert read_json(tmp_path / "e.json")["n"] == 192
    result = call("predict", folder, cells_file, f"--out={tmp_path / 'p.csv'}")
    assert len(pd.read_csv(tmp_path / "p.csv")) == 240


def test_integer_labels_are_names_of_classes(call, fit, cells_file, tmp_path):
    for target in ("number", "number_with_gaps"):
        folder, result = fit(target=target)
        assert f"'{target}' holds numbers; they are read as the names of classes" in result.stderr
        assert read_json(folder / "polyome.json")["classes"] == ["1", "2", "3"]
    call("predict", folder, cells_file, f"--out={tmp_path / 'p.csv'}")
    columns = pd.read_csv(tmp_path / "p.csv").columns
    assert list(columns) == ["id", "label", "confidence", "1", "2", "3"]


def test_classes_with_the_words_of_the_answers(call, tiny, cells, tmp_path):
    cells = cells.copy()
    cells.obs["kind"] = cells.obs["cell_type"].astype(str).replace("type 1", "label")
    cells.obs["kind"] = cells.obs["kind"].replace("type 2", "unknown")
    path, folder = tmp_path / "a.h5ad", tmp_path / "model"
    cells.write_h5ad(path)
    result = call("fit", "cell-type", path, "--target=kind", f"--out={folder}", *tiny)
    assert result.exit_code == 0, result.stderr
    assert "'kind' has a class 'unknown'" in result.stderr
    assert "--set unlabelled=unknown" in result.stderr
    assert call("predict", folder, path, f"--out={tmp_path / 'p.csv'}").exit_code == 0
    columns = list(pd.read_csv(tmp_path / "p.csv").columns)
    assert columns == ["id", "label", "confidence", "label (class)", "type 3", "unknown"]


def test_a_label_can_mean_missing(call, fit, cells, cells_file, tmp_path):
    folder, result = fit("--set=unlabelled=Excluded", target="with_excluded")
    assert "30 of 240 rows have no label in 'with_excluded'" in result.stderr
    assert read_json(folder / "polyome.json")["classes"] == CLASSES
    call("evaluate", folder, cells_file, "--part=all", f"--json={tmp_path / 'e.json'}")
    assert read_json(tmp_path / "e.json")["n"] == 210
    whole = cells[cells.obs["with_excluded"] != "Excluded"].copy()
    whole.write_h5ad(tmp_path / "whole.h5ad")
    result = call("evaluate", folder, tmp_path / "whole.h5ad", "--part=all")
    assert result.exit_code == 0, result.stderr


@pytest.mark.parametrize("unlabelled", [[], ["--set=unlabelled=nan"]])
def test_missing_labels_that_became_text_are_no_class(call, tiny, cells, tmp_path, unlabelled):
    cells = cells.copy()
    cells.obs["kind"] = cells.obs["cell_type"].where(np.arange(240) % 8 > 0).astype(str)
    cells.write_h5ad(tmp_path / "a.h5ad")
    folder = tmp_path / "model"
    options = ["--target=kind", f"--out={folder}", *tiny, *unlabelled]
    result = call("fit", "cell-type", tmp_path / "a.h5ad", *options)
    assert result.exit_code == 0, result.stderr
    assert read_json(folder / "polyome.json")["classes"] == CLASSES
    said = " ".join(result.stderr.split())
    assert "30 rows of 'kind' say 'nan', the text that a missing value becomes" in said
    assert "30 of 240 rows have no label in 'kind'" in said


def test_a_class_called_none_is_kept_and_warned_of(call, tiny, cells, tmp_path):
    cells = cells.copy()
    cells.obs["kind"] = cells.obs["cell_type"].astype(str).replace("type 1", "None")
    cells.write_h5ad(tmp_path / "a.h5ad")
    folder = tmp_path / "model"
    options = ["--target=kind", f"--out={folder}", *tiny]
    result = call("fit", "cell-type", tmp_path / "a.h5ad", *options)
    assert result.exit_code == 0, result.stderr
    assert read_json(folder / "polyome.json")["classes"] == ["None", "type 2", "type 3"]
    assert "(--set unlabelled=None)" in " ".join(result.stderr.split())
