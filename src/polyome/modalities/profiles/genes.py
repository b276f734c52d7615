"""Genes that a model knows, and how a query's genes are matched to them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from polyome._errors import InputError
from polyome._types import IntArray
from polyome.modalities.profiles.gene_advice import LEAST_OVERLAP, too_few_genes
from polyome.modalities.profiles.matrix import (
    ExpressionMatrix,
)
from polyome.modalities.profiles.matrix_rows import Matrix, RowIndex
from polyome.modalities.profiles.unmeasured import Detection, detected, never_measured

DEPTH = 10_000.0  # counts per cell after normalisation, where it is not learned
GOOD_OVERLAP = 0.5
# A file of variable genes holds few names of a whole transcriptome but much of a cell; as many
# genes drawn at random never hold as much (pbmc3k: at most 19 % in 2,000 draws of 9.9 %).
SELECTED_GENES = 500
SELECTED_SHARE = 0.2


@dataclass(frozen=True, eq=False)
class GeneVocabulary:
    """The genes that a model knows, in its order, learned from training cells.

    Attributes
    ----------
    names : tuple of str, (g,), unique.
    fractions : float64, (g,). Mean share of a training cell's library; they sum to 1. Zeros where
        values are scaled.
    is_scaled : bool. The model was fitted on scaled values.
    depth : what every cell's library is brought to before the logarithm.
    detection : how often training cells express each gene; None where that was not learned.

    Examples
    --------
    >>> from polyome.modalities.profiles.matrix import find_expression
    >>> import numpy as np
    >>> from anndata import AnnData
    >>> counts = np.array([[2, 0, 6], [1, 0, 3], [4, 1, 12]])
    >>> adata = AnnData(counts, var=pd.DataFrame(index=["CD3D", "MS4A1", "ACTB"]))
    >>> vocabulary = GeneVocabulary.fit(find_expression(adata), np.arange(3))
    >>> vocabulary.names, vocabulary.fractions
    (('CD3D', 'ACTB'), array([0.25, 0.75]))
    >>> GeneVocabulary.from_dict(vocabulary.to_dict()).names
    ('CD3D', 'ACTB')
    """

    names: tuple[str, ...]
    fractions: NDArray[np.float64]
    is_scaled: bool = False
    depth: float = DEPTH
    detection: Detection | None = None

    def __len__(self) -> int:
        return len(self.names)

    @classmethod
    def fit(
        cls,
        expression: ExpressionMatrix,
        rows: RowIndex,
        *,
        min_cells: int = 3,
        depth: float | None = DEPTH,
    ) -> Self:
        """Learn which genes are detected, and each one's share of a cell.

        Parameters
        ----------
        expression : of the data that holds the training cells.
        rows : the training cells: int (m,), bool (n_obs,) or slice. No other cell is read.
        min_cells : a gene found in fewer training cells is left out. Values that are scaled say
            nothing about detection: every gene is kept.
        depth : see the attribute; None is the median library of the training cells. A panel of few
            genes counts few molecules, and what it counts once would otherwise outshine all else.
        """
        genes, columns = _unique_genes(expression.gene_names, average=expression.is_scaled)
        if expression.is_scaled:
            return cls(tuple(genes), np.zeros(len(genes)), is_scaled=True)
        detected = np.zeros(len(genes), dtype=np.int64)
        for block in expression.chunks(rows):
            merged = block @ columns
            detected += np.bincount(merged.indices[merged.data > 0], minlength=len(genes))
        kept = np.flatnonzero(detected >= min_cells)
        if not len(kept):
            msg = (
                f"No gene of {expression.location} is found in at least {min_cells} training cells "
                f"({len(np.arange(expression.n_obs)[rows]):,} cells, {len(genes):,} genes)."
            )
            raise InputError(msg)
        shares = _mean_shares(expression, rows, columns[:, kept])
        if depth is None:
            depth = _median_library(expression, rows, columns[:, kept])
        return cls(tuple(genes[kept]), shares, depth=depth)

    def with_detection(self, expression: ExpressionMatrix, rows: IntArray, truth: IntArray) -> Self:
        """Learn how often cells of each class express each gene.

        Parameters
        ----------
        rows : int, (m,), the training cells.
        truth : int, (m,), their classes.
        """
        if self.is_scaled:
            return self
        columns = match_genes(self, expression).columns
        classes = np.unique(truth)
        counted = [detected(expression, columns, rows[truth == one])[0] for one in classes]
        cells = np.array([(truth == one).sum() for one in classes])
        return replace(self, detection=Detection.of(np.array(counted), cells))

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "names": list(self.names),
            "fractions": self.fractions.tolist(),
            "is_scaled": self.is_scaled,
            "depth": self.depth,
            "detection": self._detection(),
        }

    def _detection(self) -> dict[str, list[float]] | None:
        if self.detection is None:
            return None
        return {
            "overall": self.detection.overall.round(5).tolist(),
            "least": self.detection.least.round(5).tolist(),
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Restore what `to_dict` gave."""
        fractions = np.asarray(state["fractions"], dtype=np.float64)
        learned = state.get("detection")
        if learned is not None:
            learned = {name: np.asarray(values) for name, values in learned.items()}
        return cls(
            tuple(state["names"]),
            fractions,
            is_scaled=bool(state["is_scaled"]),
            depth=float(state["depth"]),
            detection=None if learned is None else Detection(**learned),
        )


def _unique_genes(names: pd.Index, *, average: bool) -> tuple[pd.Index, Matrix]:
    """Genes in order of appearance, and the (n_vars, g) matrix that adds up duplicates."""
    named = np.flatnonzero(names != "")
    codes, genes = pd.factorize(names[named])
    return pd.Index(genes), _columns(named, codes, (len(names), len(genes)), average=average)


def _columns(
    sources: NDArray[np.integer],
    targets: NDArray[np.integer],
    shape: tuple[int, int],
    *,
    average: bool,
) -> Matrix:
    """csr_matrix float32 of ``shape``: 1 where a matrix's column goes to a vocabulary's gene.

    Scaled values cannot be added up: there a gene gets the average of its columns.
    """
    weights = np.ones(len(sources), dtype=np.float32)
    if average:
        weights /= np.bincount(targets, minlength=shape[1])[targets]
    return sparse.csr_matrix((weights, (sources, targets)), shape=shape)


def note_of_repeats(names: pd.Index, expression: ExpressionMatrix) -> tuple[str, ...]:
    """Say so where several columns have one gene's name.

    Parameters
    ----------
    names : of the columns that are read; empty text for none.

    Examples
    --------
    >>> from polyome.modalities.profiles.matrix import find_expression
    >>> from anndata import AnnData
    >>> expression = find_expression(AnnData(np.array([[1, 5, 2]])))
    >>> note_of_repeats(pd.Index(["CD4", "LYZ", "CD4"]), expression)
    ("1 gene has several columns in X ('CD4' has 2); their values were added up. Antibodies ...",)
    """
    counts = names[names != ""].value_counts(sort=False)
    repeated = counts[counts > 1]
    if not len(repeated):
        return ()
    gene = "gene has" if len(repeated) == 1 else "genes have"
    way = "averaged" if expression.is_scaled else "added up"
    return (
        f"{len(repeated):,} {gene} several columns in {expression.location} "
        f"('{repeated.index[0]}' has {repeated.iloc[0]:,}); their values were {way}. Antibodies "
        "among them are left out where var['feature_types'] says 'Antibody Capture'.",
    )


def _mean_shares(
    expression: ExpressionMatrix, rows: RowIndex, columns: Matrix
) -> NDArray[np.float64]:
    """Mean over cells that have a library of each gene's share of it, float64, (g,)."""
    total = np.zeros(columns.shape[1])
    for block in expression.chunks(rows):
        genes = (block @ columns).astype(np.float64)
        library = np.asarray(genes.sum(axis=1)).ravel()
        filled = library > 0
        weights = np.divide(1.0, library, out=np.zeros_like(library), where=filled)
        total += genes.T @ weights
    shares: NDArray[np.float64] = total / total.sum()
    return shares


def _median_library(expression: ExpressionMatrix, rows: RowIndex, columns: Matrix) -> float:
    """Median of the libraries of cells that have one."""
    blocks = [(block @ columns).sum(axis=1) for block in expression.chunks(rows)]
    library = np.concatenate([np.asarray(block).ravel() for block in blocks])
    return float(np.median(library[library > 0]))


@dataclass(frozen=True, eq=False)
class GeneMatch:
    """Which columns of a query hold which of a model's genes.

    Attributes
    ----------
    columns : csr_matrix float32, (n_vars, g), of 0 and 1: ``query @ columns`` has the model's
        genes in its order, duplicates added up.
    present : bool, (g,). Genes that the query measures: by name, and not zero-filled.
    library_share : float. Share of a training cell's library that the present genes hold; for
        scaled values the share of genes.
    notes : tuple of str

    Examples
    --------
    >>> from polyome.modalities.profiles.matrix import find_expression
    >>> import numpy as np
    >>> from anndata import AnnData
    >>> vocabulary = GeneVocabulary(("CD3D", "ACTB"), np.array([0.25, 0.75]))
    >>> query = AnnData(np.array([[1, 5]]), var=pd.DataFrame(index=["ACTB", "GAPDH"]))
    >>> match = match_genes(vocabulary, find_expression(query))
    >>> match.present, match.library_share
    (array([False,  True]), 0.75)
    """

    columns: Matrix
    present: NDArray[np.bool_]
    library_share: float
    notes: tuple[str, ...] = ()


def match_genes(vocabulary: GeneVocabulary, expression: ExpressionMatrix) -> GeneMatch:
    """Match a query's genes to those that a model knows, by name.

    Parameters
    ----------
    vocabulary : of the model.
    expression : of the query; extra genes, any order and duplicates are fine.

    Returns
    -------
    GeneMatch

    Raises
    ------
    InputError
        Less than a tenth of the vocabulary is there, unless that is 500 genes that hold a fifth of
        a cell; or the query's values are scaled and the model's are not, or the other way round.

    Examples
    --------
    >>> from polyome.modalities.profiles.matrix import find_expression
    >>> import numpy as np
    >>> from anndata import AnnData
    >>> vocabulary = GeneVocabulary(("CD3D", "ACTB", "LYZ"), np.array([0.2, 0.5, 0.3]))
    >>> query = AnnData(np.array([[1, 5]]), var=pd.DataFrame(index=["LYZ", "CD3D"]))
    >>> match_genes(vocabulary, find_expression(query)).notes
    ('1 of 3 genes that the model knows is missing from X; the others usually hold 50% of a cell.',)
    """
    _check_states(vocabulary, expression)
    names = expression.gene_names
    targets = pd.Index(vocabulary.names).get_indexer(names)
    sources = np.flatnonzero(targets >= 0)
    targets = targets[sources]
    present = np.zeros(len(vocabulary), dtype=bool)
    present[targets] = True
    if _is_too_little(vocabulary, present):
        raise too_few_genes(pd.Index(vocabulary.names), expression, int(present.sum()))
    shape = (len(names), len(vocabulary))
    columns = _columns(sources, targets, shape, average=vocabulary.is_scaled)
    notes = note_of_repeats(names[sources], expression)
    is_padded = False
    if vocabulary.detection is not None:
        padded = never_measured(vocabulary.detection, expression, columns, present)
        present, is_padded = present & ~padded, bool(padded.any())
        notes += _note_of_padded(vocabulary, expression, present, int(padded.sum()))
    share = _library_share(vocabulary, present)
    notes += _match_notes(vocabulary, expression, present, share, is_padded=is_padded)
    return GeneMatch(columns, present, share, notes)


def _library_share(vocabulary: GeneVocabulary, present: NDArray[np.bool_]) -> float:
    if vocabulary.is_scaled or present.all():
        return float(present.mean())
    return float(vocabulary.fractions[present].sum())


def _is_too_little(vocabulary: GeneVocabulary, present: NDArray[np.bool_]) -> bool:
    """Whether these genes are too few to answer by."""
    if present.mean() >= LEAST_OVERLAP:
        return False
    share = _library_share(vocabulary, present)
    return present.sum() < SELECTED_GENES or share < SELECTED_SHARE


def _note_of_padded(
    vocabulary: GeneVocabulary,
    expression: ExpressionMatrix,
    present: NDArray[np.bool_],
    padded: int,
) -> tuple[str, ...]:
    """Say which genes were taken as not measured, or refuse where too few are left."""
    if not padded:
        return ()
    found = (
        f"{padded:,} of the {len(present):,} genes that the model knows are 0 in all "
        f"{expression.n_obs:,} cells of {expression.location}, among them genes that training "
        "cells of every class express"
    )
    if _is_too_little(vocabulary, present):
        msg = (
            f"{found}: they were not measured. {int(present.sum()):,} are left; at least "
            f"{LEAST_OVERLAP:.0%} are needed. Was the file filled up with zeros?"
        )
        raise InputError(msg)
    return (f"{found}: they were taken as not measured, not as silent.",)


def _check_states(vocabulary: GeneVocabulary, expression: ExpressionMatrix) -> None:
    where, found = expression.location, expression.recognition
    if vocabulary.is_scaled and not expression.is_scaled:
        msg = (
            f"{where} holds {found.description}, but the model was fitted on scaled values. Scale "
            "the query by the same procedure (the training data's means and standard deviations) "
            'and pass layer="X", or fit the model on counts.'
        )
        raise InputError(msg)
    if expression.is_scaled and not vocabulary.is_scaled:
        msg = (
            f"{where} is scaled ({found.evidence}), but the model was fitted on counts or "
            "log-normalised values, which cannot be computed back. Pass layer= with a matrix of "
            'those, "raw" or a layer\'s name.'
        )
        raise InputError(msg)


def _match_notes(
    vocabulary: GeneVocabulary,
    expression: ExpressionMatrix,
    present: NDArray[np.bool_],
    share: float,
    *,
    is_padded: bool,
) -> tuple[str, ...]:
    missing = int((~present).sum())
    if not missing:
        return ()
    verb = "is" if missing == 1 else "are"
    note = f"{missing:,} of {len(present):,} genes that the model knows {verb} missing from "
    note += expression.location + (" or not measured there" if is_padded else "")
    if not vocabulary.is_scaled:
        note += f"; the others usually hold {share:.0%} of a cell"
    if present.mean() < GOOD_OVERLAP:
        note += "; with fewer than half of them, expect lower accuracy"
    return (f"{note}.",)


def normalised(
    vocabulary: GeneVocabulary, match: GeneMatch, expression: ExpressionMatrix, rows: RowIndex
) -> Matrix:
    """Read cells over the model's genes, log-normalised as its training cells were.

    The library is taken over the genes that the model knows; where some are missing, it is scaled
    by the share that the others usually hold, so that what is measured keeps its value.

    Parameters
    ----------
    match : of `vocabulary` and `expression`.
    rows : int (m,) in any order, bool (n_obs,) or slice.

    Returns
    -------
    float32, (m, g). csr_matrix of ``log1p(depth * share of the library)``; cells without counts
    are empty. For scaled values these as they are, 0 for missing genes; ndarray where stored dense.

    Examples
    --------
    >>> from polyome.modalities.profiles.matrix import find_expression
    >>> import numpy as np
    >>> from anndata import AnnData
    >>> adata = AnnData(np.array([[1, 3], [0, 0]]), var=pd.DataFrame(index=["CD3D", "ACTB"]))
    >>> expression = find_expression(adata)
    >>> vocabulary = GeneVocabulary(("ACTB", "CD3D"), np.array([0.6, 0.4]))
    >>> match = match_genes(vocabulary, expression)
    >>> np.expm1(normalised(vocabulary, match, expression, slice(None)).toarray()).round()
    array([[7500., 2500.],
           [   0.,    0.]], dtype=float32)
    """
    genes = expression.rows(rows) @ match.columns
    if vocabulary.is_scaled:
        return genes
    genes.sort_indices()
    library = np.asarray(genes.sum(axis=1, dtype=np.float64)).ravel()
    scale = np.zeros_like(library)
    np.divide(vocabulary.depth * match.library_share, library, out=scale, where=library > 0)
    per_value = np.repeat(scale, np.diff(genes.indptr))
    genes.data = np.log1p(genes.data * per_value).astype(np.float32)
    return genes
