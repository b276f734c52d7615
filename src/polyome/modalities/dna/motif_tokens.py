"""Tokens that say which motif is there, not where; attention finds relations between motifs.

Where places are known, a small network memorises training sequences before its layers find that one
motif answers to another wherever both stand.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from polyome.modalities.dna.tokens import Letters, any_in_stride, strongest
from polyome.modalities.embeddings import ModalityEmbeddings

MOTIF_KERNEL, MOTIF_STRIDE = 15, 4


class MotifStem(Letters):
    """The strongest answer of each motif detector within a stride, one token per stride.

    Parameters
    ----------
    hidden_size : width ``d`` of a token.
    stride, kernel : see :class:`polyome.modalities.dna.tokens.Letters`.
    """

    def __init__(self, hidden_size: int, stride: int, kernel: int) -> None:
        super().__init__(stride, kernel)
        self.detectors = nn.Linear(4 * kernel, self.num_detectors)
        self.mixed = nn.Linear(self.num_detectors, hidden_size)
        self.norm = nn.LayerNorm(hidden_size)

    def forward(self, codes: Tensor) -> Tensor:
        """uint8, (b, n) -> float, (b, ceil(n / stride), d)."""
        found = strongest(self.detectors(self.around(codes)), self.stride).relu()
        tokens: Tensor = self.norm(self.mixed(found))
        return tokens


class MotifEmbeddings(ModalityEmbeddings):
    """Embeds sequences as motifs without places; reads the modality token and the maximum.

    Parameters
    ----------
    hidden_size : width ``d`` of a token.
    spec : ``stride``, ``kernel``; perhaps ``numbers``, how many come with each sequence.
    """

    reads_all_tokens = True

    def __init__(self, hidden_size: int, spec: dict[str, Any]) -> None:
        super().__init__(hidden_size)
        self.stem = MotifStem(hidden_size, spec["stride"], spec["kernel"])
        self.read = nn.Linear(2 * hidden_size, hidden_size)
        self.numbers = nn.Linear(spec["numbers"], hidden_size) if spec.get("numbers") else None

    def forward(self, **inputs: Tensor) -> tuple[Tensor, Tensor | None]:
        """``codes``, uint8 (b, n), perhaps ``numbers``.

        Returns
        -------
        Tokens (b, 1 + p, d) and their mask (b, 1 + p), None where no sequence is short.
        """
        tokens = self.stem(inputs["codes"])
        mask = any_in_stride(inputs["codes"] != 0, self.stem.stride)
        summary = None if self.numbers is None else self.numbers(inputs["numbers"])
        opened = self.open_segment(tokens, summary)
        return opened, None if bool(mask.all()) else functional.pad(mask, (1, 0), value=True)

    def readout(self, tokens: Tensor, states: Tensor, mask: Tensor | None) -> Tensor:
        """Final states, (b, 1 + p, d) -> representation (b, d)."""
        del tokens
        first, others = states[:, 0], states[:, 1:]
        if mask is not None:
            others = others.masked_fill(~mask[:, 1:, None], -torch.inf)
        most = others.amax(dim=1).nan_to_num(neginf=0.0)
        representation: Tensor = self.read(torch.cat([first, most], dim=1))
        return representation
