"""Tables of numbers from end to end: `classify` and `regress` of any measurements."""

import json

import anndata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

import polyome
from polyome import InputError
from polyome.data.tables import simulate_table
from polyome.estimator import estimator_class

TINY = {"hidden_size": 16, "num_hidden_layers": 1, "num_members": 1}
SMALL = TINY | {"device": "cpu", "quiet": True}


@pytest.fixture(scope="module")
def records():
    """Do not change it: take a copy."""
    return simulate_table(n_records=150, seed=0)


@pytest.fixture(scope="module")
def table_file(records, tmp_path_factory):
    path = tmp_path_factory.mktemp("tables") / "records.csv"
    records.to_csv(path, index_label="id")
    return path


@pytest.fixture(scope="module")
def regressor(records):
    made = estimator_class("regress")(inputs="expr,lab", **SMALL | {"num_members": 4})
    return made.fit(records, "level", num_train_epochs=3)


@pytest.fixture(scope="module")
def classifier(records):
    made = estimator_class("classify")(inputs="expr,lab", **SMALL)
    return made.fit(records, "group", num_train_epochs=3)


@pytest.mark.parametrize(("task", "target"), [("classify", "group"), ("regress", "level")])
def test_the_command_line_from_fit_to_report(task, target, call, tiny, table_file, tmp_path):
    model, out, why = tmp_path / "m", tmp_path / "o.csv", tmp_path / "why"
    options = [f"--target={target}", f"--out={model}", "--inputs=expr,lab", *tiny]
    result = call("fit", task, table_file, *options)
    assert result.exit_code == 0, result.stderr
    assert "lab was read from 'lab' as features: " in result.stderr
    assert call("predict", model, table_file, f"--out={out}").exit_code == 0
    answers = pd.read_csv(out, index_col="id")
    first = {"classify": "label", "regress": "level"}[task]
    assert (len(answers), answers.columns[0]) == (150, first)
    assert call("embed", model, table_file, f"--out={tmp_path / 'e.npy'}").exit_code == 0
    assert np.load(tmp_path / "e.npy").shape == (150, 16)
    scores = tmp_path / "s.json"
    assert call("evaluate", model, table_file, f"--json={scores}").exit_code == 0
    found = json.loads(scores.read_text())
    assert (found["n"], found["part"]) == (30, "test")
    assert "late_fusion" in found["baselines"]
    assert call("explain", model, table_file, f"--out={why}").exit_code == 0
    shown = pd.read_csv(why / "features.csv")
    assert set(shown["input"]) == {"expr", "lab"}
    assert call("report", model).exit_code == 0
    result = call("audit", task, table_file, f"--target={target}", "--inputs=expr,lab")
    assert result.exit_code == 0, result.stderr


def test_all_numbers_but_target_split_and_group_are_one_input(records):
    table = records.assign(part=np.resize(["train", "train", "test"], 150), number=1.5)
    model = estimator_class("regress")(**SMALL)
    model.fit(table, "level", split="part", num_train_epochs=1, baselines=False)
    names = model.fitted_.modality.members["features"].feature_names()
    assert names == [*(f"expr_{i + 1}" for i in range(12)), *(f"lab_{i + 1}" for i in range(6))]


def test_columns_are_named_in_a_file_of_settings(call, tiny, table_file, tmp_path):
    config = tmp_path / "c.yaml"
    config.write_text("inputs:\n  blood: {columns: ['lab_*']}\n  first: {columns: [expr_1]}\n")
    model = tmp_path / "m"
    options = [f"--config={config}", "--target=level", f"--out={model}", *tiny]
    result = call("fit", "regress", table_file, *options)
    assert result.exit_code == 0, result.stderr
    members = polyome.load(model, quiet=True).fitted_.modality.members
    assert members["blood"].feature_names() == [f"lab_{i + 1}" for i in range(6)]
    assert members["first"].feature_names() == ["expr_1"]


def test_values_stand_beside_linear_models_and_their_fusion(regressor):
    scores = regressor.evaluation_
    assert {"mean", "ridge", "ridge_expr", "ridge_lab", "late_fusion"} <= set(scores.baselines)
    assert scores.metrics["r2"] > 0.7
    assert 0.7 < scores.coverage["level"] <= 1


def test_any_subset_of_the_inputs_is_answered(regressor, classifier, records):
    expr = records.drop(columns=[c for c in records if c.startswith("lab_")])
    found = regressor.predict(expr)["level"]
    assert np.corrcoef(found, records["level"])[0, 1] > 0.8
    kept = records["lab_1"].notna()
    lab = records.loc[kept].drop(columns=[c for c in records if c.startswith("expr_")])
    assert set(classifier.predict(lab)["label"]) <= {*classifier.classes_, "unknown"}
    own = records[~kept]  # what a record lacks is nothing, not a value
    pd.testing.assert_frame_equal(
        regressor.predict(own), regressor.predict(expr[~kept]), check_exact=False, atol=1e-4
    )


def test_records_with_fewer_inputs_have_their_own_intervals(regressor, records):
    kept = records["lab_1"].notna()
    lab = records.loc[kept].drop(columns=[c for c in records if c.startswith("expr_")])
    widths = {
        name: (found["level_high"] - found["level_low"]).mean()
        for name, found in (("all", regressor.predict(records)), ("lab", regressor.predict(lab)))
    }
    assert widths["lab"] > 1.3 * widths["all"]


def test_several_targets_with_gaps(records):
    table = records.assign(double=2 * records["level"])
    table.loc[table.index[::3], "double"] = np.nan
    model = estimator_class("regress")(inputs="expr,lab", **SMALL)
    model.fit(table, "level,double", num_train_epochs=2)
    found = model.predict(table)
    assert np.corrcoef(found["double"], 2 * table["level"])[0, 1] > 0.8
    assert set(model.evaluation_.by_target) == {"level", "double"}


def test_an_anndata_is_read_and_gets_its_answers(records, tmp_path):
    names = [c for c in records if c.startswith("expr_")]
    obs = records[["group", "level"]].copy()
    adata = AnnData(records[names].to_numpy(np.float32), obs=obs, var=pd.DataFrame(index=names))
    lab = records[[c for c in records if c.startswith("lab_")]]
    adata.obsm["lab"] = lab
    settings = SMALL | {"num_members": 4}
    model = estimator_class("regress")(inputs="X=features,lab=features", **settings)
    model.fit(adata, "level", num_train_epochs=1, baselines=False)
    model.annotate(adata)
    expected = model.predict(adata)
    np.testing.assert_allclose(adata.obs["polyome_level"], expected["level"])
    assert (adata.obs["polyome_level_low"] < adata.obs["polyome_level_high"]).all()
    assert adata.obsm["X_polyome"].shape == (150, 64)
    source = tmp_path / "a.h5ad"
    adata.write_h5ad(source)
    given, answers = model.answer(str(source))
    model.fitted_.modality.write(given, answers, tmp_path / "b.h5ad")
    written = anndata.read_h5ad(tmp_path / "b.h5ad")
    np.testing.assert_allclose(written.obs["polyome_level"], expected["level"], rtol=1e-5)


def test_answers_of_a_table_are_a_table(regressor, records, tmp_path):
    given, answers = regressor.answer(records)
    with pytest.raises(InputError, match=r"came as a table; a name that ends in \.csv is needed"):
        regressor.fitted_.modality.write(given, answers, tmp_path / "b.h5ad")


def test_two_files_are_one_table(regressor, records, tmp_path):
    for name, rows in (("a", slice(0, 70)), ("b", slice(70, 150))):
        records.iloc[rows].to_csv(tmp_path / f"{name}.csv.gz", index_label="id")
    paths = [str(tmp_path / "a.csv.gz"), str(tmp_path / "b.csv.gz")]
    found = regressor.predict(paths)
    np.testing.assert_allclose(found["level"], regressor.predict(records)["level"], atol=1e-5)


def test_explanations_name_the_feature_that_tells(records):
    noise = np.random.default_rng(0).normal(0, 2, len(records))
    level = 3 * records["expr_2"].fillna(0) + 2 * records["lab_1"].fillna(0) + noise
    table = records.assign(level=level)
    model = estimator_class("regress")(inputs="expr,lab", **SMALL)
    model.fit(table, "level", num_train_epochs=2, baselines=False)
    why = model.explain(table)
    first = why.table.iloc[0]
    assert (first["input"], first["feature"]) == ("expr", "2")
    assert why.simulated
    lacks = table["lab_1"].isna().to_numpy()
    assert why.records["lab"].isna().to_numpy()[lacks].all()
    assert why.plot("level").get_title(loc="left") == "level"
    with pytest.raises(InputError, match="no explained record is 'levl'"):
        why.plot("levl")


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda t: t[["group"]], ["--target=group"], "no column holds numbers for the input"),
        (lambda t: t, ["--target=grup"], r"the table has no column 'grup' \(target\)"),
        (lambda t: t.assign(group=np.nan), ["--target=group"], "has no label at all"),
        (lambda t: t.assign(group="a"), ["--target=group"], "has only 'a'; two classes"),
        (lambda t: t, ["--target=group", "--inputs=expr,labs"], "the input 'labs' has no column"),
        (lambda t: t, ["--target=group", "--inputs=expr=words"], "'words' is no modality of"),
        (lambda t: t.head(2), ["--target=group"], "has 2 labels on 2 training rows"),
        (
            lambda t: t.assign(lab_1=["x", *["1"] * 149]),
            ["--target=group"],
            "column 'lab_1' holds 'x' at record 'record 1'",
        ),
        (
            lambda t: t.assign(lab_1="many"),
            ["--target=group", "--inputs=expr,lab"],
            "column 'lab_1' holds 'many' at record 'record 1'",
        ),
        (
            lambda t: t.assign(lab_1=np.inf),
            ["--target=group"],
            "features: a value of 'record 1' is infinite",
        ),
        (
            lambda t: t.mask(np.outer(t.index == "record 9", t.columns != "group")),
            ["--target=group"],
            r"1 of 150 records have no value in any of the inputs 'features' \(first: 'record 9'\)",
        ),
        (
            lambda t: t.set_axis(["same"] * len(t)),
            ["--target=group"],
            "1 of the ids occurs more than once",
        ),
        (lambda t: t.head(0), ["--target=group"], "has a header and no rows"),
    ],
)
def test_wrong_tables_are_refused_in_one_message(
    change, options, message, call, tiny, records, tmp_path
):
    path = tmp_path / "t.csv"
    change(records).to_csv(path, index_label="id")
    result = call("fit", "classify", path, *options, f"--out={tmp_path / 'm'}", *tiny)
    assert result.exit_code == 2, result.stderr
    assert pd.Series([result.stderr]).str.contains(message).all(), result.stderr
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.assign(level=np.nan), r"column 'level' \(target\) has no value at all"),
        (lambda t: t.assign(level=1.0), r"column 'level' \(target\) has only the value 1"),
        (lambda t: t.assign(level="high"), "column 'level' holds 'high' at record"),
        (lambda t: t.head(2), "has a value on|has only the value"),
    ],
)
def test_wrong_values_are_refused_in_one_message(change, message, records):
    with pytest.raises(InputError, match=message):
        estimator_class("regress")(**SMALL).fit(change(records), "level")


def test_a_query_whose_column_became_text_is_refused(regressor, records):
    with pytest.raises(InputError, match="column 'expr_1' holds 'a' at record 'record 1'"):
        regressor.predict(records.assign(expr_1="a"))


def test_text_columns_are_named_and_left_out(call, tiny, table_file, tmp_path):
    options = ["--target=group", f"--out={tmp_path / 'm'}", *tiny]
    result = call("fit", "classify", table_file, *options)
    assert (
        "1 column of text is no input: 'site'. Write numbers, or name it as text" in result.stderr
    )


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"a": {"column": ["x"]}}, "inputs: 'a' is .* a modality is needed, or columns"),
        ({"a": {"columns": ["x"]}}, "the input 'a' is to have the column 'x'"),
        ({"a": 3}, "inputs: 'a' is 3"),
    ],
)
def test_wrong_mappings_of_columns_are_refused(inputs, message, records):
    with pytest.raises(InputError, match=message):
        estimator_class("classify")(inputs=inputs, **SMALL).fit(records, "group")
