"""Any of several labels through the commands: columns of yes and no in, probabilities out."""

import json

import numpy as np
import pandas as pd
import pytest

from polyome.data.labels import simulate_labels

TINY = ["--set=hidden_size=16", "--set=num_members=2", "--set=num_train_epochs=6", "--device=cpu"]


@pytest.fixture(scope="module")
def table_file(tmp_path_factory):
    table = simulate_labels(240, 60, num_motifs=2, num_labels=2, missing=0.1)
    table["label 1"] = table["label 1"].map({1.0: "yes", 0.0: "no"})
    table["part"] = np.where(np.arange(len(table)) % 4 == 0, "test", "train")
    path = tmp_path_factory.mktemp("labels") / "bound.csv"
    table.to_csv(path)
    return path


@pytest.fixture(scope="module")
def model_dir(call, table_file):
    out = table_file.parent / "model"
    options = ["--target=label 1,label 2", "--split=part", f"--out={out}", *TINY]
    result = call("fit", "multilabel", table_file, *options)
    assert result.exit_code == 0, result.stderr
    assert "of 480 labels are not known" in result.stderr
    assert "auprc" in result.stdout
    return out


def test_fit_leaves_metrics_beside_baselines(model_dir):
    found = json.loads((model_dir / "metrics.json").read_text())
    assert set(found["metrics"]) == {"auprc", "auroc", "macro_f1", "mcc", "log_loss"}
    baselines = {"majority", "gc_content", "logistic_regression", "gradient_boosting"}
    assert set(found["baselines"]) == baselines
    assert set(found["by_target"]) == {"label 1", "label 2"}
    assert found["metrics"]["auprc"] > found["baselines"]["majority"]["auprc"] + 0.1


def test_predict_writes_a_column_per_label(call, model_dir, table_file, tmp_path):
    result = call("predict", model_dir, table_file, f"--out={tmp_path / 'p.csv'}")
    assert result.exit_code == 0, result.stderr
    found = pd.read_csv(tmp_path / "p.csv", keep_default_na=False)
    assert list(found.columns) == ["id", "label", "confidence", "label 1", "label 2"]
    both = found[(found["label 1"] >= 0.5) & (found["label 2"] >= 0.5)]
    assert set(both["label"]) <= {"label 1;label 2"}


def test_evaluate_by_the_columns_of_the_fit(call, model_dir, table_file, tmp_path):
    out = tmp_path / "scores.json"
    result = call("evaluate", model_dir, table_file, f"--json={out}")
    assert result.exit_code == 0, result.stderr
    scored, fitted = (json.loads(p.read_text()) for p in (out, model_dir / "metrics.json"))
    assert scored["n"] == fitted["n"]
    assert scored["metrics"]["auprc"] == pytest.approx(fitted["metrics"]["auprc"])


def test_the_report_draws_every_label(call, model_dir, tmp_path):
    result = call("report", model_dir, f"--out={tmp_path / 'r.html'}")
    assert result.exit_code == 0, result.stderr
    page = (tmp_path / "r.html").read_text()
    assert "How well each label is found" in page
    assert "answers any of 2 labels" in page


def test_a_word_that_is_no_label(call, table_file, tmp_path):
    table = pd.read_csv(table_file)
    table["odd"] = "perhaps"
    table.to_csv(tmp_path / "odd.csv", index=False)
    result = call("fit", "multilabel", tmp_path / "odd.csv", "--target=odd", f"--out={tmp_path}/m")
    assert result.exit_code == 2
    assert "column 'odd' (target) holds 'perhaps'" in result.stderr


def test_a_scanner_has_no_class_to_look_for(call, table_file, tmp_path):
    options = ["--target=label 1,label 2", f"--out={tmp_path}/m", "--set=scanner=true"]
    result = call("fit", "multilabel", table_file, *options)
    assert result.exit_code == 2
    assert "has no class of sequences to scan for" in result.stderr
