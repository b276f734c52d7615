"""What a fitted model says of records, whatever the type of answer."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from polyome._types import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What is known of answered records beside the raw outputs.

    Attributes
    ----------
    names : (n,), the records' names.
    representation : float32, (n, e * d).
    provenance, notes : see :class:`Prediction`.
    score : (n,), distance from the training records; None where it is not known.
    refused : bool, (n,), records that get no name; None refuses none.
    coverage : proportion of true values that an interval is to hold.
    pattern : (n,), which inputs each record has; None where records have but one.
    """

    names: pd.Index
    representation: FloatArray
    provenance: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    score: FloatArray | None = None
    refused: BoolArray | None = None
    coverage: float = 0.9
    pattern: IntArray | None = None

    @property
    def common(self) -> dict[str, Any]:
        """What every :class:`Prediction` keeps of it."""
        kept = ("names", "representation", "provenance", "notes")
        return {name: getattr(self, name) for name in kept}


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """What a prediction writes into an AnnData or a MuData.

    Attributes
    ----------
    obs : by name of a column, without ``polyome_``, its values, (n,); None removes the column.
    obsm : by key, without ``polyome_``, an array, (n, ...).
    """

    obs: dict[str, Any]
    obsm: dict[str, FloatArray] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Prediction(ABC):
    """What a fitted model says of records.

    Attributes
    ----------
    names : (n,), the records' names.
    representation : float32, (n, e * d).
    provenance : what the answers come from, for ``uns``.
    notes : what the user should know of them.
    """

    names: pd.Index
    representation: FloatArray
    provenance: dict[str, Any]
    notes: tuple[str, ...] = ()

    output_type: ClassVar[str]
    """The type of answer, a name in ``polyome.outputs.OUTPUTS``."""

    @property
    @abstractmethod
    def classes(self) -> tuple[str, ...]:
        """Names of the outputs, in their order."""

    @property
    @abstractmethod
    def outputs(self) -> FloatArray:
        """What metrics compare with the truth, (n, c)."""

    @abstractmethod
    def frame(self) -> pd.DataFrame:
        """One row per record: what ``predict`` returns and writes."""

    @abstractmethod
    def annotation(self) -> Annotation:
        """What is written beside records that came as an AnnData or a MuData."""

    @abstractmethod
    def beside(self, truth: np.ndarray) -> pd.DataFrame:
        """:meth:`frame` and last columns with the truth, as a model folder keeps it."""

    @classmethod
    @abstractmethod
    def scored(cls, table: pd.DataFrame, classes: tuple[str, ...]) -> dict[str, Any] | None:
        """Read what :meth:`beside` gave: fields of :class:`polyome.report.scored.Scored`.

        None where the table is no such thing.
        """

    def unaligned(self, score: FloatArray) -> "Prediction":
        """Keep the scores that records had before they were aligned, where they are shown."""
        del score
        return self

    @property
    def kept(self) -> dict[str, FloatArray]:
        """Arrays that a model folder keeps of the scored records."""
        return {"representation": np.ascontiguousarray(self.representation)}


def with_last(frame: pd.DataFrame, columns: dict[str, np.ndarray], what: str) -> pd.DataFrame:
    """A table with more columns at its end, whatever names it has already."""
    added = {f"{name} ({what})" if name in frame else name: v for name, v in columns.items()}
    return frame.assign(**added)
