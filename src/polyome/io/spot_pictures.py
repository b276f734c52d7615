"""Patches around spots, cut from the picture of their tissue that 10x Visium files hold."""

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
    spatial = adata.uns.get("spatial")
    if "spatial" not in adata.obsm or not isinstance(spatial, dict):
        return False
    libraries = [one for one in spatial.values() if isinstance(one, dict)]
    return any("images" in one and "scalefactors" in one for one in libraries)


def spot_pictures(adata: AnnData) -> Any:
    """Cut a square around each spot, as wide as the spot.

    Beyond the picture's edge its last pixels are repeated.

    Returns
    -------
    (n, s, s, channels), of the picture's type.

    Raises
    ------
    InputError
        There are pictures of several sections, or spots lie outside the picture.
    """
    libraries = {k: v for k, v in adata.uns["spatial"].items() if "images" in v}
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
    picture, factors = np.asarray(library["images"][name]), library["scalefactors"]
    scale = float(factors[f"tissue_{name}_scalef"])
    middle = np.rint(np.asarray(adata.obsm["spatial"])[:, :2] * scale).astype(np.int64)
    height, width = picture.shape[:2]
    outside = ((middle < 0) | (middle >= [width, height])).any(axis=1)
    if outside.any():
        message = (
            f"{int(outside.sum()):,} of {adata.n_obs:,} spots lie outside the picture '{name}' of "
            f"{width} x {height} pixels (first: '{adata.obs_names[outside][0]}'): "
            f"obsm['spatial'] times {scale:g} must be pixels, x before y."
        )
        raise InputError(message)
    half = max(LEAST_SIDE, int(np.ceil(float(factors["spot_diameter_fullres"]) * scale))) // 2
    edges = [(half, half), (half, half), *[(0, 0)] * (picture.ndim - 2)]
    padded = np.pad(picture, edges, mode="edge")
    return np.stack([padded[y : y + 2 * half, x : x + 2 * half] for x, y in middle])
