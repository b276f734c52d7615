from types import SimpleNamespace

import numpy as np
import pytest
from tests.unit.conftest import motif_table

from polyome._errors import InputError
from polyome.data.simulate import simulate_cells
from polyome.estimator import estimator_class
from polyome.predict.evaluate import Evaluation
from polyome.predict.rows import unseen_note


def evaluation(own, other):
    return Evaluation(
        task="cell-type",
        n=10,
        metrics={"accuracy": own},
        baselines={"majority": {"accuracy": 0.1}, "logistic_regression": {"accuracy": other}},
        shown=("accuracy",),
    )


def test_a_baseline_that_wins_is_named():
    assert "ahead of polyome in accuracy: logistic_regression" in str(evaluation(0.8, 0.9))


def test_a_baseline_that_loses_is_not():
    assert "ahead" not in str(evaluation(0.9, 0.8))
    assert evaluation(0.9, 0.9).ahead == []
    assert evaluation(None, 0.8).ahead == []


@pytest.mark.filterwarnings("ignore::polyome._errors.PolyomeWarning")
def test_baselines_are_fitted_to_a_row_of_each_class_at_least(monkeypatch):
    cells = simulate_cells(1300, 20)
    labels = cells.obs["cell_type"].astype(str).to_numpy(dtype=object)
    labels[7] = "a rare one"
    cells.obs["label"] = labels
    cells.obs["split"] = np.where(np.arange(1300) % 7 == 3, "test", "train")
    monkeypatch.setattr("polyome.predict.evaluate.MOST_VALUES", 1)  # at most 1,000 rows
    made = estimator_class("cell-type")(hidden_size=16, num_members=1, quiet=True, device="cpu")
    model = made.fit(cells, "label", split="split", num_train_epochs=1)
    assert model.classes_[0] == "a rare one"
    assert model.evaluation_.baselines["logistic_regression"]["accuracy"] > 0.8


def test_another_file_of_as_many_unnamed_rows_is_scored_whole(motif_model):
    other = motif_table(seed=5)
    found = motif_model.evaluate(other)
    assert (found.part, found.n) == ("all", 300)
    again = motif_model.evaluate(motif_table().iloc[::-1])
    assert (again.part, again.n) == ("test", motif_model.evaluation_.n)


def test_a_part_of_the_training_rows_is_said_to_be_fitted(motif_model):
    found = motif_model.evaluate(motif_table().iloc[:50])
    assert found.part == "all"
    assert "of 50 rows are named like rows that the model was fitted on" in " ".join(found.notes)


def test_answers_keep_the_index_of_a_data_frame(motif_model):
    table = motif_table(8, seed=3).set_axis([0, 1, 2, 3, 3, 5, 6, 7], axis=0)
    assert motif_model.predict(table).index.equals(table.index)


def test_rows_of_a_group_are_resampled_together(motif_model):
    table = motif_table(60, seed=9).assign(family=np.repeat(["a", "b", "c"], 20))
    model = estimator_class("promoter")(num_members=1, hidden_size=16, device="cpu", quiet=True)
    model.fit(table, "label", group="family", baselines=False, num_train_epochs=1)
    assert "the test part is one group" in " ".join(model.evaluation_.notes)
    assert set(model.evaluation_.differences) == set(model.evaluation_.baselines)
    difference, low, high = model.evaluation_.differences["majority"]
    assert low <= difference <= high


def test_labels_that_the_model_knows_in_another_spelling_are_named():
    scored = evaluation(0.5, 0.5)
    scored.unseen = {"b cells": 3, "platelets": 1}
    (note,) = unseen_note(scored, ("B cells", "T cells"))
    assert "4 of 10 rows have labels that the model does not know" in note
    assert note.endswith("In another spelling it knows 'b cells' ('B cells').")
    scored.unseen = {"b cells": 10}
    with pytest.raises(InputError, match=r"knows 'b cells' \('B cells'\)\. Rename the labels"):
        unseen_note(scored, ("B cells", "T cells"))


def test_unknown_labels_that_may_mean_none_are_said():
    evaluation = SimpleNamespace(unseen={"Unassigned": 3}, n=10)
    (note,) = unseen_note(evaluation, ("B cells", "T cells"))
    assert "'Unassigned' may mean that there is no label: if so, leave the label" in note


def test_the_parts_of_the_answer_stand_beside_it(motif_model):
    found = motif_model.evaluation_
    weight = motif_model.fitted_.model.linear["promoter"].share
    assert found.linear_weight == pytest.approx(weight)
    assert f"weight of the linear model in the answer: {weight:.2f}" in str(found)
    assert list(found.variants) == ["transformer alone"]  # the linear model is a baseline
    again = motif_model.evaluate(motif_table(seed=5))  # costs no second answer
    assert (again.variants, again.linear_weight) == ({}, found.linear_weight)


@pytest.mark.parametrize(("linear_weight", "expected"), [(0.0, 0.0), (0.5, None), (1.0, 1.0)])
def test_parts_are_scored_where_the_answer_is_of_both(linear_weight, expected):
    settings = {"hidden_size": 16, "num_members": 1, "quiet": True, "device": "cpu"}
    model = estimator_class("cell-type")(linear_weight=linear_weight, **settings)
    model.fit(simulate_cells(200, 30), "cell_type", baselines=False, num_train_epochs=1)
    found = model.evaluation_
    both = ["transformer alone", "linear model alone"]
    assert list(found.variants) == (both if 0 < found.linear_weight < 1 else [])
    assert expected is None or found.linear_weight == expected
    assert model.fitted_.model.linear["cell-type"].share == pytest.approx(found.linear_weight)
