"""Columns that give the target away, copies of rows, inputs whose presence tells the answer."""

import numpy as np
import pandas as pd
import pytest

from polyome.audit.columns import given_away
from polyome.data.tables import simulate_table
from polyome.splits import Split
from polyome.tasks import Classify, Regress


def findings_of(task, table, target):
    records = task.read(table, {}, beside=[target])
    rows = np.arange(len(table))
    split = Split(rows[::2], rows[:0], rows[1::2], 0, "by the test")
    return task.audit(records, task.targets(records.table, target, None), split, target)


def test_a_column_that_is_the_target_in_other_units_is_named():
    rng = np.random.default_rng(0)
    truth = rng.gamma(2.0, size=100)
    features = np.column_stack([np.log(truth), truth + rng.normal(size=100)])
    found = given_away(features, ["log", "rough"], truth)
    assert [f.numbers["columns"] for f in found] == [["log"]]


def test_a_code_of_the_class_is_named_and_a_good_feature_is_not():
    truth = np.repeat(["a", "b"], 40)
    code = (truth == "b") * 5.0
    good = code + np.random.default_rng(0).normal(size=80)
    found = given_away(np.column_stack([code, good]), ["code", "good"], truth)
    assert [f.numbers["columns"] for f in found] == [["code"]]
    assert given_away(code[:5, None], ["code"], truth[:5]) == []


@pytest.mark.parametrize(
    ("task", "target"), [(Classify(quiet=True), "group"), (Regress(quiet=True), "level")]
)
def test_equal_rows_on_both_sides_of_the_split_are_counted(task, target):
    table = simulate_table(80)
    assert not [f for f in findings_of(task, table, target) if f.kind == "duplicates"]
    table.iloc[1] = table.iloc[0]
    found = [f for f in findings_of(task, table, target) if f.kind == "duplicates"]
    assert [f.numbers["test_rows_in_train"] for f in found] == [1]


def test_an_input_whose_presence_goes_with_the_value_is_named():
    table = simulate_table(80)
    lab = [name for name in table if name.startswith("lab_")]
    table[lab] = table[lab].fillna(0)
    table.loc[table["level"] > table["level"].median(), lab] = np.nan
    found = findings_of(Regress(inputs="expr,lab", quiet=True), table, "level")
    assert any("Having the input 'lab' goes with the target" in f.message for f in found)


def test_the_numbers_of_the_noise_are_no_measurement():
    table = simulate_table(40).assign(sd=0.1)
    records = Regress(noise="sd", quiet=True).read(table, {}, beside=["level"])
    assert "sd" not in records.parts["features"].names
    assert isinstance(records.table, pd.DataFrame)
