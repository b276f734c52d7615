"""The model: embeddings of each modality, one shared trunk, one head per question."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModel, PreTrainedModel
from transformers.utils import ModelOutput

from polyome._types import Segment
from polyome.heads import HEADS, Head
from polyome.modalities import MODALITIES
from polyome.modalities.base import DirectFeatures, ModalityEmbeddings
from polyome.model.configuration import PolyomeConfig
from polyome.model.trunk import Trunk


@dataclass
class PolyomeOutput(ModelOutput):
    """What the model says of a batch.

    Attributes
    ----------
    loss : scalar, where the batch carries labels: the sum over members and heads.
    outputs : by head, (b_h, c) for the records that the head answers, in the order of the segment
        it reads: log-probabilities for classes, values in training units for regression.
    representation : (b, e * d), members side by side: the modality token's final state; of DNA
        that, pooled with all tokens.
    """

    loss: Tensor | None = None
    outputs: dict[str, Tensor] | None = None
    representation: Tensor | None = None


class Network(nn.Module):
    """One member: embeddings of each modality, the trunk, the heads."""

    def __init__(self, config: PolyomeConfig) -> None:
        super().__init__()
        self.embeddings = nn.ModuleDict(
            {name: MODALITIES[name].embeddings(config, s) for name, s in config.modalities.items()}
        )
        self.trunk = Trunk(config)
        self.heads = nn.ModuleDict(
            {n: HEADS[s["kind"]](config.hidden_size, s) for n, s in config.heads.items()}
        )

    def forward(self, size: int, segments: dict[str, Segment]) -> Tensor:
        """Representations, (b, d), of the records of all segments in one pass of the trunk."""
        readers: dict[str, Any] = {n: self.embeddings[n] for n in segments}
        embedded = [(s["rows"], *readers[n](**s["inputs"])) for n, s in segments.items()]
        tokens, attention_mask = _join(size, embedded)
        all_tokens = any(reader.reads_all_tokens for reader in readers.values())
        states = self.trunk(tokens, attention_mask, all_tokens=all_tokens)
        if not all_tokens:
            states = states[:, None]
        if len(embedded) == 1:
            (reader,) = readers.values()
            representation: Tensor = reader.readout(tokens, states, attention_mask)
            return representation
        representation = states.new_zeros(size, states.shape[2])
        for reader, (rows, own, mask) in zip(readers.values(), embedded, strict=True):
            read = reader.readout(own, states[rows, : own.shape[1]], mask)
            representation = representation.index_copy(0, rows, read)
        return representation


def _join(
    size: int, embedded: list[tuple[Tensor, Tensor, Tensor | None]]
) -> tuple[Tensor, Tensor | None]:
    """Lay segments, each (rows, tokens (b_m, n_m, d), mask), into one padded batch."""
    if len(embedded) == 1:
        return embedded[0][1], embedded[0][2]
    longest = max(tokens.shape[1] for _, tokens, _ in embedded)
    first = embedded[0][1]
    joined = first.new_zeros(size, longest, first.shape[2])
    joined_mask = torch.zeros(size, longest, dtype=torch.bool, device=first.device)
    for rows, tokens, mask in embedded:
        n = tokens.shape[1]
        padding = (0, 0, 0, longest - n)
        joined = joined.index_copy(0, rows, nn.functional.pad(tokens, padding))
        joined_mask[rows, :n] = True if mask is None else mask
    return joined, None if joined_mask.all() else joined_mask


class PolyomeModel(PreTrainedModel):
    """A small transformer for records of any registered modality.

    Examples
    --------
    >>> from polyome.data.simulate import simulate_cells
    >>> from polyome.modalities import CellModality
    >>> modality = CellModality().fit(CellModality().read(simulate_cells()))
    >>> config = PolyomeConfig(
    ...     modalities={"cell": modality.spec()},
    ...     heads={"cell-type": {"kind": "classification", "modality": "cell", "num_labels": 3}},
    ... )
    >>> model = PolyomeModel(config).eval()
    >>> cells = {"rows": torch.arange(4), "inputs": {"values": torch.zeros(4, 120)}}
    >>> model(size=4, segments={"cell": cells}).outputs["cell-type"].shape
    torch.Size([4, 3])
    """

    config_class = PolyomeConfig
    base_model_prefix = ""
    main_input_name = "segments"
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _no_split_modules = ("Layer",)

    def __init__(self, config: PolyomeConfig) -> None:
        super().__init__(config)
        self.members = nn.ModuleList(Network(config) for _ in range(config.num_members))
        self.direct = nn.ModuleDict()
        for name, spec in config.heads.items():
            features = self._features_of(spec["modality"])
            if spec.get("direct") and features is not None:
                self.direct[name] = DirectPath(features, spec["num_labels"])
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            bound = module.in_features**-0.5
            nn.init.uniform_(module.weight, -bound, bound)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, ModalityEmbeddings):
            module.start_at_random()

    def _features_of(self, modality: str) -> DirectFeatures | None:
        return MODALITIES[modality].features(self.config.modalities[modality])

    def forward(
        self, size: int, segments: dict[str, Segment], labels: dict[str, Segment] | None = None
    ) -> PolyomeOutput:
        """Answer a batch (see :class:`polyome._types.Batch`), each record by itself."""
        representations = [member(size, segments) for member in self.members]  # e times (b, d)
        outputs: dict[str, Tensor] = {}
        losses: list[Tensor] = []
        for name, spec in self.config.heads.items():
            if spec["modality"] not in segments:
                continue
            rows = segments[spec["modality"]]["rows"]
            members: Any = self.members
            heads: list[Any] = [member.heads[name] for member in members]
            raw = [head(r[rows]) for head, r in zip(heads, representations, strict=True)]
            outputs[name] = self._combined(name, torch.stack(raw), segments[spec["modality"]])
            if labels and name in labels:
                losses += [
                    head.loss(r, labels[name]["inputs"]["target"])
                    for head, r in zip(heads, raw, strict=True)
                ]
        return PolyomeOutput(
            loss=torch.stack(losses).sum() if losses else None,
            outputs=outputs,
            representation=torch.cat(representations, dim=-1),
        )

    def _combined(self, name: str, members: Tensor, segment: Segment) -> Tensor:
        """Members' raw outputs, (e, b, c), and the direct path's, averaged: (b, c).

        A path without a share is not asked: none has one while members are trained.
        """
        head_class: type[Head] = HEADS[self.config.heads[name]["kind"]]
        if name not in self.direct:
            return head_class.combine(members, None, members.new_zeros(()))
        path: Any = self.direct[name]
        direct = path(**segment["inputs"]) if path.weight_in_answer else None
        return head_class.combine(members, direct, path.weight_in_answer)


class DirectPath(nn.Module):
    """A linear map from a record's own features to the answer, beside the trunk.

    It is fitted on its own by a convex solver and then frozen, so that the model does not fall
    behind the linear one. Until it is fitted its share in the answer is zero.

    Parameters
    ----------
    features : inputs -> (b, f).
    num_outputs : c.
    """

    def __init__(self, features: DirectFeatures, num_outputs: int) -> None:
        super().__init__()
        self.features = features
        self.linear = nn.Linear(features.width, num_outputs)
        self.linear.requires_grad_(requires_grad=False)
        self.register_buffer("weight_in_answer", torch.zeros(()))

    def forward(self, **inputs: Tensor) -> Tensor:
        """Inputs of the modality -> (b, c)."""
        outputs: Tensor = self.features.weighed(self.linear, **inputs)
        return outputs


AutoModel.register(PolyomeConfig, PolyomeModel, exist_ok=True)
