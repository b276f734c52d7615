"""Any piece of a genome in FASTA, from memory or from disk."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from polyome._errors import InputError, listed, suggestion
from polyome.io.compressed import GZIP, StrPath, first_bytes, is_bgzip, opened
from polyome.io.fasta import stream_fasta

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

    Examples
    --------
    >>> genome = Genome(Path("a.fa"), {"chr1": 4}, lambda chrom, start, end: "ACGT"[start:end])
    >>> genome.names, genome.fetch("chr1", 1, 3)
    (['chr1'], 'CG')
    """

    def __init__(
        self, path: Path, lengths: dict[str, int], piece: Callable[[str, int, int], str]
    ) -> None:
        self.path = path
        self.lengths = lengths
        self._piece = piece

    @property
    def names(self) -> list[str]:
        """The chromosomes, in the order of the file."""
        return list(self.lengths)

    def fetch(self, chrom: str, start: int, end: int) -> str:
        """Letters of the plus strand, ``start`` to ``end`` (0-based, half-open), as in the file.

        Raises
        ------
        InputError
            There is no such chromosome, the interval is not within it, or the file has changed.
        """
        if chrom not in self.lengths:
            raise unknown_chromosome(chrom, self)
        if not 0 <= start <= end <= self.lengths[chrom]:
            message = (
                f"{chrom}:{start}-{end} is not within {chrom} of {self.path}, which has "
                f"{self.lengths[chrom]:,} bp."
            )
            raise InputError(message)
        piece = self._piece(chrom, start, end)
        if len(piece) != end - start:  # an index that belongs to another state of the file
            message = f"{self.path} and its index do not belong together; remove {self.path}.fai."
            raise InputError(message)
        return piece


def unknown_chromosome(chrom: str, genome: Genome, *, where: str = "") -> InputError:
    """Build the error for a chromosome that the genome has not, with those that it has.

    Examples
    --------
    >>> genome = Genome(Path("a.fa"), {"1": 4, "2": 3}, lambda chrom, start, end: "")
    >>> print(unknown_chromosome("chr1", genome, where="x.bed line 3: "))
    x.bed line 3: a.fa has no sequence 'chr1'. It has: '1', '2'. Did you mean '1'? Give both ...
    """
    other = chrom.removeprefix("chr") if chrom.startswith("chr") else f"chr{chrom}"
    hint = suggestion(chrom, genome.names)
    if other in genome.lengths:
        hint = f" Did you mean '{other}'? Give both files the same names."
    return InputError(
        f"{where}{genome.path} has no sequence '{chrom}'. It has: {listed(genome.names)}.{hint}"
    )


def open_genome(path: StrPath) -> Genome:
    r"""Open a FASTA file to read pieces of it.

    Up to 64 MiB on disk, and plain gzip of any size, are read into memory whole. Larger files,
    plain or bgzip, stay on disk and are read through pysam, with the ``.fai`` (and ``.gzi``) beside
    them if these are not older than the file, else with a passing index in the temporary folder;
    their letters are not checked, records without any are left out, and of two records of one
    name the first counts.

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
    path = Path(path).expanduser()
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
