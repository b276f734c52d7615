import pytest
import torch

from polyome.modalities.dna.motif_tokens import MotifEmbeddings, MotifStem
from polyome.modalities.dna.tokens import (
    FineStem,
    SequenceEmbeddings,
    Spacing,
    Stem,
    Windows,
    strongest,
)


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_windows_are_a_convolution(kernel):
    torch.manual_seed(0)
    windows, values = Windows(6, 4, kernel), torch.randn(2, 11, 6)
    weight = windows.linear.weight.unflatten(1, (kernel, 6)).transpose(1, 2)  # (out, in, kernel)
    expected = torch.conv1d(values.mT, weight, windows.linear.bias, padding=kernel // 2).mT
    torch.testing.assert_close(windows(values), expected)


@pytest.mark.parametrize(("reach", "n"), [(2, 11), (4, 3), (3, 1)])
def test_spacing_is_a_depthwise_convolution_whose_channels_are_mixed(reach, n):
    torch.manual_seed(0)
    spacing, values = Spacing(6, reach), torch.randn(2, n, 6)
    spacing.start_at_random()
    assert not spacing(values).any()  # nothing is told before it is learned
    torch.nn.init.normal_(spacing.mixed.weight)
    weight = spacing.by_distance[:, None]
    expected = spacing.mixed(torch.conv1d(values.mT, weight, padding=reach, groups=6).mT)
    torch.testing.assert_close(spacing(values), expected)


@pytest.mark.parametrize("kind", [Stem, FineStem, MotifStem])
@pytest.mark.parametrize(("stride", "length"), [(1, 7), (2, 30), (2, 1), (4, 30), (8, 30), (8, 5)])
def test_there_is_a_token_for_every_stride_begun(kind, stride, length):
    codes = torch.ones(3, length, dtype=torch.uint8)
    assert kind(8, stride, 5)(codes).shape == (3, -(-length // stride), 8)


@pytest.mark.parametrize(
    ("kind", "stride", "beyond"), [(Stem, 2, 0), (Stem, 4, 0), (FineStem, 1, 1), (FineStem, 2, 2)]
)
def test_a_base_is_seen_by_the_tokens_in_reach_and_by_no_other(kind, stride, beyond):
    torch.manual_seed(0)
    stem, half = kind(8, stride, 5).eval(), 2 + beyond  # a fine token reads its neighbours too
    codes = torch.randint(1, 5, (1, 32), dtype=torch.uint8)
    usual = stem(codes)
    for place in range(32):
        others = []
        for letter in range(1, 5):
            changed = codes.clone()
            changed[0, place] = letter
            others.append((stem(changed) - usual).abs().amax(dim=2)[0] > 1e-6)
        seen = torch.stack(others).any(dim=0)
        token = torch.arange(len(seen))
        in_reach = (token * stride - half <= place) & (place <= token * stride + stride - 1 + half)
        assert not (seen & ~in_reach).any()
        assert seen[place // stride]


def test_fine_tokens_mix_all_detectors_of_three_tokens_each_in_its_place():
    torch.manual_seed(0)
    stem, codes = FineStem(4, 2, 3), torch.randint(1, 5, (2, 10), dtype=torch.uint8)
    letters = torch.nn.functional.pad(stem.one_hot(codes), (0, 0, 1, 1))
    seen = torch.stack([letters[:, i : i + 10] for i in range(3)], dim=3).flatten(2)
    found = stem.detectors(seen).relu().reshape(2, 5, -1)
    blank = torch.zeros_like(found[:, :1])
    around = torch.cat([blank, found, blank], dim=1)
    behind, own, ahead = stem.mixed.weight.chunk(3)
    expected = sum(around[:, i : i + 5] @ w.T for i, w in enumerate((behind, own, ahead)))
    first, middle, last = stem.mixed.bias.chunk(3)
    inside = torch.arange(5)[:, None]
    expected = expected + middle + (inside > 0) * first + (inside < 4) * last
    expected = stem.norm(torch.nn.functional.gelu(expected))
    torch.testing.assert_close(stem(codes), expected)


@pytest.mark.parametrize(("stride", "kind"), [(2, FineStem), (4, Stem)])
def test_tokens_of_one_or_two_bases_are_fine(stride, kind):
    spec = {
        "length": 12, "num_tokens": -(-12 // stride), "tokens": "nucleotide", "stride": stride,
        "kernel": 3, "vocabulary": 0, "composition": 0, "composition_dropout": 0.0,
    }  # fmt: skip
    embeddings = SequenceEmbeddings(8, spec)
    assert type(embeddings.stem) is kind
    assert (embeddings.spacing is not None) == (kind is FineStem)


def test_the_strongest_of_a_stride_is_the_same_with_and_without_gradients():
    values = torch.randn(3, 8, 5, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        quick = strongest(values, 4)
    assert torch.equal(quick, strongest(values, 4))
    assert torch.equal(quick[:, 1], values[:, 4:].max(dim=1).values)


def motifs(stride=4, **spec):
    torch.manual_seed(0)
    made = MotifEmbeddings(8, {"stride": stride, "kernel": 5, **spec}).eval()
    made.start_at_random()
    return made


def test_a_motif_is_the_same_token_wherever_it_stands():
    made, motif = motifs(), torch.tensor([1, 3, 2, 4, 4, 2, 3, 1], dtype=torch.uint8)
    codes = torch.full((2, 40), 1, dtype=torch.uint8)
    codes[0, 4:12], codes[1, 24:32] = motif, motif
    tokens, mask = made(codes=codes)
    assert mask is None
    torch.testing.assert_close(tokens[0, 2:5], tokens[1, 7:10])


def test_padding_behind_a_sequence_is_not_read():
    made = motifs()
    codes = torch.randint(1, 5, (1, 20), dtype=torch.uint8)
    short, _ = made(codes=codes)
    padded = torch.nn.functional.pad(codes, (0, 12))
    tokens, mask = made(codes=padded)
    assert mask.tolist() == [[True] * 6 + [False] * 3]
    torch.testing.assert_close(tokens[:, :5], short[:, :5])  # the last sees the end
    states = torch.randn(1, 9, 8)
    assert torch.equal(
        made.readout(tokens, states, mask), made.readout(tokens[:, :6], states[:, :6], None)
    )


def test_numbers_open_the_segment():
    made = motifs(numbers=3)
    codes = torch.ones(2, 12, dtype=torch.uint8)
    tokens, _ = made(codes=codes, numbers=torch.tensor([[0.0, 0, 0], [1, 2, 3]]))
    assert torch.equal(tokens[0, 1:], tokens[1, 1:])
    assert not torch.equal(tokens[0, 0], tokens[1, 0])
