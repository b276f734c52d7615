"""Rows of a group stay on one side, or the user hears why not."""

import numpy as np
import pytest

from polyome._errors import InputError
from polyome.data.simulate import simulate_cells, simulate_sequences
from polyome.estimators import estimator_class
from polyome.tasks.parts import split_records


def parts_of(task, source, target, **options):
    task = estimator_class(task)(quiet=True).task
    records = task.build_modality().read(source)
    targets = task.targets(records.table, target, None)
    options = {"split": None, "split_by": None, "group": None} | options
    return split_records(task, records, targets, **options)


@pytest.mark.parametrize("split_by", [None, "group"])
def test_a_group_stays_on_one_side(split_by):
    cells = simulate_cells()
    parts, groups = parts_of("cell-type", cells, "cell_type", split_by=split_by, group="donor")
    assert not set(groups[parts.train]) & set(groups[parts.test])
    assert len(parts.test)


@pytest.mark.parametrize("split_by", ["homology", "random"])
def test_a_group_does_not_silently_replace_another_way_to_split(split_by):
    table = simulate_sequences(40).assign(batch=np.arange(40) % 4)
    with pytest.raises(InputError, match="--group batch alone means --split-by group"):
        parts_of("promoter", table, "label", split_by=split_by, group="batch")
