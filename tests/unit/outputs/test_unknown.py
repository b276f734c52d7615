import numpy as np
import pytest

from polyome.data.catalogue import load_builtin
from polyome.data.simulate import simulate_cells
from polyome.estimator import estimator_class
from polyome.outputs.unknown import UnknownDetector


@pytest.fixture
def known():
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 3, 900)
    centres = np.array([[4, 0, 0, 0], [0, 4, 0, 0], [0, 0, 4, 0]])
    return rng.normal(size=(900, 4)) + centres[classes], classes


def test_refuses_the_share_it_was_told_of_new_records_of_known_classes(known):
    ood_features, classes = known
    detector = UnknownDetector.fit(ood_features[:600], classes[:600])
    detector = detector.with_threshold(detector.distance(ood_features[600:750]), refused=0.1)
    assert (detector.score(ood_features[750:]) > 1).mean() == pytest.approx(0.1, abs=0.06)


def test_refuses_a_class_it_never_saw(known):
    ood_features, classes = known
    detector = UnknownDetector.fit(ood_features, classes)
    detector = detector.with_threshold(detector.distance(ood_features), refused=0.05)
    unseen = np.random.default_rng(1).normal(size=(200, 4)) + np.array([0, 0, 0, 6])
    assert (detector.score(unseen) > 1).mean() > 0.9


def test_knows_nothing_until_a_threshold_is_set(known):
    detector = UnknownDetector.fit(*known)
    assert (detector.score(known[0]) == 0).all()
    assert (detector.with_threshold(np.zeros(0), refused=0.05).score(known[0]) == 0).all()


def test_a_class_with_one_record_does_no_harm(known):
    ood_features, classes = known
    classes = classes.copy()
    classes[0] = 3
    assert np.isfinite(UnknownDetector.fit(ood_features, classes).distance(ood_features)).all()


def test_survives_saving(known):
    detector = UnknownDetector.fit(*known).with_threshold(np.arange(10.0), refused=0.1)
    again = UnknownDetector.from_arrays(detector.arrays())
    np.testing.assert_allclose(again.score(known[0]), detector.score(known[0]))


def test_the_cells_that_were_fitted_are_known_even_when_they_are_few():
    adata = load_builtin("pbmc68k_reduced")
    model = estimator_class("cell-type")(num_members=1, hidden_size=16, quiet=True)
    model.fit(adata, "bulk_labels", baselines=False, num_train_epochs=1)
    fitted = (model.split_ == "train").to_numpy()
    refused = (model.predict(adata)["label"] == "unknown").to_numpy()
    assert refused[fitted].mean() < 0.15  # with 20 components for 560 cells: .28
    assert refused[~fitted].mean() < 0.15


@pytest.mark.filterwarnings("ignore::polyome.PolyomeWarning")
def test_a_class_of_one_donor_alone_makes_nobody_else_known():
    """Its cells are held out together, by folds that never saw the class."""
    adata = simulate_cells(700, 100, 5, seed=0)
    kind = adata.obs["cell_type"].astype(str).str[-1].astype(int).to_numpy()
    rng = np.random.default_rng(0)
    adata.obs["donor"] = rng.choice(["d1", "d2", "d3"], adata.n_obs)
    adata.obs.loc[kind == 3, "donor"] = "d1"
    adata.obs.loc[kind == 4, "donor"] = "d2"
    adata.obs["part"] = np.where(rng.random(adata.n_obs) < 0.2, "test", "train")
    known, unseen = adata[kind != 5].copy(), adata[kind == 5].copy()
    model = estimator_class("cell-type")(num_members=1, hidden_size=16, quiet=True)
    options = {"split": "part", "group": "donor", "baselines": False, "num_train_epochs": 1}
    model.fit(known, "cell_type", **options)
    assert (model.predict(unseen)["label"] == "unknown").mean() > 0.9
    assert model.evaluation_.metrics["ece"] < 0.05
