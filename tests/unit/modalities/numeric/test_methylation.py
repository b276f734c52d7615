"""Methylation: what values are is recognised; what is not covered is not zero."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

from polyome import InputError
from polyome.modalities import MethylationModality

SITES = [f"cg{i:08d}" for i in range(12)]


def betas(n=20, seed=0):
    return np.random.default_rng(seed).beta(2, 3, (n, 12)).astype(np.float32)


def adata(values, names=SITES, **columns):
    return AnnData(values, var=pd.DataFrame(columns, index=names))


def fitted(values=None, **columns):
    modality = MethylationModality()
    return modality.fit(modality.read(adata(betas() if values is None else values, **columns)))


@pytest.mark.parametrize(
    ("change", "state"),
    [(lambda b: np.log2(b / (1 - b)), "M"), (lambda b: 100 * b, "per cent")],
)
def test_another_scale_gives_the_same_values(change, state):
    modality = fitted()
    records = modality.read(adata(change(betas())))
    assert f"values are {state}." in records.notes
    expected = modality.prepare(modality.read(adata(betas()))).standardised
    np.testing.assert_allclose(modality.prepare(records).standardised, expected, atol=1e-4)


def test_what_is_not_covered_is_masked():
    values = betas()
    values[::2, 3] = np.nan
    modality = fitted(values)
    found = modality.prepare(modality.read(adata(values))).standardised
    assert (found[::2, 3] == 0).all()
    assert (found[1::2, 3] != 0).all()
    np.testing.assert_allclose(modality.means_[3], values[1::2, 3].mean(), rtol=1e-5)


def test_a_record_without_a_covered_site_has_no_measurement():
    values = betas()
    values[4] = np.nan
    modality = MethylationModality()
    assert np.flatnonzero(~modality.measured(modality.read(adata(values)))).tolist() == [4]


def test_binary_and_beta_values_are_not_mixed():
    binary = (betas() > 0.5).astype(np.float32)
    with pytest.raises(InputError, match="are binary, the model was fitted on beta or M"):
        fitted().read(adata(binary))
    with pytest.raises(InputError, match="are beta, the model was fitted on 0/1"):
        fitted(binary).read(adata(betas()))


@pytest.mark.parametrize("values", [[[5.0, 12.0]], [[-900.0, 3.0]], [[3.0, 2000.0]]])
def test_other_numbers_are_refused(values):
    with pytest.raises(InputError, match="are no methylation: beta values"):
        MethylationModality().read(adata(np.array(values), ["cg1", "cg2"]))


def test_a_sparse_matrix_says_what_is_covered_or_is_refused():
    dense = np.array([[0.0, 0.5, 0.9], [0.2, 0.0, 0.4]], np.float32)
    with pytest.raises(InputError, match="X is sparse and stores no zero"):
        MethylationModality().read(adata(sparse.csr_matrix(dense), SITES[:3]))
    stored = sparse.csr_matrix(
        (np.array([0.0, 0.5, 0.4]), np.array([0, 1, 2]), np.array([0, 2, 3])), shape=(2, 3)
    )
    found = MethylationModality().read(adata(stored, SITES[:3])).values
    assert np.isnan(found).tolist() == [[False, False, True], [True, True, False]]
    signed = sparse.csr_matrix(np.array([[1.0, -1.0, 0.0]]))
    found = MethylationModality().read(adata(signed, SITES[:3])).values
    np.testing.assert_array_equal(found, [[1, 0, np.nan]])


def test_probes_of_the_second_version_and_places_name_the_same_sites():
    place = {"chrom": ["chr1"] * 12, "pos": np.arange(12) * 10}
    modality = fitted(**place)
    expected = modality.prepare(modality.read(adata(betas()))).standardised
    version_2 = adata(betas(), [f"{name}_TC21" for name in SITES])
    by_place = adata(betas(), [f"site{i}" for i in range(12)], **place)
    named = adata(betas(), [f"1:{10 * i}" for i in range(12)])
    for other in (version_2, by_place, named):
        found = modality.prepare(modality.read(other)).standardised
        np.testing.assert_allclose(found, expected)
    again = MethylationModality.from_state(*modality.state())
    np.testing.assert_allclose(again.prepare(again.read(by_place)).standardised, expected)


def test_nothing_covered_is_refused():
    with pytest.raises(InputError, match="no site is covered in any record"):
        MethylationModality().read(adata(np.full((3, 12), np.nan)))


def test_many_sites_are_read_as_components():
    values = np.random.default_rng(0).beta(2, 3, (30, 700)).astype(np.float32)
    modality = MethylationModality()
    modality.fit(modality.read(adata(values, [f"cg{i}" for i in range(700)])))
    spec = modality.spec()
    assert (spec["num_components"], spec["num_linear_components"]) == (20, 29)
