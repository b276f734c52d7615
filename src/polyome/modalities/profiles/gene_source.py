"""Where a query keeps the genes that a model knows: which column of names, and X or ``.raw``."""

from dataclasses import replace

import pandas as pd
from anndata import AnnData

from polyome._errors import InputError
from polyome.io.gene_columns import usual_columns
from polyome.modalities.profiles.gene_names import as_known, shared
from polyome.modalities.profiles.matrix import ExpressionMatrix, find_expression, gene_names

MOST = 0.5
"""Share of a model's genes from which nothing else is looked for."""
LEAST_NAMED, OFTENER = 0.1, 2.0
"""Share of a model's genes that another column must name, and times as many as this one."""
CLEARLY_MORE = 1.5
"""Times as many of the model's genes as X must ``.raw`` hold to be read instead."""


def for_model(
    adata: AnnData,
    expression: ExpressionMatrix,
    known: pd.Index,
    *,
    column_is_open: bool = True,
    layer_is_open: bool = True,
) -> ExpressionMatrix:
    """Read a query's genes where it keeps those that a model knows, written as the model does.

    Parameters
    ----------
    adata : the query.
    expression : what :func:`polyome.modalities.profiles.matrix.find_expression` found in it.
    known : Index of str, (g,), unique: the model's genes.
    column_is_open : nobody named the column of gene names: another one may be used.
    layer_is_open : nobody named the layer: ``.raw`` may be used.

    Returns
    -------
    ExpressionMatrix. Its notes say which column or matrix was used unasked, and why.

    Examples
    --------
    >>> import numpy as np
    >>> var = pd.DataFrame({"feature_name": ["CD3D", "LYZ"]}, index=["ENSG1", "ENSG2"])
    >>> adata = AnnData(np.array([[1, 5]]), var=var)
    >>> found = for_model(adata, find_expression(adata), pd.Index(["LYZ", "CD3D", "CD4"]))
    >>> found.notes
    ("Genes are named by var['feature_name'], which has 2 of the model's 3; var_names have 0.",)
    """
    best = _best_named(expression, known, is_open=column_is_open)
    if layer_is_open and best.layer != "raw" and adata.raw is not None:
        best = _with_raw(adata, best, known, expression.gene_column, is_open=column_is_open)
    names, note = as_known(best.gene_names, known)
    return replace(best, spelled=names, notes=(*best.notes, *([note] if note else [])))


def _best_named(
    expression: ExpressionMatrix, known: pd.Index, *, is_open: bool
) -> ExpressionMatrix:
    """Take another column of names where it has many of the model's genes and this one few."""
    present = shared(expression.gene_names, known)
    if not is_open or present >= MOST * len(known):
        return expression
    columns = [None, *usual_columns(expression.var.columns)]
    others = [column for column in columns if column != expression.gene_column]
    counts = {c: shared(gene_names(expression.var, c), known) for c in others}
    best = max(others, key=lambda column: counts[column], default=None)
    least = max(LEAST_NAMED * len(known), OFTENER * present)
    if not others or counts[best] < least:
        return expression
    chosen = replace(expression, gene_column=best)
    here, there = ("have" if c is None else "has" for c in (best, expression.gene_column))
    note = (
        f"Genes are named by {chosen.names_location}, which {here} {counts[best]:,} of the model's "
        f"{len(known):,}; {expression.names_location} {there} {present:,}."
    )
    return replace(chosen, notes=(*expression.notes, note))


def _with_raw(
    adata: AnnData,
    first: ExpressionMatrix,
    known: pd.Index,
    gene_column: str | None,
    *,
    is_open: bool,
) -> ExpressionMatrix:
    """Take ``.raw`` where X has few of the model's genes and ``.raw`` clearly more of them."""
    here = shared(first.gene_names, known)
    if here >= MOST * len(known) or adata.raw.n_vars <= adata.n_vars:
        return first
    column = gene_column if gene_column in adata.raw.var.columns else None
    names = ExpressionMatrix(
        "raw", first.recognition, adata.raw.var, adata.obs_names, first.matrix, column
    )
    names = _best_named(names, known, is_open=is_open)
    there = shared(names.gene_names, known)
    if there < CLEARLY_MORE * max(here, 1):
        return first
    try:
        raw = find_expression(adata, layer="raw", gene_column=names.gene_column)
    except InputError:  # scaled, or not finite: X it is
        return first
    note = (
        f"{first.location} has {here:,} of the model's {len(known):,} genes and .raw has "
        f"{there:,}; values were read from .raw ({raw.recognition.description}). Pass layer={first.layer} to read "
        f"{first.location}."
    )
    return replace(raw, notes=(*raw.notes, *names.notes, note))
