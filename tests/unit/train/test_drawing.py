"""Drawn sequences are DNA of the right length, and new."""

import numpy as np
import pytest

from polyome.io.nucleotides import Sequences
from polyome.train.drawing import draw


@pytest.mark.parametrize("number", [0, 1, 7, 100])
def test_drawn_sequences_are_dna_of_the_models_length(number):
    lengths = np.random.default_rng(0).integers(5, 31, 40)
    windows = Sequences.from_text(["ACGT" * 7 + "AC"] * 40).matrix()
    windows[np.arange(30) >= lengths[:, None]] = 0
    drawn = draw(windows, number, np.random.default_rng(0))
    assert drawn.shape == (number, 30)
    assert drawn.dtype == np.uint8
    as_they_are = number // 8
    assert ((drawn[as_they_are:] >= 1) & (drawn[as_they_are:] <= 4)).all()


def test_most_drawn_sequences_are_new():
    windows = np.random.default_rng(0).integers(1, 5, (50, 40)).astype(np.uint8)
    drawn = draw(windows, 800, np.random.default_rng(1))
    known = {row.tobytes() for row in windows}
    share = np.mean([row.tobytes() in known for row in drawn])
    assert 0.1 < share < 0.3
