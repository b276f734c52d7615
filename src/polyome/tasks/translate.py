"""The translate task: all values of one measurement, told from the others."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from polyome._errors import InputError, listed
from polyome._types import FloatArray, IntArray
from polyome.audit.ceiling import split_half_ceiling
from polyome.audit.findings import Finding, Number
from polyome.baselines.tables import extra_trees, nearest_neighbours
from polyome.data.measurements import simulate_measurements
from polyome.io.feature_table import is_table
from polyome.io.measurements import choose, measurements_of, usual_modality
from polyome.modalities import MODALITIES, Modality
from polyome.modalities.input_records import InputRecords
from polyome.outputs.targets import Targets
from polyome.splits import Split
from polyome.tasks.base import Baseline, Example
from polyome.tasks.inputs import InputsTask, training_settings
from polyome.tasks.regression import RegressionTask


@dataclass(kw_only=True)
class Translate(InputsTask, RegressionTask):
    """Predict a whole measurement of records from their others: surface proteins from RNA.

    Values are learned and answered as the target's modality normalises them: proteins as centred
    log ratios of each cell.

    Parameters
    ----------
    target_modality : modality of the measurement that is predicted; None: by its name.
    cell_types : column of types; the mean of each type's values stands beside the scores, since a
        model that is no better than it has learned types, not values.

    See also :class:`polyome.tasks.inputs.InputsTask` for inputs,
    :class:`polyome.tasks.regression.RegressionTask` for targets, and
    :class:`polyome.tasks.base.Task` for the parameters that all tasks share.
    """

    target_transform: str = "standardise"
    target_modality: str | None = None
    cell_types: str | None = None

    name: ClassVar[str] = "translate"
    modality: ClassVar[str] = "cell"
    estimator: ClassVar[str] = "Translator"
    usual_inputs: ClassVar[str | None] = "rna"
    predicts_profile: ClassVar[bool] = True
    limits: ClassVar[tuple[str, ...]] = (
        "Within a cell type the values are nearly those of the type's mean; look at the baseline "
        "`cell_type_mean`.",
        "Values of another laboratory's antibodies may lie elsewhere.",
    )

    def training(self, n_rows: int, modality: Modality) -> dict[str, Any]:
        """About 15 steps an epoch, in batches of 16 to 256."""
        del modality
        return training_settings(n_rows, learning_rate=1e-3, epochs=20, steps=15)

    def members(self, n_rows: int, modality: Modality) -> int:
        """Four networks."""
        del n_rows, modality
        return self.num_members or 4

    def with_targets(self, records: InputRecords, target: Any) -> tuple[InputRecords, list[str]]:
        """Records whose table has the target's values, and their names.

        Raises
        ------
        InputError
            The target is among the inputs, is not in the source, or cannot be predicted.
        """
        if not isinstance(target, str):
            message = f"target={target!r}: the name of one measurement is needed, such as 'prot'."
            raise InputError(message)
        if is_table(records.source):
            message = "translate reads a MuData or an AnnData with several measurements, no table."
            raise InputError(message)
        if target in self.input_specs():
            message = f"target '{target}' is among the inputs too. Leave it out of --inputs."
            raise InputError(message)
        found = measurements_of(records.source)
        where = choose(found, target)
        modality = self._target_modality(where)
        names, values = modality.target_values(modality.read(found.named(where)))
        rows = found.rows_of(where)[found.table.index.get_indexer(records.table.index)]
        filled = np.where(rows[:, None] >= 0, values[rows], np.nan)
        table = records.table.drop(columns=[n for n in names if n in records.table])
        own = pd.DataFrame(filled, index=table.index, columns=names)
        return replace(records, table=pd.concat([table, own], axis=1)), list(names)

    def _target_modality(self, name: str) -> Modality:
        kind = self.target_modality or usual_modality(name)
        able = [known for known, own in MODALITIES.items() if own.can_be_predicted]
        if kind not in able:
            what = "its name says no modality" if kind is None else f"it is read as {kind}"
            message = (
                f"target '{name}': {what}, and {listed(able)} can be predicted. Say which with "
                "--set target_modality=NAME."
            )
            raise InputError(message)
        modality = MODALITIES[kind]
        usual = "clr" in getattr(modality, "normalisations", ())  # transfers best across studies
        made: Any = modality
        return made("clr") if usual else made()

    def column_baselines(
        self, table: pd.DataFrame, truth: FloatArray, training: IntArray, test: IntArray
    ) -> dict[str, FloatArray]:
        """Mean values of each test record's cell type over the training rows."""
        if self.cell_types is None:
            return {}
        if self.cell_types not in table:
            message = f"there is no column '{self.cell_types}' (cell_types)."
            raise InputError(message)
        types = table[self.cell_types].astype(str).to_numpy()
        values = pd.DataFrame(truth)
        means = values.groupby(types[training]).mean()
        found = means.reindex(types[test]).fillna(values.mean())
        return {"cell_type_mean": found.to_numpy()}

    def baselines(self) -> dict[str, Baseline]:
        """Extra trees and nearest neighbours on components; ridge regression is kept."""
        return {"extra_trees": extra_trees, "nearest_neighbours": nearest_neighbours}

    def audit(self, records: Any, targets: Targets, split: Split, target: str) -> list[Finding]:
        """How well any model could do, by the noise of counting alone."""
        found = measurements_of(records.source)
        modality = self._target_modality(choose(found, target))
        part: Any = modality.read(found.named(choose(found, target)))
        ceiling = split_half_ceiling(
            part.values, lambda counts: modality.target_values(replace(part, values=counts))[1],
            seed=self.seed,
        )  # fmt: skip
        if ceiling is None:
            return []
        names = modality.target_values(part)[0]
        numbers: dict[str, Number] = {
            name: round(float(r), 4) for name, r in zip(names, ceiling, strict=True)
        }
        message = (
            f"Noise of counting alone keeps every model below a mean r of {np.mean(ceiling):.3f} "
            f"(split-half; from {min(ceiling):.2f} to {max(ceiling):.2f})."
        )
        return [Finding("ceiling", "note", message, numbers)]

    def read(self, source: Any, reading: dict[str, Any], *, beside: Sequence[str] = ()) -> Any:
        """Read the inputs; the target is read by :meth:`with_targets`."""
        del beside
        return super().read(source, reading)

    @classmethod
    def example(cls, *, seed: int = 0) -> Example:
        """Simulated cells with RNA and proteins."""
        return Example(simulate_measurements(seed=seed), "prot", "simulated RNA and proteins")

    @classmethod
    def demo(cls) -> Example:
        """Simulated cells with RNA and proteins: none are built in that are real."""
        return Example(
            simulate_measurements(n_cells=600), "prot", "600 simulated cells, RNA and 12 proteins"
        )
