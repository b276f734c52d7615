"""Classes from a representation."""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from polyome.heads.base import Head, weighed


class ClassificationHead(Head):
    """A linear map to one logit per class.

    Parameters
    ----------
    hidden_size : width ``d`` of the representation.
    spec : ``num_labels``; optional ``dropout``, ``label_smoothing`` and ``class_weights`` (one
        weight per class in the loss, mean 1, for rare classes).

    Examples
    --------
    >>> head = ClassificationHead(4, {"num_labels": 3})
    >>> head(torch.zeros(2, 4)).shape
    torch.Size([2, 3])
    """

    kind: ClassVar[str] = "classification"

    def __init__(self, hidden_size: int, spec: dict[str, Any]) -> None:
        super().__init__(hidden_size, spec)
        self.dropout = nn.Dropout(spec.get("dropout", 0.0))
        self.output = nn.Linear(hidden_size, spec["num_labels"])
        self.label_smoothing = spec.get("label_smoothing", 0.0)
        self.class_weights: list[float] | None = spec.get("class_weights")

    def forward(self, representation: Tensor) -> Tensor:
        """(b, d) -> logits, (b, c)."""
        logits: Tensor = self.output(self.dropout(representation))
        return logits

    def loss(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Cross-entropy of logits, (b, c), with target classes, int64, (b,), or shares, (b, c)."""
        weights = None if self.class_weights is None else outputs.new_tensor(self.class_weights)
        return functional.cross_entropy(
            outputs, target, weight=weights, label_smoothing=self.label_smoothing
        )

    @staticmethod
    def combine(members: Tensor, linear: Sequence[Tensor], weights: Tensor) -> Tensor:
        """Log-probabilities, (b, c): a logarithmic opinion pool (Heskes 1998, equation 3).

        Every member has the same weight in the members' part.
        """
        pooled = members.log_softmax(dim=-1).mean(dim=0)
        beside = [outputs.log_softmax(dim=-1) for outputs in linear]
        return weighed(pooled, beside, weights).log_softmax(dim=-1)

    @staticmethod
    def explained(outputs: Tensor) -> Tensor:
        """Log-odds of each class against all others together: unlike a probability, never flat."""
        log_proba = outputs.log_softmax(dim=-1)
        others = torch.eye(outputs.shape[-1], dtype=torch.bool, device=outputs.device)
        # Not log(1 - p), which is lost to rounding where p is nearly 1.
        rest = log_proba[..., None, :].masked_fill(others, -torch.inf).logsumexp(dim=-1)
        return log_proba - rest

    @staticmethod
    def chosen(outputs: Tensor) -> Tensor:
        """The best class."""
        return outputs.argmax(dim=-1)
