"""The model's configuration: sizes of the trunk, and what stands before and behind it."""

from dataclasses import field, fields
from typing import Any

from huggingface_hub.dataclasses import strict
from transformers import AutoConfig, PreTrainedConfig

from polyome._errors import unknown_key

# What transformers itself writes into a config.json or passes while loading one.
_WRITTEN_BY_TRANSFORMERS = {
    "attn_implementation", "model_type", "name_or_path", "num_labels", "output_attentions",
    "torch_dtype", "trust_remote_code", "use_cache", "_commit_hash", "_from_auto",
    "experts_implementation", "_attn_implementation_autoset", "_name_or_path",
}  # fmt: skip


@strict
class PolyomeConfig(PreTrainedConfig):
    """Configuration of :class:`polyome.model.modeling.PolyomeModel`.

    Strict: a wrong type or an unknown name is an error, not an attribute nobody reads.

    Parameters
    ----------
    hidden_size : width ``d`` of tokens and of the representation.
    num_hidden_layers : encoder layers; 0 leaves the modality's own embedding of the record.
    num_attention_heads : must divide ``hidden_size``.
    intermediate_size : width of the feed-forward layers.
    hidden_dropout_prob : dropout on every residual branch.
    layer_norm_eps : added to variances in layer norms.
    num_members : networks trained side by side whose answers are averaged (a small ensemble).
    modalities : by name of the input, the ``kind`` of its modality and the ``spec``, the sizes that
        its embeddings need.
    heads : by name, the type of ``output``, the ``inputs`` that it reads (a record with any of them
        is answered), those with a ``linear`` model, and the sizes that it needs.

    Examples
    --------
    >>> PolyomeConfig(hidden_size=32).num_hidden_layers
    2
    >>> PolyomeConfig(hiden_size=32)
    Traceback (most recent call last):
    polyome._errors.InputError: PolyomeConfig knows no key 'hiden_size'. ... 'hidden_size'?
    """

    model_type = "polyome"

    hidden_size: int = 64
    num_hidden_layers: int = 2
    num_attention_heads: int = 4
    intermediate_size: int = 128
    hidden_dropout_prob: float = 0.2
    layer_norm_eps: float = 1e-5
    num_members: int = 1
    modalities: dict[str, Any] = field(default_factory=dict)
    heads: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self, **kwargs: Any) -> None:  # transformers' signature
        known = {f.name for f in fields(self)} | _WRITTEN_BY_TRANSFORMERS
        for name in kwargs:
            if name not in known:
                raise unknown_key(
                    name, {f.name for f in fields(PolyomeConfig)}, where="PolyomeConfig"
                )
        super().__post_init__(**kwargs)
        # As config.json will have them: a model in memory must not hang on an order that is lost.
        self.modalities, self.heads = in_order(self.modalities), in_order(self.heads)

    def validate_architecture(self) -> None:
        """Check that the heads share the hidden size evenly (called by transformers)."""
        if self.hidden_size % self.num_attention_heads:
            message = (
                f"hidden_size={self.hidden_size} is not divisible by "
                f"num_attention_heads={self.num_attention_heads}."
            )
            raise ValueError(message)


def in_order(value: Any) -> Any:
    """Sort the keys of nested dictionaries.

    Examples
    --------
    >>> in_order({"b": [{"d": 1, "c": 2}], "a": 0})
    {'a': 0, 'b': [{'c': 2, 'd': 1}]}
    """
    if isinstance(value, dict):
        return {key: in_order(value[key]) for key in sorted(value)}
    if isinstance(value, list | tuple):
        return [in_order(entry) for entry in value]
    return value


AutoConfig.register("polyome", PolyomeConfig, exist_ok=True)
