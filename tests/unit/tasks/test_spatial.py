"""A cell's answer depends on the cell and what lies around it, and on nothing else."""

import warnings

import anndata
import numpy as np
import pytest

from polyome._errors import InputError, PolyomeWarning
from polyome.data.tissue_simulator import semi_synthetic_tissue, simulate_tissue
from polyome.estimator import audit, estimator_class
from polyome.modalities.spatial.neighbours import Sections
from polyome.modalities.spatial.tiles import tiles
from polyome.tasks.spatial import BUFFER, Spatial, _chosen, _is_clear

TINY = {"hidden_size": 16, "num_members": 1, "device": "cpu", "quiet": True}
BRIEF = {"num_train_epochs": 3, "baselines": False}


def fitted(tissue, target="domain", *, section="section", fit=BRIEF, **settings):
    model = estimator_class("spatial")(section=section, **TINY, **settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PolyomeWarning)  # what the audit finds has its own tests
        return model.fit(tissue, target, **fit)


@pytest.fixture(scope="module")
def tissue():
    return simulate_tissue(400, n_sections=2, seed=1)


@pytest.fixture(scope="module")
def model(tissue):
    return fitted(tissue, num_neighbours=30)


def same(usual, other, names):
    assert (usual.loc[names, "label"] == other.loc[names, "label"]).all()
    for column in usual.columns[1:]:
        np.testing.assert_allclose(usual.loc[names, column], other.loc[names, column], atol=1e-4)


def placed(tissue, change):
    moved = tissue.copy()
    for name in moved.obs["section"].unique():
        inside = (moved.obs["section"] == name).to_numpy()
        moved.obsm["spatial"][inside] = change(moved.obsm["spatial"][inside])
    return moved


def turned(angle):
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return lambda x: x @ turn


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x + np.array([500.0, -3000.0]),
        lambda x: 1000 * x,
        lambda x: x * np.array([-1, 1]),
        turned(0.7),
        turned(-2.1),
        lambda x: turned(1.3)((0.001 * x).astype(np.float32).astype(float)) + 7,
    ],
    ids=["shifted", "scaled", "mirrored", "turned", "turned back", "single precision"],
)
def test_where_a_section_lies_changes_no_answer(model, tissue, change):
    same(model.predict(tissue), model.predict(placed(tissue, change)), tissue.obs_names)


@pytest.mark.parametrize("batch_size", [1, 50, 1000])
def test_order_and_batch_size_change_no_answer(model, tissue, batch_size):
    order = np.random.default_rng(0).permutation(tissue.n_obs)
    other = model.predict(tissue[order].copy(), batch_size=batch_size)
    same(model.predict(tissue), other, tissue.obs_names)


def test_sections_in_one_file_are_answered_as_in_their_own(model, tissue):
    laid_over = placed(tissue, lambda x: x / x.max())
    usual = model.predict(laid_over)
    for name in tissue.obs["section"].unique():
        alone = laid_over[laid_over.obs["section"] == name].copy()
        same(usual, model.predict(alone), alone.obs_names)
    del laid_over.obs["section"]
    assert not np.allclose(usual["confidence"], model.predict(laid_over)["confidence"], atol=1e-3)


def test_sections_laid_over_each_other_are_named_by_audit_and_fit(tissue):
    laid_over = placed(tissue, lambda x: (x - x.min(axis=0)) / np.ptp(x, axis=0).max())
    found = [f for f in audit("spatial", laid_over, "domain") if f.kind == "overlapping sections"]
    assert found[0].numbers["column"] == "section"
    assert "Pass section=section" in found[0].message
    careless = estimator_class("spatial")(**TINY, num_neighbours=0)
    with pytest.warns(PolyomeWarning) as caught:
        careless.fit(laid_over, "domain", **BRIEF)
    assert any("Pass section=section" in str(warning.message) for warning in caught)
    copies = laid_over[laid_over.obs["section"] == "section 1"].copy()
    copies = anndata.concat({"x": copies, "y": copies}, label="which", index_unique="-")
    del copies.obs["section"]
    found = [f for f in audit("spatial", copies, "domain") if f.kind == "overlapping sections"]
    assert found[0].numbers["column"] == "which"
    with_column = audit("spatial", laid_over, "domain", section="section")
    assert not [f for f in with_column if f.kind == "overlapping sections"]


def test_cells_that_are_not_asked_are_still_neighbours(model, tissue):
    records = model.fitted_.modality.read(tissue)
    some = np.arange(0, tissue.n_obs, 7)
    whole = model.fitted_.modality.prepare(records)
    part = model.fitted_.modality.prepare(records.take(some))
    np.testing.assert_allclose(whole.context[some], part.context, atol=1e-5)


def test_a_cell_without_neighbours_is_answered(model, tissue):
    alone = tissue[:1].copy()
    answer = model.predict(alone)
    assert np.isfinite(answer["confidence"].iloc[0])
    records = model.fitted_.modality.prepare(model.fitted_.modality.read(alone))
    assert (records.context == 0).all()
    assert (records.geometry == 0).all()


def test_fewer_cells_than_neighbours(model, tissue):
    few = tissue[tissue.obs["section"] == "section 1"][:9].copy()
    assert len(model.predict(few)) == 9


def test_labels_of_neighbours_never_enter(model, tissue):
    blind = tissue.copy()
    del blind.obs["domain"], blind.obs["cell_type"]
    same(model.predict(tissue), model.predict(blind), tissue.obs_names)


def test_cells_without_a_label_are_neighbours_all_the_same(tissue):
    part = tissue.copy()
    part.obs["domain"] = part.obs["domain"].astype(object)
    hidden = np.arange(part.n_obs) % 4 == 0
    part.obs.loc[hidden, "domain"] = None
    records = Spatial(section="section").build_modality().read(part)
    assert records.sections.neighbourhoods(5).cells.max() == part.n_obs - 1
    assert set(np.flatnonzero(hidden)) <= set(records.sections.neighbourhoods(5).cells)


def test_context_is_chosen_where_it_tells_and_only_there(tissue):
    by_place = fitted(tissue, "domain").fitted_.facts["context"]
    assert by_place["levels"]
    assert by_place["log_loss"]["none"] > by_place["log_loss"]["15"]
    noise = tissue.copy()
    noise.obsm["spatial"] = np.random.default_rng(0).uniform(size=(tissue.n_obs, 2))
    by_cell = fitted(noise, "cell_type")
    assert by_cell.fitted_.facts["context"]["levels"] == []
    assert by_cell.fitted_.modality.levels_ == ()
    moved = noise[np.random.default_rng(1).permutation(noise.n_obs)].copy()
    moved.obsm["spatial"] = noise.obsm["spatial"]
    same(by_cell.predict(noise), by_cell.predict(moved), noise.obs_names)


@pytest.mark.parametrize(("cells", "widest"), [(3000, 300), (2900, 100)])
def test_the_widest_context_is_for_sections_of_many_cells(cells, widest):
    rng = np.random.default_rng(0)
    places = rng.uniform(size=(cells, 2))
    side = np.where(places[:, 0] < 0.5, "left", "right")
    levels = rng.normal(size=(cells, 4))
    levels[:, 0] += 0.2 * (side == "left")  # faint in each cell
    section = anndata.AnnData(levels.astype(np.float32), {"side": side}, obsm={"spatial": places})
    section.layers["log"] = np.log1p(np.exp(section.X))
    task = Spatial(layer="log", quiet=True)
    modality = task.build_modality()
    records = modality.read(section)
    modality.fit(records)
    facts = task.choose_settings(
        modality, records, np.unique(side, return_inverse=True)[1], task.inner_groups(records, None)
    )
    assert facts["context"]["levels"][-1] == widest


def test_a_context_that_only_seems_better_than_none_is_left_out():
    losses = {"none": 1.0, "15": 0.9, "15 + 30": 0.8}
    assert _chosen(losses, set()) == "none"
    assert _chosen(losses, {"15"}) == "15 + 30"
    assert _chosen(losses | {"15 + 30": 0.895}, {"15", "15 + 30"}) == "15"


def test_cells_of_a_tile_gain_together_and_count_as_one():
    gains = np.repeat([1.0, -0.4, 0.6, -0.2], 100)
    tiles = np.repeat(np.arange(4), 100)
    assert _is_clear(gains, None)
    assert not _is_clear(gains, tiles)
    assert _is_clear(np.ones(400) + gains / 10, tiles)


def test_context_as_asked(model):
    assert model.fitted_.facts["context"] == {"levels": [15, 30], "how": "as asked"}


def test_blocks_keep_their_distance():
    tissue = simulate_tissue(900, seed=3)
    model = fitted(tissue, section=None, num_neighbours=0, fit=BRIEF | {"split_by": "blocks"})
    near = model.fitted_.modality.read(tissue).sections.neighbourhoods(BUFFER)
    owners = np.repeat(np.arange(900), np.diff(near.starts))
    part = model.split_.to_numpy()
    within = near.weights(np.arange(900), BUFFER) == 1
    assert not ((part[owners] == "train") & (part[near.cells] == "test") & within).any()
    assert (part == "left out").sum() == model.fitted_.facts["left_out"] > 0
    assert "a buffer of 15 neighbours" in model.fitted_.facts["split"]


def test_a_split_by_section_holds_one_out(tissue):
    model = fitted(tissue, num_neighbours=0, fit=BRIEF | {"split_by": "section"})
    parts = model.split_.groupby(tissue.obs["section"], observed=True).unique()
    assert sorted(part for found in parts for part in found) == ["test", "train"]
    with pytest.raises(InputError, match="pass section= with their column"):
        fitted(tissue, section=None, fit=BRIEF | {"split_by": "section"})


def test_planes_of_one_frame_are_cut_at_the_same_places():
    places = np.random.default_rng(0).uniform(size=(500, 2))
    planes = Sections(np.tile(places, (2, 1)), np.repeat([0, 1], 500), ("a", "b"))
    found = tiles(planes)
    assert (found[:500] == found[500:]).all()
    assert len(set(found)) == 25
    apart = Sections(np.concatenate([places, places + 9]), planes.codes, planes.names)
    assert not set(tiles(apart)[:500]) & set(tiles(apart)[500:])


def test_answers_go_back_into_the_section(model, tissue, tmp_path):
    annotated = tissue.copy()
    model.annotate(annotated)
    assert {"polyome_label", "polyome_confidence"} <= set(annotated.obs)
    assert annotated.obsm["polyome_proba"].shape == (400, 3)
    assert annotated.obsm["X_polyome"].shape == (400, 16)
    model.save_pretrained(tmp_path / "m")
    again = estimator_class("spatial").from_pretrained(tmp_path / "m", quiet=True)
    same(model.predict(tissue), again.predict(tissue), tissue.obs_names)
    tissue.write_h5ad(tmp_path / "t.h5ad")
    same(model.predict(tissue), again.predict(tmp_path / "t.h5ad"), tissue.obs_names)
    records, answers = again.answer(tmp_path / "t.h5ad")
    again.fitted_.modality.write(records, answers, tmp_path / "out.h5ad")
    assert "polyome_label" in anndata.read_h5ad(tmp_path / "out.h5ad").obs


def test_genes_missing_from_a_query(model, tissue):
    answers = model.predict(tissue[:, 4:].copy())
    assert (answers["label"] == model.predict(tissue)["label"]).mean() > 0.8


def test_a_query_cannot_be_aligned(model, tissue):
    with pytest.raises(InputError, match="cannot be aligned"):
        model.predict(tissue, align=True)


def test_the_baselines_of_tissue(tissue):
    model = fitted(tissue, fit={"num_train_epochs": 1}, num_neighbours=0)
    scores = {n: v["accuracy"] for n, v in model.evaluation_.baselines.items()}
    assert scores["logistic_regression_neighbours"] > scores["logistic_regression"]
    assert {"logistic_regression_position", "position_alone", "small_network"} <= set(scores)


def test_many_genes_are_read_as_components():
    real = semi_synthetic_tissue()
    model = fitted(real, section=None, num_neighbours=15, fit=BRIEF | {"num_train_epochs": 1})
    spec = model.fitted_.modality.spec()
    assert spec["num_components"] == 50
    assert spec["neighbour_width"] == 64
    assert spec["context_width"] == 64 + 25  # and clusters
    usual = model.predict(real)
    order = np.random.default_rng(0).permutation(real.n_obs)
    same(usual, model.predict(real[order].copy()), real.obs_names)


def test_more_ties_than_slots_change_no_other_answer(model, tissue):
    wheel = tissue[:80].copy()
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    wheel.obsm["spatial"] = np.concatenate([[[0, 0]], circle, 9 + circle[:39]])
    wheel.obs["section"] = "one"
    records = model.fitted_.modality.prepare(model.fitted_.modality.read(wheel))
    assert records.counts[0] == 40 > model.fitted_.modality.slots
    for batch_size in (1, 7):
        same(model.predict(wheel), model.predict(wheel, batch_size=batch_size), wheel.obs_names)


def test_sections_of_different_values_are_named(tissue):
    mixed = tissue.copy()
    values = mixed.X.toarray()
    second = (mixed.obs["section"] == "section 2").to_numpy()
    mixed.X = np.where(second[:, None], np.log1p(values), values)
    with pytest.raises(InputError, match=r"X holds counts in 200 cells .* and log1p of counts in"):
        audit("spatial", mixed, "domain", section="section", layer="X")
    mixed.X = np.where(second[:, None], values * np.float32(0.37), values)
    found = audit("spatial", mixed, "domain", section="section", layer="X")
    assert [f.severity for f in found if f.kind == "expression state"] == ["warning"]
