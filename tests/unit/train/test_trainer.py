"""Settings of the trainer that a machine would otherwise choose."""

import pytest
from transformers import TrainingArguments

from polyome.train.arguments import FitArguments
from polyome.train.trainer import _training_arguments


@pytest.mark.parametrize("found", [0, 1, 4])
def test_one_gpu_at_most_is_used(found, tmp_path, monkeypatch):
    """Trainer scatters a batch over all that it sees, which ours is not made for."""
    usual = TrainingArguments._setup_devices

    def seen(self):
        device = usual.func(self) if hasattr(usual, "func") else usual.fget(self)
        self._n_gpu = found
        return device

    monkeypatch.setattr(TrainingArguments, "_setup_devices", property(seen))
    arguments = FitArguments(num_train_epochs=1, learning_rate=1e-3, batch_size=8)
    made = _training_arguments(str(tmp_path), arguments, seed=0, device="auto")
    assert made._n_gpu == min(found, 1)
