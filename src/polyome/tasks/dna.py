"""What tasks on DNA sequences share: how sequences are read, and how networks train on them."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from polyome._types import FloatArray
from polyome.audit.homology import homologous_groups
from polyome.io.nucleotides import gc_share
from polyome.modalities import Modality
from polyome.modalities.sequence import RICH, SequenceModality
from polyome.settings import (
    BelowOne,
    CompositionK,
    Count,
    OddCount,
    Proportion,
    UpToHalf,
    VocabularySize,
)
from polyome.tasks.base import Grouping, Task
from polyome.tasks.genome import chromosomes

MOTIF_TRAINING = {
    "learning_rate": 1e-3,
    "weight_decay": 0.1,
    "warmup_ratio": 0.07,
    "early_stopping": True,
}
"""Of tokens of motifs: relations are found late, after ten passes over 20,000 sequences. Measured
on classes, not on values or labels."""


@dataclass(kw_only=True)
class SequenceTask(Task):
    """A task whose records are DNA sequences.

    Parameters
    ----------
    sequence_column : where a table holds the sequences.
    tokens, stride, kernel, anchor, composition, mutation_rate, recombination_rate, both_strands,
    vocabulary_size, backbone, backbone_tuning, trust_remote_code : see
        :class:`polyome.modalities.sequence.SequenceModality`.
    """

    dropout: BelowOne = 0.1
    linear_weight: Proportion = 0.3
    sequence_column: str = "sequence"
    tokens: str = "nucleotide"
    stride: Count | None = None
    kernel: OddCount | None = None
    anchor: str = "start"
    composition: CompositionK = 5
    mutation_rate: UpToHalf = 0.05
    recombination_rate: Proportion | None = None
    both_strands: bool = False
    vocabulary_size: VocabularySize = 512
    backbone: str | None = None
    backbone_tuning: str = "full"
    trust_remote_code: bool = False

    modality: ClassVar[str] = "sequence"
    members_per_fold: ClassVar[int] = 2
    bases_of_all: ClassVar[float] = 12e6
    """Read by all members together in an epoch, about."""
    linear_folds: ClassVar[int] = 3
    finest_bp: ClassVar[int] = 120
    """Length up to which a token stands for 4 bp, and for more in longer sequences."""
    splits_by: ClassVar[dict[str, Grouping | None]] = Task.splits_by | {
        "chromosome": chromosomes,
        "homology": lambda records: homologous_groups(records.dna).astype(str),
    }

    def build_modality(self, num_classes: int = 0) -> Modality:
        """Sequences, read and tokenized as this task was told."""
        del num_classes
        return SequenceModality(
            self.sequence_column,
            self.tokens,
            stride=self.stride,
            kernel=self.kernel,
            anchor=self.anchor,
            composition=self.composition,
            mutation_rate=self.mutation_rate,
            recombination_rate=self.recombination_rate,
            both_strands=self.both_strands,
            vocabulary_size=self.vocabulary_size,
            backbone=self.backbone,
            backbone_tuning=self.backbone_tuning,
            trust_remote_code=self.trust_remote_code,
            numbers=self.numbers(),
            finest_bp=self.finest_bp,
        )

    def numbers(self) -> list[str]:
        """Names of numeric columns that come with each sequence."""
        return []

    def members(self, n_rows: int, modality: Modality) -> int:
        """Twelve to four, as many as few minutes allow; of many rows two; one backbone.

        On a fifth of the training rows of three sets, ten to twelve members rather than five
        lowered the squared error by .5 % (LaFleur), the log loss by 2 % (mouse and human TATA).
        Four did as well as eight on a fifth of a reporter assay with 13,000 rows, and of
        composition, where the linear model carries the answer, two on a fifth of E. coli's genes.
        """
        assert isinstance(modality, SequenceModality)
        if self.num_members or self.backbone is not None:
            return self.num_members or 1
        if modality.tokens_ == "composition":
            return 4
        few = int(np.clip(round(self.bases_of_all / (n_rows * modality.length_)), 4, 12))
        return few if n_rows < RICH else 2

    def training(self, n_rows: int, modality: Modality) -> dict[str, Any]:
        """Settings of a network of our own, or of a backbone.

        Those of a backbone are customary ones; no real checkpoint was at hand to measure them.
        """
        if self.backbone is None:
            usual = {"warmup_ratio": 0.15, "early_stopping": False, "batch_size": 128}
            usual |= {"learning_rate": 2e-3, "ema_decay": 0.98}
            if self.tokens == "motif":
                return usual | MOTIF_TRAINING | {"num_train_epochs": 24 if n_rows >= RICH else 60}
            return usual | self.own_training(n_rows, modality)
        return {
            "learning_rate": {"full": 5e-5, "lora": 5e-4, "frozen": 2e-3}[self.backbone_tuning],
            "num_train_epochs": 5,
            "batch_size": 32,
            "ema_decay": 0.0,
            "warmup_ratio": 0.15,
            "early_stopping": False,
        }

    @abstractmethod
    def own_training(self, n_rows: int, modality: Modality) -> dict[str, Any]:
        """What a task's own networks train with: epochs, and what differs from the usual."""

    def features(self, modality: Modality, records: Any) -> Any:
        """Windows of letters, uint8 (n, length); each baseline makes its own features of them."""
        return modality.prepare(records).windows

    def kept_features(self, modality: Modality, records: Any) -> dict[str, FloatArray]:
        """GC content and its square, (n, 2)."""
        del modality
        gc = np.nan_to_num(gc_share(records.dna), nan=0.5) - 0.5
        return {"gc_content": np.column_stack([4 * gc, 16 * gc**2])}
