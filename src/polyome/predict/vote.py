"""Majority vote within clusters of a query."""

from dataclasses import replace

import numpy as np
import pandas as pd

from polyome._errors import InputError, missing_column
from polyome._types import FloatArray, IntArray
from polyome.outputs.classes_prediction import ClassPrediction

MOST_ALONE = 20  # fewer records are one cluster
_HALF = 0.5  # of a group's records; a winner with fewer is pointed out


def majority_vote(
    answers: ClassPrediction, table: pd.DataFrame, over: str, *, least_share: float, seed: int
) -> ClassPrediction:
    """Give each cluster the label that most of its records got.

    The winner is the best class of most of the cluster's records, of level classes the more
    probable; ``unknown`` where more than half were refused. All of them get it, with the mean
    probability of that class in the cluster as confidence. Its share is that of the records that
    bore it before, which refused ones do not. Where it is below ``least_share``, each record keeps
    its own answer. Probabilities stay each record's own.

    Parameters
    ----------
    table : the records' table. Records without a value of ``over`` keep their own answers.
    over : a column of it; ``"leiden"``, where there is no such column, clusters the representation.
    least_share : of a cluster's records that must have got the winner; 0 asks for none.
    seed : of the clusters that are made.

    Examples
    --------
    >>> proba = pd.DataFrame({"B": [0.9, 0.8, 0.3, 0.6, 0.2], "T": [0.1, 0.2, 0.7, 0.4, 0.8]})
    >>> answers = ClassPrediction(
    ...     names=proba.index, label=np.array(list("BBTBT"), object),
    ...     confidence=proba.max(axis=1).to_numpy(), proba=proba, unknown_score=np.zeros(5),
    ...     representation=np.zeros((5, 1)), provenance={},
    ... )
    >>> voted = majority_vote(
    ...     answers, pd.DataFrame({"cluster": list("xxxyy")}), "cluster", least_share=0.6, seed=0
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
    found = np.zeros(len(names))
    for code in range(len(names)):
        members = np.flatnonzero(codes == code)
        winner, sure = _winner(answers, members)
        found[code] = share[members] = (answers.label[members] == winner).mean()
        if found[code] >= least_share:
            label[members], confidence[members] = winner, sure
    notes = (*answers.notes, *_said(over, found, least_share, alone=int((codes < 0).sum())))
    return replace(
        answers,
        label=label,
        confidence=confidence,
        vote_share=share,
        notes=notes,
        provenance=answers.provenance | {"notes": list(notes)},
    )


def _winner(answers: ClassPrediction, members: IntArray) -> tuple[str, float]:
    """A cluster's label, and the mean probability of its class."""
    best, means = answers.best[members], answers.proba.iloc[members].mean()
    winner = max(np.unique(best.astype(str)), key=lambda name: ((best == name).sum(), means[name]))
    sure = float(means[winner])
    refused = answers.label[members] != best
    if refused.mean() > 0.5:
        winner = answers.label[members][refused][0]
    return str(winner), sure


def _said(over: str, shares: FloatArray, least_share: float, *, alone: int) -> tuple[str, ...]:
    """Say how many groups were voted on, in how many few agree, and how many records had none."""
    notes = [_said_of_groups(over, shares, least_share)]
    if alone:
        had, kept = ("record has", "keeps its") if alone == 1 else ("records have", "keep their")
        notes.append(f"{alone:,} {had} no value of '{over}' and {kept} own label.")
    return tuple(notes)


def _said_of_groups(over: str, shares: FloatArray, least_share: float) -> str:
    said = f"Majority vote over '{over}': {len(shares):,} group{'s' if len(shares) != 1 else ''}"
    undecided = int((shares < least_share).sum())
    if undecided:
        return (
            f"{said}. In {undecided:,} of them no label has {least_share:.0%} of the records, "
            "which keep their own labels."
        )
    minor = int((shares < _HALF).sum())
    if minor:
        return (
            f"{said}, one label each. In {minor:,} of them fewer than half of the records had it "
            f"before; --set least_share={_HALF} leaves such groups their own labels."
        )
    return f"{said}, one label each."


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
