"""What every head supplies."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor, nn


class Head(nn.Module, ABC):
    """Reads representations, (b, d), and gives one raw output of width ``c`` per record.

    Parameters
    ----------
    hidden_size : width ``d`` of the representation.
    spec : the head's entry in ``PolyomeConfig.heads``.
    """

    kind: ClassVar[str]

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
    def combine(members: Tensor, direct: Tensor | None, direct_weight: Tensor) -> Tensor:
        """Average the outputs of the members, (e, b, c), and of the direct path, (b, c).

        Returns
        -------
        float, (b, c). ``direct_weight`` is the share of the direct path, a scalar in [0, 1].
        """

    @staticmethod
    def explained(outputs: Tensor) -> Tensor:
        """What explanations explain of outputs as :meth:`combine` gives them: (b, c) -> (b, c)."""
        return outputs

    @staticmethod
    def chosen(outputs: Tensor) -> Tensor:
        """Which output a record is explained for where nobody says, int64 (b,): the first."""
        return torch.zeros(len(outputs), dtype=torch.int64, device=outputs.device)
