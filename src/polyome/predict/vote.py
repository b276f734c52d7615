"""Majority vote within clusters of a query."""

from dataclasses import replace

import numpy as np
import pandas as pd

from polyome._errors import InputError, missing_column
from polyome._types import IntArray
from polyome.modalities.base import Answers

MOST_ALONE = 20  # fewer records are one cluster


def majority_vote(
    answers: Answers, table: pd.DataFrame, over: str, *, least_share: float, seed: int
) -> Answers:
    """Give each cluster the label that most of its records got.

    The winner is the label that more records of the cluster got than any other; ``unknown`` may
    win too. All of them then get it, with the mean probability of that class in the cluster as
    confidence. Where the winner has less than ``least_share`` of the records, or two labels are
    level, each record keeps its own answer. Probabilities stay each record's own.

    Parameters
    ----------
    table : the records' table.
    over : a column of it; ``"leiden"``, where there is no such column, clusters the representation.
    least_share : of a cluster's records that must have got the winner.
    seed : of the clusters that are made.

    Examples
    --------
    >>> proba = pd.DataFrame({"B": [0.9, 0.8, 0.3, 0.6, 0.2], "T": [0.1, 0.2, 0.7, 0.4, 0.8]})
    >>> answers = Answers(
    ...     names=proba.index, label=np.array(list("BBTBT"), object),
    ...     confidence=proba.max(axis=1).to_numpy(), proba=proba, unknown_score=np.zeros(5),
    ...     representation=np.zeros((5, 1)), provenance={},
    ... )
    >>> voted = majority_vote(
    ...     answers, pd.DataFrame({"cluster": list("xxxyy")}), "cluster", least_share=0.5, seed=0
    ... )
    >>> voted.label.tolist(), voted.vote_share.round(2).tolist()
    (['B', 'B', 'B', 'B', 'T'], [0.67, 0.67, 0.67, 0.5, 0.5])
    """
    if over in table.columns:
        clusters = table[over].astype(object)
    elif over == "leiden":
        clusters = pd.Series(_leiden(answers.representation, seed), index=table.index)
    else:
        raise missing_column(over, table.columns, role="over")
    label, confidence = answers.label.copy(), answers.confidence.copy()
    share = np.full(len(label), np.nan)
    codes, names = pd.factorize(clusters)
    undecided = 0
    for code in range(len(names)):
        members = np.flatnonzero(codes == code)
        winner, count, is_level = _winner(answers.label[members])
        share[members] = count / len(members)
        if is_level or count < least_share * len(members):
            undecided += 1
            continue
        label[members] = winner
        confidence[members] = _mean_proba(answers, members, winner)
    notes = (*answers.notes, *_said(over, len(names), undecided, least_share))
    return replace(
        answers,
        label=label,
        confidence=confidence,
        vote_share=share,
        notes=notes,
        provenance=answers.provenance | {"notes": list(notes)},
    )


def _winner(labels: np.ndarray) -> tuple[str, int, bool]:
    """The most frequent label, how many records got it, and whether another is level with it."""
    values, counts = np.unique(labels.astype(str), return_counts=True)
    most = int(counts.max())
    return str(values[counts.argmax()]), most, bool((counts == most).sum() > 1)


def _mean_proba(answers: Answers, members: IntArray, winner: str) -> float:
    """Mean probability of a class in a cluster; where ``unknown`` won, of the class most likely."""
    means = answers.proba.iloc[members].mean()
    return float(means[winner] if winner in means.index else means.max())


def _said(over: str, groups: int, undecided: int, least_share: float) -> list[str]:
    """Say how many groups were voted on, and how many of them have no winner."""
    said = f"Majority vote over '{over}': {groups:,} groups"
    if not undecided:
        return [f"{said}, one label each."]
    return [
        f"{said}. In {undecided:,} of them no label has {least_share:.0%} of the records and more "
        "than any other; their records keep their own labels. --set least_share=... changes it."
    ]


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
