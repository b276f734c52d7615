"""The cell-type task: name each cell of an AnnData."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from polyome._types import FloatArray
from polyome.audit.cells import cell_findings
from polyome.audit.findings import Finding
from polyome.data.catalogue import load_builtin
from polyome.data.simulate import simulate_cells
from polyome.modalities import MODALITIES, Modality
from polyome.modalities.cell import CellModality
from polyome.modalities.inputs import InputRecords, Inputs
from polyome.modalities.profiles.records import CellRecords
from polyome.outputs.targets import Targets
from polyome.splits import Split
from polyome.tasks.base import Example, Task
from polyome.tasks.inputs import input_features, input_findings, modality_names


@dataclass(kw_only=True)
class CellType(Task):
    """Annotate cell types in single-cell RNA-seq.

    Parameters
    ----------
    layer : where expression is: ``"X"``, ``"raw"`` or a layer; None looks for it.
    gene_column : column of ``var`` with gene names; None uses ``var_names``.
    feature_types : value of ``var["feature_types"]`` to read, or ``all``; None reads the genes.
    num_genes, num_components, num_modules, input_dropout, component_shift, least_depth : see
        :class:`polyome.modalities.profiles.modality.ProfileModality`.

    inputs : measurements of one cell, ``NAME`` or ``NAME=MODALITY`` with commas between them, such
        as ``rna,protein``; None reads expression alone. Cells may lack some of them.

    See also :class:`polyome.tasks.base.Task` for the parameters that all tasks share.
    """

    inputs: str | None = None
    layer: str | None = None
    gene_column: str | None = None
    feature_types: str | None = None
    num_genes: int = 2500
    num_components: int | None = None
    num_modules: int = 4
    input_dropout: float = 0.3
    component_shift: float = 0.1
    least_depth: float = 0.6

    name: ClassVar[str] = "cell-type"
    modality: ClassVar[str] = "cell"
    estimator: ClassVar[str] = "CellTypeClassifier"
    linear_weights: ClassVar[tuple[float, ...]] = (0.8, 0.95)
    limits: ClassVar[tuple[str, ...]] = (
        "It names what it was shown: kinds absent from training are refused as `unknown` only "
        "where they lie far from all training classes; look at the measured coverage above.",
        "Labels that were themselves made by clustering the same matrix make any score look "
        "better than it is.",
    )

    def build_modality(self, num_classes: int = 0) -> Modality:
        """Expression profiles, read as this task was told.

        Many classes need many components: with 68 classes 20 of them reach an accuracy of .858,
        100 of them .956 (scp1884_mini, benchmarks/).
        """
        if self.inputs is None:
            return self._expression(num_classes)
        kinds = modality_names(self.inputs)
        own = {"cell": lambda: self._expression(num_classes)}
        return Inputs({name: own.get(kind, MODALITIES[kind])() for name, kind in kinds.items()})

    def modality_class(self) -> type[Modality]:
        """Expression, or several inputs."""
        return CellModality if self.inputs is None else Inputs

    def _expression(self, num_classes: int) -> CellModality:
        return CellModality(
            self.layer,
            self.gene_column,
            feature_types=self.feature_types,
            num_genes=self.num_genes,
            num_components=self.num_components,
            usual_components=int(np.clip(1.5 * num_classes, 20, 100)),
            num_modules=self.num_modules,
            input_dropout=self.input_dropout,
            component_shift=self.component_shift,
            least_depth=self.least_depth,
            seed=self.seed,
        )

    def training(self, n_rows: int, modality: Modality) -> dict[str, Any]:
        """Settings measured on pbmc3k: about 15 steps an epoch, in batches of 16 to 256."""
        del modality
        return {
            "learning_rate": 1e-3,
            "num_train_epochs": 15,
            "warmup_ratio": 0.1,
            "ema_decay": 0.0,
            "early_stopping": True,
            "batch_size": int(2 ** np.clip(round(np.log2(n_rows / 15)), 4, 8)),
        }

    def features(self, modality: Modality, records: Any) -> FloatArray:
        """Z-scored log-normalised expression, float32 (n, g)."""
        if isinstance(modality, Inputs):
            return np.concatenate([*input_features(modality, records).values()], axis=1)
        assert isinstance(modality, CellModality)
        return modality.standardised(records)

    def kept_features(self, modality: Modality, records: Any) -> dict[str, FloatArray]:
        """Of several inputs each one's too, so that what each adds is seen."""
        kept = super().kept_features(modality, records)
        if isinstance(modality, Inputs):
            found = input_features(modality, records)
            kept |= {f"logistic_regression_{name}": x for name, x in found.items()}
        return kept

    def audit(
        self,
        records: Any,
        targets: Targets,
        split: Split,
        target: str,
    ) -> list[Finding]:
        """Classes, duplicate cells, library size as a shortcut, labels that are a clustering."""
        if isinstance(records, InputRecords):
            return input_findings(records, targets, split)
        assert isinstance(records, CellRecords)
        return cell_findings(
            records.expression.rows(records.rows),
            targets.truth,
            targets.labelled,
            split,
            target=target,
            is_scaled=records.expression.is_scaled,
            uns_keys=records.adata.uns.keys(),
            seed=self.seed,
        )

    @classmethod
    def example(cls, *, seed: int = 0) -> Example:
        """Simulated counts of three cell types."""
        return Example(simulate_cells(seed=seed), "cell_type", "simulated cells of three types")

    @classmethod
    def demo(cls) -> Example:
        """Scanpy's ``pbmc68k_reduced``: 700 real cells of 10 types."""
        return Example(
            load_builtin("pbmc68k_reduced"),
            "bulk_labels",
            "700 real PBMC (scanpy's pbmc68k_reduced)",
        )
