"""A cell and what lies around it as tokens, and as features of the linear model."""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from polyome.modalities.embeddings import LinearFeatures
from polyome.modalities.profiles.features import ProfileFeatures
from polyome.modalities.profiles.tokens import CellEmbeddings

GEOMETRY = 4
"""Numbers that say where a neighbour lies: two of its distance, two of its angles to the others."""


class TissueEmbeddings(CellEmbeddings):
    """Embeds a cell and what lies around it.

    A neighbour's token is multiplied by how much it counts, and what is hidden or absent is zeros,
    so that nothing jumps when a neighbour moves out of reach.

    Parameters
    ----------
    hidden_size : width ``d`` of a token.
    spec : see :meth:`TissueModality.spec`.
    """

    def __init__(self, hidden_size: int, spec: dict[str, Any]) -> None:
        super().__init__(hidden_size, spec)
        self.context_dropout: float = spec["context_dropout"]
        self.input_dropout: float = spec["input_dropout"]
        self.levels = len(spec["levels"])
        if not self.levels:
            return
        self.context = nn.ModuleList(
            nn.Linear(spec["context_width"], hidden_size) for _ in range(self.levels)
        )
        self.context_identity = nn.Parameter(torch.zeros(self.levels, hidden_size))
        self.neighbour = nn.Linear(spec["neighbour_width"], hidden_size)
        self.place_in = nn.Linear(GEOMETRY, hidden_size)
        self.place_out = nn.Linear(hidden_size, hidden_size)

    def start_at_random(self) -> None:
        """Draw the learned tokens."""
        super().start_at_random()
        if self.levels:
            nn.init.normal_(self.context_identity, std=0.02)

    def forward(self, **inputs: Tensor) -> tuple[Tensor, Tensor | None]:
        """Encodings -> tokens (b, 1 + m + l + s, d) and their mask, None where all slots count."""
        own, summary = self.own_tokens(values=inputs["values"])
        if not self.levels:
            return self.open_segment(own, summary=summary), None
        context, weights = inputs["context"], inputs["geometry"][..., 0]
        shown = self._shown(len(own), own.device) * (weights.sum(dim=1) > 0)  # (b,)
        context = self._with_dropout(context) * shown[:, None, None]
        around = torch.stack(
            [linear(context[:, i]) for i, linear in enumerate(self.context)], dim=1
        )
        around = (around + self.context_identity) * shown[:, None, None]
        place = self.place_out(nn.functional.gelu(self.place_in(inputs["geometry"][..., 1:])))
        neighbours = self.neighbour(inputs["neighbours"]) + place  # (b, s, d)
        weights = self._some(weights) * shown[:, None]
        tokens = torch.cat([own, around, neighbours * weights[..., None]], dim=1)
        mask = inputs.get("attention_mask")
        if mask is not None:
            before = 1 + own.shape[1] + self.levels
            mask = torch.cat([mask.new_ones(len(mask), before), mask], dim=1)
        return self.open_segment(tokens, summary=summary), mask

    def _shown(self, size: int, device: torch.device) -> Tensor:
        """1 for records whose context is shown, 0 for those that it is hidden from, (b,)."""
        if not self.training:
            return torch.ones(size, device=device)
        return (torch.rand(size, device=device) >= self.context_dropout).float()

    def _with_dropout(self, context: Tensor) -> Tensor:
        """Hide genes of the means; each cell draws its own share from U(0, 2p)."""
        if not self.training or not self.input_dropout:
            return context
        share = torch.rand(len(context), 1, 1, device=context.device) * 2 * self.input_dropout
        return context * (torch.rand_like(context) >= share) / (1 - share)

    def _some(self, weights: Tensor) -> Tensor:
        """Hide neighbours, (b, s); each cell draws its own share from U(0, 2p)."""
        if not self.training or not self.input_dropout:
            return weights
        share = torch.rand(len(weights), 1, device=weights.device) * 2 * self.input_dropout
        return weights * (torch.rand_like(weights) >= share)


class TissueFeatures(LinearFeatures):
    """What the linear model reads: the cell's own profile and the means around it.

    Parameters
    ----------
    spec : see :meth:`TissueModality.spec`.
    """

    has_ood_features: ClassVar[bool] = True

    def __init__(self, spec: dict[str, Any]) -> None:
        super().__init__()
        self.own = ProfileFeatures(spec)
        self.num_ood_features = self.own.num_ood_features
        self.levels = len(spec["levels"])
        self.width = self.own.width + self.levels * spec["context_width"]

    def ood_features(self, **inputs: Tensor) -> Tensor:
        """The first components of the cell itself, in which distance tells unseen kinds."""
        return self.own.ood_features(**inputs)

    def forward(self, values: Tensor, context: Tensor | None = None, **_: Tensor) -> Tensor:
        """(b, g) and (b, l, q) -> (b, f)."""
        own: Tensor = self.own(values)
        return own if context is None else torch.cat([own, context.flatten(1)], dim=1)
