import numpy as np
import pytest

from polyome.modalities.profiles.alignment import align, class_moments


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


def aligned(z, reference_z, reference_truth):
    means, variances = class_moments(reference_z, reference_truth, 3)
    answer = nearest(means)
    adjust = lambda a: z if a is None else z * a[0] + a[1]  # noqa: E731
    found = align(lambda a: answer(adjust(a)), lambda: iter(np.array_split(z, 7)), means, variances)
    return answer(z).argmax(1), answer(adjust(found)).argmax(1)


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
