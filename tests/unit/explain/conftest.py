"""Small models of simulated sequences and cells, fitted once for all tests of this folder."""

import pytest

from polyome._errors import PolyomeWarning
from polyome.data.simulate import simulate_cells, simulate_sequences
from polyome.data.tissue_simulator import simulate_tissue
from polyome.estimator import estimator_class

SMALL = {"hidden_size": 16, "num_members": 1, "device": "cpu", "quiet": True}


@pytest.fixture(scope="session")
def fit_sequences():
    def fitted(**settings):
        model = estimator_class("promoter")(**SMALL | settings)
        return model.fit(simulate_sequences(), "label", baselines=False, num_train_epochs=8)

    return fitted


@pytest.fixture(scope="session")
def sequence_model(fit_sequences):
    return fit_sequences()


@pytest.fixture(scope="session")
def sequences():
    """Simulated sequences that the model has not seen, half of them with a TATA box."""
    return simulate_sequences(24, seed=1)


@pytest.fixture(scope="session")
def why_sequences(sequence_model, sequences):
    return sequence_model.explain(sequences, output="promoter")


@pytest.fixture(scope="session")
def cell_model():
    model = estimator_class("cell-type")(**SMALL)
    return model.fit(simulate_cells(), "cell_type", baselines=False, num_train_epochs=5)


@pytest.fixture(scope="session")
def cells():
    """Simulated cells; seed 0 has the markers that the model was fitted to."""
    return simulate_cells(seed=0)[:90].copy()


@pytest.fixture(scope="session")
def why_cells(cell_model, cells):
    return cell_model.explain(cells, top=12)


@pytest.fixture(scope="session")
def tissue_model():
    model = estimator_class("spatial")(num_neighbours=15, **SMALL)
    with pytest.warns(PolyomeWarning, match="Position alone"):
        return model.fit(simulate_tissue(400), "domain", split_by="blocks", baselines=False)


@pytest.fixture(scope="session")
def tissue():
    """Some of the cells, alone: fewer neighbours than they had."""
    return simulate_tissue(400)[:200].copy()


@pytest.fixture(scope="session")
def why_tissue(tissue_model, tissue):
    return tissue_model.explain(tissue, by="cell_type")
