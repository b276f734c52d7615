"""What tasks share whose answer is one or several measured values."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from polyome._errors import InputError, listed, one_column
from polyome._types import FloatArray, IntArray
from polyome.io.missing import as_numbers, missing_words, words_note
from polyome.metrics import pearson, regression_metrics
from polyome.modalities import MODALITIES
from polyome.tasks.base import Metric, Task, column_of
from polyome.tasks.scales import TRANSFORMS
from polyome.tasks.targets import ValueTargets


@dataclass(kw_only=True)
class RegressionTask(Task):
    """A task whose answer is a value for each of one or several targets.

    Parameters
    ----------
    target_transform : how values are measured while training, undone on output: ``standardise``,
        ``log``, ``rank`` (to a normal distribution), or ``auto``: ``log`` where no value is
        negative and the largest is more than 100 times the median, else ``standardise``.
    noise : column with the standard deviation of each row's value over replicates, in the units of
        the target; rows that are surer count for more. Several are separated by commas, one a
        target.

    See also :class:`polyome.tasks.base.Task` for the parameters that all tasks share. Here rows
    choose the weight of the linear model, unless ``linear_weight`` is 0 or 1.
    """

    target_transform: str = "auto"
    noise: str | None = None

    head: ClassVar[str] = "regression"
    linear_baseline: ClassVar[str] = "ridge"
    names_kinds: ClassVar[bool] = False
    shown_metrics: ClassVar[tuple[str, ...]] = ("pearson", "spearman", "r2", "rmse")
    head_dropout: ClassVar[float] = 0.3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.target_transform not in ("auto", *TRANSFORMS):
            message = (
                f"target_transform={self.target_transform!r} is not known. "
                f"Known: {listed(('auto', *TRANSFORMS))}."
            )
            raise InputError(message)

    def targets(self, table: pd.DataFrame, target: Any, unlabelled: str | None) -> ValueTargets:
        """Values of one column or several; NaN, None and empty mean that there is none.

        ``target`` is a column's name, names separated by commas, or a list of names.
        """
        modality = MODALITIES[self.modality]
        if unlabelled is not None:
            message = f"unlabelled='{unlabelled}' is for classes; leave a missing value empty."
            raise InputError(message)
        names = named_columns(target, table)
        columns = [column_of(table, name, modality) for name in names]
        truth = np.column_stack([as_numbers(c, f"column '{n}'") for c, n in zip(columns, names)])
        missing = int((~np.isfinite(truth).any(axis=1)).sum())
        notes = [
            note
            for column, name in zip(columns, names)
            for note in words_note(missing_words(column), name, "no value")
        ]
        if missing:
            notes.append(
                f"{missing:,} of {len(table):,} rows have no value in {listed(names)}: neither "
                "fitted nor scored."
            )
        return ValueTargets(
            truth=truth,
            classes=(),
            notes=tuple(notes),
            names=names,
            variances=self._variances(table, names, modality.table_name),
            transform=self.target_transform,
        )

    def scored_targets(
        self,
        table: pd.DataFrame,
        target: Any,
        unlabelled: str | None,
    ) -> ValueTargets:
        """Values alone: how noisy they are matters to a fit only."""
        return replace(self, noise=None).targets(table, target, unlabelled)

    def _variances(
        self, table: pd.DataFrame, names: tuple[str, ...], where: str
    ) -> FloatArray | None:
        """Variance of each value over its replicates, (n, c), NaN where it is not known."""
        if self.noise is None:
            return None
        columns = named_columns(self.noise, table)
        if len(columns) != len(names):
            message = (
                f"noise names {len(columns)} columns for {len(names)} targets; one a target is "
                "needed."
            )
            raise InputError(message)
        found = [one_column(table, name, role="noise", where=where) for name in columns]
        return np.column_stack([_deviations(column) for column in found]) ** 2

    def head_spec(self, targets: IntArray | FloatArray, num_outputs: int) -> dict[str, Any]:
        """One output per target."""
        del targets
        return {
            "kind": self.head,
            "inputs": [self.modality],
            "num_labels": num_outputs,
            "dropout": self.head_dropout,
        }

    def score(
        self, truth: np.ndarray, answers: FloatArray, classes: tuple[str, ...]
    ) -> dict[str, Any]:
        """Means over targets of :func:`polyome.metrics.regression_metrics`; missing rows left out.

        ``truth`` and ``answers`` are (n, c).
        """
        del classes
        scores = []
        for true, guess in zip(truth.T, answers.T, strict=True):
            known = np.isfinite(true)
            scores.append(regression_metrics(true[known], guess[known]))
        found = {name: [s[name] for s in scores] for name in scores[0]}
        return {
            name: None if any(v is None for v in values) else float(np.mean(np.array(values)))
            for name, values in found.items()
        }

    def interval_metrics(self) -> dict[str, Metric]:
        """Pearson's r and R2."""
        return {"pearson": _mean_pearson, "r2": _mean_r2}


def named_columns(target: object, table: pd.DataFrame) -> tuple[str, ...]:
    """Names of columns: one, several with commas between them, or a list.

    Examples
    --------
    >>> named_columns("liver, brain", pd.DataFrame())
    ('liver', 'brain')
    """
    if isinstance(target, str):
        whole = target in table.columns
        names = [target] if whole else [name.strip() for name in target.split(",")]
    elif isinstance(target, Sequence) and all(isinstance(name, str) for name in target):
        names = list(target)
    else:
        names = []
    if not names or not all(names) or len(set(names)) < len(names):
        message = (
            f"target={target!r}: different names of columns are needed, such as 'liver,brain'."
        )
        raise InputError(message)
    return tuple(names)


def _deviations(column: "pd.Series[Any]") -> FloatArray:
    """Standard deviations, (n,); a negative one is refused, and a column without any."""
    values = as_numbers(column, f"column '{column.name}' (noise)")
    if np.isnan(values).all():
        message = (
            f"column '{column.name}' (noise) has no value at all; standard deviations are needed. "
            "Leave noise out where there are none."
        )
        raise InputError(message)
    negative = values < 0
    if negative.any():
        row = int(negative.argmax())
        message = (
            f"column '{column.name}' (noise) holds {values[row]:g} at record "
            f"'{column.index[row]}' ({int(negative.sum()):,} such rows); a standard deviation is "
            "0 or more. Leave unknown ones empty."
        )
        raise InputError(message)
    return values


def _mean_pearson(truth: np.ndarray, answers: FloatArray, classes: tuple[str, ...]) -> float | None:
    """Mean over targets of Pearson's r, quickly."""
    del classes
    found = []
    for true, guess in zip(truth.T, answers.T, strict=True):
        known = np.isfinite(true)
        found.append(pearson(true[known], guess[known]))
    return None if any(v is None for v in found) else float(np.mean(np.array(found)))


def _mean_r2(truth: np.ndarray, answers: FloatArray, classes: tuple[str, ...]) -> float | None:
    """Mean over targets of 1 - squared errors / squares about the mean; None where these are 0."""
    del classes
    if not np.isfinite(truth).any(axis=0).all():
        return None
    squares = np.nansum((truth - np.nanmean(truth, axis=0)) ** 2, axis=0)
    if not squares.all():
        return None
    return float(np.mean(1 - np.nansum((truth - answers) ** 2, axis=0) / squares))
