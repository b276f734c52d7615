"""Copies of which many letters changed are relatives; unrelated and simple sequences are not."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from polyome.audit import relatives, seed_search
from polyome.audit.homology import have_relatives, homologous_groups, similar_groups
from polyome.audit.sequences import sequence_findings
from polyome.io.nucleotides import Sequences, reverse_complement
from polyome.splits import group_split, random_split

LETTERS = np.array(list("ACGT"))


def families(count, size, length, *, redrawn=0.3, indels=0.0, shift=0, gc=0.5, seed=0):
    """Copies of ancestors: texts, and the family of each."""
    rng = np.random.default_rng(seed)
    shares = [(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2]
    texts = []
    for _ in range(count):
        ancestor = rng.choice(LETTERS, length + 2 * shift, p=shares)
        for _ in range(size):
            changed = rng.random(len(ancestor)) < redrawn
            copy = np.where(changed, rng.choice(LETTERS, len(ancestor), p=shares), ancestor)
            times = rng.choice(3, len(copy), p=[indels / 2, 1 - indels, indels / 2])
            begin = rng.integers(2 * shift + 1)
            texts.append("".join(np.repeat(copy, times))[begin : begin + length])
    return texts, np.repeat(np.arange(count), size)


def together(texts, family):
    """Share of the rows that are in their family's largest group; groups of several families."""
    groups = homologous_groups(Sequences.from_text(texts))
    table = pd.crosstab(family, groups)
    return table.max(axis=1).sum() / len(texts), int(((table > 0).sum(axis=0) > 1).sum())


@pytest.mark.parametrize(
    ("length", "manner", "least"),
    [
        (80, {}, 0.97),
        (80, {"gc": 0.65}, 0.95),
        (150, {}, 1.0),
        (150, {"shift": 15}, 0.97),
        (300, {}, 1.0),
        (300, {"indels": 0.02}, 0.97),
    ],
)
def test_copies_with_a_third_of_the_letters_changed_are_one_group(length, manner, least):
    share, mixed = together(*families(20, 6, length, **manner))
    assert share >= least
    assert mixed == 0


def test_copies_on_the_other_strand_and_of_other_lengths_are_relatives():
    texts, family = families(15, 4, 200)
    other = reverse_complement(Sequences.from_text(texts))
    texts = [other.text(i) if i % 2 else text[: 150 + i] for i, text in enumerate(texts)]
    assert together(texts, family) == (1.0, 0)


def test_unrelated_sequences_of_skewed_composition_are_no_relatives():
    rng = np.random.default_rng(0)
    shares = np.array([[0.5, 0.1, 0.3, 0.1], [0.2, 0.3, 0.4, 0.1], [0.2, 0.4, 0.1, 0.3],
                       [0.1, 0.2, 0.3, 0.4]])  # fmt: skip
    steps, texts = shares.cumsum(axis=1)[:, :3], []
    for draws in rng.random((1000, 100)):
        letters = [0]
        for draw in draws:
            letters.append(int((draw > steps[letters[-1]]).sum()))
        texts.append("".join(LETTERS[letters]))
    sizes = np.bincount(homologous_groups(Sequences.from_text(texts)))
    assert (sizes[sizes > 1]).sum() <= 0.01 * len(texts)


def test_a_box_at_the_same_place_makes_no_relatives():
    texts, _ = families(1500, 1, 80)
    texts = [text[:40] + "TATAAAAG" + text[48:] for text in texts]
    sizes = np.bincount(homologous_groups(Sequences.from_text(texts)))
    assert (sizes[sizes > 1]).sum() <= 0.01 * len(texts)


def test_simple_repeats_make_no_relatives():
    rng = np.random.default_rng(1)
    texts, _ = families(200, 1, 120)
    repeats = ["A" * 60, "CA" * 30, "CAG" * 20, "GATA" * 15]
    begins = rng.integers(0, 60, len(texts))
    texts = [t[:b] + repeats[i % 4] + t[b + 60 :] for i, (t, b) in enumerate(zip(texts, begins))]
    dna = Sequences.from_text(texts)
    found = relatives.unite(dna, np.arange(len(dna)))
    assert len(set(found.tolist())) == len(dna)


def test_part_of_the_length_is_not_enough():
    texts, _ = families(40, 2, 300, redrawn=0.15)
    unrelated, _ = families(80, 1, 300, seed=1)
    halves = [text[:140] + other[140:] for text, other in zip(texts, unrelated)]
    dna = Sequences.from_text(halves)
    assert len(set(relatives.unite(dna, np.arange(len(dna))).tolist())) == len(dna)


def test_letters_that_are_no_base_do_not_count():
    texts, family = families(10, 4, 200)
    texts = [text[:90] + "N" * 20 + text[110:] for text in texts]
    assert together(texts, family) == (1.0, 0)
    unknown = Sequences.from_text(["N" * 100] * 3 + ["N" * 101])
    assert homologous_groups(unknown).tolist() == [0, 0, 0, 1]


def test_rows_that_are_asked_about_are_compared_with_the_others_only():
    texts, family = families(6, 4, 200)
    dna = Sequences.from_text(texts)
    asked, others = np.flatnonzero(family < 3), np.flatnonzero(family >= 3)
    assert not have_relatives(dna, asked, others).any()
    others = np.append(others, 0)
    assert have_relatives(dna, asked[1:], others).tolist() == (family[asked[1:]] == 0).tolist()
    none = np.array([], dtype=int)
    assert have_relatives(dna, none, others).tolist() == []
    assert have_relatives(dna, asked[:2], none).tolist() == [False, False]


def test_groups_are_kept_and_nothing_is_too_little_to_compare():
    texts, _ = families(3, 1, 100)
    dna = Sequences.from_text([*texts, "ACG"])
    groups = relatives.unite(dna, np.array([5, 7, 5, 9]))
    assert groups.tolist() == [0, 1, 0, 3]
    assert relatives.unite(dna.take(np.array([], int)), np.array([], int)).tolist() == []
    assert homologous_groups(dna.take(np.array([3]))).tolist() == [0]


def test_too_many_hits_leave_frequent_words_out(monkeypatch):
    monkeypatch.setattr(relatives, "_PATTERNS", relatives._PATTERNS[:1])
    monkeypatch.setattr(relatives, "MOST_HITS", 3e5)
    texts, family = families(30, 6, 200)
    texts = ["ACGTTGCAAGCT" + text for text in texts]
    assert relatives._choose_words(relatives._plain(Sequences.from_text(texts)))[1].any()
    share, mixed = together(texts, family)
    assert share > 0.9
    assert mixed == 0


def test_packed_letters_differ_where_the_letters_do():
    rng = np.random.default_rng(0)
    codes = rng.integers(1, 5, 300).astype(np.uint8)
    packs = seed_search.packed(codes)
    for one, other in rng.integers(0, 260, (50, 2)):
        expected = (codes[one : one + 32] != codes[other : other + 32]).sum()
        found = [np.uint64(seed_search._letters_at(packs, int(i))) for i in (one, other)]
        assert seed_search._count_different(*found) == expected


def test_an_alignment_with_gaps_spans_them():
    (one, other), _ = families(2, 1, 100)
    codes = [Sequences.from_text([text]).codes for text in (one, one[:50] + other[:3] + one[50:])]
    scores = np.array([0, 1.0, 1.0, 1.0, 1.0])
    found = seed_search.align_with_gaps(*codes, 0, scores, -1.0)
    expected = 100 - seed_search.GAP_OPEN - 2 * seed_search.GAP_EXTEND
    assert found == (pytest.approx(expected), 100, 103)


def test_without_a_folder_for_compiled_code_it_is_compiled_anew(monkeypatch):
    def njit(function=None, *, cache=False):
        if cache:
            message = "cannot cache function: no locator available"
            raise RuntimeError(message)
        return function if function else lambda one: njit(one, cache=cache)

    monkeypatch.setattr(seed_search.numba, "njit", lambda function=None, cache=False: (
        (lambda one: njit(one, cache=cache)) if function is None else njit(function)))  # fmt: skip
    assert seed_search._compiled(len) is len


def coin_flips(texts, labels, split):
    """Accuracy of logistic regression on the letter at each place."""
    x = Sequences.from_text(texts).matrix()
    x = np.eye(5, dtype=np.float32)[x].reshape(len(x), -1)
    model = LogisticRegression(C=0.1, max_iter=300)
    model.fit(x[split.train], labels[split.train])
    return (model.predict(x[split.test]) == labels[split.test]).mean()


def test_coin_flips_of_families_are_not_predicted_under_the_homology_split():
    texts, family = families(120, 6, 200)
    labels = np.random.default_rng(0).integers(0, 2, family.max() + 1)[family]
    dna, labelled = Sequences.from_text(texts), np.ones(len(texts), bool)
    at_random = random_split(labels, labelled=labelled, seed=0)
    assert coin_flips(texts, labels, at_random) > 0.75
    (found,) = [f for f in sequence_findings(dna, labels, at_random) if f.kind == "relatives"]
    assert found.severity == "warning"
    assert found.message.startswith(
        f"{found.numbers['test_rows']:,} more of {len(at_random.test):,} test rows "
    )
    assert "alike over most of their length (about 60% identity or more)" in found.message
    assert "Use --split-by homology" in found.message
    assert found.numbers["share_of_test"] > 0.95
    assert len(np.unique(similar_groups(dna))) > 700, "they share no stretches"
    groups = homologous_groups(dna)
    scores = []
    for seed in range(5):
        split = group_split(groups, labels=labels, labelled=labelled, seed=seed)
        assert not have_relatives(dna, split.test, split.train).any()
        scores.append(coin_flips(texts, labels, split))
    assert abs(np.mean(scores) - 0.5) < 0.08


def test_few_relatives_are_a_note():
    texts, _ = families(300, 1, 200)
    copies, _ = families(1, 2, 200, seed=9)
    labelled = np.ones(302, bool)
    texts = [copies[0], *texts, copies[1]]
    split = random_split(None, labelled=labelled, seed=0)
    parts = np.setdiff1d(np.arange(302), [0, 301])
    split = type(split)(
        np.append(parts[:200], 0), split.validation, np.append(parts[200:], 301), 0, ""
    )
    (found,) = sequence_findings(Sequences.from_text(texts), None, split)
    assert (found.kind, found.severity) == ("relatives", "note")
    assert found.numbers == {"test_rows": 1, "share_of_test": 1 / 101}


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "moved", "largest"),
    [
        ("bsubtilis_cnnprom", 0.02, 0.02),
        ("ecoli_sigma70_cnnprom", 0.02, 0.02),
        ("ecoli_v9d3", 0.04, 0.02),
        ("human_gue_300_tata", 0.04, 0.06),
        ("human_gue_core_all", 0.05, 0.01),
        ("mouse_tata_cnnprom", 0.06, 0.1),
    ],
)
def test_few_rows_of_real_promoters_join_another_group(real_data, name, moved, largest):
    table = pd.read_csv(real_data / "dna" / f"promoter_{name}.csv.gz")
    dna = Sequences.from_text(table["sequence"].tolist())
    groups = pd.DataFrame({"before": similar_groups(dna), "after": homologous_groups(dna)})
    pieces = groups.groupby(["after", "before"]).size()
    assert 1 - pieces.groupby("after").max().sum() / len(groups) < moved
    assert groups["after"].value_counts().max() < largest * len(groups)
