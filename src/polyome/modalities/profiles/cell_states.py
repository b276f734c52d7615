"""Whether all cells of a matrix hold the same kind of values, judged cell by cell."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from polyome._errors import InputError
from polyome._types import BoolArray, IntArray
from polyome.modalities.profiles.matrix_evidence import molecule_shares
from polyome.modalities.profiles.matrix_rows import Matrix
from polyome.modalities.profiles.matrix_state import LARGEST_LOG, MatrixState, Recognition, unlogged

FEWEST_VALUES = 3
"""Values above 0 that a cell needs before anything is said of it."""
UNLIKELY = 1e-9
"""Chance, of logarithms that are all whole numbers, below which a cell is said to hold counts."""
_ADVICE = (
    "all cells of a matrix must hold the same kind of values. Convert or leave out such cells, or "
    "pass layer= with one that holds the same kind in all cells."
)
_VOTING_VALUES, _VOTE, _AHEAD = 20, 0.95, 0.4


class MixedStatesError(InputError):
    """Cells of one matrix hold different kinds of values.

    Parameters
    ----------
    found : which, and where.
    advice : what is needed, and what to do.
    """

    def __init__(self, found: str, advice: str) -> None:
        super().__init__(f"{found}; {advice}")
        self.found = found


@dataclass(frozen=True, eq=False)
class RowForms:
    """Of each cell: how many values it has, whether they are whole numbers, and their range.

    Attributes
    ----------
    counts : int, (m,), values that are not 0.
    whole : int, (m,), those that are whole numbers.
    smallest, largest : float64, (m,); 0 for empty cells.

    Examples
    --------
    >>> from scipy import sparse
    >>> forms = RowForms.of(sparse.csr_matrix([[0.0, 2.0, 1.0], [0.5, 1.0, 0.0]]))
    >>> forms.is_whole.tolist(), forms.is_small.tolist()
    ([True, False], [False, True])
    """

    counts: IntArray
    whole: IntArray
    smallest: NDArray[np.float64]
    largest: NDArray[np.float64]

    @classmethod
    def of(cls, block: Matrix) -> Self:
        """Look at csr_matrix (m, n_vars) without stored zeros."""
        sizes = np.diff(block.indptr)
        filled = np.flatnonzero(sizes)
        starts = block.indptr[:-1][filled]
        values = block.data
        near = np.abs(values - np.rint(values)) <= 1e-4 + 1e-6 * np.abs(values)
        whole = np.zeros(len(sizes), dtype=np.int64)
        smallest, largest = np.zeros(len(sizes)), np.zeros(len(sizes))
        if len(filled):
            whole[filled] = np.add.reduceat(near, starts, dtype=np.int64)
            smallest[filled] = np.minimum.reduceat(values, starts)
            largest[filled] = np.maximum.reduceat(values, starts)
        return cls(sizes.astype(np.int64), whole, smallest, largest)

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Put the cells of several blocks one after the other."""
        names = ("counts", "whole", "smallest", "largest")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    @property
    def is_negative(self) -> BoolArray:
        """Cells with a value below 0."""
        return self.smallest < 0

    @property
    def is_whole(self) -> BoolArray:
        """Cells whose values are all whole numbers, none of them negative."""
        return (self.counts > 0) & (self.whole == self.counts) & ~self.is_negative

    @property
    def is_large(self) -> BoolArray:
        """Cells with a value that is no logarithm, and values that are not whole."""
        return ~self.is_whole & ~self.is_negative & (self.largest > LARGEST_LOG)

    @property
    def is_small(self) -> BoolArray:
        """Cells with values that are not whole, and could be logarithms."""
        return ~self.is_whole & ~self.is_negative & ~self.is_large & (self.counts > 0)

    def not_logs(self, share: float) -> BoolArray:
        """Cells whose values cannot be logarithms.

        Parameters
        ----------
        share : of the logarithms, those that are whole numbers: half of them may be where they are
            log2 of small counts, next to none of others.
        """
        told = np.maximum(share, UNLIKELY) ** self.counts <= UNLIKELY
        whole = self.is_whole & (self.counts >= FEWEST_VALUES) & told
        return whole | ((self.largest > LARGEST_LOG) & ~self.is_negative)


def mixed_states(
    where: str,
    kinds: Iterable[tuple[str, IntArray]],
    obs_names: pd.Index | None,
    *,
    of: str = "cells",
) -> MixedStatesError:
    """Build the error: how many cells hold what, and which cell is the first of each.

    Parameters
    ----------
    kinds : what some cells hold, and their row numbers.
    of : ``cells``, or ``sampled cells``.

    Examples
    --------
    >>> kinds = [("counts", np.array([4, 7])), ("log1p of counts", np.array([0, 1, 2]))]
    >>> print(mixed_states("X", kinds, None))
    X holds counts in 2 cells (first: cell 4) and log1p of counts in 3 cells (first: cell 0); ...
    """
    shown = [
        f"{what} in {len(rows):,} {of if len(rows) > 1 else of[:-1]} "
        f"(first: {_cell(int(rows.min()), obs_names)})"
        for what, rows in sorted(kinds, key=lambda kind: len(kind[1]))
    ]
    return MixedStatesError(f"{where} holds {' and '.join(shown)}", _ADVICE)


def _cell(row: int, obs_names: pd.Index | None) -> str:
    return f"cell {row}" if obs_names is None else f"cell '{obs_names[row]}', row {row}"


def voted_bases(sample: Matrix, bases: Iterable[float | None]) -> dict[float | None, IntArray]:
    """Cells that by their molecules alone are surely logarithms to one base, by that base.

    Parameters
    ----------
    sample : csr_matrix float64, (m, n_vars), values above 0 and no larger than a logarithm.
    bases : candidates; None for values that are no logarithms.

    Examples
    --------
    >>> from scipy import sparse
    >>> counts = np.tile(np.arange(30.0), (2, 1))
    >>> cells = sparse.csr_matrix(np.vstack([np.log1p(counts[0]), np.log2(1 + counts[1])]))
    >>> {base: rows.tolist() for base, rows in voted_bases(cells, (np.e, 2.0)).items()}
    {2.718281828459045: [0], 2.0: [1]}
    """
    bases = tuple(bases)
    found = [molecule_shares(sample, partial(unlogged, base=base)) for base in bases]
    shares = np.array([share for share, _ in found])
    asked = np.array([weight for _, weight in found])
    order = np.sort(shares, axis=0)
    is_sure = (order[-1] >= _VOTE) & (order[-1] - order[-2] >= _AHEAD)
    best = shares.argmax(axis=0)
    is_sure &= np.take_along_axis(asked, best[None], axis=0)[0] >= _VOTING_VALUES
    votes = {base: np.flatnonzero(is_sure & (best == i)) for i, base in enumerate(bases)}
    return {base: rows for base, rows in votes.items() if len(rows)}


def check_same_as(
    forms: RowForms,
    recognition: Recognition,
    rows: IntArray,
    *,
    where: str,
    obs_names: pd.Index | None = None,
) -> None:
    """Refuse cells that hold another kind of values than a sample of the others.

    Parameters
    ----------
    forms : of the cells, (m,).
    rows : int, (m,), their numbers in the whole matrix.

    Raises
    ------
    MixedStatesError

    Examples
    --------
    >>> from scipy import sparse
    >>> logs = Recognition(MatrixState.LOG1P, is_whole=False, evidence="")
    >>> forms = RowForms.of(sparse.csr_matrix([[3.0, 1.0, 7.0]]))
    >>> check_same_as(forms, logs, np.array([9]), where="X")
    Traceback (most recent call last):
    polyome.modalities.profiles.cell_states.MixedStatesError: X holds counts in cell 9, ...
    """
    kind = "counts"
    if recognition.is_log:
        is_other = forms.not_logs(recognition.whole)
        if not forms.is_whole[is_other].all():
            kind = "unlogged values"
    elif recognition.state is MatrixState.COUNTS:
        is_other, kind = forms.is_small & (forms.counts >= FEWEST_VALUES), "no whole numbers"
    elif recognition.state is MatrixState.SCALED:
        is_other = forms.is_whole & (forms.counts >= FEWEST_VALUES)
    else:
        return
    if not is_other.any():
        return
    first = _cell(int(rows[is_other].min()), obs_names)
    found = f"{where} holds {kind} in {first}, although its other values are "
    raise MixedStatesError(found + recognition.description, _ADVICE)
