"""Several AnnData as one: their cells stacked, on the genes that all of them have."""

import warnings
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
from anndata import AnnData

from polyome._errors import InputError, PolyomeWarning, listed
from polyome.io.gene_columns import usual_columns
from polyome.io.h5ad import quiet

JOINED = "polyome_files"
"""Key of ``uns`` with the files whose cells were joined; ``obs["source"]`` names each cell's."""
RENAMED = "var_names"
"""Column of ``var`` with the names of genes that were joined by another column."""
LEAST_SHARED = 0.1  # of the smallest file's genes, below which files are not joined


def joined(parts: dict[str, AnnData], gene_column: str | None = None) -> AnnData:
    """Stack the cells of several AnnData on the genes that all of them have.

    How many genes are left out is said in a warning. Every column of ``obs`` is kept, missing where
    a file has none, and so is every text column of ``var`` and ``raw.var``.

    Parameters
    ----------
    parts : from a name, such as a file's, to the AnnData; they are changed.
    gene_column : column of ``var`` to join by where ``var_names`` differ; None tries the usual.

    Returns
    -------
    AnnData. ``obs["source"]`` (categorical) is each cell's part, obs_names that two parts share
    carry it as a suffix, and ``uns[JOINED]`` lists the parts.

    Examples
    --------
    >>> def cells(name):
    ...     var = pd.DataFrame({"gene_ids": ["ENSG1", "ENSG2"]}, index=["CD3D", "LYZ"])
    ...     obs = pd.DataFrame(index=[f"{name}1", f"{name}2"])
    ...     return AnnData(np.ones((2, 2)), obs=obs, var=var)
    >>> both = joined({"a.h5ad": cells("a"), "b.h5ad": cells("b")})
    >>> both.shape, list(both.var["gene_ids"])
    ((4, 2), ['ENSG1', 'ENSG2'])
    """
    _name_genes_alike(parts, gene_column)
    originals = _make_var_names_unique(parts)
    _check_shared_genes(parts)
    _warn_of_lost_matrices(parts)
    with quiet():
        whole = anndata.concat(parts, join="inner", merge="same", uns_merge="same")
        raw = None if whole.raw is None else whole.raw.to_adata()
    whole.obs = _joined_obs(parts)
    whole.uns[JOINED] = list(parts)
    _join_var(whole, {name: part.var for name, part in parts.items()}, originals)
    if raw is not None:
        _join_var(raw, {name: part.raw.var for name, part in parts.items()}, originals)
        whole.raw = raw
    return whole


def source_names(paths: list[Path]) -> list[str]:
    """File names, or whole paths where two are alike."""
    for names in ([path.name for path in paths], [str(path) for path in paths]):
        if len(set(names)) == len(names):
            return names
    repeated = {str(path) for path in paths if paths.count(path) > 1}
    msg = f"A file is named more than once: {listed(sorted(repeated))}. Name each file once."
    raise InputError(msg)


def _name_genes_alike(parts: dict[str, AnnData], gene_column: str | None) -> None:
    """Where ``var_names`` are of several kinds, name all genes by columns that are of one."""
    if _is_enough([pd.Index(part.var_names) for part in parts.values()]):
        return
    choices = {name: _names_by_column(part, gene_column) for name, part in parts.items()}
    first, *others = choices.values()
    best: dict[str, str | None] = {}
    most = 0
    for column, names in first.items():
        chosen = [max(other, key=lambda c: names.isin(other[c]).sum()) for other in others]
        indices = [names, *(other[c] for other, c in zip(others, chosen))]
        shared = len(set.intersection(*map(set, indices)))
        if shared > most and _is_enough(indices):
            best, most = dict(zip(choices, [column, *chosen])), shared
    if not best:
        return
    for name, column in best.items():
        if column is not None:
            _rename(parts[name], column)
    shown = ", ".join(
        f"var_names of {name}" if column is None else f"var['{column}'] of {name}"
        for name, column in best.items()
    )
    message = f"The files' var_names are of several kinds; genes were joined by {shown}."
    warnings.warn(message, PolyomeWarning, stacklevel=4)


def _names_by_column(part: AnnData, gene_column: str | None) -> dict[str | None, pd.Index]:
    columns = usual_columns(part.var.columns)
    if gene_column in part.var.columns:
        columns = [gene_column, *(column for column in columns if column != gene_column)]
    frames: dict[str | None, pd.Index] = {None: pd.Index(part.var_names)}
    return frames | {c: pd.Index(part.var[c].astype(object).map(str)) for c in columns}


def _rename(part: AnnData, column: str) -> None:
    """Name genes by a column; the names that they had become a column."""
    for table in [part] if part.raw is None else [part, part.raw]:
        if column not in table.var.columns:
            continue
        names = table.var[column].astype(object).map(str, na_action="ignore")
        names = names.where(names.notna() & (names != ""), table.var_names.to_series())
        if RENAMED not in table.var.columns:
            table.var[RENAMED] = table.var_names.astype(str)
        table.var.index = pd.Index(names.to_numpy(dtype=object))


def _is_enough(names: list[pd.Index]) -> bool:
    shared = len(set.intersection(*map(set, names)))
    return shared > 0 and shared >= LEAST_SHARED * min(index.nunique() for index in names)


def _make_var_names_unique(parts: dict[str, AnnData]) -> dict[str, str]:
    """Repeated gene names get suffixes, so that files can be joined; returns the way back."""
    originals: dict[str, str] = {}
    for adata in parts.values():
        with quiet():
            originals.update(_with_unique_names(adata))
            if adata.raw is None:
                continue
            if adata.raw.var_names.is_unique:
                originals.update(zip(adata.raw.var_names, adata.raw.var_names))
                continue
            raw = adata.raw.to_adata()
            originals.update(_with_unique_names(raw))
            adata.raw = raw
    return originals


def _with_unique_names(adata: AnnData) -> dict[str, str]:
    names = adata.var_names.astype(str)
    adata.var_names_make_unique()
    return dict(zip(adata.var_names, names))


def _check_shared_genes(parts: dict[str, AnnData]) -> None:
    """Refuse files with next to no gene in common; say what the others leave out."""
    all_names = [set(adata.var_names) for adata in parts.values()]
    shared, total = len(set.intersection(*all_names)), len(set.union(*all_names))
    if not _is_enough([pd.Index(adata.var_names) for adata in parts.values()]):
        shown = "; ".join(
            f"{name} has {listed(adata.var_names, most=3)}" for name, adata in parts.items()
        )
        msg = (
            f"The files share {shared:,} of {total:,} genes and cannot be read as one: {shown}. "
            "Give them the same kind of var_names, or read them one by one."
        )
        raise InputError(msg)
    if shared < total:
        msg = (
            f"{shared:,} genes are in all {len(parts)} files and were kept; {total - shared:,} "
            "that some files lack were left out."
        )
        warnings.warn(msg, PolyomeWarning, stacklevel=3)


def _warn_of_lost_matrices(parts: dict[str, AnnData]) -> None:
    """Say which layers, and whether ``.raw``, are left out because a file lacks them."""
    places = {
        name: ({".raw"} if adata.raw is not None else set())
        | {f"layers['{layer}']" for layer in adata.layers}
        for name, adata in parts.items()
    }
    for place in sorted(set.union(*places.values())):
        lacking = [name for name, has in places.items() if place not in has]
        if lacking:
            msg = f"{place} was left out: {listed(lacking, most=3)} has none."
            warnings.warn(msg, PolyomeWarning, stacklevel=3)


def _joined_obs(parts: dict[str, AnnData]) -> pd.DataFrame:
    """Stack obs: all columns, categories kept, each cell's file in ``source``."""
    clash = [name for name, adata in parts.items() if "source" in adata.obs.columns]
    if clash:
        msg = f"obs of {listed(clash)} has a column 'source', which is to name each cell's file. "
        msg += "Rename it."
        raise InputError(msg)
    frames = {name: adata.obs.assign(source=name) for name, adata in parts.items()}
    obs: pd.DataFrame = pd.concat(frames.values())
    kinds = [
        {c for c in f.columns if isinstance(f[c].dtype, pd.CategoricalDtype)}
        for f in frames.values()
    ]
    for column in set.union(*kinds) | {"source"}:
        obs[column] = obs[column].astype("category")
    if not obs.index.is_unique:
        obs.index = pd.Index([f"{cell}-{name}" for name, f in frames.items() for cell in f.index])
    return obs


def _join_var(whole: AnnData, frames: dict[str, pd.DataFrame], originals: dict[str, str]) -> None:
    """Give the joined AnnData what the parts know of its genes, and the genes' own names."""
    var = _joined_var(frames, whole.var_names)
    var.index = pd.Index([originals[name] for name in var.index])
    with quiet():  # of names that repeat
        whole.var = var


def _joined_var(frames: dict[str, pd.DataFrame], names: pd.Index) -> pd.DataFrame:
    """Columns of ``var`` for the shared genes: all of text, others where all files agree."""
    columns = dict.fromkeys(column for frame in frames.values() for column in frame.columns)
    found = pd.DataFrame(index=names)
    for column in columns:
        values = {
            file: frame[column].astype(object).reindex(names)
            for file, frame in frames.items()
            if column in frame.columns
        }
        first = next(iter(values.values()))
        same = all(_is_same(first, other).all() for other in values.values())
        if same and len(values) == len(frames):
            kept = next(iter(frames.values()))[column].reindex(names)
            found[column] = kept.astype(object) if kept.dtype == "category" else kept
        elif column != RENAMED and all(_is_text(other) for other in values.values()):
            found[column] = _first_of(values, str(column))
    return found


def _first_of(values: "dict[str, pd.Series[Any]]", column: str) -> "pd.Series[Any]":
    """Text of the first file that has some; say so where another one has a different text."""
    chosen: pd.Series[Any] = pd.concat(list(values.values()), axis=1).bfill(axis=1).iloc[:, 0]
    differs = [(file, other.notna() & ~_is_same(chosen, other)) for file, other in values.items()]
    wrong = [(file, places) for file, places in differs if places.any()]
    if wrong:
        file, places = wrong[0]
        gene = chosen.index[int(np.argmax(places))]
        message = (
            f"var['{column}'] differs between files for {int(places.sum()):,} of {len(chosen):,} "
            f"genes (first: '{gene}' is '{chosen[gene]}', in {file} '{values[file][gene]}'); the "
            "first file's text was kept."
        )
        warnings.warn(message, PolyomeWarning, stacklevel=4)
    return chosen


def _is_same(one: "pd.Series[Any]", other: "pd.Series[Any]") -> "pd.Series[bool]":
    return (one == other) | (one.isna() & other.isna())


def _is_text(values: "pd.Series[Any]") -> bool:
    return bool(values.dropna().map(lambda value: isinstance(value, str)).all())
