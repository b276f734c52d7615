"""What the linear model reads of a sequence, feature by feature and word by word."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from polyome.modalities.dna.kmers import KmerCounts, SequenceFeatures
from polyome.model.linear import LinearModel

LETTERS = st.integers(0, 5)  # padding, A, C, G, T, N


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(LETTERS, min_size=24, max_size=24), min_size=1, max_size=4))
def test_words_one_by_one_add_up_to_their_counts(letters):
    codes = torch.tensor(letters, dtype=torch.uint8)
    words = KmerCounts(24, 3, word=4)
    places, shares = words.found(codes)
    summed = torch.zeros(len(codes), sum(words.blocks)).scatter_add_(1, places, shares)
    torch.testing.assert_close(summed, words(codes))


@pytest.fixture
def path():
    torch.manual_seed(0)
    made = LinearModel(SequenceFeatures({"length": 40, "linear_kmers": 3}), 2)
    made.features.scales.uniform_()
    return made.eval()


CODES = torch.randint(0, 6, (5, 40), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_the_direct_path_answers_in_double_precision(path):
    with torch.inference_mode():
        usual = path(codes=CODES)
        torch.testing.assert_close(path.double()(codes=CODES).float(), usual)


def test_the_direct_path_answers_in_bf16_where_asked_to(path):
    with torch.inference_mode():
        usual = path(codes=CODES)
        with torch.autocast("cpu", torch.bfloat16):
            found = path(codes=CODES)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), usual, atol=0.02, rtol=0.02)


def test_a_direct_path_whose_layer_was_replaced_answers_by_the_new_one(path):
    path.linear = torch.nn.Sequential(path.linear, torch.nn.Tanh())
    with torch.inference_mode():
        torch.testing.assert_close(path(codes=CODES), path.linear(path.features(codes=CODES)))


@pytest.mark.parametrize("kmers", [0, 2])
@pytest.mark.parametrize("length", [1, 2, 60, 1200])
@pytest.mark.parametrize("numbers", [0, 4])
def test_the_direct_path_answers_as_its_features_times_its_weights(kmers, length, numbers):
    torch.manual_seed(0)
    spec = {"length": length, "linear_kmers": kmers, "numbers": numbers}
    path = LinearModel(SequenceFeatures(spec), 3)
    path.features.scales.uniform_()
    inputs = {"codes": torch.randint(0, 6, (5, length), dtype=torch.uint8)}
    if numbers:
        inputs["numbers"] = torch.randn(5, numbers)
    with torch.inference_mode():
        expected = path.linear(path.features(**inputs))
        torch.testing.assert_close(path(**inputs), expected)
