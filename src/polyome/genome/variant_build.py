"""Whether a VCF and a genome are of one build."""

import re

from polyome._errors import InputError
from polyome.genome.variant_windows import reference_state
from polyome.io.chromosomes import build_of
from polyome.io.genome import Genome
from polyome.io.vcf import Variant

LEAST_CHECKED = 20
DOUBTFUL, REFUSED = 0.1, 0.3
"""Shares of REF alleles that are not the genome's: from the first on the build is doubted, from the
second on nothing is scored. Between two builds of a genome about 70 % of the letters differ."""
_ALL, _STEP = 1000, 50
_CONTIG = re.compile(r"##contig=<(.*)>")


class BuildCheck:
    """Compares lengths of contigs and REF alleles of a VCF with a genome.

    The first 1,000 variants are looked up, then one in 50.

    Parameters
    ----------
    genome : the FASTA that the variants are said to be of.

    Examples
    --------
    >>> from pathlib import Path
    >>> genome = Genome(Path("g.fa"), {"1": 9}, lambda chrom, start, end: "AAAAAAAAA"[start:end])
    >>> check = BuildCheck(genome)
    >>> check.see("##contig=<ID=1,length=12>")
    >>> check.see(Variant(["1", "5", ".", "C", "A", ".", ".", "."], 3))
    >>> check.doubts
    ["##contig says that '1' has 12 bp, and g.fa has 9", '1 of 1 REF alleles that were looked up ...
    """

    def __init__(self, genome: Genome) -> None:
        self.genome = genome
        self.total = self.checked = self.mismatches = 0
        self._said: dict[str, int] = {}
        self._used: dict[str, None] = {}

    def see(self, line: str | Variant) -> None:
        """Take in a line of the header or a variant."""
        if isinstance(line, str):
            contig = _CONTIG.match(line)
            if contig:
                pairs = dict(pair.partition("=")[::2] for pair in contig[1].split(","))
                if pairs.get("length", "").isdecimal():
                    self._said[pairs.get("ID", "")] = int(pairs["length"])
            return
        self.total += 1
        if self.genome.find(line.chrom) is None:
            return
        self._used[line.chrom] = None
        if self.total <= _ALL or self.total % _STEP == 0:
            self.checked += 1
            self.mismatches += reference_state(self.genome, line) == "different"

    @property
    def doubts(self) -> list[str]:
        """What speaks against one build, in words."""
        found = []
        others = self._other_lengths()
        if others:
            name, (said, has) = next(iter(others.items()))
            found.append(
                f"##contig says that '{name}' has {said:,} bp{_build(name, said)}, and "
                f"{self.genome.path} has {has:,}{_build(name, has)}"
            )
        is_many = self.mismatches > DOUBTFUL * self.checked
        if is_many and (self.checked >= LEAST_CHECKED or others):
            found.append(
                f"{self.mismatches:,} of {self.checked:,} REF alleles that were looked up are not "
                "what the genome has there"
            )
        return found

    def _other_lengths(self) -> dict[str, tuple[int, int]]:
        """Contigs with variants whose length is not the genome's: length said, and there."""
        pairs = {name: (self._said[name], self.genome.length_of(name))
                 for name in self._used if name in self._said}  # fmt: skip
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}

    def notes(self, where: str, *, refuses: bool) -> tuple[str, ...]:
        """Say what speaks against one build.

        Raises
        ------
        InputError
            Too many REF alleles differ, and ``refuses``.
        """
        doubts = self.doubts
        if not doubts:
            return ()
        text = f"{where}: {'; '.join(doubts)}. Are both of one build?"
        is_refused = "REF alleles" in doubts[-1] and self.mismatches > REFUSED * self.checked
        if refuses and is_refused:
            message = f"{text} --set check_build=false scores what matches nevertheless."
            raise InputError(message)
        return (f"warning: {text}",)


def _build(name: str, length: int) -> str:
    found = build_of(name, length)
    return f" ({found})" if found else ""
