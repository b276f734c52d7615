"""The cheap models that stand beside predicted values of sequences.

Each takes ``(x_train, y_train, x_test, *, seed, groups)``: windows of letters, uint8 (n, length),
and values (n, c), NaN where missing. It gives values (n_test, c). The quick one stands beside every
fit; the tuned ones are what `benchmarks/` compares with.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from torch import Tensor, nn

from polyome._types import FloatArray, IntArray
from polyome.baselines.dna import (
    BOOSTING_GRID,
    Features,
    SmallCNN,
    cnn_outputs,
    fit_cnn,
    is_dear,
    kmers_and_letters,
    some_folds,
)
from polyome.io.nucleotides import Codes
from polyome.modalities.dna.codons import gene_codons
from polyome.modalities.dna.gene_features import phased_kmers
from polyome.modalities.dna.kmers import count_kmers
from polyome.splits import inner_folds

ALPHA_GRID = (1000.0, 300.0, 100.0, 30.0, 10.0, 3.0, 1.0, 0.3)
"""Penalties of ridge regression, from strong to weak."""
BoostedFeatures = Callable[[Codes], FloatArray]
_Column = Callable[[Any, FloatArray, Any], FloatArray]


def gradient_boosting(
    x_train: Codes,
    y_train: FloatArray,
    x_test: Codes,
    *,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> FloatArray | None:
    """Gradient-boosted trees on k-mers 1 to 4 and letters, quick; None where that is dear.

    Examples
    --------
    >>> windows = np.tile(np.array([[1, 1], [2, 2]], np.uint8), (50, 1))
    >>> found = gradient_boosting(windows, np.tile([[0.0], [1.0]], (50, 1)), windows[:2])
    >>> found.round(1).tolist()
    [[0.0], [1.0]]
    """
    del groups
    if is_dear(x_train):
        return None
    settings = {"max_iter": 100, "max_leaf_nodes": 15}
    return boosted(x_train, y_train, x_test, settings, seeds=range(seed, seed + 1))


def gene_kmers(windows: Codes, start: int | None = None) -> FloatArray:
    """What boosting reads of natural genes, float32 (n, f).

    Counts of the k-mers 1 to 4 of the whole, of the 3-mers of each reading frame in stretches of
    200 bp, and of the gene's codons, which begin at ``start`` if that is known.

    Examples
    --------
    >>> gene_kmers(np.ones((2, 400), np.uint8)).shape
    (2, 788)
    """
    codes = torch.from_numpy(windows)
    parts = (count_kmers(codes, 4), phased_kmers(codes, 200), gene_codons(codes, start))
    return torch.cat(parts, dim=1).numpy()


def boosted(
    x_train: Codes,
    y_train: FloatArray,
    x_test: Codes,
    settings: dict[str, Any],
    *,
    seeds: range,
    features: BoostedFeatures = kmers_and_letters,
) -> FloatArray:
    """Boosting with chosen settings, the mean of several seeds, (n_test, c)."""
    x, other = features(x_train), features(x_test)

    def column(x: FloatArray, y: FloatArray, other: FloatArray) -> FloatArray:
        found = [_trees(seed, **settings).fit(x, y).predict(other) for seed in seeds]
        return np.asarray(np.mean(found, axis=0))

    return _by_column(x, y_train, other, column)


def _trees(seed: int, **settings: Any) -> HistGradientBoostingRegressor:
    return HistGradientBoostingRegressor(
        max_features=0.3, max_bins=64, early_stopping=False, random_state=seed, **settings
    )


def _by_column(x: Any, y: FloatArray, other: Any, fit: _Column) -> FloatArray:
    """Fit each target to the rows where it is known, (n_test, c)."""
    found = []
    for column in y.T:
        known = np.isfinite(column)
        found.append(fit(x[known], column[known], other))
    return np.stack(found, axis=1)


def choose_boosting(
    windows: Codes,
    y: FloatArray,
    *,
    groups: ArrayLike | None = None,
    folds: int = 3,
    seed: int = 0,
    features: BoostedFeatures = kmers_and_letters,
) -> dict[str, Any]:
    """Choose boosting's settings by the squared error on inner folds."""
    x = features(windows)
    pairs = _pairs(len(y), groups, folds, seed)

    def error(settings: dict[str, Any]) -> float:
        def column(x: FloatArray, y: FloatArray, other: FloatArray) -> FloatArray:
            return np.asarray(_trees(seed, **settings).fit(x, y).predict(other))

        found = [np.nanmean((_by_column(x[a], y[a], x[b], column) - y[b]) ** 2) for a, b in pairs]
        return float(np.mean(found))

    return min(BOOSTING_GRID, key=error)


def _pairs(
    n: int, groups: ArrayLike | None, folds: int, seed: int
) -> list[tuple[IntArray, IntArray]]:
    fold = inner_folds(np.zeros(n, np.int64), groups, folds, seed, if_small=None)
    return list(some_folds(fold, n))


def tuned_ridge(
    x_train: Codes,
    y_train: FloatArray,
    x_test: Codes,
    features: Features,
    *,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> FloatArray:
    """Ridge regression on :func:`polyome.baselines.dna.scaled_kmers` or ``placed_letters``.

    Its penalty is chosen by the squared error on inner folds.

    Examples
    --------
    >>> from polyome.baselines.dna import placed_letters
    >>> windows = np.tile(np.array([[1, 1], [2, 2]], np.uint8), (50, 1))
    >>> y = np.tile([[0.0], [1.0]], (50, 1))
    >>> tuned_ridge(windows, y, windows[:2], placed_letters).round(1).tolist()
    [[0.0], [1.0]]
    """
    x, other = features(x_train, x_test)
    pairs = _pairs(len(y_train), groups, 3, seed)

    def column(alpha: float) -> _Column:
        return lambda x, y, other: np.asarray(_ridge(alpha).fit(x, y).predict(other))

    errors: dict[float, float] = {}
    for alpha in ALPHA_GRID:
        found = [
            np.nanmean((_by_column(x[a], y_train[a], x[b], column(alpha)) - y_train[b]) ** 2)
            for a, b in pairs
        ]
        errors[alpha] = float(np.mean(found))
        if errors[alpha] > 1.01 * min(errors.values()):
            break
    best = min(errors, key=errors.__getitem__)
    return _by_column(x, y_train, other, column(best))


def _ridge(alpha: float) -> Ridge:
    return Ridge(alpha, solver="sparse_cg", tol=1e-3, max_iter=300)


def small_cnn(
    x_train: Codes,
    y_train: FloatArray,
    x_test: Codes,
    *,
    seed: int = 0,
    groups: ArrayLike | None = None,
    repeats: int = 3,
    epochs: int = 30,
) -> FloatArray:
    """A small convolutional network, stopped early on a seventh of the rows; mean of seeds.

    Examples
    --------
    >>> windows = np.tile(np.array([[1, 1], [2, 2]], np.uint8), (50, 10))
    >>> y = np.tile([[0.0], [1.0]], (50, 1))
    >>> small_cnn(windows, y, windows[:2], repeats=1, epochs=1).shape
    (2, 1)
    """
    fold = inner_folds(np.zeros(len(y_train), np.int64), groups, 7, seed, if_small=None)
    center, spread = np.nanmean(y_train, axis=0), np.nanstd(y_train, axis=0)
    y = ((y_train - center) / spread).astype(np.float32)
    answers = []
    for repeat in range(repeats):
        torch.manual_seed(1000 * seed + repeat)
        aside = fold == repeat % (fold.max() + 1)
        model = fit_cnn(
            SmallCNN(y.shape[1]),
            x_train,
            torch.from_numpy(y),
            aside,
            _known_error,
            epochs=epochs,
            seed=1000 * seed + repeat,
        )
        answers.append(cnn_outputs(model, x_test).numpy() * spread + center)
    return np.asarray(np.mean(answers, axis=0))


def _known_error(found: Tensor, truth: Tensor) -> Tensor:
    """Mean squared error of the values that were measured."""
    known = truth.isfinite()
    return nn.functional.mse_loss(found[known], truth[known])
