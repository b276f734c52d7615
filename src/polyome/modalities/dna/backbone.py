"""A pretrained DNA model of Hugging Face as the encoder of sequences.

Its last hidden states become the tokens of a segment, in place of those that the sequence
modality would embed by itself. A fitted model holds configuration, tokenizer and weights of its
backbone: its folder needs neither the checkpoint nor a network.
"""

import inspect
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from polyome._errors import InputError, listed
from polyome.modalities.dna.backbone_tokens import BackboneTokens, number_in
from polyome.modalities.dna.pretrained import Blueprint, first_line
from polyome.modalities.dna.tokens import Composition, Readout
from polyome.modalities.embeddings import ModalityEmbeddings

TUNINGS = ("full", "frozen", "lora")
"""What of a backbone is trained: all of it, nothing, or low-rank adapters beside its layers."""

# Low-rank adapters (Hu et al., ICLR 2022) beside all linear layers (Dettmers et al., NeurIPS 2023).
LORA = {"r": 8, "lora_alpha": 16, "lora_dropout": 0.05, "target_modules": "all-linear"}


def backbone_spec(tokens: BackboneTokens, tuning: str) -> dict[str, Any]:
    """What :class:`BackboneEmbeddings` reads under ``backbone``; plain JSON values."""
    check_tuning(tuning)
    lora = dict(LORA) if tuning == "lora" else None
    return tokens.spec() | {"tuning": tuning, "lora": lora}


class BackboneEmbeddings(ModalityEmbeddings):
    """Embeds sequences by a pretrained model: ``[M]``, and one token per token of the model.

    Parameters
    ----------
    hidden_size : width ``d`` of a token.
    spec : ``length`` (bp), ``num_tokens`` P, ``composition`` (largest k or 0),
        ``composition_dropout``, and ``backbone``: what :func:`backbone_spec` gave.
    """

    reads_all_tokens = True

    def __init__(self, hidden_size: int, spec: dict[str, Any]) -> None:
        super().__init__(hidden_size)
        backbone = spec["backbone"]
        check_tuning(backbone["tuning"])
        self.num_tokens: int = spec["num_tokens"]
        self.padding: int = backbone["padding"]
        self.tuning: str = backbone["tuning"]
        blueprint = Blueprint(backbone["config"], backbone["code"])
        self.backbone = _tunable(blueprint.model(), backbone)
        self.takes_mask = "attention_mask" in _accepted(self.backbone)
        self.map = nn.Linear(_width(blueprint, self.backbone), hidden_size)
        self.norm = nn.LayerNorm(hidden_size)
        self.composition = None
        if spec["composition"]:
            self.composition = Composition(
                hidden_size, spec["length"], spec["composition"], spec["composition_dropout"]
            )
        self.read = Readout(hidden_size, self.num_tokens)

    def train(self, mode: bool = True) -> Self:  # noqa: FBT001, FBT002 - torch's signature
        """Set training mode; a frozen backbone stays as it answers."""
        super().train(mode)
        if self.tuning == "frozen":
            self.backbone.eval()
        return self

    def load_backbone(self, weights: dict[str, Tensor]) -> None:
        """Take a checkpoint's weights, named as in the model without adapters."""
        own = self.backbone.state_dict()
        named = {_adapted(name, own): weight for name, weight in weights.items()}
        lacking = [name for name in own if name not in named and ".lora_" not in name]
        if lacking or set(named) - set(own):
            message = f"weights {listed(lacking or sorted(set(named) - set(own)))} do not match"
            raise ValueError(message)
        self.backbone.load_state_dict(named, strict=False)

    def forward(self, **inputs: Tensor) -> tuple[Tensor, Tensor | None]:
        """``codes``, uint8 (b, n), and ``ids``, int32 (b, p), 0 for padding; p is P or more.

        Returns
        -------
        Tokens (b, 1 + p, d) and their mask (b, 1 + p), None where no sequence is short.
        """
        mask = inputs["ids"] != 0
        whole = bool(mask.all())
        tokens = self.norm(self.map(self._states(inputs["ids"], mask)))
        if not whole:
            tokens = tokens * mask[..., None]
        summary = None if self.composition is None else self.composition(inputs["codes"])
        opened = self.open_segment(tokens, summary)
        return opened, None if whole else functional.pad(mask, (1, 0), value=True)

    def _states(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Last hidden states, (b, p, width of the backbone)."""
        given: dict[str, Tensor] = {"attention_mask": mask.long()} if self.takes_mask else {}
        numbers = torch.where(mask, ids - 1, self.padding).long()
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.tuning != "frozen"):
            found: Any = self.backbone(input_ids=numbers, **given)
        states: Any = getattr(found, "last_hidden_state", None)
        if states is None:
            states = found[0]
        if states.shape[:2] != ids.shape:
            message = (
                f"the backbone gives {states.shape[1]:,} states for {ids.shape[1]:,} tokens; "
                "one state per token is needed."
            )
            raise InputError(message)
        return states.to(self.map.weight.dtype)

    def readout(self, tokens: Tensor, states: Tensor, mask: Tensor | None) -> Tensor:
        """Tokens and their final states, (b, 1 + p, d) -> representation (b, d)."""
        representation: Tensor = self.read(tokens[:, 0], states, mask)
        return representation


def start_backbones(module: nn.Module, tokens: BackboneTokens) -> None:
    """Give the backbones in a module the weights of their checkpoint."""
    parts = [part for part in module.modules() if isinstance(part, BackboneEmbeddings)]
    if parts:
        weights = tokens.weights()
        for part in parts:
            part.load_backbone(weights)


def check_tuning(tuning: str) -> None:
    """Refuse a way of tuning that does not exist, or that needs a package that is absent.

    Examples
    --------
    >>> check_tuning("half")
    Traceback (most recent call last):
    polyome._errors.InputError: backbone_tuning='half' is not known. Known: 'full', 'frozen', ...
    """
    if tuning not in TUNINGS:
        message = f"backbone_tuning='{tuning}' is not known. Known: {listed(TUNINGS)}."
        raise InputError(message)
    if tuning == "lora":
        _peft()


def _peft() -> Any:  # a module
    try:
        import peft  # optional, and slow to import
    except ImportError as error:
        message = "backbone_tuning='lora' needs peft: pip install 'polyome[dna]'."
        raise InputError(message) from error
    return peft


def _tunable(model: nn.Module, backbone: dict[str, Any]) -> nn.Module:
    """Mark what is trained; put adapters beside the linear layers."""
    if backbone["tuning"] != "full":
        model.requires_grad_(requires_grad=False)
    if backbone["tuning"] != "lora":
        return model
    peft = _peft()
    before = set(model.modules())
    # These keys alone: others of LoraConfig's name modules to import, and a file may hold anything.
    config = peft.LoraConfig(**{key: backbone["lora"][key] for key in LORA})
    try:
        peft.inject_adapter_in_model(config, model)
    except ValueError as error:
        message = (
            f"backbone_tuning='lora': peft finds no layers to adapt ({first_line(error)}). "
            "Pass backbone_tuning='full' or 'frozen'."
        )
        raise InputError(message) from error
    added: Any = set(model.modules()) - before
    for part in added:
        part._is_hf_initialized = True  # or transformers draws adapters that must start at zero
    return model


def _accepted(model: nn.Module) -> list[str]:
    """Names of a model's inputs; refuses one that does not read token ids."""
    inputs = inspect.signature(model.forward).parameters.values()
    names = [
        each.name for each in inputs if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)
    ]
    if names and "input_ids" not in names:
        message = (
            f"the backbone ({type(model).__name__}) reads {listed(names, most=3)}, not the ids of "
            "tokens ('input_ids'); a model of sequences is needed."
        )
        raise InputError(message)
    return names


def _adapted(name: str, own: dict[str, Tensor]) -> str:
    """A weight's name where its layer has got adapters: ``a.weight`` -> ``a.base_layer.weight``."""
    layer, _, kind = name.rpartition(".")
    wrapped = f"{layer}.base_layer.{kind}"
    return wrapped if wrapped in own else name


def _width(blueprint: Blueprint, model: nn.Module) -> int:
    width = number_in(blueprint.config, "hidden_size", "d_model", "n_embd", "dim")
    if width is None:  # types with a name of their own for it say which
        own: Any = getattr(model, "config", None)
        width = getattr(own, "hidden_size", None)
    if width is None:
        message = "the backbone's configuration has no 'hidden_size' (width of its states)."
        raise InputError(message)
    return width
