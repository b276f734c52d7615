"""The image modality: a small picture of each record, such as a spot's patch, becomes tokens.

A segment is ``[M]``, which knows the whole picture, and a few patch tokens that a small
convolutional network makes. Pictures are averaged down to at most 32 pixels a side: that holds
colour and texture of a spot's patch, and is quick on a laptop.
"""

from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import torch
from anndata import AnnData
from torch import Tensor, nn

from polyome._errors import InputError
from polyome._types import FloatArray
from polyome.modalities.numeric.modality import NumericModality
from polyome.modalities.numeric.records import NumericRecords
from polyome.modalities.profiles.tokens import CellEmbeddings

LARGEST = 32
"""Pixels a side that are read, at most."""
_SMALLEST_GRID = 4
"""Patch tokens a side from which another convolution halves them."""
_COLOURS = {1: ("grey",), 3: ("red", "green", "blue"), 4: ("red", "green", "blue", "alpha")}


class ImageEmbeddings(CellEmbeddings):
    """Embeds pictures: ``[M]``, all pixels or components, and patches by a convolutional network.

    Parameters
    ----------
    hidden_size : width ``d`` of a token.
    spec : see :class:`polyome.modalities.profiles.tokens.CellEmbeddings`; ``shape`` (height, width,
        channels), ``places`` of the pixels that vary among all of them.
    """

    def __init__(self, hidden_size: int, spec: dict[str, Any]) -> None:
        super().__init__(hidden_size, spec)
        height, width, channels = spec["shape"]
        self.shape = (height, width, channels)
        self.register_buffer("places", torch.tensor(spec["places"]))
        layers: list[nn.Module] = []
        before, wide = channels, max(16, hidden_size // 2)
        while True:
            layers += [nn.Conv2d(before, wide, 3, stride=2, padding=1), nn.GELU()]
            height, width, before = (height + 1) // 2, (width + 1) // 2, wide
            if max(height, width) <= _SMALLEST_GRID:
                break
        self.convolutions = nn.Sequential(*layers)
        self.patch = nn.Conv2d(wide, hidden_size, 1)
        self.patch_place = nn.Parameter(torch.zeros(height * width, hidden_size))

    def start_at_random(self) -> None:
        """Draw the learned tokens and the filters."""
        super().start_at_random()
        nn.init.normal_(self.patch_place, std=0.02)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def own_tokens(self, **inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Pixels, z-scores (b, p) -> module and patch tokens (b, m + t, d), the whole (b, d)."""
        modules, whole = super().own_tokens(**inputs)
        values = inputs["values"]
        height, width, channels = self.shape
        flat = values.new_zeros(len(values), height * width * channels)
        pixels = flat.index_copy(1, self.get_buffer("places"), values)
        picture = pixels.unflatten(1, (height, width, channels)).movedim(3, 1)
        patches = self.patch(self.convolutions(picture)).flatten(2).transpose(1, 2)
        return torch.cat([modules, patches + self.patch_place], dim=1), whole


class ImageModality(NumericModality):
    """Pictures of one size, in a key of ``obsm`` as (n, height, width, channels).

    Pixels are z-scores of one scale. ``normalisation`` is ``0-1``, of whole numbers to 255 or of
    fractions, or ``as-is``. Which of the two a file holds is decided once, while it is read: the
    pixels of a dark picture must not depend on the pictures beside it.
    """

    name: ClassVar[str] = "image"
    features_are: ClassVar[str] = "pixels"
    normalisations: ClassVar[tuple[str, ...]] = ("0-1", "as-is")
    has_common_scale: ClassVar[bool] = True
    can_be_predicted: ClassVar[bool] = False

    def read(self, source: Any, **reading: Any) -> NumericRecords:
        """View an AnnData that holds pictures in ``obsm`` as pixels by place and channel.

        Raises
        ------
        InputError
            There are no pictures, or their channels are not the last of four dimensions.
        """
        del reading
        if isinstance(source, NumericRecords):
            return source
        pictures = [v for v in source.obsm.values() if np.ndim(v) in (3, 4)]
        if len(pictures) != 1:
            message = (
                "pictures are needed: an array (records, height, width, channels) in obsm, or "
                "(records, height, width) of grey ones."
            )
            raise InputError(message)
        return picture_records(source, pictures[0], rescale=self.normalisation == "0-1")

    def fit(self, records: NumericRecords) -> Self:
        """Learn the size, means and standard deviations of pixels, and components."""
        self.shape_ = tuple(int(n) for n in records.kind.split("x"))
        self.known_ = {name: place for place, name in enumerate(records.names)}
        return super().fit(records)

    def normalised(self, values: FloatArray) -> FloatArray:
        """Leave the pixels, (n, p), as they were read."""
        return values

    def prepare(self, records: NumericRecords) -> Any:
        """Z-scores of the pixels; pictures must have the size of those that were fitted."""
        shape = "x".join(map(str, self.shape_))
        if records.standardised is None and records.kind != shape:
            message = f"pictures are {records.kind}, those of the training records {shape} pixels."
            raise InputError(message)
        return super().prepare(records)

    def spec(self) -> dict[str, Any]:
        """Sizes for the embeddings; where the pixels that vary lie."""
        places = [self.known_[name] for name in self.feature_names()]
        return super().spec() | {"shape": list(self.shape_), "places": places}

    @staticmethod
    def embeddings(config: Any, spec: dict[str, Any]) -> ImageEmbeddings:
        """Build the embeddings."""
        return ImageEmbeddings(config.hidden_size, spec)

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """As of all numbers; the size."""
        settings, arrays = super().state()
        settings["learned"]["shape"] = list(self.shape_)
        return settings, arrays

    @classmethod
    def from_state(cls, settings: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """Restore what :meth:`state` gave."""
        modality = super().from_state(settings, arrays)
        modality.shape_ = tuple(settings["learned"]["shape"])
        modality.known_ = {n: i for i, n in enumerate(pixel_names(modality.shape_))}
        return modality


def picture_records(source: AnnData, pictures: Any, *, rescale: bool = True) -> NumericRecords:
    """View pictures, (n, h, w, c) or (n, h, w), as numbers by pixel and channel.

    Parameters
    ----------
    rescale : divide by 255 whatever :func:`white` says reaches so far.

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
    scale = white(pixels) if rescale else 1.0
    values = _shrunk(pixels.astype(np.float32) / np.float32(scale))
    shape = values.shape[1:]
    if np.isinf(values).any():
        message = "pictures hold an infinite value."
        raise InputError(message)
    return NumericRecords(
        source.obs,
        pd.Index(pixel_names(shape)),
        values.reshape(n, -1),
        kind="x".join(map(str, shape)),
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


def white(pixels: np.ndarray) -> float:
    """What the brightest pixel may be: 255 of whole numbers, told by their type, 1 of fractions.

    Examples
    --------
    >>> white(np.zeros(4, np.uint8)), white(np.array([0.2, 0.9])), white(np.array([0.0, 200.0]))
    (255.0, 1.0, 255.0)
    """
    if pixels.dtype.kind in "iu":
        return 255.0
    return 255.0 if np.nanmax(pixels, initial=0) > 1 else 1.0


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


def _shrunk(pixels: FloatArray) -> FloatArray:
    """Average pictures, (n, h, w, c), over equal areas down to :data:`LARGEST` a side."""
    height, width = (min(LARGEST, size) for size in pixels.shape[1:3])
    if pixels.shape[1:3] == (height, width):
        return pixels
    found = nn.functional.adaptive_avg_pool2d(
        torch.from_numpy(np.moveaxis(pixels, 3, 1).copy()), (height, width)
    )
    return np.moveaxis(found.numpy(), 1, 3)
