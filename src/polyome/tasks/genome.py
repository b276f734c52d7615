"""Splits of sequences by where in a genome they stand."""

import re
from typing import Any

import numpy as np
import pandas as pd

from polyome._errors import InputError, listed
from polyome.io.chromosomes import plain_chromosome
from polyome.labels import labels_as_text

CHROMOSOME_COLUMNS = ("chrom", "chromosome", "seqid", "contig")
_POSITION = ("start", "start0", "tss", "tss0", "pos", "position")
BLOCKS = 50
"""Blocks that a genome is cut into, about."""


def chromosomes(records: Any) -> np.ndarray:
    """Chromosome of each record, (n,), from the column that has them.

    Examples
    --------
    >>> from polyome.modalities import SequenceModality
    >>> table = pd.DataFrame({"sequence": ["ACGT", "AACC"], "chrom": ["chr1", "chr2"]})
    >>> chromosomes(SequenceModality().read(table)).tolist()
    ['chr1', 'chr2']

    Names that mean one chromosome are one, and carry the first that was met:

    >>> table["chrom"] = ["chr1", "1"]
    >>> chromosomes(SequenceModality().read(table)).tolist()
    ['chr1', 'chr1']
    """
    found = next((name for name in CHROMOSOME_COLUMNS if name in records.table.columns), None)
    if found is None:
        message = (
            "--split-by chromosome needs a column of chromosomes "
            f"({listed(CHROMOSOME_COLUMNS)}); or name one: --split-by group --group COLUMN. "
            f"Columns: {listed(records.table.columns, most=20)}."
        )
        raise InputError(message)
    return _names(records.table, found, "--split-by chromosome")


def one_spelling(names: "pd.Series[Any]") -> "pd.Series[Any]":
    """Chromosomes, of which each has one name: the first that was met. A missing one stays.

    Examples
    --------
    >>> one_spelling(pd.Series(["chr1", "1", "2", None, 2.0])).tolist()
    ['chr1', 'chr1', '2', None, '2']
    """
    found: dict[str, str] = {}
    shown: list[str | None] = []
    for name in names:
        if pd.isna(name):
            shown.append(None)
            continue
        text = re.sub(r"^(\d+)\.0$", r"\1", str(name).strip())
        shown.append(found.setdefault(plain_chromosome(text), text))
    return pd.Series(shown, names.index, dtype=object)


def _names(table: pd.DataFrame, column: str, asked: str) -> np.ndarray:
    """Chromosomes as text, (n,): 1.0 reads as 1; a record without one is refused."""
    names = labels_as_text(table[column])
    missing = np.array([name is None for name in names], dtype=bool)
    if missing.any():
        message = (
            f"column '{column}' (chromosome) is empty for {int(missing.sum()):,} of "
            f"{len(table):,} records, first '{table.index[int(missing.argmax())]}'; {asked} needs "
            "one for each."
        )
        raise InputError(message)
    return one_spelling(pd.Series(names)).to_numpy(dtype=str)


def blocks(records: Any) -> np.ndarray:
    """Stretch of the genome that each record stands in, (n,): about 50 in all, of one length.

    Examples
    --------
    >>> from polyome.modalities import SequenceModality
    >>> table = pd.DataFrame({"sequence": ["ACGT"] * 3, "start": [0, 9, 1000]})
    >>> blocks(SequenceModality().read(table)).tolist()
    ['0:0', '0:0', '0:49']
    """
    table = records.table
    found = next((name for name in _POSITION if name in table.columns), None)
    if found is None:
        message = (
            "--split-by blocks needs a column of positions "
            f"({listed(_POSITION)}), and with several chromosomes one of those "
            f"({listed(CHROMOSOME_COLUMNS)}). Columns: {listed(table.columns, most=20)}."
        )
        raise InputError(message)
    place = pd.to_numeric(table[found], errors="coerce").to_numpy(dtype=np.float64)
    if not np.isfinite(place).all():
        row = int(np.argmin(np.isfinite(place)))
        message = (
            f"column '{found}' (position) holds '{table[found].iloc[row]}' at record "
            f"'{table.index[row]}'; --split-by blocks needs a number for each record."
        )
        raise InputError(message)
    chromosome = next((name for name in CHROMOSOME_COLUMNS if name in table.columns), None)
    where = np.full(len(table), "0")
    if chromosome is not None:
        where = _names(table, chromosome, "--split-by blocks")
    ends = pd.Series(place).groupby(where).agg(["min", "max"])
    length = max(1.0, float((ends["max"] - ends["min"]).sum()) / BLOCKS)
    first = ends["min"].reindex(where).to_numpy()
    number = (np.ceil((place - first) / length).astype(int) - 1).clip(0)
    return np.array([f"{name}:{block}" for name, block in zip(where, number, strict=True)])
