"""Recognising what a whole matrix holds: each cell is looked at, and all must hold the same.

The decision rests on a fixed sample of rows, so that one matrix gets one answer however it is
stored. A matrix in memory is searched whole for cells that differ; one in a file while it is read.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import sparse

from polyome._types import BoolArray, IntArray
from polyome.modalities.profiles.cell_states import (
    RowForms,
    mixed_states,
    voted_bases,
)
from polyome.modalities.profiles.matrix_evidence import sampled_rows, whole_share
from polyome.modalities.profiles.matrix_rows import (
    CHUNK_ROWS,
    Matrix,
    by_row,
    check_finite,
    check_numeric,
    is_backed,
    keep_columns,
    read_rows,
)
from polyome.modalities.profiles.matrix_state import (
    LINEAR_STATES,
    ROUNDING,
    MatrixState,
    Recognition,
    candidates,
    recognise_sample,
)

FEWEST_KNOWN = 10
"""Genes of the model that a query needs, for its values to be judged by these alone."""
_LINEAR_WHOLE = 0.3  # more whole values than any logarithm of normalised counts has
_TOLD_VALUES = 30  # that cells need together, to be set against cells with negative values
_FEWEST_VOTERS = 2


def recognise(
    matrix: Matrix,
    *,
    where: str,
    obs_names: pd.Index | None = None,
    var_names: pd.Index | None = None,
    genes: BoolArray | None = None,
    known: BoolArray | None = None,
    base: float | None = None,
) -> Recognition:
    """Find out what a matrix holds, from up to 2,000 rows spread evenly over it.

    Parameters
    ----------
    matrix : (n_obs, n_vars), dense or sparse, in memory or backed.
    where : str. Its name in messages: ``X``, ``.raw``, ``layers['counts']``.
    obs_names, var_names : names for messages; numbers where they are not given.
    genes : bool, (n_vars,), the columns that are genes; by default all.
    known : bool, (n_vars,), those that a model knows: they decide, where there are ten or more.
    base : of the logarithm, by ``uns["log1p"]``.

    Returns
    -------
    Recognition. The same for every way to store the same numbers.

    Raises
    ------
    InputError
        A value is NaN or infinite (a matrix in memory is searched whole, a backed one in the
        sampled rows), or the matrix does not hold numbers.
    MixedStatesError
        Some cells hold one kind of values and some another.

    Examples
    --------
    >>> import numpy as np
    >>> counts = np.array([[0, 1, 3], [2, 0, 5]])
    >>> recognise(counts, where="X").description
    'counts'
    >>> recognise(np.log1p(counts), where="X").description
    'log1p of counts'
    >>> recognise(np.log2(1 + counts), where="X").description
    'log2(1 + x) of counts'
    >>> recognise(counts - counts.mean(axis=0), where="X").evidence
    'smallest value -1'
    """
    matrix = by_row(matrix)
    check_numeric(matrix, where=where)

    def read(rows: "slice | IntArray") -> sparse.csr_matrix:
        block = read_rows(matrix, rows)
        block = block if genes is None else keep_columns(block, genes)
        check_finite(block, np.arange(matrix.shape[0])[rows], where, obs_names, var_names)
        return sparse.csr_matrix(block, dtype=np.float64)

    if known is not None and genes is not None:
        known = known & genes
    if known is None or known.sum() < FEWEST_KNOWN:
        known = None
    return _Judge(matrix, read, where, obs_names, known, base).recognition()


@dataclass(frozen=True, eq=False)
class _Judge:
    """A matrix whose genes are read as csr_matrix float64, and how its cells are to be judged."""

    matrix: Matrix
    read: "Callable[[slice | IntArray], sparse.csr_matrix]"
    where: str
    obs_names: pd.Index | None
    known: BoolArray | None
    base: float | None

    def recognition(self) -> Recognition:
        """Of all cells; raises where they differ."""
        n_obs = self.matrix.shape[0]
        sample = self.read(sampled_rows(n_obs))
        noise = rounding(self._narrow(sample).data)
        if is_backed(self.matrix):
            rows = sampled_rows(n_obs)
            forms, lowest = self._forms(sample, noise)
        else:
            rows = np.arange(n_obs)
            starts = range(0, n_obs, CHUNK_ROWS)
            blocks = (self.read(slice(start, start + CHUNK_ROWS)) for start in starts)
            found = [self._forms(block, noise) for block in blocks]
            forms = RowForms.joined([one for one, _ in found])
            lowest = min(low for _, low in found)
        judged = self._same(forms, rows, noise)
        whole = forms.whole.sum() / max(1, forms.counts.sum())
        return replace(judged, noise=noise, lowest=lowest, whole=float(whole))

    def _narrow(self, block: sparse.csr_matrix) -> sparse.csr_matrix:
        return block if self.known is None else keep_columns(block, self.known)

    def _forms(self, block: sparse.csr_matrix, noise: float) -> tuple[RowForms, float]:
        """Forms of cells without rounding noise, and the smallest value of that noise."""
        block = self._narrow(block)
        lowest = quieten(block, noise)
        return RowForms.of(block), lowest

    def _recognise(self, rows: IntArray, noise: float) -> tuple[Recognition, sparse.csr_matrix]:
        """Judge some rows as if there were no others, by a sample of them."""
        some = rows[sampled_rows(len(rows))]
        wide = self.read(some)
        quieten(wide, noise)
        narrow = self._narrow(wide).copy()
        wide = None if self.known is None else wide
        return recognise_sample(narrow, wide=wide, base=self.base), narrow

    def _same(self, forms: RowForms, rows: IntArray, noise: float) -> Recognition:
        """Judge the cells whose forms these are."""
        if not forms.is_negative.any():
            return self._not_negative(forms, rows, noise)
        scaled, other = rows[forms.is_negative], ~forms.is_negative & (forms.counts > 0)
        found, _ = self._recognise(scaled, noise)
        if other.any() and forms.counts[other].sum() >= _TOLD_VALUES:
            kept, sample = self._recognise(rows[other], noise)
            if kept.is_certain and len(sample.data):
                raise self._mixed([(found, scaled), (kept, rows[other])])
        return found

    def _not_negative(self, forms: RowForms, rows: IntArray, noise: float) -> Recognition:
        is_small = forms.is_small
        if not is_small.any():  # whole numbers, or linear values
            return self._recognise(rows, noise)[0]
        small, sample = self._recognise(rows[is_small], noise)
        if small.is_log:
            self._check_bases(sample, rows[is_small])
        rest = ~is_small & (forms.counts > 0)
        if not rest.any():
            return small
        is_other = self._not_logs(forms, small, sample)
        if is_other.any():
            linear, _ = self._recognise(rows[is_other], noise)
            raise self._mixed([(linear, rows[is_other]), (small, rows[is_small])])
        whole = self._recognise(rows, noise)[0]
        return whole if small.is_log or whole.state in LINEAR_STATES else small

    def _not_logs(
        self, forms: RowForms, small: Recognition, sample: sparse.csr_matrix
    ) -> BoolArray:
        """Cells that hold no logarithms, where others surely do."""
        share = whole_share(sample.data)
        if not small.is_log or (not small.is_certain and share > _LINEAR_WHOLE):
            return np.zeros(len(forms.counts), dtype=bool)
        is_other = forms.not_logs(share)
        if small.is_certain:
            return is_other
        large = forms.largest[forms.is_large]  # shallow cells of linear values are small too
        has_gap = large.size > 0 and large.min() > 10 * forms.largest[forms.is_small].max()
        return is_other & (forms.is_whole | has_gap)

    def _check_bases(self, sample: sparse.csr_matrix, rows: IntArray) -> None:
        """Refuse logarithms to several bases."""
        found = voted_bases(sample, candidates(self.base))
        votes = {base: voters for base, voters in found.items() if len(voters) >= _FEWEST_VOTERS}
        if len(votes) < 2:
            return
        some = rows[sampled_rows(len(rows))]
        kinds = [(self._recognise(some[voters], 0.0)[0], some[voters]) for voters in votes.values()]
        if len({kind.description for kind, _ in kinds}) > 1:
            raise self._mixed(kinds)

    def _mixed(self, kinds: list[tuple[Recognition, IntArray]]) -> Exception:
        named = [(_in_words(kind), rows) for kind, rows in kinds]
        of = "sampled cells" if is_backed(self.matrix) else "cells"
        return mixed_states(self.where, named, self.obs_names, of=of)


def _in_words(kind: Recognition) -> str:
    if kind.state is MatrixState.SCALED:
        return "negative values"
    return kind.description if kind.is_certain else "values like logarithms"


def rounding(values: "np.ndarray") -> float:
    """How far below 0 a value is rounding noise, by the largest value.

    Examples
    --------
    >>> rounding(np.array([0.0, 5.0]))
    5e-05
    """
    return ROUNDING * max(float(values.max(initial=0.0)), 0.0)


def quieten(block: sparse.csr_matrix, noise: float) -> float:
    """Set rounding noise of a csr_matrix to 0, in place; returns the smallest such value, or 0.

    Examples
    --------
    >>> block = sparse.csr_matrix([[-1e-8, 2.0], [-0.5, 0.0]])
    >>> quieten(block, 1e-5), block.toarray().tolist()
    (-1e-08, [[0.0, 2.0], [-0.5, 0.0]])
    """
    is_noise = (block.data < 0) & (block.data >= -noise)
    lowest = float(block.data[is_noise].min(initial=0.0))
    block.data[is_noise] = 0
    block.eliminate_zeros()
    return lowest
