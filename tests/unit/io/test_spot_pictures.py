"""Patches cut from a Visium picture."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from polyome import InputError
from polyome.io.spot_pictures import has_picture, spot_pictures


def section(dtype=np.float32):
    """Three spots in a picture of 60 x 50 pixels, whose value is the pixel's row."""
    picture = np.arange(50)[:, None, None].repeat(60, axis=1).repeat(3, axis=2).astype(dtype)
    factors = {"tissue_hires_scalef": 0.5, "spot_diameter_fullres": 20.0}
    spots = AnnData(obs=pd.DataFrame(index=["a", "b", "c"]))
    spots.obsm["spatial"] = np.array([[20.0, 30.0], [50.0, 40.0], [0.0, 0.0]])
    spots.uns["spatial"] = {"A": {"images": {"hires": picture}, "scalefactors": factors}}
    return spots


def test_a_patch_is_as_wide_as_its_spot_and_lies_around_it():
    found = spot_pictures(section())
    assert found.shape == (3, 10, 10, 3)
    assert found[0, :, 0, 0].tolist() == list(range(10, 20))
    assert (found[2, :6] == 0).all()  # beyond the edge


def test_flags_and_sections_without_a_picture_are_passed_over():
    spots = section()
    spots.uns["spatial"] |= {"is_single": True, "B": {"images": {}, "scalefactors": {}}}
    assert has_picture(spots)
    assert spot_pictures(spots).shape == (3, 10, 10, 3)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_spot_without_a_place_has_no_picture(dtype):
    spots = section(dtype)
    spots.obsm["spatial"][1] = np.nan
    found = spot_pictures(spots)
    assert np.isnan(found[1]).all()
    np.testing.assert_array_equal(found[[0, 2]], spot_pictures(section(dtype))[[0, 2]])


@pytest.mark.parametrize("name", ["tissue_hires_scalef", "spot_diameter_fullres"])
def test_a_missing_scale_is_named(name):
    spots = section()
    del spots.uns["spatial"]["A"]["scalefactors"][name]
    with pytest.raises(InputError, match=rf"no scalefactors\['{name}'\]"):
        spot_pictures(spots)


def test_pictures_of_two_sections_are_refused():
    spots = section()
    spots.uns["spatial"]["B"] = spots.uns["spatial"]["A"]
    with pytest.raises(InputError, match=r"pictures of 2 sections \('A', 'B'\)"):
        spot_pictures(spots)
