import torch

from polyome._dropout import Dropout


def test_keeps_the_share_and_the_mean():
    torch.manual_seed(0)
    values = Dropout(0.3)(torch.ones(500, 301))
    assert abs((values == 0).float().mean() - 0.3) < 0.005
    assert abs(values.mean() - 1) < 0.01


def test_every_value_is_dropped_by_itself():
    torch.manual_seed(0)
    dropped = (Dropout(0.5)(torch.ones(4000, 9)) == 0).float()
    correlation = torch.corrcoef(dropped.T) - torch.eye(9)
    assert correlation.abs().max() < 0.1


def test_is_drawn_anew_and_again_by_seed():
    torch.manual_seed(0)
    first, second = (Dropout(0.5)(torch.ones(64)) for _ in range(2))
    torch.manual_seed(0)
    again = Dropout(0.5)(torch.ones(64))
    assert not torch.equal(first, second)
    assert torch.equal(first, again)


def test_gradient_passes_what_was_kept():
    values = torch.ones(1000, requires_grad=True)
    kept = Dropout(0.5)(values)
    kept.sum().backward()
    assert torch.equal(values.grad, kept.detach())


def test_out_of_training_and_without_a_share_nothing_changes():
    values = torch.randn(10)
    assert torch.equal(Dropout(0.5).eval()(values), values)
    assert torch.equal(Dropout(0.0)(values), values)
    assert torch.equal(Dropout(1.0)(values), torch.zeros(10))
