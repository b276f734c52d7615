"""The cell-type task: name each cell of an AnnData."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from polyome._types import FloatArray
from polyome.audit.cells import cell_findings
from polyome.audit.findings import Finding
from polyome.data.catalogue import load_builtin
from polyome.data.simulate import simulate_cells
from polyome.modalities import Modality
from polyome.modalities.cell import CellModality
from polyome.modalities.input_records import InputRecords
from polyome.modalities.inputs import Inputs
from polyome.modalities.profiles.records import CellRecords
from polyome.outputs.targets import Targets
from polyome.settings import AtLeastZero, LeastDepth, Natural, NumGenes, UpToHalf
from polyome.splits import Split
from polyome.tasks.base import Example
from polyome.tasks.input_findings import cell_findings_of_inputs
from polyome.tasks.inputs import InputsTask


@dataclass(kw_only=True)
class CellType(InputsTask):
    """Annotate cell types in single-cell RNA-seq.

    Parameters
    ----------
    layer : where expression is: ``"X"``, ``"raw"`` or a layer; None looks for it.
    gene_column : column of ``var`` with gene names; None uses ``var_names``.
    feature_types : value of ``var["feature_types"]`` to read, or ``all``; None reads the genes.
    num_genes, num_components, num_modules, input_dropout, component_shift, least_depth : see
        :class:`polyome.modalities.profiles.modality.ProfileModality`.

    See also :class:`polyome.tasks.inputs.InputsTask` for cells with several measurements and
    :class:`polyome.tasks.base.Task` for the parameters that all tasks share.
    """

    layer: str | None = None
    gene_column: str | None = None
    feature_types: str | None = None
    num_genes: NumGenes = 2500
    num_components: Natural | None = None
    num_modules: Natural = 4
    input_dropout: UpToHalf = 0.3
    component_shift: AtLeastZero = 0.1
    least_depth: LeastDepth = 0.6

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

    def own_modalities(self, num_classes: int) -> dict[str, Callable[[], Modality]]:
        """Expression profiles, read as this task was told.

        Many classes need many components: with 68 classes 20 of them reach an accuracy of .858,
        100 of them .956 (scp1884_mini, benchmarks/).
        """
        beside_others = self.inputs is not None
        return {"cell": lambda: self._expression(num_classes, beside_others=beside_others)}

    def _expression(self, num_classes: int, *, beside_others: bool = False) -> CellModality:
        """Expression alone, or beside other inputs: then from 50 components of centred genes.

        Rare kinds are told by few genes that vary much. With these and the other settings for
        several inputs F1 of RNA alone was .820, before .781 (TEA-seq, four of five folds, one seed;
        what each setting does by itself was not measured).
        """
        return CellModality(
            self.layer,
            self.gene_column,
            feature_types=self.feature_types,
            num_genes=self.num_genes,
            num_components=self.num_components,
            usual_components=int(np.clip(1.5 * num_classes, 50 if beside_others else 20, 100)),
            num_modules=self.num_modules,
            input_dropout=self.input_dropout,
            component_shift=self.component_shift,
            least_depth=self.least_depth,
            unit_variance=not beside_others,
            seed=self.seed,
        )

    def training(self, n_rows: int, modality: Modality) -> dict[str, Any]:
        """Settings measured on pbmc3k: about 15 steps an epoch, in batches of 16 to 256.

        Of several inputs the validation rows also weigh networks and linear models, so they do not
        choose an epoch, too.
        """
        has_several = isinstance(modality, Inputs)
        return {
            "learning_rate": 1e-3,
            "num_train_epochs": 20 if has_several else 15,
            "warmup_ratio": 0.1,
            "ema_decay": 0.0,
            "early_stopping": not has_several,
            "batch_size": int(2 ** np.clip(round(np.log2(n_rows / 15)), 4, 8)),
        }

    def members(self, n_rows: int, modality: Modality) -> int:
        """Three; of several inputs four, in two rounds on two cores."""
        del n_rows
        return self.num_members or (4 if isinstance(modality, Inputs) else 3)

    @property
    def head_dropout(self) -> float:
        """Less where inputs are hidden at random, too."""
        return 0.5 if self.inputs is None else 0.3

    def features(self, modality: Modality, records: Any) -> FloatArray:
        """Z-scored log-normalised expression, float32 (n, g); of several inputs what each gives."""
        if isinstance(modality, CellModality):
            return modality.standardised(records)
        return super().features(modality, records)

    def audit(
        self,
        records: Any,
        targets: Targets,
        split: Split,
        target: str,
    ) -> list[Finding]:
        """Classes, duplicate cells, library size as a shortcut, labels that are a clustering."""
        if isinstance(records, InputRecords):
            return cell_findings_of_inputs(
                records, self.modalities(), targets, split, target=target, seed=self.seed
            )
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
