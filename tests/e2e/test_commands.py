"""Every command, on simulated cells: what it writes, what it says and where, its exit code."""

import os
import subprocess
import sys
import time
import tomllib

import anndata
import pandas as pd
import pytest
from safetensors.numpy import load_file
from tests.e2e.conftest import CLASSES, SOURCE, read_json, rows_of

import polyome

METRICS = {
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "weighted_f1",
    "mcc",
    "auroc",
    "log_loss",
    "ece",
}


def split_of(folder):
    return pd.read_csv(folder / "evaluation" / "split.csv.gz", index_col=0)["part"]


# --- the program itself


def test_version(call):
    result = call("--version")
    assert (result.exit_code, result.stdout) == (0, f"polyome {polyome.__version__}\n")


@pytest.mark.parametrize(
    "words",
    ["", "fit", "evaluate", "predict", "embed", "audit", "report", "demo", "data list", "data get"],
)
def test_help_names_the_common_options(call, words):
    result = call(*words.split(), "--help")
    assert result.exit_code == 0
    for option in ("--help",) if not words else ("--seed", "--device", "--quiet", "--help"):
        assert option in result.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["frobnicate"], "No such command 'frobnicate'"),
        (["fit", "cell-type", "a.h5ad", "--out=m"], "Missing option '--target'"),
        (["predict", "m", "a.h5ad", "--out=b.h5ad", "--speed=9"], "No such option"),
        (["predict", "m", "a.h5ad", "--out=b.h5ad", "--seed=abc"], "--seed"),
    ],
)
def test_wrong_usage_is_exit_code_2(call, words, said):
    result = call(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def run_python(code):
    return subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": SOURCE},
    )


def test_help_imports_nothing_heavy():
    code = (
        "import sys\n"
        "sys.argv = ['polyome', 'fit', '--help']\n"
        "from polyome.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))\n"
    )
    loaded = run_python(code).stdout.splitlines()[-1].split()
    heavy = {"torch", "scanpy", "anndata", "transformers", "sklearn", "pandas", "numpy", "scipy"}
    assert not heavy & set(loaded)


@pytest.mark.slow
def test_help_takes_less_than_a_second():
    took = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "polyome", "--help"],
            check=True,
            capture_output=True,
            env=os.environ | {"PYTHONPATH": SOURCE},
        )
        took.append(time.perf_counter() - start)
    assert min(took) < 1


# --- fit


def test_fit_leaves_all_that_a_report_needs(model_dir):
    inside = {path.relative_to(model_dir).as_posix() for path in model_dir.rglob("*")}
    assert inside >= {
        "README.md",
        "config.json",
        "metrics.json",
        "model.safetensors",
        "polyome.json",
        "evaluation/audit.json",
        "evaluation/predictions.csv.gz",
        "evaluation/representation.safetensors",
        "evaluation/split.csv.gz",
    }
    assert any("learning_curve" in name for name in inside)
    predictions = pd.read_csv(model_dir / "evaluation" / "predictions.csv.gz", index_col="id")
    assert list(predictions.columns) == ["label", "confidence", *CLASSES, "truth"]
    tested = split_of(model_dir)
    assert list(predictions.index) == list(tested.index[tested == "test"])
    kept = load_file(model_dir / "evaluation" / "representation.safetensors")["representation"]
    assert kept.shape == (48, 16)


def test_metrics_json_is_what_evaluate_writes(call, model_dir, cells_file, tmp_path):
    result = call("evaluate", model_dir, cells_file, f"--json={tmp_path / 'e.json'}")
    assert result.exit_code == 0
    fitted, again = read_json(model_dir / "metrics.json"), read_json(tmp_path / "e.json")
    for report in (fitted, again):
        assert set(report) >= {"task", "n", "metrics", "baselines"}
        assert (report["task"], report["n"]) == ("cell-type", 48)
        assert set(report["metrics"]) == METRICS
        assert set(report["baselines"]) >= {"majority", "logistic_regression"}
        assert all(set(baseline) == METRICS for baseline in report["baselines"].values())
        assert set(report["unknown"]) == {"coverage", "accuracy_after_refusal"}
    assert again["metrics"] == pytest.approx(fitted["metrics"], abs=1e-6)
    assert fitted["metrics"]["accuracy"] > fitted["baselines"]["majority"]["accuracy"]


def test_results_go_to_stdout_and_messages_to_stderr(call, model_dir, cells_file, tmp_path):
    result = call("evaluate", model_dir, cells_file)
    assert "polyome" in result.stdout
    assert "logistic_regression" in result.stdout
    assert "simulated" in result.stderr
    result = call("predict", model_dir, cells_file, f"--out={tmp_path / 'p.csv'}")
    assert result.stdout == ""
    assert f"wrote {tmp_path / 'p.csv'}" in result.stderr


def test_fit_says_what_it_did_with_the_rows(fit):
    folder, result = fit("--split=part")
    assert (
        "rows: 120 train, 40 validation, 40 test, 40 left out (split: column 'part')"
        in result.stderr
    )
    assert rows_of(folder) == {"train": 120, "validation": 40, "test": 40}
    assert split_of(folder).value_counts().to_dict() == {
        "train": 120,
        "validation": 40,
        "test": 40,
        "left out": 40,
    }
    assert "40 rows left out" in (folder / "README.md").read_text()


def test_quiet_says_nothing(call, fit, cells_file, tmp_path):
    folder, result = fit("--quiet", target="number_with_gaps")
    assert result.stderr == ""
    assert "accuracy" in result.stdout
    for words in (
        ["evaluate", folder, cells_file],
        ["predict", folder, cells_file, f"--out={tmp_path / 'p.h5ad'}"],
        ["embed", folder, cells_file, f"--out={tmp_path / 'e.npy'}"],
        ["audit", "cell-type", cells_file, "--target=cell_type"],
        ["data", "get", "simulated_cells", f"--out={tmp_path}"],
    ):
        result = call(*words, "--quiet")
        assert (result.exit_code, result.stderr) == (0, ""), words


def test_the_card_is_readable(model_dir):
    card = (model_dir / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: polyome\n")
    for said in (
        "cells.h5ad",  # data
        "simulated",
        "192 training rows",
        "20 % stratified",  # split
        "| polyome |",  # metrics beside baselines
        "| logistic_regression |",
        "| majority |",
        "rule of three",  # all answers are right, so an interval would have no width
        "coverage",
        "## Limits",
        "`unknown`",
    ):
        assert said in card


def test_split_by_group_keeps_groups_whole(fit, cells):
    folder, result = fit("--split-by=group", "--group=donor")
    donors = cells.obs["donor"].astype(str)
    part = split_of(folder)
    assert not set(donors[part == "test"]) & set(donors[part == "train"])
    assert "by group 'donor'" in (folder / "README.md").read_text()
    assert "by group 'donor'" in result.stderr


def test_without_a_test_part_nothing_is_claimed(call, tiny, cells, tmp_path):
    known = cells.copy()
    known.obs["part"] = "train"
    known.write_h5ad(tmp_path / "known.h5ad")
    folder = tmp_path / "model"
    options = ["--target=cell_type", "--split=part", f"--out={folder}", *tiny]
    result = call("fit", "cell-type", tmp_path / "known.h5ad", *options)
    assert (result.exit_code, result.stdout) == (0, "")
    assert not (folder / "metrics.json").exists()
    assert "No test part" in (folder / "README.md").read_text()


def test_config_file_and_set(fit, tmp_path):
    config = tmp_path / "settings.toml"
    config.write_text("num_hidden_layers = 0\nhidden_size = 32\nvalidation_fraction = 0.2\n")
    assert tomllib.loads(config.read_text())["hidden_size"] == 32
    folder, _ = fit(f"--config={config}")  # --set in `tiny` wins over the file
    assert read_json(folder / "config.json")["hidden_size"] == 16
    folder, _ = fit(f"--config={config}", "--set=hidden_size=8")
    settings = read_json(folder / "polyome.json")["settings"]
    assert (settings["hidden_size"], settings["num_hidden_layers"]) == (8, 1)


def test_an_option_of_its_own_wins_over_the_file(fit, tmp_path):
    config = tmp_path / "settings.toml"
    config.write_text("seed = 5\nnum_hidden_layers = 0\n")
    seeds = []
    for options in ([], ["--seed=1"]):
        folder, _ = fit(f"--config={config}", *options)
        seeds.append(read_json(folder / "polyome.json")["settings"]["seed"])
    assert seeds == [5, 1]


def test_several_files_are_read_as_one(call, tiny, cells, tmp_path):
    files = [tmp_path / "a.h5ad", tmp_path / "b.h5ad"]
    cells[:100].copy().write_h5ad(files[0])
    cells[100:].copy().write_h5ad(files[1])
    folder = tmp_path / "model"
    result = call("fit", "cell-type", *files, "--target=cell_type", f"--out={folder}", *tiny)
    assert result.exit_code == 0, result.stderr
    assert sum(rows_of(folder).values()) == 240
    for name in ("p.h5ad", "p.csv", "e.csv"):
        verb = "embed" if name == "e.csv" else "predict"
        result = call(verb, folder, *files, f"--out={tmp_path / name}")
        assert result.exit_code == 0, result.stderr
    found = anndata.read_h5ad(tmp_path / "p.h5ad").obs["source"]
    assert found.value_counts().to_dict() == {"a.h5ad": 100, "b.h5ad": 140}
    for name in ("p.csv", "e.csv"):
        table = pd.read_csv(tmp_path / name, index_col="id")
        assert table["source"].tolist() == found.tolist()


def test_fitting_again_replaces_a_model_and_nothing_else(fit, tmp_path):
    folder, _ = fit("--seed=1")
    before = (folder / "model.safetensors").read_bytes()
    (folder / "report.html").write_text("of the old model")
    fit("--seed=2")
    assert (folder / "model.safetensors").read_bytes() != before
    assert not (folder / "report.html").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_one_seed_gives_one_result(fit):
    weights, rows = [], []
    for seed in (3, 3, 4):
        folder, _ = fit(f"--seed={seed}")
        weights.append((folder / "model.safetensors").read_bytes())
        rows.append(split_of(folder))
    assert weights[0] == weights[1] != weights[2]
    assert (rows[0] == rows[1]).all()
    assert (rows[0] != rows[2]).any()


# --- evaluate


@pytest.mark.parametrize(("part", "n"), [("test", 40), ("train", 120), ("all", 240), (None, 40)])
def test_evaluate_a_part(call, part_model, cells_file, tmp_path, part, n):
    options = [] if part is None else [f"--part={part}"]
    path = tmp_path / "e.json"
    result = call("evaluate", part_model, cells_file, *options, f"--json={path}")
    assert result.exit_code == 0, result.stderr
    assert (read_json(path)["n"], read_json(path)["part"]) == (n, part or "test")


@pytest.fixture(scope="module")
def part_model(call, cells_file, tiny, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "part"
    options = ["--target=cell_type", "--split=part", f"--out={folder}", *tiny]
    assert call("fit", "cell-type", cells_file, *options).exit_code == 0
    return folder


def test_evaluate_against_another_column(call, model_dir, cells_file, tmp_path):
    options = ["--target=coarse", "--part=all", f"--json={tmp_path / 'e.json'}"]
    result = call("evaluate", model_dir, cells_file, *options)
    assert result.exit_code == 0, result.stderr
    assert read_json(tmp_path / "e.json")["metrics"]["accuracy"] == pytest.approx(2 / 3, abs=0.1)
    result = call("evaluate", model_dir, cells_file, "--target=number")
    assert result.exit_code == 2
    assert "no row has a label that the model knows. It knows 'type 1'" in result.stderr
    assert "found '1', '2', '3'. Rename the labels" in result.stderr


def test_evaluate_scores_a_new_sample_whole(call, model_dir, cells, tmp_path):
    new = cells.copy()
    new.obs_names = [f"new {i}" for i in range(new.n_obs)]
    new.write_h5ad(tmp_path / "new.h5ad")
    call("evaluate", model_dir, tmp_path / "new.h5ad", f"--json={tmp_path / 'e.json'}")
    report = read_json(tmp_path / "e.json")
    assert (report["n"], report["part"]) == (240, "all")
