"""Pictures as records."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from polyome import InputError
from polyome.modalities.image import ImageModality
from polyome.modalities.pictures.records import picture_records


def cells(pictures):
    obs = pd.DataFrame(index=[f"c{i}" for i in range(len(pictures))])
    return AnnData(obs=obs, obsm={"patch": pictures})


def bright(n=30, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, 8, 8, 3)).astype(np.uint8)


@pytest.mark.parametrize("number_of", [np.float32, np.uint8])
def test_a_dark_picture_of_a_query_is_read_as_the_training_file_was(number_of, tmp_path):
    pictures = bright().astype(number_of)
    pictures[0] = np.random.default_rng(1).integers(0, 2, (8, 8, 3))
    modality = ImageModality().fit(ImageModality().read(cells(pictures)))
    modality.save(tmp_path)
    for known in (modality, ImageModality.load(tmp_path)):
        beside = known.prepare(known.read(cells(pictures))).standardised[0]
        alone = known.prepare(known.read(cells(pictures[:1]))).standardised[0]
        np.testing.assert_array_equal(alone, beside)


def test_fractions_and_whole_numbers_are_brought_to_one_scale_unless_told_otherwise():
    whole, fractions = bright(), bright() / 255
    np.testing.assert_allclose(
        ImageModality().read(cells(whole)).values,
        ImageModality().read(cells(fractions)).values,
        atol=1e-6,
    )
    assert ImageModality("as-is").read(cells(whole)).values.max() > 200


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 8, 8), (3, 32, 48), (6, 64, 64)])
def test_channels_that_come_first_are_refused(shape):
    pictures = np.zeros((2, *shape), np.uint8)
    with pytest.raises(InputError, match="channels seem to come first"):
        picture_records(cells(pictures), pictures)


@pytest.mark.parametrize("shape", [(8, 8, 40), (4, 4, 12), (8, 8, 3), (3, 8, 3), (8, 8, 1)])
def test_many_channels_of_a_small_picture_are_read(shape):
    pictures = np.zeros((2, *shape), np.uint8)
    assert picture_records(cells(pictures), pictures).kind == "x".join(map(str, shape))


@pytest.mark.parametrize("pictures", [np.full((2, 8, 8, 1), "a"), np.zeros((2, 0, 8, 3))])
def test_what_holds_no_pixels_is_refused(pictures):
    with pytest.raises(InputError, match="pixels that are numbers are needed"):
        picture_records(cells(pictures), pictures)
