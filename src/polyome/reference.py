"""Annotate cells by a labelled reference in one call: a model of the genes that both measure."""

from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from polyome._errors import InputError, listed, repeated_names
from polyome._progress import say
from polyome.estimator import Estimator, estimator_class
from polyome.modalities.profiles.alignment import check_size
from polyome.modalities.profiles.matrix import KNOWN_STATE, find_expression
from polyome.modalities.profiles.matrix_state import MatrixState
from polyome.modalities.profiles.records import (
    CellRecords,
    annotate,
    as_adata,
    as_far_as_there,
    check_annotatable,
)
from polyome.options import sort_options
from polyome.outputs.classes_prediction import ClassPrediction
from polyome.predict.predict import PredictArguments

FEWEST_GENES, LEAST_SHARED = 10, 0.1
"""Genes, and share of the query's, that both must have; fewer tell few types apart."""


def annotate_from(
    reference: Any,
    query: AnnData,
    target: str,
    *,
    fit: dict[str, Any] | None = None,
    predict: dict[str, Any] | None = None,
    **settings: Any,
) -> Estimator:
    """Name the cells of a query, such as a section of tissue, by a labelled reference.

    A section measured with a panel has few of a reference's genes, so a model of all genes would
    miss most of what it knows. Here one is fitted on the genes that both have.

    Parameters
    ----------
    reference : AnnData, or an h5ad file or several, with labels.
    query : AnnData; its ``obs``, ``obsm`` and ``uns`` get the answers, see
        :meth:`polyome.estimator.Estimator.annotate`.
    target : column of the reference's ``obs`` with the labels.
    fit, predict : options of both; ``predict={"align": True}`` shifts and scales each gene of the
        query to the reference, whose technology is another.
    settings : of :class:`polyome.CellTypeClassifier`.

    Returns
    -------
    The fitted model, with its score on a held-out part of the reference.

    Raises
    ------
    InputError
        They share fewer than ten genes, or what `fit` and `predict` refuse.

    Examples
    --------
    >>> from polyome.data.simulate import simulate_cells
    >>> reference, panel = simulate_cells(seed=0), simulate_cells(seed=0)[:50, :40].copy()
    >>> model = annotate_from(reference, panel, "cell_type", quiet=True, num_members=1)
    >>> len(model.fitted_.modality.vocabulary_), "polyome_label" in panel.obs
    (40, True)
    """
    check_annotatable(query)
    model, records, answers = answer_from(
        reference, query, target, fit=fit or {}, predict=predict or {}, settings=settings
    )
    annotate(records.adata, answers)
    return model


def answer_from(
    reference: Any,
    query: Any,
    target: str,
    *,
    fit: dict[str, Any],
    predict: dict[str, Any],
    settings: dict[str, Any],
) -> tuple[Estimator, CellRecords, ClassPrediction]:
    """Fit on the genes that both have, and answer the query: the model, records and answers."""
    where = {key: settings.get(key) for key in ("layer", "gene_column")}
    settings = {key: value for key, value in settings.items() if key not in where}
    model = estimator_class("cell-type")(**settings)
    files = [as_adata(source) for source in (reference, query)]
    for note in (note for one in files for note in one.notes):
        say(note, quiet=model.task.quiet)
    known, asked = (one.adata for one in files)
    for adata in (known, asked):
        if not adata.obs_names.is_unique:
            raise repeated_names(adata.obs_names)
    reading = _as_each_has(known, asked, where)
    modality: Any = model.task.build_modality()
    _, arguments = sort_options(modality, predict, PredictArguments, where="predict")
    if arguments.align:  # before work starts
        check_size(asked.n_obs)
    shared = with_genes_of(
        modality.read(asked, **reading["query"]), modality.read(known, **reading["reference"])
    )
    say(f"{shared.n_vars:,} genes are in both; the model knows no others.", quiet=model.task.quiet)
    model.fit(shared, target, **fit)
    records, answers = model.answer(asked, **(reading["query"] | predict))
    assert isinstance(answers, ClassPrediction), "cells are answered with classes"
    assert isinstance(records, CellRecords)
    return model, records, answers


def _as_each_has(
    reference: AnnData, query: AnnData, where: dict[str, str | None]
) -> dict[str, dict[str, str | None]]:
    """A layer and a column of gene names for each of the two that has them; one must."""
    reading = {
        "reference": as_far_as_there(reference, where),
        "query": as_far_as_there(query, where),
    }
    for key, value in where.items():
        if value is not None and all(found[key] is None for found in reading.values()):
            asked: dict[str, Any] = {key: value}
            find_expression(reference, **asked, allow_scaled=True)  # says what is there
    return reading


def with_genes_of(query: CellRecords, reference: CellRecords) -> AnnData:
    """Cells of a reference with the genes that a query measures too, on the linear scale.

    The state of its values was recognised by all of its genes; few genes may tell less.

    Raises
    ------
    InputError
        Fewer than ten genes, or a tenth of the query's, are shared; or one of the two is scaled
        and the other is not.
    """
    asked, known = query.expression.gene_names, reference.expression.gene_names
    columns = np.flatnonzero(known.isin(asked[asked != ""]))
    shared = known[columns].nunique()
    if shared < max(FEWEST_GENES, LEAST_SHARED * asked.nunique()):
        message = (
            f"{shared:,} of the query's {asked.nunique():,} genes are in the reference; at least "
            f"{FEWEST_GENES} and {LEAST_SHARED:.0%} are needed. The query has "
            f"{listed(asked[~asked.isin(known)], most=4)}; the reference has "
            f"{listed(known[~known.isin(asked)], most=4)}. Are these the same organism and kind of "
            "names? gene_column= names a column of var."
        )
        raise InputError(message)
    if query.expression.is_scaled != reference.expression.is_scaled:
        scaled, other = ("query", "reference")[:: 1 if query.expression.is_scaled else -1]
        message = (
            f"the {scaled}'s values are scaled and the {other}'s are not: they cannot be compared. "
            "layer= names a matrix of counts or log-normalised values."
        )
        raise InputError(message)
    blocks = [block[:, columns] for block in reference.expression.chunks(slice(None))]
    is_sparse = all(sparse.issparse(block) for block in blocks)
    values = sparse.vstack(blocks, format="csr") if is_sparse else np.concatenate(blocks)
    genes = pd.DataFrame(index=pd.Index(known[columns].astype(str)))
    uns = {key: reference.adata.uns[key] for key in ("simulated",) if key in reference.adata.uns}
    if not reference.expression.is_scaled:
        is_whole = reference.expression.recognition.is_whole
        uns[KNOWN_STATE] = (MatrixState.COUNTS if is_whole else MatrixState.UNLOGGED).value
    return AnnData(values, obs=reference.adata.obs.copy(), var=genes, uns=uns)
