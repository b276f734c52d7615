import json
import os
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest

from polyome._errors import InputError, PolyomeWarning
from polyome.estimator import estimator_class
from polyome.explain.gene_ranks import KEY


def test_genes_that_speak_for_a_type_are_its_planted_markers(why_cells, cells):
    markers = pd.DataFrame(cells.varm["markers"], index=cells.var_names)
    for k, name in enumerate(sorted(cells.obs["cell_type"].unique())):
        found = why_cells.markers(name)[:10]
        assert markers.loc[found, k].mean() >= 0.9, name


def test_contributions_lie_beside_the_expression(why_cells, cells):
    adata = why_cells.adata
    assert adata.layers[KEY].shape == adata.shape
    assert list(adata.obs_names) == list(cells.obs_names)
    label = adata.obs["polyome_label"] == "type 2"
    mean = adata.layers[KEY][label.to_numpy()].mean(axis=0)
    np.testing.assert_allclose(adata.varm[KEY][:, 1], mean, atol=1e-5)


def test_the_table_is_ranked_and_compared_with_scanpy(why_cells):
    table = why_cells.table
    for _, part in table.groupby("class"):
        assert list(part["rank"]) == list(range(1, len(part) + 1))
        assert part["contribution"].is_monotonic_decreasing
        assert sorted(part["test_rank"]) == list(range(1, len(part) + 1))
        assert (part[part["z_score"] > 0]["test_rank"].head(10) <= 24).mean() >= 0.8


def test_removing_what_speaks_for_a_type_changes_its_name(why_cells):
    removed = why_cells.removed
    for _, part in removed.groupby("class"):
        whole = part[part["removed"] == "nothing"].iloc[0]
        without = part[part["removed"].str.startswith("top ")].iloc[0]
        assert whole["keeps_label"] == 1
        assert without["keeps_label"] < 0.5
        assert without["probability"] < whole["probability"]


def test_annotate_writes_what_the_genes_of_the_model_contribute(why_cells, cells):
    copy = cells.copy()[:, ::-1].copy()
    why_cells.annotate(copy)
    gene, cell = cells.var_names[5], cells.obs_names[7]
    expected = why_cells.adata[cell, gene].layers[KEY].item()
    assert copy[cell, gene].layers[KEY].toarray().item() == pytest.approx(expected)
    assert copy.uns["polyome_explanation"]["classes"] == ["type 1", "type 2", "type 3"]
    with pytest.raises(InputError, match="lacks explained cells"):
        why_cells.annotate(cells[:10].copy())


def test_what_is_explained_is_the_log_odds_of_the_answer(cell_model, cells, why_cells):
    proba = cell_model.predict(cells, refuse=False)["confidence"].to_numpy()
    explained = why_cells.adata.obs["polyome_explained"]
    np.testing.assert_allclose(1 / (1 + np.exp(-explained)), proba, atol=1e-5)
    assert (explained > 0).all()


def test_some_are_drawn_with_a_note(cell_model, cells):
    why = cell_model.explain(cells, most_records=12, top=2)
    assert why.adata.n_obs == 12
    assert any("12 of 90 cells, drawn at random" in note for note in why.notes)


def test_one_class_can_be_asked_for(cell_model, cells, why_cells):
    why = cell_model.explain(cells, output="type 3", top=4)
    assert set(why.table["class"]) == {"type 3"}
    assert why.markers("type 3") == why_cells.markers("type 3")[:4]
    whole = why_cells.table[why_cells.table["class"] == "type 3"]
    assert list(why.table["test_rank"]) == list(whole["test_rank"])
    assert why.removed["cells"].iloc[0] == (why_cells.adata.obs["polyome_label"] == "type 3").sum()
    other = why.adata.obs["polyome_label"] != "type 3"
    assert (why.adata.obs["polyome_explained"][other] < 0).all()
    with pytest.raises(InputError, match="no explained cell is 'type 1'"):
        why.plot("type 1")


def test_a_class_that_no_cell_bears_is_explained_in_all_of_them(cell_model, cells, why_cells):
    label = why_cells.adata.obs["polyome_label"].to_numpy()
    why = cell_model.explain(cells[label == "type 1"].copy(), output="type 3", top=4)
    assert set(why.table["class"]) == {"type 3"}
    assert set(why.adata.obs["polyome_label"]) == {"type 1"}
    assert any("bears the label 'type 3'" in note for note in why.notes)
    assert why.table["test_rank"].isna().all(), "one class cannot be tested against others"


def test_the_folder_is_listed_and_whole(why_cells, tmp_path):
    why_cells.save(tmp_path / "why")
    index = json.loads((tmp_path / "why" / "polyome_explanation.json").read_text())
    assert index["simulated"] is True
    assert any("mean training profile" in note for note in index["notes"])
    listed = {item["file"] for item in index["items"]}
    assert listed | {"polyome_explanation.json"} == {
        path.name for path in (tmp_path / "why").iterdir()
    }
    again = anndata.read_h5ad(tmp_path / "why" / "contributions.h5ad")
    np.testing.assert_allclose(again.layers[KEY], why_cells.adata.layers[KEY])


@pytest.mark.real_data
@pytest.mark.slow
def test_known_markers_of_blood_cells():
    folder = Path(os.environ.get("POLYOME_DATA", "../shared/data")) / "single_cell"
    if not folder.is_dir():
        pytest.skip("no real data")
    adata = anndata.read_h5ad(folder / "pbmc3k_counts.h5ad")
    model = estimator_class("cell-type")(num_genes=3000, quiet=True)
    with pytest.warns(PolyomeWarning, match="may be a clustering of this same matrix"):
        model.fit(adata, "louvain", split="split", baselines=False)
    why = model.explain(adata)
    known = {
        "CD4 T cells": {"IL7R"}, "CD8 T cells": {"CD8A", "CD8B"}, "B cells": {"MS4A1", "CD79A"},
        "NK cells": {"GNLY"}, "CD14+ Monocytes": {"S100A8", "LYZ"},
        "FCGR3A+ Monocytes": {"FCGR3A", "MS4A7"}, "Dendritic cells": {"FCER1A"},
        "Megakaryocytes": {"PPBP", "PF4"},
    }  # fmt: skip
    assert sum(bool(genes & set(why.markers(name))) for name, genes in known.items()) >= 7


def test_the_anndata_that_was_explained_is_annotated_by_its_column_of_names(cells):
    named = cells.copy()
    named.var["symbol"] = [f"SYMBOL{i}" for i in range(named.n_vars)]
    model = estimator_class("cell-type")(
        hidden_size=16, num_members=1, quiet=True, gene_column="symbol"
    )
    model.fit(named, "cell_type", baselines=False, num_train_epochs=1)
    why = model.explain(named[:20].copy(), top=2)
    why.annotate(named)
    gene = why.adata.var_names[3]
    place = named.var["symbol"].tolist().index(gene)
    expected = why.adata.layers[KEY][4, 3]
    assert named.layers[KEY][4, place] == pytest.approx(expected)
    with pytest.raises(InputError, match="no column 'symbol'"):
        why.annotate(cells.copy())


def test_the_legend_shows_the_colours_of_the_bars(why_cells):
    from matplotlib.colors import to_hex

    ax = why_cells.plot("type 1")
    legend = ax.get_legend()
    named = {
        text.get_text().split()[0]: to_hex(patch.get_facecolor())
        for text, patch in zip(legend.get_texts(), legend.get_patches(), strict=True)
    }
    shown = why_cells.table[why_cells.table["class"] == "type 1"].head(why_cells.top)
    sides = np.where(shown["z_score"] > 0, "above", "below")[::-1]
    assert [to_hex(bar.get_facecolor()) for bar in ax.patches] == [named[side] for side in sides]
    assert set(named) == {"above", "below"}
    assert len(set(named.values())) == 2
