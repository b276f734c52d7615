"""Cells measured for RNA and surface proteins, some of them for one alone."""

import pickle

import anndata
import numpy as np
import pandas as pd
import pytest
import torch
from anndata import AnnData
from scipy import sparse

import polyome
from polyome import InputError
from polyome.data.simulate import simulate_cells
from polyome.estimator import estimator_class
from polyome.modalities.base import segments_of

mudata = pytest.importorskip("mudata")
SMALL = {"num_members": 2, "hidden_size": 16, "device": "cpu", "quiet": True}


def two_measurements(seed=0, *, unpaired=30):
    """Simulated cells: genes as RNA, 12 antibodies that tell the types; some lack RNA."""
    cells = simulate_cells(240, seed=seed)
    rng = np.random.default_rng(seed)
    types = pd.factorize(cells.obs["cell_type"], sort=True)[0]
    levels = np.random.default_rng(99).gamma(2.0, 8.0, (3, 12))
    levels *= 200 / levels.sum(axis=1, keepdims=True)  # no type is known by its depth
    counts = rng.poisson(levels[types]).astype(np.float32)
    names = [*(f"CD{i}" for i in range(11)), "IgG1.Isotype.Control"]
    prot = AnnData(counts, obs=pd.DataFrame(index=cells.obs_names), var=pd.DataFrame(index=names))
    rna = cells[unpaired:].copy()
    rna.obs = pd.DataFrame(index=rna.obs_names)
    with mudata.set_options(pull_on_update=False):
        both = mudata.MuData({"rna": rna, "prot": prot})
    both.obs["cell_type"] = cells.obs["cell_type"].reindex(both.obs_names)
    return both


@pytest.fixture(scope="module")
def model():
    made = estimator_class("cell-type")(inputs="rna,prot", **SMALL)
    return made.fit(two_measurements(), "cell_type", num_train_epochs=8)


@pytest.fixture(scope="module")
def query():
    return two_measurements(seed=0)


def test_scores_stand_beside_those_of_each_input(model):
    scores = model.evaluation_
    assert scores.metrics["accuracy"] > 0.9
    assert {"logistic_regression", "logistic_regression_rna", "logistic_regression_prot"} <= set(
        scores.baselines
    )
    weights = model.fitted_.facts["stacking_weights"]
    assert set(weights) == {"rna", "prot", "prot+rna"}
    assert all(min(row) >= 0 for row in weights.values())


def test_scores_say_what_each_input_tells(model, tmp_path):
    scores = model.evaluation_
    assert set(scores.by_input) == {"all", "rna alone", "prot alone"}
    assert set(scores.variants) == {"rna alone", "prot alone"}
    classes = set(scores.by_input["all"])
    assert classes == set(model.classes_)
    mean = np.mean(list(scores.by_input["all"].values()))
    assert mean == pytest.approx(scores.metrics["macro_f1"])
    mean = np.mean(list(scores.by_input["rna alone"].values()))
    assert mean == pytest.approx(scores.variants["rna alone"]["macro_f1"])
    folder = tmp_path / "model"
    model.save_pretrained(folder)
    page = polyome.report(folder, quiet=True).read_text()
    assert "What each input tells" in page


def test_any_subset_of_the_inputs_is_answered(model, query):
    whole = model.predict(query)
    truth = query.obs["cell_type"].astype(str)
    assert (whole[list(model.classes_)].idxmax(axis=1) == truth).mean() > 0.9
    for name in ("rna", "prot"):
        found = model.predict(query.mod[name])
        own = truth.loc[query.mod[name].obs_names]
        assert (found[list(model.classes_)].idxmax(axis=1) == own).mean() > 0.7
        alone = model.predict(mudata.MuData({name: query.mod[name]}))
        np.testing.assert_allclose(
            found[list(model.classes_)], alone[list(model.classes_)], atol=1e-5
        )


def test_an_answer_hangs_on_no_other_record(model, query):
    """Records that lack an input stand among others that have it."""
    whole = model.predict(query)
    order = np.random.default_rng(1).permutation(query.n_obs)[:40]
    some = query[order].copy()
    found = model.predict(some)
    pd.testing.assert_frame_equal(
        found[list(model.classes_)],
        whole.loc[some.obs_names, list(model.classes_)],
        check_exact=False,
        atol=1e-5,
    )


def test_a_measurement_of_none_of_the_records_is_absent(model, query):
    """As where a MuData is cut to the cells that lack RNA."""
    lacking = query[~query.obs_names.isin(query.mod["rna"].obs_names)].copy()
    assert lacking.mod["rna"].n_obs == 0
    classes = list(model.classes_)
    alone = model.predict(query.mod["prot"])
    np.testing.assert_allclose(
        model.predict(lacking)[classes], alone.loc[lacking.obs_names, classes], atol=1e-5
    )


def test_prepared_records_are_sent_to_another_process_without_their_file(model, query, tmp_path):
    query.write_h5mu(tmp_path / "q.h5mu")
    modality = model.fitted_.modality
    records = modality.prepare(modality.read(tmp_path / "q.h5mu"))
    again = pickle.loads(pickle.dumps(records))
    assert again.source is None
    assert len(again) == len(records)
    for name in ("rna", "prot"):
        np.testing.assert_array_equal(again.rows[name], records.rows[name])
        own, other = (modality.members[name].batch(r.part(name)) for r in (again, records))
        torch.testing.assert_close(own["values"], other["values"])


def test_batches_are_what_collated_encodings_are(model, query):
    modality = model.fitted_.modality
    records = modality.prepare(modality.read(query))
    segments = modality.segments(records)
    collated = segments_of(modality.inputs(), modality.encode_inputs(records))
    assert set(segments) == set(collated)
    for name, segment in segments.items():
        torch.testing.assert_close(segment["rows"], collated[name]["rows"])
        torch.testing.assert_close(segment["inputs"], collated[name]["inputs"])


def test_a_saved_model_answers_the_same_and_writes_h5mu(model, query, tmp_path):
    model.save_pretrained(tmp_path / "m")
    again = polyome.load(tmp_path / "m", quiet=True)
    pd.testing.assert_frame_equal(model.predict(query), again.predict(query))
    _, answers = model.answer(query)
    _, others = again.answer(query)
    np.testing.assert_allclose(answers.unknown_score, others.unknown_score, rtol=1e-5)
    assert 0.8 < (answers.unknown_score <= 1).mean() <= 1


def test_the_command_line_reads_and_writes_h5mu(call, tmp_path, query):
    source, out, model_dir = tmp_path / "q.h5mu", tmp_path / "o.h5mu", tmp_path / "m"
    query.write_h5mu(source)
    options = ["--inputs=rna,prot", "--target=cell_type", f"--out={model_dir}", "--device=cpu"]
    small = ["--set=num_members=1", "--set=num_train_epochs=3", "--set=hidden_size=16"]
    result = call("fit", "cell-type", source, *options, *small)
    assert result.exit_code == 0, result.stderr
    assert "rna was read from 'rna' as cell: 210 of 240 records have it." in result.stderr
    result = call("predict", model_dir, source, f"--out={out}")
    assert result.exit_code == 0, result.stderr
    written = mudata.read_h5mu(out)
    assert set(written.obs["polyome_label"].astype(str)) <= {*query.obs["cell_type"], "unknown"}
    assert written.obsm["polyome_proba"].shape == (240, 3)
    assert call("evaluate", model_dir, source).exit_code == 0
    assert call("report", model_dir).exit_code == 0


def test_an_anndata_with_feature_types_is_taken_apart(model, query):
    genes, proteins = query.mod["rna"], query.mod["prot"][query.mod["rna"].obs_names]
    joined = anndata.concat([genes, proteins], axis=1)
    joined.var["feature_types"] = np.repeat(
        ["Gene Expression", "Antibody Capture"], [genes.n_vars, proteins.n_vars]
    )
    found = model.predict(joined)
    expected = model.predict(query[genes.obs_names].copy())
    np.testing.assert_allclose(
        found[list(model.classes_)], expected[list(model.classes_)], atol=1e-5
    )


def test_records_far_from_training_are_refused_by_what_they_have(model, query):
    strange = query.mod["prot"].copy()
    strange.X = np.random.default_rng(0).permutation(strange.X.T).T * 20
    found = model.predict(strange)
    assert (found["label"] == "unknown").mean() > 0.5


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ("rna,rna", "each input needs a name of its own"),
        ("rna,x", "'x' says no modality. Write x=MODALITY"),
        ("rna,atac=protein", "there is no measurement 'atac'"),
    ],
)
def test_inputs_that_are_not_there_are_named(inputs, message):
    with pytest.raises(InputError, match=message):
        estimator_class("cell-type")(inputs=inputs, **SMALL).fit(two_measurements(), "cell_type")


def test_an_input_that_says_nothing_is_refused():
    cells = two_measurements()
    cells.mod["prot"].X[:] = 0
    with pytest.raises(InputError, match="none of the 12 proteins varies"):
        estimator_class("cell-type")(inputs="rna,prot", **SMALL).fit(cells, "cell_type")


@pytest.mark.parametrize("name", ["x.csv", "folder", "empty.h5ad"])
def test_a_file_of_no_measurements_is_refused(name, tmp_path):
    path = tmp_path / name
    path.mkdir() if name == "folder" else path.write_text("a,b" if name == "x.csv" else "")
    with pytest.raises(InputError, match=name):
        estimator_class("cell-type")(inputs="rna,prot", **SMALL).fit(str(path), "cell_type")


def peaks_and_features(seed=0, n=120):
    """Simulated cells of three types: 300 peaks in X, features of a patch in obsm."""
    rng = np.random.default_rng(seed)
    types = rng.integers(0, 3, n)
    is_own = np.arange(300) % 3 == types[:, None]
    counts = (rng.random((n, 300)) < np.where(is_own, 0.2, 0.03)).astype(np.float32)
    adata = AnnData(
        sparse.csr_matrix(counts),
        obs=pd.DataFrame(
            {"cell_type": np.array(["A", "B", "C"])[types]}, [f"c{i}" for i in range(n)]
        ),
        var=pd.DataFrame(index=[f"chr2:{1000 * i}-{1000 * i + 400}" for i in range(300)]),
    )
    adata.obsm["patch"] = rng.normal(size=(n, 6)) + 2 * types[:, None] * (np.arange(6) < 2)
    return adata


@pytest.fixture(scope="module")
def peak_model():
    made = estimator_class("cell-type")(inputs="atac,patch=features", **SMALL | {"num_members": 1})
    adata = peaks_and_features()
    adata.obsm["patch"][:20] = np.nan  # no picture of these
    renamed = AnnData(adata.X, obs=adata.obs, var=adata.var.assign(feature_types="Peaks"))
    renamed.obsm["patch"] = adata.obsm["patch"]
    return made.fit(renamed, "cell_type", num_train_epochs=4, baselines=False)


def test_peaks_and_an_obsm_key_are_inputs(peak_model):
    query = peaks_and_features(seed=1)
    found = peak_model.predict(query)
    columns = list(peak_model.classes_)
    assert (found[columns].idxmax(axis=1) == query.obs["cell_type"]).mean() > 0.85
    del query.obsm["patch"]
    alone = peak_model.predict(query)
    assert np.abs(alone[columns] - found[columns]).to_numpy().max() > 1e-3
    shifted = query.copy()
    shifted.var_names = [f"2:{1000 * i + 150}-{1000 * i + 550}" for i in range(300)]
    np.testing.assert_allclose(peak_model.predict(shifted)[columns], alone[columns], atol=1e-5)


def test_one_input_that_is_no_expression_is_a_model(call, tmp_path):
    source, model_dir = tmp_path / "a.h5ad", tmp_path / "m"
    peaks_and_features().write_h5ad(source)
    options = ["--inputs=X=accessibility", "--target=cell_type", f"--out={model_dir}"]
    small = ["--set=num_members=1", "--set=num_train_epochs=2", "--set=hidden_size=16"]
    small += ["--set=normalisations=X=binary", "--device=cpu"]
    result = call("fit", "cell-type", source, *options, *small)
    assert result.exit_code == 0, result.stderr
    assert "X was read from 'X' as accessibility: 120 of 120 records have it." in result.stderr
    assert "logistic_regression " in result.stdout
    assert call("evaluate", model_dir, source).exit_code == 0
    result = call("fit", "cell-type", source, "--inputs=X=methylation", *options[1:], *small[:3])
    assert result.exit_code == 2
    assert "input 'X': methylation: X is sparse and stores no zero" in result.stderr


def test_records_without_any_input_are_left_out_and_named(model, query, tmp_path):
    """A third measurement has cells that the model's inputs lack."""
    other = AnnData(np.ones((3, 1), np.float32), obs=pd.DataFrame(index=["x1", "x2", "x3"]))
    other.var_names = ["z"]
    with mudata.set_options(pull_on_update=False):
        more = mudata.MuData(dict(query.mod) | {"zz": other})
    records, answers = model.answer(more)
    assert len(answers.names) == query.n_obs
    expected = "3 of 243 records have none of the inputs 'prot', 'rna' and are left out: 'x1'"
    assert any(expected in note for note in records.notes)
    model.fitted_.modality.write(records, answers, tmp_path / "o.h5mu")
    written = mudata.read_h5mu(tmp_path / "o.h5mu")
    assert written.obs.loc[["x1", "x2", "x3"], "polyome_label"].isna().all()
    assert written.obs["polyome_label"].notna().sum() == query.n_obs
    with pytest.raises(InputError, match="none of the inputs"):
        model.predict(mudata.MuData({"zz": other}))
