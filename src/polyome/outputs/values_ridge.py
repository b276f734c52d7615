"""Ridge regression of few features, solved exactly for every penalty."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.linalg import eigh

from polyome._types import FloatArray, IntArray
from polyome.outputs.linear import FittedLinear, Fold

PENALTIES = tuple(10.0 ** np.arange(1, -6.5, -0.5))
"""From strong to weak, in units of the features' summed squares."""


def fit_exact_ridge(folds: list[Fold], whole: Fold, truth: FloatArray) -> FittedLinear:
    """Choose each target's penalty by the squared error of held-out rows, then fit all rows.

    Parameters
    ----------
    truth : (n, c, 2), values and their weights, 0 where missing.

    Examples
    --------
    >>> x = np.arange(8.0)[:, None] - 3.5
    >>> truth = np.stack([2 * x + 1, np.ones_like(x)], axis=-1)
    >>> rows = np.arange(8)
    >>> fold = Fold(rows[::2], rows[1::2], x[::2], x[1::2], None, None)
    >>> whole = Fold(rows, rows[:0], x, x[:0], None, None)
    >>> fit_exact_ridge([fold], whole, truth).coef.round(3).tolist()
    [[2.0]]
    """
    alphas = np.array(PENALTIES) * float((whole.x.astype(np.float64) ** 2).sum())
    held = np.zeros((len(alphas), *truth.shape[:2]))
    scored = np.unique(np.concatenate([fold.held for fold in folds]))
    for fold in folds:
        coefs, intercepts = _solutions(fold.x, truth[fold.rows], alphas)
        held[:, fold.held] = fold.x_held @ coefs.transpose(0, 2, 1) + intercepts[:, None]
    values, weights = truth[scored, :, 0], truth[scored, :, 1]
    errors = (weights * (held[:, scored] - values) ** 2).sum(axis=1)  # (a, c)
    best = errors.argmin(axis=0)
    coefs, intercepts = _solutions(whole.x, truth[whole.rows], alphas)
    targets = np.arange(truth.shape[1])
    return FittedLinear(
        coefs[best, targets].astype(np.float32),
        intercepts[best, targets].astype(np.float32),
        held[best, :, targets].T,
    )


def fit_joint_ridge(
    folds: Mapping[str, Sequence[Fold]], whole: Mapping[str, Fold], truth: FloatArray
) -> dict[str, FittedLinear]:
    """Ridge regression on several inputs side by side, taken apart: the answers add up.

    Inputs count alike whatever their number of features; a record that lacks one has its mean.

    Parameters
    ----------
    folds : by input the same folds, in the same order.
    whole : by input all rows that have it.
    truth : (n, c, 2), values and their weights, 0 where missing.

    Returns
    -------
    By input; its held-out answers are 0 where a record lacks it.
    """
    names, n = list(whole), len(truth)
    scales = {name: _block_scale(fold.x) for name, fold in whole.items()}
    ends = np.cumsum([whole[name].x.shape[1] for name in names])
    blocks = dict(zip(names, (slice(e - whole[i].x.shape[1], e) for i, e in zip(names, ends))))
    x, fits, _ = _side_by_side(whole, scales, blocks, n)
    alphas = np.array(PENALTIES) * float((x**2).sum())
    final = _solutions(x[fits], truth[fits], alphas)
    parts = {name: np.zeros((len(alphas), *truth.shape[:2])) for name in names}
    scored: set[int] = set()
    for own in zip(*folds.values(), strict=True):
        x, fits, held = _side_by_side(dict(zip(folds, own)), scales, blocks, n)
        coefs, intercepts = _solutions(x[fits], truth[fits], alphas)
        share = intercepts[:, None] / len(names)
        for name, block in blocks.items():
            own_answers = x[held][:, block] @ coefs[:, :, block].transpose(0, 2, 1)
            parts[name][:, held] = own_answers + share
        scored |= set(held.tolist())
    rows = np.array(sorted(scored))
    total = np.sum([*parts.values()], axis=0)[:, rows]
    errors = (truth[rows, :, 1] * (total - truth[rows, :, 0]) ** 2).sum(axis=1)
    best, targets = errors.argmin(axis=0), np.arange(truth.shape[1])
    return {
        name: FittedLinear(
            (final[0][best, targets][:, blocks[name]] * scales[name]).astype(np.float32),
            (final[1][best, targets] / len(names)).astype(np.float32),
            parts[name][best, :, targets].T,
        )
        for name in names
    }


def _block_scale(x: Any) -> float:
    """What brings the mean squared length of an input's features to 1."""
    return float(1 / np.sqrt(max((np.asarray(x, np.float64) ** 2).sum() / max(len(x), 1), 1e-12)))


def _side_by_side(
    own: Mapping[str, Fold], scales: Mapping[str, float], blocks: Mapping[str, slice], n: int
) -> tuple[FloatArray, IntArray, IntArray]:
    """Features of all records, (n, f), and which of them fit and are held out."""
    x = np.zeros((n, max(block.stop for block in blocks.values())))
    for name, fold in own.items():
        x[fold.rows, blocks[name]] = scales[name] * fold.x
        if len(fold.held):
            x[fold.held, blocks[name]] = scales[name] * fold.x_held
    fits, held = (
        np.unique(np.concatenate([getattr(fold, part) for fold in own.values()]))
        for part in ("rows", "held")
    )
    return x, fits.astype(np.int64), held.astype(np.int64)


def _solutions(x: Any, truth: FloatArray, alphas: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Coefficients (a, c, f) and intercepts (a, c) for each penalty and target."""
    x = np.asarray(x, dtype=np.float64)
    coefs = np.zeros((len(alphas), truth.shape[1], x.shape[1]))
    intercepts = np.zeros(coefs.shape[:2])
    for k in range(truth.shape[1]):
        values, weights = truth[:, k, 0].astype(np.float64), truth[:, k, 1].astype(np.float64)
        known = weights > 0
        if known.any():
            coefs[:, k], intercepts[:, k] = _solve(x[known], values[known], weights[known], alphas)
    return coefs, intercepts


def _solve(
    x: FloatArray, values: FloatArray, weights: FloatArray, alphas: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Coefficients (a, f) and intercepts (a,), from the smaller of the two Gram matrices."""
    center_x, center_y = weights @ x / weights.sum(), weights @ values / weights.sum()
    root = np.sqrt(weights)
    x, y = (x - center_x) * root[:, None], (values - center_y) * root
    if x.shape[1] <= len(x):
        found, axes = eigh(x.T @ x)
        coefs = (axes.T @ (x.T @ y)) / (found.clip(0) + alphas[:, None]) @ axes.T
    else:
        found, axes = eigh(x @ x.T)
        coefs = (axes.T @ y) / (found.clip(0) + alphas[:, None]) @ axes.T @ x
    return coefs, center_y - coefs @ center_x
