"""Exact ridge regression, of one input and of several side by side."""

import numpy as np
from sklearn.linear_model import Ridge

from polyome.outputs.linear import Fold
from polyome.outputs.values_ridge import PENALTIES, _solve, fit_exact_ridge, fit_joint_ridge


def fold_of(rows, held, x):
    return Fold(rows, held, x[rows], x[held], None, None)


def folds_of(x, number=4):
    fold = np.arange(len(x)) % number
    return [
        fold_of(*(np.flatnonzero(part) for part in (fold != k, fold == k)), x)
        for k in range(number)
    ]


def test_solutions_are_those_of_scikit_learn_for_wide_and_long_tables():
    rng = np.random.default_rng(0)
    for n, f in ((30, 5), (8, 40)):
        x, y, weights = rng.normal(size=(n, f)), rng.normal(size=n), rng.uniform(0.5, 2, n)
        coefs, intercepts = _solve(x, y, weights, np.array([0.7, 20.0]))
        for k, alpha in enumerate((0.7, 20.0)):
            other = Ridge(alpha).fit(x, y, sample_weight=weights)
            np.testing.assert_allclose(coefs[k], other.coef_, atol=1e-8)
            np.testing.assert_allclose(intercepts[k], other.intercept_, atol=1e-8)


def test_missing_values_of_a_target_do_not_count():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3))
    y = x @ np.array([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]])
    weights = np.ones_like(y)
    weights[::2, 1], y[::2, 1] = 0, 100.0
    truth = np.stack([y, weights], axis=-1)
    found = fit_exact_ridge(folds_of(x), fold_of(np.arange(60), np.arange(0), x), truth)
    np.testing.assert_allclose(found.coef, [[1, 0, 0], [0, 2, 0]], atol=1e-3)
    assert len(PENALTIES) > 10


def test_inputs_side_by_side_say_what_the_others_leave():
    rng = np.random.default_rng(1)
    first = rng.normal(size=(200, 2))
    second = first + 0.3 * rng.normal(size=(200, 2))  # nearly the same numbers
    y = first[:, :1] - second[:, :1]
    truth = np.stack([y, np.ones_like(y)], axis=-1)
    everything = np.arange(200)
    folds = {"a": folds_of(first), "b": folds_of(second)}
    whole = {n: fold_of(everything, everything[:0], x) for n, x in (("a", first), ("b", second))}
    found = fit_joint_ridge(folds, whole, truth)
    np.testing.assert_allclose(found["a"].coef[0], [1, 0], atol=0.05)
    np.testing.assert_allclose(found["b"].coef[0], [-1, 0], atol=0.05)
    together = found["a"].out_of_fold + found["b"].out_of_fold
    assert np.abs(together - y).max() < 0.05
