import numpy as np
from scipy.special import log_softmax

from polyome.tasks import CellType, Promoter
from polyome.train.classes import choose_linear_weight
from polyome.train.kind import OutOfFold

rng = np.random.default_rng(0)
TRUTH = rng.integers(0, 4, 2000)
GOOD = log_softmax(2.5 * np.eye(4)[TRUTH] + rng.normal(size=(2000, 4)), axis=1)
POOR = log_softmax(0.3 * np.eye(4)[TRUTH] + 2 * rng.normal(size=(2000, 4)), axis=1)


def share(task, trunks, direct, members=1):
    """Of members that all left the same rows aside."""
    aside = [OutOfFold(np.arange(len(TRUTH)), np.stack(trunks))]
    return choose_linear_weight(task, aside, direct, TRUTH, members)


def test_a_trunk_that_clearly_lags_gives_way():
    assert share(CellType(linear_weight=0.5), [POOR], GOOD) > 0.5


def test_a_trunk_that_keeps_up_keeps_its_share():
    assert share(CellType(linear_weight=0.5), [GOOD], GOOD) == 0.5
    assert share(CellType(linear_weight=0.5), [GOOD], POOR) == 0.5


def test_the_users_extremes_are_kept():
    assert share(CellType(linear_weight=0.0), [POOR], GOOD) == 0.0
    assert share(CellType(linear_weight=1.0), [GOOD], POOR) == 1.0


def test_a_trunk_that_is_too_sure_of_itself_does_not_outvote_the_direct_path():
    assert share(Promoter(linear_weight=0.4), [5 * GOOD], GOOD) > 0.7


def test_what_members_err_by_themselves_does_not_count_in_a_large_ensemble():
    draw = np.random.default_rng(1)
    logits = 2.5 * np.eye(4)[TRUTH] + 0.5 * draw.normal(size=(2000, 4))
    alone = [log_softmax(logits + 2 * draw.normal(size=(2000, 4)), axis=1) for _ in range(2)]
    direct = log_softmax(2.5 * np.eye(4)[TRUTH] + 1.5 * draw.normal(size=(2000, 4)), axis=1)
    task = Promoter(linear_weight=0.5)
    assert share(task, alone, direct, members=20) < share(task, alone[:1], direct, members=1)


def test_rows_that_different_members_left_aside_count_together():
    parts = [np.arange(500), np.arange(500, 2000)]
    aside = [OutOfFold(rows, POOR[rows][None]) for rows in parts]
    task = CellType(linear_weight=0.5)
    assert choose_linear_weight(task, aside, GOOD, TRUTH, 1) == share(task, [POOR], GOOD)


def test_one_part_alone_does_not_outvote_the_others():
    # In the first quarter the trunk is sure and wrong; elsewhere it is ahead of the linear model.
    odd = np.arange(len(TRUTH)) < 500
    trunk = np.where(odd[:, None], 3 * GOOD[:, [1, 2, 3, 0]], GOOD)
    noisy = 2.5 * np.eye(4)[TRUTH] + 1.5 * np.random.default_rng(1).normal(size=(2000, 4))
    direct = log_softmax(noisy, axis=1)
    quarters = [OutOfFold(rows, trunk[rows][None]) for rows in np.arange(2000).reshape(4, 500)]
    task = CellType(linear_weight=0.5)
    assert share(task, [trunk], direct) > 0.5
    assert choose_linear_weight(task, quarters, direct, TRUTH, 1) == 0.5


def test_a_direct_path_gets_less_the_more_it_errs():
    draw = np.random.default_rng(2)
    noise = draw.normal(size=(2000, 4))

    def answers(spread):
        own = 0.95 * noise + 0.3 * draw.normal(size=(2000, 4))  # correlated by .9
        return log_softmax((2.5 * np.eye(4)[TRUTH] + spread * own) * 2 / spread**2, axis=1)

    trunk = answers(1.0)
    shares = [share(Promoter(), [trunk], answers(spread)) for spread in (1.0, 1.1, 4.0)]
    assert shares[0] >= Promoter.linear_weight
    assert 0 < shares[1] < Promoter.linear_weight
    assert shares[2] == 0


def test_a_trunk_without_errors_answers_alone():
    perfect = log_softmax(60 * np.eye(4)[TRUTH], axis=1)
    assert share(Promoter(), [perfect], GOOD) == 0
    assert 0 <= share(Promoter(), [perfect], perfect) <= 1
    halves = [np.where(TRUTH[:, None] % 2 == k, perfect, GOOD) for k in (0, 1)]
    assert share(Promoter(), halves, GOOD, members=40) == 0  # no error is expected of so many
