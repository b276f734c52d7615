"""Which tokens a sequence's tokens look at: attention maps, and their rollout over the layers.

Attention says where the trunk looks, not what made the answer: it leaves out the values that are
fetched, the residual stream, and the linear model (Jain and Wallace 2019, arXiv:1902.10186).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from polyome._errors import InputError
from polyome._types import FloatArray
from polyome.modalities.base import Records
from polyome.model.modeling import Network
from polyome.model.trunk import Attention
from polyome.model_folder.fitted_model import FittedModel
from polyome.predict.predict import PredictArguments, run


def attention_maps(fitted: FittedModel, records: Records) -> FloatArray:
    """Attention of every layer, mean of heads and members, float32 (n, layers, tokens, tokens).

    Row i of a map says how much token i takes from each token; the first is the modality token.
    Of a last layer that answers for the modality token alone, the other rows are zero.
    """
    if not fitted.model.config.num_hidden_layers:
        message = "this model has no layers (num_hidden_layers=0): there is no attention to show."
        raise InputError(message)
    maps = []
    for row in range(len(records)):
        members: list[Any] = [fitted.model.members[i] for i in range(len(fitted.model.members))]
        with _recorded(members) as found:
            run(fitted, records.take(np.array([row])), PredictArguments())
        layers = len(members[0].trunk.layers)
        size = max(weights.shape[-1] for weights in found)
        total = np.zeros((layers, size, size), np.float32)
        for i, weights in enumerate(found):  # views, then members, then layers
            mean = weights.mean(dim=(0, 1)).float().cpu().numpy()
            total[i % layers, : mean.shape[0], : mean.shape[1]] += mean
        maps.append(total * layers / len(found))
    widest = max(each.shape[-1] for each in maps)  # of records with more tokens than in training
    spare = [widest - each.shape[-1] for each in maps]
    return np.stack([np.pad(m, ((0, 0), (0, n), (0, n))) for m, n in zip(maps, spare, strict=True)])


def rollout(maps: FloatArray) -> FloatArray:
    """Attention followed through all layers (Abnar and Zuidema 2020, arXiv:2005.00928).

    Each layer is half its attention and half the residual stream.

    Parameters
    ----------
    maps : float, (n, layers, tokens, tokens).

    Returns
    -------
    float, (n, tokens): what the mean token of the last layer takes from each first token.

    Examples
    --------
    >>> rollout(np.eye(3)[None, None]).tolist()
    [[0.333..., 0.333..., 0.333...]]
    """
    size = maps.shape[-1]
    followed = np.broadcast_to(np.eye(size), (len(maps), size, size))
    for layer in range(maps.shape[1]):
        followed = (0.5 * maps[:, layer] + 0.5 * np.eye(size)) @ followed
    return np.asarray(followed.mean(axis=1))


@contextmanager
def _recorded(members: list[Network]) -> Iterator[list[Tensor]]:
    """Attention weights, (b, heads, queries, keys), of every call of every layer, in order."""
    found: list[Tensor] = []

    def record(module: Any, given: tuple[Any, ...], options: dict[str, Any]) -> None:
        hidden_states, packing = given
        qkv = packing.pad(module.query_key_value(hidden_states))
        query, key, _ = (
            part.unflatten(-1, (module.num_attention_heads, module.head_size)).transpose(1, 2)
            for part in qkv.chunk(3, dim=-1)
        )
        if options["first_only"]:
            query = query[:, :, :1]
        scores = query @ key.transpose(-1, -2) * module.head_size**-0.5
        if packing.key_mask is not None:
            scores = scores.masked_fill(~packing.key_mask, -torch.inf)
        found.append(scores.softmax(dim=-1))

    hooks = [
        part.register_forward_pre_hook(record, with_kwargs=True)
        for member in members
        for part in member.modules()
        if isinstance(part, Attention)
    ]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()
