"""What every task supplies."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from polyome._errors import InputError
from polyome._types import FloatArray, IntArray
from polyome.audit.findings import Finding
from polyome.baselines.cells import BASELINES
from polyome.modalities import MODALITIES, Modality
from polyome.modalities.base import Records
from polyome.outputs import OUTPUTS, Output
from polyome.outputs.targets import TableWords, Targets
from polyome.settings import BelowOne, Count, Natural, Proportion, Seed, Settings
from polyome.splits import Split

Baseline = Callable[..., FloatArray | None]
Grouping = Callable[[Any], np.ndarray]
"""Records -> the group of each, (n,), whose rows stay on one side of a split."""


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

    Fields and class attributes that bear the name of a setting of the task's output type set it:
    see :class:`polyome.outputs.classes.Classes` and the others in :mod:`polyome.outputs`.

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
    output: ClassVar[str] = "classes"
    """The type of answer, a name in ``polyome.outputs.OUTPUTS``."""
    estimator: ClassVar[str]
    """Name of the task's public class, ``polyome.<estimator>``."""
    splits_by: ClassVar[dict[str, Grouping | None]] = {"random": None, "group": None}
    """What ``split_by`` may be, and how it groups records; None where the user's column does."""
    limits: ClassVar[tuple[str, ...]] = ()
    """What users of a model should know, for its card."""
    members_per_fold: ClassVar[int] = 1
    """Members with the same validation rows. Two tell what an ensemble of more would answer."""
    linear_folds: ClassVar[int] = 5
    """Folds over which the linear model and the detector of unknown records are cross-fitted."""
    predicts_profile: ClassVar[bool] = False
    """Whether an answer is a whole measurement, which is written as one."""

    @property
    def output_type(self) -> Output:
        """The type of answer, with this task's settings.

        Examples
        --------
        >>> from polyome.tasks import Promoter
        >>> Promoter(linear_weight=0.4).output_type.linear_weight
        0.4
        """
        output = OUTPUTS[self.output]
        return output(
            **{f.name: getattr(self, f.name) for f in fields(output) if hasattr(self, f.name)}
        )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.hidden_size % self.num_attention_heads:
            nearest = max(1, round(self.hidden_size / self.num_attention_heads))
            message = (
                f"hidden_size={self.hidden_size} is not divisible by num_attention_heads="
                f"{self.num_attention_heads}; hidden_size={self.num_attention_heads * nearest} is."
            )
            raise InputError(message)

    def for_source(self, source: Any, reading: dict[str, Any]) -> Self:
        """Settle what only a source can decide; by default the task stays as it is.

        It is settled before anything is read, and kept with the model.
        """
        del source, reading
        return self

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

    def targets(self, table: pd.DataFrame, target: Any, unlabelled: str | None) -> Targets:
        """Read the truth from the records' table: of a column, or of several."""
        return self.output_type.targets(table, target, unlabelled, self.table_words())

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
        output = self.output_type.for_scoring()
        return output.targets(table, target, unlabelled, self.table_words())

    def table_words(self) -> TableWords:
        """How messages name the table that the truth is read from."""
        modality = MODALITIES[self.modality]
        return TableWords(modality.table_name, modality.target_hint)

    def groupings(self) -> dict[str, Grouping | None]:
        """What ``split_by`` may be of the records that this task reads."""
        return self.splits_by

    def known_limits(self) -> tuple[str, ...]:
        """What users of a model of these settings should know, for its card."""
        return self.limits

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
        usual = 2 if modality.num_read == 1 else 1
        return usual if self.num_hidden_layers is None else self.num_hidden_layers

    @abstractmethod
    def audit(self, records: Records, targets: Targets, split: Split, target: str) -> list[Finding]:
        """What the user should know of the data before believing a score."""

    def features(self, modality: Modality, records: Records) -> Any:
        """(n, f), what the task's baselines read; by default what the modality has for them."""
        return modality.baseline_features(records)

    def kept_features(self, modality: Modality, records: Records) -> dict[str, FloatArray]:
        """By name of a linear baseline that is kept with the model, its features (n, f)."""
        return {self.output_type.linear: self.features(modality, records)}

    def joined_baselines(
        self, records: Any, answered: Mapping[str, FloatArray]
    ) -> dict[str, FloatArray]:
        """Baselines, (n, c), made of those that are kept with the model; by default none."""
        del records, answered
        return {}

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
