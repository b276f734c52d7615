"""The sequences that a variant is scored in: with the reference and with another allele."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from polyome._errors import InputError
from polyome.io.annotation import ENDINGS as ANNOTATIONS
from polyome.io.compressed import StrPath, ending
from polyome.io.genome import Genome
from polyome.io.intervals import read_bed
from polyome.io.nucleotides import COMPLEMENTS, LETTERS
from polyome.io.vcf import Variant

_COMPLEMENT = str.maketrans(LETTERS, COMPLEMENTS)


@dataclass(frozen=True)
class Window:
    """A stretch of a genome that the model reads.

    Attributes
    ----------
    name : for the results.
    start, end : 0-based, half-open; may reach beyond the ends of the chromosome.
    is_minus : whether it is read on the minus strand.
    row : of the table of windows; -1 for a window around its variant.
    """

    name: str
    start: int
    end: int
    is_minus: bool
    row: int = -1


class Windows:
    """The intervals of a BED file, as windows of the model's length.

    Parameters
    ----------
    table : ``chrom``, ``start``, ``end`` and perhaps ``strand``, indexed by name.
    length : of the model's windows, bp.
    upstream_bp : where given, a window begins so many bp before the interval's first base on its
        own strand, as around a start site; else it has the same middle as the interval.
    find : gives the genome's own name of a chromosome.
    """

    def __init__(
        self,
        table: pd.DataFrame,
        length: int,
        upstream_bp: int | None,
        find: Callable[[str], str | None] = str,
    ) -> None:
        self.table, self._find = table, find
        strand = table["strand"] if "strand" in table else pd.Series("+", table.index)
        minus = strand.eq("-").to_numpy(bool)
        start, end = table["start"].to_numpy(np.int64), table["end"].to_numpy(np.int64)
        if upstream_bp is None:
            first = (start + end) // 2 - length // 2
            mirrored = length // 2 - (-start - end) // 2 - length
            first = np.where(minus, mirrored, first)
        else:
            first = np.where(minus, end + upstream_bp - length, start - upstream_bp)
        self._by_chrom: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        for chrom, rows in pd.Series(np.arange(len(table))).groupby(
            table["chrom"].map(find).to_numpy()
        ):
            order = rows.to_numpy()[np.argsort(first[rows.to_numpy()], kind="stable")]
            self._by_chrom[str(chrom)] = (first[order], order)
        self._length, self._minus = length, minus

    @classmethod
    def read(
        cls,
        path: StrPath,
        genome: Genome,
        length: int,
        upstream_bp: int | None,
        **cutting: Any,
    ) -> "Windows":
        """Read a BED file of intervals or of start sites, or the starts of a GTF or GFF3."""
        if ending(Path(path)) in ANNOTATIONS:
            cutting["window_bp"] = length
        table = read_bed(path, genome.path, **cutting)
        return cls(table.drop(columns="sequence"), length, upstream_bp, genome.find)

    def over(self, variant: Variant) -> list[Window]:
        """Windows that hold a base of the reference allele, in the order of the genome."""
        first, rows = self._by_chrom.get(
            self._find(variant.chrom) or "", (np.empty(0), np.empty(0, int))
        )
        low = np.searchsorted(first, variant.start - self._length, side="right")
        high = np.searchsorted(first, variant.start + len(variant.reference), side="left")
        return [
            Window(
                str(self.table.index[row]),
                int(start),
                int(start) + self._length,
                bool(self._minus[row]),
                int(row),
            )
            for start, row in zip(first[low:high], rows[low:high], strict=True)
        ]


def window_around(variant: Variant, length: int) -> Window:
    """The window with the variant's first base in its middle, on the plus strand.

    Examples
    --------
    >>> variant = Variant(["chr1", "101", ".", "A", "C", ".", ".", "."], 9)
    >>> window_around(variant, 60).start
    70
    """
    start = variant.start - length // 2
    return Window(
        f"{variant.chrom}:{start}-{start + length}", start, start + length, is_minus=False
    )


def window_text(genome: Genome, variant: Variant, window: Window, allele: str) -> str:
    """Letters of a window with an allele in the place of REF, N beyond the chromosome's ends.

    The length stays: where the allele is longer or shorter than REF, the half of the window that
    does not hold the variant stays in its place, and the other side is cut or filled from beyond.
    """
    start, end = variant.start, variant.start + len(variant.reference)
    length = window.end - window.start
    if start + end >= window.start + window.end:  # in the right half: the left end stays
        before = _letters(genome, variant.chrom, window.start, start) + allele
        if window.start > start:
            before = allele[window.start - start :]
        needed = max(0, length - len(before))
        text = (before + _letters(genome, variant.chrom, end, end + needed))[:length]
    else:
        after = allele + _letters(genome, variant.chrom, end, window.end)
        if window.end < end:
            after = allele[: max(0, len(allele) - (end - window.end))]
        needed = max(0, length - len(after))
        text = _letters(genome, variant.chrom, start - needed, start) + after
        text = text[len(text) - length :]
    return text.translate(_COMPLEMENT)[::-1] if window.is_minus else text


def _letters(genome: Genome, chrom: str, start: int, end: int) -> str:
    return genome.letters(chrom, start, end) if start < end else ""


FIRST_BASE = dict(zip("RYSWKMBDHVN", "ACCAGACAAAA"))
"""What VCF writes for an ambiguity code of the genome (VCF 4.3, 1.6.1): the first of its bases."""


def reference_state(genome: Genome, variant: Variant) -> str:
    """Whether REF is what the genome has there: ``same``, ``ambiguous`` or ``different``.

    Ambiguous is a REF with the first base of an ambiguity code in its place, or N.

    Examples
    --------
    >>> from pathlib import Path
    >>> genome = Genome(Path("g.fa"), {"1": 3}, lambda chrom, start, end: "ARG"[start:end])
    >>> refs = [Variant(["1", "2", ".", ref, "T", ".", ".", "."], 1) for ref in "RAGN"]
    >>> [reference_state(genome, variant) for variant in refs]
    ['same', 'ambiguous', 'different', 'ambiguous']
    """
    end = variant.start + len(variant.reference)
    length = genome.length_of(variant.chrom)
    last = end - length if genome.is_circular(variant.chrom) else end
    if variant.start < 0 or variant.start >= length or last > length:
        return "different"
    letters = genome.letters(variant.chrom, variant.start, end)
    if letters == variant.reference:
        return "same"
    pairs = zip(letters, variant.reference, strict=True)
    reads = all(a == b or (a in FIRST_BASE and b in (FIRST_BASE[a], "N")) for a, b in pairs)
    return "ambiguous" if reads else "different"


def allele_leaves(variant: Variant, window: Window, allele: str) -> bool:
    """Whether a window holds only a part of an allele, its other end being beyond.

    Examples
    --------
    >>> variant = Variant(["1", "6", ".", "A", "ACCCCCC", ".", ".", "."], 1)
    >>> window = Window("w", 0, 10, is_minus=False)
    >>> allele_leaves(variant, window, "A"), allele_leaves(variant, window, "ACCCCCC")
    (False, True)
    """
    start, end = variant.start, variant.start + len(variant.reference)
    if start + end >= window.start + window.end:  # as in window_text: the left end stays
        room = window.end - max(start, window.start)
    else:
        room = min(end, window.end) - window.start
    return len(allele) > room


def check_upstream(length: int, upstream_bp: int | None) -> None:
    """Refuse a start site that is not in the window."""
    if upstream_bp is not None and not 0 <= upstream_bp < length:
        message = f"upstream_bp={upstream_bp}: the model's window has {length} bp; less is needed."
        raise InputError(message)


def check_shift(length: int, shift_bp: int) -> None:
    """Refuse a shift by which a window would lose the variant in its middle."""
    if shift_bp >= length // 2:
        message = (
            f"shift_bp={shift_bp}: the model's window has {length} bp; less than half is needed."
        )
        raise InputError(message)
