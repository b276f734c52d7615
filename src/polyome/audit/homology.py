"""Sequences that share a stretch: which belong together, and which have a relative elsewhere.

A stretch is a k-mer, 30 bp unless told otherwise; a chance match of that length is not to be
expected (4**30 is 1e18). Of sequences of 40 to 59 bp it is half their length, so that a change in
the middle does not hide a copy, and of shorter ones 20 bp. Copies that differ every few bases share
no stretch: :mod:`polyome.audit.relatives` finds those. On the six promoter sets of the
repository's own checks the clusters by stretches stay small at k = 30, so that no k-mer is left
out for being simple or frequent:

=====================  ======  ======  =======  ==================  ===================
set                    rows    groups  alone    largest, k = 30     largest, k = 20
=====================  ======  ======  =======  ==================  ===================
B. subtilis            1,373   716     447      13 (0.9 %)          13 (0.9 %)
E. coli sigma70        3,839   1,864   1,072    16 (0.4 %)          21 (0.5 %)
E. coli, all sigma     5,720   5,117   4,674    7 (0.1 %)           74 (1.3 %)
human TATA, 300 bp     6,130   5,487   5,174    190 (3.1 %)         608 (9.9 %)
human core, 70 bp      59,196  50,417  42,276   59 (0.1 %)          1,589 (2.7 %)
mouse TATA, 251 bp     4,782   4,160   3,916    301 (6.3 %)         736 (15.4 %)
=====================  ======  ======  =======  ==================  ===================

Repeats (Alu, B1, simple repeats) chain vertebrate sequences at smaller k. What is left after a
split by these groups: no shared 30-mer, and a shared 20-mer for 4 to 12 % of the test rows.
Windows that tile a genome and overlap by k or more are one cluster by definition; split those by
chromosome. What nearly all sequences begin or end with (adapters, a reporter's own bases) is not
compared, as it would make one cluster of all.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse import csgraph

from polyome._errors import InputError
from polyome._types import BoolArray, IntArray
from polyome.audit.relatives import unite
from polyome.io.nucleotides import Sequences, complement, kmer_numbers, reverse_complement

K = 30
"""Length of a stretch, in bp, that two sequences do not share by chance."""
SHORTEST_K = 20  # at 12 two promoters share a stretch for the sake of one motif
MOST_K = 31  # two bits a letter in 64, one kept for the sign
NEARLY_ALL = 0.95
"""Share of the sequences that have the same base at a place of a common end."""
OWN = 0.8
"""Share of a common end's bases that a sequence has, if it has the end."""
RELATED = 0.5
"""Mean share of the most frequent base at a place between common ends, above which sequences are
variants of a few: .28 in random designs with adapters, .77 to .92 in mutants of one promoter."""
ENOUGH = 50
"""Sequences; what fewer have in common may be their kinship."""
CHUNK = 2**17  # letters numbered at once; they stay in the cache

_Numbered = tuple[IntArray, IntArray]


def stretch_of(dna: Sequences) -> int:
    """Length of the stretch that tells relatives among sequences of this length, in bp.

    Examples
    --------
    >>> [stretch_of(Sequences.from_text(["A" * n])) for n in (300, 60, 50, 20)]
    [30, 30, 25, 20]
    """
    usual = int(np.median(dna.lengths)) if len(dna) else 0
    return int(np.clip(usual // 2, SHORTEST_K, K))


@dataclass(frozen=True)
class Compared:
    """What is compared of sequences, and by how long a stretch.

    Attributes
    ----------
    dna : the sequences without the ends that nearly all have; those that lack an end are whole.
    begin, end : bp left out.
    k : see :func:`stretch_of`.
    """

    dna: Sequences
    begin: int
    end: int
    k: int


def compared(dna: Sequences) -> Compared:
    """Leave out what nearly all sequences begin or end with, if enough of them remains.

    Variants of one sequence have common ends as well, but these are their kinship: nothing is left
    out where sequences are alike between their ends too (``RELATED``), or where less than twice the
    shortest stretch is there.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> designs = ["".join(row) for row in rng.choice(list("ACGT"), (100, 60))]
    >>> found = compared(Sequences.from_text(["ACGTACGT" + one + "TTTT" for one in designs]))
    >>> found.begin, found.end, found.k
    (8, 4, 30)
    """
    begin, with_begin = _common(dna, first=True)
    end, with_end = _common(dna, first=False)
    between = int(np.median(dna.lengths)) - begin - end if len(dna) else 0
    if len(dna) < ENOUGH or between < 2 * SHORTEST_K:
        return Compared(dna, 0, 0, stretch_of(dna))
    fits = dna.lengths >= begin + end
    first, last = begin * (with_begin & fits), end * (with_end & fits)
    inner = Sequences(dna.codes, dna.starts + first, dna.lengths - first - last)
    if not begin + end or _identity(inner, between) > RELATED:
        return Compared(dna, 0, 0, stretch_of(dna))
    return Compared(inner, begin, end, stretch_of(inner))


def _identity(dna: Sequences, most: int) -> float:
    """Mean over up to so many places of the share of the most frequent base."""
    shares = []
    for i in range(most):
        has = dna.lengths > i
        counts = np.bincount(dna.codes[dna.starts[has] + i], minlength=5)[1:5]
        shares.append(counts.max() / max(1, counts.sum()))
    return float(np.mean(shares))


def _common(dna: Sequences, *, first: bool) -> tuple[int, BoolArray]:
    """Count the bases from an end at which nearly all sequences are the same; tell who has them."""
    alike = np.zeros(len(dna), np.int64)
    for i in range(int(dna.lengths.max(initial=0))):
        has = np.flatnonzero(dna.lengths > i)
        letters = dna.codes[dna.starts[has] + (i if first else dna.lengths[has] - 1 - i)]
        counts = np.bincount(letters, minlength=5)[1:5]
        if counts.max() < NEARLY_ALL * len(dna):
            return i, alike >= OWN * i
        alike[has] += letters == counts.argmax() + 1
    return 0, alike >= 0


def whole_numbers(dna: Sequences, *, both_strands: bool = False) -> IntArray:
    """Number the sequences, int64 (n,): equal sequences have equal numbers, others do not.

    Parameters
    ----------
    both_strands : whether a sequence and its reverse complement are equal.

    Examples
    --------
    >>> dna = Sequences.from_text(["AACG", "CGTT", "aacg"])
    >>> whole_numbers(dna).tolist(), whole_numbers(dna, both_strands=True).tolist()
    ([0, 1, 0], [0, 0, 0])
    """
    spelled = [dna.one(row).tobytes() for row in range(len(dna))]
    if both_strands:
        other = reverse_complement(dna)
        spelled = [min(text, other.one(row).tobytes()) for row, text in enumerate(spelled)]
    return pd.factorize(np.array(spelled, dtype=object))[0].astype(np.int64)


def _chunks(dna: Sequences) -> Iterator[IntArray]:
    """Rows of similar length, so many that their matrix has about CHUNK letters."""
    order = np.argsort(dna.lengths, kind="stable")
    start = 0
    while start < len(order):
        ahead = dna.lengths[order[start:]]
        cells = ahead * np.arange(1, len(ahead) + 1)  # grows: the last row is the longest
        stop = start + max(1, int(np.searchsorted(cells, CHUNK, side="right")))
        yield order[start:stop]
        start = stop


def _kmers(dna: Sequences, k: int, *, both_strands: bool) -> _Numbered:
    """Number every k-mer and say whose it is: int64 (m,), int32 (m,); those with N are left out.

    On both strands a k-mer has the smaller of its two numbers.
    """
    if not 1 <= k <= MOST_K:
        message = f"k is {k}; a k-mer of 1 to {MOST_K} bp is needed."
        raise InputError(message)
    found: list[_Numbered] = [(np.empty(0, np.int64), np.empty(0, np.int32))]
    for rows in _chunks(dna):
        codes = dna.take(rows).matrix()
        numbers = kmer_numbers(codes, k)
        if both_strands:
            other = kmer_numbers(complement(codes[:, ::-1]), k)[:, ::-1]
            numbers = np.minimum(numbers, other)  # both are -1 where a letter is no base
        owners = np.broadcast_to(rows.astype(np.int32)[:, None], numbers.shape)
        known = numbers >= 0
        found.append((numbers[known], owners[known]))
    numbers, owners = (np.concatenate(parts) for parts in zip(*found))
    return numbers, owners


def homologous_groups(dna: Sequences) -> IntArray:
    """Group sequences that share a stretch, and relatives that do not, on either strand.

    Returns
    -------
    int64, (n,), from 0, in the order in which the groups first occur. See :func:`similar_groups`
    for the stretch, :mod:`polyome.audit.relatives` for relatives.

    Examples
    --------
    >>> homologous_groups(Sequences.from_text(["AACCGG", "CCGGTT", "TTTTTT"])).tolist()
    [0, 0, 1]
    """
    united = unite(compared(dna).dna, similar_groups(dna))
    return pd.factorize(united)[0].astype(np.int64)


def have_relatives(dna: Sequences, rows_a: IntArray, rows_b: IntArray) -> BoolArray:
    """Tell which of some sequences have a relative among some others, stretch or no stretch.

    Parameters
    ----------
    rows_a : int, (a,), the rows asked about.
    rows_b : int, (b,), the rows compared with.

    Returns
    -------
    bool, (a,)

    Examples
    --------
    >>> dna = Sequences.from_text(["AACCGG", "CCGGTT", "TTTTTT"])
    >>> have_relatives(dna, np.array([0, 2]), np.array([1])).tolist()
    [True, False]
    """
    if not len(rows_a) or not len(rows_b):
        return np.zeros(len(rows_a), bool)
    shared = shared_kmers(dna, rows_a, rows_b)
    known = np.arange(len(dna))
    known[rows_b] = rows_b[0]  # all are one group: the first hit answers
    asked = rows_a[~shared]
    united = unite(compared(dna).dna, known, rows_a=asked, rows_b=rows_b)
    return shared | (united[rows_a] == united[rows_b[0]])


def similar_groups(dna: Sequences, *, k: int | None = None, both_strands: bool = True) -> IntArray:
    """Group sequences that are linked by shared k-mers, directly or through others.

    Sequences that are equal as a whole are in one group too, even where they are shorter than k or
    full of N.

    Parameters
    ----------
    k : length of the stretch, 1 to 31 bp; None compares as :func:`compared` says.
    both_strands : whether a stretch also matches its reverse complement.

    Returns
    -------
    int64, (n,), from 0, in the order in which the groups first occur.

    Examples
    --------
    >>> dna = Sequences.from_text(["AACCGG", "CCGGTA", "TTTTTT", "AAAAA"])
    >>> similar_groups(dna, k=4).tolist()
    [0, 0, 1, 1]
    >>> similar_groups(dna, k=4, both_strands=False).tolist()
    [0, 0, 1, 2]
    """
    whole = whole_numbers(dna, both_strands=both_strands)
    if k is None:
        found = compared(dna)
        dna, k = found.dna, found.k
    numbers, owners = _kmers(dna, k, both_strands=both_strands)
    order = np.argsort(numbers)
    numbers, owners = numbers[order], owners[order]
    linked = (numbers[1:] == numbers[:-1]) & (owners[1:] != owners[:-1])
    first = np.unique(whole, return_index=True)[1]
    one = np.concatenate([owners[:-1][linked], np.arange(len(dna))])
    other = np.concatenate([owners[1:][linked], first[whole]])
    links = sparse.coo_array((np.ones(len(one), bool), (one, other)), shape=(len(dna), len(dna)))
    groups = csgraph.connected_components(links, directed=False)[1]
    return pd.factorize(groups)[0].astype(np.int64)


def shared_kmers(
    dna: Sequences,
    rows_a: IntArray,
    rows_b: IntArray,
    *,
    k: int | None = None,
    both_strands: bool = True,
) -> BoolArray:
    """Tell which of some sequences share a k-mer with, or are equal to, any of some others.

    Parameters
    ----------
    rows_a : int, (a,), the rows asked about.
    rows_b : int, (b,), the rows compared with.
    k, both_strands : as in :func:`similar_groups`.

    Returns
    -------
    bool, (a,)

    Examples
    --------
    >>> dna = Sequences.from_text(["AACCGG", "CCGGTA", "TTTTTT"])
    >>> shared_kmers(dna, np.array([0, 2]), np.array([1]), k=4).tolist()
    [True, False]
    """
    whole = whole_numbers(dna.take(np.concatenate([rows_a, rows_b])), both_strands=both_strands)
    if k is None:
        found = compared(dna)
        dna, k = found.dna, found.k
    numbers, owners = _kmers(dna.take(rows_a), k, both_strands=both_strands)
    known = np.sort(_kmers(dna.take(rows_b), k, both_strands=both_strands)[0])
    shared = np.isin(whole[: len(rows_a)], whole[len(rows_a) :])
    if len(known):
        order = np.argsort(numbers)  # sorted look-ups stay in the cache
        places = np.searchsorted(known, numbers[order])
        same = known[np.minimum(places, len(known) - 1)] == numbers[order]
        shared[owners[order][same]] = True
    return shared
