"""Reading rows of an expression matrix, however it is stored, and refusing what is no number."""

from collections.abc import Callable
from typing import Any

import h5py
import numpy as np
import pandas as pd
from anndata.abc import CSCDataset, CSRDataset
from numpy.typing import NDArray
from scipy import sparse

from polyome._errors import InputError

Matrix = Any
"""A NumPy array or matrix, a SciPy sparse matrix or array, or one of these backed by an h5ad."""
RowIndex = slice | NDArray[np.integer] | NDArray[np.bool_]

CHUNK_ROWS = 1_024


def by_row(matrix: Matrix) -> Matrix:
    """Put a matrix in a form whose rows are cheap to read; only CSC has to change.

    Examples
    --------
    >>> from scipy import sparse
    >>> by_row(sparse.csc_matrix([[1, 0], [0, 2]])).format
    'csr'
    """
    if isinstance(matrix, CSCDataset):
        return matrix.to_memory().tocsr()
    if sparse.issparse(matrix) and matrix.format != "csr":
        return matrix.tocsr()
    return matrix


def is_backed(matrix: Matrix) -> bool:
    """Whether the values lie in a file, to be read when they are asked for.

    Examples
    --------
    >>> import numpy as np
    >>> is_backed(np.zeros((2, 2)))
    False
    """
    return isinstance(matrix, (h5py.Dataset, CSRDataset))


def read_rows(matrix: Matrix, index: RowIndex) -> Matrix:
    """Read some rows into memory, in the order asked for.

    Parameters
    ----------
    matrix : (n_obs, n_vars), as `by_row` gives it.
    index : slice, int array (m,) or bool array (n_obs,).

    Returns
    -------
    csr_matrix or ndarray, (m, n_vars), float32 or float64. Never a view of ``matrix``'s values
    where that is sparse.

    Examples
    --------
    >>> import numpy as np
    >>> read_rows(np.arange(6.0).reshape(3, 2), np.array([2, 0]))
    array([[4., 5.],
           [0., 1.]])
    """
    rows = _plain_index(index, matrix.shape[0])
    if not isinstance(rows, slice) and is_backed(matrix):
        block = _scattered_rows(matrix, rows)
    else:
        block = matrix[rows]
    dtype = np.float64 if block.dtype in (np.float64, np.int64, np.uint64) else np.float32
    if sparse.issparse(block):
        block = sparse.csr_matrix(block.astype(dtype))
        block.sum_duplicates()
        return block
    return np.asarray(block, dtype=dtype)


def keep_columns(block: Matrix, columns: NDArray[np.bool_]) -> Matrix:
    """Copy rows with all other columns set to 0; sparse rows lose their stored zeros too.

    Examples
    --------
    >>> keep_columns(np.array([[1.0, 2.0]]), np.array([True, False]))
    array([[1., 0.]])
    """
    if not sparse.issparse(block):
        return np.where(columns, block, block.dtype.type(0))
    kept = block.copy()
    kept.data[~columns[kept.indices]] = 0
    kept.eliminate_zeros()
    return kept


def _plain_index(index: RowIndex, n_rows: int) -> slice | NDArray[np.integer]:
    """A slice without a step, or positions from 0 on."""
    if isinstance(index, slice):
        start, stop, step = index.indices(n_rows)
        return slice(start, stop) if step == 1 else np.arange(start, stop, step)
    positions = np.asarray(index)
    if positions.dtype == bool:
        return np.flatnonzero(positions)
    return np.asarray(positions % max(n_rows, 1))


def _scattered_rows(matrix: Matrix, index: NDArray[np.integer]) -> Matrix:
    """HDF5 wants rows once and in order; near ones are read as one slice, which is faster."""
    if len(index) == 0:
        return matrix[0:0]
    rows, back = np.unique(index, return_inverse=True)
    first, last = int(rows[0]), int(rows[-1])
    if last - first < 4 * len(rows):
        return matrix[first : last + 1][index - first]
    return matrix[rows][back]


def check_numeric(matrix: Matrix, *, where: str) -> None:
    """Refuse a matrix of objects or text.

    Examples
    --------
    >>> import numpy as np
    >>> check_numeric(np.array([["a"]]), where="X")
    Traceback (most recent call last):
    polyome._errors.InputError: X holds values of type <U1; numbers are needed.
    """
    if np.dtype(matrix.dtype).kind not in "biuf":
        msg = f"{where} holds values of type {matrix.dtype}; numbers are needed."
        raise InputError(msg)


def check_finite(
    block: Matrix,
    rows: NDArray[np.integer],
    where: str,
    obs_names: pd.Index | None = None,
    var_names: pd.Index | None = None,
) -> None:
    """Refuse NaN and infinite values, naming the first.

    Parameters
    ----------
    block : csr_matrix or ndarray, (m, n_vars).
    rows : int, (m,): the rows' numbers in the whole matrix.

    Examples
    --------
    >>> import numpy as np
    >>> check_finite(np.array([[1.0, np.nan]]), np.array([7]), "X")
    Traceback (most recent call last):
    polyome._errors.InputError: X holds nan at cell 7, gene 1; ...
    """
    values = block.data if sparse.issparse(block) else block
    if np.isfinite(values.sum()) or np.isfinite(values).all():
        return
    row, column, value = first_value(block, lambda values: ~np.isfinite(values))
    msg = (
        f"{where} holds {value} at {_place(rows[row], column, obs_names, var_names)}; every value "
        "must be a finite number. Drop such cells or genes, set the values to 0, or pass layer= "
        "with the name of a layer without them."
    )
    raise InputError(msg)


def check_not_negative(
    block: Matrix,
    rows: NDArray[np.integer],
    where: str,
    description: str,
    obs_names: pd.Index | None = None,
    var_names: pd.Index | None = None,
) -> None:
    """Refuse a negative value in a matrix whose sample had none.

    Examples
    --------
    >>> import numpy as np
    >>> check_not_negative(np.array([[1.0, -2.0]]), np.array([7]), "X", "counts")
    Traceback (most recent call last):
    polyome._errors.InputError: X holds -2.0 at cell 7, gene 1, ...
    """
    values = block.data if sparse.issparse(block) else block
    if values.size == 0 or values.min() >= 0:
        return
    row, column, value = first_value(block, lambda values: values < 0)
    msg = (
        f"{where} holds {value} at {_place(rows[row], column, obs_names, var_names)}, although its "
        f"other values are {description}. Read each kind of values on its own."
    )
    raise InputError(msg)


def first_value(
    block: Matrix, asked: Callable[[NDArray[np.floating]], NDArray[np.bool_]]
) -> tuple[int, int, float]:
    """Row, column and value of the first value that is asked for, row by row.

    Examples
    --------
    >>> import numpy as np
    >>> first_value(np.array([[1.0, 2.0], [3.0, 4.0]]), lambda values: values > 2)
    (1, 0, 3.0)
    """
    if sparse.issparse(block):
        places = np.flatnonzero(asked(block.data))
        row = int(np.searchsorted(block.indptr, places[0], side="right") - 1)
        return row, int(block.indices[places[0]]), float(block.data[places[0]])
    row, column = (int(place[0]) for place in np.nonzero(asked(block)))
    return row, column, float(block[row, column])


def _place(row: int, column: int, obs_names: pd.Index | None, var_names: pd.Index | None) -> str:
    cell = row if obs_names is None else f"'{obs_names[row]}'"
    gene = column if var_names is None else f"'{var_names[column]}'"
    return f"cell {cell}, gene {gene}"
