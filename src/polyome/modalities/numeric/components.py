"""Principal components of records, dense or sparse, many features or few."""

from typing import Any

import numpy as np
from scipy import sparse
from scipy.linalg import eigh

from polyome._types import FloatArray


def principal_components(
    values: Any, count: int, mean: FloatArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """Principal components, from whichever of the two Gram matrices is smaller.

    Parameters
    ----------
    values : float, (n, f), dense or sparse.
    count : k, components wanted.
    mean : (f,), what is subtracted from each row; None: nothing, the values are centred already.

    Returns
    -------
    components : float32, (k, f), orthonormal, the largest first; zeros where records have no more.
    stds : float32, (k,), the standard deviation along each, at least .001.

    Examples
    --------
    >>> components, stds = principal_components(np.array([[3.0, 0.0], [-3.0, 0.0]]), 2)
    >>> components[0].tolist(), stds.round(3).tolist()
    ([1.0, 0.0], [3.0, 0.0010000000474974513])
    """
    n, width = values.shape
    own = values.astype(np.float64)
    subtracted = np.zeros(width) if mean is None else mean.astype(np.float64)
    wide = n < width
    if wide:
        cross = own @ subtracted
        gram = _dense(own @ own.T) - cross[:, None] - cross[None] + subtracted @ subtracted
    else:
        total = np.asarray(own.sum(axis=0)).ravel()
        cross = np.outer(total, subtracted)
        gram = _dense(own.T @ own) - cross - cross.T + n * np.outer(subtracted, subtracted)
    size = len(gram)
    kept = min(count, size)
    found, vectors = eigh(gram, subset_by_index=[size - kept, size - 1])
    found, vectors = found[::-1], vectors[:, ::-1]
    is_there = found > 1e-9 * max(found[0], 1e-300)
    axes = vectors.T[is_there]
    if wide:
        axes = (own.T @ axes.T).T - np.outer(axes.sum(axis=1), subtracted)
        axes /= np.sqrt(found[is_there])[:, None]
    axes = axes * np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])[:, None]
    components = np.zeros((count, width), np.float32)
    stds = np.full(count, 1e-3, np.float32)
    components[: len(axes)] = axes
    stds[: len(axes)] = np.sqrt(found[is_there] / n).clip(1e-3)
    return components, stds


def _dense(values: Any) -> FloatArray:
    return values.toarray() if sparse.issparse(values) else np.asarray(values)
