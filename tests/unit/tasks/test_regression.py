"""Targets of values: one column or several, missing ones, weights, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from polyome._errors import InputError
from polyome.modalities.sequence import SequenceModality
from polyome.splits import Split
from polyome.tasks import Expression
from polyome.tasks.genome import blocks, chromosomes

TABLE = pd.DataFrame(
    {
        "a": [1.0, 2.0, np.nan, 4.0],
        "b": ["5", "", "7", "8"],
        "a,b": [0.0, 1.0, 2.0, 3.0],
        "text": ["x", "1", "2", "3"],
        "endless": [np.inf, 1, 2, 3],
        "same": [1.0] * 4,
        "nothing": [np.nan] * 4,
        "sd": [1.0, 2.0, np.nan, 0.0],
    },
    index=["r1", "r2", "r3", "r4"],
)


def targets(target, **settings):
    return Expression(**settings).targets(TABLE, target, None)


def test_several_columns_as_a_list_and_with_commas():
    found = targets(["a", "b"])
    np.testing.assert_array_equal(found.truth, targets("b , a").truth[:, ::-1])
    assert found.names == ("a", "b")
    assert np.isnan(found.truth[[2, 1], [0, 1]]).all()


def test_a_column_with_a_comma_in_its_name_is_one_column():
    assert targets("a,b").names == ("a,b",)


def test_a_row_without_any_value_has_no_target():
    assert targets("a").labelled.tolist() == [True, True, False, True]
    assert targets(["a", "b"]).labelled.all()
    assert "1 of 4 rows have no value" in targets("a").notes[0]


def test_indices_hold_values_in_training_units_and_weights():
    found = targets(["a", "b"]).learned_from(np.array([0, 3]))
    pair = found.indices(np.arange(4), ("a", "b"))
    assert pair.shape == (4, 2, 2)
    assert pair[:, 0, 0].tolist() == pytest.approx([-1, -1 / 3, 0, 1])  # mean 2.5, deviation 1.5
    assert pair[:, 0, 1].tolist() == [1, 1, 0, 1]


def test_rows_that_are_surer_count_for_more():
    weights = targets("a", noise="sd").learned_from(np.arange(4)).weights[:, 0]
    assert weights.mean() == pytest.approx(1)
    assert weights[3] > weights[0] > weights[1]
    assert weights[2] == weights[0]  # unknown noise is the usual one


def test_the_noise_of_other_rows_does_not_matter():
    found = targets("a", noise="sd").learned_from(np.array([0, 1]))
    table = TABLE.assign(sd=[1.0, 2.0, 50.0, 60.0])
    other = Expression(noise="sd").targets(table, "a", None).learned_from(np.array([0, 1]))
    np.testing.assert_array_equal(found.weights[:2], other.weights[:2])
    assert found.weights[:2].mean() == pytest.approx(1)


def test_a_column_of_noise_without_any_is_refused():
    table = TABLE.assign(sd=[None] * 4)
    with pytest.raises(InputError, match=r"'sd' .noise. has no value at all"):
        Expression(noise="sd").targets(table, "a", None)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("c", "has no column 'c' .target."),
        ("text", "'text' holds 'x' at record 'r1' .1 such rows.; numbers are needed"),
        ("endless", "'endless' holds 'inf' at record 'r1'"),
        (3, "target=3: different names of columns"),
        ("a,a", "different names of columns"),
        ([], "different names of columns"),
    ],
)
def test_refuses(target, message):
    with pytest.raises(InputError, match=message):
        targets(target)


@pytest.mark.parametrize(
    ("target", "message"),
    [("same", "only the value 1; values that differ"), ("nothing", "no value at all")],
)
def test_refuses_targets_that_cannot_be_learned(target, message):
    with pytest.raises(InputError, match=message):
        targets(target).check(target)


def test_refuses_too_few_training_rows():
    rows = np.arange(4)
    with pytest.raises(InputError, match="a value on 3 training rows; 10 or more"):
        targets("a").check_enough(Split(rows, rows[:0], rows[:0], 0, ""), "a")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"target_transform": "sqrt"}, "target_transform='sqrt' is not known"),
        ({"noise": "sd,a"}, "noise names 2 columns for 1 targets"),
        ({"noise": "se"}, "no column 'se' .noise."),
    ],
)
def test_refuses_settings(settings, message):
    with pytest.raises(InputError, match=message):
        targets("a", **settings)


def test_negative_noise_is_refused():
    table = TABLE.assign(sd=[0.0, -0.25, np.nan, -1.0])
    message = r"'sd' \(noise\) holds -0\.25 at record 'r2' \(2 such rows\); a standard deviation is"
    with pytest.raises(InputError, match=message):
        Expression(noise="sd").targets(table, "a", None)
    assert Expression(noise="sd").scored_targets(table, "a", None).variances is None


def test_words_for_missing_values_are_counted_and_named():
    table = TABLE.assign(a=["1.5", "NA", " - ", "n/a"])
    found = Expression().targets(table, "a", None)
    assert np.isnan(found.truth[:, 0]).tolist() == [False, True, True, True]
    assert found.notes[0].startswith("3 rows of 'a' say 'NA', '-', 'n/a', which stands for nothing")
    assert found.notes[0].endswith(": taken as no value.")


@pytest.mark.parametrize("text", ["2,5", "1,234", "1.299,99"])
def test_commas_in_numbers_are_explained(text):
    with pytest.raises(InputError, match=r"A comma may be a decimal mark or part thousands"):
        Expression().targets(TABLE.assign(a=["1", "2", "3", text]), "a", None)


def test_two_columns_of_one_name():
    table = TABLE.copy()
    table.insert(0, "sd", 1.0, allow_duplicates=True)
    with pytest.raises(InputError, match=r"2 columns called 'sd' \(noise\); rename them"):
        Expression(noise="sd").targets(table, "a", None)


def test_negative_values_have_no_logarithm():
    table = TABLE.assign(a=[-3.0, -1.0, 1.0, 2.0])
    targets = Expression(target_transform="log").targets(table, "a", None)
    with pytest.raises(InputError, match=r"2 rows of column 'a' \(target\) are negative"):
        targets.learned_from(np.array([1, 2, 3]))  # a negative value to be scored counts as well


def test_noise_is_not_needed_to_score():
    task = Expression(noise="absent")
    with pytest.raises(InputError, match="no column 'absent'"):
        task.targets(TABLE, "a", None)
    assert task.scored_targets(TABLE, "a", None).variances is None


def test_unlabelled_is_for_classes():
    with pytest.raises(InputError, match="unlabelled='x' is for classes"):
        Expression().targets(TABLE, "a", "x")


def test_scores_are_means_over_targets_without_missing_rows():
    truth = np.array([[1.0, 1.0], [2.0, np.nan], [3.0, 5.0], [4.0, 9.0]])
    answers = np.column_stack([truth[:, 0], [1.0, 100.0, 5.0, 9.0]])
    assert Expression().output_type.metrics(truth, answers, ("a", "b"))["pearson"] == pytest.approx(
        1
    )
    quick = {
        k: m(truth, answers, ("a", "b"))
        for k, m in Expression().output_type.interval_metrics().items()
    }
    assert quick == pytest.approx({"pearson": 1.0, "r2": 1.0})


def test_blocks_are_stretches_of_one_chromosome():
    place = np.r_[np.arange(0, 1000, 10), np.arange(0, 500, 10)]
    table = pd.DataFrame({"chrom": ["I"] * 100 + ["II"] * 50, "tss0": place, "sequence": "ACGT"})
    task = Expression()
    found = blocks(task.build_modality().read(table))
    assert 40 <= len(set(found)) <= 60
    assert all(len(set(table["chrom"][found == name])) == 1 for name in set(found))
    with pytest.raises(InputError, match="needs a column of positions"):
        blocks(task.build_modality().read(table.drop(columns="tss0")))
    with pytest.raises(InputError, match=r"'tss0' .position. holds 'nan' at record '0'"):
        blocks(task.build_modality().read(table.assign(tss0=[np.nan, *place[1:]])))


def test_r2_of_values_that_do_not_differ_is_unknown():
    truth = np.array([[0.0, 1.0], [0.0, 2.0]])
    r2 = Expression().output_type.interval_metrics()["r2"]
    assert r2(truth, truth + 0.1, ("a", "b")) is None
    assert r2(np.full((2, 1), np.nan), np.zeros((2, 1)), ("a",)) is None
    assert r2(truth[:, 1:], truth[:, 1:], ("b",)) == 1


def test_chromosomes_are_named_alike_and_none_is_missing():
    table = pd.DataFrame({"sequence": ["ACGT"] * 3, "chrom": ["1.0", 1.0, "X"], "start": [1, 2, 3]})
    read = SequenceModality().read
    assert chromosomes(read(table)).tolist() == ["1", "1", "X"]
    gap = table.assign(chrom=["1", None, "X"])
    for found in (chromosomes, blocks):
        with pytest.raises(InputError, match=r"'chrom' \(chromosome\) is empty for 1 of 3"):
            found(read(gap))


def test_noise_that_goes_with_the_value_weighs_alike_on_a_logarithmic_scale():
    rng = np.random.default_rng(0)
    values = rng.lognormal(0, 2, 300)
    table = pd.DataFrame({"value": values, "sd": 0.15 * values})
    task = Expression(noise="sd", target_transform="log")
    weights = task.targets(table, "value", None).learned_from(np.arange(300)).weights[:, 0]
    high = values > np.quantile(values, 0.3)  # below, the offset of the logarithm counts
    assert weights[high].max() < 1.3 * weights[high].min()
