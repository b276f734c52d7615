"""Which cells lie around a cell: found within its own section, in units that no section has alone.

Distances are divided by the section's median distance between nearest cells, so that micrometres,
pixels and grids read alike. Nothing here depends on where a section lies or how it is turned.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy import sparse
from sklearn.neighbors import NearestNeighbors

from polyome._types import BoolArray, FloatArray, IntArray

TIE = 1e-3
"""Neighbours that are farther than the k-th by so much or less all count like it."""
FADE = 0.05
"""Over this distance beyond a tie, a neighbour's weight falls from 1 to 0. Without it, an error of
rounding could decide whether a cell is a neighbour or not."""
_SPARE = 8  # neighbours beyond the k-th that are looked up at once


@dataclass(frozen=True, eq=False)
class Neighbourhoods:
    """The cells around each cell, nearest first, the rows of a ragged table.

    Attributes
    ----------
    starts : int64, (n + 1,): row i has the places ``starts[i]`` to ``starts[i + 1]``.
    cells : int64, (e,), the neighbours' positions.
    distances : float32, (e,), in units of the section's median nearest-neighbour distance.
    directions : float32, (e, 2 or 3), unit vectors from the cell; zeros at distance 0.
    """

    starts: IntArray
    cells: IntArray
    distances: FloatArray
    directions: FloatArray

    def places(self, rows: IntArray) -> tuple[IntArray, IntArray]:
        """Number of neighbours of some cells, (m,), and their places in the table, in order."""
        counts = self.starts[rows + 1] - self.starts[rows]
        ends = np.cumsum(counts)
        within = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)
        return counts, np.repeat(self.starts[rows], counts) + within

    def weights(self, rows: IntArray, k: int) -> FloatArray:
        """How much each neighbour counts among the k nearest, float32, in the order of `places`.

        1 up to the k-th and what is tied with it, then falling to 0 over ``FADE``.
        """
        counts, places = self.places(rows)
        kth = np.repeat(self.starts[rows] + np.minimum(k, counts) - 1, counts)
        beyond = self.distances[places] - self.distances[kth]
        return ((TIE + FADE - beyond) / FADE).clip(0, 1).astype(np.float32)

    def pairs(self, rows: IntArray, k: int) -> tuple[IntArray, IntArray]:
        """List the k nearest neighbours of some cells.

        Returns
        -------
        owners, cells : int64, (e,): whose neighbour it is, by place in ``rows``, and which cell.
        """
        counts, places = self.places(rows)
        counted = self.weights(rows, k) > 0
        return np.repeat(np.arange(len(rows)), counts)[counted], self.cells[places][counted]

    def means(self, rows: IntArray, k: int, values: FloatArray) -> FloatArray:
        """Mean over the k nearest neighbours of each cell, float32 (m, f); 0 where there is none.

        Parameters
        ----------
        values : float32, (n, f), of all cells.
        """
        counts, places = self.places(rows)
        starts = np.concatenate([[0], np.cumsum(counts)])
        weights = self.weights(rows, k)
        shape = (len(rows), len(values))
        matrix = sparse.csr_matrix((weights, self.cells[places], starts), shape=shape)
        matrix.eliminate_zeros()
        total = np.asarray(matrix.sum(axis=1))
        return np.asarray(matrix @ values / np.maximum(total, 1e-12), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Sections:
    """Where cells lie.

    Attributes
    ----------
    coordinates : float64, (n, 2 or 3), each section in a frame of its own.
    codes : int64, (n,), the section of each cell.
    names : the sections' names.
    notes : what the user should know of them.
    """

    coordinates: FloatArray
    codes: IntArray
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()
    _found: dict[int, Neighbourhoods] = field(default_factory=dict, repr=False)

    @property
    def rows(self) -> list[IntArray]:
        """Positions of each section's cells."""
        return [np.flatnonzero(self.codes == code) for code in range(len(self.names))]

    @property
    def units(self) -> dict[str, float]:
        """Median distance between nearest cells of each section that has two or more."""
        return {
            name: unit_of(self.coordinates[rows])
            for name, rows in zip(self.names, self.rows)
            if len(rows) > 1
        }

    def neighbourhoods(self, k: int) -> Neighbourhoods:
        """Find the k nearest cells of each cell and what is tied with the k-th; more may be there.

        What was looked up for a larger k is used again.
        """
        enough = [known for known in self._found if known >= k]
        if not enough:
            self._found.clear()
            self._found[k] = find_neighbours(self, k)
            enough = [k]
        return self._found[enough[0]]

    def placed(self) -> FloatArray:
        """Coordinates, float32, about each section's middle and in its own unit.

        Directions are the file's own: only what is said to read position may use them.
        """
        placed = np.zeros_like(self.coordinates)
        for rows in self.rows:
            inside = self.coordinates[rows] - np.median(self.coordinates[rows], axis=0)
            placed[rows] = inside / unit_of(inside)
        return placed.astype(np.float32)


def unit_of(coordinates: FloatArray) -> float:
    """Median distance between nearest cells that do not lie at the same place; 1 without any.

    Examples
    --------
    >>> unit_of(np.array([[0.0, 0.0], [0.0, 3.0], [0.0, 6.0]]))
    3.0
    """
    different = np.unique(coordinates, axis=0)
    if len(different) < 2:
        return 1.0
    nearest = NearestNeighbors(n_neighbors=1).fit(different).kneighbors()[0]
    return float(np.median(nearest))


def find_neighbours(sections: Sections, k: int) -> Neighbourhoods:
    """Find the k nearest cells of each cell in its own section, and those tied with the k-th.

    Examples
    --------
    >>> line = np.array([[0.0, 0.0], [0.0, 2.0], [0.0, 4.0], [0.0, 2.0]])
    >>> found = find_neighbours(Sections(line, np.array([0, 0, 0, 1]), ("a", "b")), 1)
    >>> found.starts.tolist(), sorted(found.cells.tolist()), found.distances.tolist()
    ([0, 1, 3, 4, 4], [0, 1, 1, 2], [1.0, 1.0, 1.0, 1.0])
    """
    parts = [_of_section(sections.coordinates[rows], rows, k) for rows in sections.rows]
    owners = np.concatenate([part[0] for part in parts])
    order = np.argsort(owners, kind="stable")
    counts = np.bincount(owners, minlength=len(sections.codes))
    cells, distances, directions = (
        np.concatenate([part[i] for part in parts])[order] for i in (1, 2, 3)
    )
    starts = np.concatenate([[0], np.cumsum(counts)])
    return Neighbourhoods(starts, cells, distances, directions)


def _of_section(
    coordinates: FloatArray, rows: IntArray, k: int
) -> tuple[IntArray, IntArray, FloatArray, FloatArray]:
    """Cells, neighbours, distances and directions of one section, nearest first for each cell."""
    dims = coordinates.shape[1]
    none = np.zeros(0, np.int64)
    if len(rows) < 2:
        return none, none, np.zeros(0, np.float32), np.zeros((0, dims), np.float32)
    points = coordinates - np.median(coordinates, axis=0)
    points = points / unit_of(points)
    tree = NearestNeighbors().fit(points)
    wanted = min(k + _SPARE, len(rows) - 1)
    distances, cells = tree.kneighbors(n_neighbors=wanted)  # without the cell itself
    limits = distances[:, min(k, wanted) - 1] + TIE + FADE
    owners, cells, distances = _within(distances, cells, limits)
    if wanted < len(rows) - 1:
        more = np.flatnonzero(np.bincount(owners, minlength=len(rows)) == wanted)
        owners, cells, distances = _with_all_ties(
            tree, points, limits, more, (owners, cells, distances)
        )
    offsets = points[cells] - points[owners]
    directions = offsets / np.maximum(distances, 1e-12)[:, None]
    return (
        rows[owners],
        rows[cells],
        distances.astype(np.float32),
        directions.astype(np.float32),
    )


def _within(
    distances: FloatArray, cells: IntArray, limits: FloatArray
) -> tuple[IntArray, IntArray, FloatArray]:
    """Ragged table of the neighbours up to each cell's limit."""
    kept: BoolArray = distances < limits[:, None]
    owners = np.repeat(np.arange(len(cells)), kept.sum(axis=1))
    return owners, cells[kept], distances[kept]


def _with_all_ties(
    tree: NearestNeighbors,
    points: FloatArray,
    limits: FloatArray,
    more: IntArray,
    found: tuple[IntArray, IntArray, FloatArray],
) -> tuple[IntArray, IntArray, FloatArray]:
    """Look again around cells whose limit was not reached by the neighbours looked up."""
    keep = ~np.isin(found[0], more)
    parts = [tuple(part[keep] for part in found)]
    for row in more:
        distances, cells = tree.radius_neighbors(
            points[row : row + 1], radius=limits[row], sort_results=True
        )
        others = (cells[0] != row) & (distances[0] < limits[row])
        owners = np.full(int(others.sum()), row)
        parts.append((owners, cells[0][others], distances[0][others]))
    joined = [np.concatenate([part[i] for part in parts]) for i in range(3)]
    order = np.argsort(joined[0], kind="stable")
    owners, cells, distances = (values[order] for values in joined)
    return owners, cells, distances
