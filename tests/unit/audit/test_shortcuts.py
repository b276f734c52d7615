"""A number that tells the target by itself is reported; one that does not is not."""

import numpy as np
import pytest

from polyome.audit.shortcuts import predictive_power, shortcut_findings

LABELS = np.repeat(["a", "b", "c"], 200)


def test_noise_is_at_chance():
    power = predictive_power(np.random.default_rng(0).normal(size=600), LABELS)
    assert power["auroc"] == pytest.approx(0.5, abs=0.05)
    assert power["majority"] == pytest.approx(1 / 3)


def test_dependence_need_not_be_monotone():
    values = np.random.default_rng(0).normal(size=600)
    values[200:400] *= 0.05  # class b lies in the middle
    assert predictive_power(values, LABELS)["auroc"] > 0.7


def test_severity_grows_with_power():
    rng = np.random.default_rng(0)
    numbers = {
        "noise": rng.normal(size=600),
        "weak": rng.normal(size=600) + 0.9 * np.repeat([0, 1, 2], 200),
        "library size": rng.normal(size=600) + 5 * np.repeat([0, 1, 2], 200),
    }
    found = shortcut_findings(numbers, LABELS)
    assert [finding.severity for finding in found] == ["note", "warning"]
    assert found[1].message.startswith(
        "Library size alone predicts the target: AUROC 1.00 (chance 0.50)"
    )
    assert found[1].numbers["name"] == "library size"


def test_constant_missing_and_few_values_are_left_alone():
    numbers = {
        "constant": np.ones(600),
        "missing": np.full(600, np.nan),
        "few": np.where(np.arange(600) < 10, 1.0, np.nan),
    }
    assert shortcut_findings(numbers, LABELS) == []


def test_tiny_classes_do_not_crash():
    assert predictive_power(np.arange(30), ["a"] * 28 + ["b", "c"])["majority"] > 0.9
