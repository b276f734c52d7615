"""Expression through the commands: values in, values and intervals out."""

import json

import numpy as np
import pandas as pd
import pytest

from polyome.data.expression import simulate_levels
from polyome.estimator import load

TINY = ["--set=hidden_size=16", "--set=num_members=2", "--set=num_train_epochs=6", "--device=cpu"]


@pytest.fixture(scope="module")
def table_file(tmp_path_factory):
    table = simulate_levels(240)
    rng = np.random.default_rng(0)
    table["part"] = rng.choice(["train", "train", "train", "test"], len(table))
    table["half_life"] = np.where(rng.random(len(table)) < 0.2, np.nan, table["level"] + 1)
    path = tmp_path_factory.mktemp("expression") / "reporters.csv"
    table.to_csv(path)
    return path


@pytest.fixture(scope="module")
def model_dir(call, table_file):
    out = table_file.parent / "model"
    options = ["--target=level,other", "--split=part", f"--out={out}", *TINY]
    result = call("fit", "expression", table_file, *options)
    assert result.exit_code == 0, result.stderr
    assert "pearson" in result.stdout
    return out


def test_fit_leaves_metrics_beside_baselines(model_dir):
    found = json.loads((model_dir / "metrics.json").read_text())
    assert set(found["metrics"]) == {"pearson", "spearman", "r2", "rmse"}
    assert set(found["baselines"]) == {"mean", "gc_content", "ridge", "gradient_boosting"}
    assert set(found["by_target"]) == {"level", "other"}
    assert found["metrics"]["pearson"] > 0.5
    assert 0.7 < found["coverage"]["level"] <= 1
    card = (model_dir / "README.md").read_text()
    assert "predicts `level`, `other`" in card
    record = pd.read_csv(model_dir / "evaluation" / "predictions.csv.gz", index_col="id")
    assert {"truth_level", "truth_other", "level", "level_low"} <= set(record.columns)


def test_predict_writes_id_and_columns_per_target(call, model_dir, table_file, tmp_path):
    out = tmp_path / "answers.csv"
    result = call("predict", model_dir, table_file, f"--out={out}", "--device=cpu")
    assert result.exit_code == 0, result.stderr
    answers = pd.read_csv(out)
    assert answers.columns.tolist() == [
        "id", "level", "level_low", "level_high", "other", "other_low", "other_high",
    ]  # fmt: skip
    assert (answers["level_low"] <= answers["level"]).all()
    assert (answers["level"] <= answers["level_high"]).all()
    wide, narrow = (
        load(model_dir, device="cpu", quiet=True).predict(table_file, interval=level)
        for level in (0.95, 0.5)
    )
    assert (narrow["level_high"] < wide["level_high"]).all()


def test_evaluate_scores_the_fitted_targets_or_one_of_others(call, model_dir, table_file, tmp_path):
    out = tmp_path / "scores.json"
    call("evaluate", model_dir, table_file, f"--json={out}", "--device=cpu")
    found = json.loads(out.read_text())
    kept = json.loads((model_dir / "metrics.json").read_text())
    assert found["metrics"] == pytest.approx(kept["metrics"], abs=1e-5)
    assert found["part"] == "test"
    one = call("evaluate", model_dir, table_file, "--target=level", "--device=cpu")
    assert one.exit_code == 2
    assert "the model answers 'level', 'other'; 1 target was named" in one.stderr


def test_numbers_help_and_are_asked_for(call, table_file, tmp_path):
    out = tmp_path / "model"
    (tmp_path / "c.toml").write_text('feature_columns = ["half_life"]')
    options = ["--target=level", "--split=part", f"--config={tmp_path / 'c.toml'}", f"--out={out}"]
    result = call("fit", "expression", table_file, *options, *TINY)
    assert result.exit_code == 0, result.stderr
    found = json.loads((out / "metrics.json").read_text())
    assert found["metrics"]["r2"] > 0.85
    assert "features_alone" in found["baselines"]
    bare = tmp_path / "bare.csv"
    pd.read_csv(table_file).drop(columns="half_life").to_csv(bare, index=False)
    result = call("predict", out, bare, f"--out={tmp_path / 'a.csv'}", "--device=cpu")
    assert result.exit_code == 2
    assert "no column 'half_life' (features)" in result.stderr
    table = pd.read_csv(table_file)
    missing = table["half_life"].isna().sum()
    result = call("predict", out, table_file, f"--out={tmp_path / 'a.csv'}", "--device=cpu")
    assert f"(features) has no value for {missing} of {len(table)} records" in result.stderr


def test_what_is_for_classes_is_refused(refused, model_dir, table_file, tmp_path):
    out = f"--out={tmp_path / 'm'}"
    fit = ["fit", "expression", table_file, out, "--target=level", *TINY]
    assert "no class of sequences to scan" in refused(*fit, "--set=scanner=true")
    assert "is for classes" in refused(*fit, "--set=unlabelled=x")
    predict = ["predict", model_dir, table_file, f"--out={tmp_path / 'a.csv'}"]
    assert "Only one class of each record can be voted" in refused(*predict, "--set=over=part")
    genome = tmp_path / "g.fa"
    genome.write_text(">a\n" + "ACGT" * 40 + "\n")
    scan = ["scan", model_dir, genome, f"--out={tmp_path / 'hits.bed'}"]
    assert "tells classes of sequences apart" in refused(*scan)


def test_variants_writes_a_vcf(call, model_dir, tmp_path):
    genome, vcf, out = (tmp_path / name for name in ("g.fa", "v.vcf", "o.vcf"))
    genome.write_text(">chr1\n" + "ACGTTGCA" * 30 + "\n")
    columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"
    vcf.write_text(f"##fileformat=VCFv4.2\n{columns}\nchr1\t101\t.\tT\tA\t.\t.\t.\n")
    result = call("variants", model_dir, vcf, f"--genome={genome}", f"--out={out}", "--device=cpu")
    assert result.exit_code == 0, result.stderr
    assert "1 scored" in result.stderr
    assert "POLYOME_DIFF_level=" in out.read_text()
    bad = call("variants", model_dir, vcf, f"--genome={genome}", f"--out={out}", "--set=x=1")
    assert bad.exit_code == 2
    assert "knows no key 'x'" in bad.stderr


def test_audit_names_designs_that_are_near_copies(call, table_file, tmp_path):
    table = pd.read_csv(table_file, index_col="id")
    rows = table.index[table["part"] == "train"][:2].tolist()
    near = table.loc[rows].assign(part="test")
    near["sequence"] = near["sequence"].str[:40] + "A" + near["sequence"].str[41:]
    near.index = ["near one", "near two"]
    path, out = tmp_path / "designs.csv", tmp_path / "audit.json"
    pd.concat([table, near]).to_csv(path, index_label="id")
    options = ["--target=level", "--split=part", f"--json={out}", "--device=cpu"]
    result = call("audit", "expression", path, *options)
    assert result.exit_code == 0, result.stderr
    assert "'near one', 'near two'" in result.stdout
    found = {one["kind"]: one for one in json.loads(out.read_text())["findings"]}
    assert {"near one", "near two"} <= set(found["near copies"]["numbers"]["designs"])


def test_explanations_of_values_are_of_one_target(call, model_dir, table_file, tmp_path):
    few = tmp_path / "few.csv"
    pd.read_csv(table_file).head(2).to_csv(few, index=False)
    out = tmp_path / "why"
    options = ["--set=output=other", "--device=cpu", "--quiet"]
    result = call("explain", model_dir, few, f"--out={out}", *options)
    assert result.exit_code == 0, result.stderr
    assert any(out.iterdir())
