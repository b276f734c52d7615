import numpy as np
import pytest
from scipy.special import log_softmax

from polyome.metrics import classification_metrics
from polyome.outputs.classes_calibration import calibrated, fit_temperature


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 2.5])
def test_finds_the_temperature_that_was_put_in(sharpness):
    rng = np.random.default_rng(0)
    honest = log_softmax(rng.normal(0, 2, (20_000, 4)), axis=1)
    truth = np.array([rng.choice(4, p=np.exp(row)) for row in honest])
    found = fit_temperature(honest * sharpness, truth)
    assert found == pytest.approx(sharpness, rel=0.05)
    proba = calibrated(honest * sharpness, found)
    assert classification_metrics(truth.astype(str), proba, list("0123"))["ece"] < 0.02


def test_without_rows_nothing_changes():
    assert fit_temperature(np.zeros((0, 3)), np.zeros(0, int)) == 1.0


def test_order_of_probabilities_stays():
    log_proba = log_softmax(np.random.default_rng(0).normal(size=(50, 5)), axis=1)
    for temperature in (0.5, 3.0):
        assert (calibrated(log_proba, temperature).argmax(1) == log_proba.argmax(1)).all()
