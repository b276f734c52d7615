"""Another package adds a modality and a task, each in one file, and the command line knows them."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd

MODALITY = '''
import numpy as np
from polyome.modalities.numeric.modality import NumericModality


class Ranks(NumericModality):
    """Ranks of the features within each record."""

    name = "ranks"
    features_are = "features"
    normalisations = ("rank",)

    def normalised(self, values):
        return np.argsort(np.argsort(values, axis=1), axis=1) / values.shape[1]
'''
TASK = '''
from dataclasses import dataclass
from polyome.tasks.classify import Classify


@dataclass(kw_only=True)
class Tumour(Classify):
    """Name tumours by ranked measurements."""

    name = "tumour"
    estimator = "TumourClassifier"
    usual_inputs = "X=ranks"
'''


def test_a_modality_and_a_task_of_another_package(tmp_path):
    (tmp_path / "ranked.py").write_text(MODALITY)
    (tmp_path / "tumours.py").write_text(TASK)
    info = tmp_path / "tumours-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tumours\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[polyome.modalities]\nranks = ranked:Ranks\n[polyome.tasks]\ntumour = tumours:Tumour\n"
    )
    rng = np.random.default_rng(0)
    kind = np.arange(90) % 2
    table = pd.DataFrame(rng.normal(size=(90, 6)), columns=[f"X_{i}" for i in range(6)])
    table["X_0"] += 3 * kind
    table.assign(kind=np.where(kind, "a", "b")).to_csv(tmp_path / "t.csv", index_label="id")
    words = ["fit", "tumour", "t.csv", "--target=kind", "--out=m", "--device=cpu", "--set"]
    settings = "num_members=1 num_train_epochs=2 hidden_size=16 baselines=false"
    words += " --set ".join(settings.split()).split()
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "OMP_NUM_THREADS": "1"}
    run = [sys.executable, "-m", "polyome"]
    fit = subprocess.run(
        [*run, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert fit.returncode == 0, fit.stderr
    assert "X was read from 'X' as ranks: 90 of 90 records have it." in fit.stderr
    predict = subprocess.run(
        [*run, "predict", "m", "t.csv", "--out=o.csv"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert predict.returncode == 0, predict.stderr
    found = pd.read_csv(tmp_path / "o.csv")
    assert (found[["a", "b"]].idxmax(axis=1) == np.where(kind, "a", "b")).mean() > 0.8
