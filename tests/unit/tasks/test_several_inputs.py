"""Inputs of a task: their normalisations, and inputs whose presence tells the class."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from polyome import InputError
from polyome.modalities.inputs import Inputs
from polyome.tasks.inputs import build_inputs, input_specs, presence_findings

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
