import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from polyome import InputError
from polyome.data.relations import RELATIONS, Grammar, simulate_relations


@pytest.mark.parametrize("relation", RELATIONS)
def test_classes_are_of_like_size_and_a_seed_gives_the_same_sequences(relation):
    table = simulate_relations(relation, 600, seed=3)
    assert table.equals(simulate_relations(relation, 600, seed=3))
    assert not table.equals(simulate_relations(relation, 600, seed=4))
    assert table.attrs["simulated"]
    assert set(table["sequence"].str.len()) == {180}
    shares = table["label"].value_counts(normalize=True)
    assert len(shares) == (4 if relation == "recall" else 2)
    assert shares.min() > 0.8 / len(shares)


@pytest.mark.parametrize("relation", ["xor", "order", "recall"])
def test_counts_of_letters_do_not_tell_the_class(relation):
    table = simulate_relations(relation, 1500)
    counts = np.array([[s.count(b) for b in "ACGT"] for s in table["sequence"]], float)
    score = cross_val_score(LogisticRegression(), counts - counts.mean(0), table["label"]).mean()
    assert score < table["label"].value_counts(normalize=True).max() + 0.08


@pytest.mark.parametrize("seed", range(3))
def test_recall_can_be_answered_by_reading(seed):
    grammar = Grammar(keys=8, values=2, pairs=3)
    table = simulate_relations("recall", 300, grammar=grammar, seed=seed)
    rng = np.random.default_rng(seed)
    rng.integers(0, 4, (300, 180))  # the background, drawn first
    spelled = lambda rows: ["".join(np.array([*"ACGT"])[row]) for row in rows]  # noqa: E731
    keys, values = (spelled(rng.integers(0, 4, (n, 7))) for n in (8, 2))
    (query,) = spelled(rng.integers(0, 4, (1, 7)))
    right = 0
    for sequence, label in table[["sequence", "label"]].to_numpy():
        asked = next(key for key in keys if query + key in sequence)
        found = [v + 1 for v, value in enumerate(values) if asked + value in sequence]
        right += label == f"value {found[0]}" if found else 0
    assert right > 290  # chance spells a motif, too


def test_an_unknown_relation_lists_the_known():
    with pytest.raises(InputError, match=r"no relation 'nor'. Relations: 'same', 'order'"):
        simulate_relations("nor")


@pytest.mark.parametrize(
    ("relation", "length", "grammar", "message"),
    [
        ("order", 60, Grammar(), "length=60: sequences of 'order' need 120 bp or more"),
        ("recall", 130, Grammar(pairs=9), "length=130: sequences of 'recall' need 140 bp or more"),
        ("recall", 180, Grammar(keys=3), "pairs=5: there are 3 keys"),
    ],
)
def test_what_does_not_fit_is_refused(relation, length, grammar, message):
    with pytest.raises(InputError, match=message):
        simulate_relations(relation, 10, length, grammar=grammar)
