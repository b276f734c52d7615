"""The expression task: predict measured values of DNA sequences."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from polyome._errors import listed
from polyome._types import FloatArray
from polyome.audit.findings import Finding
from polyome.audit.homology import shared_kmers, similar_groups
from polyome.audit.sequences import sequence_findings
from polyome.data.expression import simulate_expression, simulate_levels
from polyome.dna_value_baselines import gradient_boosting
from polyome.io.nucleotides import gc_share
from polyome.modalities import Modality
from polyome.modalities.sequence import RICH, SequenceModality
from polyome.splits import Split
from polyome.tasks.base import Baseline, Example, Grouping, Targets, Task
from polyome.tasks.genome import blocks, chromosomes
from polyome.tasks.regression import RegressionTask

FINEST_BP = 300
"""Length up to which a token stands for 4 bp: a value depends on single bases more than a class."""


@dataclass(kw_only=True)
class Expression(RegressionTask):
    """Predict one or several measured values of DNA sequences, such as expression.

    Parameters
    ----------
    sequence_column : where a table holds the sequences.
    feature_columns : numeric columns that come with each sequence, such as mRNA half-life: a list,
        or names with commas between them. An empty value is told to the model as missing.
    tokens, stride, kernel, anchor, composition, mutation_rate, both_strands, vocabulary_size,
    backbone, backbone_tuning, trust_remote_code : see
        :class:`polyome.modalities.sequence.SequenceModality`.

    See also :class:`polyome.tasks.regression.RegressionTask` for targets, and
    :class:`polyome.tasks.base.Task` for the parameters that all tasks share.
    """

    dropout: float = 0.1
    direct_weight: float = 0.3
    sequence_column: str = "sequence"
    feature_columns: str | list[str] | None = None
    tokens: str = "auto"
    stride: int | None = None
    kernel: int = 11
    anchor: str = "start"
    composition: int = 5
    mutation_rate: float = 0.0
    both_strands: bool = False
    vocabulary_size: int = 512
    backbone: str | None = None
    backbone_tuning: str = "full"
    trust_remote_code: bool = False

    name: ClassVar[str] = "expression"
    modality: ClassVar[str] = "sequence"
    estimator: ClassVar[str] = "ExpressionRegressor"
    direct_folds: ClassVar[int] = 3
    limits: ClassVar[tuple[str, ...]] = (
        "Windows must be cut as the training windows were: same length, strand and anchor.",
        "A random split of designs that differ by a few bases measures interpolation between them.",
        "Values are those of the assay and the cells that were measured; predicted effects of "
        "variants are associations, not causes.",
    )
    splits_by: ClassVar[dict[str, Grouping | None]] = Task.splits_by | {
        "chromosome": chromosomes,
        "blocks": blocks,
        "homology": lambda records: similar_groups(records.dna).astype(str),
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
            both_strands=self.both_strands,
            vocabulary_size=self.vocabulary_size,
            backbone=self.backbone,
            backbone_tuning=self.backbone_tuning,
            trust_remote_code=self.trust_remote_code,
            numbers=self._numbers(),
            finest_bp=FINEST_BP,
        )

    def _numbers(self) -> list[str]:
        """Names of the numeric columns."""
        given = self.feature_columns or []
        return [name.strip() for name in given.split(",")] if isinstance(given, str) else given

    def members(self, n_rows: int) -> int:
        """Five; two where there are many rows, which train longer; one backbone."""
        usual = 5 if n_rows < RICH else 2
        return self.num_members or (usual if self.backbone is None else 1)

    def training(self, n_rows: int, modality: Modality) -> dict[str, Any]:
        """Settings chosen on inner folds of the training parts of the sets in benchmarks/."""
        assert isinstance(modality, SequenceModality)
        epochs = 20 if n_rows < 3500 else 14 if n_rows < 8000 else 10 if n_rows < RICH else 7
        usual: dict[str, Any] = {"warmup_ratio": 0.15, "early_stopping": self.backbone is None}
        if self.backbone is None and modality.tokens_ == "composition":
            return usual | {
                "learning_rate": 1e-3,
                "num_train_epochs": 12,
                "batch_size": 128,
                "ema_decay": 0.98,
                "weight_decay": 0.3,
            }
        if self.backbone is None:
            return usual | {
                "learning_rate": 2e-3,
                "num_train_epochs": epochs,
                "batch_size": 128,
                "ema_decay": 0.98,
            }
        return usual | {
            "learning_rate": {"full": 5e-5, "lora": 5e-4, "frozen": 2e-3}[self.backbone_tuning],
            "num_train_epochs": 5,
            "batch_size": 32,
            "ema_decay": 0.0,
        }

    def features(self, modality: Modality, records: Any) -> Any:  # noqa: ANN401
        """Windows of letters, uint8 (n, length); each baseline makes its own features of them."""
        return modality.prepare(records).windows

    def kept_features(self, modality: Modality, records: Any) -> dict[str, FloatArray]:  # noqa: ANN401
        """GC content and its square, (n, 2); the numbers that come with the sequences."""
        assert isinstance(modality, SequenceModality)
        gc = np.nan_to_num(gc_share(records.dna), nan=0.5) - 0.5
        kept: dict[str, FloatArray] = {"gc_content": np.column_stack([4 * gc, 16 * gc**2])}
        if modality.numbers:
            kept["features_alone"] = modality.numbers_.read(records.table)
        return kept

    def baselines(self) -> dict[str, Baseline]:
        """Gradient boosting; the mean, GC alone and ridge regression are kept with the model."""
        return {"gradient_boosting": gradient_boosting}

    def audit(
        self,
        records: Any,  # noqa: ANN401
        targets: Targets,
        split: Split,
        target: str,
    ) -> list[Finding]:
        """Copies and near-copies of training designs among the test designs, by name."""
        del target, targets
        findings = sequence_findings(records.dna, None, split)
        if any(finding.kind == "near duplicates" for finding in findings):
            shared = shared_kmers(records.dna, split.test, split.train)
            names = [str(name) for name in records.table.index[split.test[shared]]]
            message = f"The test designs that are near-copies of training designs: {listed(names)}."
            findings.append(Finding("near copies", "note", message, {"designs": names}))
        return findings

    @classmethod
    def example(cls, *, seed: int = 0) -> Example:
        """Simulated sequences whose level counts the boxes in them."""
        return Example(simulate_levels(seed=seed), "level", "simulated sequences with 0 to 3 boxes")

    @classmethod
    def demo(cls) -> Example:
        """Simulated reporters of a known grammar."""
        return Example(
            simulate_expression(1500, 110),
            "expression",
            "simulated: 1,500 bacterial reporters of a known grammar; no method exceeds r = .9",
        )
