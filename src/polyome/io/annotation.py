"""Start sites of transcripts and genes from GTF and GFF3."""

import re
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pandas as pd

from polyome._errors import InputError, listed
from polyome.io.compressed import read_text

ENDINGS = (".gtf", ".gff", ".gff3")
_FIELDS = 9
_USUAL = ("transcript", "mRNA", "gene")
"""Features that are looked for, where none is named: the commoner of the first two, else genes.

NCBI's GFF3 calls nearly all transcripts mRNA, and a few others ``transcript``."""
_NAMES = ("transcript_id", "ID", "gene_id", "Name")
_GTF = re.compile(r'\s*([^\s;"]+)\s+(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))\s*(?:;|$)')
_TAKEN = {"chrom", "start", "end", "name", "score", "strand", "sequence"}


def read_starts(path: Path, feature: str | None) -> tuple[pd.DataFrame, list[int], tuple[str, ...]]:
    r"""Read the first base of each feature, on its strand, as intervals of 1 bp.

    Parameters
    ----------
    path : GTF or GFF3, plain or gzip.
    feature : column 3 of the lines to read; None takes transcripts or mRNAs, whichever are more,
        else genes.

    Returns
    -------
    DataFrame with ``chrom``, ``start``, ``end`` (0-based, half-open), ``name``, ``score``,
    ``strand`` and the attributes; the line of each row (from 1); and notes.

    Raises
    ------
    InputError
        A line is damaged, there is no such feature, or one has no strand.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.gtf"
    >>> _ = path.write_text('1\tx\ttranscript\t11\t20\t.\t-\t.\ttranscript_id "t"; gene "g";\n')
    >>> read_starts(path, None)[0].drop(columns="score").to_csv(index=False, header=False)
    '1,19,20,t,-,t,g\n'
    """
    rows = _rows(path)
    counts = Counter(fields[2] for fields, _ in rows)
    wanted = feature or _usual(counts)
    if wanted is None or not counts[wanted]:
        sought = listed([feature] if feature else _USUAL)
        message = (
            f"{path} has no feature {sought}. It has: {listed(counts, most=12)}. Name one: "
            "--set feature=..."
        )
        raise InputError(message)
    chosen = [(fields, number) for fields, number in rows if fields[2] == wanted]
    table = pd.DataFrame([_start(fields, number, path) for fields, number in chosen])
    further = pd.DataFrame([_attributes(fields[8]) for fields, _ in chosen])
    table.insert(3, "name", _names(further, table))
    kept = [name for name in further.columns if name not in _TAKEN]
    others = [name for name in _USUAL[:2] if counts[name] and name != wanted and not feature]
    more = f" ({counts[others[0]]:,} '{others[0]}': --set feature={others[0]})" if others else ""
    note = (
        f"{path}: the starts of {len(table):,} features '{wanted}' are read; "
        f"{len(rows) - len(table):,} lines are other features{more}."
    )
    return pd.concat([table, further[kept]], axis=1), [number for _, number in chosen], (note,)


def _usual(counts: Counter[str]) -> str | None:
    """Feature to read where none is named; None where the file has none of the usual."""
    transcripts = max(_USUAL[:2], key=lambda name: counts[name])
    return next((name for name in (transcripts, _USUAL[2]) if counts[name]), None)


def _rows(path: Path) -> list[tuple[list[str], int]]:
    """Fields and number of each line that is a feature, up to the sequences of a GFF3."""
    rows = []
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.startswith("##FASTA") or line.startswith(">"):
            break
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.split("\t")
        if len(fields) != _FIELDS:
            message = (
                f"{path} line {number:,} has {len(fields)} fields; {_FIELDS} are needed, separated "
                "by tabs, as GTF and GFF3 have them."
            )
            raise InputError(message)
        rows.append((fields, number))
    if not rows:
        message = f"{path} holds no feature."
        raise InputError(message)
    return rows


def _start(fields: list[str], number: int, path: Path) -> dict[str, Any]:
    first, last = fields[3], fields[4]
    if not (first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last)):
        message = (
            f"{path} line {number:,}: start '{first}' and end '{last}'; whole numbers from 1, the "
            "start first, are needed."
        )
        raise InputError(message)
    strand = fields[6].strip()
    if strand not in ("+", "-"):
        message = (
            f"{path} line {number:,}: strand is '{strand}'; '+' or '-' is needed to know which end "
            "is the start."
        )
        raise InputError(message)
    place = int(last) - 1 if strand == "-" else int(first) - 1
    return {
        "chrom": fields[0].strip(),
        "start": place,
        "end": place + 1,
        "score": pd.to_numeric(fields[5], errors="coerce"),
        "strand": strand,
    }


def _attributes(text: str) -> dict[str, str]:
    """Attributes of a line: ``key "value";`` of GTF, ``key=value;`` of GFF3; the first counts."""
    found: dict[str, str] = {}
    if re.match(r"\s*[^\s;\"=]+=", text):
        pairs = [part.partition("=")[::2] for part in text.split(";") if "=" in part]
        for key, value in pairs:
            found.setdefault(key.strip(), unquote(value.strip()))
        return found
    for key, quoted, plain in _GTF.findall(text):
        found.setdefault(key, quoted or plain)
    return found


def _names(attributes: pd.DataFrame, table: pd.DataFrame) -> "pd.Series[str]":
    name = next((n for n in _NAMES if n in attributes), None)
    given = attributes[name] if name else pd.Series(np.nan, table.index)
    return given.fillna(".").astype(str)
