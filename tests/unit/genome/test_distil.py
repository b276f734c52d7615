"""The scanner answers as its model does, and what it learns from is drawn as said."""

import numpy as np
import pandas as pd
import pytest
import torch

from polyome.estimator import estimator_class
from polyome.genome.distil import agreement, as_records, distil
from polyome.io.nucleotides import Sequences
from polyome.model.inference import answer
from polyome.model_folder.fitted_model import FittedModel
from polyome.outputs.classes_calibration import calibrated
from polyome.predict.predict import PredictArguments, proba_of


def motif_table(n_rows, seed):
    """Simulated: random sequences, half of them with TATAAT in the middle."""
    rng = np.random.default_rng(seed)
    rows = rng.choice(list("ACGT"), (n_rows, 24))
    labels = np.arange(n_rows) % 2
    rows[labels == 1, 9:15] = list("TATAAT")
    return pd.DataFrame({"sequence": ["".join(row) for row in rows], "label": labels.astype(str)})


@pytest.fixture(scope="module")
def model():
    promoter = estimator_class("promoter")(num_members=2, hidden_size=16, device="cpu", quiet=True)
    return promoter.fit(motif_table(300, 0), "label", baselines=False, num_train_epochs=4)


@pytest.fixture(scope="module")
def scanner(model):
    records = model.fitted_.modality.read(motif_table(300, 0))
    return distil(model.fitted_, records, num_sequences=4000, num_train_epochs=3, quiet=True)


def test_the_scanner_gives_the_models_probabilities_on_new_sequences(model, scanner):
    records = model.fitted_.modality.read(motif_table(200, 1))
    wanted = proba_of(model.fitted_, records, PredictArguments())
    found = proba_of(scanner, records, PredictArguments())
    measured = agreement(wanted, found)
    assert measured["same_class"] > 0.95
    assert measured["mean_difference"] < 0.05
    assert measured["correlation"] > 0.95


def test_agreement_is_measured_on_sequences_that_were_not_learned(scanner):
    facts = scanner.facts["scanner"]
    assert facts["sequences"] == 4000
    assert facts["same_class"] > 0.9
    assert facts["correlation"] > 0.9


def test_the_scanner_is_one_small_network_beside_the_models_own_direct_path(model, scanner):
    assert len(scanner.model.members) == 1
    assert scanner.classes == model.classes_
    assert scanner.output.temperature == model.fitted_.output.temperature
    direct = model.fitted_.model.linear.state_dict()
    own = scanner.model.linear.state_dict()
    assert direct.keys() == own.keys()
    assert all(torch.equal(direct[name], own[name]) for name in direct)
    assert 0 < scanner.model.linear["promoter"].share < 1


def test_a_saved_scanner_answers_the_same(scanner, tmp_path):
    scanner.save(tmp_path)
    loaded = FittedModel.load(tmp_path, device="cpu", quiet=True)
    records = scanner.modality.read(motif_table(20, 2))
    np.testing.assert_array_equal(
        proba_of(loaded, records, PredictArguments()),
        proba_of(scanner, records, PredictArguments()),
    )


def test_the_same_seed_gives_the_same_scanner(model):
    records = model.fitted_.modality.read(motif_table(50, 0))
    settings = {"num_sequences": 100, "num_train_epochs": 1, "quiet": True}
    one, two, other = (distil(model.fitted_, records, seed=s, **settings) for s in (0, 0, 1))
    states = [fitted.model.state_dict() for fitted in (one, two, other)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert not all(torch.equal(states[0][name], states[2][name]) for name in states[0])


def test_the_model_is_not_changed(model):
    before = {name: tensor.clone() for name, tensor in model.fitted_.model.state_dict().items()}
    records = model.fitted_.modality.read(motif_table(50, 0))
    distil(model.fitted_, records, num_sequences=50, num_train_epochs=1, quiet=True)
    after = model.fitted_.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_windows_as_records_are_answered_in_order(model):
    windows = Sequences.from_text(motif_table(6, 3)["sequence"].tolist()).matrix()
    fitted = model.fitted_
    outputs = answer(fitted.model, fitted.modality, as_records(windows), "promoter").outputs
    expected = model.predict(motif_table(6, 3))[["0", "1"]].to_numpy()
    np.testing.assert_allclose(calibrated(outputs, fitted.output.temperature), expected, atol=1e-6)


def test_agreement_of_opposite_answers_is_none():
    proba = np.array([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]])
    measured = agreement(proba, 1 - proba)
    assert measured["same_class"] == 0
    assert measured["correlation"] == pytest.approx(-1)
    assert agreement(proba[:1], proba[:1]) == {}
