"""Metrics agree with scikit-learn, stay in range, and are None where undefined."""

import json
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from polyome.metrics import (
    bootstrap_interval,
    classification_metrics,
    matthews,
    paired_difference,
    refusal_metrics,
    regression_metrics,
    reliability,
    unseen_labels,
)

KEYS = [
    "accuracy", "balanced_accuracy", "macro_f1", "weighted_f1", "mcc", "auroc", "log_loss", "ece",
]  # fmt: skip
CLASSES = ["a", "b", "c"]


def simulated(n=400, seed=0):
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet([0.5] * 3, n)
    truth = np.array([CLASSES[rng.choice(3, p=row)] for row in proba])
    return truth, proba


def test_agrees_with_scikit_learn():
    truth, proba = simulated()
    scores = classification_metrics(truth, proba, CLASSES)
    guess = np.array(CLASSES)[proba.argmax(axis=1)]
    assert list(scores) == KEYS
    assert scores["accuracy"] == reference.accuracy_score(truth, guess)
    assert scores["balanced_accuracy"] == pytest.approx(
        reference.balanced_accuracy_score(truth, guess)
    )
    assert scores["macro_f1"] == pytest.approx(reference.f1_score(truth, guess, average="macro"))
    assert scores["auroc"] == pytest.approx(
        reference.roc_auc_score(truth, proba, multi_class="ovr", average="macro")
    )
    assert scores["log_loss"] == pytest.approx(reference.log_loss(truth, proba), rel=1e-4)


def test_calibrated_answers_have_little_calibration_error():
    truth, proba = simulated(20_000)
    assert classification_metrics(truth, proba, CLASSES)["ece"] < 0.015
    certain = np.eye(3)[proba.argmax(axis=1)]
    assert classification_metrics(truth, certain, CLASSES)["ece"] > 0.1


@given(st.lists(st.sampled_from(["a", "b", "c", "new"]), max_size=30), st.integers(0, 9))
def test_metrics_are_in_range_and_safe_for_json(truth, seed):
    proba = np.random.default_rng(seed).dirichlet([0.3] * 3, len(truth)).astype(np.float32)
    scores = classification_metrics(truth, proba.reshape(-1, 3), CLASSES)
    assert list(scores) == KEYS
    json.loads(json.dumps(scores, allow_nan=False))
    for key, value in scores.items():
        assert value is None or (-1 if key == "mcc" else 0) <= value
        assert value is None or key == "log_loss" or value <= 1 + 1e-6


def test_labels_that_the_model_does_not_know_are_errors():
    proba = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    scores = classification_metrics(["a", "b", "new", "new"], proba, ["a", "b"])
    assert scores["accuracy"] == 0.5
    assert scores["balanced_accuracy"] == pytest.approx(2 / 3)
    assert scores["log_loss"] == pytest.approx(0, abs=1e-6)
    assert scores["auroc"] == 1
    assert scores["ece"] == 0.5
    assert unseen_labels(["a", "b", "new", "new"], ["a", "b"]) == {"new": 2}


def test_one_class_in_the_truth_has_no_auroc():
    scores = classification_metrics(["a", "a"], np.array([[0.9, 0.1], [0.2, 0.8]]), ["a", "b"])
    assert scores["auroc"] is None
    assert scores["macro_f1"] == pytest.approx(2 / 3)


def test_integer_labels_and_no_rows():
    assert classification_metrics([0, 1], np.eye(2), [0, 1])["accuracy"] == 1
    assert set(classification_metrics([], np.empty((0, 2)), ["a", "b"]).values()) == {None}


def test_reliability_counts_every_row_once():
    proba = np.array([[0.9, 0.1], [0.88, 0.12], [0.55, 0.45]])
    table = reliability(proba, np.array([0, 1, -1]))
    assert table["count"].tolist() == [1, 2]
    assert table["accuracy"].tolist() == [0, 0.5]


def test_regression():
    truth = np.array([1.0, 2.0, 3.0, 4.0])
    scores = regression_metrics(truth, truth**3)
    assert scores["spearman"] == pytest.approx(1)
    assert 0.9 < scores["pearson"] < 1
    assert scores["rmse"] == pytest.approx(np.sqrt(np.mean((truth - truth**3) ** 2)))
    constant = regression_metrics(truth, np.full(4, 2.5))
    assert (constant["pearson"], constant["spearman"]) == (None, None)
    assert constant["r2"] == pytest.approx(0)
    assert regression_metrics(np.ones(4), truth)["r2"] is None
    assert regression_metrics([], [])["rmse"] is None


def test_refusal():
    unknown = np.array([False, False, True, True])
    scores = refusal_metrics(["a", "b", "a", "x"], ["a", "a", "a", "a"], unknown)
    assert scores == {"coverage": 0.5, "accuracy_after_refusal": 0.5}
    assert refusal_metrics(["a"], ["a"], np.array([True]))["accuracy_after_refusal"] is None


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    inside = 0
    for seed in range(100):
        low, high = bootstrap_interval(np.mean, rng.normal(size=60), repeats=200, seed=seed)
        inside += low <= 0 <= high
    assert 87 <= inside <= 100


def test_an_undefined_metric_has_no_interval():
    assert bootstrap_interval(lambda x: None, np.ones(3)) == (None, None)
    assert bootstrap_interval(np.mean, np.empty(0)) == (None, None)


def test_a_paired_difference_is_narrower_than_the_intervals_it_comes_from():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 300)
    a = np.where(rng.random(300) < 0.2, 1 - truth, truth)
    b = np.where(rng.random(300) < 0.03, 1 - a, a)

    def accuracy(true, guess):
        return float((true == guess).mean())

    difference, low, high = paired_difference(accuracy, truth, a, b)
    assert difference == pytest.approx(accuracy(truth, a) - accuracy(truth, b))
    assert low <= difference <= high
    alone = bootstrap_interval(accuracy, truth, a)
    assert high - low < alone[1] - alone[0]
    assert paired_difference(accuracy, truth, a, b) == (difference, low, high)


def test_rows_of_a_group_are_drawn_together():
    rng = np.random.default_rng(0)
    donors = np.repeat(np.arange(8), 60)
    right = rng.random(480) < np.repeat(rng.normal(0.85, 0.08, 8), 60).clip(0, 1)
    low, high = bootstrap_interval(np.mean, right)
    least, most = bootstrap_interval(np.mean, right, groups=donors)
    assert most - least > 1.3 * (high - low)
    assert bootstrap_interval(np.mean, right, groups=np.zeros(480)) == (low, high)


@pytest.mark.parametrize("n_classes", [1, 2, 5])
@pytest.mark.parametrize("n", [1, 7, 200])
def test_matthews_equals_scikit_learns(n_classes, n):
    rng = np.random.default_rng(n)
    names = np.array(list("abcde"))
    truth = names[rng.integers(0, n_classes, n)]
    said = np.where(rng.random(n) < 0.5, truth, names[rng.integers(0, n_classes, n)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one label only
        wanted = reference.matthews_corrcoef(truth, said)
    assert matthews(truth, said) == pytest.approx(wanted, abs=1e-12)


def test_a_perfect_log_loss_has_no_sign():
    proba = np.array([[1.0, 0.0], [0.0, 1.0]])
    loss = classification_metrics(np.array(["a", "b"]), proba, ("a", "b"))["log_loss"]
    assert (loss, np.signbit(loss)) == (0.0, False)
