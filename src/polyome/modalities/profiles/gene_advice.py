"""What to tell a query that has too few of a model's genes; mostly the names are the reason."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from polyome._errors import InputError, listed
from polyome.modalities.profiles.matrix import ExpressionMatrix, gene_names

LEAST_OVERLAP = 0.1
"""Share of the model's genes that a query needs."""
MOST_FOREIGN = 0.5
"""Share of a query's names that the model may not know while they are of its kind."""
_ENSEMBL = r"^(ENS[A-Z]*)G\d{11}$"


def too_few_genes(known: pd.Index, expression: ExpressionMatrix, n_shared: int) -> InputError:
    """Build the error: how few, which ones, and what to pass instead.

    Parameters
    ----------
    known : names of the model's genes.
    n_shared : how many of them the query has.
    """
    found = expression.gene_names
    foreign = found[~found.isin(known)]
    lacking = known[~known.isin(found)]
    text = (
        f"{n_shared:,} of the {len(known):,} genes that the model knows "
        f"({_percent(n_shared / len(known))}) are in {expression.location}; at least "
        f"{LEAST_OVERLAP:.0%} are needed. {expression.names_location} that it does not know: "
        f"{listed(foreign, most=4) or 'none'}. The model's that are missing: "
        f"{listed(lacking, most=4)}."
    )
    if n_shared and len(foreign) <= MOST_FOREIGN * len(found):
        return _small_panel(known, expression, n_shared)
    hints = (_hint_column(known, expression), _hint_kind(known, found), _hint_case(known, found))
    hint = " ".join(hint for hint in hints if hint)
    return InputError(f"{text} {hint or 'Are these the same organism and kind of names?'}")


def _small_panel(known: pd.Index, expression: ExpressionMatrix, n_shared: int) -> InputError:
    """Build the error for a query whose names are right, and too few."""
    return InputError(
        f"{expression.location} has {n_shared:,} genes that the model knows, of {len(known):,} "
        f"({_percent(n_shared / len(known))}); at least {LEAST_OVERLAP:.0%} are needed. Its names "
        "are right, but a panel of so few genes is too small for this model. Fit one on the genes "
        "that both have: polyome annotate REFERENCE QUERY --target COLUMN --out FILE."
    )


def _percent(share: float) -> str:
    return "under 1%" if 0 < share < 0.01 else f"{share:.0%}"


def _overlap(known: pd.Index, found: pd.Index) -> float:
    return float(known.isin(found).mean())


def _ensembl_species(names: Sequence[str] | pd.Index) -> str | None:
    """Find the commonest Ensembl prefix (ENS, ENSMUS), if most names are Ensembl gene ids."""
    prefixes = pd.Series(names, dtype=object).str.extract(_ENSEMBL, expand=False)
    return str(prefixes.mode()[0]) if prefixes.notna().mean() > 0.5 else None


def _hint_column(known: pd.Index, expression: ExpressionMatrix) -> str:
    """Another column of var that holds names the model knows."""
    columns: list[str | None] = [None, *expression.var.columns]
    shares = {
        column: _overlap(known, gene_names(expression.var, column))
        for column in columns
        if column != expression.gene_column and (column is None or _is_text(expression.var[column]))
    }
    if not shares or max(shares.values()) < LEAST_OVERLAP:
        return ""
    column = max(shares, key=lambda name: shares[name])
    if column is None:
        names = f"{expression.var_location}_names"
        return f"Leave gene_column out: {names} has {shares[None]:.0%} of them."
    return f'Pass gene_column="{column}", which has {shares[column]:.0%} of them.'


def _is_text(values: "pd.Series[Any]") -> bool:
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.cat.categories.to_series()
    return bool(pd.api.types.is_string_dtype(values.dtype) or values.dtype == object)


def _hint_kind(known: pd.Index, found: pd.Index) -> str:
    """Ensembl ids against symbols, or Ensembl ids of two species."""
    model, query = _ensembl_species(known), _ensembl_species(found)
    if model == query:
        return ""
    if model and query:
        return (
            f"The query's Ensembl ids begin with {query}G, the model's with {model}G: another "
            "species. Map them to orthologues first."
        )
    kinds = ("Ensembl ids", "symbols")
    here, there = kinds if query else kinds[::-1]
    return (
        f"The query's names look like {here}; the model was fitted on {there}. Pass gene_column= "
        f"with a column of {there}."
    )


def _hint_case(known: pd.Index, found: pd.Index) -> str:
    """Symbols of mouse (Actb) against human (ACTB)."""
    share = _overlap(known.str.upper(), found.str.upper())
    if share < LEAST_OVERLAP or share < 2 * _overlap(known, found):
        return ""
    return (
        f"Written in capitals, {share:.0%} would be shared: is one of them mouse (Actb) and the "
        "other human (ACTB)? Rename the query's genes to the model's orthologues first."
    )
