"""A standardised profile as tokens: shared by cells and tissue."""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from polyome.modalities.embeddings import LinearFeatures, ModalityEmbeddings
from polyome.modalities.profiles.features import ProfileFeatures


class CellEmbeddings(ModalityEmbeddings):
    """Embeds standardised profiles: ``[M]``, the whole profile, and gene modules.

    Parameters
    ----------
    hidden_size : width ``d`` of a token.
    spec : see :class:`ProfileFeatures`; ``num_modules`` m.
    """

    module_width = 16
    features_class: ClassVar[type[LinearFeatures]] = ProfileFeatures
    """What tokens read of a record; built from the spec."""

    def __init__(self, hidden_size: int, spec: dict[str, Any]) -> None:
        super().__init__(hidden_size)
        modules = spec["num_modules"]
        self.features = self.features_class(spec)
        self.profile = nn.Linear(self.features.width, hidden_size)
        self.module_identity = nn.Parameter(torch.zeros(modules, hidden_size))
        self.module_in = nn.Linear(self.features.width, modules * self.module_width)
        self.module_out = nn.Parameter(torch.zeros(modules, self.module_width, hidden_size))

    def start_at_random(self) -> None:
        """Draw the learned tokens."""
        super().start_at_random()
        nn.init.normal_(self.module_identity, std=0.02)
        nn.init.normal_(self.module_out, std=self.module_width**-0.5)

    def own_tokens(self, **inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs of the features -> module tokens (b, m, d), the whole profile (b, d)."""
        features = self.features(**inputs)  # (b, f)
        modules = self.module_in(features).unflatten(-1, (-1, self.module_width))  # (b, m, w)
        tokens = torch.einsum("bmw,mwd->bmd", modules, self.module_out) + self.module_identity
        return tokens, self.profile(features)

    def forward(self, **inputs: Tensor) -> tuple[Tensor, Tensor | None]:
        """Such as ``values``, z-scores (b, g) -> tokens (b, 1 + m, d); there is no padding."""
        tokens, summary = self.own_tokens(**inputs)
        return self.open_segment(tokens, summary=summary), None
