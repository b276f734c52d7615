import numpy as np
from scipy.special import log_softmax

from polyome.tasks import CellType, Promoter
from polyome.train.classes import share_of_direct

rng = np.random.default_rng(0)
TRUTH = rng.integers(0, 4, 2000)
GOOD = log_softmax(2.5 * np.eye(4)[TRUTH] + rng.normal(size=(2000, 4)), axis=1)
POOR = log_softmax(0.3 * np.eye(4)[TRUTH] + 2 * rng.normal(size=(2000, 4)), axis=1)


def test_a_trunk_that_clearly_lags_gives_way():
    assert share_of_direct(CellType(direct_weight=0.5), POOR, GOOD, TRUTH) > 0.5


def test_a_trunk_that_keeps_up_keeps_itsshare_of_direct():
    assert share_of_direct(CellType(direct_weight=0.5), GOOD, GOOD, TRUTH) == 0.5
    assert share_of_direct(CellType(direct_weight=0.5), GOOD, POOR, TRUTH) == 0.5


def test_the_users_extremes_are_kept():
    assert share_of_direct(CellType(direct_weight=0.0), POOR, GOOD, TRUTH) == 0.0
    assert share_of_direct(CellType(direct_weight=1.0), GOOD, POOR, TRUTH) == 1.0


def test_a_trunk_that_is_too_sure_of_itself_does_not_outvote_the_direct_path():
    loud = 5 * GOOD
    raw = share_of_direct(Promoter(direct_weight=0.4), loud, GOOD, TRUTH)
    assert raw > 0.7
