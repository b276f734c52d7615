"""Sequences that share a stretch are one group, whatever their order, strand and length."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyome._errors import InputError
from polyome.audit import homology
from polyome.audit.homology import shared_kmers, similar_groups, whole_numbers
from polyome.io.nucleotides import Sequences, reverse_complement

TEXTS = st.lists(st.text("ACGTNacgt", min_size=1, max_size=9), min_size=1, max_size=12)


def random_dna(n, length, seed=0):
    rng = np.random.default_rng(seed)
    return ["".join(row) for row in rng.choice(list("ACGT"), (n, length))]


def turned(text):
    return reverse_complement(Sequences.from_text([text])).text(0)


def related(one, other, k, *, both_strands):
    """Whether two sequences share a k-mer or are equal, letter by letter."""
    one, others = one.upper(), [other.upper(), turned(other)][: 1 + both_strands]
    kmers = {one[i : i + k] for i in range(len(one) - k + 1)}
    return any(one == o or any(k and "N" not in k and k in o for k in kmers) for o in others)


@given(TEXTS, st.integers(1, 4), st.booleans())
def test_groups_are_the_connected_components(texts, k, both_strands):
    groups = list(range(len(texts)))
    for i, one in enumerate(texts):
        for j, other in enumerate(texts[:i]):
            if related(one, other, k, both_strands=both_strands):
                groups = [groups[j] if g == groups[i] else g for g in groups]
    found = similar_groups(Sequences.from_text(texts), k=k, both_strands=both_strands)
    assert found.tolist() == pd.factorize(np.array(groups))[0].tolist()


@given(TEXTS, st.integers(1, 4), st.booleans())
def test_shared_kmers_is_the_plain_definition(texts, k, both_strands):
    half = len(texts) // 2
    rows = np.arange(len(texts))
    expected = [
        any(related(one, other, k, both_strands=both_strands) for other in texts[half:])
        for one in texts[:half]
    ]
    dna = Sequences.from_text(texts)
    found = shared_kmers(dna, rows[:half], rows[half:], k=k, both_strands=both_strands)
    assert found.tolist() == expected


def group_count(texts):
    return len(set(similar_groups(Sequences.from_text(texts)).tolist()))


@pytest.mark.parametrize("begin", ["", "A" * 40, random_dna(1, 45, seed=7)[0]])
def test_adapters_do_not_link_designs(begin):
    designs = random_dna(200, 80)
    texts = [begin + design + "A" * 35 for design in designs]
    assert group_count(texts) == 200
    dna = Sequences.from_text(texts)
    assert not shared_kmers(dna, np.arange(100), np.arange(100, 200)).any()
    pairs = zip(designs, random_dna(50, 30, seed=1))
    copies = [begin + design[:50] + other + "A" * 35 for design, other in pairs]
    assert group_count(texts + copies) == 200, "designs and their altered copies are not linked"


def test_sequences_of_unequal_length_have_common_ends_too():
    designs = random_dna(120, 80)
    texts = ["G" * 31 + d[: 50 + i % 30] + "T" * 31 for i, d in enumerate(designs)]
    found = homology.compared(Sequences.from_text(texts))
    assert (found.begin, found.end, found.k) == (31, 31, 30)
    assert group_count(texts) == 120


def test_sequences_without_the_common_ends_are_compared_whole():
    begin, end = random_dna(2, 45, seed=5)
    designs = [begin + design + end for design in random_dna(400, 80)]
    unrelated = random_dna(10, 60, seed=6)  # shorter than both ends
    (shared,) = random_dna(1, 45, seed=7)
    family = [shared + tail for tail in random_dna(10, 120, seed=8)]
    groups = similar_groups(Sequences.from_text(designs + unrelated + family))
    assert len(set(groups[:410].tolist())) == 410
    assert len(set(groups[410:].tolist())) == 1


@pytest.mark.parametrize("places", [slice(0, 150), slice(60, 90), slice(20, 130), slice(70, 72)])
def test_variants_of_one_sequence_stay_together(places):
    rng = np.random.default_rng(0)
    (parent,) = random_dna(1, 150)
    variants = [parent]
    for _ in range(300):
        i = int(rng.integers(places.start, places.stop))
        variants.append(
            parent[:i] + "ACGT".replace(parent[i], "")[rng.integers(3)] + parent[i + 1 :]
        )
    assert group_count(variants) == 1


def test_variants_that_differ_every_few_bases_keep_what_they_have_in_common():
    rng = np.random.default_rng(0)
    begin, parent, end = (
        random_dna(1, 30)[0],
        random_dna(1, 75, seed=1)[0],
        random_dna(1, 30, seed=2)[0],
    )
    redrawn = np.where(
        rng.random((400, 75)) < 0.16, rng.choice(list("ACGT"), (400, 75)), list(parent)
    )
    assert group_count([begin + "".join(row) + end for row in redrawn]) == 1


@given(TEXTS)
def test_whole_numbers_are_equal_for_equal_sequences_only(texts):
    upper = np.array([text.upper() for text in texts])
    numbers = whole_numbers(Sequences.from_text(texts))
    np.testing.assert_array_equal(numbers[:, None] == numbers, upper[:, None] == upper)


def test_a_window_of_30_letters_links_and_29_do_not():
    a, b, c = random_dna(3, 80)
    dna = Sequences.from_text([a, b[:50] + a[:30], c[:51] + a[-29:]])
    assert similar_groups(dna).tolist() == [0, 0, 1]


def test_relatives_of_relatives_are_one_group():
    a, b, c = random_dna(3, 60)
    dna = Sequences.from_text([a, c, a[:30] + c[:30], b])
    assert similar_groups(dna).tolist() == [0, 0, 0, 1]


def test_the_other_strand_counts_only_if_asked():
    a, b = random_dna(2, 60)
    dna = Sequences.from_text([a, b[:20] + turned(a)[10:50]])
    assert similar_groups(dna).tolist() == [0, 0]
    assert similar_groups(dna, both_strands=False).tolist() == [0, 1]
    rows = np.array([0]), np.array([1])
    assert shared_kmers(dna, *rows).tolist() == [True]
    assert shared_kmers(dna, *rows, both_strands=False).tolist() == [False]


def test_an_unknown_letter_breaks_the_stretch():
    a, b = random_dna(2, 59)
    broken = a[:29] + "N" + a[30:]
    assert similar_groups(Sequences.from_text([a, broken, b]), k=30).tolist() == [0, 1, 2]


def test_short_and_unknown_sequences_are_compared_whole():
    dna = Sequences.from_text(["ACGGT", "acggt", "ACCGT", "ACGGTA", "NNNN" * 10, "NNNN" * 10])
    assert similar_groups(dna).tolist() == [0, 0, 0, 1, 2, 2]
    assert similar_groups(dna, both_strands=False).tolist() == [0, 0, 1, 2, 3, 3]


def test_chunks_and_mixed_lengths_change_nothing(monkeypatch):
    texts = [
        text[:length]
        for text, length in zip(random_dna(60, 90), np.random.default_rng(1).integers(5, 90, 60))
    ]
    texts += [text[-35:] for text in texts[:20]]
    dna = Sequences.from_text(texts)
    whole = similar_groups(dna)
    monkeypatch.setattr(homology, "CHUNK", 64)
    np.testing.assert_array_equal(similar_groups(dna), whole)
    assert whole.max() < 60


def test_some_rows_of_joined_sequences():
    dna = Sequences.from_text(random_dna(6, 40) * 2).take(np.array([8, 2, 5, 11]))
    assert similar_groups(dna).tolist() == [0, 0, 1, 1]


def test_nothing_to_compare():
    dna = Sequences.from_text(["ACGT"])
    none = np.array([], dtype=int)
    assert similar_groups(dna.take(none)).tolist() == []
    assert shared_kmers(dna, none, np.array([0])).tolist() == []
    assert shared_kmers(dna, np.array([0]), none).tolist() == [False]


@pytest.mark.parametrize("k", [0, 32])
def test_k_that_does_not_fit_is_refused(k):
    with pytest.raises(InputError, match=rf"k is {k}; a k-mer of 1 to 31 bp is needed"):
        similar_groups(Sequences.from_text(["ACGT"]), k=k)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "groups", "largest"),
    [
        ("bsubtilis_cnnprom", 716, 13),
        ("ecoli_sigma70_cnnprom", 1864, 16),
        ("ecoli_v9d3", 5117, 7),
        ("human_gue_300_tata", 5487, 190),
        ("human_gue_core_all", 50417, 59),
        ("mouse_tata_cnnprom", 4160, 301),
    ],
)
def test_no_giant_group_on_real_promoters(real_data, name, groups, largest):
    table = pd.read_csv(real_data / "dna" / f"promoter_{name}.csv.gz")
    sizes = np.bincount(similar_groups(Sequences.from_text(table["sequence"].tolist())))
    assert (len(sizes), sizes.max()) == (groups, largest)


@pytest.mark.parametrize("length", [40, 45, 59, 60, 100])
def test_a_change_in_the_middle_of_a_short_design_hides_no_copy(length):
    rng = np.random.default_rng(0)
    parents = ["".join(rng.choice(list("ACGT"), length)) for _ in range(20)]
    changed = [
        text[:place] + "ACGT"["ACGT".index(text[place]) - 1] + text[place + 1 :]
        for text in parents
        for place in [int(rng.integers(length // 2 - 2, length // 2 + 2))]
    ]
    groups = similar_groups(Sequences.from_text(parents + changed))
    assert groups.tolist() == [*range(20), *range(20)]
