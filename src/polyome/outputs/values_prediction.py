"""What a model of values says of records."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from polyome._types import FloatArray
from polyome.outputs.prediction import Annotation, Prediction, with_last


@dataclass(frozen=True, kw_only=True)
class ValuePrediction(Prediction):
    """Values of each record.

    Attributes
    ----------
    values : DataFrame, (n, c): the predicted value of each target.
    low, high : DataFrame, (n, c): ends of the prediction interval; None where none was learned.
    profile : the measurement that the values are, where they are one.
    """

    values: pd.DataFrame
    low: pd.DataFrame | None
    high: pd.DataFrame | None
    profile: str | None = None

    output_type: ClassVar[str] = "values"

    @property
    def classes(self) -> tuple[str, ...]:
        """The targets."""
        return tuple(map(str, self.values.columns))

    @property
    def outputs(self) -> FloatArray:
        """Values, (n, c)."""
        return self.values.to_numpy()

    def frame(self) -> pd.DataFrame:
        """One row per record: for each target its value and the ends of its interval."""
        columns: dict[str, Any] = {}
        for name in self.values.columns:
            columns[name] = self.values[name]
            if self.low is not None and self.high is not None:
                columns[f"{name}_low"] = self.low[name]
                columns[f"{name}_high"] = self.high[name]
        return pd.DataFrame(columns, index=self.names)

    def annotation(self) -> Annotation:
        """Each value and the ends of its interval."""
        return Annotation(
            obs={str(name): column.to_numpy() for name, column in self.frame().items()}
        )

    def beside(self, truth: np.ndarray) -> pd.DataFrame:
        """:meth:`frame` and the true values, (n, c): ``truth``, or ``truth_TARGET`` of many."""
        one = self.values.shape[1] == 1
        names = ["truth"] if one else [f"truth_{name}" for name in self.values.columns]
        return with_last(self.frame(), dict(zip(names, truth.T, strict=True)), "truth")

    @classmethod
    def scored(cls, table: pd.DataFrame, classes: tuple[str, ...]) -> dict[str, Any] | None:
        """Measured and predicted values."""
        columns = list(map(str, table.columns))
        if not columns or not columns[-1].startswith("truth") or not set(classes) <= set(columns):
            return None
        measured = table.iloc[:, -len(classes) :].set_axis(list(classes), axis=1)
        return {
            "measured": measured.apply(pd.to_numeric),
            "predicted": table[list(classes)].apply(pd.to_numeric),
        }
