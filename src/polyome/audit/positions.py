"""What positions in tissue give away.

Sections laid one on the other, neighbours across the split, labels that x and y tell by themselves.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.neighbors import KNeighborsClassifier

from polyome._errors import listed
from polyome._types import BoolArray, FloatArray, IntArray
from polyome.audit.findings import Finding, Number, Severity
from polyome.modalities.spatial.overlap import find_overlap
from polyome.splits import Split

LEAST_PAIRS = 20
LEAK_ABOVE = 0.5
UNITS_APART = 3.0


def overlap_findings(
    coordinates: FloatArray, obs: pd.DataFrame, *, ignored: Sequence[str] = ()
) -> list[Finding]:
    """Warn where cells that were read as one section are several, laid one on the other.

    Parameters are those of :func:`polyome.modalities.spatial.overlap.find_overlap`.

    Examples
    --------
    >>> grid = np.stack(np.meshgrid(np.arange(12.0), np.arange(12.0)), -1).reshape(-1, 2)
    >>> obs = pd.DataFrame({"slice": ["a"] * 144 + ["b"] * 144})
    >>> overlap_findings(np.concatenate([grid, grid + 0.1]), obs)[0].numbers["column"]
    'slice'
    """
    found = find_overlap(coordinates, obs, ignored=ignored)
    if found is None:
        return []
    numbers: dict[str, Number] = {"same_place": found.same_place}
    if found.column:
        numbers |= {"column": found.column, "sections": found.sections}
    return [Finding("overlapping sections", "warning", found.message, numbers)]


def leak_findings(neighbours: IntArray, owners: IntArray, split: Split) -> list[Finding]:
    """Warn where test cells lie among training cells: their context was seen with its labels.

    Parameters
    ----------
    neighbours, owners : int, (e,): a near neighbour, and whose it is.
    split : the parts.
    """
    if not len(split.test) or not len(split.train):
        return []
    size = 1 + int(max(owners.max(initial=0), split.test.max(), split.train.max()))
    is_training: BoolArray = np.zeros(size, dtype=bool)
    is_training[split.train] = True
    touching = np.bincount(owners, is_training[neighbours], minlength=size) > 0
    share = float(touching[split.test].mean())
    if share < LEAK_ABOVE:
        return []
    message = (
        f"{share:.0%} of the test cells have a training cell among their 3 nearest neighbours: the "
        "test part is scattered through the training part, and its score measures interpolation "
        "between training cells. Use --split-by blocks, or hold out sections or animals."
    )
    return [Finding("leaking neighbours", "warning", message, {"share_of_test": share})]


def position_findings(place: FloatArray, labels: np.ndarray, split: Split) -> list[Finding]:
    """Say how well position alone, without a gene, tells the target in the test part.

    Parameters
    ----------
    place : float, (n, 2 or 3), of each cell in its section.
    labels : object, (n,).
    """
    rows = [part[[labels[i] is not None for i in part]] for part in (split.train, split.test)]
    if min(len(part) for part in rows) < LEAST_PAIRS:
        return []
    truth = [labels[part].astype(str) for part in rows]
    model = KNeighborsClassifier(min(15, len(rows[0]))).fit(place[rows[0]], truth[0])
    accuracy = float((model.predict(place[rows[1]]) == truth[1]).mean())
    majority = float(np.unique(truth[1], return_counts=True)[1].max() / len(truth[1]))
    gained = (accuracy - majority) / max(1 - majority, 1e-9)
    severity: Severity = "warning" if gained > 0.5 else "note"
    if gained < 0.1:
        return []
    message = (
        f"Position alone (the 15 nearest training cells by x and y, without a gene) reaches an "
        f"accuracy of {accuracy:.2f} on the test part (majority {majority:.2f}): so much of a "
        "score may be where cells lie in the frame. Test on a section of another animal before "
        "you claim that expression tells it."
    )
    numbers: dict[str, Number] = {"accuracy": accuracy, "majority": majority}
    return [Finding("position alone", severity, message, numbers)]


def unit_findings(units: dict[str, float]) -> list[Finding]:
    """Say how far apart nearest cells lie, and warn where sections differ much.

    Parameters
    ----------
    units : by section, its median distance between nearest cells, as the file has it.

    Examples
    --------
    >>> unit_findings({"a": 12.0, "b": 180.0})[0].severity
    'warning'
    >>> unit_findings({"a": 12.0})[0].severity
    'note'
    """
    if not units:
        return []
    low, high = min(units, key=lambda n: units[n]), max(units, key=lambda n: units[n])
    numbers: dict[str, Number] = {"smallest": units[low], "largest": units[high]}
    if units[high] > UNITS_APART * units[low]:
        message = (
            f"Nearest cells are {units[low]:.3g} apart in section '{low}' but {units[high]:.3g} in "
            f"'{high}' (medians): other units, such as pixels and micrometres, or another "
            "segmentation. Distances are taken relative to each section's median, so a change of "
            "unit does no harm; a change of density does."
        )
        return [Finding("units", "warning", message, numbers)]
    unit = float(np.median(list(units.values())))
    guess = "plausible as micrometres" if 4 <= unit <= 60 else "not micrometres, it seems"
    message = (
        f"Nearest cells are {unit:.3g} apart (median): {guess}. Distances are taken relative to "
        "each section's median, so the unit does not matter."
    )
    return [Finding("units", "note", message, numbers)]


def state_findings(states: dict[str, str]) -> list[Finding]:
    """Warn where sections of one matrix hold different kinds of values.

    Parameters
    ----------
    states : by section, what its values are.

    Examples
    --------
    >>> state_findings({"a": "counts", "b": "log1p of counts"})[0].kind
    'expression state'
    >>> state_findings({"a": "counts", "b": "counts"})
    []
    """
    kinds = sorted(set(states.values()))
    if len(kinds) < 2:
        return []
    shown = "; ".join(
        f"{kind} in {listed((n for n, k in states.items() if k == kind), most=3)}" for kind in kinds
    )
    message = (
        f"The sections hold different kinds of values: {shown}. One normalisation is applied to "
        "all of them, so they are not comparable. Give them the same kind of values."
    )
    return [Finding("expression state", "warning", message, {"states": kinds})]
