"""Alignments that grow from short words, compiled by numba: which sequences are relatives.

The search follows BLAST: words with gaps in fixed places are looked up in an index, each hit is
extended along its diagonal, and what scores well is aligned again with gaps in a band. Scores are
log-likelihood ratios in nats, so that a chance alignment of score s has about exp(-s) of weight.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numba
import numpy as np
from numpy.typing import NDArray

from polyome._types import FloatArray, IntArray

CONSERVED = 0.5
"""Share of letters that relatives have from their ancestor; .62 identity where bases are even."""
DROP = 6.0  # nats below the best at which an extension ends
GAP_OPEN, GAP_EXTEND = 5.0, 0.7  # nats
BAND = 8  # diagonals on each side of the hit's that a gapped alignment may use
WORTH_GAPS = 6.0  # nats below what relatives need, from which an alignment with gaps is tried
DIFFERENT = 14
"""Letters of the 32 around a hit in which relatives may differ."""
PADDING = 32
"""Letters, zeros, before and after all sequences."""
STEPS = 63
"""Frequencies of bases are whole numbers up to so many, to look scores up."""
SAME_PLACE = 3  # bp by which the places of two letters differ at most, to be the same place

Codes = NDArray[np.uint8]
_F = TypeVar("_F", bound=Callable[..., Any])


def _compiled(function: _F) -> _F:
    """Compile a function; where no folder for the result is writable, in each process anew."""
    try:
        return numba.njit(cache=True)(function)
    except RuntimeError:
        return numba.njit(function)


class Index(NamedTuple):
    """Where each word occurs.

    Attributes
    ----------
    heads : int64, (words + 1,), where the entries of each word begin.
    places : int64, (m,), where in all letters the word begins, ascending within a word.
    """

    heads: IntArray
    places: IntArray


class Compare(NamedTuple):
    """How alignments are judged.

    Attributes
    ----------
    matches : float64, (2 * STEPS + 1,), score of a match by the sum of two rows' frequencies.
    mismatch : float, score of a mismatch.
    anywhere, same_place : float, nats that an alignment of relatives has, wherever its two parts
        are and where they are at the same place of both rows.
    aligned : float, nats that unrelated rows have at the same place, for what is common there; the
        first two count without it.
    with_gaps : float, nats more that an alignment with gaps needs.
    cover : float, share of the shorter row that an alignment covers.
    """

    matches: FloatArray
    mismatch: float
    anywhere: float
    same_place: float
    aligned: float
    with_gaps: float
    cover: float


def match_scores() -> FloatArray:
    """Score of a match by the sum of two rows' frequencies of its base, float64 (127,).

    Examples
    --------
    >>> match_scores()[[32, 63, 126]].round(2).tolist()
    [0.9, 0.41, 0.0]
    """
    frequencies = np.maximum(np.arange(2 * STEPS + 1), 1) / (2 * STEPS)
    return np.log(1 - CONSERVED + CONSERVED / frequencies)


@_compiled
def word_at(codes: Codes, place: int, offsets: IntArray) -> int:
    """Number the word at a place; -1 where one of its letters is no base."""
    word = 0
    for offset in offsets:
        letter = codes[place + offset]
        if letter < 1 or letter > 4:
            return -1
        word = word * 4 + letter - 1
    return word


@_compiled
def count_kmers_of(
    codes: Codes, starts: IntArray, lengths: IntArray, rows: IntArray, offsets: IntArray
) -> IntArray:
    """Count each word in some rows, int64 (4 ** weight,)."""
    counts = np.zeros(4 ** len(offsets), np.int64)
    for row in rows:
        for place in range(lengths[row] - offsets[-1]):
            word = word_at(codes, starts[row] + place, offsets)
            if word >= 0:
                counts[word] += 1
    return counts


@_compiled
def _fill(
    codes: Codes,
    starts: IntArray,
    lengths: IntArray,
    rows: IntArray,
    offsets: IntArray,
    heads: IntArray,
) -> IntArray:
    """Enter each word of some rows; words whose heads leave no room are not entered."""
    places = np.empty(heads[-1], np.int64)
    free = heads[:-1].copy()
    for row in rows:
        for place in range(lengths[row] - offsets[-1]):
            word = word_at(codes, starts[row] + place, offsets)
            if word >= 0 and free[word] < heads[word + 1]:
                places[free[word]] = starts[row] + place
                free[word] += 1
    return places


def index_kmers(
    codes: Codes,
    starts: IntArray,
    lengths: IntArray,
    rows: IntArray,
    offsets: IntArray,
    frequent: NDArray[np.bool_],
) -> Index:
    """Index the words of some rows, ascending; frequent ones are left out.

    Examples
    --------
    >>> codes = np.array([1, 2, 1, 2], np.uint8)
    >>> place = np.array([0]), np.array([4]), np.array([0]), np.array([0, 1])
    >>> found = index_kmers(codes, *place, frequent=np.zeros(16, bool))
    >>> found.places[found.heads[1] : found.heads[2]].tolist()  # AC
    [0, 2]
    """
    counts = count_kmers_of(codes, starts, lengths, rows, offsets)
    heads = np.concatenate([[0], np.cumsum(np.where(frequent, 0, counts))])
    return Index(heads, _fill(codes, starts, lengths, rows, offsets, heads))


@_compiled
def root_of(parents: IntArray, row: int) -> int:
    """Find the row that stands for a row's group, and shorten the way to it."""
    while parents[row] != row:
        parents[row] = parents[parents[row]]
        row = parents[row]
    return row


def packed(codes: Codes) -> NDArray[np.uint64]:
    """Two bits a letter, 32 letters a number, the first in the highest bits; one number more.

    Examples
    --------
    >>> [f"{number:x}" for number in packed(np.array([1, 2, 3, 4], np.uint8))]
    ['1b00000000000000', '0']
    """
    count = len(codes) // 32 + 2
    letters = np.zeros((count, 32), np.uint64)
    letters.reshape(-1)[: len(codes)] = (codes - 1) & 3
    shifts = np.arange(62, -1, -2, dtype=np.uint64)
    whole: NDArray[np.uint64] = np.bitwise_or.reduce(letters << shifts, axis=1)
    return whole[: -(-len(codes) // 32) + 1]


@_compiled
def _letters_at(packs: NDArray[np.uint64], place: int) -> np.uint64:
    """32 letters from a place on."""
    number, shift = place >> 5, np.uint64(2 * (place & 31))
    if shift == 0:
        return packs[number]
    return (packs[number] << shift) | (packs[number + 1] >> (np.uint64(64) - shift))


@_compiled
def _count_different(one: np.uint64, other: np.uint64) -> np.uint64:
    """Count the letters of 32 in which two numbers of letters differ."""
    bits = one ^ other
    bits = (bits | (bits >> np.uint64(1))) & np.uint64(0x5555555555555555)
    bits = (bits & np.uint64(0x3333333333333333)) + (
        (bits >> np.uint64(2)) & np.uint64(0x3333333333333333)
    )
    bits = (bits + (bits >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (bits * np.uint64(0x0101010101010101)) >> np.uint64(56)


@_compiled
def _extend(
    one: Codes, other: Codes, step: int, scores: FloatArray, mismatch: float
) -> tuple[float, int]:
    """Best score of a beginning of two strands of letters, and its length."""
    score = best = 0.0
    length = 0
    count = min(len(one), len(other))
    for i in range(count):
        a, b = (one[i], other[i]) if step > 0 else (one[count - 1 - i], other[count - 1 - i])
        if a == 0 or b == 0:
            continue
        score += scores[a] if a == b else mismatch
        if score > best:
            best, length = score, i + 1
        elif score < best - DROP:
            break
    return best, length


@_compiled
def _rescored(one: Codes, other: Codes, mismatch: float) -> float:
    """Score of an alignment without gaps by the composition of its own letters."""
    counts = np.full(5, 2.0)
    pairs = np.zeros(5, np.int64)
    different = 0
    for a, b in zip(one, other):
        if a == 0 or b == 0:
            continue
        counts[a] += 1
        counts[b] += 1
        if a == b:
            pairs[a] += 1
        else:
            different += 1
    total = counts[1:].sum()
    score = mismatch * different
    for a in range(1, 5):
        score += pairs[a] * np.log(1 - CONSERVED + CONSERVED * total / counts[a])
    return score


@_compiled
def align_with_gaps(
    one: Codes, other: Codes, shift: int, scores: FloatArray, mismatch: float
) -> tuple[float, int, int]:
    """Best local alignment with affine gaps near a diagonal.

    Returns
    -------
    score : nats.
    first, second : letters of each that it spans.
    """
    width = 2 * BAND + 1
    lowest = -1e9
    best, span_one, span_other = 0.0, 0, 0
    ends = np.zeros(width + 2)  # of an alignment that ends in a pair, by the diagonal
    skips = np.full(width + 2, lowest)  # in letters of `one` that `other` lacks
    first_one = np.zeros(width + 2, np.int64)  # where these alignments begin
    first_other = np.zeros(width + 2, np.int64)
    skip_one = np.zeros(width + 2, np.int64)
    skip_other = np.zeros(width + 2, np.int64)
    for i in range(len(one)):
        left, left_one, left_other = lowest, 0, 0  # in letters of `other` that `one` lacks
        for d in range(1, width + 1):
            j = i + shift + d - 1 - BAND
            before = (
                ends[d + 1],
                first_one[d + 1],
                first_other[d + 1],
            )  # (i - 1, j), one diagonal on
            skipped = skips[d + 1] - GAP_EXTEND, skip_one[d + 1], skip_other[d + 1]
            opened = before[0] - GAP_OPEN
            if opened > skipped[0]:
                skipped = opened, before[1], before[2]
            skips[d], skip_one[d], skip_other[d] = skipped
            if j < 0 or j >= len(other):
                ends[d], skips[d], left = 0.0, lowest, lowest
                continue
            a, b = one[i], other[j]
            pair = 0.0 if a == 0 or b == 0 else scores[a] if a == b else mismatch
            came, came_one, came_other = ends[d], first_one[d], first_other[d]
            if came <= 0:
                came, came_one, came_other = 0.0, i, j
            score = came + pair
            if skipped[0] > score:
                score, came_one, came_other = skipped
            if left > score:
                score, came_one, came_other = left, left_one, left_other
            if score <= 0:
                score = 0.0
            ends[d], first_one[d], first_other[d] = score, came_one, came_other
            if score > best:
                best, span_one, span_other = score, i + 1 - came_one, j + 1 - came_other
            opened, left = score - GAP_OPEN, left - GAP_EXTEND
            if opened > left:
                left, left_one, left_other = opened, came_one, came_other
    return best, span_one, span_other


@_compiled
def _without_gaps(
    one: Codes, other: Codes, x: int, y: int, scores: FloatArray, compare: Compare
) -> int:
    """Align two rows from a hit at x and y: 1 for relatives, 0 perhaps with gaps, -1 for none."""
    near = min(x, y)
    overlap = near + min(len(one) - x, len(other) - y)
    if overlap + BAND < compare.cover * min(len(one), len(other)):
        return -1
    right, ahead = _extend(one[x:], other[y:], 1, scores, compare.mismatch)
    left, behind = _extend(one[x - near : x], other[y - near : y], -1, scores, compare.mismatch)
    score = right + left
    if score < compare.anywhere - WORTH_GAPS:
        return -1
    needed = compare.anywhere
    if abs(x - y) <= SAME_PLACE:
        needed = compare.same_place + compare.aligned
    if score < needed or ahead + behind < compare.cover * min(len(one), len(other)):
        return 0
    pair = one[x - behind : x + ahead], other[y - behind : y + ahead]
    return 1 if _rescored(pair[0], pair[1], compare.mismatch) >= needed else 0


@_compiled
def _with_gaps(one: Codes, other: Codes, shift: int, scores: FloatArray, compare: Compare) -> bool:
    """Align two rows with gaps, and tell whether they are relatives."""
    score, span_one, span_other = align_with_gaps(one, other, shift, scores, compare.mismatch)
    is_long = max(span_one, span_other) >= compare.cover * min(len(one), len(other))
    needed = compare.anywhere + compare.with_gaps
    if abs(shift) <= SAME_PLACE:
        needed += compare.aligned
    return is_long and score >= needed


@_compiled
def unite_relatives(
    codes: Codes,
    starts: IntArray,
    lengths: IntArray,
    turned: Codes,
    turned_starts: IntArray,
    pack: tuple[NDArray[np.uint64], NDArray[np.uint64]],
    rows: IntArray,
    offsets: IntArray,
    index: Index,
    frequencies: IntArray,
    compare: Compare,
    parents: IntArray,
    later_only: bool,  # noqa: FBT001 - compiled functions take no keyword-only arguments
) -> int:
    """Unite the groups of relatives, in place.

    Parameters
    ----------
    codes, starts, lengths : the sequences; 0 stands for a letter that is not compared.
    turned, turned_starts : their reverse complements.
    rows : int64, ascending, compared with those of the index on both strands.
    frequencies : int64, (n, 5), of the bases in each row, of STEPS; the first column is empty.
    parents : int64, (n,), see :func:`root_of`; rows of one group are not compared.
    later_only : whether a row is compared with later rows only, as where all rows are indexed.

    Returns
    -------
    The number of alignments that united two groups.
    """
    heads = index.heads[:-1].copy()
    packs, turned_packs = pack
    scores = np.zeros(5)
    stamps = np.full(len(parents), -1)
    shifts = np.zeros(len(parents), np.int64)
    united = 0
    before = (32 - offsets[-1] - 1) // 2
    for row in rows:
        end = starts[row] + lengths[row]
        for strand in range(2):
            letters, start = (codes, starts[row]) if strand == 0 else (turned, turned_starts[row])
            one = letters[start : start + lengths[row]]
            mine_packs = packs if strand == 0 else turned_packs
            for x in range(lengths[row] - offsets[-1]):
                word = word_at(one, x, offsets)
                if word < 0:
                    continue
                stop = index.heads[word + 1]
                if later_only:
                    while heads[word] < stop and index.places[heads[word]] < end:
                        heads[word] += 1
                around = _letters_at(mine_packs, start + x - before)
                for entry in range(heads[word], stop):
                    place = index.places[entry]
                    if _count_different(around, _letters_at(packs, place - before)) > DIFFERENT:
                        continue
                    target = np.searchsorted(starts, place, side="right") - 1
                    mine = root_of(parents, row)
                    if root_of(parents, target) == mine:
                        continue
                    for base in range(1, 5):
                        own = frequencies[row, base if strand == 0 else 5 - base]
                        scores[base] = compare.matches[own + frequencies[target, base]]
                    other = codes[starts[target] : starts[target] + lengths[target]]
                    y = place - starts[target]
                    verdict = _without_gaps(one, other, x, y, scores, compare)
                    stamp = 2 * row + strand
                    near = stamps[target] == stamp and abs(y - x - shifts[target]) <= BAND // 2
                    if verdict == 0 and not near:  # once for all hits beside each other
                        stamps[target], shifts[target] = stamp, y - x
                        verdict = int(_with_gaps(one, other, y - x, scores, compare))
                    if verdict == 1:
                        parents[root_of(parents, target)] = mine
                        united += 1
    return united
