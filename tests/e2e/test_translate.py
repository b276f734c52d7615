"""Surface proteins predicted from RNA: scores, intervals, files, messages."""

import anndata
import numpy as np
import pandas as pd
import pytest

import polyome
from polyome import InputError
from polyome.data.measurements import simulate_measurements
from polyome.estimator import estimator_class

mudata = pytest.importorskip("mudata")
SMALL = {"num_members": 2, "hidden_size": 16, "device": "cpu", "quiet": True}


@pytest.fixture(scope="module")
def cells():
    return simulate_measurements()


@pytest.fixture(scope="module")
def model(cells):
    made = estimator_class("translate")(cell_types="cell_type", **SMALL)
    return made.fit(cells.copy(), "prot", num_train_epochs=8)


@pytest.fixture(scope="module")
def file(cells, tmp_path_factory):
    path = tmp_path_factory.mktemp("cells") / "cells.h5mu"
    cells.write_h5mu(path)
    return path


def test_proteins_are_told_beside_what_a_type_tells(model):
    scores = model.evaluation_
    assert scores.metrics["pearson"] > 0.6
    assert {"mean", "ridge", "extra_trees", "nearest_neighbours", "cell_type_mean"} <= set(
        scores.baselines
    )
    assert scores.baselines["cell_type_mean"]["pearson"] > 0.6
    assert 0.75 < np.mean(list(scores.coverage.values())) <= 1


def test_isotype_controls_are_no_targets(model, cells):
    assert "IgG1.Isotype.Control" in cells.mod["prot"].var_names
    assert model.classes_ == tuple(f"CD{i + 1}" for i in range(11))


def test_the_audit_says_what_counting_noise_allows(model):
    (found,) = [finding for finding in model.findings_ if finding.kind == "ceiling"]
    assert set(found.numbers) == set(model.classes_)
    assert all(0 < r < 1 for r in found.numbers.values())
    assert "Noise of counting alone keeps every model below" in found.message


def test_values_are_centred_log_ratios(model, cells):
    predicted = model.predict(cells)
    part = cells.mod["prot"]
    counts = pd.DataFrame(part.X, part.obs_names, part.var_names)
    logged = np.log1p(counts)
    truth = logged.sub(logged.mean(axis=1), axis=0).loc[predicted.index]
    r = np.corrcoef(truth["CD3"], predicted["CD3"])[0, 1]
    assert r > 0.8
    assert abs(truth["CD3"].mean() - predicted["CD3"].mean()) < 0.15


def test_evaluate_reads_the_measurement_again(model, cells):
    scores = model.evaluate(cells, part="test")
    assert scores.metrics["pearson"] == pytest.approx(model.evaluation_.metrics["pearson"])


def test_the_measurement_is_added_where_a_file_lacks_it(model, cells, tmp_path, call, file):
    folder, out = tmp_path / "model", tmp_path / "out.h5mu"
    model.save_pretrained(folder)
    rna = tmp_path / "rna.h5ad"
    cells.mod["rna"].write_h5ad(rna)
    result = call("predict", folder, rna, f"--out={out}", "--device=cpu")
    assert result.exit_code == 0, result.stderr
    with mudata.set_options(pull_on_update=False):
        found = mudata.read_h5mu(out)
    part = found.mod["prot"]
    assert list(part.var_names) == list(model.classes_)
    np.testing.assert_allclose(part.X, part.layers["polyome"])
    assert (part.layers["polyome_low"] < part.layers["polyome_high"]).all()
    expected = model.predict(cells.mod["rna"])["CD3"]
    np.testing.assert_allclose(part[:, "CD3"].X.ravel(), expected.loc[part.obs_names], atol=1e-5)
    alone = tmp_path / "out.h5ad"
    assert call("predict", folder, rna, f"--out={alone}", "--device=cpu").exit_code == 0
    assert anndata.read_h5ad(alone).shape == part.shape
    polyome.report(folder, quiet=True)


def test_measured_values_stay_where_a_file_has_them(model, cells, tmp_path, call, file):
    folder, out = tmp_path / "model", tmp_path / "out.h5mu"
    model.save_pretrained(folder)
    assert call("predict", folder, file, f"--out={out}", "--device=cpu").exit_code == 0
    with mudata.set_options(pull_on_update=False):
        part = mudata.read_h5mu(out).mod["prot"]
    np.testing.assert_array_equal(part.X, cells.mod["prot"].X)
    lacks_rna = ~part.obs_names.isin(cells.mod["rna"].obs_names)
    layer = pd.DataFrame(part.layers["polyome"], part.obs_names, part.var_names)
    assert layer.loc[lacks_rna].isna().all().all()
    assert layer.loc[~lacks_rna, "CD3"].notna().all()
    assert layer["IgG1.Isotype.Control"].isna().all()


def test_the_command_fits(file, tmp_path, call, tiny):
    folder = tmp_path / "model"
    result = call("fit", "translate", file, "--target=prot", f"--out={folder}", *tiny)
    assert result.exit_code == 0, result.stderr
    assert "pearson" in result.stdout


@pytest.mark.parametrize(
    ("settings", "target", "message"),
    [
        ({"inputs": "rna,prot"}, "prot", "target 'prot' is among the inputs too"),
        ({}, "surface", "there is no measurement 'surface'. Found: 'rna', 'prot'"),
        ({}, ["a", "b"], "the name of one measurement is needed"),
        ({"inputs": "prot"}, "rna", "it is read as cell, and"),
        ({"cell_types": "type"}, "prot", "there is no column 'type' (cell_types)"),
    ],
)
def test_what_cannot_be_translated_is_refused(cells, settings, target, message):
    made = estimator_class("translate")(**SMALL, **settings)
    with pytest.raises(InputError) as refusal:
        made.fit(cells.copy(), target, num_train_epochs=1)
    assert message in str(refusal.value)


def test_a_table_is_refused():
    table = pd.DataFrame({"rna_a": [1.0, 2.0] * 10, "prot_b": [1.0, 2.0] * 10})
    with pytest.raises(InputError, match="translate reads a MuData or an AnnData"):
        estimator_class("translate")(**SMALL).fit(table, "prot")
