"""The ridge path beside the trunk, its share, and intervals that cover what they promise."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import Ridge

from polyome.outputs.linear import Fold, OutOfFold
from polyome.outputs.values_calibration import LEVELS, choose_linear_weight, conformal_widths
from polyome.outputs.values_linear import RidgeProblem, fit_ridge_path

rng = np.random.default_rng(0)
X = rng.normal(size=(300, 12))
Y = X @ rng.normal(size=(12, 2)) + rng.normal(size=(300, 2))
WEIGHTS = rng.uniform(0.5, 2, (300, 2))
WEIGHTS[::3, 1] = 0
TRUTH = np.stack([Y, WEIGHTS], axis=-1)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
def test_agrees_with_scikit_learn_on_weighted_rows_with_missing_values(kind):
    coef, intercept = RidgeProblem(kind(X), TRUTH).solve(3.0)
    for k in range(2):
        known = WEIGHTS[:, k] > 0
        usual = Ridge(3.0).fit(X[known], Y[known, k], WEIGHTS[known, k])
        np.testing.assert_allclose(coef[k], usual.coef_, atol=2e-3)
        assert intercept[k] == pytest.approx(usual.intercept_, abs=2e-3)


def test_a_target_without_rows_is_answered_with_zero():
    truth = TRUTH.copy()
    truth[:, 1, 1] = 0
    coef, intercept = RidgeProblem(X, truth).solve(1.0)
    assert not coef[1].any()
    assert intercept[1] == 0


def test_the_penalty_is_chosen_on_held_out_rows():
    rows = np.arange(300)
    folds = [
        Fold(
            rows[rows % 3 != k], rows[rows % 3 == k], X[rows % 3 != k], X[rows % 3 == k], None, None
        )
        for k in range(3)
    ]
    whole = Fold(rows, rows[:0], X, X[:0], None, None)
    found = fit_ridge_path(folds, whole, TRUTH)
    errors = (WEIGHTS * (found.out_of_fold - Y) ** 2).sum() / WEIGHTS.sum()
    assert errors < 1.3
    noise = np.stack([rng.normal(size=(300, 1)), np.ones((300, 1))], axis=-1)
    of_noise = fit_ridge_path(folds, whole, noise)  # a strong penalty leaves little of it
    assert np.abs(of_noise.coef).max() < 0.1 * np.abs(found.coef).max()


def test_the_share_has_the_least_error():
    truth = np.stack([Y, np.ones_like(Y)], axis=-1)
    poor, good = Y + 2 * rng.normal(size=Y.shape), Y + rng.normal(size=Y.shape)
    task = 0.3
    rows = np.arange(len(Y))
    share = choose_linear_weight(task, [OutOfFold(rows, poor[None])], good, truth, 1)
    assert 0.7 < share < 0.9  # independent errors: 4 / (4 + 1)
    errors = [
        (((1 - s) * poor + s * good - Y) ** 2).mean() for s in (share - 0.05, share, share + 0.05)
    ]
    assert errors[1] < min(errors[0], errors[2])
    assert choose_linear_weight(task, [OutOfFold(rows, poor[None])], poor, truth, 1) == 0.3
    for kept in (0.0, 1.0):
        task = kept
        assert choose_linear_weight(task, [OutOfFold(rows, poor[None])], good, truth, 1) == kept


def test_the_share_is_that_of_the_whole_ensemble():
    draw = np.random.default_rng(5)
    y = draw.normal(size=(20_000, 1))
    truth = np.stack([y, np.ones_like(y)], axis=-1)
    common = y + 0.5 * draw.normal(size=y.shape)
    members = common + 1.5 * draw.normal(size=(10, *y.shape))
    direct = y + draw.normal(size=y.shape)
    aside = [OutOfFold(np.arange(len(y)), members[:2])]
    share = choose_linear_weight(0.3, aside, direct, truth, 10)
    of_all = choose_linear_weight(0.3, [OutOfFold(np.arange(len(y)), members)], direct, truth, 10)
    assert share == pytest.approx(of_all, abs=0.03)
    assert share == pytest.approx(0.475 / 1.475, abs=0.03)  # .25 + 1.5 ** 2 / 10 against 1
    alone = choose_linear_weight(
        0.3,
        [OutOfFold(np.arange(len(y)), members[:1])],
        direct,
        truth,
        10,
    )
    assert alone > 0.6


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95])
def test_intervals_cover_as_often_as_they_say(level):
    covered = []
    for _ in range(60):
        errors = rng.standard_t(3, (400, 1))
        widths = conformal_widths(errors, np.stack([0 * errors, np.ones_like(errors)], axis=-1))
        new = rng.standard_t(3, 400)
        covered.append((np.abs(new) <= widths[round(level * LEVELS) - 1, 0]).mean())
    assert np.mean(covered) == pytest.approx(level, abs=0.015)


def test_intervals_cover_new_designs_though_a_family_of_near_copies_is_answered_better():
    covered = []
    for _ in range(60):
        errors = np.concatenate([rng.normal(0, 1, 300), rng.normal(0, 0.2, 600)])[:, None]
        family = np.concatenate([np.arange(300), np.full(600, -1)])
        truth = np.stack([0 * errors, np.ones_like(errors)], axis=-1)
        widths = conformal_widths(errors, truth, family)
        covered.append((np.abs(rng.normal(0, 1, 400)) <= widths[round(0.9 * LEVELS) - 1, 0]).mean())
    assert np.mean(covered) == pytest.approx(0.9, abs=0.015)
    blind = conformal_widths(errors, truth)
    assert (blind <= widths).all()


def test_groups_of_one_size_change_nothing():
    errors = rng.normal(0, 1, (90, 1))
    truth = np.stack([0 * errors, np.ones_like(errors)], axis=-1)
    threes = np.repeat(np.arange(30).astype(str), 3)
    np.testing.assert_array_equal(
        conformal_widths(errors, truth, threes), conformal_widths(errors, truth)
    )


def test_widths_grow_with_the_level_and_leave_missing_values_out():
    widths = conformal_widths(Y * 0, TRUTH)
    assert (np.diff(widths, axis=0) >= 0).all()
    changed = TRUTH.copy()
    changed[::3, 1, 0] = 1e9
    np.testing.assert_array_equal(conformal_widths(Y * 0, changed), widths)
