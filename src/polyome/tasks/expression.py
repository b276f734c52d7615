"""The expression task: predict measured values of DNA sequences."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from polyome._errors import listed
from polyome._types import FloatArray
from polyome.audit.findings import Finding
from polyome.audit.homology import have_relatives
from polyome.audit.sequences import sequence_findings
from polyome.baselines.dna_values import gradient_boosting
from polyome.data.expression import simulate_expression, simulate_levels
from polyome.modalities import Modality
from polyome.modalities.sequence import RICH, SequenceModality
from polyome.outputs.targets import Targets
from polyome.settings import Proportion, UpToHalf
from polyome.splits import Split
from polyome.tasks.base import Baseline, Example, Grouping
from polyome.tasks.dna import SequenceTask
from polyome.tasks.gene_blocks import FEWEST_ROWS, choose_block_weights
from polyome.tasks.genome import blocks
from polyome.tasks.regression import RegressionTask

_MANY_BASES = 5e6  # of all training sequences, from which an epoch is dear


@dataclass(kw_only=True)
class Expression(SequenceTask, RegressionTask):
    """Predict one or several measured values of DNA sequences, such as expression.

    Parameters
    ----------
    feature_columns : numeric columns that come with each sequence, such as mRNA half-life: a list,
        or names with commas between them. An empty value is told to the model as missing.

    See also :class:`polyome.tasks.regression.RegressionTask` for targets,
    :class:`polyome.tasks.dna.SequenceTask` for the parameters of sequences, and
    :class:`polyome.tasks.base.Task` for those that all tasks share.
    """

    feature_columns: str | list[str] | None = None
    tokens: str = "auto"
    mutation_rate: UpToHalf = 0.0
    recombination_rate: Proportion | None = 0.0

    name: ClassVar[str] = "expression"
    estimator: ClassVar[str] = "ExpressionRegressor"
    limits: ClassVar[tuple[str, ...]] = (
        "Windows must be cut as the training windows were: same length, strand and anchor.",
        "A random split of designs that differ by a few bases measures interpolation between them.",
        "Values are those of the assay and the cells that were measured; predicted effects of "
        "variants are associations, not causes.",
    )
    splits_by: ClassVar[dict[str, Grouping | None]] = SequenceTask.splits_by | {"blocks": blocks}
    bases_of_all: ClassVar[float] = 6e6  # of more epochs than those of classes
    finest_bp: ClassVar[int] = 300  # a value depends on single bases more than a class

    def numbers(self) -> list[str]:
        """Names of the numeric columns."""
        given = self.feature_columns or []
        return [name.strip() for name in given.split(",")] if isinstance(given, str) else given

    def own_training(self, n_rows: int, modality: Modality) -> dict[str, Any]:
        """Chosen on inner folds of the training parts of five sets (benchmarks/)."""
        assert isinstance(modality, SequenceModality)
        if modality.tokens_ == "composition":
            return {
                "learning_rate": 1e-3,
                "num_train_epochs": 24,  # on inner folds yeast prefers 30 to 20, E. coli 20 to 30
                "weight_decay": 0.3,
                "early_stopping": False,
            }
        epochs = 20 if n_rows < 3500 else 14 if n_rows < 8000 else 10 if n_rows < RICH else 5
        if n_rows * modality.length_ > _MANY_BASES:
            epochs = 3  # a fourth costs two minutes; r .841 instead of .828 on DREAM's inner rows
        return {"num_train_epochs": epochs, "early_stopping": True}

    def choose_settings(
        self,
        modality: Modality,
        records: Any,
        truth: Any,
        groups: np.ndarray | None,
    ) -> dict[str, Any]:
        """Choose how much each block of counts matters, where sequences are natural genes."""
        assert isinstance(modality, SequenceModality)
        known = (truth[..., 1] > 0).all(axis=1)
        if not modality.is_gene or not self.linear_weight > 0 or known.sum() < FEWEST_ROWS:
            return {}
        windows: Any = modality.prepare(records).windows
        weights, errors = choose_block_weights(
            windows[known],
            truth[known, :, 0],
            groups=None if groups is None else groups[known],
            seed=self.seed,
            start=modality.gene_start_,
        )
        modality.block_weights_ = weights
        return {"kernel": {"weights": weights, "squared_error": errors}}

    def chosen_settings(self, facts: dict[str, Any]) -> dict[str, str]:
        """The weights of blocks in words."""
        if "kernel" not in facts:
            return {}
        chosen = facts["kernel"]
        shown = ", ".join(f"{name} {weight:g}" for name, weight in chosen["weights"].items())
        errors = chosen["squared_error"]
        return {
            "kernel": f"genes are compared by {shown} (squared error on inner folds "
            f"{errors['before']}, now {errors['after']})"
        }

    def kept_features(self, modality: Modality, records: Any) -> dict[str, FloatArray]:
        """GC content and its square, (n, 2); the numbers that come with the sequences."""
        assert isinstance(modality, SequenceModality)
        kept = super().kept_features(modality, records)
        if modality.numbers:
            kept["features_alone"] = modality.numbers_.read(records.table)
        return kept

    def baselines(self) -> dict[str, Baseline]:
        """Gradient boosting; the mean, GC alone and ridge regression are kept with the model."""
        return {"gradient_boosting": gradient_boosting}

    def audit(
        self,
        records: Any,
        targets: Targets,
        split: Split,
        target: str,
    ) -> list[Finding]:
        """Copies and near-copies of training designs among the test designs, by name."""
        del target, targets
        findings = sequence_findings(records.dna, None, split)
        if any(finding.kind in ("near duplicates", "relatives") for finding in findings):
            shared = have_relatives(records.dna, split.test, split.train)
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
            "simulated: 1,500 bacterial reporters of a known grammar; no method exceeds r = .9 "
            "(4 members, to be short)",
            settings={"num_members": 4},
        )
