"""Two members of an ensemble tell how long all of them are fitted."""

from types import SimpleNamespace

import numpy as np
import pytest

from polyome.modalities.sequence import RICH
from polyome.model_folder.checkpoints import LearningCurve
from polyome.splits import random_split
from polyome.tasks import Promoter
from polyome.train import fit, members
from polyome.train.arguments import FitArguments
from polyome.train.members import validation_folds
from polyome.train.training import Training


@pytest.fixture
def fits(monkeypatch):
    """Fits that are not made but noted, as (epochs, members); losses are set by epochs.

    A member's model is the rows that it validates on.
    """
    noted, losses = [], {10: 0.08, 24: 0.07}

    def fit_members(task, training, arguments, checkpoints, numbers):
        noted.append((arguments.num_train_epochs, list(numbers)))
        curve = LearningCurve([0.9, 0.1], [0.0, losses[arguments.num_train_epochs]])
        divided = validation_folds(training, task, arguments)
        return [(divided[k][1].tolist(), curve) for k in numbers]

    monkeypatch.setattr(members, "fit_members", fit_members)
    return SimpleNamespace(noted=noted, losses=losses)


def ensemble(num_members=12, longer=24, own=None, **settings):
    """Fit one; the rows that a member validates on are those that the calibration takes for it."""
    task = Promoter(quiet=True, num_members=own)
    rows = np.arange(70)
    training = Training(
        None, None, rows % 2, rows % 2, 2, num_members, fit=rows, validation=rows[:0], groups=None
    )
    usual = FitArguments(num_train_epochs=10, **settings)
    fitted, training, arguments = members.fit_ensemble(task, training, usual, None, longer)
    divided = validation_folds(training, task, arguments)
    assert [model for model, _ in fitted] == [aside.tolist() for _, aside in divided]
    return fitted, arguments


def test_fewer_and_longer_where_rows_left_aside_are_answered_better(fits):
    fitted, arguments = ensemble()
    assert (len(fitted), arguments.num_train_epochs) == (4, 24)
    assert fits.noted == [(10, [0, 1]), (24, [0, 1]), (24, [2, 3])]


def test_as_many_as_the_user_asked_for(fits):
    fitted, arguments = ensemble(own=12)
    assert (len(fitted), arguments.num_train_epochs) == (12, 24)


def test_as_usual_where_they_are_answered_worse(fits):
    fits.losses[24] = 0.09
    fitted, arguments = ensemble()
    assert (len(fitted), arguments.num_train_epochs) == (12, 10)


def test_not_tried_where_classes_overlap(fits):
    fits.losses[10] = 0.13
    fitted, arguments = ensemble()
    assert (len(fitted), arguments.num_train_epochs) == (12, 10)
    assert fits.noted == [(10, [0, 1]), (10, list(range(2, 12)))]


@pytest.mark.parametrize(
    "asked", [{"longer": None}, {"num_members": 4}, {"validation_fraction": 0.0}]
)
def test_not_tried_where_it_cannot_tell_or_does_not_pay(fits, asked):
    _, arguments = ensemble(**asked)
    assert arguments.num_train_epochs == 10
    assert len(fits.noted) == 1


def test_many_records_and_backbones_never_last_longer():
    assert Promoter().longer(RICH - 1) == 24
    assert Promoter().longer(RICH) is None
    assert Promoter(backbone="a checkpoint").longer(100) is None


def test_epochs_that_the_user_set_are_kept(monkeypatch):
    asked = []

    class StoppedError(Exception):
        pass

    def fit_ensemble(task, training, arguments, checkpoints, longer):
        asked.append((arguments.num_train_epochs, longer))
        raise StoppedError

    monkeypatch.setattr(fit, "fit_ensemble", fit_ensemble)
    monkeypatch.setattr(Promoter, "longer", lambda self, n_rows: 16)
    example = Promoter.example()
    for own in (None, 0, 3):
        task = Promoter(quiet=True, device="cpu")
        records = task.build_modality(2).read(example.source)
        targets = task.targets(records.table, example.target, None)
        parts = random_split(targets.truth, labelled=targets.labelled, seed=0)
        with pytest.raises(StoppedError):
            fit.fit_model(task, records, targets, parts, FitArguments(num_train_epochs=own))
    assert asked == [(18, 16), (0, None), (3, None)]
