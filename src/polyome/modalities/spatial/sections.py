"""Where an AnnData says its cells lie: coordinates and sections, checked."""

from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from polyome._errors import InputError, listed, missing_column, suggestion
from polyome._types import FloatArray, IntArray
from polyome.io.joined import JOINED
from polyome.modalities.spatial.neighbours import Sections

_USUAL = ("spatial", "X_spatial", "spatial_coords", "coordinates", "xy")


def find_sections(
    adata: AnnData, section: str | None, spatial_key: str = "spatial", *, is_query: bool = False
) -> Sections:
    """Read coordinates and sections.

    Parameters
    ----------
    section : column of ``obs``; None is one section for each file (column ``source``) or for each
        region of a SpatialData table, or one.
    spatial_key : key of ``obsm``.
    is_query : the column was named for the training data; a query without it is one section.

    Raises
    ------
    InputError
        No coordinates, too few or too many dimensions, values that are no numbers, a cell without
        a section, cells that all lie at one place.

    Examples
    --------
    >>> adata = AnnData(np.ones((3, 1)), obsm={"spatial": np.array([[0, 0], [0, 1], [2, 0]])})
    >>> find_sections(adata, None).names
    ('all cells',)
    >>> find_sections(AnnData(np.ones((3, 1))), None)
    Traceback (most recent call last):
    polyome._errors.InputError: The data has no obsm['spatial'], ... It has no obsm at all.
    """
    coordinates = _coordinates(adata, spatial_key)
    notes: list[str] = []
    is_absent = section is not None and is_query and section not in adata.obs.columns
    codes, names = _codes(adata, None if is_absent else section)
    if is_absent:
        taken = f"sections are {listed(names, most=4)}"
        if len(names) == 1:
            taken = "all cells were taken for one section"
        notes.append(f"obs has no column '{section}' (section); {taken}.")
    sections = Sections(coordinates, codes, names)
    _check_spread(sections)
    return Sections(coordinates, codes, names, notes=(*notes, *_notes(sections)))


def _coordinates(adata: AnnData, key: str) -> FloatArray:
    if key not in adata.obsm:
        raise _no_coordinates(adata, key)
    found: Any = adata.obsm[key]
    found = found.to_numpy() if isinstance(found, pd.DataFrame) else np.asarray(found)
    if found.ndim != 2 or found.shape[1] not in (2, 3):
        dims = 1 if found.ndim == 1 else found.shape[1]
        message = (
            f"obsm['{key}'] has {dims} coordinate{'s' * (dims != 1)} per cell; x and y are needed, "
            "or x, y and z."
        )
        raise InputError(message)
    try:
        coordinates: FloatArray = found.astype(np.float64)
    except (TypeError, ValueError) as error:
        message = f"obsm['{key}'] holds values that are no numbers ({error})."
        raise InputError(message) from error
    wrong = np.flatnonzero(~np.isfinite(coordinates).all(axis=1))
    if len(wrong):
        message = (
            f"obsm['{key}'] holds {coordinates[wrong[0]].tolist()} at cell "
            f"'{adata.obs_names[wrong[0]]}' ({len(wrong):,} of {adata.n_obs:,} cells have no "
            "place). Drop such cells, or give them coordinates."
        )
        raise InputError(message)
    return coordinates


def _no_coordinates(adata: AnnData, key: str) -> InputError:
    known = [str(name) for name in adata.obsm]
    place = f"The data has no obsm['{key}'], the coordinates of each cell, (n, 2) or (n, 3)."
    shown = f"obsm has {listed(known)}." if known else "It has no obsm at all."
    candidates = [name for name in known if name in _USUAL or "spatial" in name.lower()]
    columns = {str(name).lower(): str(name) for name in adata.obs.columns}
    pairs = (
        ("x", "y"),
        ("array_row", "array_col"),
        ("x_centroid", "y_centroid"),
        ("imagex", "imagey"),
        ("x_um", "y_um"),
    )
    pair = next((p for p in pairs if p[0] in columns and p[1] in columns), None)
    hint = suggestion(key, known)
    if "spatialdata_attrs" in adata.uns:
        hint = (
            " It is the table of a SpatialData object: the package spatialdata (pip install "
            "spatialdata) computes coordinates of its regions with get_centroids."
        )
    if candidates:  # nearer than any other hint
        hint = f" Pass spatial_key={candidates[0]}."
    elif pair is not None:
        names = [columns[name] for name in pair]
        hint = f" Are they in obs? adata.obsm['{key}'] = adata.obs[{names}].to_numpy()"
    return InputError(f"{place} {shown}{hint}")


def _codes(adata: AnnData, section: str | None) -> tuple[IntArray, tuple[str, ...]]:
    if section is None and JOINED in adata.uns and "source" in adata.obs.columns:
        section = "source"
    if section is None:
        section = _region_column(adata)
    if section is None:
        return np.zeros(adata.n_obs, np.int64), ("all cells",)
    if section not in adata.obs.columns:
        raise missing_column(section, adata.obs.columns, role="section")
    column = adata.obs[section].astype(object)
    missing = np.flatnonzero(column.isna().to_numpy())
    if len(missing):
        message = (
            f"obs['{section}'] (section) is empty for {len(missing):,} of {adata.n_obs:,} cells "
            f"(first: '{adata.obs_names[missing[0]]}'). Name their section, or drop them."
        )
        raise InputError(message)
    names, codes = np.unique(column.astype(str).to_numpy(dtype=str), return_inverse=True)
    return codes.astype(np.int64), tuple(str(name) for name in names)


def _region_column(adata: AnnData) -> str | None:
    """Column that a SpatialData table names its regions by, where there are several."""
    column = adata.uns.get("spatialdata_attrs", {}).get("region_key")
    if column not in adata.obs.columns or len(adata.obs[column].unique()) < 2:
        return None
    return str(column)


def _check_spread(sections: Sections) -> None:
    """Refuse sections where half of the cells lie at the place of another."""
    for name, rows in zip(sections.names, sections.rows):
        if len(rows) < 2:
            continue
        places = len(np.unique(sections.coordinates[rows], axis=0))
        if places == 1 or places < len(rows) / 4:
            message = (
                f"The {len(rows):,} cells of section '{name}' lie at {places:,} place"
                f"{'s' * (places != 1)} only; each cell needs coordinates of its own. Are these "
                "several sections, one on the other (pass section= with the column that names "
                "them), or coordinates of something else?"
            )
            raise InputError(message)


def _notes(sections: Sections) -> list[str]:
    alone = [n for n, rows in zip(sections.names, sections.rows) if len(rows) == 1]
    if not alone:
        return []
    return [
        f"{len(alone):,} section{'s have' if len(alone) > 1 else ' has'} one cell only "
        f"({listed(alone, most=3)}): it has no neighbours and is answered by itself."
    ]
