import pytest
import torch

from polyome.modalities.sequence_tokens import Stem, Windows


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_windows_are_a_convolution(kernel):
    torch.manual_seed(0)
    windows, values = Windows(6, 4, kernel), torch.randn(2, 11, 6)
    weight = windows.linear.weight.unflatten(1, (kernel, 6)).transpose(1, 2)  # (out, in, kernel)
    expected = torch.conv1d(values.mT, weight, windows.linear.bias, padding=kernel // 2).mT
    torch.testing.assert_close(windows(values), expected)


@pytest.mark.parametrize(("stride", "length"), [(1, 7), (2, 30), (4, 30), (8, 30), (8, 5)])
def test_there_is_a_token_for_every_stride_begun(stride, length):
    codes = torch.ones(3, length, dtype=torch.uint8)
    assert Stem(8, stride, 5)(codes).shape == (3, -(-length // stride), 8)


@pytest.mark.parametrize("stride", [2, 4])
def test_a_base_is_seen_by_the_tokens_in_reach_and_by_no_other(stride):
    torch.manual_seed(0)
    stem, half = Stem(8, stride, 5).eval(), 2
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
