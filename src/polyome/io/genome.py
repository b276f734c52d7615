"""Any piece of a genome in FASTA, from memory or from disk."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from polyome._errors import InputError, listed, suggestion
from polyome.io.chromosomes import ChromosomeNames, plain_chromosome, read_aliases
from polyome.io.compressed import GZIP, StrPath, first_bytes, is_bgzip, opened
from polyome.io.fasta import stream_fasta
from polyome.io.fasta_index import is_index_of

IN_MEMORY = 2**26
"""Bytes on disk up to which a genome is read whole."""


class Genome:
    r"""Chromosomes of which any piece can be asked for.

    Made by `open_genome`.

    Parameters
    ----------
    path : the file, for errors.
    lengths : bp of each chromosome, in the order of the file.
    piece : gives the letters of a chromosome from start to end.
    aliases : names that mean the same, as :func:`polyome.io.chromosomes.read_aliases` gives them.
    circular : chromosomes whose end meets their start.

    Examples
    --------
    >>> genome = Genome(Path("a.fa"), {"chr1": 4}, lambda chrom, start, end: "ACGT"[start:end])
    >>> genome.names, genome.fetch("chr1", 1, 3)
    (['chr1'], 'CG')
    """

    def __init__(
        self,
        path: Path,
        lengths: dict[str, int],
        piece: Callable[[str, int, int], str],
        *,
        aliases: Mapping[str, frozenset[str]] | None = None,
        circular: frozenset[str] = frozenset(),
    ) -> None:
        self.path = path
        self.lengths = lengths
        self._piece = piece
        self.chromosomes = ChromosomeNames(lengths, aliases)
        self.circular = circular

    @property
    def names(self) -> list[str]:
        """The chromosomes, in the order of the file."""
        return list(self.lengths)

    def find(self, chrom: str) -> str | None:
        """Give the genome's own name of a chromosome, ``1`` for ``chr1``; None where it lacks it.

        Examples
        --------
        >>> Genome(Path("a.fa"), {"1": 4}, lambda chrom, start, end: "").find("chr1")
        '1'
        """
        return self.chromosomes.find(chrom)

    def length_of(self, chrom: str) -> int:
        """Give the length of a chromosome by any of its names, bp."""
        known = self.find(chrom)
        if known is None:
            raise unknown_chromosome(chrom, self)
        return self.lengths[known]

    def is_circular(self, chrom: str) -> bool:
        """Whether the end of a chromosome meets its start."""
        return self.find(chrom) in self.circular

    def letters(self, chrom: str, start: int, end: int) -> str:
        """Letters of the plus strand in upper case, also beyond the ends of the chromosome.

        There is N, or, of a circular chromosome, its other end.

        Examples
        --------
        >>> genome = Genome(Path("a.fa"), {"c": 4}, lambda chrom, start, end: "ACGT"[start:end])
        >>> genome.letters("c", 2, 6)
        'GTNN'
        >>> genome.circular = frozenset({"c"})
        >>> genome.letters("c", 2, 6), genome.letters("c", -1, 2)
        ('GTAC', 'TAC')
        """
        length = self.length_of(chrom)
        if self.is_circular(chrom) and length:
            turned = start % length
            pieces, needed = [], max(end - start, 0)
            while needed > 0:
                taken = min(needed, length - turned)
                pieces.append(self.fetch(chrom, turned, turned + taken))
                turned, needed = 0, needed - taken
            return "".join(pieces).upper()
        inside = self.fetch(chrom, min(max(start, 0), length), min(max(end, 0), length)).upper()
        before = "N" * min(max(-start, 0), max(end - start, 0))
        return before + inside + "N" * max(0, end - max(start, length))

    def fetch(self, chrom: str, start: int, end: int) -> str:
        """Letters of the plus strand, ``start`` to ``end`` (0-based, half-open), as in the file.

        Raises
        ------
        InputError
            There is no such chromosome, the interval is not within it, or the file has changed.
        """
        if not 0 <= start <= end <= self.length_of(chrom):
            message = (
                f"{chrom}:{start}-{end} is not within {chrom} of {self.path}, which has "
                f"{self.length_of(chrom):,} bp."
            )
            raise InputError(message)
        piece = self._piece(str(self.find(chrom)), start, end)
        if len(piece) != end - start:  # an index that belongs to another state of the file
            message = f"{self.path} and its index do not belong together; remove {self.path}.fai."
            raise InputError(message)
        return piece


def unknown_chromosome(chrom: str, genome: Genome, *, where: str = "") -> InputError:
    """Build the error for a chromosome that the genome has not, with those that it has.

    Examples
    --------
    >>> genome = Genome(Path("a.fa"), {"1": 4, "2": 3}, lambda chrom, start, end: "")
    >>> print(unknown_chromosome("chr9", genome, where="x.bed line 3: "))
    x.bed line 3: a.fa has no sequence 'chr9'. It has: '1', '2'. A table ...
    """
    plain = plain_chromosome(chrom)
    aliased = genome.chromosomes.aliased(chrom)
    alike = [name for name in genome.names if plain_chromosome(name) == plain]
    hint = suggestion(chrom, genome.names)
    if len(aliased) > 1:
        hint = f" The table of aliases says that it is {listed(aliased)}; it can be one only."
    elif len(alike) > 1:
        hint = f" {listed(alike)} could both be meant; give both files the same names."
    elif alike:
        hint = f" '{alike[0]}' is of another build, by its accession or length."
    elif not hint and genome.chromosomes.aliases is not None:
        hint = " The table of aliases gives it no name that the genome has."
    elif not hint:
        hint = " A table of two columns may say which names mean the same: --set aliases=FILE."
    return InputError(
        f"{where}{genome.path} has no sequence '{chrom}'. It has: {listed(genome.names)}.{hint}"
    )


def open_genome(
    path: StrPath, *, aliases: StrPath | None = None, circular: str | None = None
) -> Genome:
    r"""Open a FASTA file to read pieces of it.

    Up to 64 MiB on disk, and plain gzip of any size, are read into memory whole. Larger files,
    plain or bgzip, stay on disk and are read through pysam, with the ``.fai`` (and ``.gzi``) beside
    them if these are not older than the file and fit it, else with a passing index in the temporary
    folder; their letters are not checked, records without any are left out, and of two records of
    one name the first counts.

    Parameters
    ----------
    path : the file.
    aliases : a table of names that mean the same, see
        :func:`polyome.io.chromosomes.read_aliases`.
    circular : names of circular chromosomes, ``a,b``; ``true`` for all.

    Raises
    ------
    InputError
        What `read_fasta` raises, or the file is large and pysam is absent.

    Examples
    --------
    >>> path = Path(tempfile.mkdtemp()) / "genome.fa"
    >>> _ = path.write_text(">chr1\nACGTacgt\n>chr2\nNN\n")
    >>> genome = open_genome(path)
    >>> genome.lengths, genome.fetch("chr1", 2, 6)
    ({'chr1': 8, 'chr2': 2}, 'GTac')
    """
    opened_genome = _opened(Path(path).expanduser())
    if aliases is not None:
        names = ChromosomeNames(opened_genome.lengths, read_aliases(aliases))
        opened_genome.chromosomes = names
    opened_genome.circular = _circular(opened_genome, circular)
    return opened_genome


def _circular(genome: Genome, given: str | None) -> frozenset[str]:
    """Chromosomes that were said to be circular, by the genome's own names."""
    if given is None or str(given).lower() in ("", "false", "no", "none"):
        return frozenset()
    if str(given).lower() in ("true", "yes"):
        return frozenset(genome.names)
    named = [name.strip() for name in str(given).split(",")]
    found = {name: genome.find(name) for name in named if name}
    for name, known in found.items():
        if known is None:
            raise unknown_chromosome(name, genome, where=f"circular={given}: ")
    return frozenset(known for known in found.values() if known is not None)


def _opened(path: Path) -> Genome:
    is_plain = not first_bytes(path).startswith(GZIP)
    if path.stat().st_size > IN_MEMORY and (is_plain or is_bgzip(path)):
        on_disk = _open_on_disk(path)
        if on_disk is not None:
            return on_disk
    chromosomes = dict(stream_fasta(path))
    lengths = {name: len(sequence) for name, sequence in chromosomes.items()}
    return Genome(path, lengths, lambda chrom, start, end: chromosomes[chrom][start:end])


def _open_on_disk(path: Path) -> Genome | None:
    """None where no index can be made, as with lines of uneven length or what is no FASTA."""
    try:
        import pysam
    except ImportError as error:
        message = (
            f"{path} has {path.stat().st_size / 1e6:,.0f} MB; pieces of a file of this size are "
            "read with pysam, which is absent. Run: pip install 'polyome[dna]'"
        )
        raise InputError(message) from error
    with opened(path) as opening:  # a bgzip file has its end
        if opening.read(1) != b">":
            return None
        endings = [".fai", ".gzi"] if is_bgzip(path) else [".fai"]
    changed = path.stat().st_mtime
    beside = [Path(f"{path}{ending}") for ending in endings]
    is_indexed = all(file.exists() and file.stat().st_mtime >= changed for file in beside)
    is_indexed = is_indexed and is_index_of(beside[0], path)
    verbosity = pysam.set_verbosity(0)  # htslib would write to standard error
    try:
        with tempfile.TemporaryDirectory() as folder:  # pysam holds the index in memory
            index = [*map(str, beside)] if is_indexed else [f"{folder}/index{e}" for e in endings]
            if not is_indexed:
                options = zip(("--fai-idx", "--gzi-idx"), index)
                pysam.faidx(*(word for option in options for word in option), str(path))
            names = dict(zip(("filepath_index", "filepath_index_compressed"), index))
            file = pysam.FastaFile(str(path), **names)
    except (OSError, ValueError, pysam.utils.SamtoolsError):
        return None
    finally:
        pysam.set_verbosity(verbosity)

    def piece(chrom: str, start: int, end: int) -> str:
        try:
            return file.fetch(chrom, start, end)
        except (OSError, ValueError) as error:
            message = f"{path} is damaged near {chrom}:{start}-{end}; copy or download it again."
            raise InputError(message) from error

    return Genome(path, dict(zip(file.references, file.lengths)), piece)
