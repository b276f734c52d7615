"""The types that pass between rooms, and the letters that name a tensor's axes.

Shape letters: ``b`` records of a batch, ``n`` tokens of a record, ``d`` hidden size, ``c`` classes
or values, ``g`` genes of a vocabulary, ``e`` members of an ensemble.
"""

from typing import NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

FloatArray = NDArray[np.floating]
IntArray = NDArray[np.integer]
BoolArray = NDArray[np.bool_]

Encoding = dict[str, FloatArray | IntArray]
"""One record's tokens as its modality sees them: named arrays."""


class Segment(TypedDict):
    """The records of a batch that have one input."""

    rows: Tensor
    """int64, (b_m,), each once: the records' places in the batch."""
    inputs: dict[str, Tensor]
    """What the modality's embeddings take, first axis b_m."""


class Batch(TypedDict):
    """Records of one or several modalities, and what is to be learned from them."""

    size: int
    segments: dict[str, Segment]
    """By name of the input. A record may stand in several."""
    labels: NotRequired[dict[str, Segment]]
    """By name of the head: ``rows`` are the records with a target, ``inputs["target"]`` these."""
