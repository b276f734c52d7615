"""Whether cells that were read as one section are several, laid one on the other."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import binom
from sklearn.neighbors import NearestNeighbors

from polyome._types import BoolArray, FloatArray, IntArray

_SECTION = re.compile(
    r"section|slice|slide|sample|library|animal|mouse|donor|patient|subject|specimen|individual"
    r"|embryo|replicate|orig[._]?ident|batch|plane|bregma|source"
)
_TILE = re.compile(
    r"(?:^|[^a-z])(?:fov|roi|core|region|well|tile|image|img|puck|field|fieldofview)"
    r"(?:s|id|ids|name|names|key|no|nr|num|number|index)?(?:[^a-z]|$)"
)
_TYPE = re.compile(r"cell.?type|cluster|louvain|leiden|annot|ontology|lineage|predict")
_LABEL = re.compile(r"type|label|class|pheno|subset|domain|niche|layer")
_CLOSEST = 0.02  # share of the pairs of nearest cells that is looked at
_TOO_CLOSE = 0.5  # of the median distance to the nearest cell: few of one section are so close
_LEAST_PAIRS = 20
_PAIR_SHARE = 0.2  # of the usual share of pairs of one group
_LEAST_USUAL = 0.1
_CHANCE = 1e-3  # of so few close pairs of one group, where the closest are as any others
_MIXED = 0.05  # share of the ten nearest neighbours that are of another group
_WELL_MIXED = 0.5  # the same, as a share of what groups scattered at random have
_INSIDE = 0.5  # share of the cells that lie within the frame of another group
_SAME_PLACE = 0.05  # share of the cells


@dataclass(frozen=True)
class Overlap:
    """Cells of several sections that were read as one.

    Attributes
    ----------
    column : of ``obs``, that names the sections; empty where none does.
    sections : how many it names.
    same_place : cells that lie at exactly the place of another.
    message : what was found and what to do.
    """

    column: str
    sections: int
    same_place: int
    message: str


def find_overlap(
    coordinates: FloatArray, obs: pd.DataFrame, *, ignored: Sequence[str] = ()
) -> Overlap | None:
    """Find the column that separates sections laid one on the other.

    Cells of one section keep a distance; cells of two sections do not. Among the closest pairs of
    cells, nearly all are of different sections then, far more than among cells some way apart.
    Of a column that is called section, sample, animal or the like it is enough that its groups are
    mixed; of one called fov, tile, core or the like, that they are mixed and share their frame:
    fields of view beside each other are one section. A column of cell types is never taken.

    Parameters
    ----------
    coordinates : float, (n, 2 or 3), of cells read as one section.
    obs : (n, ...), whose columns may separate them.
    ignored : columns that do not count.

    Examples
    --------
    >>> grid = np.stack(np.meshgrid(np.arange(12.0), np.arange(12.0)), -1).reshape(-1, 2)
    >>> obs = pd.DataFrame({"slice": ["a"] * 144 + ["b"] * 144})
    >>> find_overlap(np.concatenate([grid, grid + 0.1]), obs).column
    'slice'
    >>> find_overlap(grid, obs[:144]) is None
    True
    """
    if len(coordinates) < 2 * _LEAST_PAIRS:
        return None
    pairs, far = _pairs(coordinates)
    found = {
        str(name): separation
        for name in obs.columns
        if str(name) not in ignored
        and (separation := _separation(obs[name], coordinates, pairs, far)) > 0
    }
    same = int(pd.DataFrame(coordinates).duplicated(keep=False).sum())
    if found:
        best = max(found, key=lambda name: (_is_named(name), found[name]))
        groups = int(obs[best].nunique())
        message = (
            f"The cells were read as one section, but they look like {groups:,} laid one on the "
            f"other: cells of different '{best}' lie between each other. Their neighbours are then "
            f"wrong. Pass section={best} (--set section={best})."
        )
        return Overlap(best, groups, same, message)
    if same > _SAME_PLACE * len(coordinates):
        message = (
            f"{same:,} of {len(coordinates):,} cells lie at exactly the place of another, and no "
            "column of obs separates them. If these are several sections, add a column that "
            "names them and pass it as section=."
        )
        return Overlap("", 0, same, message)
    return None


def _pairs(coordinates: FloatArray) -> tuple[IntArray, IntArray]:
    """Pairs of cells, (p, 2): the closest ones, and every cell with its ten nearest neighbours.

    There are no closest ones where no cells are much closer than others, as on a grid.
    """
    points = coordinates - coordinates.mean(axis=0)
    far_off = min(10, len(points) - 1)
    distances, near = NearestNeighbors(n_neighbors=far_off).fit(points).kneighbors()
    number = max(_LEAST_PAIRS, round(_CLOSEST * len(points)))
    cells = np.argsort(distances[:, 0], kind="stable")[:number]
    if distances[cells[-1], 0] > _TOO_CLOSE * np.median(distances[:, 0]):
        cells = cells[:0]
    return (
        np.stack([cells, near[cells, 0]], axis=1),
        np.stack([np.repeat(np.arange(len(points)), far_off), near.ravel()], axis=1),
    )


def _words(name: object) -> str:
    """A column's name in lower case, with MouseFov as mouse_fov."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(name)).lower()


def _is_named(name: object) -> bool:
    """Whether a column is called as sections are.

    Examples
    --------
    >>> [_is_named(name) for name in ("FOV", "imageID", "library_id", "n_cores", "score", "x")]
    [True, True, True, True, False, False]
    """
    return bool(_SECTION.search(_words(name)) or _TILE.search(_words(name)))


def _names_kinds(name: object) -> bool:
    """Whether a column is called as labels of cells are.

    Examples
    --------
    >>> [_names_kinds(name) for name in ("CellType", "leiden", "subclass", "section_label")]
    [True, True, True, False]
    """
    words = _words(name)
    return bool(_TYPE.search(words) or (_LABEL.search(words) and not _SECTION.search(words)))


def _separation(
    column: "pd.Series", coordinates: FloatArray, pairs: IntArray, far: IntArray
) -> float:
    """Share of near pairs that a column separates, if it does so as sections would; else 0."""
    if column.isna().any() or _is_measured(column) or _names_kinds(column.name):
        return 0.0
    codes, names = pd.factorize(column.astype(str))
    if not 2 <= len(names) <= max(2, len(codes) // 20):
        return 0.0
    usual = float((codes[far[:, 0]] == codes[far[:, 1]]).mean())
    if _SECTION.search(_words(column.name)) and usual < 1 - _MIXED:
        return 1 - usual
    if _TILE.search(_words(column.name)) and _shares_its_frame(coordinates, codes, usual):
        return 1 - usual
    if not len(pairs):
        return 0.0
    alike: BoolArray = codes[pairs[:, 0]] == codes[pairs[:, 1]]
    close = float(alike.mean())
    is_chance = binom.cdf(alike.sum(), len(alike), usual) > _CHANCE
    is_section = usual > _LEAST_USUAL and close < _PAIR_SHARE * usual and not is_chance
    return 1 - close if is_section else 0.0


def _is_measured(column: "pd.Series") -> bool:
    """Whether a column holds fractions, as no column of sections does."""
    if not pd.api.types.is_float_dtype(column.dtype):
        return False
    return bool((column != column.round()).any()) or not _is_named(column.name)


def _shares_its_frame(coordinates: FloatArray, codes: IntArray, usual: float) -> bool:
    """Whether groups are scattered among each other, not side by side as tiles of one frame."""
    shares = np.bincount(codes) / len(codes)
    by_chance = float(np.square(shares).sum())
    if 1 - usual < _WELL_MIXED * (1 - by_chance):
        return False
    inside = np.zeros(len(codes), dtype=bool)
    for group in range(len(shares)):
        low, high = np.quantile(coordinates[codes == group], [0.05, 0.95], axis=0)
        within = ((coordinates >= low) & (coordinates <= high)).all(axis=1)
        inside |= within & (codes != group)
    return bool(inside.mean() > _INSIDE)
