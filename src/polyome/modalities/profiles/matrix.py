"""Where an AnnData keeps its expression values, and how to read them on the linear scale."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray
from scipy import sparse

from polyome._errors import InputError, listed, missing_column, suggestion
from polyome._types import BoolArray
from polyome.modalities.profiles.cell_states import MixedStatesError, RowForms, check_same_as
from polyome.modalities.profiles.feature_kinds import find_genes, typed_var
from polyome.modalities.profiles.feature_values import without_others
from polyome.modalities.profiles.file_states import (
    check_same_state,
    log_base,
    note_of_base,
    states_of,
)
from polyome.modalities.profiles.matrix_evidence import sampled_rows
from polyome.modalities.profiles.matrix_rows import (
    CHUNK_ROWS,
    Matrix,
    RowIndex,
    by_row,
    check_finite,
    check_not_negative,
    check_numeric,
    is_backed,
    keep_columns,
    read_rows,
)
from polyome.modalities.profiles.matrix_state import (
    ROUNDING,
    MatrixState,
    Recognition,
)
from polyome.modalities.profiles.recognition import quieten, recognise, rounding

_ENSEMBL_VERSION = r"^(ENS[A-Z]*[GT]\d{11})\.\d+$"
KNOWN_STATE = "polyome_state"
"""Key of ``uns``: the state of X, of who knows it; few genes may tell less than all did."""
_SPLICING = {"spliced", "unspliced", "ambiguous", "spanning"}
"""Layers of RNA velocity: whole counts, but of a part of the molecules each."""
_LEAST_OF_X = 0.9
"""Share of X's genes that another matrix needs, to be read in its place where X is doubtful."""


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
    is_gene : bool, (n_vars,). The columns that are read, values of the others being 0; None: all.

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
    is_gene: BoolArray | None = field(default=None, repr=False)
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
        """Index of str, (n_vars,): without Ensembl versions; empty text for what is no gene."""
        if self.spelled is not None:
            return self.spelled
        names = gene_names(self.var, self.gene_column, where=self.var_location)
        return names if self.is_gene is None else names.where(self.is_gene, "")

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
        if self.is_gene is not None and not self.is_gene.all():
            block = keep_columns(block, self.is_gene)
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
        places = np.arange(self.n_obs)[index]
        if self.is_scaled:
            self._check_state(block, places)
            return block.astype(np.float32, copy=False)
        linear = sparse.csr_matrix(block)
        quieten(linear, self.recognition.noise)
        description = self.recognition.description
        check_not_negative(
            linear, places, self.location, description, self.obs_names, self.var.index
        )
        self._check_state(linear, places)
        linear.data = self.recognition.linear(linear.data.astype(np.float64))
        return linear.astype(np.float32)

    def _check_state(self, block: Matrix, places: NDArray[np.integer]) -> None:
        """Refuse a cell of another kind in a file; cells in memory were all looked at before."""
        if is_backed(self.matrix):
            block = sparse.csr_matrix(block)
            block.eliminate_zeros()
            check_same_as(
                RowForms.of(block),
                self.recognition,
                places,
                where=self.location,
                obs_names=self.obs_names,
            )

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
    feature_types: str | None = None,
    allow_scaled: bool = False,
    known: Sequence[str] = (),
    sources: "pd.Series[str] | NDArray[np.object_] | None" = None,
) -> ExpressionMatrix:
    """Find the matrix to read: X where its values can be made linear, else the next best.

    Parameters
    ----------
    adata : in memory, backed, or a view.
    layer : ``X``, ``raw`` or a layer's name, to say which. By default X; where that is scaled, the
        layer ``counts``, then ``.raw``, then any other layer, and a note says so. Where X is
        doubtful, or its cells differ, whole counts in one of these are read.
    gene_column : column of the matrix's var table with the genes' names; by default its index.
    feature_types : see `find_genes`; by default genes alone are read.
    allow_scaled : accept scaled values where there are no others.
    known : genes of a model; where the matrix has them, its state is judged by these.
    sources : (n_obs,): each cell's file, as `read_many` writes it to ``obs["source"]``; files read
        as one must hold the same kind of values.

    Returns
    -------
    ExpressionMatrix

    Raises
    ------
    InputError
        No such layer or column; NaN or infinite values; scaled values only; cells that differ.

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
    layers = _known_layers(adata)
    if layer is not None and layer not in layers:
        msg = f"There is no layer '{layer}'. Known: {listed(layers)}.{suggestion(layer, layers)}"
        raise InputError(msg)
    if not layers:
        msg = "The data has no X, no layers and no .raw; expression values are needed."
        raise InputError(msg)
    read = partial(_read, adata, gene_column, feature_types, frozenset(known), sources)
    others = layers[1:] if layer is None else []
    try:
        first = read(layer or layers[0])
    except MixedStatesError as error:
        chosen = _whole_counts(read, others, adata.var_names)
        if chosen is None:
            raise
        return _with_notes(adata, chosen, error.found)
    chosen, reason = first, None
    if first.is_scaled:
        chosen = _first_convertible(read, others) or first
        reason = f"{first.location} is scaled"
    elif not first.recognition.is_certain:
        chosen = _whole_counts(read, others, first.var.index) or first
        reason = f"What {first.location} holds is not certain"
    if chosen is first and first.is_scaled and not allow_scaled:
        raise _scaled_only(first, layer, layers)
    _ = chosen.gene_names  # a missing column is an error now, not later
    return _with_notes(adata, chosen, None if chosen is first else reason)


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


def _read(
    adata: AnnData,
    gene_column: str | None,
    feature_types: str | None,
    known: frozenset[str],
    sources: "pd.Series[str] | NDArray[np.object_] | None",
    layer: str,
) -> ExpressionMatrix:
    source = adata.raw if layer == "raw" else adata
    matrix = by_row(source.X if layer in {"X", "raw"} else adata.layers[layer])
    where, obs_names, var = _named(layer), adata.obs_names, source.var
    names = pd.Index(var.index.astype(str), dtype=object)
    if gene_column in var.columns:
        names = gene_names(var, gene_column)
    genes = find_genes(typed_var(var, adata.var), names, feature_types=feature_types)
    base = log_base(adata.uns) if layer in {"X", "raw"} else None
    told = adata.uns.get(KNOWN_STATE) if layer == "X" else None
    if told is not None:
        state = MatrixState(told)
        recognition = Recognition(state, state is MatrixState.COUNTS, "as it was recognised before")
    else:
        check_numeric(matrix, where=where)
        block = keep_columns(read_rows(matrix, sampled_rows(adata.n_obs)), genes.is_gene)
        sample = sparse.csr_matrix(block, dtype=np.float64)
        quieten(sample, rounding(sample.data))
        genes = without_others(genes, sample, names)
        if sources is not None:
            check_same_state(states_of(matrix, genes.is_gene, base, sources), where)
        repeated = names.duplicated(keep=False)  # an antibody may have a gene's name
        recognition = recognise(
            matrix,
            where=where,
            obs_names=obs_names,
            var_names=var.index,
            genes=genes.is_gene,
            known=names.isin(known) & ~repeated if known else None,
            base=base,
        )
    notes = (*genes.notes, *note_of_base(recognition, base, where))
    return ExpressionMatrix(
        layer, recognition, var, obs_names, matrix, gene_column, notes, genes.is_gene
    )


_Read = Callable[[str], ExpressionMatrix]


def _readable(read: _Read, layers: list[str]) -> Iterator[ExpressionMatrix]:
    for layer in layers:
        try:
            yield read(layer)
        except InputError:  # nobody asked for this layer; another may do
            continue


def _first_convertible(read: _Read, layers: list[str]) -> ExpressionMatrix | None:
    found = _readable(read, layers)
    return next((expression for expression in found if not expression.is_scaled), None)


def _whole_counts(read: _Read, layers: list[str], names: pd.Index) -> ExpressionMatrix | None:
    """Find a matrix that surely holds whole counts of nearly all of these features."""
    for found in _readable(read, [layer for layer in layers if layer not in _SPLICING]):
        recognition = found.recognition
        is_there = names.isin(found.var.index).mean() >= _LEAST_OF_X
        if recognition.is_whole and recognition.is_certain and is_there:
            return found
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


def _with_notes(adata: AnnData, chosen: ExpressionMatrix, reason: str | None) -> ExpressionMatrix:
    """Say why X was not read, how values were converted, and what was left out."""
    where, recognition = chosen.location, chosen.recognition
    notes = []
    if reason is not None:
        notes.append(f"{reason}; values were read from {where} ({recognition.description}).")
    notes += [*_conversion(recognition, where), *chosen.notes]
    if recognition.lowest < 0:
        notes.append(
            f"{where} holds values just below 0 (smallest {recognition.lowest:.3g}): those within "
            f"{ROUNDING:g} of the largest value are rounding and were taken for 0."
        )
    if adata.uns.get("simulated"):
        notes.append("The data is simulated (uns['simulated']).")
    return replace(chosen, notes=tuple(notes))


def _conversion(recognition: Recognition, where: str) -> list[str]:
    if not recognition.is_certain:
        return [
            f"{where} was taken for {recognition.description} {recognition.evidence}; if that is "
            "wrong, pass layer= with the name of a layer of counts."
        ]
    if recognition.state is MatrixState.SCALED:
        return [
            f"{where} is scaled ({recognition.evidence}) and was taken as it is; a query must be "
            "scaled by the same procedure."
        ]
    if recognition.state is MatrixState.UNLOGGED:
        return [
            f"{where} holds unlogged values that are not whole numbers; they were depth-normalised "
            "like counts."
        ]
    is_other_log = recognition.is_log and recognition.state is not MatrixState.LOG1P
    if is_other_log or recognition.state is MatrixState.SQRT:
        return [f"{where} is {recognition.description}; it was converted exactly."]
    return []


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
    return states_of(expression.matrix, expression.is_gene, expression.recognition.log_base, groups)
