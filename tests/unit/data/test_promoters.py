import json

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import MaxAbsScaler

from polyome import InputError
from polyome.data.promoter_grammar import (
    ELEMENTS,
    LABEL_NOISE,
    SHORTEST_BP,
    THRESHOLD,
    TSS_SPREAD_BP,
    promoter_scores,
)
from polyome.data.promoters import planted, simulate_promoters
from polyome.io.nucleotides import (
    LETTERS,
    Sequences,
    base_shares,
    gc_share,
    kmer_numbers,
    reverse_complement,
)


@pytest.fixture(scope="module")
def table():
    return simulate_promoters(3000, seed=0)


@pytest.fixture(scope="module")
def dna(table):
    return Sequences.from_text(list(table["sequence"]))


@pytest.fixture(scope="module")
def words(table):
    """One row a planted word, with what stands there read 5' to 3' on its own strand."""
    columns = ["sequence", "score", "tss"]
    found = [
        {**word, **record, "role": role}
        for role in ("elements", "decoys")
        for record, told in zip(table[columns].to_dict("records"), table[role])
        for word in json.loads(told)
    ]
    words = pd.DataFrame(found)
    ends = words["start"] + words["length"]
    words["read"] = [s[a:b] for s, a, b in zip(words["sequence"], words["start"], ends)]
    flipped = reverse_complement(Sequences.from_text(list(words["read"])))
    backward = [flipped.text(i) for i in range(len(words))]
    words["read"] = words["read"].where(words["strand"] == "+", pd.Series(backward))
    words["offset"] = words["start"] - words["tss"]
    words["is_promoter"] = words["score"] >= THRESHOLD
    return words


def misses(word, consensus):
    allowed = base_shares() > 0
    return sum(
        not allowed[LETTERS.index(c), "ACGT".index(base)] for base, c in zip(word, consensus)
    )


def kmers(codes, k):
    numbers = kmer_numbers(codes, k)
    rows = np.repeat(np.arange(len(codes)), numbers.shape[1])
    shape = (len(codes), 4**k)
    return sparse.csr_matrix((np.ones(numbers.size), (rows, numbers.ravel())), shape=shape)


def best_accuracy(features, is_promoter):
    """Accuracy on the last third of the strength of penalty that suits that third best."""
    scaled = MaxAbsScaler().fit_transform(features)
    cut = 2 * len(is_promoter) // 3
    fits = [
        LogisticRegression(C=c, max_iter=500).fit(scaled[:cut], is_promoter[:cut])
        for c in (0.001, 0.01, 0.1, 1.0)
    ]
    return max(fit.score(scaled[cut:], is_promoter[cut:]) for fit in fits)


def test_a_seed_gives_the_same_table_and_another_seed_another():
    first, again = simulate_promoters(60, seed=3), simulate_promoters(60, seed=3)
    pd.testing.assert_frame_equal(first, again)
    other = simulate_promoters(60, seed=4)
    assert not set(first["sequence"]) & set(other["sequence"])


def test_it_is_called_simulated(table):
    assert table.attrs["simulated"] is True
    assert table.index.name == "id"
    assert table.index.is_unique
    assert table.index.str.startswith("simulated").all()


@pytest.mark.parametrize(("n", "length"), [(2, SHORTEST_BP), (41, 200), (300, 1000)])
def test_sequences_are_bases_of_one_length(n, length):
    table = simulate_promoters(n, length, seed=1)
    assert len(table) == n
    assert set(table["sequence"].str.len()) == {length}
    assert set("".join(table["sequence"])) <= set("ACGT")
    np.testing.assert_allclose(promoter_scores(list(table["sequence"])), table["score"], rtol=1e-5)


def test_half_are_promoters_by_the_threshold_and_few_labels_are_swapped(table):
    truth = table["score"] >= THRESHOLD
    assert truth.mean() == 0.5
    right = (truth == (table["label"] == "promoter")).mean()
    assert right == pytest.approx(1 - LABEL_NOISE, abs=0.01)


def test_no_sequence_occurs_twice(table):
    assert table["sequence"].is_unique


def test_gc_content_does_not_tell_the_classes_apart(table, dna):
    assert abs(roc_auc_score(table["label"], gc_share(dna)) - 0.5) < 0.04


def test_dinucleotides_are_as_frequent_in_both_classes(table, dna):
    shares = kmers(dna.matrix(), 2).toarray() / (SHORTEST_BP - 1)
    is_promoter = (table["score"] >= THRESHOLD).to_numpy()
    difference = shares[is_promoter].mean(axis=0) - shares[~is_promoter].mean(axis=0)
    assert np.abs(difference).max() < 0.003


def test_both_classes_hold_each_word_as_often_on_each_strand(words):
    counts = pd.crosstab([words["name"], words["strand"]], words["is_promoter"])
    assert (counts[True] == counts[False]).all()


@pytest.mark.parametrize("name", ELEMENTS)
def test_every_kind_stands_in_a_sixth_of_the_promoters(table, words, name):
    promoters = (table["score"] >= THRESHOLD).sum()
    obeying = words[(words["role"] == "elements") & (words["name"] == name)]
    assert obeying["is_promoter"].all()
    assert len(obeying) / promoters >= 0.15


@pytest.mark.parametrize("name", ELEMENTS)
def test_planted_words_spell_the_consensus_but_for_a_letter_in_few(words, name):
    found = words[words["name"] == name]
    missed = np.array([misses(word, ELEMENTS[name].consensus) for word in found["read"]])
    assert set(missed) == {0, 1}
    assert 0.05 < missed.mean() < 0.25
    assert set(found["length"]) == {len(ELEMENTS[name].consensus)}


@pytest.mark.parametrize("name", ELEMENTS)
def test_elements_stand_in_their_window_and_decoys_off_it(words, name):
    element = ELEMENTS[name]
    found = words[words["name"] == name]
    # By the literature, -31 means 31 before +1, whose index is tss.
    away = (found["offset"] - (element.start if element.start < 0 else element.start - 1)).abs()
    lawful = found["role"] == "elements"
    assert (away[lawful] <= element.spread_bp).all()
    if not element.both_strands:
        assert (found.loc[lawful, "strand"] == "+").all()
        assert (away[~lawful & (found["strand"] == "+")] > element.spread_bp).all()
        in_place = ~lawful & (found["strand"] == "-") & (away <= element.spread_bp)
        assert in_place.any()  # the right place, the wrong strand
    else:
        assert set(found.loc[lawful, "strand"]) == {"+", "-"}
        assert (away[~lawful] > element.spread_bp).all()


@pytest.mark.parametrize(
    ("name", "partner", "distance"), [("BREu", "TATA", -7), ("MTE", "Inr", 20), ("DPE", "Inr", 30)]
)
def test_partners_stand_at_the_exact_distance(words, name, partner, distance):
    lawful = words[words["role"] == "elements"]
    pairs = lawful[lawful["name"] == name].merge(
        lawful[lawful["name"] == partner], on="sequence", suffixes=("", "_partner")
    )
    assert len(pairs) == (lawful["name"] == name).sum()
    assert set(pairs["start"] - pairs["start_partner"]) == {distance}


@pytest.mark.parametrize("name", ELEMENTS)
def test_backgrounds_and_promoters_hold_decoys(words, name):
    decoys = words[(words["role"] == "decoys") & (words["name"] == name)]
    assert decoys["is_promoter"].any()
    assert (~decoys["is_promoter"]).any()
    assert (decoys["strength"] == 0).all()


def test_words_do_not_overlap_and_planted_counts_their_positions(table, words):
    for column in ("elements", "decoys"):
        lengths = words.loc[words["role"] == column, "length"].sum()
        assert planted(table, column).sum() == lengths
    assert not (planted(table) & planted(table, "decoys")).any()


def test_planted_takes_some_rows_and_none(table):
    np.testing.assert_array_equal(planted(table.iloc[5:9]), planted(table)[5:9])
    assert planted(table.iloc[:0]).shape == (0, 0)


def test_the_strengths_of_the_elements_are_part_of_the_score(table, words):
    told = words[words["role"] == "elements"].groupby("sequence")["strength"].sum()
    scores = table.set_index("sequence").loc[told.index, "score"]
    assert (told <= scores + 0.01).all()
    assert (told >= 0.9 * scores).mean() > 0.5


def best_sequence():
    """All perfect words in a neutral stretch, the start site in its middle position."""
    letters = ["T"] * SHORTEST_BP
    tss = SHORTEST_BP - 42
    for word, start in [
        ("TATAAAAG", -31), ("CCACGCC", -38), ("TTCAGT", -3), ("CCAACCCAAC", 17), ("AGACAT", 27),
        ("GGGCGG", -75), ("AACCAATCA", -90), ("TGCGCATGCGCA", -55),
    ]:  # fmt: skip
        letters[tss + start : tss + start + len(word)] = word
    return "".join(letters), tss


def test_the_score_is_the_sum_of_strength_word_and_place():
    # GC box in the middle of its window; CCAAT and NRF-1 half-way and two fifths to the edge.
    at_best = sum(e.strength for e in ELEMENTS.values())
    expected = at_best - 1.0 * 0.25 - 1.5 * 0.2
    assert promoter_scores([best_sequence()[0]])[0] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("offset", "base", "loss"),
    [
        (-31, "G", 0.6 * 2.0 + 0.6 * 1.0),  # TATA, and with it the BREu beside
        (-38, "A", 0.6 * 1.0),  # BREu
        (-1, "G", 0.6 * (1.5 + 1.0 + 1.5)),  # initiator, and with it MTE and DPE
        (32, "A", 0.6 * 1.5),  # DPE
        (-10, "G", 0.0),  # no element
    ],
)
def test_a_variant_costs_what_its_element_and_those_beside_it_add(offset, base, loss):
    sequence, tss = best_sequence()
    place = tss + offset
    variant = sequence[:place] + base + sequence[place + 1 :]
    scores = promoter_scores([sequence, variant])
    assert scores[0] - scores[1] == pytest.approx(loss, abs=1e-5)


def test_a_dpe_two_bases_off_adds_nothing():
    sequence, tss = best_sequence()
    moved = sequence[: tss + 27] + "TT" + sequence[tss + 27 : -2]
    scores = promoter_scores([sequence, moved])
    assert scores[0] - scores[1] == pytest.approx(1.5, abs=1e-5)


def test_the_start_site_may_shift_within_its_spread():
    sequence, _ = best_sequence()
    shifted = [sequence[k:] + "T" * k for k in (0, TSS_SPREAD_BP, TSS_SPREAD_BP + 1)]
    scores = promoter_scores(shifted)
    assert scores[1] == scores[0]
    assert scores[2] < scores[0] - 3


def test_letters_that_are_no_base_match_no_word():
    assert promoter_scores(["N" * SHORTEST_BP]).tolist() == [0.0]


def test_counting_words_is_far_from_the_truth(table, dna):
    is_promoter = (table["label"] == "promoter").to_numpy()
    truth = ((table["score"] >= THRESHOLD) == is_promoter).mean()
    counts = sparse.hstack([kmers(dna.matrix(), k) for k in range(1, 7)]).tocsr()
    assert best_accuracy(counts, is_promoter) < truth - 0.2


def test_fixed_positions_are_far_from_the_truth(table, dna):
    is_promoter = (table["label"] == "promoter").to_numpy()
    truth = ((table["score"] >= THRESHOLD) == is_promoter).mean()
    one_hot = np.eye(5)[dna.matrix()][:, :, 1:].reshape(len(dna), -1)
    assert best_accuracy(one_hot, is_promoter) < truth - 0.1


@pytest.mark.parametrize(("n", "length"), [(1, 160), (100, 120)])
def test_too_few_or_too_short_is_refused(n, length):
    with pytest.raises(InputError, match=r"Pass n_sequences=2000, length=160"):
        simulate_promoters(n, length)


def test_scoring_other_lengths_says_which_were_found():
    with pytest.raises(InputError, match="sequences are 100 to 160 bp long"):
        promoter_scores(["A" * 100, "A" * 160])
    with pytest.raises(InputError, match="sequences are 160 to 161 bp long"):
        promoter_scores(["A" * 160, "A" * 161])
    assert promoter_scores([]).shape == (0,)


def test_planted_names_the_missing_column(table):
    with pytest.raises(InputError, match="table has no column 'decoys'"):
        planted(table.drop(columns="decoys"), "decoys")
