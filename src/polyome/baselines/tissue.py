"""The cheap models beside every score on tissue: expression, its surroundings, and position."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.exceptions import ConvergenceWarning
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier

from polyome._types import FloatArray
from polyome.modalities.profiles.records import CellRecords
from polyome.modalities.spatial.records import TissueRecords
from polyome.modalities.tissue import TissueModality
from polyome.outputs.logistic_regression import TunedLogisticRegression

SIZES = (15, 30)
"""Neighbourhoods that the linear baseline chooses between."""
_PLACE = 3


def linear_features(modality: TissueModality, records: TissueRecords) -> FloatArray:
    """Own z-scores beside the modality's context, float32 (n, g + l q)."""
    prepared = modality.prepare(records)
    own = modality.standardised(prepared)
    if prepared.context is None:
        return own
    return np.hstack([own, prepared.context.reshape(len(own), -1)])


def wide_features(modality: TissueModality, records: TissueRecords) -> FloatArray:
    """Own z-scores, their means of 15 and of 30 neighbours, position: float32 (n, 3 g + 3).

    Position is about the section's middle and in its unit, in the file's own directions.
    """
    own = modality.standardised(records)
    everyone = CellRecords(records.adata, records.expression, np.arange(records.adata.n_obs))
    near = records.sections.neighbourhoods(max(SIZES))
    z = modality.standardised(everyone)
    around = [near.means(records.rows, k, z) for k in SIZES]
    place = np.zeros((len(own), _PLACE), np.float32)
    found = records.sections.placed()[records.rows]
    place[:, : found.shape[1]] = found
    return np.hstack([own, *around, place])


class _Parts:
    """The columns of `wide_features`, standardised by training rows."""

    def __init__(self, x: FloatArray, x_train: FloatArray) -> None:
        genes = (x.shape[1] - _PLACE) // (1 + len(SIZES))
        scale = x_train.std(axis=0)
        z = (x - x_train.mean(axis=0)) / np.where(scale < 1e-6, 1, scale)
        self.own = z[:, :genes]
        self.around = {k: z[:, genes * (1 + i) : genes * (2 + i)] for i, k in enumerate(SIZES)}
        self.place = z[:, -_PLACE:]

    def with_neighbours(self, k: int) -> FloatArray:
        """Own expression and the mean of k neighbours."""
        return np.hstack([self.own, self.around[k]])


def logistic_regression_neighbours(
    x_train: FloatArray,
    y_train: ArrayLike,
    x_test: FloatArray,
    *,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> FloatArray:
    """Expression and the mean of 15 or 30 neighbours, whichever inner folds prefer, (n_test, c).

    Examples
    --------
    >>> x = np.repeat([[-1.0], [1.0]], 3, axis=0) * np.ones((1, 9))
    >>> logistic_regression_neighbours(x, list("aaabbb"), x).argmax(axis=1).tolist()
    [0, 0, 0, 1, 1, 1]
    """
    return _linear(x_train, y_train, x_test, seed=seed, groups=groups, with_place=False)


def logistic_regression_position(
    x_train: FloatArray,
    y_train: ArrayLike,
    x_test: FloatArray,
    *,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> FloatArray:
    """Expression, the mean of neighbours, x and y, (n_test, c).

    Examples
    --------
    >>> x = np.repeat([[-1.0], [1.0]], 3, axis=0) * np.ones((1, 9))
    >>> logistic_regression_position(x, list("aaabbb"), x).argmax(axis=1).tolist()
    [0, 0, 0, 1, 1, 1]
    """
    return _linear(x_train, y_train, x_test, seed=seed, groups=groups, with_place=True)


def _linear(
    x_train: FloatArray,
    y_train: ArrayLike,
    x_test: FloatArray,
    *,
    seed: int,
    groups: ArrayLike | None,
    with_place: bool,
) -> FloatArray:
    train, test = _Parts(x_train, x_train), _Parts(x_test, x_train)
    fitted: list[tuple[float, Any, FloatArray]] = []
    for k in SIZES:
        parts = [
            np.hstack([p.with_neighbours(k), p.place]) if with_place else p.with_neighbours(k)
            for p in (train, test)
        ]
        model = TunedLogisticRegression(seed=seed).fit(parts[0], y_train, groups=groups)
        fitted.append((model.inner_log_loss_, model, parts[1]))
    _, best, x = min(fitted, key=lambda found: found[0])
    return np.asarray(best.predict_proba(x))


def position_alone(
    x_train: FloatArray,
    y_train: ArrayLike,
    x_test: FloatArray,
    *,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> FloatArray:
    """Let the 15 nearest training cells vote, by x and y alone and without a gene, (n_test, c).

    Examples
    --------
    >>> x = np.repeat([[-1.0], [1.0]], 15, axis=0) * np.ones((1, 6))
    >>> position_alone(x, ["a"] * 15 + ["b"] * 15, x)[[0, 15]].tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    del seed, groups
    model = KNeighborsClassifier(min(15, len(x_train)))
    model.fit(x_train[:, -_PLACE:], np.asarray(y_train))
    return np.asarray(model.predict_proba(x_test[:, -_PLACE:]))


def small_network(
    x_train: FloatArray,
    y_train: ArrayLike,
    x_test: FloatArray,
    *,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> FloatArray:
    """One hidden layer of 64 on expression and the mean of 30 neighbours, (n_test, c).

    Examples
    --------
    >>> x = np.repeat([[-1.0], [1.0]], 20, axis=0) * np.ones((1, 9))
    >>> small_network(x, ["a"] * 20 + ["b"] * 20, x)[[0, 20]].argmax(axis=1).tolist()
    [0, 1]
    """
    del groups
    train, test = _Parts(x_train, x_train), _Parts(x_test, x_train)
    epochs = int(np.clip(400_000 / len(x_train), 30, 200))  # some 2,000 steps of 200 rows
    model = MLPClassifier((64,), alpha=1e-2, max_iter=epochs, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(train.with_neighbours(SIZES[-1]), np.asarray(y_train))
    return np.asarray(model.predict_proba(test.with_neighbours(SIZES[-1])))


SPATIAL_BASELINES = {
    "logistic_regression_neighbours": logistic_regression_neighbours,
    "logistic_regression_position": logistic_regression_position,
    "position_alone": position_alone,
    "small_network": small_network,
}
