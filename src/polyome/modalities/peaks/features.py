"""Open peaks as principal components of weighted, unit-length records."""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from polyome.modalities.embeddings import LinearFeatures
from polyome.modalities.profiles.tokens import CellEmbeddings


class PeakFeatures(LinearFeatures):
    """What tokens and the linear model read of open peaks: a fixed projection.

    While training, peaks are closed at random, each record by a share of its own, as in a cell
    that was sequenced less.

    Parameters
    ----------
    spec : ``num_peaks`` g, ``num_components`` k, ``num_ood_features`` a, ``input_dropout`` p (mean
        share of peaks closed), ``has_unit_length``.
    """

    has_ood_features: ClassVar[bool] = True
    are_few: ClassVar[bool] = True

    def __init__(self, spec: dict[str, Any]) -> None:
        super().__init__()
        self.width: int = spec["num_components"]
        self.num_ood_features: int = spec["num_ood_features"]
        self.input_dropout: float = spec["input_dropout"]
        self.has_unit_length: bool = spec["has_unit_length"]
        self.register_buffer("components", torch.zeros(spec["num_peaks"], self.width))
        self.register_buffer("offset", torch.zeros(self.width))
        self.register_buffer("stds", torch.ones(self.width))

    def project(self, peaks: Tensor, weights: Tensor) -> Tensor:
        """Open peaks, int64 (b, n), and their weights, (b, n), 0 where padded -> (b, k)."""
        components = self.get_buffer("components")
        if not peaks.shape[1]:
            return -self.get_buffer("offset").expand(len(peaks), -1)
        projected: Tensor = nn.functional.embedding_bag(
            peaks, components, per_sample_weights=weights, mode="sum"
        )
        return projected - self.get_buffer("offset")

    def ood_features(self, **inputs: Tensor) -> Tensor:
        """The first components, in which distance tells unseen kinds, (b, a)."""
        return self.project(inputs["peaks"], inputs["weights"])[:, : self.num_ood_features]

    def forward(self, **inputs: Tensor) -> Tensor:
        """Open peaks -> (b, k); the largest component has standard deviation 1."""
        weights = self._with_dropout(inputs["weights"])
        return self.project(inputs["peaks"], weights) / self.get_buffer("stds")[0]

    def _with_dropout(self, weights: Tensor) -> Tensor:
        """Close peaks; each cell draws its own share from U(0, 2p)."""
        if not self.training or not self.input_dropout:
            return weights
        share = torch.rand(len(weights), 1, device=weights.device) * 2 * self.input_dropout
        kept = weights * (torch.rand_like(weights) >= share)
        if not self.has_unit_length:
            return kept / (1 - share)
        return kept / kept.norm(dim=1, keepdim=True).clamp(min=1e-6)


class PeakEmbeddings(CellEmbeddings):
    """Embeds open peaks: ``[M]``, the whole record, and module tokens."""

    features_class: ClassVar[type[LinearFeatures]] = PeakFeatures
