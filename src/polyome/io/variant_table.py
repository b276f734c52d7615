"""Variants in a plain table: chrom, pos, ref, alt."""

import re
from collections.abc import Iterator
from pathlib import Path

from polyome._errors import InputError, listed
from polyome.io.compressed import StrPath, ending, read_text
from polyome.io.delimited import find_header, split_line
from polyome.io.missing import AS_TEXT
from polyome.io.vcf import Variant, is_spelled, read_vcf

ENDINGS = (".tsv", ".txt", ".csv")
_NAMES = {
    "chrom": ("chrom", "chr", "chromosome", "contig"),
    "pos": ("pos", "position"),
    "ref": ("ref", "reference", "reference_allele"),
    "alt": ("alt", "alternative", "alternate", "alternate_allele"),
}
_IDS = ("id", "name", "variant_id", "rsid", "variant")
_NO_LETTERS = re.compile(r"\.?|\*|<.*>|.*[\[\]].*")
"""What VCF allows as ALT beside letters: nothing, a star, a symbol, a breakend."""
_HEADER = ("##fileformat=VCFv4.2", "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO")


def read_variants(path: StrPath) -> Iterator[str | Variant]:
    r"""Read a VCF, or a table by its ending: the lines of a VCF's header, then its variants.

    Parameters
    ----------
    path : ``.tsv``, ``.txt`` or ``.csv`` (plain or gzip) with a line that names the columns chrom,
        pos (from 1, as in VCF), ref and alt, and perhaps id; lines before it may be comments, and
        lines that begin with ``# `` are. Anything else is read as VCF.

    Raises
    ------
    InputError
        A line is no variant; the message names file and line.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.tsv"
    >>> _ = path.write_text("chrom\tpos\tref\talt\n1\t5\ta\tC\n")
    >>> *header, variant = read_variants(path)
    >>> variant.fields
    ['1', '5', '.', 'A', 'C', '.', '.', '.']
    """
    path = Path(path).expanduser()
    if ending(path) not in ENDINGS:
        yield from read_vcf(path)
        return
    lines = read_text(path).split("\n")
    if lines[0].startswith("##fileformat=VCF"):
        yield from read_vcf(path)
        return
    yield from _HEADER
    usual = "," if ending(path) == ".csv" else "\t"
    header, separator, names = find_header(lines, usual, _is_chrom, path)
    places, width = _places(names, path)
    for number, line in enumerate(lines[header + 1 :], start=header + 2):
        if line.strip(separator + " ") and not line.startswith("# "):
            yield _variant(_fields(line, separator, number, path), places, width, number, path)


def _is_chrom(name: str) -> bool:
    return name.lower() in _NAMES["chrom"]


def _fields(line: str, separator: str, number: int, path: Path) -> list[str]:
    fields = split_line(line, separator)
    if fields is None:
        message = f"{path} line {number:,}: a quote mark opens a field, and none closes it."
        raise InputError(message)
    return [field.strip() for field in fields]


def _places(names: list[str], path: Path) -> tuple[dict[str, int], int]:
    """Place of each column that is read."""
    lowered = [name.lower() for name in names]
    wanted = {**_NAMES, "id": _IDS}
    found = {}
    for key, spellings in wanted.items():
        fits = [i for i, name in enumerate(lowered) if name in spellings]
        if len(fits) > 1 and key != "id":
            message = f"{path} has two columns for {key}: {listed(names[i] for i in fits)}."
            raise InputError(message)
        if fits:
            found[key] = fits[0]
    missing = [key for key in _NAMES if key not in found]
    if missing:
        message = (
            f"{path}: the first line names no column {listed(missing)}. A table of variants needs "
            "chrom, pos (from 1), ref and alt, separated by tabs or commas. It has: "
            f"{listed(names, most=12)}."
        )
        raise InputError(message)
    return found, len(names)


def _variant(
    fields: list[str], places: dict[str, int], width: int, number: int, path: Path
) -> Variant:
    where = f"{path} line {number:,}"
    if len(fields) != width:
        message = f"{where} has {len(fields)} fields; the first line names {width}."
        raise InputError(message)
    chrom, position, reference, alternative = (fields[places[key]] for key in _NAMES)
    if not chrom:
        message = f"{where}: chrom is empty."
        raise InputError(message)
    if not re.fullmatch("[0-9]{1,15}", position):
        message = f"{where}: pos is '{position}'; a whole number, counted from 1, is needed."
        raise InputError(message)
    if not is_spelled(reference):
        message = (
            f"{where}: ref is '{reference}'; letters of DNA are needed. Write insertions and "
            "deletions as VCF does, with the base before them."
        )
        raise InputError(message)
    if alternative in AS_TEXT:  # NA is no insertion
        alternative = "."
    alts = [alternative] if alternative in ("", ".") else re.split("[,/]", alternative)
    for one in alts:
        if not (is_spelled(one) or _NO_LETTERS.fullmatch(one)):
            message = (
                f"{where}: alt is '{alternative}'; letters of DNA are needed. Write insertions and "
                "deletions as VCF does, with the base before them."
            )
            raise InputError(message)
    alternative = ",".join(is_spelled(one) or one for one in alts) or "."
    name = fields[places["id"]].replace(" ", "_") if "id" in places else ""
    values = [chrom, position, name or ".", reference.upper(), alternative, ".", ".", "."]
    return Variant(values, number)
