"""Proteins: four normalisations, isotype controls by name, and what is no count."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from polyome import InputError
from polyome.modalities import ProteinModality

NAMES = ["CD3", "CD19", "CD4", "IgG1.K.Isotype.Control"]


def cells(n=30, seed=0):
    counts = np.random.default_rng(seed).poisson([30, 5, 12, 2], (n, 4)).astype(np.float32)
    return AnnData(counts, var=pd.DataFrame(index=NAMES))


@pytest.mark.parametrize("normalisation", ProteinModality.normalisations)
def test_a_cell_is_normalised_alike_alone_and_among_others(normalisation):
    modality = ProteinModality(normalisation)
    records = modality.read(cells())
    modality.fit(records)
    together = modality.prepare(records).standardised
    alone = modality.prepare(modality.read(cells()[7].copy())).standardised
    np.testing.assert_allclose(alone[0], together[7], atol=1e-6)
    assert abs(together.mean()) < 1e-5
    again = ProteinModality.from_state(*modality.state())
    np.testing.assert_array_equal(again.prepare(records).standardised, together)


def test_normalisations_are_what_they_say():
    values = cells().X.astype(np.float64)
    logged = np.log1p(values)
    found = {}
    for name in ProteinModality.normalisations:
        modality = ProteinModality(name)
        modality.fit(modality.read(cells()))
        found[name] = modality.normalised(values)
    np.testing.assert_allclose(found["clr"].mean(axis=1), 0, atol=1e-6)
    np.testing.assert_allclose(found["log1p"], logged)
    np.testing.assert_allclose(found["isotypes"], logged - logged[:, 3:])
    scale = np.expm1(logged.mean(axis=0))
    np.testing.assert_allclose(found["clr-cells"], np.log1p(values / scale), rtol=1e-4)


def test_proteins_that_a_query_lacks_are_masked_and_no_others_count():
    modality = ProteinModality()
    modality.fit(modality.read(cells()))
    some = cells()[:, ["CD19", "CD3", "CD4"]].copy()
    found = modality.prepare(modality.read(some)).standardised
    assert found.shape == (30, 4)
    assert (found[:, 3] == 0).all()
    more = AnnData(
        np.hstack([cells().X, np.full((30, 1), 900.0, np.float32)]),
        var=pd.DataFrame(index=[*NAMES, "CD999"]),
    )
    np.testing.assert_allclose(
        modality.prepare(modality.read(more)).standardised,
        modality.prepare(modality.read(cells())).standardised,
    )


def test_values_below_zero_are_no_counts():
    wrong = cells()
    wrong.X[2, 1] = -0.5
    with pytest.raises(InputError, match=r"proteins are counts, but 'CD19' of '2' is -0.5"):
        ProteinModality().read(wrong)


def test_without_isotype_controls_they_cannot_normalise():
    modality = ProteinModality("isotypes")
    with pytest.raises(InputError, match=r"none of the proteins is an isotype control"):
        modality.fit(modality.read(cells()[:, :3].copy()))


def test_an_unknown_normalisation_is_refused():
    with pytest.raises(InputError, match=r"cannot be normalised by 'x'. Use one of 'asinh'"):
        ProteinModality("x")
