"""The same profile more than once: across the split, or under two labels."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from polyome._types import FloatArray, IntArray
from polyome.audit.findings import Finding, Number
from polyome.splits import Split

BLOCK = 1024  # rows hashed at once


def _mixed(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Mix the bits of each word (splitmix64's finaliser, Steele et al., OOPSLA 2014)."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: NDArray[np.uint64] = words ^ (words >> np.uint64(31))
    return mixed


def row_hashes(features: FloatArray | sparse.spmatrix) -> NDArray[np.uint64]:
    """Hash each row's non-zero values and their columns; 0 for an empty row.

    Rows that are equal have equal hashes, whatever the storage: dense, sparse, integer or float.
    Different rows collide with a chance of 2**-64 a pair.

    Parameters
    ----------
    features : (n, g), dense or sparse.

    Returns
    -------
    uint64, (n,)

    Examples
    --------
    >>> hashes = row_hashes(np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]))
    >>> bool(hashes[0] == hashes[2]), bool(hashes[0] == hashes[1])
    (True, False)
    """
    keys: NDArray[np.uint64] = np.random.default_rng(0).integers(
        0, 2**64, size=(features.shape[1],), dtype=np.uint64
    )
    matrix: Any = features
    rows = matrix.tocsr() if sparse.issparse(matrix) else np.asarray(matrix)
    starts = range(0, rows.shape[0], BLOCK)
    blocks = [_block_hashes(rows[start : start + BLOCK], keys) for start in starts]
    return np.concatenate([np.empty(0, dtype=np.uint64), *blocks])


def _block_hashes(
    block: FloatArray | sparse.spmatrix, keys: NDArray[np.uint64]
) -> NDArray[np.uint64]:
    csr = sparse.csr_matrix(block, dtype=np.float64, copy=True)
    csr.sum_duplicates()
    csr.eliminate_zeros()
    words = _mixed(_mixed(csr.data.view(np.uint64)) + keys[csr.indices])
    sums = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(words, dtype=np.uint64)])
    hashes: NDArray[np.uint64] = sums[csr.indptr[1:]] - sums[csr.indptr[:-1]]  # may wrap around
    return hashes


def duplicate_findings(
    features: FloatArray | sparse.spmatrix, labels: ArrayLike, split: Split
) -> list[Finding]:
    """Find profiles that stand in the test part and elsewhere, or under two labels.

    Only exact duplicates are looked for; rows without any value are not called duplicates.

    Parameters
    ----------
    features : (n, g), dense or sparse.
    labels : (n,), missing where a row has none.
    split : its rows count; others do not.

    Examples
    --------
    >>> split = Split(np.array([0, 1]), np.array([], dtype=int), np.array([2]), 0, "by hand")
    >>> found = duplicate_findings(np.array([[1, 0], [0, 1], [1, 0]]), ["B", "T", "T"], split)
    >>> [finding.kind for finding in found]
    ['duplicates', 'duplicates']
    """
    hashes = row_hashes(features)
    parts = [("train", split.train), ("validation", split.validation), ("test", split.test)]
    table = pd.concat(
        [pd.DataFrame({"row": rows, "part": part}) for part, rows in parts], ignore_index=True
    )
    table["hash"] = hashes[table["row"].to_numpy(dtype=np.int64)]
    table["label"] = np.asarray(labels, dtype=object)[table["row"].to_numpy(dtype=np.int64)]
    table = table[table["hash"] != 0]
    copies = table[table["hash"].duplicated(keep=False)]
    return [
        *_across_parts(copies, split.test),
        *conflicting_labels(copies.rename(columns={"hash": "same"}), "profile"),
    ]


def _across_parts(copies: pd.DataFrame, test: IntArray) -> list[Finding]:
    counts = pd.crosstab(copies["hash"], copies["part"]).reindex(
        columns=["train", "validation", "test"], fill_value=0
    )
    fitted = counts["train"] + counts["validation"]
    leaked = int(counts.loc[fitted > 0, "test"].sum())
    if not leaked:
        return []
    share = leaked / len(test)
    message = (
        f"{leaked:,} of {len(test):,} test rows ({share:.1%}) have the same profile as a training "
        "row, so their score is memory. Remove the copies, or split by the group they come from."
    )
    numbers = {
        "test_rows_in_train": leaked,
        "pairs": int((counts["test"] * fitted).sum()),
        "share_of_test": share,
    }
    return [Finding("duplicates", "warning", message, {**numbers})]


def conflicting_labels(copies: pd.DataFrame, what: str) -> list[Finding]:
    """Records that are the same and are called differently.

    Parameters
    ----------
    copies : ``same``, equal for equal records, and ``label``; rows without a label do not count.
    what : a profile or a sequence, for the message.

    Examples
    --------
    >>> copies = pd.DataFrame({"same": [1, 1, 2], "label": ["T", "B", "T"]})
    >>> conflicting_labels(copies, "profile")[0].numbers
    {'profiles': 1, 'rows': 2, 'example': ['B', 'T']}
    """
    labelled = copies[copies["label"].notna()]
    labelled = labelled.assign(label=labelled["label"].astype(str))
    torn = labelled[labelled.groupby("same")["label"].transform("nunique") > 1]
    if torn.empty:
        return []
    count = int(torn["same"].nunique())
    example = sorted(torn["label"][torn["same"] == torn["same"].iloc[0]].unique())[:2]
    message = (
        f"{count:,} {what}{'s have' if count > 1 else ' has'} conflicting labels "
        f"({len(torn):,} rows; one is both '{example[0]}' and '{example[1]}'). "
        "Keep the label you trust, or leave these rows out."
    )
    numbers: dict[str, Number] = {f"{what}s": count, "rows": len(torn), "example": example}
    return [Finding("duplicates", "warning", message, numbers)]


def copies_across_parts(features: FloatArray | sparse.spmatrix, split: Split) -> list[Finding]:
    """Find profiles that stand in the test part and elsewhere, of records whose truth is a value.

    Examples
    --------
    >>> split = Split(np.array([0, 1]), np.array([], dtype=int), np.array([2]), 0, "by hand")
    >>> len(copies_across_parts(np.array([[1, 0], [0, 1], [1, 0]]), split))
    1
    """
    return duplicate_findings(features, np.full(features.shape[0], None, dtype=object), split)
