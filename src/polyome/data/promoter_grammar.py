"""The grammar of simulated promoters: which words, where, beside which others, and how strong.

Everything here is simulated. The words, places and partners of the elements follow the literature
named beside each; reviews: Juven-Gershon and Kadonaga 2010 Dev Biol, Haberle and Stark 2018 Nat Rev
Mol Cell Biol. Strengths and rates are round numbers chosen here: the order of the strengths leans
on the super core promoter (Juven-Gershon et al. 2006 Nat Methods) and on measured native promoters
(Weingarten-Gabbay et al. 2019 Genome Res); rates are above a genome's, so that small sets show
every kind.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from polyome._errors import InputError
from polyome._types import FloatArray
from polyome.io.nucleotides import IS_BASE, MAY_BE, Codes, Sequences, reverse_complement


@dataclass(frozen=True)
class Element:
    """A kind of promoter element.

    Parameters
    ----------
    name : of the element.
    consensus : its word in IUPAC letters, 5' to 3'.
    start : its first base relative to the start site, which is +1; there is no 0.
    spread_bp : how far it may stand from ``start``; at the edge it counts half.
    strength : what a perfect word at the best place adds to the score.
    presence : chance in a drawn promoter, where it stands beside another: given that one.
    beside : the element at whose exact distance it must stand, and without which it adds nothing.
    both_strands : whether the word counts on either strand.
    source : where word and place were described.

    Examples
    --------
    >>> tata = ELEMENTS["TATA"]
    >>> tata.offset, tata.weights.tolist()
    (-31, [0.5, 0.75, 1.0, 0.75, 0.5])
    """

    name: str
    consensus: str
    start: int
    spread_bp: int
    strength: float
    presence: float
    source: str
    beside: str | None = None
    both_strands: bool = False

    @property
    def offset(self) -> int:
        """Bases from the start site's index to the element's first."""
        return self.start if self.start < 0 else self.start - 1

    @property
    def weights(self) -> FloatArray:
        """What the place counts, (2 * spread_bp + 1,): 1 in the middle, half at the edges."""
        away = np.abs(np.arange(-self.spread_bp, self.spread_bp + 1))
        return (1 - away / (2 * max(self.spread_bp, 1))).astype(np.float32)


ELEMENTS = {
    element.name: element
    for element in (
        Element("TATA", "TATAWAAR", -31, 2, 2.0, 0.4, "Ponjavic et al. 2006 Genome Biol"),
        Element("BREu", "SSRCGCC", -38, 2, 1.0, 0.5, "Lagrange et al. 1998 Genes Dev", "TATA"),
        Element("Inr", "BBCABW", -3, 0, 1.5, 0.6, "Vo ngoc et al. 2017 Genes Dev"),
        Element("MTE", "CSARCSSAAC", 18, 0, 1.0, 0.3, "Lim et al. 2004 Genes Dev", "Inr"),
        Element("DPE", "RGWYVT", 28, 0, 1.5, 0.4, "Kutach and Kadonaga 2000 Mol Cell Biol", "Inr"),
        Element("GC box", "GGGCGG", -75, 35, 1.0, 0.5, "Suzuki et al. 2001 Genome Res",
                both_strands=True),
        Element("CCAAT", "RRCCAATSR", -80, 20, 1.0, 0.3, "Mantovani 1998 Nucleic Acids Res",
                both_strands=True),
        Element("NRF-1", "YGCGCAYGCGCR", -65, 25, 1.5, 0.25, "FitzGerald et al. 2004 Genome Res",
                both_strands=True),
    )
}  # fmt: skip
"""The grammar: the score is the sum, over these, of strength x word x place (x partner)."""

THRESHOLD = 3.0
"""A sequence with this score or more is a promoter."""
LABEL_NOISE = 0.03
"""Share of labels that are swapped: no method can be right more often than 97 % of the time."""
WORD_MATCH = (1.0, 0.4, 0.0)
"""What a word counts with no, one, and two or more letters that miss the consensus."""
MISSPELLED = 0.15
"""Share of planted words with one letter that misses the consensus."""
EXTRA = 0.3
"""Chance, for each kind, of one more word off its place or strand, in promoters and backgrounds."""
NEAR_BP = 12
"""Half of the words off their place are at most this far off."""
TSS_SPREAD_BP = 8
"""How far the start site may lie from its middle position, which is not told."""
DOWNSTREAM_BP = 42
"""Bases from the start site's middle position to the sequence's end."""
SHORTEST_BP = 160

_BLOCK = 4096  # sequences scored at once


def consensus_codes(element: Element) -> tuple[Codes, Codes]:
    """Codes of an element's word on the forward and on the reverse strand."""
    dna = Sequences.from_text([element.consensus])
    return dna.one(0), reverse_complement(dna).one(0)


def _word_matches(bases: Codes, element: Element) -> FloatArray:
    """What the word at each start counts, float32 (n, length)."""
    starts = bases.shape[1] - len(element.consensus) + 1
    matches = np.zeros(bases.shape, np.float32)
    for word in consensus_codes(element)[: 1 + element.both_strands]:
        misses = np.zeros((len(bases), starts), np.uint8)
        for i, code in enumerate(word):
            misses += (bases[:, i : i + starts] & MAY_BE[code]) == 0
        counts = np.array(WORD_MATCH, np.float32)[np.minimum(misses, len(WORD_MATCH) - 1)]
        np.maximum(matches[:, :starts], counts, out=matches[:, :starts])
    return matches


def contributions(codes: Codes) -> FloatArray:
    """What each kind adds at each start site that may be, float32 (n, 2 * TSS_SPREAD_BP + 1, k)."""
    matches = {e.name: _word_matches(IS_BASE[codes], e) for e in ELEMENTS.values()}
    first_tss = codes.shape[1] - DOWNSTREAM_BP - TSS_SPREAD_BP
    added = np.zeros((len(codes), 2 * TSS_SPREAD_BP + 1, len(ELEMENTS)), np.float32)
    for k, element in enumerate(ELEMENTS.values()):
        for t in range(added.shape[1]):
            start = first_tss + t + element.offset - element.spread_bp
            stop = start + 2 * element.spread_bp + 1
            found = matches[element.name][:, start:stop] * element.weights
            if element.beside:
                shift = ELEMENTS[element.beside].offset - element.offset
                found = found * matches[element.beside][:, start + shift : stop + shift]
            added[:, t, k] = element.strength * found.max(axis=1)
    return added


def promoter_scores(sequences: Sequence[str]) -> FloatArray:
    """Score sequences by the grammar that made the simulated promoters.

    The score is taken at the best start site within ``TSS_SPREAD_BP`` of the middle position,
    ``DOWNSTREAM_BP`` before the end. The true effect of a variant is the score with it less the
    score without. Letters other than A, C, G, T match no word.

    Parameters
    ----------
    sequences : all of one length, at least ``SHORTEST_BP``.

    Returns
    -------
    float32, (n,)

    Examples
    --------
    >>> promoter_scores(["A" * 160])
    array([0.], dtype=float32)
    """
    dna = Sequences.from_text(sequences)
    shortest, longest = int(dna.lengths.min(initial=SHORTEST_BP)), int(dna.lengths.max(initial=0))
    if shortest < SHORTEST_BP or (len(dna) and int(dna.lengths.min()) != longest):
        message = (
            f"sequences are {int(dna.lengths.min()):,} to {longest:,} bp long; the grammar needs "
            f"one length, {SHORTEST_BP} or more. Cut or extend them at the left end."
        )
        raise InputError(message)
    codes = dna.matrix()
    blocks = [codes[i : i + _BLOCK] for i in range(0, len(codes), _BLOCK)]
    scores = [contributions(block).sum(axis=2).max(axis=1) for block in blocks]
    return np.concatenate([np.empty(0, np.float32), *scores])
