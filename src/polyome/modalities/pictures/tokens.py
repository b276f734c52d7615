"""Pictures as tokens: patches that a small convolutional network makes."""

from typing import Any

import torch
from torch import Tensor, nn

from polyome.modalities.profiles.tokens import CellEmbeddings

_SMALLEST_GRID = 4
"""Patch tokens a side from which another convolution halves them."""


class ImageEmbeddings(CellEmbeddings):
    """Embeds pictures: ``[M]``, all pixels or components, and patches by a convolutional network.

    Parameters
    ----------
    hidden_size : width ``d`` of a token.
    spec : see :class:`polyome.modalities.profiles.tokens.CellEmbeddings`; ``shape`` (height, width,
        channels), ``places`` of the pixels that vary among all of them.
    """

    def __init__(self, hidden_size: int, spec: dict[str, Any]) -> None:
        super().__init__(hidden_size, spec)
        height, width, channels = spec["shape"]
        self.shape = (height, width, channels)
        self.register_buffer("places", torch.tensor(spec["places"]))
        layers: list[nn.Module] = []
        before, wide = channels, max(16, hidden_size // 2)
        while True:
            layers += [nn.Conv2d(before, wide, 3, stride=2, padding=1), nn.GELU()]
            height, width, before = (height + 1) // 2, (width + 1) // 2, wide
            if max(height, width) <= _SMALLEST_GRID:
                break
        self.convolutions = nn.Sequential(*layers)
        self.patch = nn.Conv2d(wide, hidden_size, 1)
        self.patch_place = nn.Parameter(torch.zeros(height * width, hidden_size))

    def start_at_random(self) -> None:
        """Draw the learned tokens and the filters."""
        super().start_at_random()
        nn.init.normal_(self.patch_place, std=0.02)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def own_tokens(self, **inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Pixels, z-scores (b, p) -> module and patch tokens (b, m + t, d), the whole (b, d)."""
        modules, whole = super().own_tokens(**inputs)
        values = inputs["values"]
        height, width, channels = self.shape
        flat = values.new_zeros(len(values), height * width * channels)
        pixels = flat.index_copy(1, self.get_buffer("places"), values)
        picture = pixels.unflatten(1, (height, width, channels)).movedim(3, 1)
        patches = self.patch(self.convolutions(picture)).flatten(2).transpose(1, 2)
        return torch.cat([modules, patches + self.patch_place], dim=1), whole
