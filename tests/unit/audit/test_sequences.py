"""Copies and relatives across the split are counted; clean sequences raise nothing."""

import json

import numpy as np
import pandas as pd
import pytest

from polyome.audit.sequences import sequence_findings
from polyome.io.nucleotides import Sequences, reverse_complement
from polyome.splits import Split, from_column


def random_dna(n, length=60, seed=0):
    rng = np.random.default_rng(seed)
    return ["".join(row) for row in rng.choice(list("ACGT"), (n, length))]


def turned(text):
    return reverse_complement(Sequences.from_text([text])).text(0)


def thirds(n=30):
    train, dev, test = np.split(np.arange(n), [n // 3, 2 * n // 3])
    return Split(train, dev, test, 0, "by hand")


def audit(texts, labels=None, split=None):
    labels = ["a"] * len(texts) if labels is None else labels
    split = split or thirds(len(texts))
    found = sequence_findings(Sequences.from_text(texts), labels, split)
    return {kind: [f for f in found if f.kind == kind] for kind in {f.kind for f in found}}


def test_clean_sequences_raise_nothing():
    assert audit(random_dna(30), ["a", "b"] * 15) == {}


def test_copies_are_counted_in_rows_whatever_the_case():
    texts = random_dna(30)
    texts[20] = texts[0].lower()
    texts[21] = texts[10]
    texts[22] = texts[1] = texts[11]
    (found,) = audit(texts)["duplicates"]
    assert found.severity == "warning"
    assert found.numbers == {
        "test_rows_in_train": 2,
        "test_rows_in_validation": 2,
        "pairs": 4,
        "share_of_test": 0.3,
    }
    assert found.message == (
        "3 of 10 test rows (30.0%) have the very sequence of a row that fits or steers the model "
        "(train 2, validation 2), so their score is memory. Remove the copies, or use --split-by "
        "homology."
    )


def test_rows_in_no_part_do_not_count():
    texts = random_dna(30)
    texts[20] = texts[0]
    split = Split(np.arange(1, 10), np.arange(10, 20), np.arange(20, 30), 1, "by hand")
    assert audit(texts, ["b"] + ["a"] * 29, split=split) == {}


def test_one_sequence_under_two_labels():
    texts = random_dna(30)
    texts[1] = texts[2] = texts[0]
    (found,) = audit(texts, [1, 0, 1] + [0, 1, 1] * 9)["duplicates"]
    assert found.numbers == {"sequences": 1, "rows": 3, "example": ["0", "1"]}
    assert found.message == (
        "1 sequence has conflicting labels (3 rows; one is both '0' and '1'). "
        "Keep the label you trust, or leave these rows out."
    )


def test_the_reverse_complement_of_a_training_row_is_no_copy():
    texts = random_dna(30)
    texts[20] = turned(texts[0])
    texts[21] = turned(texts[10])  # of a dev row
    texts[22] = "ACGTTGCAACGT"  # its own reverse complement
    found = audit(texts)
    assert found.keys() == {"reverse complements", "near duplicates"}
    (one,) = found["reverse complements"]
    assert one.severity == "warning"
    assert one.numbers == {
        "test_rows_in_train": 1,
        "share_of_test": 0.1,
        "test_rows_palindromic": 1,
    }
    assert "1 of 10 test rows (10.0%) are the reverse complement of a training row" in one.message


def test_a_palindrome_in_train_is_a_copy_only():
    texts = random_dna(30)
    texts[0] = texts[20] = "ACGTTGCAACGT"
    assert "reverse complements" not in audit(texts)


def test_relatives_are_counted_by_strand_and_class():
    texts = random_dna(30)
    texts[20] = texts[0][:30] + texts[20][30:]
    texts[21] = texts[21][:30] + turned(texts[1])[:30]
    texts[22] = texts[22][:31] + texts[1][:29]
    found = audit(texts, ["a"] * 20 + ["b", "b", "b", "b"] + ["a"] * 6)
    assert found.keys() == {"near duplicates"}
    (one,) = found["near duplicates"]
    assert one.severity == "warning"
    assert one.numbers == {
        "k": 30,
        "common_bases": [0, 0],
        "test_rows_sharing": 2,
        "test_rows_sharing_same_strand": 1,
        "share_of_test": 0.2,
        "classes": ["a", "b"],
        "test_rows_by_class": [6, 4],
        "share_by_class": [0.0, 0.5],
    }
    assert one.message == (
        "2 of 10 test rows (20.0%) share a 30-mer with a training row (1 on the same strand): part "
        "of their score may be memory. By class: 'b (50%)', 'a (0%)'. "
        "Use --split-by homology, which keeps such sequences on one side."
    )
    json.dumps(one.numbers)


def test_few_relatives_are_a_note_unless_one_class_holds_them():
    texts = random_dna(900)
    for row in range(600, 603):
        texts[row] = texts[0][:30] + texts[row][30:]
    (rare,) = audit(texts)["near duplicates"]
    (gathered,) = audit(texts, ["a"] * 600 + ["b"] * 30 + ["a"] * 270)["near duplicates"]
    (tiny,) = audit(texts, ["a"] * 600 + ["b"] * 10 + ["a"] * 290)["near duplicates"]
    assert [rare.severity, gathered.severity, tiny.severity] == ["note", "warning", "note"]


def biased(n, shares, seed=0):
    rng = np.random.default_rng(seed)
    weights = [[(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2] for gc in shares]
    return ["".join(rng.choice(list("ACGT"), n, p=p)) for p in weights]


@pytest.mark.parametrize("shares", [(0.2, 0.8), (0.8, 0.2)])
def test_gc_content_alone_is_a_shortcut(shares):
    (found,) = audit(biased(60, shares * 150), ["a", "b"] * 150)["shortcut"]
    assert found.severity == "warning"
    assert found.message.startswith("GC content alone predicts the target: AUROC 1.00")
    assert found.numbers["auroc"] > 0.95
    assert found.numbers["rank_auroc"] > 0.99
    assert found.numbers["rank_auroc_test"] > 0.99


def test_the_test_part_is_ranked_as_the_training_part():
    texts = biased(60, (0.2, 0.8) * 100) + biased(60, (0.8, 0.2) * 20)
    split = Split(np.arange(200), np.array([], dtype=int), np.arange(200, 240), 0, "by hand")
    (found,) = audit(texts, ["a", "b"] * 120, split=split)["shortcut"]
    assert found.numbers["rank_auroc_test"] < 0.01


def test_rank_auroc_needs_two_classes_in_test():
    texts = biased(60, (0.2, 0.8) * 100)
    split = Split(np.arange(101), np.array([], dtype=int), np.arange(102, 200, 2), 0, "by hand")
    (found,) = audit(texts, ["a", "b"] * 100, split=split)["shortcut"]
    assert found.numbers["rank_auroc"] > 0.99
    assert found.numbers["rank_auroc_test"] is None


def test_length_and_unknown_letters_are_shortcuts_where_they_vary():
    texts, labels = random_dna(300), ["a", "b"] * 150
    shorter = [text[: 60 - 20 * (row % 2)] for row, text in enumerate(texts)]
    masked = [text + "N" * 20 * (row % 2) for row, text in zip(range(300), shorter)]
    for changed, expected in ((shorter, "length"), (masked, "share of N")):
        found = audit(changed, labels)["shortcut"][-1].numbers
        assert (found["name"], found["rank_auroc"]) == (expected, 1.0)


def test_three_classes_have_no_rank_auroc():
    (found,) = audit(biased(60, (0.1, 0.5, 0.9) * 50), ["a", "b", "c"] * 50)["shortcut"]
    assert "rank_auroc" not in found.numbers


def test_values_instead_of_classes():
    texts = biased(60, (0.2, 0.8) * 15)
    texts[20], texts[1] = texts[0], texts[2]
    found = sequence_findings(Sequences.from_text(texts), None, thirds())
    assert [finding.kind for finding in found] == ["duplicates", "near duplicates"]
    assert "share_by_class" not in found[1].numbers
    assert "By class" not in found[1].message


def test_without_a_test_part_only_labels_and_shortcuts_are_looked_at():
    texts = random_dna(30)
    texts[1] = texts[0]
    none = np.array([], dtype=int)
    found = audit(texts, ["a", "b"] * 15, split=Split(np.arange(30), none, none, 0, "by hand"))
    assert found.keys() == {"duplicates"}
    assert found["duplicates"][0].numbers["sequences"] == 1


def real(folder, name):
    table = pd.read_csv(folder / "dna" / f"promoter_{name}.csv.gz")
    split = from_column(table["split"], labelled=np.ones(len(table), dtype=bool))
    found = sequence_findings(
        Sequences.from_text(table["sequence"].tolist()), table["label"], split
    )
    return {kind: [f for f in found if f.kind == kind] for kind in {f.kind for f in found}}


@pytest.mark.real_data
def test_sigma70_negatives_leak_and_gc_tells(real_data):
    found = real(real_data, "ecoli_sigma70_cnnprom")
    assert "duplicates" not in found
    near = found["near duplicates"][0].numbers
    assert near["classes"] == ["0", "1"]
    assert near["share_by_class"] == pytest.approx([0.7867, 0.1964], abs=1e-4)
    assert (near["test_rows_sharing"], near["test_rows_sharing_same_strand"]) == (505, 493)
    gc = found["shortcut"][0].numbers
    assert gc["auroc"] == pytest.approx(0.90, abs=0.01)
    assert gc["rank_auroc"] == pytest.approx(0.906, abs=1e-3)
    assert gc["rank_auroc_test"] == pytest.approx(0.915, abs=1e-3)


@pytest.mark.real_data
def test_human_core_promoters_have_copies_and_torn_labels(real_data):
    copies, torn = real(real_data, "human_gue_core_all")["duplicates"]
    assert (copies.numbers["test_rows_in_train"], copies.numbers["test_rows_in_validation"]) == (
        43,
        8,
    )
    assert (torn.numbers["sequences"], torn.numbers["rows"]) == (64, 128)
