"""Coordinates that cannot be used are refused, each with a message that helps."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from polyome._errors import InputError
from polyome.io.joined import JOINED
from polyome.modalities.spatial.sections import find_sections


def cells(coordinates=None, **obs):
    n = 6 if coordinates is None else len(coordinates)
    names = [f"cell {i}" for i in range(n)]
    adata = AnnData(np.ones((n, 2)), obs=pd.DataFrame(obs, index=names))
    if coordinates is not None:
        adata.obsm["spatial"] = coordinates
    return adata


GRID = np.array([[0.0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]])


def refusal(adata, section=None, key="spatial"):
    with pytest.raises(InputError) as caught:
        find_sections(adata, section, key)
    return str(caught.value)


def test_no_coordinates():
    assert "has no obsm['spatial']" in refusal(cells())
    assert "It has no obsm at all." in refusal(cells())


def test_coordinates_under_another_key():
    adata = cells()
    adata.obsm["X_spatial"] = GRID
    assert "Pass spatial_key=X_spatial." in refusal(adata)


def test_a_key_mistyped():
    assert "Pass spatial_key=spatial." in refusal(cells(GRID), key="spatal")


def test_coordinates_in_obs():
    adata = cells(X=np.arange(6.0), Y=np.arange(6.0))
    assert "adata.obsm['spatial'] = adata.obs[['X', 'Y']].to_numpy()" in refusal(adata)


def test_one_dimension():
    assert "has 1 coordinate per cell; x and y are needed" in refusal(cells(GRID[:, :1]))
    assert "has 4 coordinates per cell" in refusal(cells(np.tile(GRID, (1, 2))))


def test_nan_coordinates():
    broken = GRID.copy()
    broken[[2, 4], 1] = np.nan
    message = refusal(cells(broken))
    assert "holds [0.0, nan] at cell 'cell 2' (2 of 6 cells have no place)" in message


def test_words_for_coordinates():
    frame = pd.DataFrame({"x": list("abcdef"), "y": 1.0}, index=[f"cell {i}" for i in range(6)])
    assert "holds values that are no numbers" in refusal(cells(frame))


def test_all_cells_at_one_place():
    message = refusal(cells(np.zeros((6, 2))))
    assert "The 6 cells of section 'all cells' lie at 1 place only" in message
    assert "section=" in message


def test_most_cells_at_the_places_of_others():
    assert "lie at 2 places only" in refusal(cells(np.repeat(GRID[:2], 9, axis=0)))


def test_no_such_column_of_sections():
    message = refusal(cells(GRID, slice=list("aaabbb")), "slices")
    assert (
        "obs has no column 'slices' (section). Columns: 'slice'. Did you mean 'slice'?" in message
    )


def test_cells_without_a_section():
    message = refusal(cells(GRID, slice=["a", "a", None, "b", "b", "b"]), "slice")
    assert "obs['slice'] (section) is empty for 1 of 6 cells (first: 'cell 2')" in message


def test_sections_by_column_by_file_or_one():
    adata = cells(GRID, slice=list("aaabbb"), source=list("xxyyyy"))
    assert find_sections(adata, "slice").codes.tolist() == [0, 0, 0, 1, 1, 1]
    assert find_sections(adata, None).names == ("all cells",)  # a column of the user's own
    adata.uns[JOINED] = ["x", "y"]
    assert find_sections(adata, None).names == ("x", "y")
    assert find_sections(cells(GRID), None).names == ("all cells",)


def test_a_data_frame_of_coordinates():
    frame = pd.DataFrame(GRID, index=[f"cell {i}" for i in range(6)], columns=["x", "y"])
    assert (find_sections(cells(frame), None).coordinates == GRID).all()


def test_a_section_of_one_cell_is_noted():
    found = find_sections(cells(GRID, slice=list("aaaaab")), "slice")
    assert found.notes == (
        "1 section has one cell only ('b'): it has no neighbours and is answered by itself.",
    )


def test_a_query_without_the_column_is_one_section():
    found = find_sections(cells(GRID), "slice", is_query=True)
    assert found.names == ("all cells",)
    assert "obs has no column 'slice' (section)" in found.notes[0]


def test_position_is_about_the_middle_and_in_the_section_s_unit():
    adata = cells(np.concatenate([GRID, 1000 * GRID + 5]), slice=list("aaaaaabbbbbb"))
    placed = find_sections(adata, "slice").placed()
    np.testing.assert_allclose(placed[:6], placed[6:], atol=1e-5)


def test_sections_of_a_query_laid_on_one_another_are_pointed_out():
    side = np.stack(np.meshgrid(np.arange(20.0), np.arange(20.0)), -1).reshape(-1, 2)
    adata = cells(np.concatenate([side, side + 0.1]), fov=np.repeat([1, 2], 400))
    (note,) = find_sections(adata, None, is_query=True).notes
    assert "Pass section=fov (--set section=fov)" in note
    assert find_sections(adata, None).notes == ()  # of training data the audit says so
    assert find_sections(adata, "fov", is_query=True).notes == ()
