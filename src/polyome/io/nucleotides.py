"""DNA as small integers: reading letters, complementing, and numbering k-mers.

Code 0 is padding; A, C, G, T are 1 to 4; the other IUPAC letters follow, N the last. Letters in
lower case (soft-masked repeats) read as in upper case, U as T.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from polyome._errors import InputError
from polyome._types import FloatArray, IntArray

LETTERS = "-ACGTRYSWKMBDHVN"
"""The letter of each code."""
UNKNOWN_BASE = 15

_MEANING = {
    "A": "A", "C": "C", "G": "G", "T": "T", "R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT",
    "M": "AC", "B": "CGT", "D": "AGT", "H": "ACT", "V": "ACG", "N": "ACGT",
}  # fmt: skip
COMPLEMENTS = "-TGCAYRSWMKVHDBN"
_NOT_DNA = 255

_LETTER_HINTS = {
    ">": " A line break is missing before it.",
    **dict.fromkeys("-._", " It marks a gap of an alignment: remove gaps, say with seqkit seq -g."),
    **dict.fromkeys("0123456789", " Numbers of positions must be removed."),
}
"""What some letters that are no nucleotides tell."""

Codes = NDArray[np.uint8]


def _lookup() -> Codes:
    table = np.full(256, _NOT_DNA, np.uint8)
    for code, letter in enumerate(LETTERS[1:], start=1):
        table[ord(letter)] = table[ord(letter.lower())] = code
    table[ord("U")] = table[ord("u")] = LETTERS.index("T")
    return table


_LOOKUP = _lookup()
_COMPLEMENT = np.array([LETTERS.index(letter) for letter in COMPLEMENTS], np.uint8)
_SPELLED = np.frombuffer(LETTERS.encode(), np.uint8)


def base_shares() -> FloatArray:
    """What each code says of the base: float32 (16, 4), zeros for padding, a quarter each for N.

    Examples
    --------
    >>> base_shares()[LETTERS.index("R")].tolist()
    [0.5, 0.0, 0.5, 0.0]
    """
    shares = np.zeros((len(LETTERS), 4), np.float32)
    for letter, bases in _MEANING.items():
        for base in bases:
            shares[LETTERS.index(letter), "ACGT".index(base)] = 1 / len(bases)
    return shares


ALLOWED = base_shares() > 0
"""Whether a code may be A, C, G, T: bool (16, 4)."""
MAY_BE = (ALLOWED @ (1 << np.arange(4))).astype(np.uint8)
"""The same as bits, uint8 (16,): two codes may be one base where ``MAY_BE[a] & MAY_BE[b]``."""
IS_BASE = np.where(ALLOWED.sum(axis=1) == 1, MAY_BE, 0).astype(np.uint8)
"""The bits of A, C, G and T alone: N matches nothing."""


def texts(codes: Codes) -> list[str]:
    """Spell rows of codes, uint8 (n, length), without their padding.

    Examples
    --------
    >>> texts(np.array([[1, 2], [4, 0]], np.uint8))
    ['AC', 'T']
    """
    return [row.tobytes().decode().strip("-") for row in _SPELLED[codes]]


@dataclass(frozen=True, eq=False)
class Sequences:
    """DNA sequences, one after the other.

    Parameters
    ----------
    codes : uint8, (total,), all sequences joined.
    starts, lengths : int64, (n,), where each begins and how long it is.

    Examples
    --------
    >>> dna = Sequences.from_text(["ACGT", "nnTA"])
    >>> dna.text(1), dna.lengths.tolist()
    ('NNTA', [4, 4])
    """

    codes: Codes
    starts: IntArray
    lengths: IntArray

    @classmethod
    def from_text(
        cls, texts: Sequence[str], *, names: Sequence[object] | None = None
    ) -> "Sequences":
        """Read letters, vectorised; refuse what is not DNA, by its name or its number, from 1."""
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        starts = np.cumsum(lengths) - lengths
        try:
            raw = np.frombuffer("".join(texts).encode("ascii"), np.uint8)
        except UnicodeEncodeError:
            raw = np.frombuffer("".join(texts).encode("ascii", "replace"), np.uint8)
        codes = _LOOKUP[raw]
        if len(codes) and codes.max() == _NOT_DNA:
            wrong = int((codes == _NOT_DNA).argmax())
            place = int(np.searchsorted(starts, wrong, side="right") - 1)
            where = f"sequence {place + 1}" if names is None else f"record '{names[place]}'"
            message = not_dna(texts[place], wrong - int(starts[place]), where)
            raise InputError(message)
        return cls(codes, starts, lengths)

    def __len__(self) -> int:
        return len(self.lengths)

    def take(self, rows: IntArray) -> "Sequences":
        """Some of the sequences; the letters are not copied."""
        return Sequences(self.codes, self.starts[rows], self.lengths[rows])

    def one(self, row: int) -> Codes:
        """Codes of one sequence, (length,)."""
        return self.codes[self.starts[row] : self.starts[row] + self.lengths[row]]

    def text(self, row: int) -> str:
        """Letters of one sequence."""
        return _SPELLED[self.one(row)].tobytes().decode()

    def matrix(self, width: int | None = None) -> Codes:
        """uint8, (n, width): sequences from the left, padded with 0 and cut at ``width``."""
        width = int(self.lengths.max(initial=0)) if width is None else width
        if len(self.codes) == 0:
            return np.zeros((len(self), width), np.uint8)
        if (self.lengths == width).all() and (np.diff(self.starts) == width).all():
            start = int(self.starts[0]) if len(self) else 0
            return self.codes[start : start + width * len(self)].reshape(len(self), width)
        places = self.starts[:, None] + np.arange(width)
        if (self.lengths >= width).all():
            return self.codes[places]
        inside = np.arange(width) < self.lengths[:, None]
        return np.where(inside, self.codes[np.minimum(places, len(self.codes) - 1)], np.uint8(0))


def not_dna(text: str, place: int, where: str) -> str:
    """Say which letter is no nucleotide, and whether the whole looks like protein.

    Examples
    --------
    >>> not_dna("MKLV*", 4, "record 'p1'")
    "record 'p1' holds '*' at position 5, ... It looks like protein; DNA is needed."
    """
    message = (
        f"{where} holds {text[place]!r} at position {place + 1}, which is no nucleotide "
        "(A, C, G, T, U, N or another IUPAC letter)."
    )
    message += _LETTER_HINTS.get(text[place], "")
    protein = set("EFILPQXZJO*")
    if text and sum(letter in protein for letter in text.upper()) >= max(1, 0.1 * len(text)):
        message += " It looks like protein; DNA is needed."
    return message


def complement(codes: Codes) -> Codes:
    """Complement every letter; the order stays.

    Examples
    --------
    >>> complement(np.array([1, 2, 3, 4, 0], np.uint8)).tolist()
    [4, 3, 2, 1, 0]
    """
    return _COMPLEMENT[codes]


def reverse_complement(dna: Sequences) -> Sequences:
    """The other strand of each sequence.

    Examples
    --------
    >>> reverse_complement(Sequences.from_text(["AACG", "TTN"])).text(0)
    'CGTT'
    """
    starts = np.cumsum(dna.lengths) - dna.lengths
    total = int(dna.lengths.sum())
    within = np.arange(total) - np.repeat(starts, dna.lengths)
    source = np.repeat(dna.starts + dna.lengths - 1, dna.lengths) - within
    return Sequences(complement(dna.codes[source]), starts, dna.lengths.copy())


def kmer_numbers(codes: Codes, k: int) -> IntArray:
    """Number each k-mer, int64, (..., n - k + 1): base 4 with A = 0; -1 where a letter is no base.

    Examples
    --------
    >>> kmer_numbers(np.array([1, 2, 4, 15], np.uint8), 2).tolist()
    [1, 7, -1]
    """
    length = codes.shape[-1] - k + 1
    if length <= 0:
        return np.zeros((*codes.shape[:-1], 0), np.int64)
    numbers = np.zeros((*codes.shape[:-1], length), np.int64)
    known = np.ones(numbers.shape, bool)
    for i in range(k):
        letter = codes[..., i : i + length]
        numbers = numbers * 4 + (letter.astype(np.int64) - 1)
        known &= (letter >= 1) & (letter <= 4)
    return np.where(known, numbers, -1)


def gc_share(dna: Sequences) -> FloatArray:
    """Share of G and C among the known bases of each sequence, float64 (n,); NaN without any.

    Examples
    --------
    >>> gc_share(Sequences.from_text(["GCNN", "GATA"])).tolist()
    [1.0, 0.25]
    """
    is_gc = np.concatenate([[0], np.cumsum((dna.codes == 2) | (dna.codes == 3))])
    is_base = np.concatenate([[0], np.cumsum((dna.codes >= 1) & (dna.codes <= 4))])
    stops = dna.starts + dna.lengths
    with np.errstate(invalid="ignore"):
        shares: FloatArray = (is_gc[stops] - is_gc[dna.starts]) / (
            is_base[stops] - is_base[dna.starts]
        )
    return shares
