"""Names of chromosomes: ``chr1``, ``1``, ``NC_000001.11`` and ``CM000663.2`` are one.

What is written in the genome wins; a rule or a table of aliases only helps where a name is absent.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from polyome._errors import InputError
from polyome.io.compressed import StrPath, read_text

_HUMAN = (*(str(number) for number in range(1, 23)), "X", "Y")
_REFSEQ_37 = (10, 11, 11, 11, 9, 11, 13, 10, 11, 10, 9, 11, 10, 8, 9, 9, 10, 9, 9, 10, 8, 10, 10, 9)
"""Versions of NC_000001 to NC_000024 in GRCh37; those of GRCh38 are larger by one."""
_LENGTHS = {
    "GRCh37": (
        249250621, 243199373, 198022430, 191154276, 180915260, 171115067, 159138663, 146364022,
        141213431, 135534747, 135006516, 133851895, 115169878, 107349540, 102531392, 90354753,
        81195210, 78077248, 59128983, 63025520, 48129895, 51304566, 155270560, 59373566,
    ),
    "GRCh38": (
        248956422, 242193529, 198295559, 190214555, 181538259, 170805979, 159345973, 145138636,
        138394717, 133797422, 135086622, 133275309, 114364328, 107043718, 101991189, 90338345,
        83257441, 80373285, 58617616, 64444167, 46709983, 50818468, 156040895, 57227415,
    ),
}  # fmt: skip
_RCRS = ("NC_012920.1", "J01415.2", "MT", "Mt", "mt")
"""Names that mean the revised Cambridge sequence of human mitochondria, or no human at all."""
_OLD_MITOCHONDRION = 16571
"""Length of ``chrM`` of UCSC's hg19 (NC_001807), another sequence than MT of GRCh37 and GRCh38."""
_WITH_PREFIX = re.compile(
    r"(?:chr|Chr|CHR)0*((?:[0-9]+[A-Za-z]?|[WXYZUMCIV]+|MT|Mt|Un)(?:[_.].*)?)"
)
_MITOCHONDRION = {"M", "MT", "Mt", "mt", "Mito", "NC_012920.1", "J01415.2"}


def _accessions() -> dict[str, tuple[str, str]]:
    """Chromosome and build of each RefSeq and GenBank accession of the human genome."""
    found = {}
    for i, (name, version) in enumerate(zip(_HUMAN, _REFSEQ_37, strict=True)):
        for k, build in enumerate(_LENGTHS):
            found[f"NC_{i + 1:06d}.{version + k}"] = (name, build)
            found[f"CM{663 + i:06d}.{k + 1}"] = (name, build)
    return found


_ACCESSIONS = _accessions()
_BUILDS = {
    (name, length): build
    for build, lengths in _LENGTHS.items()
    for name, length in zip(_HUMAN, lengths, strict=True)
}


def plain_chromosome(name: str) -> str:
    """Spelling that all names of a chromosome share.

    ``chr`` goes, mitochondria are ``MT``, and accessions of GRCh37 and GRCh38 become the number;
    every other name stays as it is.

    Examples
    --------
    >>> [plain_chromosome(name) for name in ("chr1", "1", "NC_000001.11", "CM000663.2", "Chr01")]
    ['1', '1', '1', '1', '1']
    >>> plain_chromosome("chrM"), plain_chromosome("chr2L"), plain_chromosome("scaffold_7")
    ('MT', '2L', 'scaffold_7')
    """
    if name in _ACCESSIONS:
        return _ACCESSIONS[name][0]
    prefixed = _WITH_PREFIX.fullmatch(name)
    plain = prefixed[1] if prefixed else name
    return "MT" if plain in _MITOCHONDRION else plain


def build_of(name: str, length: int) -> str | None:
    """Human build that has a chromosome of this name with so many bp; None where none has.

    Examples
    --------
    >>> build_of("chr1", 248_956_422), build_of("1", 249_250_621), build_of("chr1", 5000)
    ('GRCh38', 'GRCh37', None)
    """
    return _BUILDS.get((plain_chromosome(name), length))


@dataclass(frozen=True)
class ChromosomeNames:
    """Names of a genome, and what else each may be called.

    Parameters
    ----------
    lengths : bp of each chromosome, by its name in the genome.
    aliases : groups of names that mean the same, as :func:`read_aliases` gives them.

    Examples
    --------
    >>> names = ChromosomeNames({"chr1": 90, "chr2": 80})
    >>> names.find("chr1"), names.find("2"), names.find("3")
    ('chr1', 'chr2', None)
    """

    lengths: Mapping[str, int]
    aliases: Mapping[str, frozenset[str]] | None = None

    def __post_init__(self) -> None:
        by_plain = defaultdict(list)
        for name in self.lengths:
            by_plain[plain_chromosome(name)].append(name)
        object.__setattr__(self, "_by_plain", dict(by_plain))

    def find(self, name: str) -> str | None:
        """Give the genome's name of a chromosome; None where it has none, or more than one."""
        if name in self.lengths:
            return name
        if self.aliases is not None and name in self.aliases:
            same = self.aliased(name)
            if same:
                return same[0] if len(same) == 1 else None
        by_plain: dict[str, list[str]] = getattr(self, "_by_plain")  # noqa: B009 - frozen
        same = by_plain.get(plain_chromosome(name), [])
        return same[0] if len(same) == 1 and self._is_same_build(name, same[0]) else None

    def aliased(self, name: str) -> list[str]:
        """Names of the genome that the table of aliases gives for a name.

        Examples
        --------
        >>> same = frozenset({"I", "chr1"})
        >>> ChromosomeNames({"chr1": 90}, {"I": same, "chr1": same}).aliased("I")
        ['chr1']
        """
        group = (self.aliases or {}).get(name, frozenset())
        return [other for other in self.lengths if other in group]

    def _is_same_build(self, name: str, known: str) -> bool:
        """Whether nothing says that two names are of different sequences."""
        length = self.lengths[known]
        if plain_chromosome(name) == "MT":
            return not (name in _RCRS and length == _OLD_MITOCHONDRION)
        builds = {_ACCESSIONS[n][1] for n in (name, known) if n in _ACCESSIONS}
        by_length = build_of(known, length)
        return len(builds | ({by_length} if by_length and builds else set())) <= 1

    def found(self, names: Iterable[str]) -> dict[str, str]:
        """The genome's name of each name that is known to it, in the order given."""
        pairs = {name: self.find(name) for name in dict.fromkeys(names)}
        return {name: known for name, known in pairs.items() if known is not None}


def alias_note(found: Mapping[str, str], where: str) -> tuple[str, ...]:
    """Say how many names were read as others, or nothing.

    Examples
    --------
    >>> alias_note({"1": "chr1", "chr2": "chr2"}, "a.bed")
    ("a.bed: 1 chromosome name was matched by alias ('1' is 'chr1' in the genome).",)
    """
    others = {name: known for name, known in found.items() if name != known}
    if not others:
        return ()
    count = "1 chromosome name was" if len(others) == 1 else f"{len(others):,} names were"
    name, known = next(iter(others.items()))
    return (f"{where}: {count} matched by alias ('{name}' is '{known}' in the genome).",)


def read_aliases(path: StrPath) -> dict[str, frozenset[str]]:
    r"""Read which names of chromosomes mean the same.

    Parameters
    ----------
    path : text with two columns of names, or UCSC's ``chromAlias.txt``: after a first line
        ``# ...`` all columns are names, else only the first two are.

    Returns
    -------
    For each name all names of its row, itself among them.

    Raises
    ------
    InputError
        A line has one name only, or there is none.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "chromAlias.txt"
    >>> _ = path.write_text("# ucsc\trefseq\nchrI\tNC_001133.9\n")
    >>> sorted(read_aliases(path)["chrI"])
    ['NC_001133.9', 'chrI']
    """
    path = Path(path).expanduser()
    groups: dict[str, set[str]] = {}
    has_header = False
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.startswith("#"):
            has_header |= number == 1 and "source" not in line.lower()
            continue
        separator = "\t" if "\t" in line else "," if "," in line else None
        fields = [field.strip() for field in line.split(separator)]
        if not any(fields):
            continue
        names = {name for name in (fields if has_header else fields[:2]) if name}
        if len([name for name in fields if name]) < 2:
            message = (
                f"{path} line {number:,} has one name; two names of one chromosome are needed."
            )
            raise InputError(message)
        for name in list(names):
            names |= groups.get(name, set())
        for name in names:
            groups[name] = names
    if not groups:
        message = f"{path} holds no names. Each line needs two names of one chromosome."
        raise InputError(message)
    return {name: frozenset(names) for name, names in groups.items()}
