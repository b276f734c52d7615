"""Cells of an AnnData as records, and the answers back: shared by cells and tissue."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from polyome._errors import InputError
from polyome._types import BoolArray, FloatArray, IntArray
from polyome.io.cells import READING, CellFiles, CellReading, read_cells
from polyome.io.files import paths_of
from polyome.io.zarr_tables import table_of
from polyome.modalities.profiles.feature_kinds import EVERYTHING, type_column
from polyome.modalities.profiles.matrix import ExpressionMatrix
from polyome.outputs.prediction import Prediction


@dataclass(frozen=True, eq=False)
class CellRecords:
    """Cells of an AnnData, by position, with where their expression is to be read.

    Parameters
    ----------
    adata : may be backed by a file or a view.
    expression : the matrix of ``adata`` that holds the values, and what they are.
    rows : int, (n,), positions in ``adata``.
    profile : float32, (n, g), log-normalised over a vocabulary, once its modality
        has prepared them.
    present : bool, (g,), the vocabulary's genes that the data measures.
    adjustment : float32, two (g,): scale and shift of each gene's z-score (see ``align``).
    """

    adata: AnnData
    expression: ExpressionMatrix
    rows: IntArray
    profile: "sparse.csr_matrix | FloatArray | None" = None
    present: BoolArray | None = None
    adjustment: tuple[FloatArray, FloatArray] | None = None

    @property
    def table(self) -> pd.DataFrame:
        """``obs`` of these cells."""
        return self.adata.obs.iloc[self.rows]

    @property
    def notes(self) -> tuple[str, ...]:
        """Where values were read from, and how they were converted."""
        return tuple(self.expression.notes)

    def __len__(self) -> int:
        return len(self.rows)

    def __getstate__(self) -> dict[str, Any]:
        """For pickle: prepared, they need no source, which may be a file and large."""
        return self.__dict__ | ({} if self.profile is None else {"adata": None, "expression": None})

    def measured_values(self) -> Any:
        """(n, g), expression, to find copies by."""
        return self.expression.rows(self.rows)

    def take(self, rows: IntArray) -> Self:
        """Some of the cells, by position among these."""
        profile = None if self.profile is None else self.profile[rows]
        return replace(self, rows=self.rows[rows], profile=profile)


def check_annotatable(source: Any) -> None:
    """Refuse early what no answers can be written into: a part of what lies in a file."""
    if isinstance(source, AnnData) and source.is_view and source.isbacked:
        message = (
            "a view of a backed AnnData cannot be written into; read it first: "
            "adata[rows].to_memory()."
        )
        raise InputError(message)


def annotate(adata: AnnData, answers: Prediction) -> None:
    """Write answers into an AnnData, in place; records without one get missing values.

    Values: ``obs["polyome_TARGET"]`` and the ends of its interval, ``obs["polyome_TARGET_low"]``
    and ``_high``. Classes: ``obs["polyome_label"]``, ``obs["polyome_confidence"]``,
    ``obs["polyome_unknown_score"]`` (above 1: refused), ``obsm["polyome_proba"]`` (columns:
    ``uns["polyome"]["classes"]``). Labels: the same without the score. All:
    ``obsm["X_polyome"]``, ``uns["polyome"]``.

    Of an aligned query ``obs["polyome_unaligned_score"]`` is the score before alignment. After a
    vote ``obs["polyome_vote_share"]`` is the share of the winner in the cell's group. Columns that
    earlier answers left, and these do not have, go.
    """
    places = answers.names.get_indexer(adata.obs_names)
    written = answers.annotation()
    for name, values in written.obs.items():
        key = f"polyome_{name}"
        if values is not None:
            adata.obs[key] = _spread(values, places)
        elif key in adata.obs:
            del adata.obs[key]
    for name, values in written.obsm.items():
        adata.obsm[f"polyome_{name}"] = _spread(values, places)
    adata.obsm["X_polyome"] = _spread(answers.representation, places)
    adata.uns["polyome"] = answers.provenance


def _spread(values: Any, places: IntArray) -> Any:
    """Rows of values, (m, ...), at their places, (n,); missing where a place is -1."""
    if isinstance(values, pd.Categorical):
        return values.take(places, allow_fill=True)
    found = np.full((len(places), *values.shape[1:]), np.nan, values.dtype)
    found[places >= 0] = values[places[places >= 0]]
    return found


def as_adata(source: Any, reading: CellReading | None = None) -> CellFiles:
    """An AnnData as it is, the table of a SpatialData object, or files of cells."""
    if isinstance(source, AnnData) or hasattr(source, "tables"):
        for name in READING:
            if reading is not None and getattr(reading, name) is not None:
                message = f"{name}= says how files are read, and this is in memory. Leave it out."
                raise InputError(message)
        return CellFiles(source if isinstance(source, AnnData) else table_of(source))
    if isinstance(source, list) and any(isinstance(one, AnnData) for one in source):
        message = "several AnnData were given: make them one with anndata.concat."
        raise InputError(message)
    return read_cells(
        paths_of(source, "an AnnData, an h5ad or another file of cells, or a list of files"),
        reading,
    )


def as_far_as_there(adata: AnnData, where: dict[str, str | None]) -> dict[str, str | None]:
    """Keep of the places that other data was read from those that this data has as well."""
    layer, gene_column = where["layer"], where["gene_column"]
    feature_types = where.get("feature_types")
    is_raw = layer == "raw" and adata.raw is not None
    var = adata.raw.var if is_raw else adata.var
    is_typed = type_column(adata.var) is not None
    there = {
        "layer": layer if is_raw or layer == "X" or layer in adata.layers else None,
        "gene_column": gene_column if gene_column in var.columns else None,
        "feature_types": feature_types if is_typed or feature_types == EVERYTHING else None,
    }
    return {name: there[name] for name in where}
