"""Cells in tissue that are measured for more than their expression."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

import polyome
from polyome import InputError, PolyomeWarning, SpatialClassifier
from polyome.data.tissue_simulator import simulate_tissue
from polyome.tasks.parts import split_records
from polyome.tasks.spatial import Spatial

mudata = pytest.importorskip("mudata")
SMALL = {"num_members": 2, "hidden_size": 16, "section": "section", "quiet": True}


def tissue(seed=0):
    """Two sections; six numbers of each cell's shape, of which the first tells its domain."""
    cells = simulate_tissue(400, n_sections=2, seed=seed)
    cells.uns.clear()
    shape = np.random.default_rng(seed).normal(size=(400, 6))
    shape[:, 0] += 1.5 * pd.factorize(cells.obs["domain"], sort=True)[0]
    cells.obsm["shape"] = shape
    return cells


def measured_twice(seed=0):
    """A MuData whose coordinates are of all cells; four proteins of six in ten of them."""
    cells, rng = tissue(seed), np.random.default_rng(seed)
    levels = np.exp(1 + 0.5 * cells.obsm["shape"][:, :4])
    prot = AnnData(
        rng.poisson(levels * 4).astype(np.float32),
        pd.DataFrame(index=cells.obs_names),
        pd.DataFrame(index=["CD1", "CD2", "CD3", "CD4"]),
    )[rng.random(400) < 0.6].copy()
    places = pd.DataFrame(cells.obsm["spatial"], index=cells.obs_names)
    domains, sections = cells.obs["domain"], cells.obs["section"]
    for key in ("spatial", "shape"):
        del cells.obsm[key]
    cells.obs = pd.DataFrame(index=cells.obs_names)
    with mudata.set_options(pull_on_update=False):
        both = mudata.MuData({"rna": cells, "prot": prot})
    both.obs["domain"] = domains.astype(str).reindex(both.obs_names)
    both.obs["section"] = sections.astype(str).reindex(both.obs_names)
    both.obsm["spatial"] = places.loc[both.obs_names].to_numpy()
    return both


@pytest.fixture(scope="module")
def model():
    made = SpatialClassifier(inputs="rna,prot", num_neighbours=15, **SMALL)
    with pytest.warns(PolyomeWarning, match="Position alone"):
        return made.fit(measured_twice(), "domain", split_by="section", num_train_epochs=4)


def test_neighbours_and_another_measurement_are_read(model):
    scores = model.evaluation_
    assert scores.metrics["accuracy"] > 0.85
    assert set(scores.variants) == {"rna alone", "prot alone"}
    assert model.fitted_.facts["context"]["levels"] == [15]
    assert list(model.places_.columns) == ["x", "y", "section"]
    assert model.places_["x"].notna().all()


def test_neighbours_change_the_answer_and_cells_without_protein_have_one(model):
    query = measured_twice()
    answers = model.predict(query)[list(model.classes_)]
    assert np.isfinite(answers.to_numpy()).all()
    moved = measured_twice()
    moved.obsm["spatial"] = np.random.default_rng(3).permutation(moved.obsm["spatial"])
    assert (model.predict(moved)[list(model.classes_)] - answers).abs().to_numpy().max() > 0.1


def test_a_saved_model_answers_the_same_and_has_a_report(model, tmp_path):
    model.save_pretrained(tmp_path / "model")
    again = polyome.load(tmp_path / "model").predict(measured_twice())
    pd.testing.assert_frame_equal(again, model.predict(measured_twice()))
    page = polyome.report(tmp_path / "model", quiet=True).read_text()
    assert "What each input tells" in page


def test_a_key_of_obsm_stands_beside_the_cells_of_an_anndata():
    cells = tissue()
    made = SpatialClassifier(inputs="rna=tissue,shape=features", num_neighbours=15, **SMALL)
    with pytest.warns(PolyomeWarning, match="Position alone"):
        made.fit(cells, "domain", split_by="blocks", num_train_epochs=4)
    assert "a buffer of 15 neighbours" in made.fitted_.facts["split"]
    assert made.evaluation_.metrics["accuracy"] > 0.85
    why = made.explain(cells[:40].copy())
    assert set(why.table["input"]) == {"rna", "shape"}
    assert made.embed(cells).shape == (400, 32)


@pytest.mark.parametrize(("inputs", "number"), [("shape=features", 0), ("rna,other=tissue", 2)])
def test_one_input_is_the_tissue(inputs, number):
    with pytest.raises(InputError, match=f"{number} of the inputs are tissue; spatial needs one"):
        SpatialClassifier(inputs=inputs, **SMALL).fit(tissue(), "domain")


def partly_in_tissue():
    """Protein of all cells; expression, and so a place, of eight in ten."""
    cells, rng = tissue(), np.random.default_rng(1)
    levels = np.exp(1 + 0.5 * cells.obsm["shape"][:, :4])
    prot = AnnData(
        rng.poisson(levels * 4).astype(np.float32),
        pd.DataFrame(index=cells.obs_names),
        pd.DataFrame(index=["CD1", "CD2", "CD3", "CD4"]),
    )
    rna, domains = cells[rng.random(400) < 0.8].copy(), cells.obs["domain"].astype(str)
    del rna.obs["domain"]  # of all cells, not only of those with a place
    with mudata.set_options(pull_on_update=False):
        both = mudata.MuData({"rna": rna, "prot": prot})
    both.obs["domain"] = domains.reindex(both.obs_names)
    return both


@pytest.mark.parametrize("split_by", ["section", "blocks"])
def test_cells_without_a_place_are_training_rows(split_by):
    query = partly_in_tissue()
    task = Spatial(inputs="rna,prot", section="section")
    records = task.read(query, {})
    targets = task.targets(records.table, "domain", None)
    parts, groups = split_records(task, records, targets, split=None, split_by=split_by, group=None)
    lacks = ~records.has("rna")
    assert lacks.sum() > 50
    assert np.isin(np.flatnonzero(lacks), parts.train).all()
    assert len(parts.test) > 50
    assert f"{lacks.sum()} rows without a place are training rows" in parts.how
    assert len(np.unique(groups[lacks])) == lacks.sum()
    assert len(parts.train) + len(parts.test) + parts.left_out == len(records)


def test_answers_of_cells_without_a_place_do_not_depend_on_the_others(model):
    query = partly_in_tissue()
    answers = model.predict(query)[list(model.classes_)]
    assert np.isfinite(answers.to_numpy()).all()
    names = query.obs_names.difference(query.mod["rna"].obs_names)
    with mudata.set_options(pull_on_update=False):
        alone = model.predict(mudata.MuData({"prot": query.mod["prot"][names].copy()}))
    pd.testing.assert_frame_equal(alone[list(model.classes_)].loc[names], answers.loc[names])


def test_coordinates_are_needed(model):
    query = measured_twice()
    del query.obsm["spatial"]
    with pytest.raises(InputError, match=r"input 'rna': .* no obsm\['spatial'\]"):
        model.predict(query)
