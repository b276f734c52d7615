import numpy as np
import pandas as pd
import pytest

from polyome import InputError
from polyome.outputs.classes_prediction import ClassPrediction
from polyome.predict.predict import PredictArguments
from polyome.predict.vote import majority_vote


@pytest.fixture
def answers():
    proba = np.array([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7], [0.2, 0.8], [0.1, 0.9], [0.55, 0.45]])
    names = pd.Index(list("uvwxyz"))
    label = np.array(["B", "B", "T", "unknown", "unknown", "B"], dtype=object)
    return ClassPrediction(
        names=names,
        label=label,
        confidence=proba.max(axis=1),
        proba=pd.DataFrame(proba, index=names, columns=["B", "T"]),
        unknown_score=np.zeros(6),
        representation=np.zeros((6, 2), np.float32),
        provenance={},
    )


@pytest.fixture
def table(answers):
    return pd.DataFrame({"cluster": ["a", "a", "a", "b", "b", "b"]}, index=answers.names)


def test_each_cluster_gets_one_label(answers, table):
    voted = majority_vote(answers, table, "cluster", least_share=0.5, seed=0)
    assert voted.label.tolist() == ["B", "B", "B", "unknown", "unknown", "unknown"]
    assert voted.confidence[:3] == pytest.approx([0.6] * 3)


def test_probabilities_stay_each_records_own(answers, table):
    pd.testing.assert_frame_equal(
        majority_vote(answers, table, "cluster", least_share=0.5, seed=0).proba, answers.proba
    )


def test_the_share_of_the_winner_is_each_records(answers, table):
    voted = majority_vote(answers, table, "cluster", least_share=0.5, seed=0)
    assert voted.vote_share == pytest.approx([2 / 3] * 6)
    assert voted.frame()["vote_share"].tolist() == voted.vote_share.tolist()
    assert "2 groups, one label each" in voted.notes[0]


def test_a_cluster_without_a_clear_winner_keeps_its_records_labels(answers, table):
    voted = majority_vote(answers, table, "cluster", least_share=0.7, seed=0)
    assert voted.label.tolist() == answers.label.tolist()
    assert voted.confidence.tolist() == answers.confidence.tolist()
    assert "In 2 of them no label has 70% of the records" in voted.notes[0]
    assert voted.provenance["notes"] == list(voted.notes)


def test_of_level_labels_the_more_probable_wins(answers, table):
    table["cluster"] = ["a", "b", "a", "b", "b", "b"]  # B at .9 and T at .7
    voted = majority_vote(answers, table, "cluster", least_share=0.0, seed=0)
    assert voted.label[[0, 2]].tolist() == ["B", "B"]
    assert voted.vote_share[0] == 0.5


def test_a_winner_with_less_than_half_is_pointed_out(answers, table):
    table["cluster"] = ["a", "b", "b", "a", "b", "a"]  # B, unknown, B; B, T, unknown
    voted = majority_vote(answers, table, "cluster", least_share=0.0, seed=0)
    assert voted.label[[1, 2, 4]].tolist() == ["T", "T", "T"]
    assert voted.vote_share[1] == pytest.approx(1 / 3)
    assert "In 1 of them fewer than half of the records had it before" in voted.notes[0]
    assert "--set least_share=0.5" in voted.notes[0]


def test_refused_records_do_not_speak_for_the_winner(answers, table):
    table["cluster"] = ["a", "a", "b", "a", "a", "a"]  # three of B, two unknown
    voted = majority_vote(answers, table, "cluster", least_share=0.5, seed=0)
    assert voted.label[[0, 3]].tolist() == ["B", "B"]
    assert voted.vote_share[0] == pytest.approx(0.6)


def test_records_without_a_cluster_keep_their_label(answers, table):
    table.loc["w", "cluster"] = np.nan
    assert majority_vote(answers, table, "cluster", least_share=0.5, seed=0).label[2] == "T"


def test_records_without_a_cluster_have_no_share(answers, table):
    table.loc["w", "cluster"] = np.nan
    voted = majority_vote(answers, table, "cluster", least_share=0.5, seed=0)
    assert np.isnan(voted.vote_share[2])


def test_a_column_that_is_not_there_is_named(answers, table):
    with pytest.raises(InputError, match=r"no column .clusters. .over.*Did you mean .cluster."):
        majority_vote(answers, table, "clusters", least_share=0.5, seed=0)


def test_leiden_clusters_are_made_where_there_are_none(table):
    pytest.importorskip("igraph")
    rng = np.random.default_rng(0)
    names = pd.Index([f"c{i}" for i in range(80)])
    truth = np.arange(80) % 2
    proba = np.where(truth[:, None] == [0, 1], 0.8, 0.2)
    proba[:6] = proba[:6, ::-1]  # six records are answered wrongly
    answers = ClassPrediction(
        names=names,
        label=np.array(["B", "T"], dtype=object)[proba.argmax(axis=1)],
        confidence=proba.max(axis=1),
        proba=pd.DataFrame(proba, index=names, columns=["B", "T"]),
        unknown_score=np.zeros(80),
        representation=(rng.normal(size=(80, 5)) + 20 * truth[:, None]).astype(np.float32),
        provenance={},
    )
    voted = majority_vote(answers, pd.DataFrame(index=names), "leiden", least_share=0.5, seed=0)
    assert (voted.label == np.array(["B", "T"])[truth]).all()


def test_records_without_a_group_are_counted(answers, table):
    table["cluster"] = ["a", "a", "a", "a", "a", None]
    voted = majority_vote(answers, table, "cluster", least_share=0.0, seed=0)
    assert voted.label[5] == answers.label[5]
    assert "'cluster': 1 group, one label each" in voted.notes[0]
    assert voted.notes[1] == "1 record has no value of 'cluster' and keeps its own label."


def test_a_least_share_needs_groups():
    with pytest.raises(InputError, match=r"least_share=0\.6 belongs to a majority vote: name its"):
        PredictArguments(least_share=0.6)
