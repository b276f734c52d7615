"""Members on several cores are the members that one core fits."""

import pytest
import torch

from polyome.splits import random_split
from polyome.tasks import CellType, Promoter, Spatial
from polyome.train import members
from polyome.train.arguments import FitArguments
from polyome.train.fit import fit_model

MODALITIES = {
    "cells": (CellType, {}),
    "sequences": (Promoter, {}),
    "tissue": (Spatial, {"num_neighbours": 15}),
}


@pytest.fixture(params=MODALITIES)
def fitted_weights(request):
    """Fit two small members of a task and give their weights."""
    kind, settings = MODALITIES[request.param]
    task = kind(hidden_size=16, num_members=2, device="cpu", quiet=True, **settings)
    example = kind.example()
    records = task.build_modality(2).read(example.source)
    targets = task.targets(records.table, example.target, None)
    split = random_split(targets.truth, labelled=targets.labelled, seed=0)

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
