import numpy as np
import pytest

from polyome import InputError
from polyome.modalities.profiles.alignment import (
    align,
    check_genes,
    check_sound,
    class_moments,
    unsound,
)


@pytest.fixture
def reference():
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 0.7, (3, 40))
    truth = rng.integers(0, 3, 600)
    return centres, rng.normal(size=(600, 40)) + centres[truth], truth


def nearest(means):
    def proba(z):
        squares = ((z[:, None] - means) ** 2).sum(axis=2)
        weights = np.exp(-(squares - squares.min(axis=1, keepdims=True)) / 2)
        return weights / weights.sum(axis=1, keepdims=True)

    return proba


def adjustment_of(z, reference_z, reference_truth, near=None):
    means, variances = class_moments(reference_z, reference_truth, 3)
    answer = nearest(means)
    near = np.ones(len(z), dtype=bool) if near is None else near
    return align(
        lambda a: answer(z * a[0] + a[1]),
        answer(z),
        lambda: iter(np.array_split(z, 7)),
        means,
        variances,
        near,
    )


def aligned(z, reference_z, reference_truth):
    answer = nearest(class_moments(reference_z, reference_truth, 3)[0])
    scale, shift = adjustment_of(z, reference_z, reference_truth)
    return answer(z).argmax(1), answer(z * scale + shift).argmax(1)


def test_takes_back_a_shift_and_scale_of_genes_where_composition_differs(reference):
    centres, z, truth = reference
    rng = np.random.default_rng(1)
    query_truth = rng.choice(3, 400, p=[0.7, 0.2, 0.1])
    query = rng.normal(size=(400, 40)) + centres[query_truth]
    towards_another = 0.55 * (centres[1] - centres[0])
    shifted = query * rng.lognormal(0, 0.3, 40) + rng.normal(0, 0.5, 40) + towards_another
    before, after = aligned(shifted, z, truth)
    assert (before == query_truth).mean() < 0.9
    assert (after == query_truth).mean() > 0.95


def test_does_no_harm_where_none_is_needed(reference):
    centres, z, truth = reference
    rng = np.random.default_rng(2)
    query_truth = rng.choice(3, 300, p=[0.05, 0.05, 0.9])
    query = rng.normal(size=(300, 40)) + centres[query_truth]
    before, after = aligned(query, z, truth)
    assert (after == query_truth).mean() >= (before == query_truth).mean() - 0.01


def test_genes_stay_where_their_differences_are_noise(reference):
    centres, z, truth = reference
    query = np.random.default_rng(3).normal(size=(40, 40)) + centres[0]
    scale, shift = adjustment_of(query, z, truth)
    raw = z[truth == 0].mean(axis=0) - query.mean(axis=0)
    moved = query.mean(axis=0) * scale + shift - query.mean(axis=0)
    assert np.square(moved).mean() < 0.2 * np.square(raw).mean()
    assert np.abs(np.log(scale)).max() < 0.15


def test_records_that_are_not_near_teach_nothing(reference):
    centres, z, truth = reference
    rng = np.random.default_rng(4)
    query = rng.normal(size=(300, 40)) + centres[rng.integers(0, 3, 300)] + 0.4
    foreign = rng.normal(size=(300, 40)) + 6
    near = np.arange(600) < 300
    usual = adjustment_of(query, z, truth)
    mixed = adjustment_of(np.concatenate([query, foreign]), z, truth, near)
    np.testing.assert_allclose(mixed, usual, atol=1e-5)


def test_order_changes_nothing(reference):
    centres, z, truth = reference
    rng = np.random.default_rng(5)
    query = rng.normal(size=(200, 40)) * 1.2 + centres[rng.integers(0, 3, 200)] + 0.3
    order = rng.permutation(200)
    usual = adjustment_of(query, z, truth)
    np.testing.assert_allclose(adjustment_of(query[order], z, truth), usual, atol=1e-5)


@pytest.mark.parametrize(
    ("score", "why"),
    [
        ([1.6], "1 record is too few: the means of genes over fewer than 20"),
        ([0.7] * 19, "19 records are too few"),
        ([1.3] * 96 + [0.6] * 4, "96 of 100 records (96%) are unlike all training records before"),
        ([1.5] * 85 + [0.6] * 15, "only 15 of 100 records are near the training records"),
    ],
)
def test_a_query_that_nothing_ties_to_the_reference_is_refused(score, why):
    assert why in unsound(np.array(score))
    with pytest.raises(InputError, match=r"align=true: .* Leave align=true out") as caught:
        check_sound(np.array(score))
    assert why in str(caught.value)
    assert "Are tissue, organism and gene names those" in str(caught.value)


def test_a_query_of_which_some_records_are_near_is_aligned():
    assert unsound(np.array([0.8] * 20 + [1.6] * 60)) == ""


def test_genes_under_other_names_are_refused():
    rng = np.random.default_rng(0)
    means = rng.lognormal(size=200)
    check_genes(means * rng.lognormal(0, 0.5, 200), means)
    check_genes(means[:20], means[:20][::-1])  # so few say nothing
    with pytest.raises(InputError, match=r"their means correlate by .*gene names belong"):
        check_genes(rng.permutation(means), means)
