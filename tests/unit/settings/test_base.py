"""Settings: types and limits on the field, one message for each kind of mistake."""

from dataclasses import dataclass

import numpy as np
import pytest

from polyome._errors import InputError
from polyome.settings import (
    BelowOne,
    Count,
    LearningRate,
    Natural,
    OddCount,
    Settings,
    from_text,
    hints_of,
    limits_in_words,
)
from polyome.tasks import TASKS
from polyome.train.arguments import FitArguments


@dataclass(frozen=True, kw_only=True)
class Example(Settings):
    members: Count | None = None
    layers: Natural = 2
    kernel: OddCount = 11
    dropout: BelowOne = 0.1
    rate: LearningRate = 0.001
    align: bool = False
    layer: str | None = None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"members": 0}, "members=0: a number of at least 1 is needed."),
        ({"members": 1.0}, "members=1.0: a whole number is needed."),
        ({"members": True}, "members=True: a whole number is needed."),
        ({"layers": "2"}, "layers='2': a whole number is needed."),
        ({"layers": None}, "layers=None: a whole number is needed."),
        ({"kernel": 10}, "kernel=10: an odd number is needed, such as 11."),
        ({"dropout": 1}, "dropout=1: a number from 0 to below 1 is needed."),
        ({"dropout": "much"}, "dropout='much': a number is needed."),
        ({"rate": float("nan")}, "rate=nan: a number above 0 to 1 is needed."),
        ({"rate": 0.0}, "rate=0.0: a number above 0 to 1 is needed."),
        ({"align": "yes"}, "align='yes': true or false is needed."),
        ({"layer": 3}, "layer=3: text is needed."),
    ],
)
def test_a_wrong_value_is_refused_in_words(values, message):
    with pytest.raises(InputError) as refusal:
        Example(**values)
    assert str(refusal.value) == message


def test_numbers_of_numpy_become_python_s():
    found = Example(members=np.int64(3), dropout=np.float32(0.5))
    assert type(found.members) is int
    assert type(found.dropout) is float
    assert found == Example(members=3, dropout=0.5)


@pytest.mark.parametrize(
    ("text", "hint", "value"),
    [
        ("128", Count, 128),
        ("1e-3", LearningRate, 0.001),
        ("None", Count | None, None),
        ("", str | None, None),
        ("yes", bool, True),
        ("0", bool, False),
        ("counts", str | None, "counts"),
        (3, str | None, "3"),
        (["a", "b"], str | list[str] | None, ["a", "b"]),
        (2, LearningRate, 2.0),  # the limit is judged where the settings are made
    ],
)
def test_text_is_read_as_the_field_wants_it(text, hint, value):
    assert from_text("key", text, hint) == value


@pytest.mark.parametrize(
    ("text", "hint", "wanted"),
    [("1.5", Count, "a whole"), (64.7, Count, "a whole"), ([1], Count, "a whole"),
     ("fast", LearningRate, "a number"), ("maybe", bool, "true or false"),
     (True, Count, "a whole")],
)  # fmt: skip
def test_other_text_is_refused(text, hint, wanted):
    with pytest.raises(InputError, match=f"--set key=.*: {wanted}"):
        from_text("key", text, hint)


def test_every_number_that_can_be_set_has_limits():
    for settings in (FitArguments, *TASKS.values()):
        for name, hint in hints_of(settings).items():
            is_number = any(kind in str(hint) for kind in ("int", "float"))
            assert bool(limits_in_words(hint)) == is_number, (settings, name)
