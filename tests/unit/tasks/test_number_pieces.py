"""Pieces of numbers are read where the linear model is better with them."""

import numpy as np
import pandas as pd

from polyome.data.tables import simulate_table
from polyome.tasks import MultiLabel
from polyome.tasks.number_pieces import pieces_in_words


def chosen(truth_of, groups=None):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(900, 4)), columns=list("abcd"))
    truth = truth_of(table.to_numpy(), rng)
    table["y"] = np.where(rng.random(900) < 0.1, np.nan, truth)
    task = MultiLabel(inputs="features", quiet=True)
    records = task.read(table, {}, beside=["y"])
    targets = task.targets(records.table, "y", None)
    modality = task.build_modality().fit(records)
    learned = targets.indices(np.arange(900), ("y",))
    return modality, task.choose_settings(modality, records, learned, groups)


def test_a_label_between_two_thresholds_needs_pieces():
    modality, facts = chosen(lambda x, _: (np.abs(x[:, 0]) < 0.6).astype(float))
    assert facts["pieces"]["features"]["used"]
    assert len(modality.members["features"].pieces_) > 0
    text = pieces_in_words(facts)["numbers"]
    assert text.startswith("features are read in pieces of their range (loss of the linear model")


def test_a_label_told_by_a_sum_needs_none():
    modality, facts = chosen(
        lambda x, rng: (x.sum(axis=1) + rng.normal(size=900) > 0).astype(float),
        groups=np.arange(900) % 30,
    )
    assert not facts["pieces"]["features"]["used"]
    assert len(modality.members["features"].pieces_) == 0
    assert "features are read as they are" in pieces_in_words(facts)["numbers"]


def test_few_records_have_nothing_to_choose():
    table = simulate_table(120, seed=0)
    table["y"] = (table["level"] > table["level"].median()).astype(float)
    task = MultiLabel(inputs="expr,lab", quiet=True)
    records = task.read(table, {}, beside=["y"])
    modality = task.build_modality().fit(records)
    learned = task.targets(records.table, "y", None).indices(np.arange(120), ("y",))
    assert task.choose_settings(modality, records, learned, None) == {}
    assert pieces_in_words({}) == {}
