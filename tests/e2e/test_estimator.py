"""The public class as a Python user meets it."""

import pickle
from types import SimpleNamespace

import numpy as np
import pytest

import polyome
from polyome.data.simulate import simulate_cells, simulate_sequences

SMALL = {"hidden_size": 16, "num_members": 1, "quiet": True, "device": "cpu"}


@pytest.fixture(scope="module")
def cells():
    cells = simulate_cells(seed=0)
    cells.obs_names = [str(i) for i in range(cells.n_obs)]  # numbers, as pandas likes to make them
    return cells


@pytest.fixture(scope="module")
def model(cells):
    made = polyome.CellTypeClassifier(**SMALL)
    return made.fit(cells, target="cell_type", num_train_epochs=2, baselines=False)


def test_a_model_that_was_read_and_written_again_keeps_its_record(model, tmp_path):
    model.save_pretrained(tmp_path / "a")
    again = polyome.CellTypeClassifier.from_pretrained(tmp_path / "a", quiet=True)
    again.save_pretrained(tmp_path / "a")
    again.save_pretrained(tmp_path / "b")
    for folder in ("a", "b"):
        names = {path.name for path in (tmp_path / folder).rglob("*")}
        assert {"README.md", "metrics.json", "split.csv.gz", "predictions.csv.gz"} <= names


def test_the_test_part_is_remembered_where_names_are_numbers(model, cells, tmp_path):
    model.save_pretrained(tmp_path / "a")
    again = polyome.load(tmp_path / "a", quiet=True)
    found = again.evaluate(cells)
    assert (found.part, found.n) == ("test", model.evaluation_.n)
    assert found.metrics["accuracy"] == pytest.approx(model.evaluation_.metrics["accuracy"])


def test_other_records_with_the_same_names_are_all_scored(model, cells):
    other = simulate_cells(50, seed=1)
    other.obs_names = cells.obs_names[:50]
    assert (model.evaluate(other).part, model.evaluate(other).n) == ("all", 50)


def test_answers_that_are_all_right_get_no_interval_but_what_they_can_mean(model, cells):
    other = cells[:50].copy()
    other.obs["cell_type"] = model.answer(other)[1].best
    found = model.evaluate(other)
    assert found.metrics["accuracy"] == 1
    assert found.intervals["accuracy"] == (None, None)
    assert "1.0000 to" not in str(found)
    assert "whose accuracy is 0.940 (rule of three" in str(found)


@pytest.mark.parametrize("source", [np.zeros((3, 4)), None, 5, [simulate_cells(5)]])
def test_what_is_no_anndata_is_refused_in_words(model, source):
    with pytest.raises(polyome.InputError, match="an AnnData, an h5ad file or a list"):
        model.predict(source)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size=0"),
        ({"batch_size": "x"}, "batch_size='x': a whole number"),
        ({"over": ["a"]}, "over=.*the name of one column"),
        ({"bach_size": 3}, "Did you mean 'batch_size'"),
    ],
)
def test_wrong_options_are_refused_in_words(model, cells, options, message):
    with pytest.raises(polyome.InputError, match=message):
        model.predict(cells, **options)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hidden_size": "64"}, "hidden_size='64': a whole number"),
        ({"hidden_size": 64.0}, "hidden_size=64.0: a whole number"),
        ({"num_genes": -5}, "num_genes=-5"),
    ],
)
def test_wrong_settings_are_refused_in_words(cells, settings, message):
    with pytest.raises(polyome.InputError, match=message):
        polyome.CellTypeClassifier(**SMALL | settings).fit(cells, "cell_type")


@pytest.mark.parametrize("target", [None, ["cell_type"]])
def test_a_target_is_the_name_of_one_column(cells, target):
    with pytest.raises(polyome.InputError, match="the name of one column"):
        polyome.CellTypeClassifier(**SMALL).fit(cells, target)


def test_without_a_direct_path_in_the_answer_unknown_still_works(cells):
    model = polyome.CellTypeClassifier(**SMALL, direct_weight=0.0)
    model.fit(cells, "cell_type", num_train_epochs=2, baselines=False)
    strange = simulate_cells(40, seed=5)  # other marker genes, other base expression
    assert (model.predict(strange)["label"] == "unknown").mean() > 0.5


def test_survives_pickle(model, cells):
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(cells)["label"], model.predict(cells)["label"])


def test_the_public_names_can_be_found():
    assert {"CellTypeClassifier", "read", "load", "audit"} <= set(dir(polyome))


def test_votes_and_alignment_are_said(model, cells):
    answers = model.answer(cells, over="donor", align=True)[1]
    assert any("Majority vote over 'donor'" in note for note in answers.notes)
    assert any("aligned" in note for note in answers.notes)
    assert answers.provenance["voted_over"] == "donor"
    assert answers.provenance["aligned"]


def test_the_table_of_a_spatialdata_object_is_annotated(model, cells):
    whole = SimpleNamespace(tables={"table": cells.copy()})
    model.annotate(whole)
    assert "polyome_label" in whole.tables["table"].obs


def test_representations_of_sequences_are_no_h5ad(call, tiny, tmp_path):
    simulate_sequences(40).to_csv(tmp_path / "s.csv", index=False)
    words = ["--target=label", f"--out={tmp_path / 'm'}", *tiny]
    assert call("fit", "promoter", tmp_path / "s.csv", *words).exit_code == 0
    result = call("embed", tmp_path / "m", tmp_path / "s.csv", f"--out={tmp_path / 'e.h5ad'}")
    assert result.exit_code == 2
    assert "a name that ends in .csv or .npy is needed" in result.stderr
    assert not (tmp_path / "e.h5ad").exists()


@pytest.mark.filterwarnings("ignore::polyome.PolyomeWarning")
def test_one_row_of_a_class_is_enough(cells):
    rare = cells.copy()
    rare.obs["label"] = ["rare", *["usual"] * (cells.n_obs - 1)]
    made = polyome.CellTypeClassifier(**SMALL)
    assert made.fit(rare, "label", num_train_epochs=1, baselines=False).classes_[0] == "rare"
