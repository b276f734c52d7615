import numpy as np
import pandas as pd
import pytest

from polyome.explain.deletion import cells_without, removal_curves, sequences_without
from polyome.explain.gene_ranks import KEY

SHARES = np.linspace(0, 1, 11)
FEW = np.array([0.0, 0.1, 0.2, 0.6, 1.0])


def test_removing_what_counts_first_costs_more_than_chance():
    weights = np.array([8.0, 4, 2, 1, 0, 0, 0, 0, 0, 0])[None]
    curves = removal_curves(weights, lambda gone: 1 - gone @ weights[0] / 15, shares=SHARES)
    assert curves.named[:3] == pytest.approx([1, 7 / 15, 3 / 15])
    assert curves.named[-1] == curves.random[-1] == 0
    assert curves.area[0] < curves.area[1] / 2
    assert curves.lost(0.2)[0] > 2 * curves.lost(0.2)[1]


def test_putting_back_what_counts_first_gains_more_than_chance():
    weights = np.array([8.0, 4, 2, 1, 0, 0, 0, 0, 0, 0])[None]
    answer = lambda gone: 1 - gone @ weights[0] / 15  # noqa: E731
    curves = removal_curves(weights, answer, shares=SHARES, insertion=True)
    assert curves.named[:2] == pytest.approx([0, 8 / 15])
    assert curves.area[0] > curves.area[1]


def test_genes_that_contribute_matter_to_the_model(cell_model, cells, why_cells):
    fitted = cell_model.fitted_
    records = fitted.modality.read(cells)
    labels = why_cells.adata.obs["polyome_label"].astype(str)
    chosen = pd.Index(fitted.classes).get_indexer(labels)
    answer = cells_without(fitted, records, chosen)
    confidence = cell_model.predict(cells, refuse=False)["confidence"].mean()
    assert answer(np.zeros(why_cells.adata.shape, bool)).mean() == pytest.approx(
        confidence, abs=1e-4
    )
    curves = removal_curves(why_cells.adata.layers[KEY], answer, shares=FEW, repeats=2)
    assert 2 * curves.area[0] < curves.area[1]


def test_bases_that_contribute_matter_to_the_model(sequence_model, sequences, why_sequences):
    fitted = sequence_model.fitted_
    is_promoter = (sequences["label"] == "promoter").to_numpy()
    records = fitted.modality.read(sequences[is_promoter])
    chosen = np.full(len(records), fitted.classes.index("promoter"))
    answer = sequences_without(fitted, records, chosen)
    curves = removal_curves(why_sequences.contributions[is_promoter], answer, shares=FEW, repeats=2)
    assert 2 * curves.lost(0.2)[1] < curves.lost(0.2)[0]
