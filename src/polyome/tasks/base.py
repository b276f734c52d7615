"""What every task supplies, and what classification tasks share."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from polyome._errors import InputError, missing_column, one_column
from polyome._types import FloatArray, IntArray
from polyome.audit.findings import Finding
from polyome.baselines.cells import BASELINES
from polyome.labels import labels_as_text, reading_notes, without
from polyome.metrics import classification_metrics
from polyome.modalities import MODALITIES, Modality
from polyome.modalities.base import Records
from polyome.settings import BelowOne, Count, Natural, Proportion, Seed, Settings
from polyome.splits import Split
from polyome.tasks.targets import Targets as Targets  # where other rooms look for it

Baseline = Callable[..., FloatArray | None]
Grouping = Callable[[Any], np.ndarray]
"""Records -> the group of each, (n,), whose rows stay on one side of a split."""
Metric = Callable[[np.ndarray, FloatArray, tuple[str, ...]], float | None]


@dataclass(frozen=True)
class Example:
    """Built-in data to show and to test a task with.

    ``split_by`` is the split that suits it; ``settings`` are those of the task's class that keep it
    short.
    """

    source: Any
    target: str
    description: str
    split_by: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(kw_only=True)
class Task(Settings, ABC):
    """What is asked of records; its fields are the arguments of the task's public class.

    Parameters
    ----------
    hidden_size : width of tokens and representation.
    num_hidden_layers : layers of the trunk; None chooses 2, and 1 for several inputs.
    num_attention_heads : must divide ``hidden_size``.
    num_members : networks trained side by side whose answers are averaged; None chooses.
    dropout : on the trunk's residual branches.
    linear_weight : usual weight of the linear model in the answer, which validation rows may
        change; 0 and 1 are kept.
    seed : of all random numbers; one seed, one result.
    device : ``auto``, ``cpu``, ``cuda`` or ``mps``.
    quiet : no progress, no messages.
    """

    hidden_size: Count = 64
    num_hidden_layers: Natural | None = None
    num_attention_heads: Count = 4
    num_members: Count | None = None
    dropout: BelowOne = 0.3
    linear_weight: Proportion = 0.5
    seed: Seed = 0
    device: str = "auto"
    quiet: bool = False

    name: ClassVar[str]
    modality: ClassVar[str]
    head: ClassVar[str]
    estimator: ClassVar[str]
    """Name of the task's public class, ``polyome.<estimator>``."""
    shown_metrics: ClassVar[tuple[str, ...]]
    """Metrics that tables show, the first one first."""
    splits_by: ClassVar[dict[str, Grouping | None]] = {"random": None, "group": None}
    """What ``split_by`` may be, and how it groups records; None where the user's column does."""
    limits: ClassVar[tuple[str, ...]] = ()
    """What users of a model should know, for its card."""
    linear_weights: ClassVar[tuple[float, ...]] = ()
    """What the linear model's weight in the answer may be, beside ``linear_weight``."""
    least_gain: ClassVar[float] = 0.05
    """By what share another one must lower the log loss of validation rows."""
    members_per_fold: ClassVar[int] = 1
    """Members that leave the same rows aside. Two tell what an ensemble of more would answer."""
    linear_folds: ClassVar[int] = 5
    """Folds over which the linear model and the detector of unseen kinds are cross-fitted."""
    pools_calibrated: ClassVar[bool] = False
    """Whether weights are of the calibrated outputs of trunk and linear model, or the raw ones."""
    error_correlation: ClassVar[float | None] = None
    """Of trunk and linear model; with it the usual share falls where the linear model errs more."""
    balances_classes: ClassVar[bool] = True
    """Whether rare classes count for more than their number in the loss."""
    predicts_profile: ClassVar[bool] = False
    """Whether an answer is a whole measurement, which is written as one."""
    names_kinds: ClassVar[bool] = True
    """Whether an answer is a class, which can be voted on and looked for in a genome."""

    linear_baseline: ClassVar[str] = "logistic_regression"
    """What the linear model on all features is called as a baseline."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.hidden_size % self.num_attention_heads:
            nearest = max(1, round(self.hidden_size / self.num_attention_heads))
            message = (
                f"hidden_size={self.hidden_size} is not divisible by num_attention_heads="
                f"{self.num_attention_heads}; hidden_size={self.num_attention_heads * nearest} is."
            )
            raise InputError(message)

    def modality_class(self) -> type[Modality]:
        """What reads the records: the task's modality, or several inputs."""
        return MODALITIES[self.modality]

    def read(self, source: Any, reading: dict[str, Any], *, beside: Sequence[str] = ()) -> Any:
        """Read a source to fit it; ``beside`` names columns that are no measurement."""
        del beside
        return self.build_modality().read(source, **reading)

    @abstractmethod
    def build_modality(self, num_classes: int = 0) -> Modality:
        """Make the modality, not yet fitted, with this task's settings.

        ``num_classes`` may decide how much of a record is read; 0 where it is not known.
        """

    @abstractmethod
    def targets(
        self, table: pd.DataFrame, target: Any, unlabelled: str | None
    ) -> Targets:  # a column; several for values
        """Read the truth from the records' table."""

    def with_targets(self, records: Any, target: Any) -> tuple[Any, Any]:
        """Records whose table has the truth, and its columns; by default both as they are."""
        return records, target

    def column_baselines(
        self, table: pd.DataFrame, truth: FloatArray, training: IntArray, test: IntArray
    ) -> dict[str, FloatArray]:
        """Baselines that read columns of the table, (n_test, c) each; by default none.

        ``truth``, (n_train, c), is of the training rows.
        """
        del table, truth, training, test
        return {}

    def scored_targets(self, table: pd.DataFrame, target: Any, unlabelled: str | None) -> Targets:
        """Read the truth of records that are scored: without what only a fit asks for."""
        return self.targets(table, target, unlabelled)

    @abstractmethod
    def head_spec(self, targets: IntArray | FloatArray, num_outputs: int) -> dict[str, Any]:
        """Sizes and loss settings of the head, from training targets."""

    @abstractmethod
    def training(self, n_rows: int, modality: Modality) -> dict[str, Any]:
        """Default training settings for so many training rows."""

    def longer(self, n_rows: int) -> int | None:
        """Epochs that an ensemble may last instead of the usual ones; by default none."""
        del n_rows
        return None

    def exclude_near_test(self, records: Any, split: Split, split_by: str) -> Split:
        """Leave out training rows too near to the test part of a split by groups; by default none.

        ``split_by`` is the key of ``splits_by`` that made the split.
        """
        del records, split_by
        return split

    def inner_groups(self, records: Records, groups: np.ndarray | None) -> np.ndarray | None:
        """Group of each record, (n,), that stays on one side while validating inside the fit."""
        del records
        return groups

    def choose_settings(
        self, modality: Modality, records: Records, truth: IntArray, groups: np.ndarray | None
    ) -> dict[str, Any]:
        """Choose of a fitted modality what only the truth can decide; by default nothing.

        The records are training records only; ``groups`` are those of :meth:`inner_groups`.

        Returns
        -------
        What was chosen and why, by name, for the model's facts.
        """
        del modality, records, truth, groups
        return {}

    def chosen_settings(self, facts: dict[str, Any]) -> dict[str, str]:
        """What :meth:`choose_settings` chose, in words, from a model's facts."""
        del facts
        return {}

    def members(self, n_rows: int, modality: Modality) -> int:
        """How many networks to train for so many training rows."""
        del n_rows, modality
        return self.num_members or 3

    def layers(self, modality: Modality) -> int:
        """How many layers the trunk has; one tells inputs apart as well as two, and is quicker."""
        usual = 2 if len(modality.inputs()) == 1 else 1
        return usual if self.num_hidden_layers is None else self.num_hidden_layers

    @abstractmethod
    def audit(self, records: Records, targets: Targets, split: Split, target: str) -> list[Finding]:
        """What the user should know of the data before believing a score."""

    @abstractmethod
    def features(self, modality: Modality, records: Records) -> Any:
        """(n, f), what the task's baselines read."""

    def kept_features(self, modality: Modality, records: Records) -> dict[str, FloatArray]:
        """By name of a linear baseline that is kept with the model, its features (n, f)."""
        return {self.linear_baseline: self.features(modality, records)}

    def joined_baselines(
        self, records: Any, answered: Mapping[str, FloatArray]
    ) -> dict[str, FloatArray]:
        """Baselines, (n, c), made of those that are kept with the model; by default none."""
        del records, answered
        return {}

    @abstractmethod
    def score(
        self, truth: np.ndarray, answers: FloatArray, classes: tuple[str, ...]
    ) -> dict[str, Any]:
        """Metrics by name."""

    @abstractmethod
    def interval_metrics(self) -> dict[str, Metric]:
        """Metrics that are quick enough to resample, called as ``(truth, answers, classes)``."""

    @classmethod
    @abstractmethod
    def example(cls, *, seed: int = 0) -> Example:
        """Small built-in data on which the task can be learned in a second (tests, doctests)."""

    @classmethod
    @abstractmethod
    def demo(cls) -> Example:
        """Built-in data for ``polyome demo``."""

    def baselines(self) -> dict[str, Baseline]:
        """Cheap models that stand beside every score, by name."""
        return dict(BASELINES)


class ClassificationTask(Task):
    """A task whose answer is one of several classes."""

    head: ClassVar[str] = "classification"
    shown_metrics: ClassVar[tuple[str, ...]] = ("accuracy", "macro_f1", "auroc", "log_loss", "ece")
    head_dropout: ClassVar[float] = 0.5
    label_smoothing: ClassVar[float] = 0.05

    def targets(self, table: pd.DataFrame, target: str, unlabelled: str | None) -> Targets:
        """Labels as text; NaN, None, empty and ``unlabelled`` mean that there is none.

        ``unlabelled`` is a label, or several with commas between them.
        """
        column = column_of(table, target, MODALITIES[self.modality])
        values = labels_as_text(column)
        notes = reading_notes(column, values, target)
        if unlabelled is not None:
            values = without(values, unlabelled, column, target)
        missing = np.array([label is None for label in values], dtype=bool)
        if missing.any():
            notes.append(
                f"{int(missing.sum()):,} of {len(column):,} rows have no label in '{target}': "
                "neither fitted nor scored."
            )
        if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(
            column.dtype
        ):
            notes.append(f"'{target}' holds numbers; they are read as the names of classes.")
        return Targets(values, tuple(sorted(set(values[~missing]))), tuple(notes))

    def head_spec(self, targets: IntArray | FloatArray, num_outputs: int) -> dict[str, Any]:
        """Class weights go with the square root of the rarity of a class, mean 1 over records."""
        counts = np.bincount(targets.astype(np.int64), minlength=num_outputs).clip(1)
        weights = 1 / np.sqrt(counts) if self.balances_classes else np.ones(num_outputs)
        weights /= (weights * counts).sum() / counts.sum()
        return {
            "kind": self.head,
            "inputs": [self.modality],
            "num_labels": num_outputs,
            "label_smoothing": self.label_smoothing,
            "dropout": self.head_dropout,
            "class_weights": [float(weight) for weight in weights],
        }

    def score(
        self, truth: np.ndarray, answers: FloatArray, classes: tuple[str, ...]
    ) -> dict[str, Any]:
        """See :func:`polyome.metrics.classification_metrics`."""
        return dict(classification_metrics(truth, answers, classes))

    def interval_metrics(self) -> dict[str, Metric]:
        """Accuracy and macro F1."""
        return {"accuracy": _accuracy, "macro_f1": _macro_f1}


def column_of(table: pd.DataFrame, target: object, modality: type[Modality]) -> "pd.Series[Any]":
    """Look up the column with the truth."""
    if not isinstance(target, str):
        message = f"target={target!r}: the name of one column is needed."
        raise InputError(message)
    if target not in table.columns:
        error = missing_column(target, table.columns, role="target", where=modality.table_name)
        is_near = "Did you mean" in str(error)
        message = f"{error}{'' if is_near else modality.target_hint}"
        raise InputError(message)
    return one_column(table, target, role="target", where=modality.table_name)


def _best(answers: FloatArray, classes: tuple[str, ...]) -> np.ndarray:
    return np.asarray(classes)[answers.argmax(axis=1)]


def _accuracy(truth: np.ndarray, answers: FloatArray, classes: tuple[str, ...]) -> float:
    return float((truth.astype(str) == _best(answers, classes)).mean())


def _macro_f1(truth: np.ndarray, answers: FloatArray, classes: tuple[str, ...]) -> float:
    """Mean over the classes present in the truth of 2 TP / (2 TP + FP + FN)."""
    names, codes = np.unique(truth.astype(str), return_inverse=True)
    best = pd.Index(names).get_indexer(pd.Index(_best(answers, classes)))
    hits = np.bincount(codes[best == codes], minlength=len(names))
    said = np.bincount(best[best >= 0], minlength=len(names))
    return float((2 * hits / (said + np.bincount(codes))).mean())
