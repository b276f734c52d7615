"""Values from a representation."""

from collections.abc import Sequence
from typing import Any, ClassVar

from torch import Tensor, nn

from polyome.heads.base import Head, weighed


class RegressionHead(Head):
    """A linear map to one value per target, in training units.

    Parameters
    ----------
    hidden_size : width ``d`` of the representation.
    spec : ``num_labels``, the number of targets; optional ``dropout``.

    Examples
    --------
    >>> import torch
    >>> head = RegressionHead(4, {"num_labels": 2})
    >>> head(torch.zeros(3, 4)).shape
    torch.Size([3, 2])
    """

    kind: ClassVar[str] = "regression"

    def __init__(self, hidden_size: int, spec: dict[str, Any]) -> None:
        super().__init__(hidden_size, spec)
        self.dropout = nn.Dropout(spec.get("dropout", 0.0))
        self.output = nn.Linear(hidden_size, spec["num_labels"])

    def forward(self, representation: Tensor) -> Tensor:
        """(b, d) -> values, (b, c)."""
        values: Tensor = self.output(self.dropout(representation))
        return values

    def loss(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Weighted mean squared error of values, (b, c).

        ``target``, (b, c, 2), holds the true value and its weight; a missing value has weight 0.
        """
        truth, weight = target.unbind(dim=-1)
        return ((outputs - truth).square() * weight).sum() / weight.sum().clamp(min=1e-6)

    @staticmethod
    def combine(members: Tensor, linear: Sequence[Tensor], weights: Tensor) -> Tensor:
        """Values, (b, c): the mean of the members and the linear models', by their weights."""
        return weighed(members.mean(dim=0), linear, weights)
