"""The promoter task: tell promoters, or any classes of DNA sequences, apart."""

from dataclasses import dataclass
from typing import Any, ClassVar

from polyome.audit.classes import class_findings
from polyome.audit.findings import Finding
from polyome.audit.sequences import sequence_findings
from polyome.baselines.dna import gradient_boosting
from polyome.data.promoters import simulate_promoters
from polyome.data.simulate import simulate_sequences
from polyome.modalities import Modality
from polyome.modalities.sequence import RICH
from polyome.outputs.targets import Targets
from polyome.splits import Split
from polyome.tasks.base import Baseline, Example
from polyome.tasks.dna import SequenceTask


@dataclass(kw_only=True)
class Promoter(SequenceTask):
    """Classify DNA sequences: promoter or not, or any other classes.

    See :class:`polyome.tasks.dna.SequenceTask` for the parameters of sequences, and
    :class:`polyome.tasks.base.Task` for those that all tasks share.
    """

    name: ClassVar[str] = "promoter"
    estimator: ClassVar[str] = "PromoterClassifier"
    linear_weights: ClassVar[tuple[float, ...]] = (0.5, 0.7)
    least_gain: ClassVar[float] = 0.01
    pools_calibrated: ClassVar[bool] = True
    error_correlation: ClassVar[float | None] = 0.8
    limits: ClassVar[tuple[str, ...]] = (
        "Every sequence gets one of the classes, whatever it is: there is no `unknown`.",
        "Windows must be cut as the training windows were: same length, strand and anchor.",
        "The proportion of promoters among the windows of a genome is far below that of any "
        "training set: read a scan by rank.",
    )
    shown_metrics: ClassVar[tuple[str, ...]] = ("mcc", "accuracy", "auroc", "log_loss", "ece")
    resampled_metrics: ClassVar[tuple[str, ...]] = ("mcc", "accuracy")
    head_dropout: ClassVar[float] = 0.3
    label_smoothing: ClassVar[float] = 0.0
    balances_classes: ClassVar[bool] = False

    def own_training(self, n_rows: int, modality: Modality) -> dict[str, Any]:
        """Chosen on inner folds of the training parts of six sets (benchmarks/).

        Of 41,000 human core promoters two members gave the other 6,000 an MCC of .706, .709 and
        .710 after 3, 4 and 5 epochs; the fifth costs a minute.
        """
        del modality
        few = 18 if n_rows < 2000 else 12 if n_rows < 3500 else 10  # recombined, they last longer
        return {"num_train_epochs": few if n_rows < RICH else 4}

    def longer(self, n_rows: int) -> int | None:
        """Twenty-four, for what recombination keeps from being memorised.

        On two inner folds of mouse promoters, whose classes hardly overlap, 24 epochs rather than
        10 lowered the log loss of three members from .068 and .087 to .048 and .066; where they do
        overlap, as E. coli's and human ones do, 15 or 18 raised it.
        """
        is_usual = self.backbone is None and self.tokens != "motif"
        return 24 if n_rows < RICH and is_usual else None

    def baselines(self) -> dict[str, Baseline]:
        """Gradient boosting; GC alone and logistic regression are kept with the model."""
        return {"gradient_boosting": gradient_boosting}

    def audit(
        self,
        records: Any,
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
            table,
            "label",
            "simulated: 3,000 promoters and background of a known grammar (4 members, to be short)",
            settings={"num_members": 4},
        )
