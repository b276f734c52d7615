"""Variants in a plain table: chrom, pos, ref, alt."""

import re
from collections.abc import Iterator
from pathlib import Path

from polyome._errors import InputError, listed
from polyome.io.compressed import StrPath, ending, read_text
from polyome.io.vcf import Variant, is_spelled, read_vcf

ENDINGS = (".tsv", ".txt", ".csv")
_NAMES = {
    "chrom": ("chrom", "#chrom", "chr", "#chr", "chromosome", "contig"),
    "pos": ("pos", "position"),
    "ref": ("ref", "reference", "reference_allele"),
    "alt": ("alt", "alternative", "alternate", "alternate_allele"),
}
_IDS = ("id", "name", "variant_id", "rsid", "variant")
_HEADER = ("##fileformat=VCFv4.2", "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO")


def read_variants(path: StrPath) -> Iterator[str | Variant]:
    r"""Read a VCF, or a table by its ending: the lines of a VCF's header, then its variants.

    Parameters
    ----------
    path : ``.tsv``, ``.txt`` or ``.csv`` (plain or gzip) with a first line that names the columns
        chrom, pos (from 1, as in VCF), ref and alt, and perhaps id; anything else is read as VCF.

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
    first = next((i for i, line in enumerate(lines) if line.strip()), 0)
    separator = "\t" if "\t" in lines[first] else ","
    places, width = _places(_fields(lines[first], separator), path)
    for number, line in enumerate(lines[first + 1 :], start=first + 2):
        if line.strip():
            yield _variant(_fields(line, separator), places, width, number, path)


def _fields(line: str, separator: str) -> list[str]:
    return [field.strip().strip('"') for field in line.split(separator)]


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
    alts = [alternative] if alternative in ("", ".") else re.split("[,/]", alternative)
    alternative = ",".join(is_spelled(one) or one for one in alts) or "."
    name = fields[places["id"]].replace(" ", "_") if "id" in places else ""
    values = [chrom, position, name or ".", reference.upper(), alternative, ".", ".", "."]
    return Variant(values, number)
