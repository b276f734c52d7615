"""Splits are partitions, keep what they promise, and say what is wrong with a column."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyome._errors import InputError
from polyome.splits import Split, from_column, group_split, random_split

LABELS = st.lists(st.sampled_from("abcde"), min_size=1, max_size=80)


def everywhere(labels):
    return np.ones(len(labels), dtype=bool)


def assert_partition(split: Split, n: int):
    rows = np.concatenate([split.train, split.validation, split.test])
    assert len(np.unique(rows)) == len(rows)
    assert len(rows) + split.left_out + split.unlabelled == n


@given(st.lists(st.sampled_from(["train", "TEST", "Dev", "other", None, np.nan]), max_size=40))
def test_a_column_gives_a_partition(values):
    values = ["Train", *values]
    labelled = np.arange(len(values)) % 3 != 1
    split = from_column(values, labelled=labelled)
    assert_partition(split, len(values))
    assert labelled[np.concatenate([split.train, split.validation, split.test])].all()


@pytest.mark.parametrize("kind", ["category", "object", "string"])
def test_a_column_may_be_of_any_kind(kind):
    values = pd.Series(["train", "TEST", " dev", None, "fold 3"], index=list("vwxyz")).astype(kind)
    split = from_column(values, labelled=np.array([True] * 5))
    assert (split.train, split.test, split.validation) == ([0], [1], [2])
    assert split.left_out == 2
    assert split.how == "column 'split'"


@pytest.mark.parametrize("word", ["val", "VALID", "Validation ", "dev", "validation"])
def test_words_for_validation(word):
    split = from_column(["train", word, "test"], labelled=np.ones(3, dtype=bool))
    assert (split.train, split.validation, split.test) == ([0], [1], [2])
    assert (split.left_out, split.notes) == (0, ())


def test_values_that_are_no_part_are_named_and_counted():
    values = ["train", "test", "holdout", "holdout", None, "Spare", "holdout"]
    labelled = np.array([True] * 6 + [False])
    split = from_column(values, labelled=labelled, name="set")
    assert split.left_out == 4
    assert split.notes == (
        "rows with a target whose 'set' is 'holdout' (2), nothing (1), 'Spare' (1) are left out: "
        "parts are 'train', 'validation' (or 'val', 'valid', 'dev') and 'test'.",
    )


def test_many_values_that_are_no_part_are_cut_short():
    values = ["train", *(f"fold {i}" for i in range(12))]
    (note,) = from_column(values, labelled=np.ones(13, dtype=bool)).notes
    assert "'fold 7' (1) and 4 more are left out" in note


def test_blanks_around_groups_do_not_make_two_of_one():
    donors = ["d1", "d1 ", " d2", "d2", "d3", "d3"] * 5
    split = group_split(donors, labelled=everywhere(donors), seed=0)
    names = np.char.strip(donors)
    assert not set(names[split.train]) & set(names[split.test])


def test_unlabelled_rows_are_counted_apart():
    labelled = np.array([True, False, True, False])
    split = from_column(["train", "train", "other", "other"], labelled=labelled)
    assert (split.left_out, split.unlabelled) == (1, 2)


def test_without_train_rows_the_values_are_listed_most_frequent_first():
    with pytest.raises(InputError) as error:
        from_column(["fit", "val", "fit"], labelled=np.ones(3, dtype=bool), name="part")
    assert str(error.value) == (
        "Column 'part' (split) has no 'train'. Found (rows): 'fit (2)', 'val (1)'. "
        "Rows to fit on need 'train', rows to score 'test'; 'validation' is optional."
    )


def test_train_rows_without_any_target():
    with pytest.raises(InputError, match="No row with 'split' = 'train' has a target"):
        from_column(["train", "test"], labelled=np.array([False, True]))


@given(LABELS, st.integers(0, 5), st.floats(0.05, 0.5))
def test_a_random_split_is_a_partition_and_keeps_every_class_in_train(labels, seed, size):
    split = random_split(labels, labelled=everywhere(labels), test_size=size, seed=seed)
    assert_partition(split, len(labels))
    names = np.asarray(labels)
    assert set(names[split.train]) == set(labels)
    assert len(split.test) <= round(size * len(labels))


def test_a_random_split_is_stratified_and_depends_on_the_seed_alone():
    labels = np.repeat(["a", "b", "c"], [100, 50, 10])
    one = random_split(labels, labelled=everywhere(labels), seed=1)
    assert np.unique(labels[one.test], return_counts=True)[1].tolist() == [20, 10, 2]
    again = random_split(labels, labelled=everywhere(labels), seed=1)
    other = random_split(labels, labelled=everywhere(labels), seed=2)
    assert (one.test == again.test).all()
    assert (one.test != other.test).any()
    assert one.how == "20 % stratified, seed 1"


def test_values_are_split_without_strata():
    labelled = np.arange(100) < 50
    split = random_split(None, labelled=labelled, seed=0)
    assert (len(split.train), len(split.test), split.unlabelled) == (40, 10, 50)
    assert split.test.max() < 50


@given(st.lists(st.sampled_from("pqrstu"), min_size=2, max_size=80), st.integers(0, 3))
def test_groups_never_straddle(groups, seed):
    groups = ["v", *groups]
    split = group_split(groups, labelled=everywhere(groups), seed=seed)
    assert_partition(split, len(groups))
    names = np.asarray(groups)
    assert not set(names[split.train]) & set(names[split.test])
    assert len(split.train) > 0
    assert len(split.test) > 0


def test_a_group_split_comes_near_the_size_and_the_proportions():
    rng = np.random.default_rng(0)
    donors = rng.integers(0, 20, 2000)
    labels = np.where(rng.random(2000) < 0.1 + 0.04 * donors, "a", "b")
    split = group_split(donors, labels=labels, labelled=everywhere(donors), seed=0, name="donor")
    assert 0.17 < len(split.test) / 2000 < 0.23
    assert abs((labels[split.test] == "a").mean() - (labels == "a").mean()) < 0.05
    assert split.how == "by group 'donor', seed 0"


def test_one_group_or_missing_groups_are_refused():
    with pytest.raises(
        InputError, match=r"'donor' \(group\) holds 1 group: 'd1'. A split by group"
    ):
        group_split(["d1"] * 5, labelled=np.ones(5, dtype=bool), seed=0, name="donor")
    with pytest.raises(InputError, match=r"is empty for 2 of 4 rows with a target"):
        group_split(["d1", None, np.nan, "d2"], labelled=np.ones(4, dtype=bool), seed=0)


def test_a_missing_group_of_an_unlabelled_row_does_no_harm():
    labelled = np.array([True, True, False])
    assert group_split(["d1", "d2", None], labelled=labelled, seed=0).unlabelled == 1


def test_invisible_marks_around_a_part_are_passed_over():
    split = from_column(["train\u200b", "test\u00a0"], labelled=np.ones(2, dtype=bool))
    assert split.train.tolist() == [0]
    assert split.test.tolist() == [1]
