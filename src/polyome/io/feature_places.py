"""Where features lie on the genome: columns of ``var``, or names such as ``chr1:100-200``."""

import re

import numpy as np
import pandas as pd

from polyome._types import IntArray
from polyome.io.chromosomes import plain_chromosome

_COLUMNS = {
    "chrom": ("chrom", "chr", "chromosome", "seqnames", "seqname", "contig"),
    "start": ("start", "chromstart", "pos", "position", "mapinfo"),
    "end": ("end", "chromend", "stop"),
}
_NAME = re.compile(r"(.+?)[:_-](\d+)(?:[-_](\d+))?")
_LEAST = 0.5  # of the names; with fewer they are no places


def feature_places(var: pd.DataFrame, names: pd.Index) -> pd.DataFrame | None:
    """Places of features: columns ``chrom`` (plain), ``start`` and ``end``, half-open; (f, 3).

    Features without a place have the chromosome "". None where hardly any has one.

    Parameters
    ----------
    var : with columns such as ``chrom``, ``start`` and ``end``; else names are read.
    names : (f,), such as ``chr1:100-200``, ``chr1_100_200``, ``chr1-100-200`` or ``chr1:100``.

    Examples
    --------
    >>> names = pd.Index(["chr1:100-200", "2_30_60", "chrX:7"])
    >>> feature_places(pd.DataFrame(index=names), names).to_numpy().tolist()
    [['1', 100, 200], ['2', 30, 60], ['X', 7, 8]]
    """
    columns = {str(column).lower(): column for column in var.columns}
    found = {
        key: next((columns[name] for name in usual if name in columns), None)
        for key, usual in _COLUMNS.items()
    }
    if found["chrom"] is not None and found["start"] is not None:
        start = pd.to_numeric(var[found["start"]], errors="coerce").to_numpy(float)
        end = start + 1
        if found["end"] is not None:
            end = pd.to_numeric(var[found["end"]], errors="coerce").to_numpy(float)
        chrom = var[found["chrom"]].astype(str).to_numpy(object)
    else:
        matches = [_NAME.fullmatch(str(name)) for name in names]
        chrom = np.array([m[1] if m else "" for m in matches], dtype=object)
        start = np.array([float(m[2]) if m else np.nan for m in matches])
        end = np.array([float(m[3] or int(m[2]) + 1) if m else np.nan for m in matches])
    is_place = np.isfinite(start) & np.isfinite(end) & (end > start) & (chrom != "")
    if is_place.sum() < _LEAST * max(1, len(names)):
        return None
    plain = {name: plain_chromosome(str(name)) for name in set(chrom[is_place])}
    return pd.DataFrame(
        {
            "chrom": [plain[c] if ok else "" for c, ok in zip(chrom, is_place, strict=True)],
            "start": _whole(start, is_place),
            "end": _whole(end, is_place),
        },
        index=names,
    )


def _whole(values: np.ndarray, is_place: np.ndarray) -> IntArray:
    return np.where(is_place, np.nan_to_num(values), 0).astype(np.int64)
