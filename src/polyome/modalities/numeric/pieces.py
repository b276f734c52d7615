"""Each number as pieces of its range, so that thresholds and bends are easy to learn.

Piecewise linear encoding (Gorishniy et al. 2022, NeurIPS, section 3.2): of the intervals between a
feature's quantiles, those below a value are 1, those above it 0, and its own says how far into it
the value lies. Networks of plain z-scores fall behind boosted trees where a feature counts from a
threshold on, or between two.
"""

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from polyome._types import FloatArray, IntArray
from polyome.modalities.profiles.features import LinearProfileFeatures, ProfileFeatures
from polyome.modalities.profiles.tokens import CellEmbeddings

LEAST_STD = 1e-3
CLIP = 10.0
"""Standard deviations of a piece."""
ROWS_PER_PIECE = 150
"""Training records for each piece of a feature; fewer records have fewer pieces. Of 600 simulated
records, whose labels are told by sums and products, four pieces did no harm and eight did."""


@dataclass(frozen=True)
class Pieces:
    """Intervals of features' z-scores, (w,) each.

    Attributes
    ----------
    feature : place of the feature.
    start, width : where an interval begins, and how long it is.
    mean, std : of the encoded training records.
    """

    feature: IntArray
    start: FloatArray
    width: FloatArray
    mean: FloatArray
    std: FloatArray

    @classmethod
    def none(cls) -> Self:
        """No pieces of any feature."""
        return cls(np.zeros(0, np.int64), *np.zeros((4, 0), np.float32))

    @classmethod
    def learn(cls, values: FloatArray, number: int) -> Self:
        """Lay about ``number`` pieces over each feature's range, from training records (n, f).

        Of a feature that is mostly one value, such as 0, the other values are divided.

        Examples
        --------
        >>> found = Pieces.learn(np.arange(400.0)[:, None] / 200, 2)
        >>> found.start.round(1).tolist(), found.width.round(1).tolist()
        ([0.0, 1.0], [1.0, 1.0])
        """
        number = min(number, len(values) // ROWS_PER_PIECE)
        if number < 2:
            return cls.none()
        edges = [_edges(column, number) for column in values.T]
        counts = [len(own) - 1 for own in edges]
        feature = np.repeat(np.arange(len(edges)), counts).astype(np.int64)
        start, end = (
            np.concatenate([np.zeros(0), *(own[side] for own in edges)])
            for side in (slice(None, -1), slice(1, None))
        )
        start, width = start.astype(np.float32), (end - start).astype(np.float32)
        encoded = ((values[:, feature] - start) / width).clip(0, 1)
        mean, std = encoded.mean(axis=0), encoded.std(axis=0) + LEAST_STD
        return cls(feature, start, width, mean.astype(np.float32), std.astype(np.float32))

    def encode(self, values: FloatArray) -> FloatArray:
        """Z-scores (n, f) -> z-scored pieces, float32 (n, w)."""
        encoded = ((values[:, self.feature] - self.start) / self.width).clip(0, 1)
        return np.asarray(((encoded - self.mean) / self.std).clip(-CLIP, CLIP))

    def __len__(self) -> int:
        return len(self.feature)

    def arrays(self) -> dict[str, np.ndarray]:
        """By name, with ``pieces.`` before it."""
        return {f"pieces.{f.name}": getattr(self, f.name) for f in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> Self:
        """Restore what :meth:`arrays` gave."""
        return cls(**{f.name: arrays[f"pieces.{f.name}"] for f in fields(cls)})


def _edges(column: FloatArray, number: int) -> FloatArray:
    """Ends of a feature's pieces, ascending; at least one piece where it varies."""
    edges = np.unique(np.quantile(column, np.linspace(0, 1, number + 1)))
    if len(edges) > number // 2:
        return edges
    values, counts = np.unique(column, return_counts=True)
    rest = column[column != values[counts.argmax()]]
    inner = np.quantile(rest, np.linspace(0, 1, number // 2 + 1)) if len(rest) else rest
    return np.unique(np.concatenate([edges, inner]))


class PieceFeatures(ProfileFeatures):
    """Z-scores, and the pieces of each.

    Parameters
    ----------
    spec : see :class:`ProfileFeatures`, without components; ``num_pieces`` w of all features.
    """

    def __init__(self, spec: dict[str, Any]) -> None:
        super().__init__(spec)
        _add_pieces(self, spec["num_pieces"])

    def forward(self, values: Tensor) -> Tensor:
        """Z-scores (b, g) -> (b, g + w); while training features are hidden with their pieces."""
        found = with_pieces(self, values)
        if not self.training or not self.input_dropout:
            return found
        share = torch.rand(len(values), 1, device=values.device) * 2 * self.input_dropout
        kept = torch.rand_like(values) >= share
        kept = torch.cat([kept, kept[:, self.get_buffer("piece_feature")]], dim=1)
        return found * kept / (1 - share)


class LinearPieceFeatures(LinearProfileFeatures):
    """The same for the linear model, which then adds up a bent line of each feature."""

    def __init__(self, spec: dict[str, Any]) -> None:
        super().__init__(spec)
        _add_pieces(self, spec["num_pieces"])

    def forward(self, values: Tensor) -> Tensor:
        """Z-scores (b, g) -> (b, g + w)."""
        return with_pieces(self, super().forward(values))


class PieceEmbeddings(CellEmbeddings):
    """Embeds z-scores and their pieces."""

    features_class = PieceFeatures


def _add_pieces(module: ProfileFeatures, number: int) -> None:
    module.width += number
    module.register_buffer("piece_feature", torch.zeros(number, dtype=torch.int64))
    for name in ("start", "width", "mean", "std"):
        module.register_buffer(f"piece_{name}", torch.ones(number))


def with_pieces(module: ProfileFeatures, values: Tensor) -> Tensor:
    """Z-scores (b, g) and their pieces, z-scored too: (b, g + w)."""
    feature, start, width, mean, std = (
        module.get_buffer(f"piece_{f.name}") for f in fields(Pieces)
    )
    encoded = ((values[:, feature] - start) / width).clamp(0, 1)
    return torch.cat([values, ((encoded - mean) / std).clamp(-CLIP, CLIP)], dim=1)


def start_pieces(module: torch.nn.Module, pieces: Pieces) -> None:
    """Give every part of a module that reads pieces those that were learned."""
    for part in module.modules():
        if isinstance(part, PieceFeatures | LinearPieceFeatures):
            for f in fields(Pieces):
                array = torch.from_numpy(getattr(pieces, f.name))
                part.get_buffer(f"piece_{f.name}").copy_(array)
