"""Patches around spots, cut from the picture of their tissue that 10x Visium files hold."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from anndata import AnnData

from polyome._errors import InputError, listed

RESOLUTIONS = ("hires", "lowres")
"""Pictures that Space Ranger writes, the finer first."""
LEAST_SIDE = 8
"""Pixels that a patch has at least, wherever a spot covers fewer."""


def has_picture(adata: AnnData) -> bool:
    """Whether there are coordinates and a picture that they lie in, as scanpy reads Visium."""
    return "spatial" in adata.obsm and bool(_libraries(adata))


def _libraries(adata: AnnData) -> dict[str, Any]:
    """Sections of ``uns["spatial"]`` with a picture; other tools keep flags beside them."""
    spatial = adata.uns.get("spatial")
    sections = spatial.items() if isinstance(spatial, Mapping) else ()
    return {
        str(name): one
        for name, one in sections
        if isinstance(one, Mapping) and one.get("images") and "scalefactors" in one
    }


def spot_pictures(adata: AnnData) -> Any:
    """Cut a square around each spot, as wide as the spot.

    Beyond the picture's edge its last pixels are repeated.

    Returns
    -------
    (n, s, s, channels), of the picture's type; NaN, of float32, where a spot has no place.

    Raises
    ------
    InputError
        There are pictures of several sections, a scale is missing, or spots lie outside the
        picture.
    """
    libraries = _libraries(adata)
    if len(libraries) != 1:
        message = (
            f"uns['spatial'] has pictures of {len(libraries)} sections ({listed(libraries)}); one "
            "is needed. Cut patches yourself, and put them into obsm."
        )
        raise InputError(message)
    (library,) = libraries.values()
    name = next((n for n in RESOLUTIONS if n in library["images"]), None)
    if name is None:
        message = f"uns['spatial'] has no picture '{RESOLUTIONS[0]}' or '{RESOLUTIONS[1]}'."
        raise InputError(message)
    picture = np.asarray(library["images"][name])
    scale = _factor(library, f"tissue_{name}_scalef")
    diameter = _factor(library, "spot_diameter_fullres") * scale
    at = np.asarray(adata.obsm["spatial"], np.float64)[:, :2] * scale
    has_place = np.asarray(np.isfinite(at).all(axis=1))
    middle = np.rint(np.where(has_place[:, None], at, 0)).astype(np.int64)
    height, width = picture.shape[:2]
    outside = ((middle < 0) | (middle >= [width, height])).any(axis=1)
    if outside.any():
        message = (
            f"{int(outside.sum()):,} of {adata.n_obs:,} spots lie outside the picture '{name}' of "
            f"{width} x {height} pixels (first: '{adata.obs_names[outside][0]}'): "
            f"obsm['spatial'] times {scale:g} must be pixels, x before y."
        )
        raise InputError(message)
    half = max(LEAST_SIDE, int(np.ceil(diameter))) // 2
    edges = [(half, half), (half, half), *[(0, 0)] * (picture.ndim - 2)]
    padded = np.pad(picture, edges, mode="edge")
    patches = np.stack([padded[y : y + 2 * half, x : x + 2 * half] for x, y in middle])
    if not has_place.all():
        patches = patches.astype(np.float32)
        patches[~has_place] = np.nan
    return patches


def _factor(library: Mapping[str, Any], name: str) -> float:
    """A scale of Space Ranger's ``scalefactors_json.json``."""
    factors = library["scalefactors"]
    if name not in factors:
        message = (
            f"uns['spatial'] has no scalefactors['{name}'], which says where spots lie in the "
            f"picture. Found: {listed(factors)}. Take it from scalefactors_json.json."
        )
        raise InputError(message)
    return float(factors[name])
