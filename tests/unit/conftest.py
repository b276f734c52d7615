"""A small model of sequences, fitted once for all unit tests."""

import numpy as np
import pandas as pd
import pytest

from polyome.estimator import estimator_class

WINDOW_BP = 24


def motif_table(n_rows=300, seed=0):
    """Simulated: random sequences, half of them with TATAAT in the middle."""
    rng = np.random.default_rng(seed)
    rows = rng.choice(list("ACGT"), (n_rows, WINDOW_BP))
    labels = rng.permutation(np.arange(n_rows) % 2)
    rows[labels == 1, 9:15] = list("TATAAT")
    return pd.DataFrame({"sequence": ["".join(row) for row in rows], "label": labels.astype(str)})


def fit_motif(**settings):
    model = estimator_class("promoter")(
        num_members=1, hidden_size=16, device="cpu", quiet=True, **settings
    )
    return model.fit(motif_table(), "label", baselines=False, num_train_epochs=4)


@pytest.fixture(scope="session")
def motif_model():
    return fit_motif()


@pytest.fixture(scope="session")
def unstranded_model():
    return fit_motif(both_strands=True)


@pytest.fixture
def genome(tmp_path):
    """Simulated: two chromosomes with a motif on either strand, and one that is too short."""
    rng = np.random.default_rng(1)
    first = "".join(rng.choice(list("ACGT"), 400))
    second = "".join(rng.choice(list("ACGT"), 300))
    first = first[:100] + "TATAAT" + first[106:250] + "ATTATA" + first[256:]
    path = tmp_path / "genome.fa"
    path.write_text(f">chr2 simulated\n{first}\n>tiny\nACGTA\n>chr10\n{second.lower()}\n")
    return path
