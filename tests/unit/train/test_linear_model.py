"""The linear model where data are unkind: another device, a class that a fold lacks."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse

from polyome.modalities import SequenceModality
from polyome.outputs.classes_linear import fit_linear_model
from polyome.outputs.linear import Fold
from polyome.train.linear_model import outputs_of


class Elsewhere(torch.nn.Module):
    """Says where its inputs lie; its own buffer lies on a device without memory."""

    def __init__(self):
        super().__init__()
        self.register_buffer("scales", torch.ones(1, device="meta"))
        self.seen = set()

    def forward(self, **inputs):
        self.seen |= {tensor.device.type for tensor in inputs.values()}
        return torch.zeros(2, 3)


def test_inputs_go_where_the_features_are():
    modality = SequenceModality()
    records = modality.read(pd.DataFrame({"sequence": ["ACGT", "AACC"]}))
    modality.fit(records)
    features = Elsewhere()
    assert outputs_of(features, modality, records).shape == (2, 3)
    assert features.seen == {"meta"}


def test_a_fold_of_one_class_answers_that_class():
    rng = np.random.default_rng(0)
    truth = np.array([0] * 10 + [1] * 2)
    x = sparse.csr_matrix(rng.normal(size=(12, 3)) + truth[:, None])
    held = [np.r_[0:5], np.r_[5:10], np.r_[10:12]]
    folds = [_fold(x, np.setdiff1d(np.arange(12), rows), rows) for rows in held]
    found = fit_linear_model(folds, _fold(x, np.arange(12), np.arange(0)), truth, 2)
    assert found.coef.shape == (2, 3)
    assert np.exp(found.out_of_fold[10:, 0]).round(5).tolist() == [1, 1]  # all it knew
    assert found.seen.tolist() == [True] * 10 + [False] * 2


@pytest.mark.parametrize("telling", [2, 6])
def test_many_features_are_read_where_they_tell_more(telling):
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 90)
    x = rng.normal(size=(90, 8))
    x[:, [0, 1, telling]] += 2 * np.eye(3)[truth]
    parts = np.array_split(rng.permutation(90), 3)

    def fitted(width, readings=None):
        folds = [_fold(x[:, :width], np.setdiff1d(np.arange(90), rows), rows) for rows in parts]
        whole = _fold(x[:, :width], np.arange(90), parts[0])
        return fit_linear_model(folds, whole, truth, 3, readings=readings)

    few, many, found = fitted(3), fitted(8), fitted(8, (3, 8))
    of_few, of_many = x[:, :3] @ few.coef.T + few.intercept, x @ many.coef.T + many.intercept
    expected = of_few if telling < 3 else (of_few + of_many) / 2
    assert np.allclose(x @ found.coef.T + found.intercept, expected, atol=1e-5)
    assert np.allclose(np.exp(found.out_of_fold).sum(axis=1), 1)


def _fold(x, rows, held):
    return Fold(rows, held, x[rows], x[held], None, None)
