"""Any of several labels of records without sequences: tables, AnnData and MuData."""

import json

import anndata
import numpy as np
import pandas as pd
import pytest
import torch
from anndata import AnnData

import polyome
from polyome import InputError, PolyomeWarning
from polyome.data.tables import simulate_table
from polyome.estimator import estimator_class
from polyome.modalities.base import segments_of

SMALL = {"hidden_size": 16, "num_members": 2, "device": "cpu", "quiet": True}


def labelled(n_records=160, seed=0):
    """Records with two groups of numbers; `sick` is told by one, `old` by both, some unknown."""
    table = simulate_table(n_records, seed=seed)
    rng = np.random.default_rng(seed)
    table["sick"] = np.where(table["group"] == "group 1", "yes", "no")
    level = table["level"] + 3 * table["lab_1"].fillna(0)
    table["old"] = (level > level.median()).astype(float)
    table.loc[rng.random(n_records) < 0.2, "sick"] = None
    table.loc[rng.random(n_records) < 0.2, "old"] = np.nan
    return table.drop(columns=["group", "level"])


@pytest.fixture(scope="module")
def records():
    """Do not change it: take a copy."""
    return labelled()


@pytest.fixture(scope="module")
def table_file(records, tmp_path_factory):
    path = tmp_path_factory.mktemp("labels") / "people.csv"
    records.to_csv(path, index_label="id")
    return path


@pytest.fixture(scope="module")
def model(records):
    made = estimator_class("multilabel")(inputs="expr,lab", **SMALL)
    return made.fit(records, ["sick", "old"], num_train_epochs=4)


@pytest.mark.parametrize("inputs", [[], ["--inputs=expr,lab"]])
def test_the_command_line_from_fit_to_report(call, tiny, table_file, tmp_path, inputs):
    folder, out, why = tmp_path / "m", tmp_path / "o.csv", tmp_path / "why"
    options = ["--target=sick,old", f"--out={folder}", *tiny, *inputs]
    result = call("fit", "multilabel", table_file, *options)
    assert result.exit_code == 0, result.stderr
    assert "of 320 labels are not known: neither fitted nor scored" in result.stderr
    names = ["expr", "lab"] if inputs else ["features"]
    for name in names:
        assert f"{name} was read from '{name}' as features: " in result.stderr
    settings = json.loads((folder / "polyome.json").read_text())["settings"]
    assert settings["inputs"] == ",".join(names)
    assert call("predict", folder, table_file, f"--out={out}").exit_code == 0
    assert list(pd.read_csv(out).columns) == ["id", "label", "confidence", "sick", "old"]
    scores = tmp_path / "s.json"
    assert call("evaluate", folder, table_file, f"--json={scores}").exit_code == 0
    found = json.loads(scores.read_text())
    assert found["part"] == "test"
    assert set(found["by_target"]) == {"sick", "old"}
    assert ("late_fusion" in found["baselines"]) == bool(inputs)
    assert call("embed", folder, table_file, f"--out={tmp_path / 'e.npy'}").exit_code == 0
    assert call("explain", folder, table_file, f"--out={why}").exit_code == 0
    shown = pd.read_csv(why / "features.csv")
    assert set(shown["input"]) == set(names)
    assert set(shown["explained"]) <= {"sick", "old"}
    assert "sick" not in set(shown["feature"])
    assert call("report", folder).exit_code == 0
    result = call("audit", "multilabel", table_file, "--target=sick,old", *inputs)
    assert result.exit_code == 0, result.stderr


def test_labels_stand_beside_baselines_of_each_input(model):
    scores = model.evaluation_
    assert set(scores.baselines) == {
        "majority",
        "logistic_regression",
        "logistic_regression_expr",
        "logistic_regression_lab",
        "late_fusion",
        "gradient_boosting",
    }
    assert set(scores.by_input) == {"all", "expr alone", "lab alone"}
    assert set(scores.by_input["all"]) == {"sick", "old"}
    assert scores.metrics["auroc"] > 0.9
    assert scores.metrics["log_loss"] < 0.8 * scores.baselines["majority"]["log_loss"]
    weights = model.fitted_.facts["stacking_weights"]
    assert [len(weights[name]) for name in ("expr", "lab", "expr+lab")] == [2, 2, 4]


def test_saved_and_read_again_it_answers_alike(model, records, tmp_path):
    model.save_pretrained(tmp_path / "m")
    again = polyome.load(tmp_path / "m", device="cpu", quiet=True)
    pd.testing.assert_frame_equal(
        again.predict(records), model.predict(records), check_exact=False, atol=1e-6
    )
    assert again.evaluate(records).metrics == pytest.approx(model.evaluation_.metrics, abs=1e-5)
    assert again.task.inputs == "expr,lab"


def test_any_subset_of_the_inputs_is_answered(model, records):
    expr = records.drop(columns=[c for c in records if c.startswith("lab_")])
    lacks = records["lab_1"].isna()
    pd.testing.assert_frame_equal(
        model.predict(records[lacks]), model.predict(expr[lacks]), check_exact=False, atol=1e-4
    )
    lab = records[~lacks].drop(columns=[c for c in records if c.startswith("expr_")])
    assert np.isfinite(model.predict(lab)[["sick", "old"]]).all(axis=None)


def test_missing_labels_teach_nothing(model, records):
    """Of records whose label is missing no gradient reaches what answers it."""
    fitted = model.fitted_
    some = fitted.modality.read(records.iloc[:24])
    segments = segments_of(fitted.modality.inputs(), fitted.modality.encode_inputs(some))
    truth = np.random.default_rng(0).integers(0, 2, (24, 2)).astype(np.float32)

    def gradients(truth, known):
        target = torch.from_numpy(np.stack([truth, known], axis=-1).astype(np.float32))
        label = {"rows": torch.arange(24), "inputs": {"target": target}}
        fitted.model.zero_grad()
        fitted.model(size=24, segments=segments, labels={"multilabel": label}).loss.backward()
        return {k: w.grad.clone() for k, w in fitted.model.named_parameters() if w.requires_grad}

    known = np.ones((24, 2), dtype=bool)
    known[:, 1] = False
    found = gradients(truth, known)
    other = gradients(np.column_stack([truth[:, 0], 1 - truth[:, 1]]), known)
    for name, gradient in found.items():
        assert torch.equal(gradient, other[name]), name
    heads = [g for name, g in found.items() if name.endswith("heads.multilabel.output.weight")]
    assert len(heads) == 2
    assert all(gradient[0].any() and not gradient[1].any() for gradient in heads)
    fitted.model.zero_grad()


def test_what_was_read_goes_with_each_fit(records):
    made = estimator_class("multilabel")(**SMALL)
    made.fit(records, "sick", num_train_epochs=1, baselines=False)
    names = made.fitted_.modality.members["features"].feature_names()
    assert {"sick"}.isdisjoint(names)
    assert "old" in names  # no target of this fit
    assert made.get_params()["inputs"] is None  # of another source it may read sequences
    assert made.fitted_.task.inputs == "features"


def test_an_anndata_gets_its_answers_back(call, tiny, records, tmp_path):
    numbers = records.filter(regex="expr_").fillna(0)
    obs = records[["sick", "old"]]
    path, out = tmp_path / "a.h5ad", tmp_path / "o.h5ad"
    cells = AnnData(numbers.to_numpy(np.float32), obs=obs, var=pd.DataFrame(index=numbers.columns))
    cells.obs["polyome_unknown_score"] = 0.5  # of an earlier answer
    cells.write_h5ad(path)
    options = ["--target=sick,old", f"--out={tmp_path / 'm'}", *tiny]
    result = call("fit", "multilabel", path, *options)
    assert result.exit_code == 0, result.stderr
    result = call("predict", tmp_path / "m", path, f"--out={out}")
    assert result.exit_code == 0, result.stderr
    found = anndata.read_h5ad(out)
    assert found.obsm["polyome_proba"].shape == (160, 2)
    assert list(found.uns["polyome"]["classes"]) == ["sick", "old"]
    assert set(found.obs["polyome_label"]) <= {"", "sick", "old", "sick;old"}
    assert "polyome_unknown_score" not in found.obs
    memory = anndata.read_h5ad(path)
    polyome.load(tmp_path / "m", device="cpu", quiet=True).annotate(memory)
    assert found.obs["polyome_label"].tolist() == memory.obs["polyome_label"].tolist()


def test_a_mudata_whose_records_lack_an_input(call, tiny, records, tmp_path):
    mudata = pytest.importorskip("mudata")
    has = records["lab_1"].notna()
    parts = {}
    for name, some in (("expr", records), ("lab", records[has])):
        numbers = some.filter(regex=f"^{name}_").fillna(0)
        parts[name] = AnnData(
            numbers.to_numpy(np.float32),
            obs=pd.DataFrame(index=some.index),
            var=pd.DataFrame(index=numbers.columns),
        )
    with mudata.set_options(pull_on_update=False):
        both = mudata.MuData(parts)
        both.obs["sick"] = records["sick"].map({"yes": "True", "no": "False"})
        both.obs["old"] = records["old"]
        path, out = tmp_path / "a.h5mu", tmp_path / "o.h5mu"
        both.write_h5mu(path)
    folder = tmp_path / "m"
    options = ["--target=sick,old", f"--out={folder}", *tiny]
    result = call("fit", "multilabel", path, *options)
    assert result.exit_code == 2
    assert "there is no measurement 'features'. Found: 'expr', 'lab'. Name those" in result.stderr
    result = call("fit", "multilabel", path, *options, "--inputs=expr,lab")
    assert result.exit_code == 0, result.stderr
    assert call("predict", folder, path, f"--out={out}").exit_code == 0
    with mudata.set_options(pull_on_update=False):
        found = mudata.read_h5mu(out)
    assert found.obsm["polyome_proba"].shape == (160, 2)
    assert found.obs["polyome_confidence"].between(0.5, 1).all()


@pytest.mark.parametrize(
    ("change", "target", "message"),
    [
        ({"sick": 1}, "sick,old", "column 'sick' (target) has only 1; records with the label"),
        ({"sick": np.nan}, "sick,old", "column 'sick' (target) has no value at all"),
        ({"old": 2}, "sick,old", "column 'old' (target) holds '2' at record 'record 1' (160 such"),
        ({}, "sick,young", "the table has no column 'young' (target)."),
        ({}, "sick,sick", "different names of columns are needed"),
        ({"sick": ["yes", "no"] + [None] * 158}, "sick,old", "1 training rows have the label"),
    ],
)
def test_labels_that_nothing_can_be_learned_of(call, records, tmp_path, change, target, message):
    path = tmp_path / "t.csv"
    records.assign(**change).to_csv(path, index_label="id")
    result = call("fit", "multilabel", path, f"--target={target}", f"--out={tmp_path / 'm'}")
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "m").exists()


def test_a_label_that_no_training_row_has(call, records, tmp_path):
    path = tmp_path / "t.csv"
    part = np.where(records["old"] == 1, "test", "train")
    records.assign(part=part).to_csv(path, index_label="id")
    options = ["--target=sick,old", "--split=part", f"--out={tmp_path / 'm'}"]
    result = call("fit", "multilabel", path, *options)
    assert result.exit_code == 2
    assert "0 training rows have the label 'old' (target); 3 or more are needed." in result.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--genome=g.fa"], "genome=g.fa is for sequences, and the inputs read are features."),
        (["--set=tokens=kmer"], "tokens=kmer is for sequences, and the inputs read are features."),
        (
            ["--split-by=homology"],
            "there is no --split-by homology for multilabel. Known: ",
        ),
        (["--sequence-column=dna"], "has no column 'dna'"),
        (["--inputs=blood,expr"], "the input 'blood' has no column"),
    ],
)
def test_options_that_do_not_fit_the_table(call, table_file, tmp_path, options, message):
    words = ["--target=sick,old", f"--out={tmp_path / 'm'}", *options]
    result = call("fit", "multilabel", table_file, *words)
    assert result.exit_code == 2
    assert message in result.stderr


def test_dna_under_another_name_is_not_left_out_in_silence(call, records, tmp_path):
    path = tmp_path / "t.csv"
    records.assign(promoter="ACGTACGTACGTACGT").to_csv(path, index_label="id")
    words = ["--target=sick,old", f"--out={tmp_path / 'm'}"]
    result = call("fit", "multilabel", path, *words)
    assert result.exit_code == 2
    assert "'promoter' holds DNA ('ACGTACGTACGT...'). Pass --sequence-column" in result.stderr


def test_a_label_known_in_one_group_alone_is_fitted(records):
    """No fold can validate it: it is answered by its frequency and the networks."""
    table = records.assign(site=np.resize(["a", "b", "c", "d"], 160))
    table.loc[table["site"] != "a", "old"] = np.nan
    made = estimator_class("multilabel")(inputs="expr,lab", **SMALL)
    split = {"split_by": "group", "group": "site"}
    with pytest.warns(PolyomeWarning, match="'lab' tells nothing of sick,old"):
        made.fit(table, "sick,old", **split, num_train_epochs=1)
    assert np.isfinite(made.predict(table)[["sick", "old"]]).all(axis=None)


def test_columns_that_are_no_label_of_the_query_are_not_needed(model, records):
    bare = records.drop(columns=["sick", "old"])
    pd.testing.assert_frame_equal(model.predict(bare), model.predict(records))
    with pytest.raises(InputError, match=r"has no column 'sick' \(target\)"):
        model.evaluate(bare)


def test_numbers_in_pieces_are_explained_and_kept(call, tiny, tmp_path):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(900, 3)), columns=["a", "b", "c"])
    table["inside"] = (table["a"].abs() < 0.6).astype(int)
    path, folder, why = tmp_path / "t.csv", tmp_path / "m", tmp_path / "why"
    table.to_csv(path, index_label="id")
    result = call("fit", "multilabel", path, "--target=inside", f"--out={folder}", *tiny)
    assert result.exit_code == 0, result.stderr
    assert "numbers: features are read in pieces of their range (loss of the" in result.stderr
    assert "features are read in pieces of their range" in (folder / "README.md").read_text()
    model = polyome.load(folder, device="cpu", quiet=True)
    found = model.predict(table)
    scores = model.evaluate(table, part="all")
    assert scores.metrics["auroc"] > 0.95
    assert scores.baselines["logistic_regression"]["auroc"] < 0.6
    result = call("explain", folder, path, f"--out={why}")
    assert result.exit_code == 0, result.stderr
    shown = pd.read_csv(why / "features.csv")
    assert shown["feature"].iloc[0] == "a"
    assert call("predict", folder, path, f"--out={tmp_path / 'o.csv'}").exit_code == 0
    written = pd.read_csv(tmp_path / "o.csv")
    np.testing.assert_allclose(written["inside"], found["inside"], atol=1e-5)
