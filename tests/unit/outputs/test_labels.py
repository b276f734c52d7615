"""Labels: what is missing teaches nothing, each is calibrated by itself; the metrics."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, f1_score, matthews_corrcoef, roc_auc_score

from polyome import InputError
from polyome.outputs.labels import FittedLabels, LabelHead, Labels
from polyome.outputs.labels_calibration import choose_linear_weight, platt
from polyome.outputs.labels_metrics import auroc, average_precision, scores_of
from polyome.outputs.labels_targets import LabelTargets, read_labels
from polyome.outputs.linear import Fold, OutOfFold
from polyome.outputs.prediction import Answered
from polyome.outputs.targets import TableWords
from polyome.report.scored import Scored
from polyome.splits import Split

mpl.use("agg")
WORDS = TableWords("the table")
NAMES = pd.Index(["r1", "r2", "r3", "r4"])
rng = np.random.default_rng(0)


def pairs(truth):
    return LabelTargets(truth=truth, names=("a", "b")).indices(np.arange(len(truth)), ("a", "b"))


def test_missing_labels_teach_nothing():
    head = LabelHead(4, {"num_labels": 2})
    representation = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    truth = torch.from_numpy(pairs(np.array([[1.0, np.nan], [0.0, np.nan], [np.nan, np.nan]])))
    loss = head.loss(head(representation), truth)
    loss.backward()
    assert head.output.weight.grad[0].abs().sum() > 0
    assert not head.output.weight.grad[1].any()
    logits = head(representation)[:2, 0].detach()
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.tensor([1.0, 0]))
    torch.testing.assert_close(loss.detach(), expected)


def test_a_row_without_any_known_label_has_no_gradient():
    head = LabelHead(4, {"num_labels": 2})
    representation = torch.ones(2, 4, requires_grad=True)
    truth = torch.from_numpy(pairs(np.array([[1.0, 0.0], [np.nan, np.nan]])))
    head.loss(head(representation), truth).backward()
    assert representation.grad[0].any()
    assert not representation.grad[1].any()


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (["yes", "No", "", None], [1, 0, np.nan, np.nan]),
        ([True, False, True, True], [1, 0, 1, 1]),
        ([1.0, 0.0, np.nan, 1.0], [1, 0, np.nan, 1]),
        (["1", "0", "NA", "TRUE"], [1, 0, np.nan, 1]),
    ],
)
def test_columns_are_read(column, expected):
    found = read_labels(pd.DataFrame({"a": column}, index=NAMES), "a", None, WORDS)
    np.testing.assert_array_equal(found.truth[:, 0], expected)
    assert found.labelled.tolist() == np.isfinite(expected).tolist()


def test_what_is_missing_is_said():
    table = pd.DataFrame({"a": ["1", "0", "NA", "1"], "b": [None, "1", None, "0"]}, index=NAMES)
    notes = " ".join(read_labels(table, "a,b", None, WORDS).notes)
    assert "1 rows of 'a' say 'NA'" in notes
    assert "3 of 8 labels are not known: neither fitted nor scored; 1 of 4 rows have none." in notes


def test_a_word_that_is_no_label_is_named():
    table = pd.DataFrame({"a": ["1", "maybe", "0", "2"]}, index=NAMES)
    message = r"column 'a' \(target\) holds 'maybe' at record 'r2' \(2 such rows\); 0, 1, yes, no"
    with pytest.raises(InputError, match=message):
        read_labels(table, "a", None, WORDS)
    with pytest.raises(InputError, match="unlabelled='x' is for classes"):
        read_labels(table, "a", "x", WORDS)


def test_a_label_that_all_or_few_have_is_refused():
    ones = LabelTargets(truth=np.ones((4, 1)), names=("a",))
    with pytest.raises(InputError, match=r"column 'a' \(target\) has only 1; records with the"):
        ones.check("a")
    unknown = LabelTargets(truth=np.full((4, 1), np.nan), names=("a",))
    with pytest.raises(InputError, match=r"column 'a' \(target\) has no value at all"):
        unknown.check("a")
    few = LabelTargets(truth=np.array([[1.0], [0], [0], [0]]), names=("a",))
    none = np.zeros(0, dtype=np.int64)
    with pytest.raises(InputError, match="1 training rows have the label 'a'"):
        few.check_enough(Split(np.arange(4), none, none, 0, "x"), "a")
    with pytest.raises(InputError, match="1 training rows lack the label 'a'"):
        LabelTargets(truth=1 - few.truth, names=("a",)).check_enough(
            Split(np.arange(4), none, none, 0, "x"), "a"
        )


def test_labels_are_scored_by_name():
    targets = LabelTargets(truth=np.array([[1.0, 0.0]]), names=("a", "b"))
    assert targets.scorable(("b", "a")).truth.tolist() == [[0.0, 1.0]]
    message = "the model answers the labels 'a', 'c'; columns 'a', 'b' were named"
    with pytest.raises(InputError, match=message):
        targets.scorable(("a", "c"))


def test_metrics_agree_with_scikit_learn():
    truth = (rng.random(300) < 0.3).astype(float)
    proba = np.round(expit(2 * truth - 1 + rng.normal(size=300)), 2)  # with ties
    assert average_precision(truth, proba) == pytest.approx(average_precision_score(truth, proba))
    assert auroc(truth, proba) == pytest.approx(roc_auc_score(truth, proba))
    scores = scores_of(np.append(truth, np.nan), np.append(proba, 0.9))
    assert scores["macro_f1"] == pytest.approx(f1_score(truth, proba >= 0.5))
    assert scores["mcc"] == pytest.approx(matthews_corrcoef(truth, proba >= 0.5))


def test_a_label_of_one_value_is_left_out_of_the_means():
    truth = np.array([[1.0, 1.0], [0.0, 1.0], [1.0, np.nan]])
    proba = np.array([[0.9, 0.2], [0.2, 0.3], [0.8, 0.5]])
    scores = Labels().metrics(truth, proba, ("a", "b"))
    assert scores["auprc"] == scores["auroc"] == scores["macro_f1"] == scores["mcc"] == 1
    quick = {name: m(truth, proba, ("a", "b")) for name, m in Labels().interval_metrics().items()}
    assert quick == {"auprc": 1.0, "auroc": 1.0}
    assert Labels().metrics(truth[:, 1:], proba[:, 1:], ("b",))["auprc"] is None


def test_calibration_brings_back_the_right_slope():
    logits = rng.normal(size=4000)
    truth = (rng.random(4000) < expit(logits)).astype(float)
    slope, offset = platt(3 * logits + 1, truth)
    assert slope == pytest.approx(1 / 3, abs=0.03)
    assert offset == pytest.approx(-1 / 3, abs=0.1)
    assert platt(logits[:0], truth[:0]) == (1.0, 0.0)


def test_the_weight_goes_to_what_predicts_better():
    truth = (rng.random((1000, 2)) < 0.5).astype(float)
    known = np.stack([truth, np.ones_like(truth)], axis=-1)
    good, poor = 3 * (2 * truth - 1) + rng.normal(size=(1000, 2)), rng.normal(size=(1000, 2))
    parts = [OutOfFold(np.arange(1000), poor[None])]
    assert choose_linear_weight(0.5, parts, good, known, 1) > 0.9
    assert choose_linear_weight(0.0, parts, good, known, 1) == 0.0
    better = [OutOfFold(np.arange(1000), np.stack([good, good]))]
    assert choose_linear_weight(0.5, better, poor, known, 4) < 0.1


def test_the_linear_model_is_logistic_regression_of_known_rows():
    x = rng.normal(size=(300, 5)).astype(np.float32)
    truth = (rng.random((300, 2)) < expit(x[:, :2] * 2)).astype(float)
    truth[::3, 1] = np.nan
    rows = np.arange(300)
    folds = [
        Fold(
            rows[rows % 3 != k], rows[rows % 3 == k], x[rows % 3 != k], x[rows % 3 == k], None, None
        )
        for k in range(3)
    ]
    whole = Fold(rows, rows[:0], x, x[:0], None, None)
    found = Labels().fit_linear(folds, whole, pairs(truth), 2, penalties=(1.0,))
    known = np.isfinite(truth[:, 1])
    usual = LogisticRegression(C=1.0).fit(x[known], truth[known, 1])
    np.testing.assert_allclose(found.coef[1], usual.coef_[0], atol=0.02)
    assert found.intercept[1] == pytest.approx(usual.intercept_[0], abs=0.02)
    assert auroc(truth[:, 0], found.out_of_fold[:, 0]) > 0.8


def fitted():
    return FittedLabels(
        classes=("a", "b"), slopes=np.array([[2.0, 1], [1, 1], [1, 1]]), offsets=np.zeros((3, 2))
    )


def predicted(outputs):
    names = NAMES[: len(outputs)]
    answered = Answered(names=names, representation=np.zeros((len(outputs), 2)))
    return fitted().prediction(np.array(outputs), answered)


def test_a_prediction_is_a_column_per_label():
    frame = predicted([[1.0, 1.0], [-1.0, 2.0], [-3.0, -3.0]]).frame()
    assert frame["label"].tolist() == ["a;b", "b", ""]
    np.testing.assert_allclose(frame["a"], expit([2.0, -2.0, -6.0]))
    np.testing.assert_allclose(frame["confidence"], expit([1.0, 2.0, 3.0]))


def test_what_is_kept_of_the_test_part_is_read_back():
    prediction, truth = predicted([[1.0, 1.0], [-1.0, 2.0]]), np.array([[1.0, np.nan], [0, 1]])
    fields = prediction.scored(prediction.beside(truth), ("a", "b"))
    np.testing.assert_array_equal(fields["measured"], truth)
    np.testing.assert_allclose(fields["predicted"], prediction.outputs)
    scored = Scored(names=NAMES[:2], output="labels", **fields)
    (figure,) = Labels.figures(scored)
    ax = mpl.figure.Figure().add_subplot()
    figure.draw(ax=ax)
    assert [bar.get_width() for bar in ax.patches] == [1.0]  # of 'b' one value alone is known
    assert prediction.scored(prediction.frame(), ("a", "b")) is None


def test_calibration_is_saved_whole():
    settings, arrays = fitted().state()
    again = FittedLabels.from_state(("a", "b"), settings, arrays)
    logits = rng.normal(size=(5, 2))
    np.testing.assert_array_equal(again.calibrated(logits), fitted().calibrated(logits))
    scaled = again.scaled(torch.from_numpy(logits)).sigmoid().numpy()
    np.testing.assert_allclose(scaled, again.calibrated(logits))


def test_frequencies_and_baselines():
    truth = np.array([[1.0, 1.0], [0.0, np.nan], [1.0, 1.0], [0.0, 1.0]])
    assert Labels().fit_constant(truth).tolist() == [0.5, 1.0]
    x = np.array([[1.0], [-1.0], [2.0], [-2.0]])
    coef, intercept = Labels().fit_linear_baseline(x, truth, 0, None)
    proba = fitted().linear_predictions(x @ coef.T + intercept)
    assert proba[0, 0] > 0.5 > proba[1, 0]
    assert (proba[:, 1] > 0.99).all()


def test_a_label_that_no_fold_can_validate_is_answered_by_its_frequency():
    x = rng.normal(size=(40, 2))
    truth = np.stack([x[:, 0] > 0, np.arange(40) % 4 == 0], axis=1).astype(float)
    truth[10:, 1] = np.nan  # known of rows of one fold alone
    rows = np.arange(40)
    parts = [(rows[10:], rows[:10]), (np.r_[rows[:0]], rows[10:])]
    folds = [Fold(a, b, x[a], x[b], None, None) for a, b in parts]
    whole = Fold(rows, rows[:0], x, x[:0], None, None)
    found = Labels().fit_linear(folds, whole, pairs(truth), 2)
    assert not found.coef[1].any()
    assert expit(found.intercept[1]) == pytest.approx(0.3)
    np.testing.assert_allclose(expit(found.out_of_fold[:, 1]), 0.3)
    unknown = np.column_stack([truth[:, 0], np.full(40, np.nan)])
    found = Labels().fit_linear(folds, whole, pairs(unknown), 2)
    assert found.intercept[1] == 0


def test_each_set_of_inputs_is_calibrated_by_itself():
    truth = (rng.random((2000, 2)) < 0.5).astype(float)
    known = pairs(truth)
    logits = 2 * truth - 1 + rng.normal(size=(2000, 2))  # the best slope is 2
    output = Labels()
    start = output.uncalibrated(None, ("a", "b"))
    held = {
        1: (logits, known, None),
        3: (np.column_stack([logits[:, 0] / 4, logits[:, 1]]), known, None),
    }
    fitted = output.calibrate_inputs(start, held, 4)
    np.testing.assert_allclose(fitted.by_pattern[1, 0], 2, atol=0.3)
    np.testing.assert_allclose(fitted.by_pattern[3, 0, 1], 2, atol=0.3)
    assert fitted.by_pattern[3, 0, 0] > 4.5
    np.testing.assert_array_equal(fitted.by_pattern[2], [[1, 1], [0, 0]])  # no row tells
    np.testing.assert_array_equal(fitted.slopes[0], fitted.by_pattern[3, 0])
    proba = fitted.calibrated(logits[:2], pattern=np.array([1, 2]))
    expected = [fitted.by_pattern[1, 0] * logits[0] + fitted.by_pattern[1, 1], logits[1]]
    np.testing.assert_allclose(proba, expit(expected))
    again = FittedLabels.from_state(("a", "b"), *fitted.state())
    np.testing.assert_array_equal(again.by_pattern, fitted.by_pattern)
    assert output.calibrate_inputs(start, {}, 4) is start


def test_weights_of_several_models_hang_on_known_labels_alone():
    truth = (rng.random((400, 2)) < 0.5).astype(float)
    good, poor = 2 * truth - 1 + rng.normal(size=(400, 2)), rng.normal(size=(400, 2))
    truth[::2, 1] = np.nan
    known = pairs(truth)
    weights = Labels().stacking_weights([good, poor], known, np.array([0.5, 0.5]))
    assert weights[0] > 1.5
    assert weights[1] < 0.25 * weights[0]
    poor[::2, 1] = 100  # where nothing is known
    again = Labels().stacking_weights([good, poor], known, np.array([0.5, 0.5]))
    np.testing.assert_allclose(again, weights)
    unknown = pairs(np.full((3, 2), np.nan))
    start = np.array([0.2, 0.8])
    assert Labels().stacking_weights([good[:3], poor[:3]], unknown, start).tolist() == [0.2, 0.8]
