"""Simulated promoters: sequences of a written grammar, so that what makes a promoter is known.

The grammar itself is in `promoter_grammar.py`.

Promoters and backgrounds come in pairs that hold the same words on the same strands in the same
first-order Markov chain. In the promoter the words obey the rules of place; in the background they
do not. Thus composition tells little: what counts is where a word stands, and beside which.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from polyome._errors import InputError, missing_column
from polyome._types import BoolArray, FloatArray, IntArray
from polyome.data.promoter_grammar import (
    DOWNSTREAM_BP,
    ELEMENTS,
    EXTRA,
    LABEL_NOISE,
    MISSPELLED,
    NEAR_BP,
    SHORTEST_BP,
    THRESHOLD,
    TSS_SPREAD_BP,
    Element,
    consensus_codes,
    contributions,
)
from polyome.io.nucleotides import ALLOWED, Codes, Sequences

# Share of each pair of neighbours, in per cent, rows first base. Chosen here, equal on both
# strands: 56 % G and C, CpG a third and TpA a quarter below chance, as in human promoters.
_DINUCLEOTIDES = np.array(
    [[5.5, 5.0, 7.5, 4.0], [6.8, 8.7, 5.0, 7.5], [6.2, 8.1, 8.7, 5.0], [3.5, 6.2, 6.8, 5.5]]
)
_NAMES = list(ELEMENTS)
_BLOCK = 4096  # pairs drawn at once


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
    forward, backward = (ALLOWED[word] for word in consensus_codes(element))
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
    added = np.stack([contributions(canvas.codes) for canvas in pair], axis=1)
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
