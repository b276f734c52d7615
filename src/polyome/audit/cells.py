"""What misleads scores on cells by their expression: shared by cells and tissue."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy import sparse

from polyome._types import BoolArray
from polyome.audit.classes import class_findings
from polyome.audit.clustering import labels_from_clustering
from polyome.audit.duplicates import duplicate_findings
from polyome.audit.findings import Finding
from polyome.audit.shortcuts import shortcut_findings
from polyome.splits import Split


def cell_findings(
    counts: Any,  # csr or dense
    labels: np.ndarray,
    known: BoolArray,
    split: Split,
    *,
    target: str,
    is_scaled: bool,
    uns_keys: Iterable[str],
    seed: int,
) -> list[Finding]:
    """Classes, duplicate cells, library size as a shortcut, labels that are a clustering.

    Parameters
    ----------
    counts : (n, g), on the linear scale, or scaled.
    labels : object, (n,), None where there is none.
    known : bool, (n,), whether there is one.
    """
    findings = class_findings(labels, split)
    findings += duplicate_findings(counts, labels, split)
    if not is_scaled:
        library = np.asarray(counts.sum(axis=1)).ravel()
        findings += shortcut_findings({"library size": library[known]}, labels[known])
    return findings + clustering_findings(
        counts[known],
        labels[known],
        target=target,
        is_scaled=is_scaled,
        uns_keys=uns_keys,
        seed=seed,
    )


def clustering_findings(
    counts: Any,  # csr or dense
    labels: np.ndarray,
    *,
    target: str,
    is_scaled: bool,
    uns_keys: Iterable[str],
    seed: int,
) -> list[Finding]:
    """Say whether labels, (n,), are a clustering of the expression, (n, g), itself."""
    if not is_scaled:
        library = np.asarray(counts.sum(axis=1)).ravel()
        counts = (sparse.diags_array(1e4 / np.maximum(library, 1)) @ counts).tocsr().log1p()
    return labels_from_clustering(counts, labels, target=target, uns_keys=uns_keys, seed=seed)
