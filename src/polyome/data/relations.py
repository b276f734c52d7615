"""Simulated sequences whose class no motif tells by itself: a relation between motifs does."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from polyome._errors import InputError, listed
from polyome._types import BoolArray, IntArray

SHORTEST = 120
"""Length that a sequence must have, in bp."""


@dataclass(frozen=True)
class Grammar:
    """What the sequences are made of.

    Attributes
    ----------
    motif_bp, key_bp : length of a motif, and of the keys, values and query of recall.
    kinds : motifs of ``same``.
    near_bp : distance of ``distance`` below which two motifs are close.
    keys, values : of recall, how many there are.
    pairs : of a key and its value, in each sequence.
    """

    motif_bp: int = 8
    key_bp: int = 7
    kinds: int = 6
    near_bp: int = 40
    keys: int = 16
    values: int = 4
    pairs: int = 5


def simulate_relations(
    relation: str,
    n_sequences: int = 4000,
    length: int = 180,
    *,
    grammar: Grammar | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Simulate sequences and the class that a relation gives them.

    Relations: ``same`` (two motifs, of six, are the same one), ``order`` (which of two stands
    first), ``distance`` (two motifs lie closer than 40 bp), ``and`` (both of two motifs are there;
    else one, or none), ``xor`` (exactly one of two is there), ``compatibility`` (the last motif
    names one of three enhancers, and the partner of that is the strong one), ``recall`` (keys at
    random places, each followed by a value; a query names one key, whose value is the class).

    Parameters
    ----------
    n_sequences, length : sizes; 120 bp at least, and room for all pairs of recall.
    grammar : other numbers than the usual ones.
    seed : of the random numbers, the motifs themselves included.

    Returns
    -------
    DataFrame indexed by name: ``sequence`` and ``label``; ``attrs["simulated"]`` is True.

    Raises
    ------
    InputError
        An unknown relation; sequences too short; more pairs than keys.

    Examples
    --------
    >>> table = simulate_relations("xor", 4, 120)
    >>> table["sequence"].str.len().tolist(), sorted(table["label"].unique())
    ([120, 120, 120, 120], ['no', 'yes'])
    """
    grammar = grammar or Grammar()
    _check(relation, length, grammar)
    rng = np.random.default_rng(seed)
    letters = rng.integers(0, 4, (n_sequences, length))
    labels = RELATIONS[relation](letters, grammar, rng)
    table = pd.DataFrame(
        {"sequence": ["".join(row) for row in np.array([*"ACGT"])[letters]], "label": labels},
        index=pd.Index([f"sequence {i + 1}" for i in range(n_sequences)], name="id"),
    )
    table.attrs["simulated"] = True
    return table


def _check(relation: str, length: int, grammar: Grammar) -> None:
    if relation not in RELATIONS:
        message = f"there is no relation '{relation}'. Relations: {listed([*RELATIONS])}."
        raise InputError(message)
    if grammar.pairs > grammar.keys:
        message = f"pairs={grammar.pairs}: there are {grammar.keys} keys, each stands once."
        raise InputError(message)
    pairs = (grammar.pairs + 1) * 2 * grammar.key_bp  # and the query with its key
    least = max(SHORTEST, pairs if relation == "recall" else 0)
    if length < least:
        message = f"length={length}: sequences of '{relation}' need {least} bp or more."
        raise InputError(message)


def _motifs(number: int, size: int, rng: np.random.Generator) -> IntArray:
    return rng.integers(0, 4, (number, size))


def _places(number: int, length: int, size: int, rng: np.random.Generator) -> IntArray:
    """Starts of so many pieces of one size that do not overlap, in random order."""
    free = length - number * size
    gaps = np.sort(rng.integers(0, free + 1, number))
    starts: IntArray = rng.permutation(gaps + size * np.arange(number))
    return starts


def _write(row: IntArray, starts: Iterable[Any], pieces: Iterable[IntArray]) -> None:
    for start, piece in zip(starts, pieces, strict=True):
        row[start : start + len(piece)] = piece


def _in_words(is_so: BoolArray) -> list[str]:
    return ["yes" if one else "no" for one in is_so]


def _same(letters: IntArray, grammar: Grammar, rng: np.random.Generator) -> list[str]:
    motifs = _motifs(grammar.kinds, grammar.motif_bp, rng)
    is_same = rng.random(len(letters)) < 0.5
    for row, same in zip(letters, is_same, strict=True):
        one, other = rng.choice(grammar.kinds, 2, replace=False)
        starts = _places(2, len(row), grammar.motif_bp, rng)
        _write(row, starts, motifs[[one, one if same else other]])
    return _in_words(is_same)


def _order(letters: IntArray, grammar: Grammar, rng: np.random.Generator) -> list[str]:
    motifs = _motifs(2, grammar.motif_bp, rng)
    is_first = rng.random(len(letters)) < 0.5
    for row, first in zip(letters, is_first, strict=True):
        starts = np.sort(_places(2, len(row), grammar.motif_bp, rng))
        _write(row, starts, motifs if first else motifs[::-1])
    return _in_words(is_first)


def _distance(letters: IntArray, grammar: Grammar, rng: np.random.Generator) -> list[str]:
    motifs = _motifs(2, grammar.motif_bp, rng)
    is_near = rng.random(len(letters)) < 0.5
    for row, near in zip(letters, is_near, strict=True):
        last = len(row) - grammar.motif_bp
        ends = (grammar.motif_bp, grammar.near_bp) if near else (grammar.near_bp, last)
        distance = rng.integers(*ends)
        start = rng.integers(0, last - distance + 1)
        _write(row, (start, start + distance), rng.permutation(motifs))
    return _in_words(is_near)


def _both(letters: IntArray, grammar: Grammar, rng: np.random.Generator) -> list[str]:
    has = rng.random((len(letters), 2)) < 0.5**0.5
    _plant(letters, has, grammar, rng)
    return _in_words(has.all(axis=1))


def _exclusive(letters: IntArray, grammar: Grammar, rng: np.random.Generator) -> list[str]:
    has = rng.random((len(letters), 2)) < 0.5
    _plant(letters, has, grammar, rng)
    return _in_words(has[:, 0] ^ has[:, 1])


def _plant(letters: IntArray, has: BoolArray, grammar: Grammar, rng: np.random.Generator) -> None:
    """Write those of two motifs that a sequence has."""
    motifs = _motifs(2, grammar.motif_bp, rng)
    for row, chosen in zip(letters, has, strict=True):
        starts = _places(2, len(row), grammar.motif_bp, rng)
        _write(row, starts[chosen], motifs[chosen])


def _compatibility(letters: IntArray, grammar: Grammar, rng: np.random.Generator) -> list[str]:
    size = grammar.motif_bp
    promoters, enhancers, partners = (_motifs(n, size, rng) for n in (3, 3, 2))
    labels = []
    for row in letters:
        named, is_strong = rng.integers(3), rng.integers(0, 2, 3)
        starts = _places(3, len(row) - size, 2 * size + 1, rng)
        _write(row, starts, enhancers)
        _write(row, starts + size + 1, partners[is_strong])
        _write(row, [len(row) - size], promoters[[named]])
        labels.append(is_strong[named])
    return _in_words(np.array(labels) == 1)


def _recall(letters: IntArray, grammar: Grammar, rng: np.random.Generator) -> list[str]:
    size = grammar.key_bp
    keys, values = _motifs(grammar.keys, size, rng), _motifs(grammar.values, size, rng)
    query = rng.integers(0, 4, size)
    labels = []
    for row in letters:
        chosen = rng.choice(grammar.keys, grammar.pairs, replace=False)
        follows = rng.integers(0, grammar.values, grammar.pairs)
        named = rng.integers(grammar.pairs)
        pieces = [np.r_[keys[k], values[v]] for k, v in zip(chosen, follows, strict=True)]
        pieces.append(np.r_[query, keys[chosen[named]]])
        _write(row, _places(len(pieces), len(row), 2 * size, rng), pieces)
        labels.append(f"value {follows[named] + 1}")
    return labels


RELATIONS: dict[str, Callable[[IntArray, Grammar, np.random.Generator], list[str]]] = {
    "same": _same,
    "order": _order,
    "distance": _distance,
    "and": _both,
    "xor": _exclusive,
    "compatibility": _compatibility,
    "recall": _recall,
}
