"""Principal components are the same by either Gram matrix, dense or sparse."""

import numpy as np
import pytest
from scipy import sparse

from polyome.modalities.numeric.components import principal_components


@pytest.mark.parametrize("shape", [(12, 40), (60, 9)])
@pytest.mark.parametrize("is_sparse", [False, True])
def test_components_are_those_of_the_centred_values(shape, is_sparse):
    rng = np.random.default_rng(0)
    values = rng.normal(size=shape) * (rng.random(shape) < 0.4)
    mean = values.mean(axis=0)
    _, singular, axes = np.linalg.svd(values - mean, full_matrices=False)
    given = sparse.csr_matrix(values) if is_sparse else values
    components, stds = principal_components(given, 4, mean)
    np.testing.assert_allclose(stds, singular[:4] / np.sqrt(shape[0]), rtol=1e-5)
    np.testing.assert_allclose(np.abs((components * axes[:4]).sum(axis=1)), 1, rtol=1e-5)


def test_more_than_there_are_stay_zero():
    components, _ = principal_components(np.array([[1.0, 0, 0], [-1.0, 0, 0]]), 3)
    assert components[1:].tolist() == [[0, 0, 0]] * 2
