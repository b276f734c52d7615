"""Peaks of other data, found among a model's by name, then by overlap on the genome."""

import numpy as np
import pandas as pd
from scipy import sparse

from polyome._types import IntArray


def peak_map(
    names: pd.Index,
    places: pd.DataFrame | None,
    known: pd.Index,
    known_places: pd.DataFrame | None,
) -> tuple["sparse.csr_matrix", int, int]:
    """Which of the data's peaks tell of which of the model's.

    A model's peak that the data names is read from that one; of the others every peak of the data
    that shares a base with it counts.

    Parameters
    ----------
    names, places : of the data's peaks, (p,) and (p, 3) as `feature_places` gives them, or None.
    known, known_places : of the model's peaks, (g,) and (g, 3).

    Returns
    -------
    The map, float32 csr (p, g) of zeros and ones; the model's peaks found by name; by overlap.

    Examples
    --------
    >>> from polyome.io.feature_places import feature_places
    >>> old, new = pd.Index(["chr1:10-20", "chr1:50-60"]), pd.Index(["chr1:55-70", "chr1:10-20"])
    >>> both = [(n, feature_places(pd.DataFrame(index=n), n)) for n in (new, old)]
    >>> found, by_name, by_overlap = peak_map(*both[0], *both[1])
    >>> found.toarray().tolist(), by_name, by_overlap
    ([[0.0, 1.0], [1.0, 0.0]], 1, 1)
    """
    at = names.get_indexer(known)
    named = np.flatnonzero(at >= 0)
    rows: list[IntArray] = [at[named]]
    columns: list[IntArray] = [named]
    by_overlap = 0
    if places is not None and known_places is not None and len(named) < len(known):
        own, other = overlapping(places, known_places)
        is_new = at[other] < 0
        rows.append(own[is_new])
        columns.append(other[is_new])
        by_overlap = len(np.unique(other[is_new]))
    row, column = np.concatenate(rows), np.concatenate(columns)
    shape = (len(names), len(known))
    found = sparse.csr_matrix((np.ones(len(row), np.float32), (row, column)), shape=shape)
    return found, len(named), by_overlap


def overlapping(left: pd.DataFrame, right: pd.DataFrame) -> tuple[IntArray, IntArray]:
    """Positions of all pairs of places that share at least one base, (k,) and (k,)."""
    first: list[IntArray] = [np.empty(0, np.int64)]
    second: list[IntArray] = [np.empty(0, np.int64)]
    groups = right.groupby("chrom", sort=False).indices
    for chrom, own in left.groupby("chrom", sort=False).indices.items():
        if chrom not in groups or chrom == "":
            continue
        other = np.asarray(groups[chrom])
        other = other[np.argsort(right["start"].to_numpy()[other], kind="stable")]
        start, end = (right[key].to_numpy()[other] for key in ("start", "end"))
        own_start, own_end = (left[key].to_numpy()[own] for key in ("start", "end"))
        low = np.searchsorted(start, own_start - (end - start).max())
        high = np.searchsorted(start, own_end)  # starts before the end
        number = (high - low).clip(0)
        i = np.repeat(np.arange(len(own)), number)
        j = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number) + low[i]
        shares = end[j] > own_start[i]
        first.append(own[i[shares]])
        second.append(other[j[shares]])
    return np.concatenate(first), np.concatenate(second)
