"""How much each block of counts matters when natural genes are compared, by validation."""

from typing import Any

import numpy as np
import torch
from scipy.linalg import cho_factor, cho_solve

from polyome._threads import each_alone
from polyome._types import FloatArray
from polyome.modalities.dna.gene_features import BLOCK_WEIGHTS, GeneFeatures, sharpness_of
from polyome.splits import inner_folds

FEWEST_ROWS = 300
"""Below it validation would choose by chance."""
LEAST_GAIN = 0.001
"""Share of the squared error that another weight must save."""
_MOST_ROWS = 3000
_FOLDS = 5
_RIDGE = 0.3  # one penalty while weights are compared; the linear model chooses its own
_OTHERS = (0.0, 0.5, 1.0, 2.0)


def choose_block_weights(
    windows: Any,
    values: FloatArray,
    *,
    groups: np.ndarray | None,
    seed: int,
    start: int | None = None,
) -> tuple[dict[str, float], dict[str, float]]:
    """Go once through the blocks, and give each the weight with the least squared error.

    The error is that of kernel ridge regression on inner folds of at most 3,000 training rows,
    which keep groups whole. What tells E. coli's genes apart (words of either strand, reading
    frames) is not what tells yeast's (windows, codons): on inner folds r rises from .525 to .540
    and from .562 to .576.

    Parameters
    ----------
    windows : uint8, (n, length), of training rows.
    values : float, (n, c), in training units, without missing ones.
    groups : (n,), or None.
    start : place of the genes' first codons, where it is known.

    Returns
    -------
    Weights by block, and the squared errors, as share of the variance, ``before`` and ``after``.
    """
    rows = np.arange(len(windows))
    if len(rows) > _MOST_ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, _MOST_ROWS, replace=False))
    groups = None if groups is None else groups[rows]
    fold = inner_folds(np.zeros(len(rows), np.int64), groups, _FOLDS, seed)
    compared = _Compared(windows[rows], values[rows], fold, start)
    weights = dict(BLOCK_WEIGHTS)
    before = after = compared.error(weights)
    for name in weights:
        others = [weights | {name: value} for value in _OTHERS if value != weights[name]]
        others = [other for other in others if any(other.values())]  # something must be compared
        errors = [compared.error(other) for other in others]
        if min(errors) < (1 - LEAST_GAIN) * after:
            after, weights = min(errors), others[int(np.argmin(errors))]
    return weights, {"before": round(before, 4), "after": round(after, 4)}


class _Compared:
    """Squared distances of training rows by block, and what kernel ridge makes of them."""

    def __init__(
        self,
        windows: Any,
        values: FloatArray,
        fold: np.ndarray,
        start: int | None,
    ) -> None:
        features = GeneFeatures(
            {
                "length": windows.shape[1],
                "landmarks": len(windows),
                "block_weights": dict.fromkeys(BLOCK_WEIGHTS, 1.0),
                "gene_start": start,
            }
        )
        features.start_from(windows, None)
        blocks = features.vectors(features.counts_of(windows)).split(
            list(features.blocks.values()), dim=1
        )
        self.apart = {
            name: torch.cdist(block, block).square()
            for name, block in zip(features.blocks, blocks, strict=True)
        }
        self.values = (values - values.mean(axis=0)) / values.std(axis=0).clip(1e-12)
        self.fold = fold

    def error(self, weights: dict[str, float]) -> float:
        """Mean squared error of held-out rows, as a share of the variance."""
        total: Any = sum(weight * self.apart[name] for name, weight in weights.items() if weight)
        some = min(len(total), 1000)
        upper = torch.triu_indices(some, some, offset=1)
        near = torch.exp(-sharpness_of(total[:some, :some][upper[0], upper[1]]) * total).numpy()
        with each_alone() as pool:
            errors = list(pool.map(lambda k: self._errors(near, k), np.unique(self.fold)))
        return float(np.concatenate(errors).mean())

    def _errors(self, near: FloatArray, held: int) -> FloatArray:
        inside = self.fold != held
        mean = self.values[inside].mean(axis=0)
        system = near[np.ix_(inside, inside)].astype(np.float64)
        system[np.diag_indices(len(system))] += _RIDGE
        coef = cho_solve(cho_factor(system, overwrite_a=True), self.values[inside] - mean)
        answers = mean + near[np.ix_(~inside, inside)] @ coef
        return np.asarray((answers - self.values[~inside]) ** 2)
