"""The trunk: a pre-norm transformer encoder that knows tokens, not what they stand for.

Pre-norm residual blocks follow Xiong et al. 2020 (arXiv:2002.04745); attention is Vaswani et al.
2017 (arXiv:1706.03762), equation 1, through PyTorch's fused kernel.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from polyome._dropout import Dropout
from polyome.model.configuration import PolyomeConfig

SHORT = 32
"""Tokens below which written-out attention answers sooner than the fused kernel."""


class Packing:
    """Where the tokens of a padded batch stand: padding costs nothing outside attention.

    Parameters
    ----------
    attention_mask : bool, (b, n), True for tokens, False for padding; None where all are tokens.
    """

    def __init__(self, attention_mask: Tensor | None) -> None:
        self.shape = None if attention_mask is None else attention_mask.shape
        self.places = None if attention_mask is None else attention_mask.flatten().nonzero()[:, 0]
        # Queries see the keys that are tokens; broadcast over heads and queries.
        self.key_mask = None if attention_mask is None else attention_mask[:, None, None, :]

    def pack(self, padded: Tensor) -> Tensor:
        """(b, n, d) -> (t, d), the t tokens in order; without padding (b, n, d) as it is."""
        return padded if self.places is None else padded.flatten(0, 1)[self.places]

    def pad(self, packed: Tensor) -> Tensor:
        """(t, d) -> (b, n, d) with zeros as padding; the inverse of :meth:`pack`."""
        if self.places is None or self.shape is None:
            return packed
        padded = packed.new_zeros(self.shape.numel(), packed.shape[-1])
        return padded.index_copy(0, self.places, packed).unflatten(0, self.shape)


class Attention(nn.Module):
    """Multi-head self-attention within one record; records never see each other."""

    def __init__(self, config: PolyomeConfig) -> None:
        super().__init__()
        self.config = config
        self.num_attention_heads = config.num_attention_heads
        self.head_size = config.hidden_size // config.num_attention_heads
        self.is_causal = False
        self.query_key_value = nn.Linear(config.hidden_size, 3 * config.hidden_size)
        self.output = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, hidden_states: Tensor, packing: Packing, *, first_only: bool) -> Tensor:
        """Mix the tokens of each record.

        Parameters
        ----------
        hidden_states : (b, n, d), or (t, d) where ``packing`` has padding.
        packing : the padding of the batch.
        first_only : answer for each record's first token only, (b, 1, d); the others are read.
        """
        if first_only:
            return self.output(self._of_first(packing.pad(hidden_states), packing.key_mask))
        qkv = packing.pad(self.query_key_value(hidden_states))  # (b, n, 3d)
        query, key, value = (
            part.unflatten(-1, (self.num_attention_heads, self.head_size)).transpose(1, 2)
            for part in qkv.chunk(3, dim=-1)
        )  # each (b, h, n, d / h)
        attend = ALL_ATTENTION_FUNCTIONS.get_interface(
            self.config._attn_implementation,
            eager_attention,
        )
        if query.shape[2] < SHORT and not torch.is_grad_enabled():
            attend = eager_attention
        mixed, _ = attend(self, query, key, value, packing.key_mask, scaling=self.head_size**-0.5)
        mixed = mixed.flatten(2)  # (b, n, d); transformers' interface returns (b, n, h, d / h)
        return self.output(packing.pack(mixed))

    def _of_first(self, hidden_states: Tensor, key_mask: Tensor | None) -> Tensor:
        """What each record's first token fetches, (b, n, d) -> (b, 1, d).

        Neither keys nor values of the other tokens are computed: a query q meets the key K x as
        (K' q) x, and V is applied to the mixture of states instead of to each. The bias of the
        keys adds the same to all scores of a query, so the softmax drops it.
        """
        heads = (self.num_attention_heads, self.head_size)
        to_query, to_key, to_value = self.query_key_value.weight.chunk(3)
        query_bias, _, value_bias = self.query_key_value.bias.chunk(3)
        query = functional.linear(hidden_states[:, 0], to_query, query_bias).unflatten(-1, heads)
        asked = torch.einsum("bhe,hed->bhd", query, to_key.unflatten(0, heads))
        scores = asked @ hidden_states.transpose(1, 2) * self.head_size**-0.5  # (b, h, n)
        if key_mask is not None:
            scores = scores.masked_fill(~key_mask[:, 0], torch.finfo(scores.dtype).min)
        mixed = scores.softmax(dim=-1) @ hidden_states  # (b, h, d)
        values = torch.einsum("bhd,hed->bhe", mixed, to_value.unflatten(0, heads))
        return (values.flatten(1) + value_bias)[:, None]


def eager_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float,
    **_: object,
) -> tuple[Tensor, Tensor]:
    """Attention written out, which also returns its weights, (b, h, n, n)."""
    scores = query @ key.transpose(-1, -2) * scaling
    if attention_mask is not None:
        scores = scores.masked_fill(~attention_mask, torch.finfo(scores.dtype).min)
    weights = scores.softmax(dim=-1)
    return (weights @ value).transpose(1, 2), weights


class Layer(GradientCheckpointingLayer):
    """Attention, then a feed-forward network, each on a normalised copy of the residual stream."""

    def __init__(self, config: PolyomeConfig) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.attention = Attention(config)
        self.feed_forward_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.feed_forward_in = nn.Linear(config.hidden_size, config.intermediate_size)
        self.feed_forward_out = nn.Linear(config.intermediate_size, config.hidden_size)
        self.dropout = Dropout(config.hidden_dropout_prob)

    def forward(self, hidden_states: Tensor, packing: Packing, *, first_only: bool) -> Tensor:
        """(b, n, d) -> (b, n, d), packed where there is padding; (b, 1, d) if ``first_only``."""
        mixed = self.attention(self.attention_norm(hidden_states), packing, first_only=first_only)
        if first_only:
            hidden_states = packing.pad(hidden_states)[:, :1]
        hidden_states = hidden_states + self.dropout(mixed)
        inner = functional.gelu(self.feed_forward_in(self.feed_forward_norm(hidden_states)))
        return hidden_states + self.dropout(self.feed_forward_out(inner))


class Trunk(nn.Module):
    """The encoder that all modalities share.

    Examples
    --------
    >>> trunk = Trunk(PolyomeConfig(hidden_size=8, num_attention_heads=2, intermediate_size=16))
    >>> trunk(torch.zeros(3, 5, 8)).shape
    torch.Size([3, 8])
    """

    def __init__(self, config: PolyomeConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(
        self, tokens: Tensor, attention_mask: Tensor | None = None, *, all_tokens: bool = False
    ) -> Tensor:
        """Run the tokens of each record through all layers.

        Parameters
        ----------
        tokens : float, (b, n, d); the first of each record is its modality token.
        attention_mask : bool, (b, n), False for padding; None where there is none.
        all_tokens : return every token's state instead of the modality token's alone, for which
            the last layer then need not be computed at the other tokens.

        Returns
        -------
        float, (b, d): the record's representation; or (b, n, d), zeros at padding.
        """
        packing = Packing(attention_mask)
        hidden_states = packing.pack(tokens)
        last: Callable[[int], bool] = lambda i: i == len(self.layers) - 1 and not all_tokens  # noqa: E731
        for i, layer in enumerate(self.layers):
            hidden_states = layer(hidden_states, packing, first_only=last(i))
        if not self.layers and not all_tokens:
            hidden_states = packing.pad(hidden_states)[:, :1]
        if all_tokens:
            return packing.pad(self.norm(hidden_states))
        return self.norm(hidden_states)[:, 0]
