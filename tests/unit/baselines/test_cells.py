"""Baselines are what they say: tuned logistic regression above all."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from polyome._errors import InputError
from polyome.baselines.cells import BASELINES, gradient_boosting
from polyome.outputs.logistic_regression import GRID, TunedLogisticRegression


def blobs(n, g, n_classes, seed=0, noise=2.0):
    rng = np.random.default_rng(seed)
    codes = np.arange(n) % n_classes
    centres = rng.normal(size=(n_classes, g)) * (rng.random(g) < 0.3)
    x = (centres[codes] + noise * rng.normal(size=(n, g))).astype(np.float32)
    return x, np.array(list("abcdefgh"))[codes]


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize(("n", "g"), [(60, 200), (200, 30)])
@pytest.mark.parametrize("C", [1e-3, 0.1])
def test_equals_scikit_learn(n_classes, n, g, C):  # noqa: N803
    x, y = blobs(n, g, n_classes)
    x = x.astype(np.float64)
    model = TunedLogisticRegression(grid=(C,)).fit(x + 0.5, y)
    expected = LogisticRegression(C=C, tol=1e-10, max_iter=10_000).fit(x + 0.5, y)
    np.testing.assert_allclose(model.predict_proba(x), expected.predict_proba(x), atol=1e-4)
    coef = expected.coef_ if n_classes > 2 else np.vstack([-expected.coef_, expected.coef_]) / 2
    np.testing.assert_allclose(model.coef_, coef, atol=1e-4)
    by_hand = softmax(x @ model.coef_.T + model.intercept_, axis=1)
    np.testing.assert_allclose(model.predict_proba(x), by_hand, atol=1e-5)


def test_the_chosen_strength_is_the_best_of_the_grid():
    x, y = blobs(150, 300, 3)
    model = TunedLogisticRegression().fit(x, y)
    losses = {C: TunedLogisticRegression(grid=(C,)).fit(x, y).inner_log_loss_ for C in GRID}
    assert model.inner_log_loss_ <= min(losses.values()) + 2e-3
    assert model.inner_path_[model.C_] == model.inner_log_loss_
    assert model.coef_.shape == (3, 300)


def test_out_of_fold_answers_are_not_fitted_ones():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(120, 400)).astype(np.float32), np.array(["a", "b"] * 60)
    model = TunedLogisticRegression(grid=(1.0,)).fit(x, y)
    truth = (y == "b").astype(int)
    assert (model.predict_proba(x).argmax(axis=1) == truth).mean() == 1
    assert 0.3 < (model.out_of_fold_proba_.argmax(axis=1) == truth).mean() < 0.7
    np.testing.assert_allclose(model.out_of_fold_proba_.sum(axis=1), 1)


def test_noise_is_answered_by_frequencies():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 400)), np.array(["a"] * 140 + ["b"] * 60)
    model = TunedLogisticRegression().fit(x, y)
    assert model.C_ < 1e-2
    assert model.inner_log_loss_ == pytest.approx(0.611, abs=0.02)  # entropy of 70 and 30 %


def test_inner_folds_keep_groups_whole():
    rng = np.random.default_rng(0)
    donors = np.repeat(np.arange(10), 12)
    x = rng.normal(size=(10, 50))[donors] + 0.01 * rng.normal(size=(120, 50))
    y = np.where(donors % 2, "a", "b")  # each donor has one label: its signature gives it away
    leaky = TunedLogisticRegression().fit(x, y)
    honest = TunedLogisticRegression().fit(x, y, groups=donors)
    assert leaky.inner_log_loss_ < 0.1 < honest.inner_log_loss_


@pytest.mark.parametrize("name", list(BASELINES))
@pytest.mark.parametrize("counts", [(30, 2, 1), (1, 1), (2, 1), (5, 4, 3, 1, 1, 1), (40, 40)])
def test_tiny_classes_do_not_crash(name, counts):
    y = np.repeat(np.array(list("abcdef"))[: len(counts)], counts)
    x = np.random.default_rng(0).normal(size=(len(y), 40)).astype(np.float32)
    proba = BASELINES[name](x, y, x[:3], seed=0)
    assert proba.shape == (min(3, len(y)), len(counts))
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in BASELINES if name != "majority"])
def test_learns_and_repeats_itself(name):
    x, y = blobs(300, 60, 3, noise=1.0)
    proba = BASELINES[name](x[:200], y[:200], x[200:], seed=0)
    assert (np.array(list("abc"))[proba.argmax(axis=1)] == y[200:]).mean() > 0.8
    np.testing.assert_array_equal(proba, BASELINES[name](x[:200], y[:200], x[200:], seed=0))


def test_constant_features_and_one_class():
    x = np.zeros((20, 5), dtype=np.float32)
    y = np.array(["a"] * 15 + ["b"] * 5)
    for baseline in BASELINES.values():
        np.testing.assert_allclose(baseline(x, y, x[:1], seed=0), [[0.75, 0.25]], atol=0.26)
    with pytest.raises(InputError, match="needs 2 classes or more; found 'a' only"):
        TunedLogisticRegression().fit(x, ["a"] * 20)


def test_boosting_is_left_out_where_it_is_dear():
    y = np.arange(31).repeat(2)
    assert gradient_boosting(np.zeros((62, 3)), y, np.zeros((1, 3)), seed=0) is None


@pytest.mark.real_data
def test_pbmc3k(real_data):
    import anndata

    adata = anndata.read_h5ad(real_data / "single_cell" / "pbmc3k_counts.h5ad")
    x = adata.X.toarray()
    x = np.log1p(x * (1e4 / x.sum(axis=1, keepdims=True)))
    train = (adata.obs["split"] == "train").to_numpy()
    spread = x[train].var(axis=0) / (x[train].mean(axis=0) + 1e-3)
    x = x[:, np.argsort(-spread)[:2000]]
    x = np.minimum((x - x[train].mean(axis=0)) / (x[train].std(axis=0) + 1e-6), 10)
    y = adata.obs["louvain"].astype(str).to_numpy()
    model = TunedLogisticRegression().fit(x[train].astype(np.float32), y[train])
    guess = model.classes_[model.predict_proba(x[~train]).argmax(axis=1)]
    assert (guess == y[~train]).mean() > 0.93
    assert GRID[0] < model.C_ < GRID[-1]
    assert model.inner_log_loss_ < 0.2
