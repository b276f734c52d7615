"""The classify task: one of several classes, told from any measurements."""

from dataclasses import dataclass
from typing import Any, ClassVar

from polyome.audit.findings import Finding
from polyome.baselines.tables import boosted_classes
from polyome.data.tables import load_table, simulate_table
from polyome.modalities import Modality
from polyome.outputs.targets import Targets
from polyome.splits import Split
from polyome.tasks.base import Baseline, Example
from polyome.tasks.input_findings import record_findings
from polyome.tasks.inputs import InputsTask, members_of_few, training_settings


@dataclass(kw_only=True)
class Classify(InputsTask):
    """Name the class of records with any measurements: tables of numbers, AnnData, MuData.

    Parameters
    ----------
    inputs : the groups of columns of a table, or the measurements of an AnnData or a MuData:
        ``NAME`` or ``NAME=MODALITY`` with commas between them; None: all numbers as one input.

    See also :class:`polyome.tasks.inputs.InputsTask` for inputs and
    :class:`polyome.tasks.base.Task` for the parameters that all tasks share.
    """

    name: ClassVar[str] = "classify"
    modality: ClassVar[str] = "features"
    estimator: ClassVar[str] = "Classifier"
    usual_inputs: ClassVar[str | None] = "features"
    usual_modality: ClassVar[str | None] = "features"
    limits: ClassVar[tuple[str, ...]] = (
        "It knows the classes of its training rows; others are refused as `unknown` only where "
        "they lie far from all of these.",
        "Rows of one person, batch or site on both sides of a split make a score too good: name "
        "their column with `--group`.",
    )

    def training(self, n_rows: int, modality: Modality) -> dict[str, Any]:
        """About 10 steps an epoch, in batches of 16 to 256."""
        del modality
        return training_settings(n_rows, learning_rate=1e-3, epochs=20, steps=10)

    def members(self, n_rows: int, modality: Modality) -> int:
        """Of few rows seven, so that each row is left aside by one and tells the weights."""
        del modality
        return self.num_members or members_of_few(n_rows)

    def baselines(self) -> dict[str, Baseline]:
        """Gradient boosting; the linear ones and the frequencies are kept with the model."""
        return {"gradient_boosting": boosted_classes}

    def audit(self, records: Any, targets: Targets, split: Split, target: str) -> list[Finding]:
        """Classes, copies of rows, inputs or columns that give the class away."""
        del target
        return record_findings(records, self.modalities(), targets, split)

    @classmethod
    def example(cls, *, seed: int = 0) -> Example:
        """Simulated records of three classes."""
        return Example(simulate_table(seed=seed), "group", "simulated records of three classes")

    @classmethod
    def demo(cls) -> Example:
        """Real measurements of 569 tumours."""
        return Example(
            load_table("breast_cancer"),
            "diagnosis",
            "569 real breast tumours, 30 measurements of nuclei (scikit-learn's breast_cancer)",
        )
