"""Every setting is explained, and pointers to another docstring are followed."""

from dataclasses import fields

import pytest

import polyome
from polyome.described import described, docstring
from polyome.explain.cells import CellArguments
from polyome.explain.sequences import SequenceArguments
from polyome.explain.tissue import TissueArguments
from polyome.genome.scan_arguments import ScanArguments
from polyome.genome.variants import VariantArguments
from polyome.predict.predict import PredictArguments
from polyome.report.html import ReportArguments
from polyome.tasks import TASKS
from polyome.train.arguments import FitArguments

ARGUMENTS = [
    FitArguments, PredictArguments, ScanArguments, VariantArguments, CellArguments,
    TissueArguments, SequenceArguments, ReportArguments,
]  # fmt: skip


@pytest.mark.parametrize("settings", [*TASKS.values(), *ARGUMENTS])
def test_every_setting_is_explained_in_its_own_words(settings):
    meaning = described(settings)
    for setting in fields(settings):
        assert len(meaning[setting.name]) > 10
        assert "see :class:" not in meaning[setting.name]


@pytest.mark.parametrize("task", TASKS)
def test_the_public_class_says_what_it_may_be_told(task):
    public = getattr(polyome, TASKS[task].estimator)
    assert public.__doc__ == docstring(TASKS[task])
    for setting in fields(TASKS[task]):
        assert f"\n{setting.name} : " in public.__doc__
