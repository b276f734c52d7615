"""What is read of a folder, an AnnData and an estimator is what was written there."""

from types import SimpleNamespace

import anndata
import numpy as np
import pandas as pd
import pytest

from polyome._errors import InputError
from polyome.outputs.classes_prediction import ClassPrediction
from polyome.outputs.values_prediction import ValuePrediction
from polyome.report.plots.maps import section_map
from polyome.report.record import ModelRecord
from polyome.report.scored import Scored


def test_a_folder_gives_back_what_was_written(folder, scored):
    found = ModelRecord.read(folder).scored
    assert list(found.names) == list(scored.names)
    assert (found.truth == scored.truth).all()
    assert (found.label == scored.label).all()
    assert found.classes == scored.classes
    np.testing.assert_allclose(found.proba, scored.proba)
    np.testing.assert_array_equal(found.representation, scored.representation)
    np.testing.assert_allclose(found.unknown_score, scored.unknown_score)
    np.testing.assert_allclose(found.coordinates, scored.coordinates)
    assert (found.section == scored.section).all()


def test_a_folder_with_values(value_folder):
    found = ModelRecord.read(value_folder).scored
    assert found.proba is None
    assert list(found.measured) == ["liver", "brain"]
    assert found.measured.corrwith(found.predicted).min() > 0.7


def test_labels_that_look_like_something_else_stay_text(tmp_path):
    from tests.unit.report.conftest import write_folder

    from polyome.report.example import example_scored

    odd = ("label", "NA", "1")
    folder = write_folder(tmp_path / "odd", example_scored(classes=odd))
    found = ModelRecord.read(folder).scored
    assert found.classes == odd
    assert set(found.truth) == set(odd)


def test_refused_wrong_and_foreign_labels(few):
    assert few.true_classes() == ("x", "y", "z")
    assert few.truth_index().tolist() == [0, 1, 1, -1]
    assert few.right.tolist() == [True, True, False, False]
    assert few.refused.tolist() == [False, False, False, True]


def adata_of(scored, classes):
    adata = anndata.AnnData(np.zeros((len(scored), 1), dtype=np.float32))
    adata.obs_names = list(scored.names)
    adata.obs["type"] = pd.Categorical(scored.truth)
    adata.obs["polyome_label"] = pd.Categorical(scored.label)
    adata.obsm["polyome_proba"] = scored.proba.to_numpy()
    adata.obsm["X_polyome"] = scored.representation
    adata.obsm["spatial"] = scored.coordinates
    adata.uns["polyome"] = {"classes": np.array(classes, dtype=object)}
    return adata


def test_an_anndata_with_answers(scored):
    adata = adata_of(scored, scored.classes)
    adata.uns["type_colors"] = ["#111111", "#222222", "#333333"]
    adata.obs.loc[adata.obs_names[0], "type"] = None
    found = Scored.from_adata(adata, "type")
    assert len(found) == len(scored) - 1, "a cell without a label is not scored"
    assert found.colors == {"B cell": "#111111", "T cell": "#222222", "monocyte": "#333333"}
    np.testing.assert_allclose(found.coordinates, scored.coordinates[1:])
    assert found.unknown_score is None


def test_sections_of_an_anndata(scored):
    adata = adata_of(scored, scored.classes)
    adata.obs["slice"] = scored.section
    with pytest.raises(InputError, match="these records name no sections"):
        section_map(adata, truth="type", section="slice 1", show=False)
    adata.uns["polyome"]["section"] = "slice"
    ax = section_map(adata, truth="type", section="slice 1", show=False)
    assert sum(len(points.get_offsets()) for points in ax.collections) == len(scored) // 2


def test_an_estimator_that_knows_places(scored):
    places = pd.DataFrame(scored.coordinates, columns=["x", "y"]).assign(section=scored.section)
    answers = ClassPrediction(
        names=scored.names, label=scored.label, proba=scored.proba, confidence=scored.confidence,
        representation=scored.representation, unknown_score=scored.unknown_score, provenance={},
    )  # fmt: skip
    model = SimpleNamespace(answers_=answers, truth_=scored.truth, places_=places)
    found = Scored.from_estimator(model)
    np.testing.assert_array_equal(found.coordinates, scored.coordinates)
    assert (found.section == scored.section).all()


def test_an_anndata_that_lacks_something(scored):
    adata = adata_of(scored, scored.classes)
    assert Scored.from_adata(adata, None).truth is None
    with pytest.raises(InputError, match=r"obs has no column 'typ' .*Did you mean 'type'"):
        Scored.from_adata(adata, "typ")
    del adata.obs["polyome_label"]
    with pytest.raises(InputError, match=r"model\.annotate\(adata\)"):
        Scored.from_adata(adata, "type")


def test_a_folder_without_an_evaluation(folder):
    for path in (folder / "evaluation").iterdir():
        path.unlink()
    (folder / "evaluation").rmdir()
    with pytest.raises(InputError, match="no folder 'evaluation'"):
        ModelRecord.read(folder)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("metrics.json", "{", "is damaged"),
        ("evaluation/audit.json", "{}", "holds no list"),
        ("evaluation/representation.safetensors", "x", "is damaged"),
        ("evaluation/coordinates.csv.gz", None, "does not belong to the predictions"),
        ("evaluation/predictions.csv.gz", None, "columns that no task writes"),
        ("evaluation/predictions.csv.gz", "id,label\n", "predictions.csv.gz is damaged"),
        ("evaluation/split.csv.gz", "x", "split.csv.gz is damaged"),
    ],
)
def test_a_damaged_file_is_named(folder, name, text, said):
    path = folder / name
    if text is not None:
        path.write_text(text)
    else:
        pd.DataFrame({"u": [1.0]}, index=["v"]).to_csv(path, index_label="id")
    if "predictions" in name:
        (folder / "evaluation" / "representation.safetensors").unlink()
        (folder / "evaluation" / "coordinates.csv.gz").unlink()
    with pytest.raises(InputError, match=said):
        ModelRecord.read(folder)


def test_representation_of_other_records(folder):
    path = folder / "evaluation" / "predictions.csv.gz"
    pd.read_csv(path, index_col="id").iloc[1:].to_csv(path)
    with pytest.raises(InputError, match="holds 60 rows of representation, not 59"):
        ModelRecord.read(folder)


def test_an_estimator_without_scored_records():
    with pytest.raises(InputError, match="keeps no scored records"):
        Scored.from_estimator(object())


def test_an_estimator_of_values():
    values = pd.DataFrame({"liver": [1.0, 2.0]}, index=["a", "b"])
    answers = ValuePrediction(
        names=values.index, values=values, low=None, high=None, provenance={},
        representation=np.zeros((2, 4), dtype=np.float32),
    )  # fmt: skip
    found = Scored.from_estimator(
        SimpleNamespace(answers_=answers, truth_=np.array([[1.5], [2.5]]))
    )
    assert found.measured["liver"].tolist() == [1.5, 2.5]
    assert found.predicted["liver"].tolist() == [1.0, 2.0]
    assert found.classes == ()
