"""Classes that a part lacks, barely has, or has in other proportions."""

import numpy as np

from polyome.audit.classes import class_counts, class_findings
from polyome.splits import Split

NONE = np.array([], dtype=int)


def of(labels, train, test, dev=0):
    rows = np.arange(len(labels))
    parts = rows[:train], rows[train : train + dev], rows[train + dev : train + dev + test]
    return class_findings(labels, Split(*parts, 0, "by hand"))


def test_balanced_parts_raise_nothing():
    assert of(["a", "b"] * 50, 60, 40) == []


def test_missing_classes_are_named_by_part():
    found = of(["a"] * 20 + ["b"] * 20 + ["a"] * 20 + ["c"] * 20, 40, 40)
    missing = {f.numbers["part"]: f.numbers["classes"] for f in found if f.kind == "missing class"}
    assert missing == {"train": ["c"], "test": ["b"]}
    assert found[0].message.startswith("No train row of 'c': the model cannot name them")


def test_a_class_missing_from_dev_is_a_note():
    found = of(["a", "b"] * 20 + ["a"] * 10 + ["a", "b"] * 20, 40, 40, dev=10)
    assert [(f.kind, f.severity) for f in found] == [("missing class", "note")]


def test_tiny_classes_are_counted():
    found = of((["a"] * 17 + ["b"] * 3) * 2, 20, 20)
    assert [f.kind for f in found] == ["tiny class", "tiny class"]
    assert found[0].message == (
        "Fewer than 10 train rows of 'b (3)': few to learn from; "
        "add rows, or merge the class into a broader one."
    )


def test_a_shift_of_proportions_is_measured():
    found = of(["a"] * 80 + ["b"] * 20 + ["a"] * 20 + ["b"] * 80, 100, 100)
    assert [f.kind for f in found] == ["class shift"]
    assert round(found[0].numbers["total_variation"], 3) == 0.6
    assert "'a': 80% of train, 20% of test" in found[0].message


def test_no_test_part():
    split = Split(np.arange(30), NONE, NONE, 0, "all")
    assert class_findings(["a", "b", "c"] * 10, split) == []
    assert class_counts(["a", "b", "c"] * 10, split).columns.tolist() == ["train"]
