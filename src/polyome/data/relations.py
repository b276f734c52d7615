"""Simulated sequences whose class no motif tells by itself: a relation between motifs does."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from polyome._errors import InputError, listed
from polyome._types import IntArray

MOTIF_BP = 8
KEY_BP = 7
SLOT_BP = 18
"""Least distance between the starts of two motifs that have no partner."""


@dataclass(frozen=True)
class Grammar:
    """How much there is to tell apart; only recall uses all of it.

    Attributes
    ----------
    keys, values : how many there are.
    pairs : of a key and its value, in each sequence.
    """

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
    else one, or none), ``xor`` (exactly one of two is there), ``compatibility`` (the last 8 bp name
    one of three enhancers, and its partner is the strong one), ``recall`` (keys at random places,
    each followed by a value; a query names one key, whose value is the class).

    Parameters
    ----------
    n_sequences, length : sizes; 120 bp at least, for recall 14 bp for each pair and the query.
    grammar : of recall.
    seed : of the random numbers, the motifs themselves included.

    Returns
    -------
    DataFrame indexed by name: ``sequence`` and ``label``; ``attrs["simulated"]`` is True.

    Examples
    --------
    >>> table = simulate_relations("xor", 4, 120)
    >>> table["sequence"].str.len().tolist(), sorted(table["label"].unique())
    ([120, 120, 120, 120], ['no', 'yes'])
    """
    if relation not in RELATIONS:
        message = f"there is no relation '{relation}'. Relations: {listed([*RELATIONS])}."
        raise InputError(message)
    rng = np.random.default_rng(seed)
    letters = rng.integers(0, 4, (n_sequences, length))
    if relation == "recall":
        labels = _recall(letters, grammar or Grammar(), rng)
    else:
        labels = RELATIONS[relation](letters, rng)
    table = pd.DataFrame(
        {"sequence": ["".join(row) for row in np.array([*"ACGT"])[letters]], "label": labels},
        index=pd.Index([f"sequence {i + 1}" for i in range(n_sequences)], name="id"),
    )
    table.attrs["simulated"] = True
    return table


def _motifs(number: int, size: int, rng: np.random.Generator) -> IntArray:
    return rng.integers(0, 4, (number, size))


def _places(number: int, length: int, size: int, rng: np.random.Generator) -> IntArray:
    """Starts of so many pieces of one size that do not overlap, in random order."""
    free = length - number * size
    gaps = np.sort(rng.integers(0, free + 1, number))
    starts: IntArray = rng.permutation(gaps + size * np.arange(number))
    return starts


def _answers(is_so: np.ndarray) -> list[str]:
    return ["yes" if one else "no" for one in is_so]


def _same(letters: IntArray, rng: np.random.Generator) -> list[str]:
    motifs = _motifs(6, MOTIF_BP, rng)
    is_same = rng.random(len(letters)) < 0.5
    for row, same in zip(letters, is_same, strict=True):
        one, other = rng.choice(6, 2, replace=False)
        for start, k in zip(_places(2, len(row), MOTIF_BP, rng), (one, one if same else other)):
            row[start : start + MOTIF_BP] = motifs[k]
    return _answers(is_same)


def _order(letters: IntArray, rng: np.random.Generator) -> list[str]:
    motifs = _motifs(2, MOTIF_BP, rng)
    is_first = rng.random(len(letters)) < 0.5
    for row, first in zip(letters, is_first, strict=True):
        starts = np.sort(_places(2, len(row), MOTIF_BP, rng))
        for start, k in zip(starts, (0, 1) if first else (1, 0), strict=True):
            row[start : start + MOTIF_BP] = motifs[k]
    return _answers(is_first)


def _distance(letters: IntArray, rng: np.random.Generator) -> list[str]:
    motifs = _motifs(2, MOTIF_BP, rng)
    is_near = rng.random(len(letters)) < 0.5
    for row, near in zip(letters, is_near, strict=True):
        most = len(row) - MOTIF_BP
        apart = rng.integers(MOTIF_BP, 40) if near else rng.integers(40, most)
        start = rng.integers(0, most - apart + 1)
        for place, k in zip((start, start + apart), rng.permutation(2), strict=True):
            row[place : place + MOTIF_BP] = motifs[k]
    return _answers(is_near)


def _both(letters: IntArray, rng: np.random.Generator) -> list[str]:
    has = rng.random((len(letters), 2)) < 0.5**0.5
    _plant(letters, has, rng)
    return _answers(has.all(axis=1))


def _exclusive(letters: IntArray, rng: np.random.Generator) -> list[str]:
    has = rng.random((len(letters), 2)) < 0.5
    _plant(letters, has, rng)
    return _answers(has[:, 0] ^ has[:, 1])


def _plant(letters: IntArray, has: np.ndarray, rng: np.random.Generator) -> None:
    motifs = _motifs(2, MOTIF_BP, rng)
    for row, chosen in zip(letters, has, strict=True):
        starts = _places(2, len(row), MOTIF_BP, rng)
        for k in np.flatnonzero(chosen):
            row[starts[k] : starts[k] + MOTIF_BP] = motifs[k]


def _compatibility(letters: IntArray, rng: np.random.Generator) -> list[str]:
    kinds, enhancers, partners = (_motifs(n, MOTIF_BP, rng) for n in (3, 3, 2))
    labels = []
    for row in letters:
        asked, strong = rng.integers(3), rng.integers(0, 2, 3)
        starts = _places(3, len(row) - MOTIF_BP, 2 * MOTIF_BP + 1, rng)
        for k, start in enumerate(starts):
            row[start : start + MOTIF_BP] = enhancers[k]
            start += MOTIF_BP + 1
            row[start : start + MOTIF_BP] = partners[strong[k]]
        row[-MOTIF_BP:] = kinds[asked]
        labels.append(strong[asked])
    return _answers(np.array(labels) == 1)


def _recall(letters: IntArray, grammar: Grammar, rng: np.random.Generator) -> list[str]:
    keys, values = _motifs(grammar.keys, KEY_BP, rng), _motifs(grammar.values, KEY_BP, rng)
    query = rng.integers(0, 4, KEY_BP)
    labels = []
    for row in letters:
        chosen = rng.choice(grammar.keys, grammar.pairs, replace=False)
        follows = rng.integers(0, grammar.values, grammar.pairs)
        asked = rng.integers(grammar.pairs)
        pieces = [np.r_[keys[k], values[v]] for k, v in zip(chosen, follows, strict=True)]
        pieces.append(np.r_[query, keys[chosen[asked]]])
        starts = _places(len(pieces), len(row), 2 * KEY_BP, rng)
        for start, piece in zip(starts, pieces, strict=True):
            row[start : start + 2 * KEY_BP] = piece
        labels.append(f"value {follows[asked] + 1}")
    return labels


RELATIONS: dict[str, Callable[[IntArray, np.random.Generator], list[str]]] = {
    "same": _same,
    "order": _order,
    "distance": _distance,
    "and": _both,
    "xor": _exclusive,
    "compatibility": _compatibility,
    "recall": lambda letters, rng: _recall(letters, Grammar(), rng),
}
