"""Exact copies across the split are found, whatever the storage."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse

from polyome.audit.duplicates import duplicate_findings, row_hashes
from polyome.splits import Split


def halves(n):
    none = np.array([], dtype=int)
    return Split(np.arange(n // 2), none, np.arange(n // 2, n), 0, "by hand")


@given(
    arrays(np.int64, st.tuples(st.integers(1, 30), st.integers(1, 4)), elements=st.integers(0, 2))
)
def test_equal_rows_and_only_they_have_equal_hashes(x):
    hashes = row_hashes(x)
    equal = (x[:, None] == x[None]).all(axis=2)
    np.testing.assert_array_equal(hashes[:, None] == hashes[None], equal)
    for same in (x.astype(np.float32), sparse.csr_matrix(x), sparse.csc_matrix(x.astype(float))):
        np.testing.assert_array_equal(row_hashes(same), hashes)


def test_explicit_zeros_order_of_indices_and_signed_zeros_do_not_matter():
    messy = sparse.csr_matrix((np.array([2.0, 0.0, 1.0]), ([0, 0, 0], [2, 1, 0])), shape=(1, 3))
    assert row_hashes(messy) == row_hashes(np.array([[1.0, -0.0, 2.0]]))
    assert (messy.data == [2, 0, 1]).all() or messy.nnz == 3  # the caller's matrix is untouched


def test_many_rows_cross_the_blocks():
    x = np.random.default_rng(0).poisson(1, (3000, 50))
    x[2900] = x[3]
    assert row_hashes(x)[2900] == row_hashes(x)[3]


def test_copies_across_the_split_are_counted():
    x = np.eye(10)
    x[7], x[8], x[1] = x[0], x[0], x[0]
    found = duplicate_findings(x, ["a"] * 10, halves(10))
    assert [finding.severity for finding in found] == ["warning"]
    assert found[0].numbers == {"test_rows_in_train": 2, "pairs": 4, "share_of_test": 0.4}
    assert found[0].message.startswith("2 of 5 test rows (40.0%) have the same profile")


def test_one_profile_under_two_labels():
    x = np.eye(10)
    x[1] = x[0]
    found = duplicate_findings(sparse.csr_matrix(x), ["a", "b"] + ["c"] * 8, halves(10))
    assert len(found) == 1
    assert "1 profile has conflicting labels (2 rows; one is both 'a' and 'b')" in found[0].message


@pytest.mark.parametrize("labels", [["a"] * 10, [None] * 10, [np.nan] * 10])
def test_clean_data_and_empty_rows_raise_nothing(labels):
    assert duplicate_findings(np.eye(10), labels, halves(10)) == []
    assert duplicate_findings(np.zeros((10, 3)), labels, halves(10)) == []
