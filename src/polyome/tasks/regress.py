"""The regress task: one or several values, told from any measurements."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from polyome.audit.findings import Finding
from polyome.baselines.tables import boosted_values
from polyome.data.tables import load_table, simulate_table
from polyome.modalities import Modality
from polyome.outputs.targets import Targets
from polyome.splits import Split
from polyome.tasks.base import Baseline, Example
from polyome.tasks.input_findings import record_findings
from polyome.tasks.inputs import InputsTask, members_of_few, training_settings
from polyome.tasks.regression import RegressionTask


@dataclass(kw_only=True)
class Regress(InputsTask, RegressionTask):
    """Predict one or several values of records with any measurements.

    Parameters
    ----------
    inputs : the groups of columns of a table, or the measurements of an AnnData or a MuData:
        ``NAME`` or ``NAME=MODALITY`` with commas between them; None: all numbers as one input.

    See also :class:`polyome.tasks.inputs.InputsTask` for inputs,
    :class:`polyome.tasks.regression.RegressionTask` for targets, and
    :class:`polyome.tasks.base.Task` for the parameters that all tasks share.
    """

    name: ClassVar[str] = "regress"
    modality: ClassVar[str] = "features"
    estimator: ClassVar[str] = "Regressor"
    usual_inputs: ClassVar[str | None] = "features"
    usual_modality: ClassVar[str | None] = "features"
    limits: ClassVar[tuple[str, ...]] = (
        "It answers within the range of its training values, and is least sure at their ends.",
        "Rows of one person, batch or site on both sides of a split make a score too good: name "
        "their column with `--group`.",
    )

    def read(self, source: Any, reading: dict[str, Any], *, beside: Sequence[str] = ()) -> Any:
        """Read a source; the column of noise is no measurement either."""
        noise = [] if self.noise is None else [name.strip() for name in self.noise.split(",")]
        return super().read(source, reading, beside=[*beside, *noise])

    def training(self, n_rows: int, modality: Modality) -> dict[str, Any]:
        """About 10 steps an epoch, in batches of 16 to 256."""
        del modality
        return training_settings(n_rows, learning_rate=2e-3, epochs=30, steps=10)

    def members(self, n_rows: int, modality: Modality) -> int:
        """Of few rows seven, so that each row is left aside by one and tells the weights."""
        del modality
        return self.num_members or members_of_few(n_rows)

    def baselines(self) -> dict[str, Baseline]:
        """Gradient boosting; ridge regression and the mean are kept with the model."""
        return {"gradient_boosting": boosted_values}

    def audit(self, records: Any, targets: Targets, split: Split, target: str) -> list[Finding]:
        """Copies of rows, inputs or columns that give a value away."""
        del target
        return record_findings(records, self.modalities(), targets, split)

    @classmethod
    def example(cls, *, seed: int = 0) -> Example:
        """Simulated records whose level follows some of their numbers."""
        return Example(simulate_table(seed=seed), "level", "simulated records with a level")

    @classmethod
    def demo(cls) -> Example:
        """Real measurements of 442 people with diabetes."""
        return Example(
            load_table("diabetes"),
            "progression",
            "442 real people with diabetes, ten measurements (scikit-learn's diabetes)",
        )
