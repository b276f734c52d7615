"""The multi-label task: any of several labels, such as which factors bind a sequence."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from polyome._types import FloatArray
from polyome.audit.findings import Finding
from polyome.audit.sequences import sequence_findings
from polyome.baselines.dna import gradient_boosting
from polyome.data.labels import simulate_labels
from polyome.io.nucleotides import Codes
from polyome.modalities import Modality
from polyome.modalities.sequence import RICH
from polyome.outputs.targets import Targets
from polyome.settings import UpToHalf
from polyome.splits import Split
from polyome.tasks.base import Baseline, Example
from polyome.tasks.dna import SequenceTask


@dataclass(kw_only=True)
class MultiLabel(SequenceTask):
    """Tell which of several labels DNA sequences have; a label may be missing for some of them.

    See :class:`polyome.tasks.dna.SequenceTask` for the parameters of sequences, and
    :class:`polyome.tasks.base.Task` for those that all tasks share. Validation rows choose the
    weight of the linear model, unless ``linear_weight`` is 0 or 1.
    """

    mutation_rate: UpToHalf = 0.0  # one base less in a motif, and a pair of motifs is another

    name: ClassVar[str] = "multilabel"
    output: ClassVar[str] = "labels"
    estimator: ClassVar[str] = "MultiLabelClassifier"
    limits: ClassVar[tuple[str, ...]] = (
        "Labels are answered one by one: that two labels exclude each other is not enforced.",
        "Windows must be cut as the training windows were: same length, strand and anchor.",
    )

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

    def baselines(self) -> dict[str, Baseline]:
        """Gradient boosting; frequencies, GC alone and logistic regression are kept too."""
        return {"gradient_boosting": boosting_by_label}

    def audit(self, records: Any, targets: Targets, split: Split, target: str) -> list[Finding]:
        """Copies and near-copies of training sequences in the test part."""
        del targets, target
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


def boosting_by_label(
    x_train: Codes,
    y_train: FloatArray,
    x_test: Codes,
    *,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> FloatArray | None:
    """Gradient boosting of each label on the rows where it is known, (n_test, c).

    ``y_train``, (n, c), is 0, 1 or NaN. None where boosting is dear.

    Examples
    --------
    >>> windows = np.tile(np.array([[1, 1], [2, 2]], np.uint8), (50, 1))
    >>> truth = np.tile([[0.0, 1.0], [1.0, 0.0]], (50, 1))
    >>> boosting_by_label(windows, truth, windows[:2]).round().tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    columns = []
    for column in y_train.T:
        known = np.isfinite(column)
        proba = gradient_boosting(
            x_train[known], column[known] == 1, x_test, seed=seed, groups=groups
        )
        if proba is None:
            return None
        columns.append(proba[:, 1])
    return np.stack(columns, axis=1)
