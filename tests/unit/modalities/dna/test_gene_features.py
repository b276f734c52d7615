"""Natural genes: codons of the open reading frame, composition tokens, kernel, numbers."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from polyome._errors import InputError
from polyome.io.nucleotides import Sequences
from polyome.modalities.dna.codons import common_start, gene_codons, open_frame_codons
from polyome.modalities.dna.composition_tokens import CompositionCounts, CompositionStem, windows_of
from polyome.modalities.dna.gene_features import GeneFeatures, phased_kmers, windowed_kmers
from polyome.modalities.dna.kmers import count_kmers
from polyome.modalities.dna.numbers import Numbers
from polyome.modalities.sequence import GENE_BP, SequenceModality
from polyome.model.configuration import PolyomeConfig

DNA = st.text(alphabet="ACGTN", min_size=0, max_size=60)


def codes(*texts):
    return torch.from_numpy(Sequences.from_text(texts).matrix())


def plainly(text):
    """Codons of the longest frame that is open at the end, the slow way."""
    best = []
    for cut in range(3):
        end = len(text) - cut
        frame = [text[i : i + 3] for i in range(end % 3, end - 2, 3)]
        stops = [i for i, codon in enumerate(frame) if codon in ("TAA", "TAG", "TGA")]
        after = stops[-1] + 1 if stops else 0
        starts = [i for i in range(after, len(frame)) if frame[i] == "ATG"]
        found = frame[starts[0] :] if starts else []
        best = found if len(found) > len(best) else best
    return best


@settings(max_examples=200, deadline=None)
@given(DNA)
def test_open_frames_are_those_of_a_plain_loop(text):
    found = open_frame_codons(codes(text))[0].int().tolist()
    expected = [0] * 64
    for codon in plainly(text):
        if set(codon) <= set("ACGT"):
            expected[
                "ACGT".index(codon[0]) * 16 + "ACGT".index(codon[1]) * 4 + "ACGT".index(codon[2])
            ] += 1
    assert found == expected


@settings(max_examples=100, deadline=None)
@given(DNA, st.integers(0, 5), st.integers(0, 3))
def test_codons_of_a_gene_are_those_of_a_plain_loop(text, start, skip):
    expected = [0] * 64
    frame = [text[i : i + 3] for i in range(start, len(text) - 2, 3)]
    for i, codon in enumerate(frame):
        if set(codon) <= set("ACGT") and i >= skip:
            expected[sum("ACGT".index(c) * 4 ** (2 - j) for j, c in enumerate(codon))] += 1
        if codon in ("TAA", "TAG", "TGA"):
            break
    assert gene_codons(codes(text), start, skip)[0].int().tolist() == expected


def test_genes_that_all_begin_at_one_place_are_read_from_there():
    table = genes(length=450)
    cut = table.assign(sequence=[s[:200] + "GTG" + s[203:] for s in table["sequence"]])
    for source, start in ((table, None), (cut, 200)):
        modality = SequenceModality(tokens="auto")
        modality.fit(modality.read(source))
        again = SequenceModality.from_state(*modality.state())
        assert modality.spec()["gene_start"] == again.spec()["gene_start"] == start
        features = GeneFeatures(modality.spec() | {"block_weights": {"codons": 1.0}})
        window = codes(cut["sequence"][0])
        assert torch.equal(features.counts(window).square().round(), gene_codons(window, start))
    few = np.stack([codes(s)[0].numpy() for s in [*cut["sequence"][:15], *table["sequence"][15:]]])
    assert common_start(few) is None


@settings(max_examples=50, deadline=None)
@given(st.text(alphabet="ACGTN", min_size=3, max_size=60), st.integers(3, 30))
def test_words_by_window_and_frame_add_up_to_those_of_the_whole(text, window):
    batch = codes(text)
    whole = count_kmers(batch, 3)
    by_frame = phased_kmers(batch, window).reshape(-1, 64).sum(dim=0)
    assert by_frame.tolist() == whole[0, 20:].tolist()
    letters = windowed_kmers(batch, window).reshape(-1, 84).sum(dim=0)[:4]
    assert letters.tolist() == whole[0, :4].tolist()


def genes(number=30, length=450, seed=0):
    rng = np.random.default_rng(seed)
    texts = ["".join(row) for row in rng.choice(list("ACGT"), (number, length))]
    return pd.DataFrame({"sequence": texts, "half_life": rng.normal(5, 2, number)})


def test_length_chooses_the_tokens():
    for length, tokens in ((GENE_BP - 1, "nucleotide"), (GENE_BP, "composition")):
        modality = SequenceModality(tokens="auto")
        modality.fit(modality.read(genes(length=length)))
        assert modality.spec()["tokens"] == tokens
    assert [windows_of(n) for n in (400, 600, 601, 10_000)] == [50, 50, 100, 100]


def test_a_stem_gives_a_token_per_window_and_one_for_the_codons():
    stem = CompositionStem(8, 120, 50, 4, start=None, dropout=0.0).eval()
    assert stem(codes("ACGT" * 30)).shape == (1, 4, 8)


def test_counts_of_windows_and_of_the_whole_stand_where_the_stem_cuts_them():
    counts = CompositionCounts(120, 50, 4, None)
    found = counts(codes("A" * 50 + "C" * 70)).square()[0].round()
    windows = found[: 3 * counts.window_width].unflatten(0, (3, -1))
    assert windows[:, :2].tolist() == [[50, 0], [0, 50], [0, 20]]  # A and C
    whole = found[3 * counts.window_width :]
    assert len(whole) == counts.whole_width
    assert whole[:4].tolist() == [50, 70, 0, 0]


def test_tokens_of_composition_are_standardised_on_training_sequences():
    modality = SequenceModality(tokens="auto")
    records = modality.read(genes())
    modality.fit(records)
    module = modality.embeddings(PolyomeConfig(hidden_size=16), modality.spec())
    modality.start_from(module, records)
    stem = module.stem
    windows = torch.from_numpy(modality.prepare(records).windows)
    scaled = (stem.counts(windows) - stem.get_buffer("means")) / stem.get_buffer("stds")
    assert scaled.mean(dim=0).abs().max() < 1e-3
    assert scaled[:, 4].std(correction=0) == pytest.approx(1, abs=1e-3)
    assert scaled.std(dim=0, correction=0).max() < 1.001


def test_kernel_is_1_to_oneself_and_less_to_others():
    modality = SequenceModality(tokens="auto")
    records = modality.read(genes())
    modality.fit(records)
    features = GeneFeatures(modality.spec())
    modality.start_from(features, records)
    windows = torch.from_numpy(modality.prepare(records).windows)
    near = features(windows)
    assert features.landmark_rows.tolist() == list(range(30))
    torch.testing.assert_close(near.diagonal(), torch.ones(30), atol=0.02, rtol=0)
    off = near - torch.diag(near.diagonal())
    assert 0.02 < off[~torch.eye(30, dtype=bool)].median() < 0.2
    torch.testing.assert_close(near, near.T, atol=0.02, rtol=0)


def test_fewer_rows_than_landmarks_leave_columns_empty():
    modality = SequenceModality(tokens="auto")
    records = modality.read(genes())
    modality.fit(records)
    features = GeneFeatures(modality.spec())
    modality.start_from(features, records.take(np.arange(10)))
    assert features.landmark_rows.tolist() == list(range(10))
    assert not features.get_buffer("points")[10:].any()


def test_numbers_are_standardised_and_missing_ones_said():
    table = genes().assign(half_life=lambda t: t["half_life"].where(t.index % 3 > 0))
    found = Numbers(("half_life",)).fit(table).read(table)
    known = found[:, 1] == 0
    assert known.tolist() == (table.index % 3 > 0).tolist()
    assert found[known, 0].mean() == pytest.approx(0, abs=1e-6)
    assert found[known, 0].std() == pytest.approx(1, abs=1e-5)
    assert not found[~known, 0].any()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["x"] * 30, "column 'half_life' .features. holds 'x' at record '0'"),
        ([None] * 30, "column 'half_life' .features. has no value"),
    ],
)
def test_numbers_that_are_none_are_refused(values, message):
    with pytest.raises(InputError, match=message):
        Numbers(("half_life",)).fit(genes().assign(half_life=values))
