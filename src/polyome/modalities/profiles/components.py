"""Principal components of standardised profiles."""

import numpy as np
from scipy.linalg import eigh

from polyome._types import FloatArray


def profile_components(z: FloatArray, wanted: int) -> tuple[FloatArray, FloatArray, float]:
    """So many principal components of z-scores, (n, g).

    Returns
    -------
    components : float32, (k, g), orthonormal, the largest first.
    stds : float32, (k,), standard deviation of each.
    noise : variance per gene outside the components.
    """
    z = z.astype(np.float64)
    values, vectors = _leading(z, wanted)
    vectors = vectors * np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(wanted)])
    total, genes = (z**2).sum() / len(z), z.shape[1]
    noise = max((total - values.sum()) / max(1, genes - wanted), 1e-6)
    return vectors.T.astype(np.float32), np.sqrt(values).astype(np.float32), float(noise)


def _leading(z: FloatArray, wanted: int) -> tuple[FloatArray, FloatArray]:
    """Largest eigenvalues, (k,), of the genes' covariance, and their vectors, (g, k).

    With fewer cells than genes they are found between cells, which has the same eigenvalues and is
    a tenth of the work or less: a gene's weight is its product with the cells' vectors.

    Examples
    --------
    >>> z = np.array([[2.0, 0, 0, 1], [-2.0, 0, 0, -1]])
    >>> values, vectors = _leading(z, 1)
    >>> values.round(3).tolist(), np.abs(vectors[:, 0]).round(3).tolist()
    ([5.0], [0.894, 0.0, 0.0, 0.447])
    """
    cells, genes = z.shape
    if wanted < cells < genes:
        values, vectors = eigh(z @ z.T / cells, subset_by_index=[cells - wanted, cells - 1])
        if values[0] > 1e-6 * values[-1]:  # else a division by nearly nothing
            return values[::-1], (z.T @ vectors / np.sqrt(cells * values))[:, ::-1]
    values, vectors = eigh(z.T @ z / cells, subset_by_index=[genes - wanted, genes - 1])
    return values[::-1].clip(1e-6), vectors[:, ::-1]
