"""Linear models beside the transformer, one per input, and their weights in the answer."""

from collections.abc import Collection, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from polyome._types import Segment
from polyome.modalities.embeddings import LinearFeatures


class ByName(nn.ModuleDict):
    """Modules by any name that a user may choose, ``train`` and ``values`` included."""

    def __getitem__(self, name: str) -> nn.Module:
        """Look a module up by its name."""
        return super().__getitem__(_key(name))

    def __setitem__(self, name: str, module: nn.Module) -> None:
        """Add a module."""
        super().__setitem__(_key(name), module)

    def __contains__(self, name: object) -> bool:
        """Say whether there is a module of this name."""
        return isinstance(name, str) and super().__contains__(_key(name))


def _key(name: str) -> str:
    """Name a module as torch allows: no dot, and not the name of one of its own methods.

    Examples
    --------
    >>> _key("cell-type"), _key("train"), _key("v1.2")
    ('cell-type', 'train_', 'v1%2E2')
    """
    key = name.replace("%", "%25").replace(".", "%2E")
    return f"{key}_" if hasattr(_NO_MODULES, key) or key.endswith("_") else key


_NO_MODULES = nn.ModuleDict()


class LinearModel(nn.Module):
    """A linear map from a record's own features to the answer, beside the transformer.

    It is fitted on its own by a convex solver and then frozen, so that the model does not fall
    behind the linear one.

    Parameters
    ----------
    features : inputs -> (b, f).
    num_outputs : c.
    """

    def __init__(self, features: LinearFeatures, num_outputs: int) -> None:
        super().__init__()
        self.features = features
        self.linear = nn.Linear(features.width, num_outputs)
        self.linear.requires_grad_(requires_grad=False)

    def forward(self, **inputs: Tensor) -> Tensor:
        """Inputs of the modality -> (b, c)."""
        outputs: Tensor = self.features.weighed(self.linear, **inputs)
        return outputs


class LinearModels(nn.Module):
    """The linear models of a head's inputs, and what each weighs in the answer.

    Weights (stacking weights, Wolpert 1992) hang on which inputs a record has: the answer of one
    that lacks an input is another mixture. Until they are set the transformer answers alone.

    Parameters
    ----------
    features : by name of the input, inputs -> (b, f).
    num_outputs : c.

    Records that have all of several inputs (or of those that :meth:`join` names) are answered by
    one more linear model, of these inputs side by side: what two of them say together no sum of two
    answers holds.

    Attributes
    ----------
    names : the inputs, sorted.
    joint : by input its linear map in that model, (c, f); what they give is added.
    joint_weight : float, (1,), its weight.
    joint_pattern : int64, (1,), the sum of 2^i over the inputs i that it reads.
    weights : float, (2^m, 1 + m) for m inputs: in row ``sum of 2^i over the inputs i present`` the
        weight of the transformer, then of each linear model.
    """

    weights: Tensor
    joint_weight: Tensor
    joint_pattern: Tensor

    def __init__(self, features: dict[str, LinearFeatures], num_outputs: int) -> None:
        super().__init__()
        self.names = tuple(sorted(features))
        self.parts = ByName({n: LinearModel(features[n], num_outputs) for n in self.names})
        weights = torch.zeros(2 ** len(self.names), 1 + len(self.names))
        weights[:, 0] = 1
        self.register_buffer("weights", weights)
        if len(self.names) > 1:
            self.joint = ByName({n: nn.Linear(features[n].width, num_outputs) for n in self.names})
            self.joint.requires_grad_(requires_grad=False)
            self.register_buffer("joint_weight", torch.zeros(1))
            self.register_buffer("joint_pattern", torch.tensor([2 ** len(self.names) - 1]))

    def join(self, names: Collection[str]) -> None:
        """Say which inputs the joint model reads; of all of them, unless this is said."""
        pattern = sum(2**i for i, name in enumerate(self.names) if name in names)
        self.joint_pattern.fill_(pattern)

    def _is_joined(self, i: int) -> bool:
        return bool(int(self.joint_pattern) >> i & 1)

    @property
    def part(self) -> Any:
        """The linear model of a head with one input."""
        (name,) = self.names
        return self.parts[name]

    @property
    def share(self) -> float:
        """Weight of the linear model of a head with one input, between 0 and 1."""
        return float(self.weights[1, 1])

    def set_weight(self, share: float) -> None:
        """Give the linear model of a head with one input its weight, the transformer the rest."""
        self.weights[1] = self.weights.new_tensor([1 - share, share])

    def forward(
        self, segments: dict[str, Segment], rows: Tensor
    ) -> tuple[Sequence[Tensor], Tensor]:
        """Answer records by the linear models of the inputs that they have.

        Parameters
        ----------
        segments : of the batch, by input.
        rows : int64, (b,), ascending places in the batch.

        Returns
        -------
        outputs : of each input whose model has a weight, (b, c), zeros where a record lacks it;
            then those of all inputs together, where that has a weight and all are in the batch.
        weights : (1 + k,), or (b, 1 + k) where records differ in the inputs they have.
        """
        chosen = [i for i, n in enumerate(self.names) if n in segments and self._is_used(i)]
        if not chosen:
            return (), self.weights.new_ones(1)
        is_joint = self._has_joint(segments)
        outputs, pattern, joint = [], torch.zeros_like(rows), None
        for i, name in enumerate(self.names):
            if name not in segments:
                continue
            own = segments[name]["rows"]
            places = torch.searchsorted(rows, own)
            pattern = pattern.index_add(0, places, torch.full_like(places, 2**i))
            is_whole = len(places) == len(rows) and torch.equal(own, rows)
            part: Any = self.parts[name]
            if i in chosen:
                found = part(**segments[name]["inputs"])
                outputs.append(found if is_whole else _placed(found, places, len(rows)))
            if is_joint and self._is_joined(i):
                found = part.features.weighed(self.joint[name], **segments[name]["inputs"])
                found = found if is_whole else _placed(found, places, len(rows))
                joint = found if joint is None else joint + found
        columns = torch.tensor([0, *(1 + i for i in chosen)], device=rows.device)
        first = pattern[:1]
        of_each = first if bool((pattern == first).all()) else pattern
        weights = self.weights[of_each][:, columns]
        if joint is not None:
            has_all = of_each == self.joint_pattern
            weights = torch.cat([weights, (has_all * self.joint_weight)[:, None]], dim=1)
            outputs.append(joint)
        return outputs, weights[0] if of_each is first else weights

    def _has_joint(self, segments: dict[str, Segment]) -> bool:
        """Whether the model of several inputs may be asked."""
        if len(self.names) < 2 or not self.joint_weight.any():
            return False
        return all(n in segments for i, n in enumerate(self.names) if self._is_joined(i))

    def _is_used(self, i: int) -> bool:
        return bool(self.weights[:, 1 + i].any())


def _placed(found: Tensor, places: Tensor, size: int) -> Tensor:
    """Outputs of some records among those of all, zeros for the others."""
    return found.new_zeros(size, found.shape[1]).index_copy(0, places, found)
