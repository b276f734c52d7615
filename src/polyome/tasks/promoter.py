"""The promoter task: tell promoters, or any classes of DNA sequences, apart."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from polyome._types import FloatArray
from polyome.audit.classes import class_findings
from polyome.audit.findings import Finding
from polyome.audit.homology import similar_groups
from polyome.audit.sequences import sequence_findings
from polyome.data.promoters import simulate_promoters
from polyome.data.simulate import simulate_sequences
from polyome.dna_baselines import gradient_boosting
from polyome.io.nucleotides import gc_share
from polyome.metrics import matthews
from polyome.modalities import Modality
from polyome.modalities.sequence import RICH, SequenceModality
from polyome.splits import Split
from polyome.tasks.base import Baseline, ClassificationTask, Example, Grouping, Metric, Targets
from polyome.tasks.genome import chromosomes


@dataclass(kw_only=True)
class Promoter(ClassificationTask):
    """Classify DNA sequences: promoter or not, or any other classes.

    Parameters
    ----------
    sequence_column : where a table holds the sequences.
    tokens, stride, kernel, anchor, composition, mutation_rate, both_strands, vocabulary_size,
    backbone, backbone_tuning, trust_remote_code : see
        :class:`polyome.modalities.sequence.SequenceModality`.

    See also :class:`polyome.tasks.base.Task` for the parameters that all tasks share.
    """

    dropout: float = 0.1
    direct_weight: float = 0.3
    sequence_column: str = "sequence"
    tokens: str = "nucleotide"
    stride: int | None = None
    kernel: int = 11
    anchor: str = "start"
    composition: int = 5
    mutation_rate: float = 0.05
    both_strands: bool = False
    vocabulary_size: int = 512
    backbone: str | None = None
    backbone_tuning: str = "full"
    trust_remote_code: bool = False

    name: ClassVar[str] = "promoter"
    modality: ClassVar[str] = "sequence"
    estimator: ClassVar[str] = "PromoterClassifier"
    direct_shares: ClassVar[tuple[float, ...]] = (0.15, 0.5, 0.7)
    least_gain: ClassVar[float] = 0.01
    direct_folds: ClassVar[int] = 3
    pools_calibrated: ClassVar[bool] = True
    limits: ClassVar[tuple[str, ...]] = (
        "Every sequence gets one of the classes, whatever it is: there is no `unknown`.",
        "Windows must be cut as the training windows were: same length, strand and anchor.",
        "The proportion of promoters among the windows of a genome is far below that of any "
        "training set: read a scan by rank.",
    )
    shown_metrics: ClassVar[tuple[str, ...]] = ("mcc", "accuracy", "auroc", "log_loss", "ece")
    splits_by: ClassVar[dict[str, Grouping | None]] = ClassificationTask.splits_by | {
        "chromosome": chromosomes,
        "homology": lambda records: similar_groups(records.dna).astype(str),
    }
    head_dropout: ClassVar[float] = 0.3
    label_smoothing: ClassVar[float] = 0.0
    balances_classes: ClassVar[bool] = False

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
        )

    def members(self, n_rows: int) -> int:
        """Five; two where there are many rows, which train longer; one backbone."""
        usual = 5 if n_rows < RICH else 2
        return self.num_members or (usual if self.backbone is None else 1)

    def training(self, n_rows: int, modality: Modality) -> dict[str, Any]:
        """Settings chosen on inner folds of the training parts of six sets (benchmarks/).

        Those of a backbone are customary ones; no real checkpoint was at hand to measure them.
        """
        del modality
        epochs = 12 if n_rows < 3500 else 10 if n_rows < RICH else 7
        usual = {"warmup_ratio": 0.15, "early_stopping": False}
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
        """GC content and its square, (n, 2)."""
        del modality
        gc = np.nan_to_num(gc_share(records.dna), nan=0.5) - 0.5
        return {"gc_content": np.column_stack([4 * gc, 16 * gc**2])}

    def baselines(self) -> dict[str, Baseline]:
        """Gradient boosting; GC alone and logistic regression are kept with the model."""
        return {"gradient_boosting": gradient_boosting}

    def interval_metrics(self) -> dict[str, Metric]:
        """MCC and accuracy."""
        return {"mcc": _mcc, "accuracy": super().interval_metrics()["accuracy"]}

    def audit(
        self,
        records: Any,  # noqa: ANN401
        targets: Targets,
        split: Split,
        target: str,
    ) -> list[Finding]:
        """Classes, copies and near-copies across the split, GC and length as shortcuts."""
        del target
        findings = class_findings(targets.truth, split)
        return findings + sequence_findings(records.dna, targets.truth, split)

    @classmethod
    def example(cls, *, seed: int = 0) -> Example:
        """Simulated sequences, half of them with a TATA box."""
        table = simulate_sequences(seed=seed)
        return Example(table, "label", "simulated sequences, half of them with a TATA box")

    @classmethod
    def demo(cls) -> Example:
        """Simulated promoters and dinucleotide-matched background."""
        table = simulate_promoters(3000)
        return Example(
            table, "label", "simulated: 3,000 promoters and background of a known grammar"
        )


def _mcc(truth: np.ndarray, answers: FloatArray, classes: tuple[str, ...]) -> float:
    best = np.asarray(classes)[answers.argmax(axis=1)]
    return matthews(truth.astype(str), best)
