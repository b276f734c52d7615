"""Tracks come back as they were written, or a message says why they cannot be."""

import sys

import numpy as np
import pytest

from polyome._errors import InputError
from polyome.io.bigwig import check_bigwig, write_bigwig


def test_values_come_back_at_their_bins_in_the_order_of_the_genome(tmp_path):
    pybigtools = pytest.importorskip("pybigtools")
    path = tmp_path / "track.bw"
    values = {"chr10": np.array([0.5, np.nan, 0.25]), "chr2": np.array([1.0], np.float32)}
    tracks = [(name, 3, 20, array) for name, array in values.items()]
    write_bigwig(tracks, {"chr10": 100, "chr2": 50}, path, bin_bp=10)
    file = pybigtools.open(str(path))
    assert file.chroms() == {"chr10": 100, "chr2": 50}
    assert [tuple(r) for r in file.records("chr10")] == [(3, 13, 0.5), (43, 53, 0.25)]
    assert [tuple(r) for r in file.records("chr2")] == [(3, 13, 1.0)]


def test_a_track_without_values_is_refused_and_nothing_is_left(tmp_path):
    pytest.importorskip("pybigtools")
    with pytest.raises(InputError, match="a bigWig cannot be empty"):
        write_bigwig([("a", 0, 1, np.array([np.nan]))], {"a": 9}, tmp_path / "a.bw", bin_bp=1)
    assert not list(tmp_path.iterdir())


def test_a_missing_library_is_named_with_the_extra_that_has_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pybigtools", None)
    with pytest.raises(InputError) as error:
        check_bigwig(tmp_path / "a.bw")
    assert str(error.value).endswith(
        "a.bw: bigWig is written with pybigtools, which is absent. Run: pip install 'polyome[dna]'"
    )
