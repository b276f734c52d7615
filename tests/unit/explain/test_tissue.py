import json

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit

from polyome._errors import InputError
from polyome.estimator import estimator_class
from polyome.explain.attribution import integrated_gradients
from polyome.explain.tissue import references


def log_odds(model, tissue, names, label):
    """Answers of some cells of a section, by the public verb."""
    answers = model.predict(tissue, refuse=False).loc[names]
    return logit(answers[label].to_numpy())


def test_the_kind_that_makes_a_domain_contributes_most_to_cells_of_other_kinds(why_tissue, tissue):
    obs, around = why_tissue.adata.obs, why_tissue.adata.obsm["polyome_neighbours"]
    needs = (
        obs["polyome_without_context"].astype(str) != obs["polyome_label"].astype(str)
    ).to_numpy()
    label = obs["polyome_label"].astype(str).str.removeprefix("domain ")
    most = around.idxmax(axis=1).str.removeprefix("type ")
    assert needs.sum() >= 10
    assert (most == label)[needs].mean() >= 0.9


def test_genes_and_neighbours_add_up_to_the_way_from_the_reference(
    tissue_model, tissue, why_tissue
):
    fitted, obs = tissue_model.fitted_, why_tissue.adata.obs
    records = fitted.modality.prepare(fitted.modality.read(tissue))
    chosen = pd.Index(fitted.classes).get_indexer(obs["polyome_label"].astype(str))
    starts = references(fitted.modality, records)
    parts = list(integrated_gradients(fitted, records, chosen, starts))
    around = [
        p.contributions[name].sum(axis=(1, 2)) for name in starts for p in parts if name != "values"
    ]
    whole = np.concatenate(around).reshape(2, -1).sum(axis=0)
    np.testing.assert_allclose(obs["polyome_context"], whole, atol=1e-3)
    gaps = np.abs(np.concatenate([p.gaps for p in parts]))
    assert gaps.mean() < 0.01 * np.abs(whole).mean()
    assert np.quantile(gaps, 0.99) < 0.05 * np.abs(whole).mean()
    sums = why_tissue.neighbours.groupby("cell")["contribution"].sum()
    np.testing.assert_allclose(sums[obs.index], obs["polyome_context"], atol=1e-3)


def test_a_cell_whose_neighbours_change_changes_as_they_contribute(
    tissue_model, tissue, why_tissue
):
    obs = why_tissue.adata.obs
    cell = obs["polyome_context"].idxmax()
    label = obs.loc[cell, "polyome_label"]
    of_cell = why_tissue.neighbours[why_tissue.neighbours["cell"] == cell]
    changed = tissue.copy()
    changed.X = changed.X.toarray()
    neighbours = changed.obs_names.get_indexer(of_cell["neighbour"])
    opposite = np.flatnonzero(changed.obs["cell_type"] != of_cell["kind"].mode()[0])[: len(of_cell)]
    changed.X[neighbours] = changed.X[opposite]
    before = log_odds(tissue_model, tissue, [cell], label)
    assert log_odds(tissue_model, changed, [cell], label) < before - 1


def test_without_context_is_the_answer_for_a_cell_alone_in_its_section(
    tissue_model, tissue, why_tissue
):
    names = list(why_tissue.adata.obs_names[:4])
    alone = tissue.copy()
    alone.obs["piece"] = [name if name in names else "rest" for name in alone.obs_names]
    answers = tissue_model.predict(alone, section="piece", refuse=False).loc[names]
    obs = why_tissue.adata.obs.loc[names]
    assert list(answers["label"]) == list(obs["polyome_without_context"])
    for name in names:
        proba = answers.loc[name, obs.loc[name, "polyome_label"]]
        expected = obs.loc[name, "polyome_explained_without_context"]
        assert logit(proba) == pytest.approx(expected, abs=1e-3)


def test_the_table_has_rings_of_kinds(why_tissue):
    table = why_tissue.table
    assert list(table.columns) == ["class", "kind", "distance", "contribution", "neighbours"]
    assert set(table["kind"]) == {"type 1", "type 2", "type 3"} == set(why_tissue.kinds)
    around = table.groupby("class")["neighbours"].sum()
    assert ((around >= 15) & (around < 17)).all(), "15 neighbours and what is tied with the last"
    sums = table.groupby("class")["contribution"].sum()
    obs = why_tissue.adata.obs
    means = obs.groupby("polyome_label", observed=True)["polyome_context"].mean()
    np.testing.assert_allclose(sums[means.index], means, rtol=1e-3)


def test_neighbours_are_named_as_the_model_answers_them(tissue_model, tissue):
    why = tissue_model.explain(tissue, most_records=20)
    assert why.adata.n_obs == 20
    assert set(why.kinds) <= set(tissue_model.classes_)
    assert any("as the model itself answers them" in note for note in why.notes)
    said = tissue_model.predict(tissue, refuse=False)["label"]
    found = why.neighbours.drop_duplicates("neighbour").set_index("neighbour")["kind"]
    assert (said[found.index].astype(str) == found).all()


def test_cells_without_a_kind_say_so(tissue_model, tissue):
    some = tissue.copy()
    some.obs["kind"] = some.obs["cell_type"].astype(object).where(np.arange(200) % 3 > 0, np.nan)
    assert "no label" in tissue_model.explain(some, by="kind", most_records=5).kinds
    with pytest.raises(InputError, match="by='cel_type': obs has no such column"):
        tissue_model.explain(some, by="cel_type")


def test_the_folder_lists_pictures_and_tables(why_tissue, tmp_path):
    why_tissue.save(tmp_path / "why")
    index = json.loads((tmp_path / "why" / "polyome_explanation.json").read_text())
    listed = {item["file"] for item in index["items"]}
    assert listed | {"polyome_explanation.json"} == {
        path.name for path in (tmp_path / "why").iterdir()
    }
    assert {"neighbours_1.svg", "genes_1.svg", "context.csv", "neighbours.csv"} <= listed
    cells = pd.read_csv(tmp_path / "why" / "cells.csv", index_col=0)
    assert list(cells.index) == list(why_tissue.adata.obs_names)
    assert {"polyome_without_context", "from type 1"} <= set(cells.columns)


def test_plots_are_of_neighbours_or_genes(why_tissue):
    assert why_tissue.plot("domain 1").get_title(loc="left") == "domain 1"
    assert why_tissue.plot("domain 1", of="genes").get_xlabel().startswith("mean contribution")
    with pytest.raises(InputError, match="'neighbours' or 'genes'"):
        why_tissue.plot(of="cells")


def test_a_model_without_context_explains_genes(tissue):
    model = estimator_class("spatial")(
        num_neighbours=0, num_members=1, hidden_size=16, quiet=True, device="cpu"
    )
    model.fit(tissue, "cell_type", split_by="blocks", baselines=False, num_train_epochs=3)
    why = model.explain(tissue)
    assert why.table.empty
    assert why.neighbours.empty
    assert any("reads no neighbours" in note for note in why.notes)
    assert (why.adata.obs["polyome_context"] == 0).all()
    assert why.plot().get_xlabel().startswith("mean contribution")
    assert set(why.genes["class"]) == {"type 1", "type 2", "type 3"}
