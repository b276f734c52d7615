"""Where an AnnData says its cells lie: coordinates and sections, checked."""

import numpy as np
from anndata import AnnData

from polyome._errors import InputError, listed, missing_column
from polyome._types import IntArray
from polyome.io.joined import JOINED
from polyome.modalities.spatial.coordinates import find_coordinates
from polyome.modalities.spatial.neighbours import Sections
from polyome.modalities.spatial.overlap import find_overlap


def find_sections(
    adata: AnnData, section: str | None, spatial_key: str = "spatial", *, is_query: bool = False
) -> Sections:
    """Read coordinates and sections.

    Parameters
    ----------
    section : column of ``obs``; None is one section for each file (column ``source``) or for each
        region of a SpatialData table, or one.
    spatial_key : key of ``obsm``.
    is_query : the data is answered by a model that was fitted on other data. Where ``section`` was
        named for that, a query without the column is one section.

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
    coordinates, notes = find_coordinates(adata, spatial_key)
    is_absent = section is not None and is_query and section not in adata.obs.columns
    codes, names = _codes(adata, None if is_absent else section)
    if is_absent:
        taken = f"sections are {listed(names, most=4)}"
        if len(names) == 1:
            taken = "all cells were taken for one section"
        notes.append(f"obs has no column '{section}' (section); {taken}.")
    sections = Sections(coordinates, codes, names)
    _check_spread(sections)
    if is_query and len(names) == 1:  # of training data the audit says so
        overlap = find_overlap(coordinates, adata.obs)
        notes += [overlap.message] if overlap is not None else []
    return Sections(coordinates, codes, names, notes=(*notes, *_notes(sections)))


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
