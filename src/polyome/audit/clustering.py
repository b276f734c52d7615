"""Labels that are a clustering of the very matrix a model will read."""

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from polyome._types import FloatArray
from polyome.audit.findings import Finding, Severity

NAMES = re.compile(r"leiden|louvain|cluster|k-?means|phenograph|metacell|snn_res", re.IGNORECASE)
AGREEMENT = 0.9
BORDER = 0.05
MOST_ROWS = 5000


def neighbour_agreement(
    features: FloatArray | sparse.spmatrix, labels: ArrayLike, *, seed: int = 0
) -> dict[str, float]:
    """Measure how labels lie on the graph of 15 nearest neighbours in 30 components.

    Where classes are small, fewer neighbours count: a third of the median class.

    Parameters
    ----------
    features : float, (n, g), log-normalised (and z-scored if dense); above 5,000 rows a sample.
    labels : (n,)

    Returns
    -------
    agreement : share of the rows whose label is the most frequent among their neighbours'.
    border : share of the rows among whose neighbours no label has 80 %: where labels touch.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = np.concatenate([rng.normal(0, 1, (50, 5)), rng.normal(9, 1, (50, 5))])
    >>> neighbour_agreement(x, np.repeat(["a", "b"], 50))
    {'agreement': 1.0, 'border': 0.0}
    """
    n = features.shape[0]
    rows = np.sort(np.random.default_rng(seed).permutation(n)[:MOST_ROWS])
    matrix: Any = features
    x: Any = matrix.tocsr()[rows] if sparse.issparse(matrix) else np.asarray(matrix)[rows]
    if sparse.issparse(x) and (min(x.shape) <= 30 or not x.nnz):
        x = x.toarray()  # too small for arpack
    solver = "arpack" if sparse.issparse(x) else "randomized"
    most = min(x.shape) - (solver == "arpack")
    pca = PCA(max(1, min(30, most)), svd_solver=solver, random_state=seed)
    points = pca.fit_transform(x)
    codes = np.unique(np.asarray(labels).astype(str)[rows], return_inverse=True)[1]
    k = int(np.clip(np.median(np.bincount(codes)) // 3, 3, 15))
    near = NearestNeighbors(n_neighbors=min(k, len(rows) - 1)).fit(points)
    neighbours = near.kneighbors(return_distance=False)  # (n, k), without the row itself
    votes = np.zeros((len(rows), codes.max() + 1))
    np.add.at(votes, (np.arange(len(rows))[:, None], codes[neighbours]), 1 / neighbours.shape[1])
    agreement = float((votes.argmax(axis=1) == codes).mean())
    return {"agreement": agreement, "border": float((votes.max(axis=1) < 0.8).mean())}


def labels_from_clustering(
    features: FloatArray | sparse.spmatrix,
    labels: ArrayLike,
    *,
    target: str,
    uns_keys: Iterable[str] = (),
    seed: int = 0,
) -> list[Finding]:
    """Warn where the labels look like a clustering of the same matrix.

    A score on such labels measures how well a model redraws the clustering, not whether it names
    cells rightly. Two kinds of evidence are weighed:

    - the name: the column is called louvain, leiden, cluster or the like, or ``uns`` holds a
      clustering of that name. Enough for a warning. (``uns["<target>_colors"]`` is left by any
      plot and says nothing.)
    - the numbers: the labels touch (5 % of the rows or more lie where neighbours disagree), and
      yet 90 % of the rows bear their neighbours' most frequent label. A clustering does so by
      construction; labels from elsewhere, such as genotype or sorting, either do not touch or mix
      where they do. Good labels of nearly separate types can do so too: by itself, a note.

    Numbers alone cannot tell a clustering of well separated types from true labels of them, and
    annotations carried over from an integrated space need not show.

    Parameters
    ----------
    features : float, (n, g), log-normalised, of rows with a target.
    labels : (n,)
    target : the label column's name.
    uns_keys : the keys of ``uns``.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = np.concatenate([rng.normal(0, 1, (50, 5)), rng.normal(9, 1, (50, 5))])
    >>> labels = np.repeat(["a", "b"], 50)
    >>> [found.severity for found in labels_from_clustering(x, labels, target="leiden_0.5")]
    ['warning']
    >>> labels_from_clustering(x, labels, target="cell_line")
    []
    """
    numbers = neighbour_agreement(features, labels, seed=seed)
    by_numbers = numbers["agreement"] >= AGREEMENT and numbers["border"] >= BORDER
    by_name = bool(NAMES.search(target))
    clusterings = [key for key in uns_keys if key in ("leiden", "louvain")]
    if not (by_name or by_numbers):
        return []
    reasons = [f"the column is called '{target}'"] if by_name else []
    reasons += [f"uns holds the settings of a clustering, '{key}'" for key in clusterings]
    if by_numbers:
        reasons.append(
            f"{numbers['agreement']:.0%} of the rows bear the label of most of their neighbours "
            "in expression, although the labels touch"
        )
    message = (
        f"The labels may be a clustering of this same matrix ({'; '.join(reasons)}). "
        "Then a score says how well the clustering is redrawn, not how well cells are named; "
        "test on labels from elsewhere (sorting, genotype, another study) before you claim more."
    )
    severity: Severity = "warning" if by_name or clusterings else "note"
    return [Finding("labels from clustering", severity, message, {"target": target, **numbers})]
