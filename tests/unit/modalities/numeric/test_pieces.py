"""Numbers in pieces of their range: where edges lie, what is encoded, what is kept and restored."""

import numpy as np
import pandas as pd
import torch

from polyome.modalities.features import FeaturesModality
from polyome.modalities.numeric.pieces import ROWS_PER_PIECE, Pieces

rng = np.random.default_rng(0)


def table(n=1200):
    bent = rng.normal(size=n)
    rare = np.where(rng.random(n) < 0.9, 0.0, rng.gamma(2.0, size=n))
    return pd.DataFrame({"same": 1.0, "bent": bent, "rare": rare, "two": rng.integers(0, 2, n)})


def fitted(values, num_pieces=4):
    modality = FeaturesModality(num_pieces=num_pieces)
    records = modality.read(values)
    return modality.fit(records), records


def test_each_feature_has_pieces_over_its_whole_range():
    modality, records = fitted(table())
    assert modality.feature_names() == ["bent", "rare", "two"]
    z = modality.baseline_features(records)
    pieces = modality.pieces_
    for place, number in ((0, 4), (1, 3), (2, 1)):
        own = pieces.feature == place
        assert own.sum() == number
        start, width = pieces.start[own], pieces.width[own]
        assert start[0] == z[:, place].min()
        np.testing.assert_allclose(start[1:], (start + width)[:-1], rtol=1e-4)
        np.testing.assert_allclose((start + width)[-1], z[:, place].max(), rtol=1e-4)
    encoded = pieces.encode(z)
    np.testing.assert_allclose(encoded.mean(axis=0), 0, atol=0.02)  # far values are clipped
    assert (encoded.std(axis=0) > 0.9).all()


def test_few_records_have_fewer_pieces_or_none():
    assert len(Pieces.learn(rng.normal(size=(3 * ROWS_PER_PIECE, 1)), 8)) == 3
    assert len(Pieces.learn(rng.normal(size=(2 * ROWS_PER_PIECE - 1, 1)), 8)) == 0


def test_networks_and_the_linear_model_read_what_was_learned():
    modality, records = fitted(table())
    module = modality.features(modality.spec())
    modality.start_from(module, records)
    z = modality.baseline_features(records)
    found = module.eval()(**modality.batch(records)).numpy()
    expected = np.hstack([z, modality.pieces_.encode(z)])
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert module.width == found.shape[1]
    embeddings = modality.embeddings(type("Config", (), {"hidden_size": 8}), modality.spec())
    modality.start_from(embeddings, records)
    seen = embeddings.features.eval()(**modality.batch(records)).numpy()
    np.testing.assert_allclose(seen, expected, atol=1e-5)


def test_a_hidden_feature_is_hidden_with_its_pieces():
    modality, records = fitted(table())
    embeddings = modality.embeddings(type("Config", (), {"hidden_size": 8}), modality.spec())
    modality.start_from(embeddings, records)
    torch.manual_seed(0)
    found = embeddings.features.train()(**modality.batch(records)).numpy()
    width = len(modality.feature_names())
    for place in range(width):
        own = found[:, width:][:, modality.pieces_.feature == place]
        is_hidden = found[:, place] == 0
        assert 0.1 < is_hidden.mean() < 0.6
        assert not own[is_hidden].any()
        assert own[~is_hidden].any(axis=1).all()


def test_pieces_go_with_the_modality_and_can_be_dropped():
    modality, _ = fitted(table())
    settings, arrays = modality.state()
    again = FeaturesModality.from_state(settings, arrays)
    assert again.spec() == modality.spec()
    np.testing.assert_array_equal(again.pieces_.start, modality.pieces_.start)
    modality.drop_pieces()
    assert "num_pieces" not in modality.spec()
    assert modality.features(modality.spec()).width == 3
    plain = FeaturesModality.from_state(*modality.state())
    assert plain.spec() == modality.spec()
    assert len(fitted(table(), num_pieces=0)[0].pieces_) == 0
