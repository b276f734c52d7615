"""The public class as a Python user meets it."""

import copy
import pickle
from types import SimpleNamespace

import anndata
import numpy as np
import pytest
import torch

import polyome
from polyome.data.expression import simulate_levels
from polyome.data.simulate import simulate_cells, simulate_sequences
from polyome.report.record import ModelRecord
from polyome.report.scored import Scored

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


def test_the_part_is_remembered_where_the_index_is_called_part(model, cells, tmp_path):
    copied = copy.copy(model)
    copied.split_ = model.split_.rename_axis("part")
    copied.save_pretrained(tmp_path / "a")
    assert polyome.load(tmp_path / "a", quiet=True).evaluate(cells).n == model.evaluation_.n
    assert ModelRecord.read(tmp_path / "a").parts["test"] == model.evaluation_.n


def test_a_label_that_looks_like_a_path_is_kept_as_it_is(cells):
    cells = cells.copy()
    cells.obs["kind"] = cells.obs["cell_type"].astype(str)
    cells.obs.loc[cells.obs_names[:5], "kind"] = "/no label"
    made = polyome.CellTypeClassifier(**SMALL)
    made.fit(cells, "kind", unlabelled="/no label", num_train_epochs=1, baselines=False)
    assert made.fitted_.facts["asked"]["unlabelled"] == "/no label"


def test_audit_warns_of_a_class_that_may_mean_no_label(cells):
    cells = cells.copy()
    cells.obs["kind"] = cells.obs["cell_type"].astype(str).replace("type 1", "None")
    with pytest.warns(polyome.PolyomeWarning, match='pass unlabelled="None"'):
        polyome.audit("cell-type", cells, "kind", quiet=True)


def test_other_records_with_the_same_names_are_all_scored(model, cells):
    other = simulate_cells(50, seed=1)
    other.obs_names = cells.obs_names[:50]
    assert (model.evaluate(other).part, model.evaluate(other).n) == ("all", 50)


def test_as_many_other_cells_with_the_same_names_are_all_scored(model, cells):
    other = simulate_cells(cells.n_obs, seed=1)
    other.obs_names = cells.obs_names
    found = model.evaluate(other)
    assert (found.part, found.n) == ("all", cells.n_obs)
    assert any("named like rows that the model was fitted on" in note for note in found.notes)
    turned = cells[::-1].copy()
    turned.X = turned.X.toarray().astype(np.float64)
    assert model.evaluate(turned).part == "test"


def test_answers_that_are_all_right_get_no_interval_but_what_they_can_mean(model, cells):
    other = cells[:50].copy()
    other.obs["cell_type"] = model.answer(other)[1].best
    found = model.evaluate(other)
    assert found.metrics["accuracy"] == 1
    assert found.intervals["accuracy"] == (None, None)
    assert "1.0000 to" not in str(found)
    assert "whose true accuracy is 0.940 could do this too (rule of three" in str(found)


@pytest.mark.parametrize("source", [np.zeros((3, 4)), None, 5, [simulate_cells(5)]])
def test_what_is_no_anndata_is_refused_in_words(model, source):
    with pytest.raises(polyome.InputError, match=r"(an AnnData, an h5ad|make them one)"):
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
    model = polyome.CellTypeClassifier(**SMALL, linear_weight=0.0)
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


def test_a_part_of_a_file_is_not_annotated(model, cells, tmp_path):
    cells.write_h5ad(tmp_path / "c.h5ad")
    part = anndata.read_h5ad(tmp_path / "c.h5ad", backed="r")[:20]
    with pytest.raises(polyome.InputError, match=r"adata\[rows\].to_memory\(\)"):
        model.annotate(part)


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


def test_a_fit_leaves_the_callers_random_numbers_alone(cells):
    def draw_after_a_fit(seed):
        np.random.seed(seed)  # noqa: NPY002
        torch.manual_seed(seed)
        made = polyome.CellTypeClassifier(**SMALL)
        made.fit(cells, "cell_type", num_train_epochs=1, baselines=False)
        return np.random.rand(), float(torch.rand(1))  # noqa: NPY002

    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)
    expected = np.random.rand(), float(torch.rand(1))  # noqa: NPY002
    assert draw_after_a_fit(1) == expected
    assert draw_after_a_fit(2) != expected


def test_settings_count_as_they_are_when_fit_is_called(cells):
    made = polyome.CellTypeClassifier(**SMALL | {"seed": np.int64(3)})
    made.num_hidden_layers = 0
    assert made.set_params(hidden_size=8) is made
    made.fit(cells, "cell_type", num_train_epochs=1, baselines=False)
    config = made.fitted_.model.config
    assert (config.hidden_size, config.num_hidden_layers, made.task.seed) == (8, 0, 3)
    with pytest.raises(polyome.InputError, match="hidden_siez"):
        made.set_params(hidden_siez=8)
    with pytest.raises(polyome.InputError, match="num_genes=-5"):
        made.set_params(num_genes=-5)


def test_nothing_of_an_earlier_fit_is_saved_with_the_next(tmp_path):
    table = simulate_sequences(120)
    table["other"] = np.resize(["x", "y", "z"], len(table))
    made = polyome.PromoterClassifier(**SMALL)
    options = {"num_train_epochs": 1, "baselines": False}
    made.scanner_ = "of an earlier fit"
    made.fit(table, "other", **options)
    made.save_pretrained(tmp_path / "m")
    assert not (tmp_path / "m" / "scanner").exists()


def test_settings_of_the_class_are_told_apart_from_those_of_fit(cells):
    message = r"layer is a setting of the class: CellTypeClassifier\(layer=...\)"
    with pytest.raises(polyome.InputError, match=message):
        polyome.CellTypeClassifier(**SMALL).fit(cells, "cell_type", layer="counts")


def test_a_vote_is_not_scored(model, cells):
    with pytest.raises(polyome.InputError, match="over=donor: scores are of each record's own"):
        model.evaluate(cells, over="donor")


@pytest.mark.filterwarnings("ignore::polyome.PolyomeWarning")
def test_donors_on_both_sides_of_a_given_split_are_found(cells):
    divided = cells.copy()
    divided.obs["part"] = np.where(np.arange(cells.n_obs) % 4, "train", "test")
    divided.obs["donor"] = np.resize(["d1", "d2", "d3"], cells.n_obs)
    made = polyome.CellTypeClassifier(**SMALL)
    options = {"split": "part", "group": "donor", "num_train_epochs": 1, "baselines": False}
    found = made.fit(divided, "cell_type", **options).findings_
    assert [f.numbers["rows"] for f in found if f.kind == "shared groups"] == [60]
    divided.obs.loc[divided.obs_names[:3], "donor"] = None
    with pytest.raises(polyome.InputError, match=r"'donor' \(group\) is empty for 3 of"):
        made.fit(divided, "cell_type", **options)


@pytest.mark.filterwarnings("ignore::polyome.PolyomeWarning")
def test_labels_are_read_alike_when_fitted_scored_and_drawn(cells):
    coded = cells.copy()
    codes = coded.obs["cell_type"].cat.codes.to_numpy().astype(float)
    codes[:9] = np.nan
    codes[9:12] = -1
    coded.obs["code"] = codes
    made = polyome.CellTypeClassifier(**SMALL)
    made.fit(coded, "code", unlabelled="-1", num_train_epochs=3, baselines=False)
    assert made.classes_ == ("0", "1", "2")
    accuracy = made.evaluate(coded, part="all").metrics["accuracy"]
    assert accuracy > 0.9
    made.annotate(coded)
    scored = Scored.from_adata(coded, "code")
    assert len(scored) == cells.n_obs - 12
    assert scored.right.mean() == pytest.approx(accuracy)
    coded.obs["code"] = coded.obs["code"].astype("category")
    assert made.evaluate(coded, part="all").metrics["accuracy"] == pytest.approx(accuracy)


def test_values_are_scored_by_the_names_of_their_columns():
    table = simulate_levels(160)
    made = polyome.ExpressionRegressor(**SMALL)
    made.fit(table, ["level", "other"], num_train_epochs=2, baselines=False)
    usual = made.evaluate(table, part="all")
    turned = made.evaluate(table, ["other", "level"], part="all")
    assert turned.by_target == usual.by_target
    renamed = table.rename(columns={"level": "first", "other": "second"})
    found = made.evaluate(renamed, ["first", "second"], part="all")
    assert found.by_target == usual.by_target
    assert any("'first' as 'level', 'second' as 'other'" in note for note in found.notes)


def test_a_target_may_be_called_truth(tmp_path):
    table = simulate_levels(160).rename(columns={"level": "truth"})
    made = polyome.ExpressionRegressor(**SMALL)
    made.fit(table, "truth", num_train_epochs=2, baselines=False)
    made.save_pretrained(tmp_path / "m")
    scored = ModelRecord.read(tmp_path / "m").scored
    answered = made.answers_.values["truth"]
    np.testing.assert_allclose(scored.predicted["truth"], answered, atol=1e-4)
    np.testing.assert_allclose(scored.measured["truth"], np.ravel(made.truth_), atol=1e-4)


def test_other_files_in_a_model_folder_are_not_lost(model, tmp_path):
    folder = tmp_path / "m"
    model.save_pretrained(folder)
    (folder / "report.html").write_text("")
    (folder / "answers.csv").write_text("precious")
    with pytest.raises(polyome.InputError, match=r"'answers\.csv', which would be lost"):
        model.save_pretrained(folder)
    assert (folder / "answers.csv").read_text() == "precious"
    (folder / "answers.csv").unlink()
    model.save_pretrained(folder)
    assert not (folder / "report.html").exists()


def test_what_is_not_fitted_has_no_classes():
    assert not hasattr(polyome.CellTypeClassifier(), "classes_")


def test_many_refusals_are_pointed_out(model):
    strange = simulate_cells(40, seed=5)  # other marker genes, other base expression
    notes = " ".join(model.answer(strange)[1].notes)
    assert "are unlike all training records and were named 'unknown'" in notes
    assert "alignment would not help" in notes
    assert "--set align=true" not in notes
    with pytest.raises(polyome.InputError, match=r"only .* of 40 records are near"):
        model.answer(strange, align=True)


def test_alignment_is_advised_where_some_cells_are_known(model, cells):
    strange = simulate_cells(40, seed=5)
    mixed = anndata.concat([cells[:40], strange], index_unique="-")
    notes = " ".join(model.answer(mixed)[1].notes)
    assert "--set align=true may bring them back" in notes
    assert "if their kinds or tissue may be new, leave them unknown" in notes


def test_foreign_cells_stay_unknown_in_an_aligned_query(model, cells, tmp_path):
    strange = simulate_cells(40, seed=5)
    mixed = anndata.concat([cells[:100], strange], index_unique="-")
    before = model.answer(mixed)[1]
    answers = model.answer(mixed, align=True)[1]
    assert (answers.label[100:] == "unknown").mean() >= (before.label[100:] == "unknown").mean()
    np.testing.assert_allclose(answers.unaligned_score, before.unknown_score, rtol=1e-5)
    frame = answers.frame()
    assert list(frame.columns[-2:]) == ["unknown_score", "unaligned_score"]
    model.annotate(mixed, align=True, over="cell_type")
    scores = ["polyome_unknown_score", "polyome_unaligned_score", "polyome_vote_share"]
    assert set(scores) <= set(mixed.obs.columns)
    model.annotate(mixed)
    assert not {"polyome_unaligned_score", "polyome_vote_share"} & set(mixed.obs.columns)
    assert not any("align=true" in note for note in answers.notes)
