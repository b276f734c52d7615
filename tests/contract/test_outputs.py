"""What holds for every output type, and one that is added from outside in one file."""

import subprocess
import sys
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
import torch

from polyome.outputs import OUTPUTS
from polyome.outputs.prediction import Answered
from polyome.tasks import TASKS

EVERY = pytest.mark.parametrize("name", list(OUTPUTS))
OF_ANOTHER_PACKAGE = '''
from polyome.outputs.values import Values


class Rates(Values):
    """Values under another name, with a loss of their own."""

    name = "rates"
    shown_metrics = ("rmse",)
'''
PRINTS = """
from polyome.outputs import OUTPUTS
from polyome.tasks import Expression

class Rate(Expression):
    output = "rates"

print(list(OUTPUTS)[-1], type(Rate(linear_weight=0.2).output_type).__name__)
"""


def of_a_task(name):
    """A task that answers with this type, its records' truth and the model's outputs."""
    task = next(t for t in TASKS.values() if t.output == name)()
    example = task.example(seed=0)
    records = task.build_modality().read(example.source)
    targets = task.targets(records.table, example.target, None)
    rows = np.arange(40)
    targets = targets.learned_from(rows)
    return task.output_type, targets, rows, targets.outputs(rows)


@EVERY
def test_every_type_is_answered_by_a_task(name):
    assert OUTPUTS[name].name == name
    assert OUTPUTS[name].prediction.output_type == name
    output = of_a_task(name)[0]
    assert set(output.resampled_metrics) <= set(output.quick_metrics())
    assert output.shown_metrics[0] in output.interval_metrics()


@EVERY
def test_settings_of_a_task_reach_its_type(name):
    task_class = next(t for t in TASKS.values() if t.output == name)
    assert task_class(linear_weight=0.25).output_type.linear_weight == 0.25
    known = {f.name for f in fields(OUTPUTS[name])}
    assert {"linear_weight", "head_dropout", "shown_metrics"} <= known


@EVERY
def test_a_head_learns_its_truth(name):
    output, targets, rows, outputs = of_a_task(name)
    truth = targets.indices(rows, outputs)
    torch.manual_seed(0)
    head = output.head(40, output.head_spec(truth, len(outputs)) | {"dropout": 0.0})
    records, target = torch.eye(40), torch.from_numpy(truth)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.1)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = head.loss(head(records), target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
    members = head(records)[None].detach()
    raw = output.head.combine(members, (), torch.ones(1)).numpy()
    start = output.head.combine(0 * members, (), torch.ones(1)).numpy()
    assert output.loss(raw, truth) < output.loss(start, truth)


@EVERY
def test_what_calibration_learned_is_saved_whole(name):
    output, targets, rows, outputs = of_a_task(name)
    fitted = output.uncalibrated(targets, outputs)
    again = type(fitted).from_state(outputs, *fitted.state())
    raw = np.random.default_rng(0).normal(size=(len(rows), len(outputs)))
    np.testing.assert_array_equal(fitted.calibrated(raw), again.calibrated(raw))


@EVERY
def test_a_prediction_and_its_truth_are_kept_and_read_back(name):
    output, targets, rows, outputs = of_a_task(name)
    table = targets.truth[rows]
    raw = np.random.default_rng(0).normal(size=(len(rows), len(outputs)))
    answered = Answered(names=pd.Index([f"r{k}" for k in rows]), representation=raw)
    prediction = output.uncalibrated(targets, outputs).prediction(raw, answered)
    assert prediction.classes == outputs
    assert prediction.outputs.shape == raw.shape
    assert len(prediction.frame()) == len(rows)
    assert output.prediction.scored(prediction.beside(table), outputs) is not None
    scores = output.metrics(table, prediction.outputs, outputs)
    assert set(output.shown_metrics) <= set(scores)
    output.details(prediction, table, outputs, refuses=False)


def test_another_package_adds_a_type_by_an_entry_point(tmp_path):
    (tmp_path / "rates.py").write_text(OF_ANOTHER_PACKAGE)
    info = tmp_path / "rates-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: rates\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[polyome.outputs]\nrates = rates:Rates\n")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{PRINTS}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["rates", "Rates"], done.stderr
