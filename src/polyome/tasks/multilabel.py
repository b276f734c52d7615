"""The multi-label task: any of several labels, told from sequences or from any measurements."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np

from polyome._errors import InputError
from polyome.audit.findings import Finding
from polyome.audit.sequences import sequence_findings
from polyome.baselines.dna import boosting_by_label
from polyome.baselines.tables import boosted_labels
from polyome.data.labels import simulate_labels
from polyome.io.sequence_source import holds_sequences
from polyome.modalities import Modality
from polyome.modalities.dna.records import SequenceRecords
from polyome.modalities.features import FeaturesModality
from polyome.modalities.input_records import InputRecords
from polyome.modalities.inputs import Inputs
from polyome.modalities.sequence import RICH
from polyome.outputs.targets import TableWords, Targets
from polyome.settings import BelowOne, Proportion, UpToHalf
from polyome.splits import Split
from polyome.tasks.base import Baseline, Example, Grouping, Task
from polyome.tasks.dna import SequenceTask
from polyome.tasks.input_findings import record_findings
from polyome.tasks.inputs import InputsTask, members_of_few, training_settings
from polyome.tasks.number_pieces import choose_pieces, pieces_in_words

PIECES = 16
"""Of each number's range at most, where no sequences are read."""


@dataclass(kw_only=True)
class MultiLabel(InputsTask, SequenceTask):
    """Tell which of several labels records have; a label may be missing for some of them.

    Parameters
    ----------
    inputs : measurements of each record, ``NAME`` or ``NAME=MODALITY`` with commas between them;
        None: its sequence, or of a source without sequences all its numbers as one input.

    See :class:`polyome.tasks.dna.SequenceTask` for the parameters of sequences,
    :class:`polyome.tasks.inputs.InputsTask` for inputs, and :class:`polyome.tasks.base.Task` for
    those that all tasks share. Validation rows choose the weight of the linear model, unless
    ``linear_weight`` is 0 or 1.
    """

    dropout: BelowOne = 0.1  # those of sequences, which both bases would else set
    linear_weight: Proportion = 0.3
    mutation_rate: UpToHalf = 0.0  # one base less in a motif, and a pair of motifs is another

    name: ClassVar[str] = "multilabel"
    output: ClassVar[str] = "labels"
    estimator: ClassVar[str] = "MultiLabelClassifier"
    usual_modality: ClassVar[str | None] = "features"
    limits: ClassVar[tuple[str, ...]] = (
        "Labels are answered one by one: that two labels exclude each other is not enforced.",
        "Windows must be cut as the training windows were: same length, strand and anchor.",
    )
    limits_of_inputs: ClassVar[tuple[str, ...]] = (
        limits[0],
        "Rows of one person, batch or site on both sides of a split make a score too good: name "
        "their column with `--group`.",
    )

    @property
    def reads_sequences(self) -> bool:
        """Whether records are sequences; else they have the inputs that were named."""
        return self.inputs is None

    def for_source(self, source: Any, reading: dict[str, Any]) -> Self:
        """Without named inputs: of a source without sequences its numbers are the input."""
        found = self.reads_sequences and (
            isinstance(source, SequenceRecords)
            or self.sequence_column != "sequence"
            or holds_sequences(source, self.sequence_column)
        )
        if found:
            return self
        told = self if self.inputs is not None else replace(self, inputs="features")
        told.check_no_sequence_settings(reading)
        return told

    def check_no_sequence_settings(self, reading: dict[str, Any]) -> None:
        """Refuse settings of sequences where none are read."""
        defaults = {f.name: f.default for f in fields(self)}
        own = {f.name for f in fields(SequenceTask)} - {f.name for f in fields(Task)}
        given = {name: getattr(self, name) for name in sorted(own)} | reading
        for name, value in given.items():
            if value is not None and value != defaults.get(name):
                message = (
                    f"{name}={value} is for sequences, and the inputs read are {self.inputs}. "
                    f"Leave it out, or name the column of sequences with --sequence-column."
                )
                raise InputError(message)

    def own_modalities(self, num_classes: int) -> dict[str, Callable[[], Modality]]:
        """Sequences, where they are the records; numbers perhaps in pieces of their range."""
        return {
            "sequence": lambda: SequenceTask.build_modality(self, num_classes),
            "features": partial(FeaturesModality, num_pieces=PIECES),
        }

    def choose_settings(
        self, modality: Modality, records: Any, truth: Any, groups: np.ndarray | None
    ) -> dict[str, Any]:
        """Choose whether numbers are read in pieces: a label may hang on a threshold.

        Of cells with one or two activated genes (2,160 training rows of Norman et al. 2019, one
        seed) AUPRC was .421 with up to 16 pieces, .409 with 8, .335 without; boosting .423.
        """
        if not isinstance(modality, Inputs):
            return super().choose_settings(modality, records, truth, groups)
        return choose_pieces(self.output_type, modality, records, truth, groups, seed=self.seed)

    def chosen_settings(self, facts: dict[str, Any]) -> dict[str, str]:
        """How numbers are read."""
        return pieces_in_words(facts)

    def table_words(self) -> TableWords:
        """Those of sequences, or of a table of numbers."""
        if self.reads_sequences:
            return super().table_words()
        return TableWords(FeaturesModality.table_name, FeaturesModality.target_hint)

    def groupings(self) -> dict[str, Grouping | None]:
        """By homology and chromosome where records are sequences."""
        return super().groupings() if self.reads_sequences else Task.splits_by

    def known_limits(self) -> tuple[str, ...]:
        """Those of what the records are."""
        return self.limits if self.reads_sequences else self.limits_of_inputs

    def training(self, n_rows: int, modality: Modality) -> dict[str, Any]:
        """Of inputs about 10 steps an epoch; of sequences see :meth:`own_training`."""
        if self.reads_sequences:
            return super().training(n_rows, modality)
        return training_settings(n_rows, learning_rate=2e-3, epochs=40, steps=10)

    def own_training(self, n_rows: int, modality: Modality) -> dict[str, Any]:
        """Many small steps: what motifs make together is learned after the motifs themselves.

        On simulated pairs of motifs (benchmarks/) the validation loss after two epochs of 3,200
        sequences was .31 in batches of 32 without mutations, of 1,600 in batches of 128 with
        mutations .49.
        """
        del modality
        epochs = 14 if n_rows < 3500 else 10 if n_rows < RICH else 5
        batch_size = 32 if n_rows < RICH else 128
        return {"num_train_epochs": epochs, "batch_size": batch_size, "early_stopping": True}

    def members(self, n_rows: int, modality: Modality) -> int:
        """As many as sequences of these numbers need; of inputs seven to three.

        Six answered the activated cells of :meth:`choose_settings` better than three: .415, .409.
        """
        if self.reads_sequences:
            return super().members(n_rows, modality)
        return self.num_members or members_of_few(n_rows // 4)

    def baselines(self) -> dict[str, Baseline]:
        """Gradient boosting; frequencies and logistic regression are kept with the model."""
        return {"gradient_boosting": boosting_by_label if self.reads_sequences else boosted_labels}

    def audit(self, records: Any, targets: Targets, split: Split, target: str) -> list[Finding]:
        """Copies of training records in the test part; inputs or columns that give a label away."""
        del target
        if isinstance(records, InputRecords):
            return record_findings(records, self.modalities(), targets, split)
        return sequence_findings(records.dna, None, split)

    @classmethod
    def example(cls, *, seed: int = 0) -> Example:
        """Simulated sequences with and without two boxes."""
        table = simulate_labels(240, 60, num_motifs=2, num_labels=2, seed=seed)
        target = "label 1,label 2"
        return Example(table, target, "simulated sequences with none, one or both of two motifs")

    @classmethod
    def demo(cls) -> Example:
        """Simulated sequences whose labels are told by motifs and by pairs of them."""
        return Example(
            simulate_labels(1500),
            ",".join(f"label {k + 1}" for k in range(12)),
            "simulated: 1,500 sequences, 12 labels told by motifs and their pairs (2 members, to "
            "be short)",
            settings={"num_members": 2},
        )
