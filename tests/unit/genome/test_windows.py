"""Windows cover a sequence evenly, and many of them are scored as few are."""

import numpy as np
import pytest
import torch

from polyome._threads import batch_threads
from polyome.genome import windows
from polyome.genome.windows import WindowScorer
from polyome.io.nucleotides import Sequences


def scorer(model, **settings):
    usual = {"stride_bp": 3, "max_unknown": 0.1, "batch_size": 64}
    return WindowScorer(model.fitted_, 1, **usual | settings)


@pytest.mark.parametrize("length", [0, 23, 24, 26, 27, 100])
def test_windows_start_every_stride_and_end_within_the_sequence(motif_model, length):
    starts = scorer(motif_model).starts(length)
    assert len(starts) == scorer(motif_model).num_windows(length)
    assert starts.tolist() == list(range(0, length - 23, 3))


def test_pieces_change_nothing_and_all_bases_are_counted(motif_model, monkeypatch):
    text = "".join(np.random.default_rng(0).choice(list("ACGTN"), 500, p=[0.24] * 4 + [0.04]))
    codes = Sequences.from_text([text]).codes
    told = []
    with batch_threads(torch.device("cpu")) as pool:
        whole = scorer(motif_model).score(codes, pool)
        monkeypatch.setattr(windows, "CHUNK_RECORDS", 7)
        pieces = scorer(motif_model).score(codes, pool, told.append)
    np.testing.assert_allclose(whole, pieces, atol=1e-6)
    assert np.isnan(whole).any() and not np.isnan(whole).all()  # noqa: PT018
    assert sum(told) == 500
    assert len(told) > 10


def test_a_short_sequence_has_no_scores(motif_model):
    told = []
    with batch_threads(torch.device("cpu")) as pool:
        scores = scorer(motif_model).score(np.ones(5, np.uint8), pool, told.append)
    assert scores.shape == (2, 0)
    assert told == [5]
