"""What a model of classes says of records."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from polyome._types import FloatArray
from polyome.outputs.prediction import Annotation, Prediction, with_last


@dataclass(frozen=True, kw_only=True)
class ClassPrediction(Prediction):
    """One of several classes for each record.

    Attributes
    ----------
    label : object, (n,): a class, or ``unknown``.
    confidence : float, (n,): calibrated probability of the best class.
    proba : DataFrame, (n, c): calibrated probability of each class.
    unknown_score : float, (n,): distance from the training records; above 1 is refused.
    unaligned_score : float, (n,): ``unknown_score`` as it was before alignment; above
        ``unaligned_limit`` is refused. None where the query was not aligned.
    vote_share : float, (n,): proportion of each record's group that got the group's most frequent
        label; NaN for records without a group. None where nothing was voted.
    """

    label: np.ndarray
    confidence: FloatArray
    proba: pd.DataFrame
    unknown_score: FloatArray
    unaligned_score: FloatArray | None = None
    vote_share: FloatArray | None = None

    output_type: ClassVar[str] = "classes"

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes."""
        return tuple(map(str, self.proba.columns))

    @property
    def best(self) -> np.ndarray:
        """The best class of each record, also where it was refused, object (n,)."""
        classes = np.array(self.proba.columns, dtype=object)
        return np.asarray(classes[self.proba.to_numpy().argmax(axis=1)])

    @property
    def outputs(self) -> FloatArray:
        """Probabilities, (n, c)."""
        return self.proba.to_numpy()

    @property
    def scores(self) -> dict[str, FloatArray]:
        """What else is known of each record: both scores of an aligned query, shares of votes."""
        found: dict[str, FloatArray] = {}
        if self.unaligned_score is not None:
            found["unknown_score"] = self.unknown_score
            found["unaligned_score"] = self.unaligned_score
        if self.vote_share is not None:
            found["vote_share"] = self.vote_share
        return found

    def frame(self) -> pd.DataFrame:
        """One row per record: label, confidence, a column per class, then :attr:`scores`."""
        shown = pd.DataFrame({"label": self.label, "confidence": self.confidence}, index=self.names)
        shown = shown.join(self.proba, rsuffix=" (class)")  # a class may be called "label"
        return with_last(shown, self.scores, "score")

    def annotation(self) -> Annotation:
        """Label, confidence and scores; what an earlier answer left and this one lacks goes."""
        columns = {"label": pd.Categorical(self.label), "confidence": self.confidence}
        scores = ("unknown_score", "unaligned_score", "vote_share")
        columns |= {name: getattr(self, name) for name in scores}
        return Annotation(obs=columns, obsm={"proba": self.proba.to_numpy()})

    def beside(self, truth: np.ndarray) -> pd.DataFrame:
        """:meth:`frame` and a last column, ``truth``, with the true labels, (n,)."""
        return with_last(self.frame(), {"truth": truth}, "truth")

    @classmethod
    def scored(cls, table: pd.DataFrame, classes: tuple[str, ...]) -> dict[str, Any] | None:
        """True labels, labels and probabilities."""
        columns = list(map(str, table.columns))
        is_labels = columns[:2] == ["label", "confidence"] and len(columns) == 3 + len(classes)
        if not is_labels or not columns[-1].startswith("truth"):
            return None
        proba = table.iloc[:, 2:-1].astype(np.float64)
        proba.columns = pd.Index(classes)
        return {
            "truth": table.iloc[:, -1].to_numpy(dtype=str),
            "label": table["label"].to_numpy(dtype=str),
            "proba": proba,
        }

    def unaligned(self, score: FloatArray) -> "ClassPrediction":
        """Keep the scores that records had before they were aligned."""
        return replace(self, unaligned_score=score.astype(np.float32))

    @property
    def kept(self) -> dict[str, FloatArray]:
        """The distance from the training records too."""
        return super().kept | {"unknown_score": np.asarray(self.unknown_score, dtype=np.float64)}
