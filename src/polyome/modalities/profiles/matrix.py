"""Where an AnnData keeps its expression values, and how to read them on the linear scale."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray
from scipy import sparse

from polyome._errors import InputError, listed, missing_column, suggestion
from polyome.modalities.profiles.matrix_rows import (
    CHUNK_ROWS,
    Matrix,
    RowIndex,
    by_row,
    check_finite,
    check_not_negative,
    read_rows,
)
from polyome.modalities.profiles.matrix_state import (
    INVERSES,
    MatrixState,
    Recognition,
    recognise,
    recognise_sample,
    sampled_rows,
)

_ENSEMBL_VERSION = r"^(ENS[A-Z]*[GT]\d{11})\.\d+$"
KNOWN_STATE = "polyome_state"
"""Key of ``uns``: the state of X, of who knows it; few genes may tell less than all did."""
_LINEAR = {MatrixState.COUNTS, MatrixState.UNLOGGED}


@dataclass(frozen=True, eq=False)
class ExpressionMatrix:
    """A matrix of an AnnData, what it holds, and its genes' names.

    Attributes
    ----------
    layer : str. ``X``, ``raw`` or a layer's name: `find_expression` takes it as ``layer``.
    recognition : Recognition
    var : DataFrame, (n_vars, ...): the genes' table that belongs to the matrix.
    obs_names : Index, (n_obs,)
    gene_column : str or None. The column of ``var`` that names the genes; None for its index.
    spelled : Index of str, (n_vars,): the names as a model writes them; None leaves them.
    notes : tuple of str. What the user should know about where values came from.

    Examples
    --------
    >>> import scanpy as sc
    >>> expression = find_expression(sc.datasets.pbmc68k_reduced())
    >>> expression.notes
    ('X is scaled; values were read from .raw (log1p of normalised counts).',)
    >>> expression.rows(slice(0, 10)).shape
    (10, 765)
    """

    layer: str
    recognition: Recognition
    var: pd.DataFrame = field(repr=False)
    obs_names: pd.Index = field(repr=False)
    matrix: Matrix = field(repr=False)
    gene_column: str | None = None
    notes: tuple[str, ...] = ()
    spelled: pd.Index | None = field(default=None, repr=False)

    @property
    def location(self) -> str:
        """The matrix's name in messages: ``X``, ``.raw`` or ``layers['counts']``."""
        return _named(self.layer)

    @property
    def n_obs(self) -> int:
        """Number of cells."""
        return len(self.obs_names)

    @property
    def is_scaled(self) -> bool:
        """Whether values have no way back to a linear scale."""
        return self.recognition.state is MatrixState.SCALED

    @cached_property
    def gene_names(self) -> pd.Index:
        """Index of str, (n_vars,): without Ensembl versions; empty text where one is missing."""
        if self.spelled is not None:
            return self.spelled
        return gene_names(self.var, self.gene_column, where=self.var_location)

    @property
    def var_location(self) -> str:
        """The genes' table's name in messages."""
        return "raw.var" if self.layer == "raw" else "var"

    @property
    def names_location(self) -> str:
        """Where the genes' names were read, in messages."""
        column = f"[{self.gene_column!r}]" if self.gene_column is not None else "_names"
        return f"{self.var_location}{column}"

    def stored_rows(self, rows: RowIndex) -> Matrix:
        """Cells as they are stored: csr_matrix or ndarray, (m, n_vars), every value checked."""
        block = read_rows(self.matrix, rows)
        places = np.arange(self.n_obs)[rows]
        check_finite(block, places, self.location, self.obs_names, self.var.index)
        return block

    def rows(self, index: RowIndex) -> Matrix:
        """Cells on the linear scale, or as they are where values are scaled.

        Parameters
        ----------
        index : slice, int (m,) in any order, or bool (n_obs,).

        Returns
        -------
        float32, (m, n_vars): csr_matrix; for scaled values ndarray where they are stored dense.
        """
        block = self.stored_rows(index)
        if self.is_scaled:
            return block.astype(np.float32, copy=False)
        places = np.arange(self.n_obs)[index]
        description = self.recognition.description
        check_not_negative(
            block, places, self.location, description, self.obs_names, self.var.index
        )
        linear = sparse.csr_matrix(block)
        if self.recognition.state in INVERSES:
            inverse = INVERSES[self.recognition.state]
            linear.data = inverse(linear.data.astype(np.float64))
        return linear.astype(np.float32)

    def chunks(self, index: RowIndex) -> Iterator[Matrix]:
        """Read as `rows` does, about a thousand cells at a time."""
        places = np.arange(self.n_obs)[index]
        for start in range(0, len(places), CHUNK_ROWS):
            yield self.rows(places[start : start + CHUNK_ROWS])


def gene_names(var: pd.DataFrame, gene_column: str | None, *, where: str = "var") -> pd.Index:
    """Genes' names from a table's index or a column, without Ensembl versions.

    Parameters
    ----------
    var : DataFrame, (n_vars, ...)
    gene_column : a column of any type; None for the index.

    Returns
    -------
    Index of str, (n_vars,). Missing names are empty text.

    Examples
    --------
    >>> import pandas as pd
    >>> list(gene_names(pd.DataFrame(index=["ENSG00000000003.14", "RP11-206L10.2"]), None))
    ['ENSG00000000003', 'RP11-206L10.2']
    """
    if gene_column is None:
        values = pd.Series(var.index, dtype=object)
    elif gene_column in var.columns:
        values = var[gene_column].astype(object).reset_index(drop=True)
    else:
        raise missing_column(gene_column, var.columns, role="gene_column", where=where)
    text = values.map(str, na_action="ignore").fillna("").astype(object)
    return pd.Index(text.str.replace(_ENSEMBL_VERSION, r"\1", regex=True), dtype=object)


def find_expression(
    adata: AnnData,
    *,
    layer: str | None = None,
    gene_column: str | None = None,
    allow_scaled: bool = False,
) -> ExpressionMatrix:
    """Find the matrix to read: X where its values can be made linear, else the next best.

    Parameters
    ----------
    adata : in memory, backed, or a view.
    layer : ``X``, ``raw`` or a layer's name, to say which. By default X; where that is scaled, the
        layer ``counts``, then ``.raw``, then any other layer, and a note says so.
    gene_column : column of the matrix's var table with the genes' names; by default its index.
    allow_scaled : accept scaled values where there are no others.

    Returns
    -------
    ExpressionMatrix

    Raises
    ------
    InputError
        No such layer or column; NaN or infinite values; scaled values only.

    Examples
    --------
    >>> import numpy as np
    >>> adata = AnnData(np.array([[0.0, 3.0], [1.0, 2.0]]))
    >>> find_expression(adata).recognition.description
    'counts'
    >>> find_expression(adata, layer="count")
    Traceback (most recent call last):
    polyome._errors.InputError: There is no layer 'count'. Known: 'X'.
    """
    if not (adata.n_obs and adata.n_vars):
        msg = (
            f"The data has {adata.n_obs} cells and {adata.n_vars} genes; "
            "at least one of each is needed."
        )
        raise InputError(msg)
    known = _known_layers(adata)
    if layer is not None and layer not in known:
        msg = f"There is no layer '{layer}'. Known: {listed(known)}.{suggestion(layer, known)}"
        raise InputError(msg)
    if not known:
        msg = "The data has no X, no layers and no .raw; expression values are needed."
        raise InputError(msg)
    first = _read(adata, layer or known[0], gene_column)
    if not first.is_scaled:
        chosen = first
    else:
        others = known[1:] if layer is None else []
        chosen = _first_convertible(adata, others, gene_column) or first
    if chosen is first and first.is_scaled and not allow_scaled:
        raise _scaled_only(first, layer, known)
    _ = chosen.gene_names  # a missing column is an error now, not later
    simulated = ("The data is simulated (uns['simulated']).",) * bool(adata.uns.get("simulated"))
    return replace(chosen, notes=_notes(chosen, first) + simulated)


def _known_layers(adata: AnnData) -> list[str]:
    """Everything values could be read from, in the order of preference."""
    layers = [str(name) for name in adata.layers]
    known = ["X"] if _has_x(adata) else []
    known += ["counts"] if "counts" in layers else []
    known += ["raw"] if adata.raw is not None else []
    return known + [name for name in layers if name not in {"X", "raw", "counts"}]


def _has_x(adata: AnnData) -> bool:
    try:
        return adata.X is not None
    except KeyError:  # a backed file without X
        return False


def _read(adata: AnnData, layer: str, gene_column: str | None) -> ExpressionMatrix:
    source = adata.raw if layer == "raw" else adata
    matrix = by_row(source.X if layer in {"X", "raw"} else adata.layers[layer])
    obs_names, var = adata.obs_names, source.var
    told = adata.uns.get(KNOWN_STATE) if layer == "X" else None
    if told is not None:
        known = MatrixState(told)
        recognition = Recognition(known, known is MatrixState.COUNTS, "as it was recognised before")
    else:
        recognition = recognise(
            matrix, where=_named(layer), obs_names=obs_names, var_names=var.index
        )
    return ExpressionMatrix(layer, recognition, var, obs_names, matrix, gene_column)


def _first_convertible(
    adata: AnnData, layers: list[str], gene_column: str | None
) -> ExpressionMatrix | None:
    for layer in layers:
        try:
            expression = _read(adata, layer, gene_column)
        except InputError:  # nobody asked for this layer; another may do
            continue
        if not expression.is_scaled:
            return expression
    return None


def _scaled_only(first: ExpressionMatrix, layer: str | None, known: list[str]) -> InputError:
    where, evidence = first.location, first.recognition.evidence
    if layer is not None:
        others = [name for name in known if name != layer]
        hint = (
            f"Pass another layer: {listed(others)}."
            if others
            else "Add counts as layers['counts']."
        )
    else:
        hint = "No layer and no .raw holds them: add counts as adata.layers['counts'] or adata.raw."
    return InputError(
        f"{where} is scaled ({evidence}); counts or log-normalised values are needed and cannot be "
        f"computed back from it. {hint}"
    )


def _notes(chosen: ExpressionMatrix, first: ExpressionMatrix) -> tuple[str, ...]:
    where, recognition = chosen.location, chosen.recognition
    notes = []
    if chosen is not first:
        notes.append(
            f"{first.location} is scaled; values were read from {where} "
            f"({recognition.description})."
        )
    if recognition.state is MatrixState.SCALED:
        notes.append(
            f"{where} is scaled ({recognition.evidence}) and was taken as it is; a query must be "
            "scaled by the same procedure."
        )
    elif recognition.state is MatrixState.UNLOGGED:
        notes.append(
            f"{where} holds unlogged values that are not whole numbers; they were depth-normalised "
            "like counts."
        )
    elif recognition.state is MatrixState.LOG2:
        notes.append(f"{where} is {recognition.description}; it was converted exactly.")
    if not recognition.is_certain:
        notes.append(
            f"{where} was taken for {recognition.description} {recognition.evidence}; if that is "
            "wrong, pass layer= with the name of a layer of counts."
        )
    return tuple(notes)


def _named(layer: str) -> str:
    return {"X": "X", "raw": ".raw"}.get(layer, f"layers['{layer}']")


def states_by(
    expression: ExpressionMatrix, groups: "pd.Series[str] | NDArray[np.object_]"
) -> dict[str, Recognition]:
    """Recognise what the cells of each group, (n_obs,), hold, by a sample of them.

    Examples
    --------
    >>> adata = AnnData(np.array([[1, 3, 0], [0, 5, 2]]))
    >>> found = states_by(find_expression(adata), np.array(["a", "b"]))
    >>> {name: recognition.description for name, recognition in found.items()}
    {'a': 'counts', 'b': 'counts'}
    """
    codes, names = pd.factorize(np.asarray(groups))
    found: dict[str, Recognition] = {}
    for code, name in enumerate(names):
        rows = np.flatnonzero(codes == code)
        block = expression.stored_rows(rows[sampled_rows(len(rows))])
        found[str(name)] = recognise_sample(sparse.csr_matrix(block, dtype=np.float64))
    return found


def check_same_state(
    expression: ExpressionMatrix, sources: "pd.Series[str] | NDArray[np.object_]"
) -> None:
    """Refuse files read as one that hold values of different kinds.

    Parameters
    ----------
    expression : of the joined data.
    sources : (n_obs,): each cell's file, as `read_many` writes it to ``obs["source"]``.

    Raises
    ------
    InputError
        Two files differ, other than by being whole or not.

    Examples
    --------
    >>> import numpy as np
    >>> counts = np.array([[1, 3, 0], [0, 5, 2]])
    >>> adata = AnnData(np.vstack([counts, np.log1p(counts)]))
    >>> check_same_state(find_expression(adata), np.array(["a.h5ad", "a.h5ad", "b.h5ad", "b.h5ad"]))
    Traceback (most recent call last):
    polyome._errors.InputError: X is counts in a.h5ad but log1p of counts in b.h5ad; ...
    """
    (first, expected), *others = states_by(expression, sources).items()
    for file, recognition in others:
        states = {expected.state, recognition.state}
        if len(states) > 1 and not states <= _LINEAR:
            msg = (
                f"{expression.location} is {expected.description} in {first} but "
                f"{recognition.description} in {file}; files read as one must hold the same kind "
                "of values. Read them one by one, or pass layer= with one that all of them have."
            )
            raise InputError(msg)
