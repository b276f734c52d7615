"""The linear model where data are unkind: another device, a class that a fold lacks."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse

from polyome.modalities import SequenceModality
from polyome.outputs.classes_calibration import stack_readings
from polyome.outputs.classes_linear import fit_linear_model
from polyome.outputs.linear import FittedLinear, Fold
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
def test_all_features_are_read_where_they_tell_more(telling):
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 90)
    x = rng.normal(size=(90, 8))
    x[:, [0, 1, telling]] += 2 * np.eye(3)[truth]
    parts = np.array_split(rng.permutation(90), 3)

    def fitted(width, readings=None, *, balance=True):
        folds = [_fold(x[:, :width], np.setdiff1d(np.arange(90), rows), rows) for rows in parts]
        whole = _fold(x[:, :width], np.arange(90), parts[0])
        return fit_linear_model(folds, whole, truth, 3, readings=readings, balance=balance)

    few, every, found = fitted(3), fitted(8, balance=False), fitted(8, (3, 8))
    if telling < 3:  # the others tell nothing, so few are read
        assert np.allclose(found.coef[:, :3], few.coef)
        assert not found.coef[:, 3:].any()
        assert not found.readings
        return
    assert np.allclose(found.readings[0].coef[:, :3], few.coef)
    assert np.allclose(found.readings[1].coef, every.coef)
    weight = found.coef[0, 7] / every.coef[0, 7]  # only one of them reads the last feature
    expected = (1 - weight) * np.pad(few.coef, ((0, 0), (0, 5))) + weight * every.coef
    assert np.allclose(found.coef, expected, atol=1e-6)
    assert weight > 0.55
    assert np.allclose(np.exp(found.out_of_fold).sum(axis=1), 1)


def test_readings_and_networks_are_weighed_together():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 400)
    sure = np.log(np.where(np.eye(2)[truth] > 0, 0.9, 0.1))
    noise = np.log(np.full((400, 2), 0.5))
    models = [
        FittedLinear(np.full((2, 1), k, np.float32), np.zeros(2, np.float32), held)
        for k, held in enumerate((noise, sure))
    ]
    linear = FittedLinear.summed(models, np.array([0.5, 0.5]))
    rows = np.arange(400)
    found, weight = stack_readings(noise, rows, linear, truth, 0.5)
    assert found.coef[0, 0] > 0.7  # nearly that of the second alone
    assert 0.6 < weight < 1
    found, weight = stack_readings(sure, rows, replace(linear, readings=(models[0],)), truth, 0.5)
    assert weight < 0.5


def _fold(x, rows, held):
    return Fold(rows, held, x[rows], x[held], None, None)
