"""Coordinates in the columns of obs that machines write are used, with a note."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from polyome._errors import InputError
from polyome.modalities.spatial.coordinates import find_coordinates
from polyome.modalities.spatial.sections import find_sections

NAMES = [f"c{i}" for i in range(4)]


def cells(**obs):
    return AnnData(np.ones((4, 1), np.float32), obs=pd.DataFrame(obs, index=NAMES))


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ("CenterX_global_px", "CenterY_global_px"),
        ("center_x", "center_y"),
        ("x_centroid", "y_centroid"),
        ("pxl_col_in_fullres", "pxl_row_in_fullres"),
        ("xcoord", "ycoord"),
        ("X_CENTROID", "Y_CENTROID"),
    ],
)
def test_columns_of_machines(x, y):
    adata = cells(**{x: np.arange(4), y: np.arange(4) / 2})
    sections = find_sections(adata, None)
    np.testing.assert_array_equal(sections.coordinates, np.c_[np.arange(4), np.arange(4) / 2])
    note = f"Coordinates were read from obs['{x}'] and obs['{y}']; the data has no obsm['spatial']."
    assert sections.notes == (note,)


def test_global_coordinates_come_before_local_ones():
    columns = {f"Center{axis}_{kind}_px": 1.0 for axis in "XY" for kind in ("local", "global")}
    assert "CenterX_global_px" in find_coordinates(cells(**columns), "spatial")[1][0]


def test_local_coordinates_ask_for_the_field_of_view():
    adata = cells(CenterX_local_px=1.0, CenterY_local_px=2.0)
    assert "corner of each field of view: section=" in find_coordinates(adata, "spatial")[1][0]


def test_obsm_comes_first():
    adata = cells(x_centroid=0.0, y_centroid=0.0)
    adata.obsm["spatial"] = np.arange(8.0).reshape(4, 2)
    coordinates, notes = find_coordinates(adata, "spatial")
    assert coordinates[3].tolist() == [6, 7]
    assert notes == []
    adata.obsm["X_spatial"] = adata.obsm.pop("spatial")
    with pytest.raises(InputError, match="Pass spatial_key=X_spatial"):
        find_coordinates(adata, "spatial")


def test_columns_that_are_no_numbers():
    with pytest.raises(InputError, match=r"obs\['x_centroid'\] and obs\['y_centroid'\] holds val"):
        find_coordinates(cells(x_centroid=list("abcd"), y_centroid=1.0), "spatial")
    with pytest.raises(InputError, match=r"holds \[nan, 1\.0\] at cell 'c1' \(1 of 4"):
        find_coordinates(cells(x_centroid=[0, np.nan, 1, 1], y_centroid=1.0), "spatial")


def test_a_grid_is_only_a_hint():
    with pytest.raises(InputError, match=r"Are they in obs\? .*'array_row', 'array_col'"):
        find_coordinates(cells(array_row=1, array_col=2), "spatial")
