"""What positions in tissue give away.

Sections laid one on the other, neighbours across the split, labels that x and y tell by themselves.
"""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from polyome._errors import listed
from polyome._types import BoolArray, FloatArray, IntArray
from polyome.audit.findings import Finding, Number, Severity
from polyome.splits import Split

SECTION_NAMES = re.compile(
    r"section|slice|slide|sample|library|animal|mouse|donor|patient|batch|plane|bregma|source",
    re.IGNORECASE,
)
CLOSEST = 0.02  # share of the pairs of nearest cells that is looked at
TOO_CLOSE = 0.5  # of the median distance between nearest cells: so close are few cells of a section
LEAST_PAIRS = 20
LEAK_ABOVE = 0.5
UNITS_APART = 3.0
_PAIR_SHARE = 0.2  # of the usual share of pairs of one group
_LEAST_USUAL = 0.1
_MIXED = 0.05  # share of the ten nearest neighbours that are of another group


def overlap_findings(
    coordinates: FloatArray, obs: pd.DataFrame, *, ignored: Sequence[str] = ()
) -> list[Finding]:
    """Warn where cells that were read as one section are several, laid one on the other.

    Cells of one section keep a distance; cells of two sections do not. Among the closest pairs of
    cells, nearly all are of different sections then, far more than among cells some way apart. A
    column of cell types shows no such thing. Of a column that is called section, sample, animal or
    the like it is enough that its groups are mixed.

    Parameters
    ----------
    coordinates : float, (n, 2 or 3), of cells read as one section.
    obs : (n, ...), whose columns may separate them.
    ignored : columns that do not count.

    Returns
    -------
    A warning that names the column, or says that none separates cells at equal places.

    Examples
    --------
    >>> grid = np.stack(np.meshgrid(np.arange(12.0), np.arange(12.0)), -1).reshape(-1, 2)
    >>> obs = pd.DataFrame({"slice": ["a"] * 144 + ["b"] * 144})
    >>> overlap_findings(np.concatenate([grid, grid + 0.1]), obs)[0].numbers["column"]
    'slice'
    """
    if len(coordinates) < 2 * LEAST_PAIRS:
        return []
    pairs, far = _pairs(coordinates)
    found = {
        str(name): separation
        for name in obs.columns
        if str(name) not in ignored and (separation := _separation(obs[name], pairs, far)) > 0
    }
    same = int(pd.DataFrame(coordinates).duplicated(keep=False).sum())
    if found:
        best = max(found, key=lambda name: (bool(SECTION_NAMES.search(name)), found[name]))
        groups = int(obs[best].nunique())
        message = (
            f"The cells were read as one section, but they look like {groups:,} laid one on the "
            f"other: cells of different '{best}' lie between each other. Their neighbours are then "
            f"wrong. Pass section={best} (--set section={best})."
        )
        numbers: dict[str, Number] = {"column": best, "sections": groups, "same_place": same}
        return [Finding("overlapping sections", "warning", message, numbers)]
    if same > 0.05 * len(coordinates):
        message = (
            f"{same:,} of {len(coordinates):,} cells lie at exactly the place of another, and no "
            "column of obs tells them apart. If these are several sections, add a column that "
            "names them and pass it as section=."
        )
        return [Finding("overlapping sections", "warning", message, {"same_place": same})]
    return []


def _pairs(coordinates: FloatArray) -> tuple[IntArray, IntArray]:
    """Pairs of cells, (p, 2): the closest ones, and every cell with its ten nearest neighbours.

    There are no closest ones where no cells are much closer than others, as on a grid.
    """
    points = coordinates - coordinates.mean(axis=0)
    far_off = min(10, len(points) - 1)
    distances, near = NearestNeighbors(n_neighbors=far_off).fit(points).kneighbors()
    number = max(LEAST_PAIRS, round(CLOSEST * len(points)))
    cells = np.argsort(distances[:, 0], kind="stable")[:number]
    if distances[cells[-1], 0] > TOO_CLOSE * np.median(distances[:, 0]):
        cells = cells[:0]
    return (
        np.stack([cells, near[cells, 0]], axis=1),
        np.stack([np.repeat(np.arange(len(points)), far_off), near.ravel()], axis=1),
    )


def _separation(column: "pd.Series", pairs: IntArray, far: IntArray) -> float:
    """Share of near pairs that a column separates, if it does so as sections would; else 0."""
    if pd.api.types.is_float_dtype(column.dtype) or column.isna().any():
        return 0.0
    codes, names = pd.factorize(column.astype(str))
    if not 2 <= len(names) <= max(2, len(codes) // 20):
        return 0.0
    usual = float((codes[far[:, 0]] == codes[far[:, 1]]).mean())
    if SECTION_NAMES.search(str(column.name)) and usual < 1 - _MIXED:
        return 1 - usual
    if not len(pairs):
        return 0.0
    close = float((codes[pairs[:, 0]] == codes[pairs[:, 1]]).mean())
    is_section = usual > _LEAST_USUAL and close < _PAIR_SHARE * usual
    return 1 - close if is_section else 0.0


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
