"""Members on several cores are the members that one core fits."""

import numpy as np
import pytest
import torch

from polyome.data.simulate import simulate_sequences
from polyome.splits import random_split
from polyome.tasks import Promoter
from polyome.train import members
from polyome.train.arguments import FitArguments
from polyome.train.fit import fit_model


@pytest.fixture
def fitted_weights():
    """Fit two small members and give their weights."""
    task = Promoter(hidden_size=16, num_members=2, device="cpu", quiet=True)
    table = simulate_sequences(80)
    records = task.build_modality().read(table)
    targets = task.targets(table, "label", None)
    split = random_split(targets.truth, labelled=np.ones(len(table), bool), seed=0)

    def fit():
        brief = FitArguments(num_train_epochs=1)
        return fit_model(task, records, targets, split, brief)[0].model.state_dict()

    return fit


@pytest.mark.slow
def test_on_several_cores_they_end_at_equal_weights(fitted_weights, monkeypatch):
    alone = fitted_weights()
    monkeypatch.setattr(members, "WORTH_A_PROCESS", 0)
    monkeypatch.setattr(members.joblib, "cpu_count", lambda **_: 2)
    together = fitted_weights()
    assert all(torch.equal(alone[key], together[key]) for key in alone)
