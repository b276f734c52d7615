"""The grammar of simulated reporters: how a bacterial promoter's words set its expression.

Everything here is simulated. Words, places and the form of the model follow the literature named
beside each; energies without a source are round numbers chosen here, before any model was fitted
to what they make. Expression is the occupancy of a promoter by RNA polymerase (Bintu et al. 2005
Curr Opin Genet Dev): the weights of all placements of the core promoter are summed, and activators,
repressors and the UP element change them. Energies are in units of kT.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from polyome._errors import InputError
from polyome._types import FloatArray
from polyome.io.nucleotides import (
    IS_BASE,
    MAY_BE,
    UNKNOWN_BASE,
    Codes,
    Sequences,
    reverse_complement,
)


@dataclass(frozen=True)
class ExpressionElement:
    """A kind of element.

    Parameters
    ----------
    name : of the element.
    consensus : its word in IUPAC letters, 5' to 3'; N counts nothing.
    effect : what it does.
    source : where word, place or strength were described.
    """

    name: str
    consensus: str
    effect: str
    source: str


EXPRESSION_ELEMENTS = {
    element.name: element
    for element in (
        ExpressionElement(
            "-35", "TTGACA", "affinity, letter by letter", "Lisser and Margalit 1993 NAR"
        ),
        ExpressionElement(
            "-10", "TATAAT", "affinity, letter by letter", "Lisser and Margalit 1993 NAR"
        ),
        ExpressionElement(
            "extended -10", "TG", "one base before the -10: + 1.5", "Burr et al. 2000 NAR"
        ),
        ExpressionElement(
            "UP", "NNAAAWWTWTTTTNNNAAANNN", "before the -35: up to + 3.4 (30-fold)",
            "Estrem et al. 1998 PNAS",
        ),
        ExpressionElement(
            "CRP", "TGTGANNNNNNTCACA", "activates on one face of the helix, up to three sites",
            "Gaston et al. 1990 Cell; Ushida and Aiba 1990 NAR",
        ),
        ExpressionElement(
            "LacI", "AATTGTGAGCGGATAACAATT", "represses where it overlaps the promoter",
            "Oehler et al. 1994 EMBO J",
        ),
    )
}  # fmt: skip

SHARES = {"-35": (0.69, 0.79, 0.61, 0.56, 0.54, 0.54), "-10": (0.77, 0.76, 0.60, 0.61, 0.56, 0.82)}
"""How often natural promoters have each letter of the consensus (Lisser and Margalit 1993)."""
SPACERS = {15: -2.0, 16: -0.7, 17: 0.0, 18: -0.5, 19: -1.5}
"""Energy of each distance between -35 and -10, bp; 17 is best (Aoyama et al. 1983 NAR)."""
EXTENDED, UP_STRENGTH = 1.5, 3.4
HELIX_BP = 10.5
BEST_ACTIVATOR_BP = 54
"""Bases from a CRP site's first to the -10's first where the site's middle is at -61.5."""
ACTIVATOR, ACTIVATOR_REACH_BP = 2.5, 40
WORD_MATCH = {"CRP": (1.0, 0.6, 0.25), "LacI": (1.0, 0.8, 0.5, 0.25)}
"""Occupancy of a site with no, one, two, ... letters that miss the consensus."""
REPRESSION = 20.0
REPRESSED_BP = range(-40, 30)
"""Where a LacI site may begin, from the -10's first base."""
THRESHOLD, BASAL = 12.0, 0.005
"""Energy at which the promoter is half occupied, and what is expressed without it."""
CAP = 0.9
"""Pearson's r of the truth with what is measured: no method can do better."""
SHORTEST_BP = 110

_BLOCK = 1024  # sequences at a time


def expression_scores(sequences: Sequence[str]) -> FloatArray:
    """Expression by the grammar that made the simulated reporters: log2 of the occupancy.

    The true effect of a variant is the score with it less the score without. Letters other than A,
    C, G and T match no word.

    Parameters
    ----------
    sequences : at least ``SHORTEST_BP`` long each.

    Returns
    -------
    float64, (n,)

    Examples
    --------
    >>> strong = "TTGACA" + "C" * 17 + "TATAAT"
    >>> none, good = expression_scores(["C" * 120, "C" * 60 + strong + "C" * 31])
    >>> bool(good - none > 3)
    True
    """
    dna = Sequences.from_text(sequences)
    if len(dna) and int(dna.lengths.min()) < SHORTEST_BP:
        message = (
            f"a sequence has {int(dna.lengths.min())} bp; the grammar needs {SHORTEST_BP} or more."
        )
        raise InputError(message)
    scores = np.empty(len(dna))
    for length in np.unique(dna.lengths):  # each ends where it ends, whatever stands beside it
        rows = np.flatnonzero(dna.lengths == length)
        for start in range(0, len(rows), _BLOCK):
            some = rows[start : start + _BLOCK]
            scores[some] = expression_of(dna.take(some).matrix())
    return scores


def expression_of(codes: Codes) -> FloatArray:
    """log2 expression of sequences of one length, uint8 (n, length): float64 (n,)."""
    energy = _core(codes)
    shape = (len(codes), energy.shape[2])
    energy += (_activation(codes, shape[1]) - _repression(codes, shape[1]))[:, None]
    weight = np.exp(energy - THRESHOLD).reshape(len(codes), -1).sum(axis=1)
    return np.asarray(np.log2(BASAL + weight / (1 + weight)))


def _core(codes: Codes) -> FloatArray:
    """Energy of the core promoter by spacer and by where its -10 begins, (n, 5, length)."""
    n, length = codes.shape
    energy = np.full((n, len(SPACERS), length), -np.inf)
    five, ten = (_affinity(codes, name) for name in ("-35", "-10"))
    tg = np.zeros((n, length))
    tg[:, 3:] = np.where(_misses(codes, "TG")[:, : length - 3] == 0, EXTENDED, 0)
    word = EXPRESSION_ELEMENTS["UP"].consensus
    informative = sum(letter != "N" for letter in word)
    up = np.zeros((n, length))
    match = (1 - _misses(codes, word) / informative).clip(0) ** 3 * UP_STRENGTH
    up[:, len(word) :] = match[:, : length - len(word)]
    for k, (spacer, cost) in enumerate(SPACERS.items()):
        shift = 6 + spacer  # from the -35's first base to the -10's
        ahead = (five + up)[:, : length - shift]
        energy[:, k, shift:] = ahead + ten[:, shift:] + tg[:, shift:] + cost
    energy[:, :, length - 5 :] = -np.inf
    return energy


def _affinity(codes: Codes, name: str) -> FloatArray:
    """Log-odds of the word that begins at each base, against chance: (n, length)."""
    energy = np.full(codes.shape, -np.inf)
    word = Sequences.from_text([EXPRESSION_ELEMENTS[name].consensus]).one(0)
    places = codes.shape[1] - len(word) + 1
    energy[:, :places] = 0
    for i, (letter, share) in enumerate(zip(word, SHARES[name], strict=True)):
        is_it = codes[:, i : i + places] == letter
        energy[:, :places] += np.where(is_it, np.log(4 * share), np.log(4 * (1 - share) / 3))
    return energy


def _misses(codes: Codes, word: str) -> Codes:
    """Letters of the word that miss at each base, (n, length); all of them where it would end."""
    misses = np.full(codes.shape, len(word), np.uint8)
    places = codes.shape[1] - len(word) + 1
    misses[:, :places] = 0
    bases = IS_BASE[codes]
    for i, letter in enumerate(Sequences.from_text([word]).one(0)):
        if letter != UNKNOWN_BASE:
            misses[:, :places] += (bases[:, i : i + places] & MAY_BE[letter]) == 0
    return misses


def _sites(codes: Codes, name: str) -> FloatArray:
    """Occupancy of a site, on either strand, that begins at each base: (n, length)."""
    match = np.array([*WORD_MATCH[name], 0.0])
    word = Sequences.from_text([EXPRESSION_ELEMENTS[name].consensus])
    both = {word.text(0), reverse_complement(word).text(0)}
    least = np.min([_misses(codes, text) for text in sorted(both)], axis=0)
    return np.asarray(match[np.minimum(least, len(match) - 1)])


def _activation(codes: Codes, length: int) -> FloatArray:
    """What CRP sites add to a core promoter by where its -10 begins, (n, length).

    Sites count on the face of the helix of the best one, the less the farther; together no more
    than three times one.
    """
    sites, total = _sites(codes, "CRP"), np.zeros((len(codes), length))
    for distance in range(BEST_ACTIVATOR_BP - 14, min(length, BEST_ACTIVATOR_BP + 50)):
        off = distance - BEST_ACTIVATOR_BP
        face = max(0.0, np.cos(2 * np.pi * off / HELIX_BP)) * np.exp(-abs(off) / ACTIVATOR_REACH_BP)
        total[:, distance:] += face * sites[:, : length - distance]
    return ACTIVATOR * 3 * np.tanh(total / 3)


def _repression(codes: Codes, length: int) -> FloatArray:
    """What LacI sites take from a core promoter by where its -10 begins, (n, length)."""
    sites, total = _sites(codes, "LacI"), np.zeros((len(codes), length))
    for offset in REPRESSED_BP:
        if offset <= 0:
            total[:, -offset:] += sites[:, : length + offset]
        else:
            total[:, : length - offset] += sites[:, offset:]
    return np.asarray(np.log1p(REPRESSION * total))
