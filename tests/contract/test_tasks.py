"""What holds for every task, present and future: a new line in TASKS is tested here at once."""

import numpy as np
import pandas as pd
import pytest
import torch

from polyome.data.tables import simulate_table
from polyome.estimator import estimator_class, load
from polyome.fitting import columns_of
from polyome.modalities.base import Records, segments_of
from polyome.predict.predict import PredictArguments, predict
from polyome.splits import Split
from polyome.tasks import TASKS
from polyome.tasks.base import Example
from polyome.train.arguments import FitArguments
from polyome.train.fit import fit_model

SMALL = {"hidden_size": 16, "num_members": 2, "device": "cpu", "quiet": True}
BRIEF = FitArguments(num_train_epochs=4, batch_size=32, learning_rate=3e-3)

MORE = {"multilabel of a table": "multilabel"}
"""Records of another kind than those of a task's example, and the task."""

pytestmark = pytest.mark.parametrize("name", [*TASKS, *MORE])


def labelled_table():
    table = simulate_table(seed=0)
    table["first"] = (table.pop("group") == "group 1").astype(float)
    table["high"] = (table["level"] > table.pop("level").median()).astype(float)
    table.loc[table.index[::5], "high"] = np.nan
    return Example(table, "first,high", "simulated records with two labels, some unknown")


def task_of(name):
    return TASKS[MORE.get(name, name)]


def example_of(name):
    example = labelled_table() if name in MORE else task_of(name).example(seed=0)
    beside = columns_of(example.target)
    task = task_of(name)(**SMALL, seed=0).for_source(example.source, {})
    read = task.read(example.source, {}, beside=beside)
    records, columns = task.with_targets(read, example.target)
    return task, example, records, task.targets(records.table, columns, None)


@pytest.fixture(scope="module")
def fitted_of():
    """Fit each task once; tests share it."""
    made = {}

    def fitted(name):
        if name not in made:
            task, _, records, targets = example_of(name)
            made[name] = fit_model(task, records, targets, halves(len(records)), BRIEF)[0]
        return made[name]

    return fitted


def halves(n):
    rows = np.random.default_rng(0).permutation(n)
    return Split(np.sort(rows[n // 4 :]), rows[:0], np.sort(rows[: n // 4]), 0, "by the test")


def assert_alike(usual, other, atol):
    """Answers as tables: equal labels, numbers that differ by less than ``atol``."""
    pd.testing.assert_frame_equal(usual, other, check_exact=False, atol=atol, rtol=0)


def weights(fitted):
    return {key: value.clone() for key, value in fitted.model.state_dict().items()}


def test_reads_its_example(name):
    task, example, records, _ = example_of(name)
    assert isinstance(records.table, pd.DataFrame)
    assert len(records) == len(records.table)
    _, columns = task.with_targets(records, example.target)
    columns = columns.split(",") if isinstance(columns, str) else columns
    assert set(columns) <= set(records.table.columns)
    part: Records = records.take(np.array([3, 1]))
    assert list(part.table.index) == list(records.table.index[[3, 1]])


def test_learns_above_chance(name, fitted_of):
    task, _, records, targets = example_of(name)
    fitted = fitted_of(name)
    rows = halves(len(records)).test
    answers = predict(fitted, records.take(rows), PredictArguments())
    scores = task.output_type.metrics(targets.truth[rows], answers.outputs, fitted.classes)
    chance = {
        "classes": ("accuracy", 1.5 / len(fitted.classes)),
        "values": ("r2", 0.3),
        "labels": ("auroc", 0.7),
    }
    metric, bar = chance[task.output]
    assert scores[metric] > bar


def test_fit_sees_no_test_record(name, fitted_of):
    """Without the test rows the same weights are learned."""
    task, example, records, targets = example_of(name)
    train = halves(len(records)).train
    without = task.build_modality().read(records.take(train))
    without, columns = task.with_targets(without, example.target)
    alone = Split(np.arange(len(train)), train[:0], train[:0], 0, "by the test")
    known = task.targets(without.table, columns, None)
    np.testing.assert_array_equal(known.truth, targets.truth[train])
    again = fit_model(task, without, known, alone, BRIEF)[0]
    for key, value in weights(fitted_of(name)).items():
        torch.testing.assert_close(again.model.state_dict()[key], value, atol=0, rtol=0)
    settings, arrays = again.output.state()
    usual_settings, usual_arrays = fitted_of(name).output.state()
    assert settings == usual_settings
    for key, value in usual_arrays.items():
        np.testing.assert_array_equal(arrays[key], value)


def test_one_seed_gives_equal_weights(name, fitted_of):
    task, _, records, targets = example_of(name)
    again = fit_model(task, records, targets, halves(len(records)), BRIEF)[0]
    for key, value in weights(fitted_of(name)).items():
        assert torch.equal(again.model.state_dict()[key], value), key


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_batch_size_changes_no_answer(name, batch_size, fitted_of):
    _, _, records, _ = example_of(name)
    usual = predict(fitted_of(name), records, PredictArguments())
    other = predict(fitted_of(name), records, PredictArguments(batch_size=batch_size))
    assert_alike(usual.frame(), other.frame(), atol=1e-5)
    np.testing.assert_allclose(usual.representation, other.representation, atol=1e-4)


def test_order_and_company_change_no_answer(name, fitted_of):
    _, _, records, _ = example_of(name)
    usual = predict(fitted_of(name), records, PredictArguments())
    order = np.random.default_rng(1).permutation(len(records))[: len(records) // 2]
    other = predict(fitted_of(name), records.take(order), PredictArguments())
    assert_alike(usual.frame().iloc[order], other.frame(), atol=1e-5)


def test_save_and_load_give_equal_answers(name, fitted_of, tmp_path):
    _, _, records, _ = example_of(name)
    fitted = fitted_of(name)
    fitted.facts |= {"split_column": None}
    fitted.save(tmp_path)
    again = load(tmp_path, device="cpu", quiet=True).fitted_
    usual = predict(fitted, records, PredictArguments())
    other = predict(again, records, PredictArguments())
    assert_alike(usual.frame(), other.frame(), atol=1e-6)
    if fitted.unknown is not None:
        np.testing.assert_allclose(usual.unknown_score, other.unknown_score, rtol=1e-5)


def test_gradients_reach_every_trainable_weight(name, fitted_of):
    task, _, records, targets = example_of(name)
    fitted = fitted_of(name)
    modality, model = fitted.modality, fitted.model
    some = modality.prepare(records.take(np.arange(24)))
    segments = segments_of(modality.inputs(), modality.encode_inputs(some))
    truth = targets.indices(np.arange(24), fitted.classes)
    label = {"rows": torch.arange(24), "inputs": {"target": torch.from_numpy(truth)}}
    model.zero_grad()
    model(size=24, segments=segments, labels={task.name: label}).loss.backward()
    silent = [
        key
        for key, weight in model.named_parameters()
        if weight.requires_grad and (weight.grad is None or not weight.grad.abs().sum() > 0)
    ]
    # The keys' bias shifts all scores of a query alike, but it shares a tensor with the others'.
    assert silent == []
    model.zero_grad()


def test_has_a_public_class_with_its_settings(name):
    made = estimator_class(task_of(name).name)
    assert made.__name__ == task_of(name).estimator
    model = made(hidden_size=48, seed=3)
    assert model.get_params()["hidden_size"] == 48
    assert repr(model) == f"{made.__name__}(hidden_size=48, seed=3)"
    with pytest.raises(ValueError, match=r"knows no key 'hiddensize'.*Did you mean 'hidden_size'"):
        made(hiddensize=3)
