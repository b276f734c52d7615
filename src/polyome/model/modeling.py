"""The model: embeddings of each modality, one shared trunk, one head per question."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModel, PreTrainedModel
from transformers.utils import ModelOutput

from polyome._types import Segment
from polyome.modalities import MODALITIES
from polyome.modalities.embeddings import LinearFeatures, ModalityEmbeddings
from polyome.model.configuration import PolyomeConfig
from polyome.model.linear import ByName, LinearModels
from polyome.model.trunk import Trunk
from polyome.outputs import OUTPUTS


@dataclass
class PolyomeOutput(ModelOutput):
    """What the model says of a batch.

    Attributes
    ----------
    loss : scalar, where the batch carries labels: the sum over members and heads.
    outputs : by head, (b_h, c) for the records that the head answers: log-probabilities for
        classes, values in training units for values.
    rows : by head, int64 (b_h,), ascending: places in the batch of these records.
    representation : (b, e * d), members side by side: the mean over the inputs that a record has
        of the modality token's final state; of DNA that, pooled with all tokens.
    """

    loss: Tensor | None = None
    outputs: dict[str, Tensor] | None = None
    rows: dict[str, Tensor] | None = None
    representation: Tensor | None = None


class Network(nn.Module):
    """One member: embeddings of each input, the trunk, the heads."""

    def __init__(self, config: PolyomeConfig) -> None:
        super().__init__()
        self.embeddings = ByName(
            {
                name: MODALITIES[entry["kind"]].embeddings(config, entry["spec"])
                for name, entry in config.modalities.items()
            }
        )
        self.trunk = Trunk(config)
        self.heads = ByName(
            {n: OUTPUTS[s["output"]].head(config.hidden_size, s) for n, s in config.heads.items()}
        )

    def forward(self, size: int, segments: dict[str, Segment]) -> Tensor:
        """Representations, (b, d), of the records of all segments in one pass of the trunk."""
        names = sorted(segments)  # the order in which inputs are named changes no answer
        readers: list[Any] = [self.embeddings[name] for name in names]
        embedded = [
            (segments[name]["rows"], *reader(**segments[name]["inputs"]))
            for name, reader in zip(names, readers, strict=True)
        ]
        layout = lay_out(size, embedded)
        all_tokens = layout.is_shared or any(reader.reads_all_tokens for reader in readers)
        states = self.trunk(layout.tokens, layout.mask, all_tokens=all_tokens)
        if not all_tokens:
            states = states[:, None]
        if layout.is_plain:
            representation: Tensor = readers[0].readout(layout.tokens, states, layout.mask)
            return representation
        total = states.new_zeros(size, states.shape[2])
        present = states.new_zeros(size, 1)
        for reader, (rows, own, mask), start in zip(readers, embedded, layout.starts, strict=True):
            n = own.shape[1] if all_tokens else 1
            places = start[:, None] + torch.arange(n, device=start.device)
            read = reader.readout(own, states[rows[:, None], places], mask)
            total = total.index_add(0, rows, read)
            present = present.index_add(0, rows, present.new_ones(len(rows), 1))
        return total / present.clamp(min=1)


@dataclass(frozen=True)
class Layout:
    """Where the tokens of a batch stand.

    Attributes
    ----------
    tokens : float, (b, n, d): the inputs of a record one behind the other; absent ones take no
        place.
    mask : bool, (b, n), False for padding; None where there is none.
    starts : of each segment, int64 (b_m,), where it begins in its records.
    is_plain : there is one segment, of all records in their order.
    is_shared : some record has several inputs.
    """

    tokens: Tensor
    mask: Tensor | None
    starts: list[Tensor]
    is_plain: bool = False
    is_shared: bool = False


def lay_out(size: int, embedded: list[tuple[Tensor, Tensor, Tensor | None]]) -> Layout:
    """Lay segments, each (rows, tokens (b_m, n_m, d), mask), into one padded batch of records.

    Examples
    --------
    >>> one, two = torch.ones(2, 3, 8), torch.ones(1, 2, 8)
    >>> layout = lay_out(2, [(torch.tensor([0, 1]), one, None), (torch.tensor([1]), two, None)])
    >>> layout.tokens.shape, layout.mask.sum(dim=1).tolist(), layout.starts[1].tolist()
    (torch.Size([2, 5, 8]), [3, 5], [3])
    """
    rows, first, mask = embedded[0]
    if len(embedded) == 1 and torch.equal(rows, torch.arange(size, device=rows.device)):
        return Layout(first, mask, [torch.zeros_like(rows)], is_plain=True)
    filled = torch.zeros(size, dtype=torch.int64, device=first.device)
    number = torch.zeros_like(filled)
    starts = []
    for rows, tokens, _ in embedded:
        starts.append(filled[rows])
        filled = filled.index_add(0, rows, torch.full_like(rows, tokens.shape[1]))
        number = number.index_add(0, rows, torch.ones_like(rows))
    joined = first.new_zeros(size, int(filled.max()), first.shape[2])
    joined_mask = torch.zeros(joined.shape[:2], dtype=torch.bool, device=first.device)
    for (rows, tokens, mask), start in zip(embedded, starts, strict=True):
        places = start[:, None] + torch.arange(tokens.shape[1], device=first.device)
        joined = joined.index_put((rows[:, None], places), tokens)
        joined_mask[rows[:, None], places] = (
            torch.ones_like(places, dtype=torch.bool) if mask is None else mask
        )
    full = None if joined_mask.all() else joined_mask
    return Layout(joined, full, starts, is_shared=bool((number > 1).any()))


class PolyomeModel(PreTrainedModel):
    """A small transformer for records of any registered modality.

    Examples
    --------
    >>> from polyome.data.simulate import simulate_cells
    >>> from polyome.modalities import CellModality
    >>> modality = CellModality().fit(CellModality().read(simulate_cells()))
    >>> config = PolyomeConfig(
    ...     modalities={"cell": {"kind": "cell", "spec": modality.spec()}},
    ...     heads={"cell-type": {"output": "classes", "inputs": ["cell"], "num_labels": 3}},
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
        self.linear = ByName()
        for name, spec in config.heads.items():
            features = self._features_of(spec.get("linear", ()))
            if features:
                self.linear[name] = LinearModels(features, spec["num_labels"])
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            bound = module.in_features**-0.5
            nn.init.uniform_(module.weight, -bound, bound)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, ModalityEmbeddings):
            module.start_at_random()

    def _features_of(self, names: Sequence[str]) -> dict[str, LinearFeatures]:
        """What the linear models of these inputs read, where their modalities have such a thing."""
        entries = {name: self.config.modalities[name] for name in names}
        found = {n: MODALITIES[e["kind"]].features(e["spec"]) for n, e in entries.items()}
        return {name: features for name, features in found.items() if features is not None}

    def forward(
        self, size: int, segments: dict[str, Segment], labels: dict[str, Segment] | None = None
    ) -> PolyomeOutput:
        """Answer a batch (see :class:`polyome._types.Batch`), each record by itself."""
        representations = [member(size, segments) for member in self.members]  # e times (b, d)
        outputs: dict[str, Tensor] = {}
        answered: dict[str, Tensor] = {}
        losses: list[Tensor] = []
        for name, spec in self.config.heads.items():
            present = [segments[i]["rows"] for i in sorted(spec["inputs"]) if i in segments]
            if not present:
                continue
            rows = present[0] if len(present) == 1 else torch.cat(present)
            rows = rows.unique()  # ascending, and a record with several inputs is answered once
            members: Any = self.members
            heads: list[Any] = [member.heads[name] for member in members]
            raw = [head(r[rows]) for head, r in zip(heads, representations, strict=True)]
            outputs[name] = self._combined(name, torch.stack(raw), rows, segments)
            answered[name] = rows
            if labels and name in labels:
                own = _places(rows, labels[name]["rows"], name)
                target = labels[name]["inputs"]["target"]
                losses += [head.loss(r[own], target) for head, r in zip(heads, raw, strict=True)]
        return PolyomeOutput(
            loss=torch.stack(losses).sum() if losses else None,
            outputs=outputs,
            rows=answered,
            representation=torch.cat(representations, dim=-1),
        )

    def _combined(
        self, name: str, members: Tensor, rows: Tensor, segments: dict[str, Segment]
    ) -> Tensor:
        """Members' raw outputs, (e, b_h, c), and the linear models', by their weights: (b_h, c).

        Models without a weight are not asked: none has one while members are trained.
        """
        head = OUTPUTS[self.config.heads[name]["output"]].head
        if name not in self.linear:
            return head.combine(members, (), members.new_ones(1))
        own = {i: segments[i] for i in self.config.heads[name]["inputs"] if i in segments}
        outputs, weights = self.linear[name](own, rows)
        return head.combine(members, outputs, weights)


def _places(rows: Tensor, wanted: Tensor, head: str) -> Tensor:
    """Where records stand among those that a head answers, int64."""
    if torch.equal(rows, wanted):
        return torch.arange(len(rows), device=rows.device)
    places = torch.searchsorted(rows, wanted).clamp(max=len(rows) - 1)
    if not torch.equal(rows[places], wanted):
        message = f"a record has a target of the head '{head}', and none of the inputs it reads."
        raise ValueError(message)
    return places


AutoModel.register(PolyomeConfig, PolyomeModel, exist_ok=True)
