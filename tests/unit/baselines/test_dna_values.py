"""The cheap models of values learn what is there, and leave missing values out."""

import numpy as np
import pytest

from polyome.baselines.dna import MOST_ROWS, placed_letters, scaled_kmers
from polyome.baselines.dna_values import (
    boosted,
    choose_boosting,
    gradient_boosting,
    small_cnn,
    tuned_ridge,
)
from polyome.data.expression import simulate_levels
from polyome.io.nucleotides import Sequences
from polyome.metrics import pearson

TABLE = simulate_levels(300)
X = Sequences.from_text(TABLE["sequence"].tolist()).matrix()
Y = TABLE[["level", "other"]].to_numpy()
FITS, TEST = np.arange(225), np.arange(225, 300)


def score(found):
    known = np.isfinite(Y[TEST, 1])
    assert found.shape == (75, 2)
    one = pearson(Y[TEST, 0], found[:, 0])
    return min(one, pearson(Y[TEST, 1][known], found[known, 1]))


@pytest.mark.slow
def test_boosting():
    assert score(gradient_boosting(X[FITS], Y[FITS], X[TEST])) > 0.7
    settings = {"max_iter": 20, "max_leaf_nodes": 7}
    assert score(boosted(X[FITS], Y[FITS], X[TEST], settings, seeds=range(2))) > 0.6
    assert gradient_boosting(np.zeros((MOST_ROWS + 1, 2), np.uint8), Y, X) is None


def only_letters(windows):
    return (windows[:, :, None] == np.arange(1, 5)).reshape(len(windows), -1).astype(np.float32)


def test_settings_of_boosting_are_chosen_by_error(monkeypatch):
    bad, good = {"max_iter": 1}, {"max_iter": 30}
    monkeypatch.setattr("polyome.baselines.dna_values.BOOSTING_GRID", (bad, good))
    assert choose_boosting(X[:100], Y[:100], features=only_letters) is good


@pytest.mark.parametrize("features", [scaled_kmers, placed_letters])
def test_ridge(features):
    assert score(tuned_ridge(X[FITS], Y[FITS], X[TEST], features)) > 0.4


def test_the_network_learns():
    assert score(small_cnn(X[FITS], Y[FITS], X[TEST], repeats=1, epochs=15)) > 0.5
