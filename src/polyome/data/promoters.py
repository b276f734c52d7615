"""Simulated promoters: sequences of a written grammar, so that what makes a promoter is known.

Everything here is simulated. The words, places and partners of the elements follow the literature
named beside each; reviews: Juven-Gershon and Kadonaga 2010 Dev Biol, Haberle and Stark 2018 Nat Rev
Mol Cell Biol. Strengths and rates are round numbers chosen here: the order of the strengths leans
on the super core promoter (Juven-Gershon et al. 2006 Nat Methods) and on measured native promoters
(Weingarten-Gabbay et al. 2019 Genome Res); rates are above a genome's, so that small sets show
every kind.

Promoters and backgrounds come in pairs that hold the same words on the same strands in the same
first-order Markov chain. In the promoter the words obey the rules of place; in the background they
do not. Thus composition tells little: what counts is where a word stands, and beside which.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from polyome._errors import InputError, missing_column
from polyome._types import BoolArray, FloatArray, IntArray
from polyome.io.nucleotides import Codes, Sequences, base_shares, reverse_complement


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

# Share of each pair of neighbours, in per cent, rows first base. Chosen here, equal on both
# strands: 56 % G and C, CpG a third and TpA a quarter below chance, as in human promoters.
_DINUCLEOTIDES = np.array(
    [[5.5, 5.0, 7.5, 4.0], [6.8, 8.7, 5.0, 7.5], [6.2, 8.1, 8.7, 5.0], [3.5, 6.2, 6.8, 5.5]]
)
_NAMES = list(ELEMENTS)
_ALLOWED = base_shares() > 0  # (16, 4)
_BITS = (_ALLOWED @ (1 << np.arange(4))).astype(np.uint8)  # of each code: one bit a base
_ONE_BASE = np.where(_ALLOWED.sum(axis=1) == 1, _BITS, 0).astype(np.uint8)  # N matches nothing
_BLOCK = 4096  # sequences scored at once


def _consensus(element: Element) -> tuple[Codes, Codes]:
    dna = Sequences.from_text([element.consensus])
    return dna.one(0), reverse_complement(dna).one(0)


def _word_matches(bases: Codes, element: Element) -> FloatArray:
    """What the word at each start counts, float32 (n, length)."""
    starts = bases.shape[1] - len(element.consensus) + 1
    matches = np.zeros(bases.shape, np.float32)
    for word in _consensus(element)[: 1 + element.both_strands]:
        misses = np.zeros((len(bases), starts), np.uint8)
        for i, code in enumerate(word):
            misses += (bases[:, i : i + starts] & _BITS[code]) == 0
        counts = np.array(WORD_MATCH, np.float32)[np.minimum(misses, len(WORD_MATCH) - 1)]
        np.maximum(matches[:, :starts], counts, out=matches[:, :starts])
    return matches


def _contributions(codes: Codes) -> FloatArray:
    """What each kind adds at each start site that may be, float32 (n, 2 * TSS_SPREAD_BP + 1, k)."""
    matches = {e.name: _word_matches(_ONE_BASE[codes], e) for e in ELEMENTS.values()}
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
    >>> table = simulate_promoters(20, seed=0)
    >>> bool(np.allclose(promoter_scores(list(table["sequence"])), table["score"]))
    True
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
    scores = [_contributions(block).sum(axis=2).max(axis=1) for block in blocks]
    return np.concatenate([np.empty(0, np.float32), *scores])


@dataclass(frozen=True)
class _Blueprint:
    """The words of a promoter and of its background: k that obey the rules, then k extra ones."""

    tss: IntArray  # (m,), index of +1
    present: BoolArray  # (m, 2k)
    reverse: BoolArray  # (m, 2k)
    words: list[Codes]  # 2k of (m, word)


def _spelled(rng: np.random.Generator, element: Element, reverse: BoolArray) -> Codes:
    """Words of an element, as read on the forward strand, uint8 (m, word)."""
    m, width = len(reverse), len(element.consensus)
    forward, backward = (_ALLOWED[word] for word in _consensus(element))
    allowed = np.where(reverse[:, None, None], backward, forward)  # (m, word, 4)
    wrong = np.flatnonzero(rng.random(m) < MISSPELLED)
    where = rng.integers(0, width, len(wrong))
    allowed[wrong, where] = ~allowed[wrong, where]
    chosen = np.where(allowed, rng.random(allowed.shape, np.float32), -1).argmax(axis=2)
    return (chosen + 1).astype(np.uint8)


def _blueprint(rng: np.random.Generator, m: int, length: int) -> _Blueprint:
    elements = list(ELEMENTS.values())
    k = len(elements)
    chances = np.array([e.presence for e in elements] + [EXTRA] * k)
    present = rng.random((m, 2 * k)) < chances
    for i, element in enumerate(elements):
        if element.beside:
            present[:, i] &= present[:, _NAMES.index(element.beside)]
    reverse = rng.random((m, 2 * k)) < 0.5
    reverse[:, :k] &= np.array([e.both_strands for e in elements])
    words = [_spelled(rng, elements[i % k], reverse[:, i]) for i in range(2 * k)]
    middle = length - DOWNSTREAM_BP
    tss = middle + rng.integers(-TSS_SPREAD_BP, TSS_SPREAD_BP + 1, m)
    return _Blueprint(tss, present, reverse, words)


def _chain(rng: np.random.Generator, m: int, length: int) -> Codes:
    """Sequences of the Markov chain, uint8 (m, length)."""
    shares = _DINUCLEOTIDES.sum(axis=1) / _DINUCLEOTIDES.sum()
    steps = (_DINUCLEOTIDES / _DINUCLEOTIDES.sum(axis=1, keepdims=True)).cumsum(axis=1)
    chance = rng.random((length, m), np.float32)
    codes = np.empty((length, m), np.uint8)
    codes[0] = np.searchsorted(shares.cumsum()[:3], chance[0], side="right")
    for i in range(1, length):
        codes[i] = (chance[i][:, None] >= steps[codes[i - 1], :3]).sum(axis=1)
    return np.ascontiguousarray(codes.T) + np.uint8(1)


class _Canvas:
    """Sequences being written: no word may overwrite another."""

    def __init__(self, rng: np.random.Generator, codes: Codes) -> None:
        self.rng, self.codes = rng, codes
        self.taken = np.zeros(codes.shape, bool)
        self.complete = np.ones(len(codes), bool)

    def plant(self, rows: IntArray, words: Codes, weights: FloatArray) -> IntArray:
        """Write a word into each row, at a free start drawn by weight (r, starts)."""
        width = words.shape[1]
        covered = np.pad(self.taken[rows].cumsum(axis=1, dtype=np.int16), ((0, 0), (1, 0)))
        weights = np.where(covered[:, width:] == covered[:, :-width], weights, 0)
        wait = self.rng.standard_exponential(weights.shape, np.float32)
        wait = np.where(weights > 0, wait / np.where(weights > 0, weights, 1), np.inf)
        starts = wait.argmin(axis=1)
        self.complete[rows[np.isinf(wait.min(axis=1))]] = False  # no room: the pair is not kept
        places = rows[:, None], starts[:, None] + np.arange(width)
        self.codes[places], self.taken[places] = words, True
        return starts


def _lawful(element: Element, tss: IntArray, partner: IntArray, starts: int) -> FloatArray:
    """Weight of each start that obeys the rules, (r, starts)."""
    at = np.arange(starts)
    if element.beside:
        distance = element.offset - ELEMENTS[element.beside].offset
        return (at == partner[:, None] + distance).astype(np.float32)
    away = np.abs(at - (tss[:, None] + element.offset))
    weights = element.weights[element.spread_bp :]
    return np.where(away <= element.spread_bp, weights[np.minimum(away, element.spread_bp)], 0)


def _unlawful(
    rng: np.random.Generator, element: Element, tss: IntArray, reverse: BoolArray, length: int
) -> FloatArray:
    """Weight of each start where the word counts nothing for this start site, (r, starts).

    A word that counts on both strands stands outside its window. Others stand near but off their
    place (half of them) or far; on the wrong strand they may stand in place, too.
    """
    at = np.arange(length - len(element.consensus) + 1)
    if element.both_strands:
        away = np.abs(at - (length - DOWNSTREAM_BP + element.offset))
        outside = away > element.spread_bp + TSS_SPREAD_BP
        return np.broadcast_to(outside, (len(tss), len(at))).astype(np.float32)
    away = np.abs(at - (tss[:, None] + element.offset))
    near = rng.random((len(tss), 1)) < 0.5
    wrong = ((away <= NEAR_BP) == near) & ((away > element.spread_bp) | reverse[:, None])
    return wrong.astype(np.float32)


def _arranged(canvas: _Canvas, plan: _Blueprint, *, obeys: bool) -> IntArray:
    """Plant all words of the plan; where each begins, int64 (m, 2k), -1 where there is none."""
    k, length = len(ELEMENTS), canvas.codes.shape[1]
    starts = np.full(plan.present.shape, -1)
    for i, words in enumerate(plan.words):
        element = ELEMENTS[_NAMES[i % k]]
        rows = np.flatnonzero(plan.present[:, i])
        tss = plan.tss[rows]
        if obeys and i < k:
            partner = starts[rows, _NAMES.index(element.beside or element.name)]
            weights = _lawful(element, tss, partner, length - words.shape[1] + 1)
        else:
            weights = _unlawful(canvas.rng, element, tss, plan.reverse[rows, i], length)
        starts[rows, i] = canvas.plant(rows, words[rows], weights)
    return starts


@dataclass(frozen=True)
class _Drawn:
    """Pairs of a promoter and a background: second axis 2 where both are held."""

    codes: Codes  # (p, 2, length)
    starts: IntArray  # (p, 2, 2k)
    scores: FloatArray  # (p, 2)
    strengths: FloatArray  # (p, k), of the promoter's elements
    reverse: BoolArray  # (p, 2k)
    tss: IntArray  # (p,)


def _draw(rng: np.random.Generator, m: int, length: int) -> _Drawn:
    """Draw m pairs; keep those whose promoter passes the threshold and whose background fails."""
    plan = _blueprint(rng, m, length)
    pair = [_Canvas(rng, _chain(rng, m, length)) for _ in range(2)]
    starts = np.stack([_arranged(c, plan, obeys=i == 0) for i, c in enumerate(pair)], axis=1)
    added = np.stack([_contributions(canvas.codes) for canvas in pair], axis=1)
    scores = added.sum(axis=3).max(axis=2)
    kept = (scores[:, 0] >= THRESHOLD) & (scores[:, 1] < THRESHOLD)
    rows = np.flatnonzero(kept & pair[0].complete & pair[1].complete)
    place = plan.tss[rows] - (length - DOWNSTREAM_BP - TSS_SPREAD_BP)
    codes = np.stack([canvas.codes[rows] for canvas in pair], axis=1)
    strengths = added[rows, 0, place]
    return _Drawn(codes, starts[rows], scores[rows], strengths, plan.reverse[rows], plan.tss[rows])


def _pairs(rng: np.random.Generator, n: int, length: int) -> _Drawn:
    """Draw until there are n pairs."""
    drawn: list[_Drawn] = []
    missing = n
    while missing > 0:
        drawn.append(_draw(rng, min(2 * missing + 64, _BLOCK), length))
        missing -= len(drawn[-1].tss)
    names = list(_Drawn.__dataclass_fields__)
    return _Drawn(**{a: np.concatenate([getattr(d, a) for d in drawn])[:n] for a in names})


def _told(kinds: Iterable[int], drawn: _Drawn, pair: int, which: int) -> str:
    """JSON of the words of these columns, in the order of the sequence."""
    k = len(ELEMENTS)
    found = [
        {
            "name": _NAMES[i % k],
            "start": int(drawn.starts[pair, which, i]),
            "strand": "-" if drawn.reverse[pair, i] else "+",
            "length": len(ELEMENTS[_NAMES[i % k]].consensus),
            "strength": round(float(drawn.strengths[pair, i]), 3) if which == 0 and i < k else 0.0,
        }
        for i in kinds
        if drawn.starts[pair, which, i] >= 0
    ]
    return json.dumps(sorted(found, key=lambda word: word["start"]))


def simulate_promoters(
    n_sequences: int = 2000, length: int = SHORTEST_BP, *, seed: int = 0
) -> pd.DataFrame:
    """Simulate promoters and backgrounds that hold the same words at other places.

    Half of the sequences are promoters: the words of ``ELEMENTS`` stand where the grammar wants
    them, around a start site up to ``TSS_SPREAD_BP`` from its middle position, and their score is
    at least ``THRESHOLD``. The others hold as many of the same words, off their place, distance or
    strand, and score less; both hold further words off their place. ``LABEL_NOISE`` of the labels
    are swapped, so that the true score is right for about 97 % of them, and nothing can be better.

    Parameters
    ----------
    n_sequences : promoters and backgrounds together, at least 2.
    length : of every sequence in bp, at least ``SHORTEST_BP``; what is added is upstream.
    seed : of the random numbers.

    Returns
    -------
    DataFrame, indexed by ``id``, ``attrs["simulated"]`` True: ``sequence``; ``label``, 'promoter'
    or 'background', with noise; ``score``, the truth; ``tss``, 0-based index of the start site that
    words obey or avoid; ``elements``, JSON of the words that obey the rules (name, 0-based start,
    strand, length, strength: what its kind adds to the score at ``tss``); ``decoys``, the same of
    the words that do not.

    Examples
    --------
    >>> table = simulate_promoters(100, seed=0)
    >>> table.shape, sorted(table["label"].unique()), table.attrs["simulated"]
    ((100, 6), ['background', 'promoter'], True)
    """
    if n_sequences < 2 or length < SHORTEST_BP:
        message = (
            f"n_sequences={n_sequences}, length={length}: at least 2 sequences of {SHORTEST_BP} bp "
            f"are needed, so that every element has room. Pass n_sequences=2000, length=160."
        )
        raise InputError(message)
    rng = np.random.default_rng(seed)
    drawn = _pairs(rng, (n_sequences + 1) // 2, length)
    order = rng.permutation(n_sequences)
    pairs, which = order // 2, order % 2
    is_promoter = (which == 0) ^ (rng.random(n_sequences) < LABEL_NOISE)
    k = len(ELEMENTS)
    spelled = Sequences(drawn.codes.reshape(-1), order * length, np.full(n_sequences, length))
    table = pd.DataFrame(
        {
            "sequence": [spelled.text(i) for i in range(n_sequences)],
            "label": np.where(is_promoter, "promoter", "background"),
            "score": drawn.scores[pairs, which].astype(np.float64),
            "tss": drawn.tss[pairs],
            "elements": [
                _told(range(k) if w == 0 else [], drawn, p, w) for p, w in zip(pairs, which)
            ],
            "decoys": [
                _told(range(k if w == 0 else 0, 2 * k), drawn, p, w) for p, w in zip(pairs, which)
            ],
        },
        index=pd.Index([f"simulated_{i + 1}" for i in range(n_sequences)], name="id"),
    )
    table.attrs["simulated"] = True
    return table


def planted(table: pd.DataFrame, column: str = "elements") -> BoolArray:
    """Which positions lie in planted elements: bool (n, length).

    Parameters
    ----------
    table : of ``simulate_promoters``, or rows of it.
    column : 'elements', the words that obey the rules, or 'decoys', those that do not.

    Examples
    --------
    >>> table = simulate_promoters(100, seed=0)
    >>> inside = planted(table)
    >>> inside.shape, bool(inside[table["score"] < THRESHOLD].any())
    ((100, 160), False)
    """
    for name in ("sequence", column):
        if name not in table:
            raise missing_column(name, table.columns, role="planted words", where="table")
    inside = np.zeros((len(table), max(map(len, table["sequence"]), default=0)), bool)
    for row, words in enumerate(table[column]):
        for word in json.loads(words):
            inside[row, word["start"] : word["start"] + word["length"]] = True
    return inside
