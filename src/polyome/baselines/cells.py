"""What is cheap on standardised profiles of cells."""

import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.neighbors import KNeighborsClassifier

from polyome._types import FloatArray
from polyome.outputs.logistic_regression import TunedLogisticRegression


def majority(
    x_train: FloatArray,
    y_train: ArrayLike,
    x_test: FloatArray,
    *,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> FloatArray:
    """Answer every row with the training frequencies, (n_test, c); c in sorted order.

    Examples
    --------
    >>> majority(np.zeros((4, 1)), ["a", "a", "a", "b"], np.zeros((1, 1)))
    array([[0.75, 0.25]])
    """
    counts = np.unique(np.asarray(y_train), return_counts=True)[1]
    return np.tile(counts / counts.sum(), (len(x_test), 1))


def logistic_regression(
    x_train: FloatArray,
    y_train: ArrayLike,
    x_test: FloatArray,
    *,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> FloatArray:
    """Probabilities of `TunedLogisticRegression`, (n_test, c).

    Examples
    --------
    >>> x = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    >>> logistic_regression(x, ["a", "a", "b", "b"], x).argmax(axis=1).tolist()
    [0, 0, 1, 1]
    """
    model = TunedLogisticRegression(seed=seed).fit(x_train, y_train, groups=groups)
    return model.predict_proba(x_test)


def _components(
    x_train: FloatArray, x_test: FloatArray, seed: int, most: int = 30
) -> tuple[FloatArray, FloatArray]:
    """Principal components, at most 30, learned on training rows: (n, 30) and (n_test, 30)."""
    pca = PCA(min(most, *x_train.shape), random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", RuntimeWarning
        )  # constant features: 0 / 0 in a ratio unused
        return pca.fit_transform(x_train), pca.transform(x_test)


def knn_on_components(
    x_train: FloatArray,
    y_train: ArrayLike,
    x_test: FloatArray,
    *,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> FloatArray:
    """Let the 15 nearest training rows in 30 components vote by 1 / distance, (n_test, c).

    Examples
    --------
    >>> x = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    >>> knn_on_components(x, ["a", "a", "b", "b"], x).argmax(axis=1).tolist()
    [0, 0, 1, 1]
    """
    train, test = _components(x_train, x_test, seed)
    model = KNeighborsClassifier(min(15, len(train)), weights="distance")
    return np.asarray(model.fit(train, np.asarray(y_train)).predict_proba(test))


def gradient_boosting(
    x_train: FloatArray,
    y_train: ArrayLike,
    x_test: FloatArray,
    *,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> FloatArray | None:
    """Gradient-boosted trees on 30 components, stopped early, (n_test, c).

    None above 20,000 rows or 30 classes, where it is no longer cheap.

    Examples
    --------
    >>> gradient_boosting(np.zeros((40, 2)), np.arange(40), np.zeros((1, 2))) is None
    True
    """
    y = np.asarray(y_train)
    counts = np.unique(y, return_counts=True)[1]
    if len(y) > 20_000 or len(counts) > 30:
        return None
    train, test = _components(x_train, x_test, seed)
    # Validation rows for stopping are drawn by class: each needs two rows, and a place aside.
    stops = bool(counts.min() >= 2 and 0.1 * len(y) >= len(counts))
    model = HistGradientBoostingClassifier(
        max_iter=100 if stops else 30,
        max_leaf_nodes=15,
        early_stopping=stops,
        n_iter_no_change=5,
        random_state=seed,
    )
    return np.asarray(model.fit(train, y).predict_proba(test))


BASELINES: dict[str, Callable[..., FloatArray | None]] = {
    "majority": majority,
    "logistic_regression": logistic_regression,
    "knn_on_components": knn_on_components,
    "gradient_boosting": gradient_boosting,
}
"""Every baseline takes ``(x_train, y_train, x_test, *, seed, groups)`` and gives (n_test, c)."""
