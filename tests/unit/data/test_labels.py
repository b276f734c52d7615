import numpy as np
import pytest

from polyome.data.labels import MOTIFS, simulate_labels


def test_single_motifs_tell_their_labels():
    table = simulate_labels(400, 100, noise=0.0, seed=1)
    has_motif = table["sequence"].str.contains(MOTIFS[0])
    assert (has_motif == table["label 1"]).mean() > 0.98  # chance makes a motif, too


def test_labels_are_neither_rare_nor_usual():
    table = simulate_labels(2000, seed=2)
    frequencies = table.drop(columns="sequence").mean()
    assert frequencies.between(0.05, 0.6).all()
    assert len(frequencies) == 12


def test_missing_labels():
    table = simulate_labels(500, missing=0.2, seed=3).drop(columns="sequence")
    assert table.isna().to_numpy().mean() == pytest.approx(0.2, abs=0.03)
    assert set(np.unique(table.to_numpy()[table.notna().to_numpy()])) == {0.0, 1.0}
