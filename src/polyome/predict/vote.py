"""Majority vote within clusters of a query."""

from dataclasses import replace

import numpy as np
import pandas as pd

from polyome._errors import InputError, missing_column
from polyome.modalities.base import Answers

MOST_ALONE = 20  # fewer records are one cluster


def majority_vote(answers: Answers, table: pd.DataFrame, over: str, *, seed: int) -> Answers:
    """Give each cluster the label that most of its records got.

    Every record of a cluster gets the class that most of its records got, ``unknown`` where more
    than half were refused; its confidence becomes the mean probability of that class in the
    cluster. Probabilities stay each record's own.

    Parameters
    ----------
    table : the records' table.
    over : a column of it; ``"leiden"``, where there is no such column, clusters the representation.
    """
    if over in table.columns:
        clusters = table[over].astype(object)
    elif over == "leiden":
        clusters = pd.Series(_leiden(answers.representation, seed), index=table.index)
    else:
        raise missing_column(over, table.columns, role="over")
    label, confidence = answers.label.copy(), answers.confidence.copy()
    best, refused = answers.best, answers.label != answers.best
    codes, names = pd.factorize(clusters)
    for code in range(len(names)):
        members = np.flatnonzero(codes == code)
        values, counts = np.unique(best[members].astype(str), return_counts=True)
        winner = values[counts.argmax()]
        confidence[members] = answers.proba[winner].to_numpy()[members].mean()
        is_unknown = refused[members].mean() > 0.5
        label[members] = answers.label[members][refused[members]][0] if is_unknown else winner
    note = f"Majority vote over '{over}': {len(names):,} groups, one label each."
    provenance = answers.provenance | {"notes": [*answers.notes, note]}
    return replace(
        answers,
        label=label,
        confidence=confidence,
        notes=(*answers.notes, note),
        provenance=provenance,
    )


def _leiden(representation: np.ndarray, seed: int) -> np.ndarray:
    """Leiden clusters of the 15-nearest-neighbour graph, scanpy's defaults, str (n,)."""
    if len(representation) < MOST_ALONE:
        return np.zeros(len(representation), dtype=int)
    try:
        import igraph  # noqa: F401
    except ImportError as error:
        message = "over='leiden' needs igraph: pip install 'polyome[cluster]', or name a column."
        raise InputError(message) from error
    import scanpy as sc

    adata = sc.AnnData(representation)
    sc.pp.neighbors(adata, use_rep="X", random_state=seed)
    sc.tl.leiden(adata, flavor="igraph", n_iterations=2, directed=False, random_state=seed)
    return np.asarray(adata.obs["leiden"].astype(str))
