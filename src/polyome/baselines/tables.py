"""What is cheap on numeric features, of classes, of labels and of values."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.neighbors import KNeighborsRegressor

from polyome._types import FloatArray
from polyome.baselines.labels import of_each_label

MOST_FEATURES = 500
"""More features are reduced to components."""
_COMPONENTS = 50
_PROFILE_COMPONENTS = 100
_MOST_WORK = 2e8  # rows times features times trees, beyond which boosting is no longer cheap
_TREES = 200


def boosted_classes(
    x_train: FloatArray,
    y_train: ArrayLike,
    x_test: FloatArray,
    *,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> FloatArray | None:
    """Gradient-boosted trees, probabilities (n_test, c); None where that is dear.

    Examples
    --------
    >>> x = np.repeat([[0.0], [1.0]], 30, axis=0)
    >>> boosted_classes(x, np.repeat(["a", "b"], 30), x[:1]).argmax()
    np.int64(0)
    """
    del groups
    y = np.asarray(y_train)
    x_train, x_test = _reduced(x_train, x_test, seed)
    trees = _trees(x_train.size * len(np.unique(y)))
    return _boosted(x_train, y, x_test, trees, seed) if trees else None


def boosted_labels(
    x_train: FloatArray,
    y_train: FloatArray,
    x_test: FloatArray,
    *,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> FloatArray | None:
    """Gradient-boosted trees of each label's known rows, (n_test, c); None where that is dear.

    ``y_train``, (n, c), is 0, 1 or NaN.

    Examples
    --------
    >>> x = np.repeat([[0.0], [1.0]], 40, axis=0)
    >>> boosted_labels(x, np.hstack([x, 1 - x]), x[:1]).round().tolist()
    [[0.0, 1.0]]
    """
    del groups
    x_train, x_test = _reduced(x_train, x_test, seed)
    trees = _trees(2 * x_train.size * y_train.shape[1])
    if not trees:
        return None
    return of_each_label(lambda x, y: _boosted(x, y, x_test, trees, seed), x_train, y_train)


def _boosted(
    x_train: FloatArray, y: np.ndarray, x_test: FloatArray, trees: int, seed: int
) -> FloatArray:
    """Probabilities, (n_test, c), of so many trees at most."""
    counts = np.unique(y, return_counts=True)[1]
    # Rows that stop the fit are drawn by class: each needs two rows, and a place among them.
    stops = bool(counts.min() >= 2 and 0.1 * len(y) >= len(counts) and len(y) >= 200)
    model = HistGradientBoostingClassifier(
        learning_rate=0.1,
        max_iter=trees if stops else 50,
        max_leaf_nodes=15,
        early_stopping=stops,
        n_iter_no_change=10,
        random_state=seed,
    )
    return np.asarray(model.fit(x_train, y).predict_proba(x_test))


def boosted_values(
    x_train: FloatArray,
    y_train: FloatArray,
    x_test: FloatArray,
    *,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> FloatArray | None:
    """Gradient-boosted trees of each target's known rows, (n_test, c); None where that is dear.

    Examples
    --------
    >>> x = np.repeat([[0.0], [1.0]], 40, axis=0)
    >>> boosted_values(x, 10 * x, x[:1]).round(0).tolist()
    [[0.0]]
    """
    del groups
    x_train, x_test = _reduced(x_train, x_test, seed)
    trees = _trees(x_train.size * y_train.shape[1])
    if not trees:
        return None
    found = []
    for column in y_train.T:
        known = np.isfinite(column)
        stops = bool(known.sum() >= 200)
        model = HistGradientBoostingRegressor(
            learning_rate=0.05,
            max_iter=trees if stops else 100,
            max_leaf_nodes=15,
            early_stopping=stops,
            n_iter_no_change=10,
            random_state=seed,
        )
        found.append(model.fit(x_train[known], column[known]).predict(x_test))
    return np.stack(found, axis=1)


def _trees(work: float) -> int:
    return _TREES if work * _TREES <= _MOST_WORK * 10 else 50 if work * 50 <= _MOST_WORK * 10 else 0


def _reduced(
    x_train: FloatArray, x_test: FloatArray, seed: int, number: int = _COMPONENTS
) -> tuple[FloatArray, FloatArray]:
    """Many features as principal components, learned on training rows."""
    if x_train.shape[1] <= MOST_FEATURES:
        return x_train, x_test
    pca = PCA(min(number, *x_train.shape), random_state=seed).fit(x_train)
    return pca.transform(x_train), pca.transform(x_test)


def extra_trees(
    x_train: FloatArray,
    y_train: FloatArray,
    x_test: FloatArray,
    *,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> FloatArray:
    """Extremely randomised trees on components, all values at once, (n_test, c).

    Geurts et al. 2006, Mach Learn. Rows that lack a value do not fit.

    Examples
    --------
    >>> x = np.repeat([[0.0], [1.0]], 40, axis=0)
    >>> extra_trees(x, 10 * x, x[:1]).round(0).tolist()
    [[0.0]]
    """
    del groups
    x_train, x_test = _reduced(x_train, x_test, seed, _PROFILE_COMPONENTS)
    known = np.isfinite(y_train).all(axis=1)
    model = ExtraTreesRegressor(200, min_samples_leaf=3, max_features=0.3, random_state=seed)
    fitting = y_train[known] if y_train.shape[1] > 1 else y_train[known].ravel()
    found = model.fit(x_train[known], fitting).predict(x_test)
    return np.asarray(found).reshape(len(x_test), -1)


def nearest_neighbours(
    x_train: FloatArray,
    y_train: FloatArray,
    x_test: FloatArray,
    *,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> FloatArray:
    """Mean of the values of the 25 nearest training rows, on components, (n_test, c).

    Examples
    --------
    >>> x = np.repeat([[0.0], [1.0]], 40, axis=0)
    >>> nearest_neighbours(x, 10 * x, x[:1]).tolist()
    [[0.0]]
    """
    del groups
    x_train, x_test = _reduced(x_train, x_test, seed, _PROFILE_COMPONENTS)
    known = np.isfinite(y_train).all(axis=1)
    model = KNeighborsRegressor(min(25, int(known.sum())))
    found = model.fit(x_train[known], y_train[known]).predict(x_test)
    return np.asarray(found).reshape(len(x_test), -1)
