import sys

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import logit

from polyome._errors import InputError
from polyome.estimator import estimator_class
from polyome.explain.attribution import integrated_gradients, mutagenesis, proba_of_values
from polyome.explain.base import explained_outputs
from polyome.explain.logos import draw_logo
from polyome.outputs.classes import ClassHead
from polyome.outputs.head import Head
from polyome.predict.predict import PredictArguments, run

UNEQUAL = ["ACGTNCGTTATAAAAGCGCGATATCGCGATTTACGTACGTGCGC", "ACGTACGTTTGACA"]


def log_odds(model, sequence, output="promoter"):
    """Answer for one sequence by the public verb."""
    proba = model.predict(pd.DataFrame({"sequence": [sequence]}))[output].iloc[0]
    return np.log(proba / (1 - proba))


@pytest.mark.parametrize("settings", [{}, {"both_strands": True}, {"tokens": "kmer"}], ids=str)
def test_an_effect_is_the_difference_of_two_answers(settings, sequence_model, fit_sequences):
    model = fit_sequences(**settings) if settings else sequence_model
    records = model.fitted_.modality.read(pd.DataFrame({"sequence": UNEQUAL}))
    found = mutagenesis(model.fitted_, records, np.full(2, model.classes_.index("promoter")))
    for row, place, base in [(0, 0, "G"), (0, 4, "A"), (0, 10, "C"), (0, 43, "T"), (1, 13, "T")]:
        text = UNEQUAL[row]
        changed = text[:place] + base + text[place + 1 :]
        expected = log_odds(model, changed) - log_odds(model, text)
        effect = found.effects[row, place, "ACGT".index(base)]
        assert effect == pytest.approx(expected, abs=2e-4)
    assert found.effects[0, 0, 0] == 0, "the letter that stands there"
    assert np.isnan(found.effects[1, 14:]).all(), "beyond the end"
    assert not np.isnan(found.effects[0, :44]).any()


def test_contributions_add_up_to_the_difference_from_the_reference(cell_model, cells):
    fitted = cell_model.fitted_
    records = fitted.modality.read(cells[:20].copy())
    z = fitted.modality.standardised(records)
    chosen = np.arange(20) % 3
    (found,) = integrated_gradients(fitted, records, chosen, {"values": 0.0})
    contributions, gaps = found.contributions["values"], found.gaps
    odds = [logit(proba_of_values(fitted, records, some)) for some in (z, np.zeros_like(z))]
    difference = (odds[0] - odds[1])[np.arange(20), chosen]
    np.testing.assert_allclose(contributions.sum(axis=1), difference, rtol=0.01)
    np.testing.assert_allclose(contributions.sum(axis=1) - difference, gaps, atol=0.01)
    assert (contributions[z == 0] == 0).all()


def test_the_explained_is_on_the_scale_of_the_confidence(sequence_model, sequences):
    fitted = sequence_model.fitted_
    raw = run(fitted, fitted.modality.read(sequences), PredictArguments())
    proba = sequence_model.predict(sequences)[list(fitted.classes)].to_numpy()
    expected = np.log(proba / (1 - proba))
    np.testing.assert_allclose(explained_outputs(fitted, raw), expected, atol=1e-4)


def test_log_odds_of_three_classes_hold_where_one_is_nearly_certain():
    logits = torch.tensor([[0.0, 1.0, 2.0], [0.0, 0.0, 40.0]])
    found = ClassHead.explained(logits)
    proba = logits.double().softmax(dim=-1)
    torch.testing.assert_close(found[0].double(), (proba / (1 - proba)).log()[0])
    assert found[1, 2] == pytest.approx(40 - np.log(2), abs=1e-4)
    assert ClassHead.chosen(logits).tolist() == [2, 2]


def test_values_are_explained_as_they_are():
    values = torch.tensor([[0.5, -1.0]])
    assert torch.equal(Head.explained(values), values)
    assert Head.chosen(values).tolist() == [0]


def test_an_absent_captum_is_named(monkeypatch, cell_model, cells):
    monkeypatch.setitem(sys.modules, "captum", None)
    with pytest.raises(InputError, match=r"captum.*pip install 'polyome.explain.'"):
        cell_model.explain(cells[:3].copy())


def test_an_absent_logomaker_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "logomaker", None)
    with pytest.raises(InputError, match=r"logos.*pip install 'polyome.explain.'"):
        draw_logo(np.eye(4))


def test_numbers_that_come_with_a_sequence_stay_with_its_mutants():
    expression = estimator_class("expression")
    table = expression.task_class.example().source
    table = table.assign(half_life=np.random.default_rng(0).normal(size=len(table)))
    model = expression(feature_columns="half_life", num_members=1, hidden_size=16, quiet=True)
    model.fit(table, "level", baselines=False, num_train_epochs=1)
    why = model.explain(table.iloc[:2], output="level")
    changed = table.iloc[:1].copy()
    other = "A" if changed["sequence"].iloc[0][5] != "A" else "C"
    text = changed["sequence"].iloc[0]
    changed["sequence"] = text[:5] + other + text[6:]
    both = pd.concat([table.iloc[:1], changed.set_axis(["changed"])])
    values = model.predict(both)["level"]
    effect = why.effects[0, 5, "ACGT".index(other)]
    table = model.mutagenesis(table.iloc[:1])
    row = table[(table["position"] == 5) & (table["alternative"] == other)].iloc[0]
    assert row["level_difference"] == pytest.approx(values.iloc[1] - values.iloc[0], abs=1e-4)
    assert effect * model.fitted_.output.scale.spread[0] == pytest.approx(
        row["level_difference"], abs=1e-4
    )
