"""The image modality: a small picture of each record, such as a spot's patch, becomes tokens.

A segment is ``[M]``, which knows the whole picture, and a few patch tokens that a small
convolutional network makes. Pictures are averaged down to at most 32 pixels a side: that holds
colour and texture of a spot's patch, and is quick on a laptop.
"""

from typing import Any, ClassVar, Self

import numpy as np

from polyome._errors import InputError
from polyome._types import FloatArray
from polyome.modalities.numeric.modality import NumericModality
from polyome.modalities.numeric.records import NumericRecords
from polyome.modalities.pictures.records import TO, Scale, picture_records, pixel_names
from polyome.modalities.pictures.tokens import ImageEmbeddings


class ImageModality(NumericModality):
    """Pictures of one size, in a key of ``obsm`` as (n, height, width, channels).

    Pixels are z-scores of one scale. ``normalisation`` is ``0-1``, of whole numbers to 255 or of
    fractions, or ``as-is``. Whole numbers are divided by 255. Of other numbers the training file
    says whether they reach 1 or 255, and queries are read likewise: what a dark picture is must not
    depend on the pictures beside it.
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
        return picture_records(source, pictures[0], scale=self._scale())

    def _scale(self) -> Scale | None:
        """What a query's pixels are divided by; None: what the source says."""
        return Scale(1.0, 1.0) if self.normalisation == "as-is" else getattr(self, "scale_", None)

    def fit(self, records: NumericRecords) -> Self:
        """Learn the size, means and standard deviations of pixels, and components."""
        shape, _, largest = records.kind.partition(TO)
        self.shape_ = tuple(int(n) for n in shape.split("x"))
        self.scale_ = Scale(fractions=float(largest) if largest else None)
        self.known_ = {name: place for place, name in enumerate(records.names)}
        return super().fit(records)

    def normalised(self, values: FloatArray) -> FloatArray:
        """Leave the pixels, (n, p), as they were read."""
        return values

    def prepare(self, records: NumericRecords) -> Any:
        """Z-scores of the pixels; pictures must have the size of those that were fitted."""
        shape, found = "x".join(map(str, self.shape_)), records.kind.partition(TO)[0]
        if records.standardised is None and found != shape:
            message = f"pictures are {found}, those of the training records {shape} pixels."
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
        """As of all numbers; the size, and the largest value."""
        settings, arrays = super().state()
        settings["learned"] |= {"shape": list(self.shape_), "largest": self.scale_.fractions}
        return settings, arrays

    @classmethod
    def from_state(cls, settings: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """Restore what :meth:`state` gave."""
        modality = super().from_state(settings, arrays)
        modality.shape_ = tuple(settings["learned"]["shape"])
        modality.scale_ = Scale(fractions=settings["learned"]["largest"])
        modality.known_ = {n: i for i, n in enumerate(pixel_names(modality.shape_))}
        return modality
