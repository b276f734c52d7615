import numpy as np
from scipy.special import log_softmax

from polyome.outputs.classes_calibration import choose_linear_weight
from polyome.outputs.linear import OutOfFold
from polyome.tasks import CellType, Promoter

rng = np.random.default_rng(0)
TRUTH = rng.integers(0, 4, 2000)
GOOD = log_softmax(2.5 * np.eye(4)[TRUTH] + rng.normal(size=(2000, 4)), axis=1)
POOR = log_softmax(0.3 * np.eye(4)[TRUTH] + 2 * rng.normal(size=(2000, 4)), axis=1)


def weight(task, networks, linear, members=1):
    """Of members that all validate on the same rows."""
    out_of_fold = [OutOfFold(np.arange(len(TRUTH)), np.stack(networks))]
    return choose_linear_weight(task.output_type, out_of_fold, linear, TRUTH, members)


def test_a_trunk_that_clearly_lags_gives_way():
    assert weight(CellType(linear_weight=0.5), [POOR], GOOD) > 0.5


def test_a_trunk_that_keeps_up_keeps_its_share():
    assert weight(CellType(linear_weight=0.5), [GOOD], GOOD) == 0.5
    assert weight(CellType(linear_weight=0.5), [GOOD], POOR) == 0.5


def test_the_users_extremes_are_kept():
    assert weight(CellType(linear_weight=0.0), [POOR], GOOD) == 0.0
    assert weight(CellType(linear_weight=1.0), [GOOD], POOR) == 1.0


def test_a_trunk_that_is_too_sure_of_itself_does_not_outvote_the_linear_model():
    assert weight(Promoter(linear_weight=0.4), [5 * GOOD], GOOD) > 0.7


def test_what_members_err_by_themselves_does_not_count_in_a_large_ensemble():
    draw = np.random.default_rng(1)
    logits = 2.5 * np.eye(4)[TRUTH] + 0.5 * draw.normal(size=(2000, 4))
    alone = [log_softmax(logits + 2 * draw.normal(size=(2000, 4)), axis=1) for _ in range(2)]
    linear = log_softmax(2.5 * np.eye(4)[TRUTH] + 1.5 * draw.normal(size=(2000, 4)), axis=1)
    task = Promoter(linear_weight=0.5)
    assert weight(task, alone, linear, members=20) < weight(task, alone[:1], linear, members=1)


def test_rows_that_different_members_validate_on_count_together():
    parts = [np.arange(500), np.arange(500, 2000)]
    out_of_fold = [OutOfFold(rows, POOR[rows][None]) for rows in parts]
    task = CellType(linear_weight=0.5)
    assert choose_linear_weight(task.output_type, out_of_fold, GOOD, TRUTH, 1) == weight(
        task, [POOR], GOOD
    )


def test_one_part_alone_does_not_outvote_the_others():
    # In the first quarter the trunk is sure and wrong; elsewhere it is ahead of the linear model.
    odd = np.arange(len(TRUTH)) < 500
    trunk = np.where(odd[:, None], 3 * GOOD[:, [1, 2, 3, 0]], GOOD)
    noisy = 2.5 * np.eye(4)[TRUTH] + 1.5 * np.random.default_rng(1).normal(size=(2000, 4))
    linear = log_softmax(noisy, axis=1)
    quarters = [OutOfFold(rows, trunk[rows][None]) for rows in np.arange(2000).reshape(4, 500)]
    task = CellType(linear_weight=0.5)
    assert weight(task, [trunk], linear) > 0.5
    assert choose_linear_weight(task.output_type, quarters, linear, TRUTH, 1) == 0.5


def test_a_linear_model_gets_less_the_more_it_errs():
    draw = np.random.default_rng(2)
    noise = draw.normal(size=(2000, 4))

    def answers(spread):
        own = 0.95 * noise + 0.3 * draw.normal(size=(2000, 4))  # correlated by .9
        return log_softmax((2.5 * np.eye(4)[TRUTH] + spread * own) * 2 / spread**2, axis=1)

    trunk = answers(1.0)
    weights = [weight(Promoter(), [trunk], answers(spread)) for spread in (1.0, 1.1, 4.0)]
    assert weights[0] >= Promoter.linear_weight
    assert 0 < weights[1] < Promoter.linear_weight
    assert weights[2] == 0


def test_a_trunk_without_errors_answers_alone():
    perfect = log_softmax(60 * np.eye(4)[TRUTH], axis=1)
    assert weight(Promoter(), [perfect], GOOD) == 0
    assert 0 <= weight(Promoter(), [perfect], perfect) <= 1
    halves = [np.where(TRUTH[:, None] % 2 == k, perfect, GOOD) for k in (0, 1)]
    assert weight(Promoter(), halves, GOOD, members=40) == 0  # no error is expected of so many
