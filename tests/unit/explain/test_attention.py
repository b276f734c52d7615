import numpy as np
import pandas as pd
import pytest

from polyome._errors import InputError
from polyome.data.simulate import simulate_sequences
from polyome.estimator import estimator_class
from polyome.explain.attention import attention_maps, rollout


def test_each_token_looks_at_all_with_a_total_of_one(sequence_model, sequences):
    fitted = sequence_model.fitted_
    maps = attention_maps(fitted, fitted.modality.read(sequences.head(3)))
    assert maps.shape[:2] == (3, 2)
    np.testing.assert_allclose(maps.sum(axis=-1), 1, atol=1e-5)
    np.testing.assert_allclose(rollout(maps).sum(axis=-1), 1, atol=1e-5)


def test_nobody_looks_at_padding(sequence_model):
    fitted = sequence_model.fitted_
    short = pd.DataFrame({"sequence": ["ACGT" * 15, "ACGTACGT"]})
    maps = attention_maps(fitted, fitted.modality.read(short))
    tokens = 1 + -(-8 // fitted.modality.stride_)
    assert maps[1, :, 0, tokens:].sum() == 0
    assert maps[1, :, 0, :tokens].sum(axis=-1) == pytest.approx([1, 1])


def test_a_last_layer_may_answer_for_the_modality_token_alone(cell_model, cells):
    fitted = cell_model.fitted_
    maps = attention_maps(fitted, fitted.modality.read(cells[:2].copy()))
    np.testing.assert_allclose(maps[:, 0].sum(axis=-1), 1, atol=1e-5)
    assert (maps[:, 1, 1:] == 0).all()


def test_without_layers_there_is_none():
    model = estimator_class("promoter")(
        hidden_size=16, num_members=1, num_hidden_layers=0, device="cpu", quiet=True
    )
    table = simulate_sequences(60)
    fitted = model.fit(table, "label", baselines=False, num_train_epochs=1).fitted_
    with pytest.raises(InputError, match="no layers"):
        attention_maps(fitted, fitted.modality.read(table.head(1)))
