"""Labels: one rule for what is missing, stripped, spelled in two ways, or doubtful."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyome._errors import InputError, PolyomeWarning
from polyome.data.simulate import simulate_cells, simulate_sequences
from polyome.estimator import estimator_class
from polyome.io.missing import MISSING
from polyome.labels import (
    alike_labels,
    counted_labels,
    is_doubtful,
    labels_as_text,
    meant_missing,
    reading_notes,
    spelled_otherwise,
    warn_of_labels,
    without,
)
from polyome.tasks import TASKS


def classes_of(task, labels, unlabelled=None):
    """Classes and notes that a task reads from labels, over and over to the number of records."""
    table = simulate_sequences(60) if task == "promoter" else simulate_cells().obs.copy()
    table["kind"] = np.resize(np.array(labels, dtype=object), len(table))
    targets = estimator_class(task)(quiet=True).task.targets(table, "kind", unlabelled)
    return targets, " ".join(targets.notes)


CLASSIFYING = [name for name in TASKS if TASKS[name].output == "classes"]


@pytest.mark.parametrize("task", CLASSIFYING)
def test_blanks_at_the_ends_go_in_every_task(task):
    targets, notes = classes_of(task, ["prom", "prom ", "\tbg", "bg\u00a0"])
    assert targets.classes == ("bg", "prom")
    assert "rows of 'kind' had blanks at the ends of the label, such as" in notes
    assert set(targets.counts) == {"bg", "prom"}
    assert sum(targets.counts.values()) == len(targets.truth)


@pytest.mark.parametrize("task", CLASSIFYING)
@pytest.mark.parametrize("word", sorted(MISSING))
def test_words_that_mean_missing_are_no_class_in_any_task(task, word):
    targets, notes = classes_of(task, ["a", "b", word, f" {word} "])
    assert targets.classes == ("a", "b")
    assert sum(targets.counts.values()) == (len(targets.truth) + 2) // 4 * 2
    if word:
        assert f"rows of 'kind' say '{word}', " in notes
        assert "taken as no label. Rename a class that is called so." in notes
    assert "rows have no label in 'kind': neither fitted nor scored" in notes


def test_a_minus_beside_a_plus_is_a_class():
    assert labels_as_text(pd.Series(["+", "-", "NA"])).tolist() == ["+", "-", None]
    assert labels_as_text(pd.Series(["1", "-"])).tolist() == ["1", None]


@given(st.lists(st.text(max_size=8), min_size=1))
def test_labels_have_no_blanks_and_reading_them_again_changes_nothing(texts):
    labels = labels_as_text(pd.Series(texts, dtype=object))
    assert all(label is None or label == label.strip() != "" for label in labels)
    assert labels_as_text(pd.Series(labels, dtype=object)).tolist() == labels.tolist()


@pytest.mark.parametrize(
    "group",
    [
        ["B cells", "b cells"],
        ["B_cells", "B  cells", "B CELLS"],
        ["1", "1.0", "01", "+1"],
        ["-2.50", "-2.5"],
        ["True", "TRUE", "true"],
        ["CD4\u207a T", "CD4+ T"],
    ],
)
def test_labels_in_two_spellings_are_warned_of_with_counts(group):
    counts = dict(zip(group, range(11, 99))) | {"other class": 5}
    assert alike_labels(counts) == [group]
    with pytest.warns(PolyomeWarning, match="labels of 'kind' differ only in capitals") as said:
        warn_of_labels(counts, "kind")
    shown = " and ".join(f"'{name}' ({counts[name]} rows)" for name in group)
    assert shown in str(said[0].message)


@pytest.mark.parametrize("pair", [["CD4+ T", "CD4- T"], ["1", "10"], ["0.1", "1"], ["-1", "1"]])
def test_labels_that_differ_are_not_warned_of(pair):
    assert alike_labels(pair) == []
    warn_of_labels(dict.fromkeys(pair, 3), "kind")


@pytest.mark.parametrize(
    "word",
    ["Unknown", "UNASSIGNED", "Undetermined", "Doublet", "none", "Other", "low_quality", "Unk"],
)
def test_words_that_may_mean_no_label_are_warned_of_with_what_to_type(word):
    with pytest.warns(PolyomeWarning) as said:
        warn_of_labels({"B": 3, word: 1200}, "kind")
    message = str(said[0].message)
    assert f"'kind' has a class '{word}' (1,200 rows), which may mean that there is no" in message
    assert f'pass unlabelled="{word}" (--set unlabelled={word}).' in message


def test_several_doubtful_words_are_named_as_they_are_typed():
    with pytest.warns(PolyomeWarning) as said:
        warn_of_labels({"B": 3, "Low quality": 2, "unknown": 1}, "kind")
    message = str(said[0].message)
    assert "has classes 'Low quality' (2 rows), 'unknown' (1 rows)" in message
    assert "Models also answer 'unknown' for records that they refuse." in message
    assert "(--set unlabelled='Low quality,unknown')" in message


def test_several_labels_may_mean_missing():
    targets, notes = classes_of("cell-type", ["a", "b", "Unknown", "Doublet"], "Unknown, Doublet")
    assert targets.classes == ("a", "b")
    assert "120 of 240 rows have no label" in notes
    assert meant_missing("a,b", {"a,b", "a"}) == ["a,b"]


def test_a_label_that_means_missing_must_be_there():
    column = pd.Series(["a", "b", "NA"])
    labels = labels_as_text(column)
    assert without(labels, "NA", column, "kind").tolist() == ["a", "b", None]
    message = r"no row of 'kind' is 'x' \(unlabelled\)\. Labels: 'a', 'b'\."
    with pytest.raises(InputError, match=message):
        without(labels, "a,x", column, "kind")


def test_no_notes_of_sound_labels():
    for column in (pd.Series(["a", "b"]), pd.Series([1, 2]), pd.Series([1.0, None])):
        assert reading_notes(column, labels_as_text(column), "kind") == []


def test_classes_are_counted_in_a_line():
    counts = {f"c{i:02}": 1000 + i for i in range(30)}
    line = counted_labels(counts, "kind")
    assert line.startswith("classes of 'kind' (rows): 'c00' (1,000), 'c01' (1,001), ")
    assert line.endswith("'c19' (1,019) and 10 more")


def test_known_labels_in_another_spelling_are_named():
    known = ["B cells", "T cells"]
    assert "'b cells' ('B cells')" in spelled_otherwise(["b cells", "platelets"], known)
    assert spelled_otherwise(["platelets"], known) == ""


def test_values_have_no_classes_to_count():
    table = pd.DataFrame({"y": [1.0, 2.0]})
    targets = estimator_class("expression")(quiet=True).task.targets(table, "y", None)
    assert targets.counts == {}


def test_fit_prints_classes_and_warns_before_it_trains(capsys):
    cells = simulate_cells()
    kinds = cells.obs["cell_type"].astype(str).to_numpy()
    kinds[::20] = "TYPE 1 "
    cells.obs["kind"] = kinds
    model = estimator_class("cell-type")(hidden_size=16, num_hidden_layers=1, num_members=1)
    with pytest.warns(PolyomeWarning, match="'TYPE 1' "):
        model.fit(cells, "kind", num_train_epochs=1, baselines=False)
    said = capsys.readouterr().err
    assert "classes of 'kind' (rows): 'TYPE 1' (12), 'type 1' (" in said
    assert "12 rows of 'kind' had blanks at the ends of the label, such as 'TYPE 1 '" in said
    assert model.classes_ == ("TYPE 1", "type 1", "type 2", "type 3")


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("case", "task"),
    [("cells/label_whitespace/trailing_space_and_case.h5ad", "cell-type"),
     ("dna/label-spaces/lts.csv", "promoter")],
)  # fmt: skip
def test_cases_of_labels(real_data, case, task):
    path = real_data.parent / "cases" / case
    task = estimator_class(task)(quiet=True).task
    records = task.build_modality().read(path)
    target = "cell_type" if "cells" in case else "label"
    targets = task.targets(records.table, target, None)
    assert all(name == name.strip() for name in targets.classes)
    if "cells" in case:
        with pytest.warns(PolyomeWarning, match=r"'B cells' .* and 'b cells'"):
            warn_of_labels(targets.counts, target)
    else:
        assert targets.classes == ("bg", "prom")


@pytest.mark.parametrize(
    "word", ["Unknown_1", "unknown cells", "T/NK doublets", "Low quality cells", "Doublet-2"]
)
def test_words_around_a_doubtful_one_do_not_hide_it(word):
    with pytest.warns(PolyomeWarning, match="which may mean that there is no label"):
        warn_of_labels({"B": 3, word: 1200}, "kind")


@pytest.mark.parametrize("word", ["B cells", "Type 2 cells", "Another", "Nonclassical", "cell 3"])
def test_names_of_kinds_are_no_doubtful_words(word):
    assert not is_doubtful(word)
