"""Where cells lie: coordinates in ``obsm``, or in columns of ``obs`` that machines write."""

from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from polyome._errors import InputError, listed, suggestion
from polyome._types import FloatArray

_USUAL = ("spatial", "X_spatial", "spatial_coords", "coordinates", "xy")
_OF_MACHINES = (
    ("CenterX_global_px", "CenterY_global_px"),  # CosMx
    ("x_slide_mm", "y_slide_mm"),
    ("x_global_px", "y_global_px"),
    ("center_x", "center_y"),  # MERSCOPE
    ("x_centroid", "y_centroid"),  # Xenium
    ("pxl_col_in_fullres", "pxl_row_in_fullres"),  # Visium
    ("imagecol", "imagerow"),  # Visium, by Seurat
    ("xcoord", "ycoord"),  # Slide-seq
    ("x_um", "y_um"),
    ("spatial_x", "spatial_y"),
    ("CenterX_local_px", "CenterY_local_px"),  # CosMx, from the corner of each field of view
    ("x_local_px", "y_local_px"),
)
_DOUBTFUL = (("x", "y"), ("array_row", "array_col"), ("imagex", "imagey"))
"""Columns that may be of something else, or are no distances: only a hint names them."""


def find_coordinates(adata: AnnData, key: str) -> tuple[FloatArray, list[str]]:
    """Read the coordinates of each cell, from ``obsm[key]`` or else from ``obs``.

    Returns
    -------
    coordinates : float64, (n, 2) or (n, 3).
    notes : which columns of ``obs`` were used.

    Raises
    ------
    InputError
        There are none, they have too few or too many dimensions, or are no numbers.

    Examples
    --------
    >>> obs = pd.DataFrame({"x_centroid": [1.0, 2.0], "y_centroid": [0.0, 0.5]}, index=["a", "b"])
    >>> coordinates, notes = find_coordinates(AnnData(np.ones((2, 1)), obs=obs), "spatial")
    >>> coordinates.tolist(), notes
    ([[1.0, 0.0], [2.0, 0.5]], ["Coordinates were read from obs['x_centroid'] and ..."])
    """
    if key in adata.obsm:
        found: Any = adata.obsm[key]
        found = found.to_numpy() if isinstance(found, pd.DataFrame) else np.asarray(found)
        return _checked(adata, found, f"obsm['{key}']"), []
    pair = None if _spatial_keys(adata) else _pair(adata, _OF_MACHINES)
    if pair is None:
        raise _no_coordinates(adata, key)
    where = f"obs['{pair[0]}'] and obs['{pair[1]}']"
    note = f"Coordinates were read from {where}; the data has no obsm['{key}']."
    if "local" in pair[0]:
        note += " They count from the corner of each field of view: section= with its column."
    return _checked(adata, adata.obs[list(pair)].to_numpy(), where), [note]


def _checked(adata: AnnData, found: Any, where: str) -> FloatArray:
    if found.ndim != 2 or found.shape[1] not in (2, 3):
        dims = 1 if found.ndim == 1 else found.shape[1]
        message = (
            f"{where} has {dims} coordinate{'s' * (dims != 1)} per cell; x and y are needed, "
            "or x, y and z."
        )
        raise InputError(message)
    try:
        coordinates: FloatArray = found.astype(np.float64)
    except (TypeError, ValueError) as error:
        message = f"{where} holds values that are no numbers ({error})."
        raise InputError(message) from error
    wrong = np.flatnonzero(~np.isfinite(coordinates).all(axis=1))
    if len(wrong):
        message = (
            f"{where} holds {coordinates[wrong[0]].tolist()} at cell "
            f"'{adata.obs_names[wrong[0]]}' ({len(wrong):,} of {adata.n_obs:,} cells have no "
            "place). Drop such cells, or give them coordinates."
        )
        raise InputError(message)
    return coordinates


def _pair(adata: AnnData, pairs: tuple[tuple[str, str], ...]) -> list[str] | None:
    """The columns of the first pair that ``obs`` has, in whatever case."""
    columns = {str(name).lower(): str(name) for name in adata.obs.columns}
    for pair in pairs:
        if all(name.lower() in columns for name in pair):
            return [columns[name.lower()] for name in pair]
    return None


def _spatial_keys(adata: AnnData) -> list[str]:
    known = [str(name) for name in adata.obsm]
    return [name for name in known if name in _USUAL or "spatial" in name.lower()]


def _no_coordinates(adata: AnnData, key: str) -> InputError:
    known = [str(name) for name in adata.obsm]
    place = f"The data has no obsm['{key}'], the coordinates of each cell, (n, 2) or (n, 3)."
    shown = f"obsm has {listed(known)}." if known else "It has no obsm at all."
    hint = suggestion(key, known)
    if "spatialdata_attrs" in adata.uns:
        hint = (
            " It is the table of a SpatialData object: the package spatialdata (pip install "
            "spatialdata) computes coordinates of its regions with get_centroids."
        )
    candidates, pair = _spatial_keys(adata), _pair(adata, _DOUBTFUL)
    if candidates:  # nearer than any other hint
        hint = f" Pass spatial_key={candidates[0]}."
    elif pair is not None:
        hint = f" Are they in obs? adata.obsm['{key}'] = adata.obs[{pair}].to_numpy()"
    return InputError(f"{place} {shown}{hint}")
