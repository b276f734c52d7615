"""What the direct path reads of a sequence, feature by feature and word by word."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from polyome.modalities.dna.kmers import SequenceFeatures, WordCounts
from polyome.model.modeling import DirectPath

LETTERS = st.integers(0, 5)  # padding, A, C, G, T, N


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(LETTERS, min_size=24, max_size=24), min_size=1, max_size=4))
def test_words_one_by_one_add_up_to_their_counts(letters):
    codes = torch.tensor(letters, dtype=torch.uint8)
    words = WordCounts(24, 3, word=4)
    places, shares = words.found(codes)
    summed = torch.zeros(len(codes), sum(words.blocks)).scatter_add_(1, places, shares)
    torch.testing.assert_close(summed, words(codes))


@pytest.mark.parametrize("length", [1, 2, 60, 1200])
@pytest.mark.parametrize("numbers", [0, 4])
def test_the_direct_path_answers_as_its_features_times_its_weights(length, numbers):
    torch.manual_seed(0)
    path = DirectPath(
        SequenceFeatures({"length": length, "direct_kmers": 2, "numbers": numbers}), 3
    )
    path.features.scales.uniform_()
    inputs = {"codes": torch.randint(0, 6, (5, length), dtype=torch.uint8)}
    if numbers:
        inputs["numbers"] = torch.randn(5, numbers)
    with torch.inference_mode():
        expected = path.linear(path.features(**inputs))
        torch.testing.assert_close(path(**inputs), expected)
