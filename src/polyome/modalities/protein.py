"""The protein modality: a cell's surface proteins, counted by antibodies, become tokens.

A segment is ``[M]``, which knows all proteins, and a few module tokens, each a learned combination.
Proteins have no order, so tokens carry no position. Isotype controls are read like the others:
they tell how much of a signal is unspecific.
"""

from typing import ClassVar

import numpy as np

from polyome._types import FloatArray
from polyome.modalities.numeric.modality import NumericModality


class ProteinModality(NumericModality):
    """Antibody counts of single cells (CITE-seq, TEA-seq)."""

    name: ClassVar[str] = "protein"
    features_are: ClassVar[str] = "proteins"

    @staticmethod
    def normalised(values: FloatArray) -> FloatArray:
        """Centred log ratio of each cell (Stoeckius et al. 2017, Nat Methods), (n, f).

        ``log1p`` of the counts less its mean over the cell's proteins, as muon's ``pp.clr`` by
        cell; NaN stays NaN.

        Examples
        --------
        >>> ProteinModality.normalised(np.array([[0.0, np.e - 1]])).tolist()
        [[-0.5, 0.5]]
        """
        logged = np.log1p(np.clip(values, 0, None))
        return np.asarray(logged - np.nanmean(logged, axis=1, keepdims=True))
