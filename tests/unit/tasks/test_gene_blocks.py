import numpy as np
import pandas as pd
import pytest
import torch

from polyome import ExpressionRegressor
from polyome.modalities.dna.gene_features import BLOCK_WEIGHTS, GeneFeatures
from polyome.modalities.dna.kmers import count_kmers, strandless
from polyome.tasks.gene_blocks import choose_block_weights


def windows(number, length=420, seed=0):
    rng = np.random.default_rng(seed)
    share = rng.uniform(0.3, 0.7, number)
    gc = rng.random((number, length)) < share[:, None]
    return np.where(gc, rng.choice([2, 3], gc.shape), rng.choice([1, 4], gc.shape)).astype(np.uint8)


def gc_share(found):
    return np.isin(found, (2, 3)).mean(axis=1, keepdims=True)


def test_choosing_lowers_the_error_and_says_by_how_much():
    found = windows(400)
    weights, errors = choose_block_weights(found, gc_share(found), groups=None, seed=0)
    assert weights["letters"] > 0  # of which the value is made
    assert errors["after"] < 0.999 * errors["before"]
    assert set(weights) == set(BLOCK_WEIGHTS)


def test_the_same_rows_and_seed_choose_the_same():
    found = windows(300)
    first, second = (
        choose_block_weights(found, gc_share(found), groups=None, seed=3) for _ in range(2)
    )
    assert first == second


def test_of_noise_something_is_still_compared(monkeypatch):
    """However much every block harms, one keeps a weight."""
    monkeypatch.setattr(
        "polyome.tasks.gene_blocks._Compared.error", lambda _, weights: sum(weights.values())
    )
    found = windows(40)
    weights, _ = choose_block_weights(found, gc_share(found), groups=None, seed=0)
    assert sum(weight > 0 for weight in weights.values()) == 1


def test_groups_stay_together():
    """Copies of a few sequences can be answered from each other only where groups are parted."""
    found = np.repeat(windows(60), 6, axis=0)
    values = np.repeat(np.random.default_rng(1).normal(size=(60, 1)), 6, axis=0)
    groups = np.repeat(np.arange(60), 6).astype(str)
    _, apart = choose_block_weights(found, values, groups=None, seed=0)
    _, together = choose_block_weights(found, values, groups=groups, seed=0)
    assert apart["before"] < 0.2
    assert together["after"] > 0.6


@pytest.mark.parametrize("weight", [0.5, 2.0])
def test_a_block_has_its_weight_as_variance(weight):
    spec = {"length": 420, "landmarks": 50, "block_weights": {"words": weight, "letters": 1.0}}
    features = GeneFeatures(spec)
    found = windows(50)
    features.start_from(found, None)
    vectors = features.vectors(features.counts(torch.from_numpy(found)))
    words, letters = vectors.split(list(features.blocks.values()), dim=1)
    variances = [float(block.var(dim=0, correction=0).sum()) for block in (words, letters)]
    assert variances == pytest.approx([weight, 1.0], rel=1e-3)
    assert list(features.blocks) == ["words", "letters"]


def test_strandless_words_are_those_of_the_other_strand_too():
    rng = np.random.default_rng(0)
    one = rng.integers(1, 5, (3, 40)).astype(np.uint8)
    other = (5 - one[:, ::-1]).copy()
    forward, backward = (
        strandless(count_kmers(torch.from_numpy(codes), 5)[:, -(4**5) :]) for codes in (one, other)
    )
    assert torch.equal(forward, backward)


def test_what_was_chosen_is_kept_with_the_model_and_said_in_its_card(tmp_path):
    found = windows(380)
    table = pd.DataFrame({"sequence": ["".join("-ACGT"[c] for c in row) for row in found]})
    table["level"] = gc_share(found)[:, 0]
    model = ExpressionRegressor(num_members=1, device="cpu", quiet=True)
    model.fit(table, "level", num_train_epochs=1, baselines=False)
    weights = model.fitted_.facts["kernel"]["weights"]
    assert weights["letters"] > 0
    model.save_pretrained(tmp_path / "model")
    again = ExpressionRegressor.from_pretrained(tmp_path / "model")
    assert again.fitted_.modality.block_weights_ == weights
    pd.testing.assert_frame_equal(again.predict(table), model.predict(table))
    assert "genes are compared by" in (tmp_path / "model" / "README.md").read_text()
