"""Sequences: lengths, letters, strands, tokenizers."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from polyome._errors import InputError
from polyome.data.simulate import simulate_sequences
from polyome.io.nucleotides import Sequences, kmer_numbers, reverse_complement
from polyome.modalities.dna.kmers import count_kmers
from polyome.modalities.dna.records import aligned, write_intervals
from polyome.modalities.dna.variation import mutated
from polyome.modalities.sequence import SequenceModality
from polyome.outputs.classes_prediction import ClassPrediction

DNA = st.text(alphabet="ACGTRYSWKMBDHVN", min_size=1, max_size=40)


def table(*sequences, names=None):
    names = names or [f"s{i}" for i in range(len(sequences))]
    return pd.DataFrame({"sequence": sequences}, index=names)


def fitted(*sequences, **settings):
    modality = SequenceModality(**settings)
    return modality.fit(modality.read(table(*sequences)))


@given(st.lists(DNA, min_size=1, max_size=5))
def test_the_reverse_complement_of_the_reverse_complement_is_the_identity(texts):
    dna = Sequences.from_text(texts)
    twice = reverse_complement(reverse_complement(dna))
    assert [twice.text(i) for i in range(len(texts))] == texts


@given(st.lists(DNA, min_size=1, max_size=5))
def test_reading_and_spelling_gives_the_letters_back_in_upper_case(texts):
    dna = Sequences.from_text([text.lower() for text in texts])
    assert [dna.text(i) for i in range(len(texts))] == texts


@given(DNA, st.integers(1, 3))
def test_kmers_are_counted_as_python_counts_them(text, k):
    codes = torch.from_numpy(Sequences.from_text([text]).matrix())
    counts = count_kmers(codes, 3)[0].numpy()
    start = sum(4**i for i in range(1, k))
    for number in range(4**k):
        kmer = "".join("ACGT"[number // 4 ** (k - 1 - i) % 4] for i in range(k))
        found = sum(text[i : i + k] == kmer for i in range(len(text)))
        assert counts[start + number] == found


def test_kmer_numbers_of_a_window_shorter_than_k_are_none():
    assert kmer_numbers(np.ones((2, 3), np.uint8), 4).shape == (2, 0)


def test_unequal_lengths_line_up_at_the_anchor():
    dna = Sequences.from_text(["AC", "ACGT", "ACGTAC"])
    assert aligned(dna, 4, "start").tolist() == [[1, 2, 0, 0], [1, 2, 3, 4], [1, 2, 3, 4]]
    assert aligned(dna, 4, "end").tolist() == [[0, 0, 1, 2], [1, 2, 3, 4], [3, 4, 1, 2]]
    assert aligned(dna, 4, "center").tolist() == [[0, 1, 2, 0], [1, 2, 3, 4], [2, 3, 4, 1]]


def test_lengths_unlike_the_training_sequences_are_noted():
    modality = fitted("ACGTACGT", "ACGTAC")
    notes = modality.read(table("ACGTACGTA", "AC", "ACGTACG")).notes
    assert "1 of 3 sequences are longer" in notes[0]
    assert "first 8 bp" in notes[0]
    assert "1 of 3 sequences are shorter than any training sequence (6 bp)" in notes[1]


def test_names_that_repeat_are_numbered_and_noted():
    records = SequenceModality().read(table("AC", "GT", "CC", "AA", names=["a", "a", "a-1", "a"]))
    assert list(records.table.index) == ["a", "a-2", "a-1", "a-3"]
    assert "1 names occur more than once ('a')" in records.notes[0]


@pytest.mark.parametrize(
    ("sequences", "message"),
    [
        (("ACGT", ""), "record 's1' has no sequence"),
        (("ACGT", None), "record 's1' has no sequence"),
        (("ACGT", "AC-GT"), "'-' at position 3"),
        (("MKTAYIAKQRQISFVKSHFSRQ",), "looks like protein"),
    ],
)
def test_what_is_no_sequence_is_refused(sequences, message):
    with pytest.raises(InputError, match=message):
        SequenceModality().read(table(*sequences))


def test_the_record_with_a_wrong_letter_is_named():
    with pytest.raises(InputError, match=r"record 'y' holds ' ' at position 3"):
        SequenceModality().read(pd.DataFrame({"sequence": ["ACGT", "AC GT"]}, index=["x", "y"]))


def test_two_columns_of_sequences_are_refused():
    columns = pd.DataFrame({"sequence": ["ACGT"], "other": ["ACGT"]})
    with pytest.raises(InputError, match=r"several columns of sequences: 'sequence', 'other'; 'ot"):
        SequenceModality("other").read(columns)


def test_a_table_without_the_column_is_refused():
    with pytest.raises(InputError, match=r"no column 'seq' .*Columns: 'sequence'"):
        SequenceModality("seq").read(table("ACGT"))


def test_an_unknown_tokenizer_is_refused():
    with pytest.raises(InputError, match=r"tokens=.word. is not known"):
        SequenceModality(tokens="word")


def test_a_vocabulary_that_no_memory_holds_is_refused():
    with pytest.raises(InputError, match=r"stride=31 with tokens='kmer'.*At most 8"):
        SequenceModality(tokens="kmer", stride=31)


def test_a_stride_beyond_the_sequences_is_refused():
    with pytest.raises(InputError, match=r"stride=50: the longest training sequence has 4 bp"):
        fitted("ACGT", "AC", stride=50)


@pytest.mark.parametrize("tokens", ["nucleotide", "kmer", "bpe"])
def test_saved_and_restored_it_encodes_alike(tokens, tmp_path):
    rng = np.random.default_rng(0)
    texts = ["".join(row) for row in rng.choice(list("ACGTN"), (30, 40))]
    modality = fitted(*texts, tokens=tokens, stride=4, vocabulary_size=40)
    modality.save(tmp_path)
    json.loads((tmp_path / "modality_sequence.json").read_text())
    again = SequenceModality.load(tmp_path)
    assert again.spec() == modality.spec()
    new = table(*texts[:3], "ACG", "N")
    for one, other in zip(
        modality.encode(modality.read(new)), again.encode(again.read(new)), strict=True
    ):
        assert one.keys() == other.keys()
        assert all((one[key] == other[key]).all() for key in one)


def test_kmers_tile_the_sequence_without_overlap():
    modality = fitted("ACGTACGT", tokens="kmer", stride=2)
    ids = modality.encode(modality.read(table("AAACNNAC", "AAC")))
    assert ids[0]["ids"].tolist() == [2, 3, 1, 3]
    assert ids[1]["ids"].tolist()[0] == 2


def test_mutation_changes_about_that_share_of_letters_and_no_padding():
    modality = fitted("A" * 2000, "A" * 1000, mutation_rate=0.2)
    records = modality.prepare(modality.read(table("A" * 2000, "A" * 1000)))
    changed = modality.augmented(records, np.random.default_rng(0), None).windows
    assert 0.1 < (changed[0] != 1).mean() < 0.2  # a quarter of the draws are A again
    assert (changed[1, 1000:] == 0).all()


def test_mutation_leaves_unknown_letters():
    windows = np.array([[1, 15, 5, 0]], np.uint8)
    found = mutated(np.repeat(windows, 50, axis=0), 1.0, np.random.default_rng(0))
    assert (found[:, 1:] == windows[0, 1:]).all()
    assert set(found[:, 0].tolist()) == {1, 2, 3, 4}


def test_what_is_simulated_is_said(tmp_path):
    data = simulate_sequences(20)
    assert any("are simulated" in note for note in SequenceModality().read(data).notes)
    path = tmp_path / "s.csv"
    data.assign(simulated=True).to_csv(path)
    records = SequenceModality().read(path)
    assert records.table.attrs["simulated"]
    assert any("are simulated" in note for note in records.notes)
    assert SequenceModality().read(table("ACGT")).notes == ()


def test_intervals_with_a_gap_are_not_written_as_bed(tmp_path):
    places = pd.DataFrame({"sequence": ["ACGT"] * 2, "chrom": "c", "start": [1, None], "end": 9})
    records = SequenceModality().read(places)
    answers = ClassPrediction(
        names=records.table.index, label=np.array(["a", "b"]), confidence=np.ones(2),
        proba=pd.DataFrame(np.eye(2), columns=["a", "b"]), unknown_score=np.zeros(2),
        representation=np.zeros((2, 1)), provenance={},
    )  # fmt: skip
    with pytest.raises(InputError, match=r"start or end of record '1' is no whole number"):
        write_intervals(records, answers, tmp_path / "o.bed")


def test_sequences_are_recombined_within_their_class():
    rng = np.random.default_rng(0)
    letters = ("A" * 20, "C" * 20, "G" * 20, "T" * 20)
    modality = fitted(*letters, mutation_rate=0.0, recombination_rate=1.0)
    records = modality.prepare(modality.read(table(*letters)))
    cuts, alone = set(), 0
    for _ in range(200):
        changed = modality.augmented(records, rng, np.array([0, 1, 0, 1])).windows
        for row, own in zip(changed, ({1, 3}, {2, 4}) * 2, strict=True):
            assert set(row.tolist()) <= own
            steps = np.flatnonzero(np.diff(row))
            assert len(steps) <= 1
            cuts.update(steps.tolist())
            alone += not len(steps)
    assert cuts == set(range(19))
    assert 0.4 < alone / 800 < 0.6  # half of the partners are the sequence itself
    untold = modality.augmented(records, rng, None).windows
    assert (untold == records.windows).all()  # values have no classes to recombine within


def test_both_strands_are_views_of_a_record():
    modality = fitted("AACC", both_strands=True)
    records = modality.prepare(modality.read(table("AACC")))
    own, other = modality.views(records)
    assert own.windows.tolist() == [[1, 1, 2, 2]]
    assert other.windows.tolist() == [[3, 3, 4, 4]]


def test_a_sequence_is_not_taken_for_a_file():
    with pytest.raises(InputError, match=r"is a sequence, not a file.*DataFrame\({'sequence'"):
        SequenceModality().read(["ACGT" * 80])
    table = pd.concat({"a": pd.DataFrame({"sequence": ["ACGT"]})})
    assert SequenceModality().read(table).table.index.tolist() == ["('a', 0)"]


def test_pairs_beyond_the_longest_training_row_are_read():
    rng = np.random.default_rng(0)
    texts = ["ACGT" * 15 + "".join(rng.choice(list("ACGT"), 4)) for _ in range(30)]
    modality = SequenceModality(tokens="bpe", vocabulary_size=40, composition=0)
    modality.fit(modality.read(pd.DataFrame({"sequence": texts})))
    most = modality.subwords_.num_tokens
    odd = "".join(rng.choice(list("ACGT"), 64))
    others = pd.DataFrame({"sequence": [texts[0], odd, odd[:-6] + "AAAAAA"]})
    encoded = modality.collate(modality.encode(modality.read(others)))
    assert encoded["ids"].shape[1] > most
    assert encoded["ids"][0, most:].sum() == 0
    part = SequenceModality.embeddings(SimpleNamespace(hidden_size=8), modality.spec()).eval()
    part.start_at_random()
    tokens, mask = part(**encoded)
    found = part.readout(tokens, tokens, mask)
    assert not torch.allclose(found[1], found[2], atol=1e-6)
    alone = modality.collate(modality.encode(modality.read(others.iloc[:1])))
    tokens, mask = part(**alone)
    torch.testing.assert_close(part.readout(tokens, tokens, mask), found[:1], atol=1e-5, rtol=1e-5)


def test_sequences_that_are_mostly_no_bases_are_noted():
    modality = fitted("ACGTACGT", "ACGTACGA")
    notes = modality.read(table("ACGTACGT", "NNNNNNNA", "MWVRGSSC", "ACGTNNNN")).notes
    assert "2 of 4 sequences are mostly N or other letters that are no base" in notes[0]
    assert not modality.read(table("ACGTACGT")).notes
