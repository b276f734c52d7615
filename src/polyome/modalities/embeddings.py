"""What a modality gives the model: embeddings of its records, and features of the linear model."""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn

from polyome._types import IntArray


class ModalityEmbeddings(nn.Module, ABC):
    """Turns a batch of one modality into token embeddings; opens every segment with its token.

    Parameters
    ----------
    hidden_size : width ``d`` of a token.
    """

    reads_all_tokens: ClassVar[bool] = False
    """Whether :meth:`readout` needs every token's final state."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.modality_token = nn.Parameter(torch.zeros(hidden_size))

    def start_at_random(self) -> None:
        """Draw the modality token (called while a model is built)."""
        nn.init.normal_(self.modality_token, std=0.02)

    def open_segment(self, tokens: Tensor, summary: Tensor | None = None) -> Tensor:
        """Put the modality token before the tokens: (b, n, d) -> (b, n + 1, d).

        ``summary``, (b, d), is what the modality token itself knows of the whole record.
        """
        opening = self.modality_token.expand(len(tokens), 1, -1)
        if summary is not None:
            opening = opening + summary[:, None]
        return torch.cat([opening, tokens], dim=1)

    @abstractmethod
    def forward(self, **inputs: Tensor) -> tuple[Tensor, Tensor | None]:
        """Batch of encodings -> tokens (b, n, d) and their mask (b, n), None without padding."""

    def readout(self, tokens: Tensor, states: Tensor, mask: Tensor | None) -> Tensor:
        """Tokens as they entered the trunk and their final states -> representation (b, d).

        It is the modality token's final state. A modality whose tokens have places, and that sets
        ``reads_all_tokens``, may add to it what its other tokens hold; otherwise ``states`` has
        the modality token alone, (b, 1, d).
        """
        del tokens, mask
        return states[:, 0]


class LinearFeatures(nn.Module):
    """What the linear model reads of a record, a fixed map: inputs -> float, (b, f).

    A subclass sets ``width`` and whichever of the others it needs.

    Attributes
    ----------
    width : f.
    is_sparse : most features are zero, and the solver is told so.
    penalties : values of C to choose from; None for the usual ones.
    readings : how many of the first features one linear model reads, and how many another, which
        is added where that is clearly better on inner folds; None reads all.
    landmark_rows : int, (m,), which of the records that it was started from the first m features
        are the kernel with; None where features are no kernel.
    are_few : they are dense and few enough for an exact solution for every penalty.
    has_ood_features : distance in :meth:`ood_features` tells records of unseen kinds, which are
        then refused as ``unknown``.
    """

    width: int
    is_sparse: ClassVar[bool] = False
    penalties: ClassVar[tuple[float, ...] | None] = None
    readings: tuple[int, int] | None = None
    landmark_rows: IntArray | None = None
    are_few: ClassVar[bool] = False
    has_ood_features: ClassVar[bool] = False

    def ood_features(self, **inputs: Tensor) -> Tensor:
        """Features, (b, k), in which distance tells records of unseen kinds; by default all."""
        found: Tensor = self(**inputs)
        return found

    def weighed(self, linear: nn.Module, **inputs: Tensor) -> Tensor:
        """Map the features, (b, f) -> (b, c); where most are zero there are faster ways."""
        found: Tensor = linear(self(**inputs))
        return found
