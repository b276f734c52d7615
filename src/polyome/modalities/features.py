"""The features modality: any numeric table, a number by named feature, becomes tokens.

Clinical values, image measurements, patch embeddings in ``obsm``: whatever has a number per record
and name. A segment is ``[M]``, which knows all features, and a few module tokens.
"""

from typing import ClassVar

import numpy as np

from polyome._errors import InputError
from polyome._types import FloatArray
from polyome.modalities.numeric.modality import NumericModality


class FeaturesModality(NumericModality):
    """Numbers by feature, z-scored; NaN is not measured.

    ``normalisation`` is ``z-score``, or ``log1p`` for values with few large ones and none below 0.
    """

    name: ClassVar[str] = "features"
    features_are: ClassVar[str] = "features"
    table_name: ClassVar[str] = "the table"
    normalisations: ClassVar[tuple[str, ...]] = ("z-score", "log1p")

    def normalised(self, values: FloatArray) -> FloatArray:
        """Leave the values, (n, f), or take ``log1p`` of them; z-scores follow.

        Examples
        --------
        >>> FeaturesModality("log1p").normalised(np.array([[0.0, np.e - 1]])).tolist()
        [[0.0, 1.0]]
        """
        if self.normalisation == "z-score":
            return values
        if np.nanmin(values, initial=0) < 0:
            message = "features have values below 0; normalise them by 'z-score', not 'log1p'."
            raise InputError(message)
        return np.asarray(np.log1p(values))
