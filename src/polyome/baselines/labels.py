"""Baselines of any of several labels: two classes each, on the rows where that is known."""

from collections.abc import Callable
from typing import Any

import numpy as np

from polyome._types import FloatArray, IntArray

OneLabel = Callable[[Any, IntArray], FloatArray | None]
"""(m, f) and 0 or 1, (m,) -> probabilities of test rows, (n_test, 2); None where that is dear."""


def of_each_label(fit: OneLabel, x_train: Any, y_train: FloatArray) -> FloatArray | None:
    """Probability of each label, (n_test, c); None where one of them is dear.

    Parameters
    ----------
    x_train : (n, ...).
    y_train : (n, c): 1, 0, or NaN where a label is not known.

    Examples
    --------
    >>> truth = np.array([[1.0, 0.0], [np.nan, 1.0], [0.0, np.nan]])
    >>> of_each_label(lambda x, y: np.array([[0, len(x)]]), np.zeros((3, 1)), truth).tolist()
    [[2, 2]]
    """
    columns = []
    for column in y_train.T:
        known = np.isfinite(column)
        proba = fit(x_train[known], (column[known] == 1).astype(np.int64))
        if proba is None:
            return None
        columns.append(proba[:, 1])
    return np.stack(columns, axis=1)
