"""Whether numbers are read in pieces of their range, chosen by the linear model."""

from typing import Any

import numpy as np

from polyome._types import FloatArray
from polyome.modalities.input_records import InputRecords
from polyome.modalities.inputs import Inputs
from polyome.modalities.numeric.modality import NumericModality
from polyome.outputs import Output
from polyome.outputs.linear import Fold
from polyome.splits import inner_folds

LEAST_GAIN = 0.02
"""Share by which pieces must lower the held-out loss of the linear model."""
MOST_ROWS = 4_000
FOLDS = 3


def choose_pieces(
    output: Output,
    modality: Inputs,
    records: InputRecords,
    truth: Any,
    groups: np.ndarray | None,
    *,
    seed: int,
) -> dict[str, Any]:
    """Drop an input's pieces, in place, where the linear model is as good without them.

    With pieces it adds up a bent line of each number. Where that answers no better than straight
    lines, networks learn what there is from the numbers alone, and pieces only let them overfit.

    Parameters
    ----------
    output : whose linear model and loss decide.
    modality : fitted to the records, which are training records.
    truth, groups : of the records.

    Returns
    -------
    By input, the losses and whether its pieces are read.
    """
    found: dict[str, Any] = {}
    for name, own in modality.members.items():
        if not isinstance(own, NumericModality) or not len(own.pieces_):
            continue
        places = np.flatnonzero(records.has(name))
        part: Any = records.part(name)
        z = own.baseline_features(part)
        if len(places) > MOST_ROWS:
            drawn = np.random.default_rng(seed).choice(len(places), MOST_ROWS, replace=False)
            places, z = places[np.sort(drawn)], z[np.sort(drawn)]
        inside = None if groups is None else groups[places]
        features = {"numbers": z, "pieces": np.hstack([z, own.pieces_.encode(z)])}
        losses = {
            how: held_out_loss(output, x, truth[places], inside, seed=seed)
            for how, x in features.items()
        }
        is_better = losses["pieces"] < (1 - LEAST_GAIN) * losses["numbers"]
        found[name] = {"loss": losses, "used": is_better}
        if not is_better:
            own.drop_pieces()
    return {"pieces": found} if found else {}


def held_out_loss(
    output: Output, x: FloatArray, truth: Any, groups: np.ndarray | None, *, seed: int
) -> float:
    """Loss of the linear model of features, (n, f), on rows that it was not fitted on."""
    every = np.arange(len(x))
    fold = inner_folds(np.zeros(len(x), dtype=np.int64), groups, FOLDS, seed, if_small=FOLDS)
    parts = [(every[fold != k], every[fold == k]) for k in range(fold.max() + 1)]
    folds = [Fold(rows, held, x[rows], x[held], None, None) for rows, held in parts]
    whole = Fold(every, every[:0], x, x[:0], None, None)
    fitted = output.fit_linear(folds, whole, truth, truth.shape[1])
    return output.loss(fitted.out_of_fold, truth)


def pieces_in_words(facts: dict[str, Any]) -> dict[str, str]:
    """What was chosen, from a model's facts, for messages and the card."""
    shown = []
    for name, found in facts.get("pieces", {}).items():
        losses = found["loss"]
        how = "in pieces of their range" if found["used"] else "as they are"
        shown.append(
            f"{name} are read {how} (loss of the linear model: {losses['pieces']:.3f} in pieces, "
            f"{losses['numbers']:.3f} as they are)"
        )
    return {"numbers": "; ".join(shown)} if shown else {}
