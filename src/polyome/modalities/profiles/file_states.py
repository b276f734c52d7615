"""What a file says of its values, and whether files read as one hold the same kind."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from polyome._types import BoolArray
from polyome.modalities.profiles.cell_states import MixedStatesError
from polyome.modalities.profiles.matrix_evidence import sampled_rows
from polyome.modalities.profiles.matrix_rows import Matrix, keep_columns, read_rows
from polyome.modalities.profiles.matrix_state import (
    LINEAR_STATES,
    NATURAL,
    Recognition,
    recognise_sample,
)
from polyome.modalities.profiles.recognition import quieten, rounding


def log_base(uns: Mapping[str, Any]) -> float | None:
    """Base of the logarithm that ``scanpy.pp.log1p`` wrote to ``uns``; None where it wrote none.

    Examples
    --------
    >>> log_base({"log1p": {"base": 10}}), log_base({"log1p": {"base": None}}), log_base({})
    (10.0, 2.718281828459045, None)
    """
    written = uns.get("log1p")
    if not isinstance(written, Mapping):
        return None
    base = written.get("base")
    if base is None:  # what scanpy writes for the natural logarithm; a file loses it
        return NATURAL
    try:
        value = float(base)
    except (TypeError, ValueError):
        return None
    if not (np.isfinite(value) and value > 1):
        return None
    return NATURAL if np.isclose(value, NATURAL, rtol=1e-3) else value


def note_of_base(recognition: Recognition, base: float | None, where: str) -> tuple[str, ...]:
    """Say so where the values are logarithms to another base than ``uns`` says."""
    if base is None or not (recognition.is_log and recognition.is_certain):
        return ()
    if recognition.base == base:
        return ()
    shown = "e" if base == NATURAL else f"{base:g}"
    return (
        f"uns['log1p'] says base {shown}, but {recognition.evidence}: {where} was read as "
        f"{recognition.description}.",
    )


def states_of(
    matrix: Matrix,
    is_gene: BoolArray | None,
    base: float | None,
    groups: "pd.Series[str] | NDArray[np.object_]",
) -> dict[str, Recognition]:
    """Recognise what the rows of each group, (n_obs,), hold, by a sample of them.

    Parameters
    ----------
    matrix : (n_obs, n_vars), as `by_row` gives it.
    is_gene : bool, (n_vars,), the columns that count; None: all.
    base : of the logarithm, by ``uns["log1p"]``.

    Examples
    --------
    >>> values = np.array([[1.0, 3.0, 0.0], [0.0, 5.0, 2.0]])
    >>> found = states_of(values, None, None, np.array(["a", "b"]))
    >>> found["b"].description
    'counts'
    """
    codes, names = pd.factorize(np.asarray(groups))
    found: dict[str, Recognition] = {}
    for code, name in enumerate(names):
        rows = np.flatnonzero(codes == code)
        block = read_rows(matrix, rows[sampled_rows(len(rows))])
        block = block if is_gene is None else keep_columns(block, is_gene)
        sample = sparse.csr_matrix(block, dtype=np.float64)
        quieten(sample, rounding(sample.data))
        found[str(name)] = recognise_sample(sample, base=base)
    return found


def check_same_state(states: Mapping[str, Recognition], where: str) -> None:
    """Refuse files read as one that hold values of different kinds.

    Parameters
    ----------
    states : what each file holds.
    where : the matrix, in messages.

    Raises
    ------
    MixedStatesError
        Two files differ, other than by being whole or not.

    Examples
    --------
    >>> counts = np.array([[1, 3, 0], [0, 5, 2]])
    >>> values = np.vstack([counts, np.log1p(counts)])
    >>> found = states_of(values, None, None, np.array(["a.h5ad", "a.h5ad", "b.h5ad", "b.h5ad"]))
    >>> check_same_state(found, "X")
    Traceback (most recent call last):
    polyome.modalities.profiles.cell_states.MixedStatesError: X is counts in a.h5ad but log1p of ...
    """
    (first, expected), *others = states.items()
    for file, recognition in others:
        both = {expected.state, recognition.state}
        if len(both) > 1 and not both <= LINEAR_STATES:
            found = (
                f"{where} is {expected.description} in {first} but {recognition.description} in "
                f"{file}"
            )
            raise MixedStatesError(
                found,
                "files read as one must hold the same kind of values. Read them one by one, or "
                "pass layer= with one that all of them have.",
            )
