"""Simulated reporters: designed promoters of a written grammar, and what a noisy assay measures.

The grammar itself is in `expression_grammar.py`.
"""

import numpy as np
import pandas as pd

from polyome._errors import InputError
from polyome._types import IntArray
from polyome.data.expression_grammar import (
    CAP,
    EXPRESSION_ELEMENTS,
    SHORTEST_BP,
    SPACERS,
    expression_of,
)
from polyome.io.nucleotides import ALLOWED, Codes, Sequences, reverse_complement, texts

_CHANCES = {"extended -10": 0.3, "UP": 0.5, "CRP": 0.35, "LacI": 0.12, "decoy": 0.6}
"""Chance of each element that may be there; of each of three CRP and two LacI sites."""
_CONSENSUS = {
    name: Sequences.from_text([element.consensus]).one(0)
    for name, element in EXPRESSION_ELEMENTS.items()
}


def simulate_expression(
    n_sequences: int = 3000, length: int = 150, *, seed: int = 0
) -> pd.DataFrame:
    """Simulate reporters of bacterial promoters whose true expression is known.

    A random sequence gets a -35 and a -10 with none to three letters changed, at a distance of 15
    to 19 bp, and by chance an extended -10, an UP element, up to three CRP sites and up to two LacI
    operators, at places that matter and at places that do not. Decoys (core words alone, on the
    other strand, half sites) stand anywhere. Noise is such that the truth itself correlates with
    the measured values by .9.

    Parameters
    ----------
    n_sequences, length : sizes; 110 bp at least.
    seed : of the random numbers.

    Returns
    -------
    DataFrame indexed by name, ``sequence``, ``expression`` (measured, log2) and ``truth``;
    ``attrs["simulated"]`` is True.

    Examples
    --------
    >>> table = simulate_expression(50)
    >>> table.columns.tolist(), table["sequence"].str.len().unique().tolist()
    (['sequence', 'expression', 'truth'], [150])
    """
    if length < SHORTEST_BP:
        message = f"length={length}: {SHORTEST_BP} bp or more are needed."
        raise InputError(message)
    rng = np.random.default_rng(seed)
    codes = rng.integers(1, 5, (n_sequences, length)).astype(np.uint8)
    for row in range(n_sequences):
        _design(codes[row], rng)
    blocks = [expression_of(codes[i : i + 1024]) for i in range(0, n_sequences, 1024)]
    truth = np.concatenate([np.empty(0), *blocks])
    noise = truth.std() * np.sqrt(1 / CAP**2 - 1)
    names = pd.Index([f"reporter {i + 1}" for i in range(n_sequences)], name="id")
    table = pd.DataFrame(
        {
            "sequence": texts(codes),
            "expression": truth + rng.normal(0, noise, n_sequences),
            "truth": truth,
        },
        index=names,
    )
    table.attrs["simulated"] = True
    return table


def _design(codes: Codes, rng: np.random.Generator) -> None:
    """Write the elements of one reporter into a random sequence, in place."""
    length = len(codes)
    for _ in range(2):
        if rng.random() < _CHANCES["decoy"]:
            _decoy(codes, rng)
    ten = length - 30 + int(rng.integers(-6, 7))
    spacer = int(rng.choice(list(SPACERS), p=[0.1, 0.2, 0.4, 0.2, 0.1]))
    five = ten - 6 - spacer
    _sites(codes, "CRP", 3, ten - 54 + rng.integers(-45, 15, 3), rng)
    if rng.random() < _CHANCES["UP"]:
        _put(codes, five - 22, _word("UP", int(rng.integers(0, 6)), rng))
    _put(codes, five, _word("-35", int(rng.integers(0, 4)), rng))
    _put(codes, ten, _word("-10", int(rng.integers(0, 4)), rng))
    if rng.random() < _CHANCES["extended -10"]:
        _put(codes, ten - 3, _word("extended -10", 0, rng))
    _sites(codes, "LacI", 2, rng.integers(0, length - 21, 2), rng)


def _sites(codes: Codes, name: str, most: int, places: IntArray, rng: np.random.Generator) -> None:
    for place in places[:most]:
        if rng.random() < _CHANCES[name]:
            _put(codes, int(place), _word(name, int(rng.integers(0, 3)), rng))


def _decoy(codes: Codes, rng: np.random.Generator) -> None:
    """A core word anywhere, on either strand, or half a CRP site."""
    kind = int(rng.integers(0, 3))
    word = _word(("-35", "-10", "CRP")[kind], 0, rng)
    if kind == 2:
        word = word[:5]
    if rng.random() < 0.5:
        turned = Sequences(word, np.array([0]), np.array([len(word)]))
        word = reverse_complement(turned).codes
    _put(codes, int(rng.integers(0, len(codes) - len(word))), word)


def _word(name: str, changed: int, rng: np.random.Generator) -> Codes:
    """An element's word with some letters drawn anew, uint8 (word,)."""
    consensus = _CONSENSUS[name]
    chances = np.where(ALLOWED[consensus], rng.random((len(consensus), 4)), -1)
    word = (chances.argmax(axis=1) + 1).astype(np.uint8)
    places = rng.choice(len(word), min(changed, len(word)), replace=False)
    word[places] = rng.integers(1, 5, len(places))
    return word


def _put(codes: Codes, place: int, word: Codes) -> None:
    """Write a word; what would stand before the beginning or past the end is left out."""
    first, last = max(0, place), min(len(codes), place + len(word))
    if first < last:
        codes[first:last] = word[first - place : last - place]


def simulate_levels(n_sequences: int = 240, length: int = 60, *, seed: int = 0) -> pd.DataFrame:
    """Simulate easy reporters: random letters, and a level that counts the boxes among them.

    For tests and first steps; `simulate_expression` has a grammar.

    Parameters
    ----------
    n_sequences, length : sizes; 40 bp at least.
    seed : of the random numbers.

    Returns
    -------
    DataFrame indexed by name: ``sequence``; ``level``, the number of boxes (0 to 3) with noise of
    standard deviation .3; ``other``, which falls as the level rises, missing in every fifth row.
    ``attrs["simulated"]`` is True.

    Examples
    --------
    >>> simulate_levels(3)["sequence"].str.len().tolist()
    [60, 60, 60]
    """
    rng = np.random.default_rng(seed)
    codes = rng.integers(1, 5, (n_sequences, length)).astype(np.uint8)
    box = Sequences.from_text(["TATAAAAG"]).one(0)
    number = rng.integers(0, 4, n_sequences)
    for row, boxes in zip(codes, number, strict=True):
        for place in rng.permutation(length // 10)[:boxes]:
            _put(row, int(10 * place), box)
    level = number + rng.normal(0, 0.3, n_sequences)
    other = 1 - 2 * number + rng.normal(0, 0.3, n_sequences)
    table = pd.DataFrame(
        {
            "sequence": texts(codes),
            "level": level,
            "other": np.where(np.arange(n_sequences) % 5 == 0, np.nan, other),
        },
        index=pd.Index([f"reporter {i + 1}" for i in range(n_sequences)], name="id"),
    )
    table.attrs["simulated"] = True
    return table
