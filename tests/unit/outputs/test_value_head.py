"""Values: missing ones do not count, weights do, members and the linear model are averaged."""

import torch

from polyome.outputs.values import ValueHead


def test_missing_values_do_not_count_and_weights_do():
    head = ValueHead(4, {"num_labels": 2})
    outputs = torch.tensor([[1.0, 5.0], [2.0, 2.0]])
    target = torch.tensor([[[0.0, 1.0], [0.0, 0.0]], [[0.0, 3.0], [2.0, 1.0]]])
    # (1 * 1 + 0 * 25 + 3 * 4 + 1 * 0) / (1 + 3 + 1)
    assert head.loss(outputs, target).item() == torch.tensor(13 / 5).item()


def test_a_batch_without_any_value_has_no_loss_and_no_gradient():
    head = ValueHead(4, {"num_labels": 1})
    loss = head.loss(head(torch.ones(3, 4)), torch.zeros(3, 1, 2))
    loss.backward()
    assert loss.item() == 0
    assert all(not weight.grad.any() for weight in head.parameters())


def test_members_and_the_linear_model_are_weighed():
    members = torch.tensor([[[1.0]], [[3.0]]])
    direct = torch.tensor([[10.0]])
    weights = torch.tensor([0.75, 0.25])
    assert ValueHead.combine(members, (), torch.ones(1)).item() == 2.0
    assert ValueHead.combine(members, [direct], weights).item() == 4.0
