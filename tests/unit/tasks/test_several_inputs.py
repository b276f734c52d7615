"""Inputs of a task: their normalisations, and inputs whose presence tells the class."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from polyome import InputError
from polyome.modalities.inputs import Inputs
from polyome.splits import Split
from polyome.tasks import CellType
from polyome.tasks.input_findings import presence_findings
from polyome.tasks.inputs import build_inputs, input_specs

mudata = pytest.importorskip("mudata")


def test_a_normalisation_belongs_to_an_input():
    made = build_inputs(input_specs("prot,atac"), "prot = isotypes", {})
    assert made.members["prot"].normalisation == "isotypes"
    assert made.members["atac"].normalisation == "tfidf"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("prot=x", "the input 'prot' may be 'asinh', 'clr', 'clr-cells', 'log1p', 'isotypes'"),
        ("rna=clr", "'rna' has none"),
        ("other=clr", "'other' has none. Write NAME=NORMALISATION"),
    ],
)
def test_other_normalisations_are_refused(given, message):
    with pytest.raises(InputError, match=message):
        build_inputs(input_specs("rna,prot"), given, {})


def test_a_modality_that_cannot_be_an_input_is_refused():
    with pytest.raises(InputError, match=r"'tissue' is no modality of an input"):
        build_inputs(input_specs("x=tissue"), None, {})


def test_an_input_that_one_class_alone_has_or_lacks_is_named():
    truth = np.repeat(["B", "T"], 30)
    has = truth == "B"
    messages = [finding.message for finding in presence_findings("prot", has, truth)]
    assert messages[0].startswith("Only records of the class 'B' have the input 'prot'")
    assert messages[1].startswith("Only records of the class 'T' lack the input 'prot'")


def test_a_few_records_may_lack_an_input_by_chance():
    truth = np.repeat(["B", "T"], 30)
    has = np.ones(60, dtype=bool)
    assert not presence_findings("prot", has, truth)
    has[:4] = False
    assert not presence_findings("prot", has, truth)


def test_parts_that_share_no_record_are_refused():
    values = np.random.default_rng(0).poisson(5, (6, 3)).astype(np.float32)
    parts = {
        name: AnnData(
            values,
            obs=pd.DataFrame(index=[f"{name}{i}" for i in range(6)]),
            var=pd.DataFrame(index=[f"{name}_{c}" for c in "abc"]),
        )
        for name in ("prot", "adt")
    }
    modality = build_inputs(input_specs("prot,adt"), None, {})
    assert isinstance(modality, Inputs)
    with mudata.set_options(pull_on_update=False):
        records = modality.read(mudata.MuData(parts))
    message = r"no training record has 'adt' and another input.*adt 'adt0', prot 'prot0'"
    with pytest.raises(InputError, match=message):
        modality.fit(records)


def test_depth_of_an_input_that_tells_the_class_is_named_with_its_input():
    rng = np.random.default_rng(0)
    deep = np.repeat([False, True], 60)
    counts = rng.poisson(np.where(deep, 40.0, 8.0)[:, None], (120, 12)).astype(np.float32)
    genes = rng.poisson(3.0, (120, 40)).astype(np.float32)
    obs = pd.DataFrame({"kind": np.where(deep, "b", "a")}, index=[f"c{i}" for i in range(120)])
    names = [f"CD{i}" for i in range(12)], [f"GENE{i}" for i in range(40)]
    prot, rna = (
        AnnData(x, obs=obs.copy(), var=pd.DataFrame(index=own))
        for x, own in zip((counts, genes), names, strict=True)
    )
    found = findings_of(CellType(inputs="rna,prot", quiet=True), rna, prot)
    depths = [f.numbers["name"] for f in found if f.kind == "shortcut"]
    assert depths == ["the number of antibody counts of the input 'prot'"]


def test_cells_are_copies_only_where_all_inputs_are_the_same():
    rng = np.random.default_rng(0)
    obs = pd.DataFrame({"kind": ["a", "b"] * 30}, index=[f"c{i}" for i in range(60)])
    names = [f"CD{i}" for i in range(8)], [f"GENE{i}" for i in range(30)]
    prot, rna = (
        AnnData(rng.poisson(5.0, (60, len(own))).astype(np.float32), obs.copy(),
                pd.DataFrame(index=own))
        for own in names
    )  # fmt: skip
    prot.X[1] = prot.X[0]
    task = CellType(inputs="rna,prot", quiet=True)
    assert not [f for f in findings_of(task, rna, prot) if f.kind == "duplicates"]
    rna.X[1] = rna.X[0]
    messages = [f.message for f in findings_of(task, rna, prot) if f.kind == "duplicates"]
    assert any("one is both 'a' and 'b'" in message for message in messages)


def findings_of(task: CellType, rna: AnnData, prot: AnnData) -> list:
    """What the audit says of cells with both, half of them test."""
    with mudata.set_options(pull_on_update=False):
        mdata = mudata.MuData({"rna": rna, "prot": prot})
    mdata.obs["kind"] = rna.obs["kind"]
    records = task.read(mdata, {})
    targets = task.targets(records.table, "kind", None)
    even = np.arange(len(records)) % 4 < 2
    split = Split(np.flatnonzero(even), np.array([], dtype=int), np.flatnonzero(~even), 0, "test")
    return task.audit(records, targets, split, "kind")
