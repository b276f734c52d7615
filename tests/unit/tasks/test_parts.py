"""Rows of a group stay on one side, or the user hears why not."""

import numpy as np
import pytest

from polyome._errors import InputError, PolyomeWarning
from polyome.data.simulate import simulate_cells, simulate_sequences
from polyome.estimator import estimator_class
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


@pytest.mark.parametrize("options", [{"split_by": "chromosome"}, {"group": "chrom"}])
@pytest.mark.parametrize("spelled", ["chr{}", "{}", "{}.0", " chr{} "])
def test_a_chromosome_of_two_names_stays_on_one_side(options, spelled):
    numbers = np.arange(60) % 6 + 1
    names = [f"chr{n}" if i % 2 else spelled.format(n) for i, n in enumerate(numbers)]
    table = simulate_sequences(60).assign(chrom=names)
    parts, groups = parts_of("promoter", table, "label", **options)
    assert not set(numbers[parts.train]) & set(numbers[parts.test])
    assert len(parts.test)
    assert len(set(groups)) == 6


def test_chromosomes_that_are_numbers_are_read():
    table = simulate_sequences(40).assign(chrom=[1.0, 2.0, 3.0, 10.0] * 10)
    _, groups = parts_of("promoter", table, "label", group="chrom")
    assert set(groups) == {"1", "2", "3", "10"}


def test_groups_in_two_spellings_are_warned_of():
    cells = simulate_cells()
    donors = cells.obs["donor"].astype(str)
    cells.obs["donor"] = donors.where(np.arange(len(donors)) % 2 > 0, donors.str.upper())
    with pytest.warns(PolyomeWarning, match="groups of 'donor' differ only in capitals"):
        parts_of("cell-type", cells, "cell_type", group="donor")


@pytest.mark.parametrize("role", ["group", "split"])
def test_two_columns_of_one_name(role):
    table = simulate_sequences(40).assign(part=["train", "test"] * 20)
    table.insert(0, "part", "x", allow_duplicates=True)
    with pytest.raises(InputError, match=rf"2 columns called 'part' \({role}\); rename them"):
        parts_of("promoter", table, "label", **{role: "part"})


@pytest.mark.real_data
def test_the_case_of_mixed_names_of_chromosomes(real_data):
    folder = real_data.parent / "cases" / "dna" / "chrom-names-mixed"
    files = [folder / "ucsc.csv", folder / "ens.csv"]
    parts, groups = parts_of("promoter", files, "label", split_by="chromosome")
    assert len(set(groups)) == len({name.removeprefix("chr") for name in groups})
    assert not set(groups[parts.train]) & set(groups[parts.test])
