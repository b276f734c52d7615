"""draft"""

import numpy as np

from polyome._types import BoolArray, IntArray
from polyome.audit import word_search
from polyome.io.nucleotides import Codes, Sequences, reverse_complement

WORDS = ("100100010111", "10010001001111", "10100110010111", "11010100110111",
         "1011011101000111", "110110010101110011"[:17], "1101101001110101111")
MOST_HITS = 4e8
FALSE_LINKS = 0.0005
K_FACTOR = 0.1
WINDOW, PERIODS, PERIODIC = 16, 6, 0.8
COVER = 0.5
GAPS = 3.0


def simple_letters(codes: Codes, starts: IntArray, lengths: IntArray) -> BoolArray:
    """Tell letters of simple repeats"""
    owner_edge = np.zeros(len(codes), bool)
    simple = np.zeros(len(codes), bool)
    for period in range(1, PERIODS + 1):
        same = np.zeros(len(codes), np.int32)
        same[period:] = codes[period:] == codes[:-period]
        total = np.concatenate([[0], np.cumsum(same)])
        if len(codes) < WINDOW: break
        dense = total[WINDOW:] - total[:-WINDOW] >= PERIODIC * WINDOW
        marks = np.zeros(len(codes) + 1, np.int32)
        at = np.flatnonzero(dense)
        np.add.at(marks, at, 1)
        np.add.at(marks, at + WINDOW, -1)
        simple |= np.cumsum(marks[:-1]) > 0
    return simple


def masked(dna: Sequences) -> Sequences:
    order = np.arange(len(dna))
    starts = np.cumsum(dna.lengths) - dna.lengths
    source = np.repeat(dna.starts - starts, dna.lengths) + np.arange(int(dna.lengths.sum()))
    codes = dna.codes[source]
    hidden = simple_letters(codes, starts, dna.lengths) | (codes > 4)
    return padded(Sequences(np.where(hidden, np.uint8(0), codes), starts, dna.lengths))


def padded(dna):
    return Sequences(np.pad(dna.codes, word_search.PADDING), dna.starts + word_search.PADDING, dna.lengths)


def frequencies(dna: Sequences) -> IntArray:
    found = np.zeros((len(dna), 5))
    for base in range(1, 5):
        total = np.concatenate([[0], np.cumsum(dna.codes == base)])
        found[:, base] = total[dna.starts + dna.lengths] - total[dna.starts]
    found[:, 1:] += 2
    found /= found.sum(axis=1, keepdims=True)
    return np.rint(found * word_search.STEPS).astype(np.int64)


def choose_words(dna, rows):
    for text in WORDS:
        offsets = np.flatnonzero(np.array(list(text)) == "1").astype(np.int64)
        counts = word_search.count_words(dna.codes, dna.starts, dna.lengths, rows, offsets)
        if (counts.astype(float) ** 2).sum() <= MOST_HITS:
            return offsets, np.zeros(len(counts), bool)
    order = np.argsort(counts)
    hits = np.cumsum(counts[order].astype(float) ** 2)
    frequent = np.zeros(len(counts), bool)
    frequent[order[hits > MOST_HITS]] = True
    return offsets, frequent


def comparison(dna, false=FALSE_LINKS):
    total = float(max(1, dna.lengths.sum()))
    n = max(1, len(dna))
    allowed = max(false * n, .05)
    anywhere = np.log(K_FACTOR * total**2 / allowed)
    same = np.log(n**2 / 2 * (2*word_search.SAME_PLACE+1) / allowed)
    return word_search.Compare(word_search.match_scores(), float(np.log(1 - word_search.CONSERVED)),
                               float(anywhere), float(min(anywhere,same)), GAPS, COVER)


def groups(dna: Sequences, parents: IntArray, verbose=False):
    dna = masked(dna)
    rows = np.arange(len(dna))
    offsets, frequent = choose_words(dna, rows)
    compare = comparison(dna)
    if verbose: print("weight", len(offsets), "frequent", frequent.sum(), compare[2:])
    index = word_search.index_words(dna.codes, dna.starts, dna.lengths, rows, offsets, frequent)
    turned = padded(reverse_complement(dna))
    return word_search.unite_relatives(dna.codes, dna.starts, dna.lengths, turned.codes, turned.starts, (word_search.packed(dna.codes), word_search.packed(turned.codes)),
        rows, offsets, index, frequencies(dna), compare, parents, True)
