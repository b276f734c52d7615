"""What the multilabel task reads is settled by its source, and goes with the model."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from polyome import InputError
from polyome.data.labels import simulate_labels
from polyome.data.tables import simulate_table
from polyome.modalities.inputs import Inputs
from polyome.modalities.sequence import SequenceModality
from polyome.splits import Split
from polyome.tasks import MultiLabel

NUMBERS = pd.DataFrame({"age": [40.0, 50.0, 60.0], "bmi": [20.0, 25.0, 30.0]})


def test_sequences_are_the_records_where_there_are_some():
    task = MultiLabel()
    dna = simulate_labels(8, 60, num_motifs=2, num_labels=2)
    assert task.for_source(dna.assign(age=1.0), {}) is task
    assert isinstance(task.build_modality(), SequenceModality)
    records = task.read(dna, {})
    assert task.for_source(records, {}) is task
    assert (task.dropout, task.linear_weight) == (0.1, 0.3)


def test_without_sequences_the_numbers_are_one_input():
    task = MultiLabel(num_members=2).for_source(NUMBERS, {})
    assert (task.inputs, task.num_members) == ("features", 2)
    assert isinstance(task.build_modality(), Inputs)
    records = task.read(NUMBERS, {}, beside=["age"])
    assert list(records.parts["features"].names) == ["bmi"]
    assert task.for_source(records, {}) == task


def test_a_named_column_of_sequences_is_looked_for():
    task = MultiLabel(sequence_column="dna").for_source(NUMBERS, {})
    with pytest.raises(InputError, match="the table has no column 'dna'"):
        task.read(NUMBERS, {})


def test_named_inputs_are_read_whatever_there_is():
    dna = simulate_labels(8, 60, num_motifs=2, num_labels=2).assign(age=np.arange(8.0))
    task = MultiLabel(inputs="age").for_source(dna, {})
    assert task.inputs == "age"
    assert task.build_modality().members["age"].name == "features"


@pytest.mark.parametrize(
    ("settings", "reading", "named"),
    [
        ({"tokens": "kmer"}, {}, "tokens=kmer"),
        ({"both_strands": True}, {}, "both_strands=True"),
        ({}, {"genome": "g.fa"}, "genome=g.fa"),
        ({"inputs": "age", "sequence_column": "dna"}, {}, "sequence_column=dna"),
    ],
)
def test_settings_of_sequences_need_some(settings, reading, named):
    message = f"{named} is for sequences, and the inputs read are (features|age). Leave it out, or"
    with pytest.raises(InputError, match=message):
        MultiLabel(**settings).for_source(NUMBERS, reading)


def test_splits_limits_and_words_are_those_of_the_records():
    dna, table = MultiLabel(), MultiLabel(inputs="features")
    assert set(dna.groupings()) == {"random", "group", "chromosome", "homology"}
    assert set(table.groupings()) == {"random", "group"}
    assert "Windows" in " ".join(dna.known_limits())
    assert "Windows" not in " ".join(table.known_limits())
    assert (dna.table_words().where, table.table_words().where) == ("the input", "the table")


def test_baselines_are_those_of_the_records():
    x = np.random.default_rng(0).normal(size=(120, 3)).astype(np.float32)
    truth = np.stack([x[:, 0] > 0, x[:, 1] > 0], axis=1).astype(float)
    truth[::3, 1] = np.nan
    boosting = MultiLabel(inputs="features").baselines()["gradient_boosting"]
    found = boosting(x, truth, x, seed=0)
    known = np.isfinite(truth[:, 1])
    assert ((found[:, 0] > 0.5) == truth[:, 0]).mean() > 0.9
    assert ((found[known, 1] > 0.5) == truth[known, 1]).mean() > 0.9
    other = truth.copy()
    other[::3, 1] = 1.0
    assert not np.allclose(boosting(x, other, x, seed=0)[:, 1], found[:, 1])


def test_the_audit_names_the_label_that_something_gives_away():
    table = simulate_table(120, seed=0)
    rng = np.random.default_rng(0)
    table["told"] = (table["lab_1"].isna() | (rng.random(120) < 0.02)).astype(float)
    table["copied"] = rng.permutation(np.arange(120) % 2).astype(float)
    table["copied"] = table["copied"].where(rng.random(120) < 0.9)
    table["expr_copy"] = table["copied"].fillna(0.5) * 2 + 1
    task = MultiLabel(inputs="expr,lab", quiet=True)
    records = task.read(table, {}, beside=["told", "copied"])
    targets = task.targets(records.table, "told,copied", None)
    rows = np.arange(120)
    parts = Split(rows[:90], rows[:0], rows[90:], 0, "by the test")
    messages = " ".join(finding.message for finding in task.audit(records, targets, parts, ""))
    assert "Having the input 'lab' goes with 'told' (r = -" in messages
    assert "'expr: copy' alone gives 'copied' away" in messages
    one = dataclasses.replace(targets, truth=targets.truth[:, :1], names=("told",))
    messages = " ".join(finding.message for finding in task.audit(records, one, parts, ""))
    assert "goes with the target (r = -" in messages
