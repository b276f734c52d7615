"""Where a query keeps the genes that a model knows: which column of names, and X or ``.raw``."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pandas as pd
from anndata import AnnData

from polyome._errors import InputError
from polyome.io.gene_columns import usual_columns
from polyome.modalities.profiles.gene_names import as_known, shared
from polyome.modalities.profiles.matrix import ExpressionMatrix, gene_names

Find = Callable[..., ExpressionMatrix]
"""`find_expression` of a query, to be called with ``layer``, ``gene_column``, ``allow_scaled``."""
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
    find: Find,
    *,
    layer: str | None = None,
    column_is_open: bool = True,
) -> ExpressionMatrix:
    """Read a query's genes where it keeps those that a model knows, written as the model does.

    Parameters
    ----------
    adata : the query.
    expression : what ``find`` found in it.
    known : Index of str, (g,), unique: the model's genes.
    find : reads another matrix, or with another column of names.
    layer : the one that was asked for; None: ``.raw`` may be used.
    column_is_open : nobody named the column of gene names: another one may be used.

    Returns
    -------
    ExpressionMatrix. Its notes say which column or matrix was used unasked, and why.

    Examples
    --------
    >>> from functools import partial
    >>> import numpy as np
    >>> from polyome.modalities.profiles.matrix import find_expression
    >>> var = pd.DataFrame({"feature_name": ["CD3D", "LYZ"]}, index=["ENSG1", "ENSG2"])
    >>> find = partial(find_expression, AnnData(np.array([[1, 5]]), var=var))
    >>> found = for_model(find.args[0], find(), pd.Index(["LYZ", "CD3D", "CD4"]), find)
    >>> found.notes
    ("Genes are named by var['feature_name'], which has 2 of the model's 3; var_names have 0.",)
    """
    best, notes = expression, []
    if layer is None and best.layer != "raw" and adata.raw is not None:
        best = _or_raw(adata, best, known, find, column_is_open=column_is_open)
        if best is not expression:
            layer = "raw"
            notes.append(_of_raw(expression, best, known, column_is_open=column_is_open))
    if column_is_open:
        best, note = _or_better_named(best, known, partial(find, layer=layer))
        notes.append(note)
    names, note = as_known(best.gene_names, known)
    notes = [one for one in (*notes, note) if one]
    return replace(best, spelled=names, notes=(*best.notes, *notes))


def _or_better_named(
    expression: ExpressionMatrix, known: pd.Index, find: Find
) -> tuple[ExpressionMatrix, str]:
    """Take another column of names where it has many of the model's genes and this one few."""
    here = expression.gene_column
    counts = _counts(expression.var, here, known)
    best = max(counts, key=lambda column: counts[column])
    if best == here or counts[best] < max(LEAST_NAMED * len(known), OFTENER * counts[here]):
        return expression, ""
    chosen = find(gene_column=best, allow_scaled=True)
    has = ["have" if column is None else "has" for column in (best, here)]
    note = (
        f"Genes are named by {chosen.names_location}, which {has[0]} {counts[best]:,} of the "
        f"model's {len(known):,}; {expression.names_location} {has[1]} {counts[here]:,}."
    )
    return chosen, note


def _counts(var: pd.DataFrame, here: str | None, known: pd.Index) -> dict[str | None, int]:
    """Genes of the model that each column names; of this one alone where it has most of them."""
    counts = {here: shared(gene_names(var, here), known)}
    if counts[here] >= MOST * len(known):
        return counts
    others = [column for column in [None, *usual_columns(var.columns)] if column != here]
    return counts | {column: shared(gene_names(var, column), known) for column in others}


def _or_raw(
    adata: AnnData,
    first: ExpressionMatrix,
    known: pd.Index,
    find: Find,
    *,
    column_is_open: bool,
) -> ExpressionMatrix:
    """Take ``.raw`` where X has few of the model's genes and ``.raw`` clearly more of them."""
    var, column = adata.raw.var, first.gene_column
    column = column if column in var.columns else None
    here = _most(first.var, first.gene_column, known, column_is_open=column_is_open)
    if here >= MOST * len(known) or len(var) <= len(first.var):
        return first
    there = _most(var, column, known, column_is_open=column_is_open)
    if there < CLEARLY_MORE * max(here, 1):
        return first
    try:
        return find(layer="raw", gene_column=column)
    except InputError:  # scaled, or not finite: X it is
        return first


def _of_raw(
    first: ExpressionMatrix, raw: ExpressionMatrix, known: pd.Index, *, column_is_open: bool
) -> str:
    here, there = (
        _most(one.var, one.gene_column, known, column_is_open=column_is_open)
        for one in (first, raw)
    )
    return (
        f"{first.location} has {here:,} of the model's {len(known):,} genes and .raw has "
        f"{there:,}; values were read from .raw ({raw.recognition.description}). Pass "
        f"layer={first.layer} to read {first.location}."
    )


def _most(var: pd.DataFrame, column: str | None, known: pd.Index, *, column_is_open: bool) -> int:
    if not column_is_open:
        return shared(gene_names(var, column), known)
    return max(_counts(var, column, known).values())
