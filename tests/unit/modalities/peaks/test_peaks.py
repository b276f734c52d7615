"""Peaks: sparse stays sparse, other data's peaks are found by name, then by overlap."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from polyome import InputError
from polyome.io.feature_places import feature_places
from polyome.modalities import AccessibilityModality
from polyome.modalities.peaks.overlap import overlapping
from polyome.modalities.peaks.records import peak_records

STARTS = np.arange(60) * 1000


def names_of(starts, pattern="chr1:{}-{}"):
    return [pattern.format(start, start + 500) for start in starts]


def cells(n=40, seed=0, names=None):
    """Two kinds of cells, each with half of the peaks open more often."""
    rng = np.random.default_rng(seed)
    chance = np.where((np.arange(60) < 30) == (np.arange(n) % 2 == 0)[:, None], 0.3, 0.05)
    counts = sparse.csr_matrix(rng.binomial(2, chance).astype(np.float32))
    return AnnData(counts, var=pd.DataFrame(index=names or names_of(STARTS)))


@pytest.fixture
def modality():
    own = AccessibilityModality(num_components=5)
    return own.fit(own.read(cells()))


def weights(modality, adata):
    found = modality.prepare(modality.read(adata)).weights
    assert sparse.issparse(found)
    return found.toarray()


def test_records_have_unit_length_and_rare_peaks_weigh_more(modality):
    found = weights(modality, cells())
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)
    assert modality.idf_[0] == pytest.approx(np.log1p(40 / (cells().X[:, 0] > 0).sum()))


@pytest.mark.parametrize("pattern", ["chr1_{}_{}", "chr1-{}-{}", "1:{}-{}"])
def test_peaks_are_found_however_they_are_written(modality, pattern):
    other = cells(names=names_of(STARTS, pattern))
    np.testing.assert_allclose(weights(modality, other), weights(modality, cells()), atol=1e-6)


def test_shifted_peaks_are_found_by_overlap_and_a_note_says_so(modality):
    other = cells(names=names_of(STARTS + 200))
    np.testing.assert_allclose(weights(modality, other), weights(modality, cells()), atol=1e-6)
    total = len(modality.names_)
    expected = f"0 of {total} peaks were found by name, {total} by overlap."
    assert expected in modality.read(other).notes


def test_columns_of_var_say_where_peaks_lie(modality):
    other = cells(names=[f"peak{i}" for i in range(60)])
    other.var = other.var.assign(chrom="chr1", start=STARTS + 50, end=STARTS + 150)
    np.testing.assert_allclose(weights(modality, other), weights(modality, cells()), atol=1e-6)


def test_a_saved_modality_finds_them_too(modality):
    again = AccessibilityModality.from_state(*modality.state())
    other = cells(names=names_of(STARTS + 200))
    np.testing.assert_allclose(weights(again, other), weights(modality, cells()), atol=1e-6)


def test_peaks_of_another_genome_are_refused(modality):
    with pytest.raises(InputError, match=r"too few.*Both must be of one genome build"):
        modality.read(cells(names=names_of(STARTS + 10**7)))


def test_peaks_without_a_place_get_a_note():
    records = AccessibilityModality().read(cells(names=[f"peak{i}" for i in range(60)]))
    assert "can be matched by name alone" in records.notes[0]


def test_values_that_are_no_open_peaks_are_refused():
    wrong = cells()
    wrong.X = wrong.X.toarray()
    wrong.X[3, 4] = -1
    with pytest.raises(InputError, match=r"but 'chr1:4000-4500' of '3' is -1"):
        peak_records(wrong)
    wrong.X[:] = 5
    with pytest.raises(InputError, match=r"100% of the values are above 0"):
        peak_records(wrong)


@pytest.mark.filterwarnings("ignore:Variable names are not unique")
def test_names_that_repeat_are_refused():
    with pytest.raises(InputError, match=r"1 names of peaks occur twice: 'chr1:0-500'"):
        peak_records(cells(names=names_of([0, *STARTS[:-1]])))


def test_peaks_that_are_never_open_are_refused():
    empty = cells()
    empty.X = sparse.csr_matrix(empty.shape, dtype=np.float32)
    own = AccessibilityModality()
    records = own.read(empty)
    assert not own.measured(records).any()
    with pytest.raises(InputError, match=r"none of the 60 peaks is open in some"):
        own.fit(records)


_PLACES = st.lists(
    st.tuples(st.sampled_from("12"), st.integers(0, 50), st.integers(1, 20)), min_size=1, max_size=9
)


@given(_PLACES, _PLACES)
def test_overlaps_are_all_found(left, right):
    frames = [
        pd.DataFrame([(c, s, s + w) for c, s, w in own], columns=["chrom", "start", "end"])
        for own in (left, right)
    ]
    expected = {
        (i, j)
        for i, (c, s, w) in enumerate(left)
        for j, (d, t, v) in enumerate(right)
        if c == d and s < t + v and t < s + w
    }
    assert set(zip(*overlapping(*frames), strict=True)) == expected


def test_names_that_are_no_places_give_none():
    names = pd.Index(["CD3D", "MS4A1"])
    assert feature_places(pd.DataFrame(index=names), names) is None
