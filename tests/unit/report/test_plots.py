"""Figures show what was scored, and keep scanpy's manners."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from matplotlib.colors import to_hex
from sklearn.metrics import roc_auc_score

import polyome
from polyome import pl
from polyome._errors import InputError
from polyome._random import some_of
from polyome.report.example import example_record, example_scored, example_values
from polyome.report.plots.axes import palette
from polyome.report.plots.classes import confusion_counts

OF_CLASSES = (
    pl.confusion_matrix,
    pl.roc_curves,
    pl.precision_recall_curves,
    pl.calibration,
    pl.unknown_scores,
    pl.umap,
    pl.section_map,
)


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


@pytest.mark.parametrize("figure", OF_CLASSES, ids=lambda f: f.__name__)
def test_every_figure_takes_axes_saves_and_returns_them(figure, scored, tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(plt, "show", lambda: shown.append(1))
    ax = plt.subplots()[1]
    assert figure(scored, ax=ax) is ax
    assert not shown
    figure(scored, save=tmp_path / "a.png", show=True)
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"
    assert shown == [1]


def test_every_public_figure_is_tested():
    others = {pl.learning_curves, pl.scores, pl.predicted_and_measured}
    assert {getattr(pl, name) for name in pl.__all__} == {*OF_CLASSES, *others}


def test_a_folder_a_record_and_its_path_are_the_same_source(folder, scored):
    for source in (folder, str(folder), scored):
        ax = polyome.pl.confusion_matrix(source)
        assert [t.get_text() for t in ax.get_yticklabels()] == list(scored.classes)


def test_confusion_counts_and_shares(few):
    assert confusion_counts(few).tolist() == [[1, 0], [1, 1], [1, 0]]
    texts = [t.get_text() for t in pl.confusion_matrix(few).texts]
    assert texts == ["1.00", "0.50", "0.50", "1.00"]
    assert {t.get_text() for t in pl.confusion_matrix(few, normalize=False).texts} == {"1"}


def test_roc_curves_name_the_area(scored):
    ax = pl.roc_curves(scored)
    said = {t.get_text().split("  ")[0]: t.get_text() for t in ax.get_legend().get_texts()}
    for k, label in enumerate(scored.classes):
        area = roc_auc_score(scored.truth == label, scored.proba.iloc[:, k])
        assert said[label].endswith(f"{area:.3f}")


def test_two_classes_are_one_curve(few):
    assert len(pl.roc_curves(few).lines) == 2, "the curve and the diagonal"


def test_many_classes_list_the_worst():
    names = tuple(f"type {i}" for i in range(14))
    ax = pl.precision_recall_curves(example_scored(n=140, classes=names))
    assert len(ax.get_legend().get_texts()) == 10
    assert "lowest 10 of 14" in ax.get_legend().get_title().get_text()


def test_calibration_puts_bins_where_confidence_and_accuracy_are(few):
    ax = pl.calibration(few, bins=2)
    place = ax.collections[-1].get_offsets()
    np.testing.assert_allclose(place, [[0.75, 0.5]])  # all four in one bin, two of them right


def test_unknown_scores_mark_what_is_refused(few):
    ax = pl.unknown_scores(few)
    assert sum(patch.get_height() for patch in ax.patches) == 4
    assert [line.get_xdata()[0] for line in ax.lines] == [1]


def test_no_unknown_score_no_figure(value_folder, scored):
    from dataclasses import replace

    with pytest.raises(InputError, match="refuses nothing"):
        pl.unknown_scores(replace(scored, unknown_score=None))
    with pytest.raises(InputError, match="needs classes"):
        pl.roc_curves(value_folder)


def test_colors_of_the_user_are_kept(scored):
    from dataclasses import replace

    chosen = replace(scored, colors={"T cell": "#123456"})
    ax = pl.umap(chosen, color="truth")
    colors = {c.get_label(): to_hex(c.get_facecolor()[0]) for c in ax.collections}
    assert colors["T cell"] == "#123456"
    assert palette(["unknown", "B cell"])["unknown"] == "#8a8f98"


@pytest.mark.parametrize("n", [5, 15, 25, 60, 120])
def test_a_palette_has_a_color_for_every_class(n):
    colors = palette([str(i) for i in range(n)])
    assert len(colors) == n
    assert len(set(colors.values())) == min(n, 102)


@pytest.mark.parametrize("color", ["truth", "prediction", "confidence", "error"])
def test_maps_by_every_color(scored, color):
    drawn = pl.section_map(scored, color=color, section="slice 2")
    assert sum(len(c.get_offsets()) for c in drawn.collections) == 30
    assert drawn.yaxis_inverted()


def test_maps_of_values(value_folder):
    assert pl.umap(value_folder, color="prediction").figure.axes[1].get_ylabel() == (
        "predicted liver"
    )


def test_wrong_colors_and_sections(scored, few):
    with pytest.raises(InputError, match="color='age'"):
        pl.umap(scored, color="age")
    with pytest.raises(InputError, match=r"no section 'z'\. Known: slice 1, slice 2"):
        pl.section_map(scored, section="z")
    with pytest.raises(InputError, match="no coordinates"):
        pl.section_map(few)
    with pytest.raises(InputError, match="no representation"):
        pl.umap(few)


def test_large_sets_are_drawn_from():
    rows = some_of(1000, 10, seed=1)
    assert len(rows) == 10
    assert (np.diff(rows) > 0).all()
    assert (some_of(1000, 10, seed=1) == rows).all()
    assert some_of(3, 10, seed=1).tolist() == [0, 1, 2]


@pytest.mark.slow
def test_umap_is_drawn_again_the_same(scored, monkeypatch):
    from polyome.report.plots import maps

    monkeypatch.setattr(maps, "LEAST_FOR_UMAP", 15)
    first, axis = maps.embedded(scored, np.arange(60), seed=3)
    again, _ = maps.embedded(scored, np.arange(60), seed=3)
    assert axis == "UMAP"
    np.testing.assert_array_equal(first, again)


def test_values_with_their_correlation():
    values = example_values()
    ax = pl.predicted_and_measured(values, target="brain")
    r = np.corrcoef(values.measured["brain"], values.predicted["brain"])[0, 1]
    assert ax.get_title().startswith(f"r = {r:.3f}")
    with pytest.raises(InputError, match=r"no value 'heart'\. Known: liver, brain"):
        pl.predicted_and_measured(values, target="heart")
    with pytest.raises(InputError, match="predicts classes"):
        pl.predicted_and_measured(example_scored())


def test_scores_show_the_interval_and_the_order():
    record = example_record()
    ax = pl.scores(record, metric="accuracy")
    assert [t.get_text() for t in ax.get_yticklabels()] == ["class frequencies", "Polyome"]
    with pytest.raises(InputError, match=r"no metric 'accurac'.*Did you mean 'accuracy'"):
        pl.scores(record, metric="accurac")


def test_learning_curves_need_a_folder(folder):
    assert len(pl.learning_curves(folder).lines) == 3  # two curves, one dot
    with pytest.raises(InputError, match="a model folder is needed"):
        pl.learning_curves(3)
    (folder / "evaluation" / "learning_curves.json").write_text("[]")
    with pytest.raises(InputError, match="no learning curves"):
        pl.learning_curves(folder)


def test_what_is_no_source():
    with pytest.raises(InputError, match="found int"):
        pl.umap(3)


def test_verbs_keep_their_names_when_packages_are_imported():
    import polyome.audit.findings
    import polyome.report.html

    assert callable(polyome.audit)
    assert callable(polyome.report)


@pytest.fixture
def annotated(scored):
    """An annotated sample whose truth nobody knows."""
    obs = pd.DataFrame({"polyome_label": scored.label}, index=scored.names)
    adata = AnnData(np.zeros((len(scored), 1), np.float32), obs=obs)
    adata.obsm["polyome_proba"] = scored.proba.to_numpy()
    adata.obsm["X_polyome"] = scored.representation
    adata.obsm["spatial"] = scored.coordinates
    adata.uns["polyome"] = {"classes": list(scored.classes)}
    return adata


@pytest.mark.parametrize("color", [None, "prediction", "confidence"])
@pytest.mark.parametrize("figure", [pl.section_map, pl.umap])
def test_answers_are_mapped_where_the_truth_is_not_known(annotated, figure, color):
    ax = figure(annotated, color=color)
    shown = sum(len(c.get_offsets()) for c in ax.collections)
    assert shown == annotated.n_obs


def test_what_needs_the_truth_says_so(annotated):
    with pytest.raises(InputError, match="needs the true labels: pass truth="):
        pl.section_map(annotated, color="error")
    with pytest.raises(InputError, match="needs the true labels: pass truth="):
        pl.confusion_matrix(annotated)
    del annotated.uns["polyome"]
    with pytest.raises(InputError, match='keeps it with uns_merge="same"'):
        pl.section_map(annotated)


def test_the_legend_of_unknown_scores_shows_the_colours_of_the_bars(scored):
    ax = pl.unknown_scores(scored)
    named = [to_hex(patch.get_facecolor()) for patch in ax.get_legend().get_patches()]
    assert len(set(named)) == 2
    assert {to_hex(bar.get_facecolor()) for bar in ax.patches} == set(named)
