"""Heads: what turns a representation into raw outputs. Each output type brings its own."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn


class Head(nn.Module, ABC):
    """Reads representations, (b, d), and gives one raw output of width ``c`` per record.

    Parameters
    ----------
    hidden_size : width ``d`` of the representation.
    spec : the head's entry in ``PolyomeConfig.heads``.
    """

    def __init__(self, hidden_size: int, spec: dict[str, Any]) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, representation: Tensor) -> Tensor:
        """(b, d) -> (b, c), not yet an answer: logits, or values in training units."""

    @abstractmethod
    def loss(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Scalar loss of one network's outputs, (b, c), against the truth."""

    @staticmethod
    @abstractmethod
    def combine(members: Tensor, linear: Sequence[Tensor], weights: Tensor) -> Tensor:
        """Weigh the outputs of the members, (e, b, c), and of k linear models, (b, c) each.

        Parameters
        ----------
        weights : (1 + k,), or (b, 1 + k): of the members' mean, then of each linear model.

        Returns
        -------
        float, (b, c).
        """

    @staticmethod
    def explained(outputs: Tensor) -> Tensor:
        """What explanations explain of outputs as :meth:`combine` gives them: (b, c) -> (b, c)."""
        return outputs

    @staticmethod
    def chosen(outputs: Tensor) -> Tensor:
        """Which output a record is explained for where nobody says, int64 (b,): the first."""
        return torch.zeros(len(outputs), dtype=torch.int64, device=outputs.device)


class LinearHead(Head):
    """A linear map to ``num_labels`` outputs; what members and linear models give is added up.

    Parameters
    ----------
    hidden_size : width ``d`` of the representation.
    spec : ``num_labels``; optional ``dropout``.
    """

    def __init__(self, hidden_size: int, spec: dict[str, Any]) -> None:
        super().__init__(hidden_size, spec)
        self.dropout = nn.Dropout(spec.get("dropout", 0.0))
        self.output = nn.Linear(hidden_size, spec["num_labels"])

    def forward(self, representation: Tensor) -> Tensor:
        """(b, d) -> raw outputs, (b, c)."""
        outputs: Tensor = self.output(self.dropout(representation))
        return outputs

    @staticmethod
    def combine(members: Tensor, linear: Sequence[Tensor], weights: Tensor) -> Tensor:
        """Raw outputs, (b, c): the mean of the members and the linear models', by their weights."""
        return weighted(members.mean(dim=0), linear, weights)


def weighted(pooled: Tensor, linear: Sequence[Tensor], weights: Tensor) -> Tensor:
    """Weighted sum of outputs, (b, c) each.

    Parameters
    ----------
    weights : (1 + k,), or (b, 1 + k) for k linear models.

    Examples
    --------
    >>> one = torch.ones(2, 1)
    >>> weighted(one, [3 * one], torch.tensor([0.5, 0.5])).flatten().tolist()
    [2.0, 2.0]
    >>> weighted(one, [3 * one], torch.tensor([[1.0, 0.0], [0.5, 0.5]])).flatten().tolist()
    [1.0, 2.0]
    """
    if not linear:
        return pooled
    total = weights[..., :1] * pooled
    for k, outputs in enumerate(linear, start=1):
        total = total + weights[..., k : k + 1] * outputs
    return total
