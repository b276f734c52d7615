"""Pictures of one size as records: their scale, size and pixels."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from anndata import AnnData
from torch import nn

from polyome._errors import InputError
from polyome._types import FloatArray
from polyome.modalities.numeric.records import NumericRecords

MOST_PIXELS = 32
"""Pixels a side that are read."""
TO = " to "
"""Stands between the size of pictures and their largest value where records say both."""
_BLOCK = 1024
"""Pictures that are averaged down at a time."""
_COLOURS = {1: ("grey",), 3: ("red", "green", "blue"), 4: ("red", "green", "blue", "alpha")}


@dataclass(frozen=True)
class Scale:
    """What the brightest pixel may be, by which pixels are divided.

    Attributes
    ----------
    fractions : of numbers that are not of a whole type; None: 1 or 255, by the largest of them.
    whole : of whole types.

    Examples
    --------
    >>> Scale().of(np.zeros(4, np.uint8)), Scale().of(np.array([0.2, 0.9]))
    (255.0, 1.0)
    >>> Scale().of(np.array([0.0, 200.0])), Scale(fractions=255.0).of(np.array([0.0, 0.5]))
    (255.0, 255.0)
    """

    fractions: float | None = None
    whole: float = 255.0

    def of(self, pixels: np.ndarray) -> float:
        """The largest value of pixels of this type."""
        if pixels.dtype.kind in "biu":
            return 1.0 if pixels.dtype.kind == "b" else self.whole
        if self.fractions is not None:
            return self.fractions
        return 255.0 if np.nanmax(pixels, initial=0) > 1 else 1.0


def picture_records(
    source: AnnData, pictures: Any, *, scale: Scale | None = None
) -> NumericRecords:
    """View pictures, (n, h, w, c) or (n, h, w), as numbers by pixel and channel.

    Parameters
    ----------
    scale : what pixels are divided by; None: 255, or 1 of fractions that are all below.

    Raises
    ------
    InputError
        They hold no numbers, an infinite one or no pixel, or their channels come first.

    Examples
    --------
    >>> cells = AnnData(obs=pd.DataFrame(index=["a", "b"]))
    >>> found = picture_records(cells, np.zeros((2, 64, 64, 3), np.uint8))
    >>> found.kind, found.values.shape, found.names[0]
    ('32x32x3', (2, 3072), 'y1 x1 red')
    """
    pixels = np.asarray(pictures)
    pixels = pixels[..., None] if pixels.ndim == 3 else pixels
    n, height, width, _ = pixels.shape
    _check_pixels(pixels)
    is_whole = pixels.dtype.kind in "biu"
    largest = (scale or Scale()).of(pixels)
    blocks = [_shrunk(pixels[i : i + _BLOCK], largest) for i in range(0, n, _BLOCK)]
    values = np.concatenate(blocks)
    shape = values.shape[1:]
    size = "x".join(map(str, shape))
    if np.isinf(values).any():
        message = "pictures hold an infinite value."
        raise InputError(message)
    return NumericRecords(
        source.obs,
        pd.Index(pixel_names(shape)),
        values.reshape(n, -1),
        kind=size if is_whole else f"{size}{TO}{largest:g}",
        notes=(f"pictures of {height} x {width} pixels, read as {shape[0]} x {shape[1]}.",),
    )


def _check_pixels(pixels: np.ndarray) -> None:
    """Refuse what are no pictures, (n, h, w, c), or have their channels first."""
    _, height, width, channels = pixels.shape
    shape = f"{height} x {width} x {channels}"
    if pixels.dtype.kind not in "biuf" or not height * width * channels:
        message = f"pictures are {shape} of {pixels.dtype}; pixels that are numbers are needed."
        raise InputError(message)
    is_first = height < min(width, channels) and (width == channels or height in _COLOURS)
    if is_first:
        message = (
            f"pictures are {shape}: channels seem to come first. Put them last: "
            "numpy.moveaxis(pictures, 1, -1)."
        )
        raise InputError(message)


def pixel_names(shape: tuple[int, ...]) -> list[str]:
    """Place and channel of every number of a picture.

    Examples
    --------
    >>> pixel_names((1, 2, 1))
    ['y1 x1 grey', 'y1 x2 grey']
    """
    height, width, channels = shape
    colours = _COLOURS.get(channels) or tuple(f"channel {i + 1}" for i in range(channels))
    return [
        f"y{y + 1} x{x + 1} {colour}"
        for y in range(height)
        for x in range(width)
        for colour in colours
    ]


def _shrunk(pixels: np.ndarray, largest: float) -> FloatArray:
    """Average pictures, (n, h, w, c), over equal areas down to :data:`MOST_PIXELS` a side."""
    pixels = pixels.astype(np.float32) / np.float32(largest)
    height, width = (min(MOST_PIXELS, size) for size in pixels.shape[1:3])
    if pixels.shape[1:3] == (height, width):
        return pixels
    found = nn.functional.adaptive_avg_pool2d(
        torch.from_numpy(np.moveaxis(pixels, 3, 1).copy()), (height, width)
    )
    return np.moveaxis(found.numpy(), 1, 3)
