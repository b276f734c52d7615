"""Peaks are the best windows, far enough apart, and nothing above the threshold is forgotten."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from polyome.predict.peaks import peaks

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
