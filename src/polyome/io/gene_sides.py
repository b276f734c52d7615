"""Which axis of a table of counts has the genes, told by the names on both."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from polyome._errors import InputError, listed

CELLS, GENES = "cells", "genes"
_ENSEMBL = r"(?:^|[_|])ENS[A-Z]*G\d{11}"
_FAMILIES = r"(?i)^(?:RP[LS]\d+[A-Z]?\d*|MT-[A-Z0-9]+|HLA-[A-Z0-9]+)$"
_COMMON = frozenset(  # of blood and tissue; mouse symbols are compared in capitals
    """
    ACTA2 ACTB ACTG1 ALB APOE AQP4 B2M CCR7 CD14 CD19 CD3D CD3E CD3G CD4 CD44 CD74 CD79A CD79B
    CD8A CD8B COL1A1 COL1A2 COL3A1 CST3 CX3CR1 EEF1A1 EGFR ENO1 EPCAM FCER1A FCGR3A FOS FTH1 FTL
    GAD1 GAD2 GAPDH GATA1 GATA3 GCG GFAP GNLY HBA1 HBB HMGB2 HSPA8 IL7R INS JUN KRT18 KRT5 KRT8
    LYZ MALAT1 MBP MKI67 MOG MS4A1 MYC NEUROD1 NKG7 OLIG1 OLIG2 PDGFRA PECAM1 PLP1 PPBP PPY
    PTPRC S100A8 S100A9 SLC17A7 SNAP25 SOX2 SOX9 SST TMSB4X TOP2A TP53 TTR TUBA1B TUBB UBC VIM
    VWF
    """.split()  # noqa: SIM905 - a list would take a page
)
_BARCODE = r"(?:^|[_:.-])[ACGT]{8,}(?:[-_.]\d+)?$"
_ENOUGH, _CLEARLY = 2, 3


def side_of_genes(
    path: Path,
    sides: Sequence[Sequence[pd.Index]],
    known: Callable[[pd.Index], int] | None = None,
) -> tuple[str, str]:
    """Say whether the rows of a table are cells or genes, and how that was found out.

    Parameters
    ----------
    path : of the table, for messages.
    sides : names of the rows, and of the columns: of each the name itself first, then others.
    known : counts how many of a model's genes are among names.

    Returns
    -------
    rows : ``cells`` or ``genes``.
    why : a note.

    Raises
    ------
    InputError
        Neither axis, or both, look like genes.

    Examples
    --------
    >>> sides = [[pd.Index(["CD3D", "LYZ", "ACTB"])], [pd.Index(["s1", "s2"])]]
    >>> side_of_genes(Path("a.csv"), sides)[0]
    'genes'
    """
    tests: list[tuple[str, Callable[[pd.Index], int], int]] = [
        ("what names of genes look like", _gene_like, _ENOUGH)
    ]
    if known is not None:
        tests.insert(0, ("the model's genes", known, 1))
    for by, count, least in tests:
        rows, columns = (max(count(names) for names in side) for side in sides)
        if max(rows, columns) >= least and max(rows, columns) >= _CLEARLY * min(rows, columns):
            return _decided(path, sides, rows_are_genes=rows > columns, by=by)
    barcodes = [_share(side[0], _BARCODE) > 0.5 for side in sides]
    if barcodes[0] != barcodes[1]:
        by = "the barcodes of the other axis"
        return _decided(path, sides, rows_are_genes=barcodes[1], by=by)
    message = (
        f"{path}: neither its rows ({listed(sides[0][0], most=2)}) nor its columns "
        f"({listed(sides[1][0], most=2)}) are clearly genes, by symbols or Ensembl ids. Say what "
        f"the rows are: --set table_rows={CELLS} or --set table_rows={GENES}."
    )
    raise InputError(message)


def _decided(
    path: Path, sides: Sequence[Sequence[pd.Index]], *, rows_are_genes: bool, by: str
) -> tuple[str, str]:
    kinds = (GENES, CELLS) if rows_are_genes else (CELLS, GENES)
    rows, columns = (listed(side[0], most=2) for side in sides)
    why = (
        f"{path.name}: rows were taken for {kinds[0]} ({rows}) and columns for {kinds[1]} "
        f"({columns}), by {by}."
    )
    return kinds[0], why


def _gene_like(names: pd.Index) -> int:
    """How many names are Ensembl ids, of well-known families, or common genes."""
    text = pd.Series(names, dtype=str)
    symbols = text.str.upper().isin(_COMMON)
    found = text.str.contains(_ENSEMBL, regex=True) | text.str.match(_FAMILIES) | symbols
    return int(found.sum())


def _share(names: pd.Index, pattern: str) -> float:
    return float(pd.Series(names, dtype=str).str.contains(pattern, regex=True).mean())
