"""What a model of labels says of records."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from polyome._types import FloatArray
from polyome.outputs.prediction import Annotation, Prediction, with_last


@dataclass(frozen=True, kw_only=True)
class LabelPrediction(Prediction):
    """The labels of each record.

    Attributes
    ----------
    proba : DataFrame, (n, c): calibrated probability of each label.
    """

    proba: pd.DataFrame

    output_type: ClassVar[str] = "labels"

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels."""
        return tuple(map(str, self.proba.columns))

    @property
    def outputs(self) -> FloatArray:
        """Probabilities, (n, c)."""
        return self.proba.to_numpy()

    @property
    def label(self) -> np.ndarray:
        """Labels of probability .5 or more, joined by semicolons, object (n,)."""
        names = np.array(self.classes, dtype=object)
        return np.array([";".join(names[row >= 0.5]) for row in self.outputs], dtype=object)

    @property
    def confidence(self) -> FloatArray:
        """Probability of the least certain decision about a label, (n,)."""
        return np.asarray(np.maximum(self.outputs, 1 - self.outputs).min(axis=1))

    def frame(self) -> pd.DataFrame:
        """One row per record: label, confidence, a column per label."""
        shown = pd.DataFrame({"label": self.label, "confidence": self.confidence}, index=self.names)
        return shown.join(self.proba, rsuffix=" (label)")  # a label may be called "label"

    def annotation(self) -> Annotation:
        """Labels, confidence and probabilities; what an earlier class answer left goes."""
        columns = {"label": pd.Categorical(self.label), "confidence": self.confidence}
        left = dict.fromkeys(("unknown_score", "unaligned_score", "vote_share"))
        return Annotation(obs=columns | left, obsm={"proba": self.outputs})

    def beside(self, truth: np.ndarray) -> pd.DataFrame:
        """:meth:`frame` and the truth, (n, c), as ``truth_LABEL``."""
        columns = {f"truth_{name}": column for name, column in zip(self.classes, truth.T)}
        return with_last(self.frame(), columns, "truth")

    @classmethod
    def scored(cls, table: pd.DataFrame, classes: tuple[str, ...]) -> dict[str, Any] | None:
        """True labels as measured values, probabilities as predicted ones."""
        columns = list(map(str, table.columns))
        if columns[:2] != ["label", "confidence"] or len(columns) != 2 + 2 * len(classes):
            return None
        halves = table.iloc[:, 2 : 2 + len(classes)], table.iloc[:, 2 + len(classes) :]
        predicted, measured = (
            half.astype(np.float64).set_axis(list(classes), axis=1) for half in halves
        )
        return {"measured": measured, "predicted": predicted}
