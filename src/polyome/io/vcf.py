"""Variants in VCF: read a record at a time, and written back with more INFO, in the same order."""

import re
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polyome._errors import InputError
from polyome.io.compressed import StrPath, not_utf8, opened
from polyome.io.files import written_aside

FIELDS = 8
"""Columns that every line has: CHROM, POS, ID, REF, ALT, QUAL, FILTER, INFO."""
ENDINGS = (".vcf", ".vcf.gz", ".vcf.bgz")
_BASES = re.compile(r"[ACGTNRYSWKMBDHV]+")


@dataclass(frozen=True)
class Variant:
    """One line of a VCF.

    Attributes
    ----------
    fields : all columns, as text.
    line : its number in the file, from 1.
    """

    fields: list[str]
    line: int

    @property
    def chrom(self) -> str:
        """The sequence that it is on."""
        return self.fields[0]

    @property
    def start(self) -> int:
        """Its first base, 0-based."""
        return int(self.fields[1]) - 1

    @property
    def reference(self) -> str:
        """REF in upper case."""
        return self.fields[3].upper()

    @property
    def alternatives(self) -> list[str]:
        """ALT, one text each, in upper case where it is letters; empty where there is none."""
        given = self.fields[4]
        return [] if given in (".", "") else [is_spelled(a) or a for a in given.split(",")]

    def with_info(self, values: dict[str, str], dropped: Container[str] = ()) -> str:
        r"""The line with more INFO; what it had of these names, or of those ``dropped``, goes.

        Examples
        --------
        >>> variant = Variant(["1", "5", ".", "A", "C", ".", ".", "DP=3;X=1;OLD=4"], 9)
        >>> variant.with_info({"X": "2"}, dropped={"OLD"})
        '1\t5\t.\tA\tC\t.\t.\tDP=3;X=2'
        """
        kept = [i for i in self.fields[7].split(";") if i not in ("", ".")]
        names = [item.split("=")[0] for item in kept]
        kept = [i for i, name in zip(kept, names) if name not in values and name not in dropped]
        info = [*kept, *(f"{key}={value}" for key, value in values.items())]
        fields = [*self.fields[:7], ";".join(info) or ".", *self.fields[8:]]
        return "\t".join(fields)


def is_spelled(allele: str) -> str:
    """The allele in upper case where it is letters, else nothing: ``*``, ``<DEL>``, breakends.

    Examples
    --------
    >>> is_spelled("acg"), is_spelled("<DEL>"), is_spelled("*"), is_spelled("G[chr2:3[")
    ('ACG', '', '', '')
    """
    upper = allele.upper()
    return upper if _BASES.fullmatch(upper) else ""


def read_vcf(path: StrPath) -> Iterator[str | Variant]:
    r"""Read a VCF, plain, gzip or bgzip: first the lines of its header, then its variants.

    Raises
    ------
    InputError
        A line is no variant; the message names file and line.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.vcf"
    >>> columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"
    >>> _ = path.write_text(f"##fileformat=VCFv4.2\n{columns}\n1\t5\t.\ta\tC,<DEL>\t.\t.\t.\n")
    >>> *header, variant = read_vcf(path)
    >>> len(header), variant.start, variant.reference, variant.alternatives
    (2, 4, 'A', ['C', '<DEL>'])
    """
    path = Path(path).expanduser()
    if path.suffix == ".bcf":
        message = (
            f"{path} is BCF; VCF is read. Convert it: bcftools view {path.name} -Oz -o a.vcf.gz"
        )
        raise InputError(message)
    has_columns, width = False, 0
    with opened(path) as file:
        for number, raw in enumerate(_lines(file), start=1):
            try:
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError as error:
                raise not_utf8(path, number, raw[error.start]) from error
            if number == 1 and not line.startswith("##fileformat=VCF"):
                message = (
                    f"{path} is no VCF: its first line is '{line[:40]}', not ##fileformat=VCF."
                )
                raise InputError(message)
            if line.startswith("#"):
                if line.startswith("#CHROM"):
                    has_columns, width = True, len(line.split("\t"))
                yield line
            elif line.strip():
                if not has_columns:
                    message = f"{path} line {number:,}: a variant before the line #CHROM."
                    raise InputError(message)
                yield _parsed(line, number, path, width)
    if not has_columns:
        message = f"{path} has no line #CHROM; it is cut short or no VCF."
        raise InputError(message)


def _lines(file: Iterable[bytes]) -> Iterator[bytes]:
    """Lines that end in any of the three ways."""
    for raw in file:
        if b"\r" in raw.rstrip(b"\r\n"):
            yield from raw.splitlines()
        else:
            yield raw


def _parsed(line: str, number: int, path: Path, width: int) -> Variant:
    fields = line.split("\t")
    if len(fields) < FIELDS:
        message = (
            f"{path} line {number:,} has {len(fields)} fields; {FIELDS} or more are needed, "
            "separated by tabs: CHROM, POS, ID, REF, ALT, QUAL, FILTER, INFO."
        )
        raise InputError(message)
    if width >= FIELDS and len(fields) != width:
        message = (
            f"{path} line {number:,} has {len(fields)} fields; the line #CHROM has {width}. Is the "
            "file cut short, or made of files with other samples?"
        )
        raise InputError(message)
    if not re.fullmatch("[0-9]{1,15}", fields[1]):
        message = f"{path} line {number:,}: POS is '{fields[1]}'; a whole number is needed."
        raise InputError(message)
    if not is_spelled(fields[3]):
        message = f"{path} line {number:,}: REF is '{fields[3]}'; letters of DNA are needed."
        raise InputError(message)
    return Variant(fields, number)


def with_descriptions(header: list[str], described: dict[str, tuple[str, str, str]]) -> list[str]:
    """Put ``##INFO`` lines before the line #CHROM; lines of the same IDs are replaced.

    Parameters
    ----------
    described : by ID: Number, Type and Description.

    Examples
    --------
    >>> with_descriptions(["##fileformat=VCFv4.2", "#CHROM"], {"X": ("A", "Float", "of X")})[1]
    '##INFO=<ID=X,Number=A,Type=Float,Description="of X">'
    """
    lines = [
        line for line in header if not any(line.startswith(f"##INFO=<ID={k},") for k in described)
    ]
    made = [
        f'##INFO=<ID={key},Number={number},Type={kind},Description="{text}">'
        for key, (number, kind, text) in described.items()
    ]
    return [*lines[:-1], *made, lines[-1]]


@contextmanager
def vcf_writer(path: Path) -> Iterator[Any]:
    """Give a file to write lines to, as bytes: bgzip where the name ends so; whole or absent."""
    with written_aside(path) as aside:
        if path.suffix.lower() == ".vcf":
            with aside.open("wb") as plain:
                yield plain
        else:
            with _pysam(path).BGZFile(str(aside), "wb", None) as packed:
                yield packed


def index_vcf(path: Path, longest: int) -> None:
    """Write the index of a bgzip VCF whose variants are in order: tabix, or CSI where it must be.

    ``longest`` is the length of the longest chromosome, bp; tabix counts to 2**29 only, less than
    the chromosomes of wheat have.
    """
    _pysam(path).tabix_index(str(path), preset="vcf", force=True, csi=longest > 2**29)


def _pysam(path: Path) -> Any:
    try:
        import pysam
    except ImportError as error:
        message = f"{path}: bgzip is written with pysam. Run: pip install 'polyome[dna]'"
        raise InputError(message) from error
    return pysam
