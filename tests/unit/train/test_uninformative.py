"""Inputs that tell nothing of the target."""

import numpy as np
import pandas as pd
import pytest

from polyome import Classifier, PolyomeWarning, Regressor
from polyome.outputs.classes import Classes
from polyome.outputs.linear import FittedLinear
from polyome.outputs.values import Values
from polyome.train.uninformative import HeldOutLinear


def measured(seed: int = 0, n: int = 150) -> pd.DataFrame:
    """Five numbers that tell the class and a value, and twenty that tell nothing."""
    rng = np.random.default_rng(seed)
    is_first = rng.random(n) < 0.5
    lab = rng.normal(size=(n, 5)) + 1.2 * is_first[:, None]
    noise = rng.normal(size=(n, 20))
    columns = {f"lab_{i}": lab[:, i] for i in range(5)}
    columns |= {f"noise_{i}": noise[:, i] for i in range(20)}
    columns |= {"kind": np.where(is_first, "a", "b"), "age": lab.sum(axis=1) + rng.normal(size=n)}
    return pd.DataFrame(columns, index=[f"r{i}" for i in range(n)])


QUICK = {"num_members": 2, "quiet": True}
FIT = {"num_train_epochs": 2, "baselines": False}


@pytest.mark.parametrize(
    ("task", "target", "other"), [(Classifier, "kind", "age"), (Regressor, "age", "kind")]
)
def test_noise_beside_another_input_is_warned_of_and_changes_no_answer(
    task: type, target: str, other: str, tmp_path
) -> None:
    table = measured().drop(columns=other)
    with pytest.warns(PolyomeWarning, match="'noise' tells nothing of") as warned:
        model = task(inputs="lab,noise", **QUICK).fit(table, target, **FIT)
    assert not any("'lab' tells nothing" in str(one.message) for one in warned)
    assert model.fitted_.modality.uninformative == ("noise",)
    assert [f.numbers["input"] for f in model.findings_ if f.kind == "uninformative"] == ["noise"]
    networks, linear = model.fitted_.facts["stacking_weights"]["lab"]
    share = linear / (networks + linear)
    assert model.evaluation_.linear_weight == pytest.approx(share, abs=1e-3)
    louder = table.copy()
    louder.iloc[:, 5:25] *= 9
    own, other_noise = model.predict(table), model.predict(louder)
    pd.testing.assert_frame_equal(own, other_noise)
    model.save_pretrained(tmp_path / "model")
    again = task.from_pretrained(tmp_path / "model").predict(louder)
    pd.testing.assert_frame_equal(own, again)


def test_records_of_noise_alone_get_the_frequencies() -> None:
    table = measured().drop(columns="age")
    with pytest.warns(PolyomeWarning, match="tells nothing"):
        model = Classifier(inputs="lab,noise", **QUICK).fit(table, "kind", **FIT)
    alone = model.predict(table.filter(like="noise"))
    assert alone[["a", "b"]].to_numpy() == pytest.approx(0.5, abs=0.25)


def test_inputs_that_tell_something_are_all_read() -> None:
    table = measured(n=200).drop(columns="age")
    table["late_0"] = table["lab_0"] + np.random.default_rng(1).normal(size=200)
    table = table.drop(columns=[name for name in table if name.startswith("noise")])
    model = Classifier(inputs="lab,late", **QUICK).fit(table, "kind", **FIT)
    assert model.fitted_.modality.uninformative == ()


def test_where_no_input_tells_anything_all_are_read() -> None:
    table = measured().drop(columns="age")
    table["kind"] = np.random.default_rng(5).permutation(table["kind"])
    model = Classifier(inputs="lab,noise", **QUICK).fit(table, "kind", **FIT)
    assert len(model.fitted_.modality.uninformative) < 2


@pytest.mark.parametrize(("strength", "informative"), [(0.0, False), (3.0, True)])
def test_an_input_is_informative_where_its_loss_is_lower_in_most_resamples(
    strength: float, informative: bool
) -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 100)
    logits = strength * (2 * truth - 1) + rng.normal(size=100)
    outputs = np.stack([-np.logaddexp(0, logits), -np.logaddexp(0, -logits)], axis=1)
    linear = FittedLinear(np.zeros((2, 1)), np.zeros(2), outputs)
    alone = HeldOutLinear(Classes(), {"rna": linear}, {"rna": np.arange(100)}, truth)
    found = alone.informativeness("rna")
    assert found.is_informative is informative
    assert found.constant == pytest.approx(np.log(2), abs=0.02)


def test_an_input_that_adds_to_another_is_informative_however_little_it_tells_alone() -> None:
    rng = np.random.default_rng(0)
    large, small = rng.normal(scale=5.0, size=(60, 1)), rng.normal(size=(60, 1))
    values = large + small + rng.normal(scale=0.2, size=(60, 1))
    truth = np.stack([values, np.ones_like(values)], axis=-1)
    truth[..., 0] -= truth[..., 0].mean()
    rows = dict.fromkeys(("large", "small", "noise"), np.arange(60))
    parts = {"large": large, "small": small, "noise": rng.normal(size=(60, 1))}
    fits = {n: FittedLinear(np.zeros((1, 1)), np.zeros(1), x) for n, x in parts.items()}
    linear = HeldOutLinear(Values(), fits, rows, truth)
    found = {name: linear.informativeness(name) for name in fits}
    assert found["small"].sure < 0.95 <= found["small"].sure_beside
    assert [name for name, one in found.items() if not one.is_informative] == ["noise"]
