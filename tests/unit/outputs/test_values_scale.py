"""Training units: learned on training rows, undone on output."""

import numpy as np
import pytest

from polyome.outputs.values_scale import TRANSFORMS, ValueScale, chosen_transform

rng = np.random.default_rng(0)
VALUES = np.column_stack([rng.lognormal(0, 2, 500), rng.gamma(2, 3, 500)])
VALUES[::7, 1] = np.nan


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_undoing_gives_the_values_back(transform):
    scale = ValueScale.fit(VALUES, transform)
    again = scale.undo(scale.apply(VALUES))
    np.testing.assert_allclose(again, VALUES, rtol=0.05, atol=0.02)
    assert (np.isnan(again) == np.isnan(VALUES)).all()


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_training_units_have_mean_0_and_deviation_1(transform):
    units = ValueScale.fit(VALUES, transform).apply(VALUES)
    np.testing.assert_allclose(np.nanmean(units, axis=0), 0, atol=0.02)
    np.testing.assert_allclose(np.nanstd(units, axis=0), 1, atol=0.02)


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_larger_stays_larger_and_arrays_restore_the_scale(transform):
    scale = ValueScale.fit(VALUES, transform)
    grid = np.linspace(-3, 3, 50)[:, None] * np.ones(2)
    undone = ValueScale.from_arrays(scale.arrays()).undo(grid)
    assert (np.diff(undone, axis=0) >= 0).all()
    np.testing.assert_array_equal(undone, scale.undo(grid))


def test_skewed_positive_values_call_for_a_logarithm_and_others_do_not():
    assert chosen_transform(VALUES[:, :1]) == "log"
    assert chosen_transform(VALUES[:, 1:]) == "standardise"
    assert chosen_transform(VALUES[:, :1] - 1) == "standardise"
    assert chosen_transform(VALUES) == "standardise"


def test_a_target_that_never_varies_is_not_divided_by_nothing():
    scale = ValueScale.fit(np.ones((5, 1)), "standardise")
    assert scale.apply(np.array([[3.0]])).tolist() == [[2.0]]


def test_values_that_tie_get_the_middle_of_their_ranks():
    zeros = np.r_[np.zeros(400), rng.lognormal(0, 1, 100)][:, None]
    units = ValueScale.fit(zeros, "rank").apply(zeros)
    assert abs(units.mean()) < 0.05
    assert units[0] < 0 < units[400:].min()


@pytest.mark.parametrize("transform", ["standardise", "log"])
def test_the_slope_is_the_derivative_of_the_transform(transform):
    scale = ValueScale.fit(VALUES, transform)
    step = 1e-6 * (VALUES + scale.offset)
    steps = (scale.apply(VALUES + step) - scale.apply(VALUES)) / step
    np.testing.assert_allclose(scale.slope(VALUES), steps, rtol=1e-4)


def test_ranks_are_steepest_where_values_are_dense():
    scale = ValueScale.fit(VALUES[:, :1], "rank")
    middle, end = scale.slope(np.quantile(VALUES[:, :1], [0.5, 0.99])[:, None])[:, 0]
    assert middle > 2 * end > 0
