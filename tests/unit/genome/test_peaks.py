"""Peaks are the best windows, far enough apart, and nothing above the threshold is forgotten."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyome.genome.peaks import peaks, prominence

shares = st.one_of(st.just(np.nan), st.integers(0, 10).map(lambda tenths: tenths / 10))


@given(
    st.lists(shares, max_size=60),
    st.integers(1, 12),
    st.integers(1, 60),
    st.sampled_from([0.0, 0.3, 1.0]),
)
def test_peaks_are_apart_reach_the_threshold_and_stand_for_all_other_windows(
    values, stride, distance, threshold
):
    probability = np.array(values, float)
    starts = np.arange(len(values)) * stride
    found = peaks(starts, probability, threshold=threshold, distance_bp=distance)
    assert (probability[found] >= threshold).all()
    assert (np.diff(starts[found]) >= distance).all()
    for window in np.flatnonzero(probability >= threshold):
        near = found[np.abs(starts[found] - starts[window]) < distance]
        assert (probability[near] >= probability[window]).any()


def test_of_equal_windows_the_first_counts():
    starts = np.arange(4) * 10
    found = peaks(starts, np.full(4, 0.9), threshold=0.5, distance_bp=20)
    assert found.tolist() == [0, 2]


def test_a_window_near_a_suppressed_one_only_is_a_peak_of_its_own():
    found = peaks(np.array([0, 60, 120]), np.array([0.7, 0.8, 0.9]), threshold=0, distance_bp=81)
    assert found.tolist() == [0, 2]


def test_nothing_gives_nothing():
    assert peaks(np.arange(0), np.zeros(0), threshold=0.5, distance_bp=10).tolist() == []
    assert peaks(np.arange(3), np.full(3, np.nan), threshold=0.0, distance_bp=1).tolist() == []


def test_a_peak_in_quiet_surroundings_stands_out_more_than_one_on_a_plateau():
    probability = np.full((2, 200), 0.02)
    probability[:, 120:180] = 0.8
    probability[0, [50, 150]] = 0.95
    found = prominence(probability, reach=20)
    assert found[0, 50] == found.max()
    assert found[0, 150] < found[0, 50] - 2


@given(st.lists(shares, min_size=1, max_size=40), st.integers(0, 50))
def test_prominence_is_the_difference_to_the_mean_of_both_strands(values, reach):
    probability = np.array([values, values[::-1]], float)
    clipped = probability.clip(1e-9, 1 - 1e-9)
    log_odds = np.log(clipped / (1 - clipped))
    found = prominence(probability, reach)
    for i in range(len(values)):
        near = log_odds[:, max(0, i - reach) : i + reach + 1]
        mean = np.nanmean(near) if (~np.isnan(near)).any() else 0.0
        expected = log_odds[:, i] - 0.75 * mean
        assert found[:, i] == pytest.approx(expected, abs=1e-6, nan_ok=True)
