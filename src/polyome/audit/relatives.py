"""Relatives that share no stretch: copies of which many letters have changed.

Where a third of the letters differ, two copies share hardly a stretch of 10 bp, but far more short
words at one distance than unrelated sequences do. From such words alignments grow
(:mod:`polyome.audit.seed_search`). Two sequences are relatives where an alignment covers two thirds
of the shorter one (``COVER``) and is not to be expected by chance among all rows of the set. What
chance gives depends on the composition of the two rows, their lengths and the number of rows.
Sequences that are lined up, as promoters at their start, need less evidence at the same place than
elsewhere, and more where columns are alike in all rows, as in a TATA box. Letters of simple repeats
are not compared. Maintained aligners (parasail, edlib, pyopal) compare given pairs but do not find
them, and mappy's minimizers need longer words.

Share of the copies that are found in one group, families of 8 copies of one ancestor, in 800 rows
(``tests/unit/audit/test_relatives.py``, measured):

=======================================  ======  ======  ======  ======
copies of                                70 bp   80 bp   150 bp  300 bp
=======================================  ======  ======  ======  ======
62 % identity (30 % of letters redrawn)  1.00    1.00    1.00    1.00
the same, shifted by up to 15 bp         .86     .94     1.00    1.00
the same, 2 % of letters left out or in  .64     .71     .96     1.00
=======================================  ======  ======  ======  ======

Among 40,000 unrelated rows of 70 bp, .76 of the copies of families of four are found together at
62 % identity, .95 at 68 %.
Dinucleotide shuffles of the six promoter sets, and shuffles of 10-bp blocks among the rows of a
class, give false relatives to at most .2 % of the rows. Their real relatives are
repeats (Alu, B1, REP), paralogues and overlapping windows.
"""

import numpy as np

from polyome._types import BoolArray, IntArray
from polyome.audit.seed_search import (
    CONSERVED,
    PADDING,
    SAME_PLACE,
    STEPS,
    Codes,
    Compare,
    count_kmers_of,
    index_kmers,
    match_scores,
    packed,
    root_of,
    unite_relatives,
)
from polyome.io.nucleotides import Sequences, reverse_complement

COVER = 0.66
"""Share of the shorter sequence that an alignment of relatives covers."""
FALSE_LINKS = 0.0005
"""Pairs of unrelated rows that may pass for relatives, by the number of rows."""
GAPS = 3.0  # nats more for an alignment with gaps, which has more ways to come about by chance
MOST_COMMON = 12.0
_PLACES = 0.1  # of the ends of an alignment that differ; Karlin and Altschul's K
_PATTERNS = (
    "100100010111",
    "10010001001111",
    "10100110010111",
    "11010100110111",
    "1011011101000111",
    "11011000110010111",
    "1101100111010010111",
)
"""Words with gaps, of 6 to 12 letters: at 62 % identity they are in more pairs of 80 bp than words
without gaps, .94 instead of .85 for 6 letters."""
MOST_HITS = 2e8
"""Pairs of equal words that are looked at; words are as short as this allows."""
_WINDOW, _LONGEST_PERIOD, _PERIODIC = 16, 6, 0.8  # of simple repeats


def unite(
    dna: Sequences,
    groups: IntArray,
    *,
    rows_a: IntArray | None = None,
    rows_b: IntArray | None = None,
) -> IntArray:
    """Unite groups whose members are relatives on either strand.

    Parameters
    ----------
    groups : int64, (n,), what is known already; rows of one group are not compared.
    rows_a, rows_b : compare the rows of these two only; None compares all. Evidence is weighed by
        the whole set in both cases.

    Returns
    -------
    int64, (n,): for each row the number of one row of its group.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> parent = rng.choice(list("ACGT"), 200)
    >>> copies = [np.where(rng.random(200) < 0.3, rng.choice(list("ACGT"), 200), parent)
    ...           for _ in range(3)]
    >>> dna = Sequences.from_text(["".join(copy) for copy in [*copies, rng.permutation(parent)]])
    >>> found = unite(dna, np.arange(4))
    >>> [int(row == found[0]) for row in found]
    [1, 1, 1, 0]
    """
    parents = _first_of_each(groups)
    if len(dna) < 2 or int(dna.lengths.max()) < len(_PATTERNS[0]):
        return parents
    dna = _plain(dna)
    everyone = np.arange(len(dna))
    rows = everyone if rows_a is None else np.unique(rows_a)
    indexed = everyone if rows_b is None else np.unique(rows_b)
    offsets, frequent = _choose_words(dna)
    place = dna.codes, dna.starts, dna.lengths
    index = index_kmers(*place, indexed, offsets, frequent)
    turned = _padded(reverse_complement(dna))
    unite_relatives(
        *place,
        turned.codes,
        turned.starts,
        (packed(dna.codes), packed(turned.codes)),
        rows,
        offsets,
        index,
        _frequencies(dna),
        _comparison(dna),
        parents,
        rows_b is None,
    )
    return np.array([root_of(parents, row) for row in range(len(parents))], np.int64)


def _first_of_each(groups: IntArray) -> IntArray:
    """The first row of each row's group, int64 (n,)."""
    first, place = np.unique(groups, return_index=True, return_inverse=True)[1:]
    found: IntArray = first[place].astype(np.int64)
    return found


def _comparison(dna: Sequences) -> Compare:
    """What an alignment needs: as many nats as chance does not give among all rows."""
    allowed = max(FALSE_LINKS * len(dna), 0.05)
    total = float(max(1, dna.lengths.sum()))
    anywhere = np.log(_PLACES * total**2 / allowed)
    same_place = np.log(len(dna) ** 2 / 2 * (2 * SAME_PLACE + 1) / allowed)
    return Compare(
        match_scores(),
        float(np.log(1 - CONSERVED)),
        float(anywhere),
        float(min(anywhere, same_place)),
        _common_nats(dna),
        GAPS,
        COVER,
    )


def _common_nats(dna: Sequences) -> float:
    """Nats that unrelated rows have in common at the same place, as promoters have a TATA box.

    Few large families have much in common too: at most ``MOST_COMMON`` is held against relatives.
    """
    width = int(np.median(dna.lengths))
    whole = np.bincount(dna.codes, minlength=5)[1:5]
    usual = ((whole / max(1, whole.sum())) ** 2).sum()
    worth = np.log(1 + CONSERVED / (1 - CONSERVED) / max(usual, 0.1))  # of a match for a mismatch
    nats = 0.0
    for i in range(width):
        letters = dna.codes[dna.starts[dna.lengths > i] + i]
        counts = np.bincount(letters, minlength=5)[1:5]
        alike = ((counts / max(1, counts.sum())) ** 2).sum() - 1 / max(1, counts.sum())
        nats += max(0.0, alike - usual) * worth
    return float(min(nats, MOST_COMMON))


def _choose_words(dna: Sequences) -> tuple[IntArray, BoolArray]:
    """Choose the words: places of their letters, and which words are too frequent to be used."""
    rows = np.arange(len(dna))
    for pattern in _PATTERNS:
        offsets = np.flatnonzero(np.array(list(pattern)) == "1").astype(np.int64)
        counts = count_kmers_of(dna.codes, dna.starts, dna.lengths, rows, offsets).astype(
            np.float64
        )
        if (counts**2).sum() <= MOST_HITS:
            break
    frequent = np.zeros(len(counts), bool)
    if (counts**2).sum() > MOST_HITS:
        order = np.argsort(counts)
        frequent[order[np.cumsum(counts[order] ** 2) > MOST_HITS]] = True
    return offsets, frequent


def _frequencies(dna: Sequences) -> IntArray:
    """Frequency of each base in each row, of STEPS: int64 (n, 5); the first column is empty."""
    found = np.zeros((len(dna), 5))
    for base in range(1, 5):
        total = np.concatenate([[0], np.cumsum(dna.codes == base)])
        found[:, base] = total[dna.starts + dna.lengths] - total[dna.starts]
    found[:, 1:] += 2  # few letters say little
    found /= found.sum(axis=1, keepdims=True)
    return np.rint(found * STEPS).astype(np.int64)


def _plain(dna: Sequences) -> Sequences:
    """Sequences one behind the other, 0 for letters that are no base or of a simple repeat."""
    starts = np.cumsum(dna.lengths) - dna.lengths
    source = np.repeat(dna.starts - starts, dna.lengths) + np.arange(int(dna.lengths.sum()))
    codes = dna.codes[source]
    hidden = repeated_letters(codes) | (codes > 4)
    return _padded(Sequences(np.where(hidden, np.uint8(0), codes), starts, dna.lengths))


def _padded(dna: Sequences) -> Sequences:
    return Sequences(np.pad(dna.codes, PADDING), dna.starts + PADDING, dna.lengths)


def repeated_letters(codes: Codes) -> BoolArray:
    """Tell letters of simple repeats: of 16 in a row, 13 equal those up to 6 places before.

    Examples
    --------
    >>> dna = Sequences.from_text(["ACGTTGCATTCAGGCA" + "CA" * 12])
    >>> int(repeated_letters(dna.codes).sum())
    27
    """
    simple = np.zeros(len(codes) + 1, np.int64)
    if len(codes) < _WINDOW:
        return simple[:-1] > 0
    for period in range(1, _LONGEST_PERIOD + 1):
        same = np.zeros(len(codes), np.int64)
        same[period:] = codes[period:] == codes[:-period]
        total = np.concatenate([[0], np.cumsum(same)])
        dense = np.flatnonzero(total[_WINDOW:] - total[:-_WINDOW] >= _PERIODIC * _WINDOW)
        np.add.at(simple, dense, 1)
        np.add.at(simple, dense + _WINDOW, -1)
    return np.cumsum(simple)[:-1] > 0
