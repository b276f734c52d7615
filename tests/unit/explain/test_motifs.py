import numpy as np
import pytest

from polyome._errors import InputError
from polyome.explain.known_motifs import named, read_motifs, write_motifs
from polyome.explain.motifs import find_motifs, seqlets

MEME = """MEME version 4

ALPHABET= ACGT

MOTIF MA1 box
letter-probability matrix: alength= 4 w= 3 nsites= 20 E= 0
 0.9 0.1 0.0 0.0
 0.0 0.0 0.0 1.0
 0.25 0.25 0.25 0.25
"""


def planted(words, n=60, length=60, seed=0):
    """Random letters with a word in the middle of each, which alone has effects."""
    rng = np.random.default_rng(seed)
    letters = rng.integers(0, 4, (n, length))
    effects = rng.normal(0, 0.05, (n, length, 4))
    for row in range(n):
        word = ["ACGT".index(c) for c in words[row % len(words)]]
        start = rng.integers(10, 40)
        letters[row, start : start + len(word)] = word
        effects[row, start : start + len(word)] += 2 * np.eye(4)[word] - 0.5
    return effects - effects.mean(axis=2, keepdims=True), np.eye(4)[letters]


def test_words_are_told_apart_and_spelled():
    motifs = find_motifs(*planted(["TATAAAAG", "GCCGCCAT"]), "promoter")
    assert {motif.consensus for motif in motifs[:2]} & {"TATAAAAG", "CTTTTATA"}
    assert {motif.consensus for motif in motifs[:2]} & {"GCCGCCAT", "ATGGCGGC"}
    assert [motif.num_sequences for motif in motifs[:2]] == [30, 30]


def test_both_strands_make_one_word():
    (motif,) = find_motifs(*planted(["TATAAAAG", "CTTTTATA"]), "promoter")[:1]
    assert motif.num_sequences == 60
    assert motif.consensus in ("TATAAAAG", "CTTTTATA")


def test_noise_makes_no_word():
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 1, (60, 60, 4))
    letters = np.eye(4)[rng.integers(0, 4, (60, 60))]
    assert find_motifs(noise - noise.mean(axis=2, keepdims=True), letters, "promoter") == []


def test_stretches_against_the_answer_are_none_for_it():
    contributions = np.zeros((4, 30))
    contributions[:, 10:14] = -1.0
    assert len(seqlets(contributions)) == 0


def test_stretches_end_where_sequences_do():
    contributions = np.full((1, 30), np.nan)
    contributions[0, :12] = 0
    contributions[0, 8:12] = 1.0
    assert seqlets(contributions)["middle"].tolist() == [8]


def test_motifs_go_through_a_file(tmp_path):
    motifs = find_motifs(*planted(["TATAAAAG"]), "promoter")
    write_motifs(motifs, tmp_path / "a.meme")
    again = read_motifs(tmp_path / "a.meme")
    assert next(iter(again)) == "motif_1 promoter"
    assert len(again) == len(motifs)
    np.testing.assert_allclose(again["motif_1 promoter"].T, motifs[0].frequencies, atol=1e-5)


def test_files_in_meme_format_are_read(tmp_path):
    (tmp_path / "a.meme").write_text(MEME)
    known = read_motifs(tmp_path / "a.meme")
    assert known["MA1 box"].shape == (4, 3)


def test_other_files_are_refused(tmp_path):
    (tmp_path / "a.meme").write_text("gene,label\nx,1\n")
    with pytest.raises(InputError, match="holds no motif in MEME format"):
        read_motifs(tmp_path / "a.meme")
    (tmp_path / "b.meme").write_text(MEME.replace("0.9", "lots"))
    with pytest.raises(InputError, match="cannot be read as MEME motifs"):
        read_motifs(tmp_path / "b.meme")


def test_a_matrix_without_a_width_is_refused_in_words(tmp_path):
    (tmp_path / "c.meme").write_text(MEME.replace(" w= 3", ""))
    with pytest.raises(InputError, match="cannot be read as MEME motifs"):
        read_motifs(tmp_path / "c.meme")


def test_nothing_is_compared_with_nothing():
    motifs, matches = named([], {"box": np.eye(4)})
    assert motifs == []
    assert list(matches.columns) == ["motif", "known", "p_value", "q_value"]


@pytest.mark.slow
def test_known_words_are_recognised():
    """Compiling TOMTOM takes minutes once after installing."""
    motifs = find_motifs(*planted(["TATAAAAG", "GCCGCCAT"]), "promoter")[:2]
    known = {
        name: np.eye(4)[["ACGT".index(c) for c in name]].T for name in ("TATAAAAG", "CACGTGAC")
    }
    found, matches = named(motifs, known)
    box = next(m for m in found if m.consensus in ("TATAAAAG", "CTTTTATA"))
    other = next(m for m in found if m is not box)
    assert (box.match, box.q_value < 0.05) == ("TATAAAAG", True)
    assert other.q_value > 0.05
    assert len(matches) == 4


@pytest.mark.parametrize("width", [7, 9, 12])
def test_a_word_is_found_once(width):
    """What stands beside a peak's window and belongs to the same word is no stretch of its own."""
    contributions = np.zeros((1, 60))
    contributions[0, 20 : 20 + width] = np.hanning(width + 2)[1:-1]
    assert len(seqlets(contributions)) == 1
