"""What is learned of expression profiles: shared by cells and tissue."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
import torch
from torch import nn

from polyome._types import BoolArray, FloatArray, IntArray
from polyome.io.cells import READING, CellReading
from polyome.io.h5ad import write_h5ad
from polyome.io.joined import JOINED
from polyome.io.zarr_tables import write_zarr_table
from polyome.modalities.base import Modality
from polyome.modalities.profiles.components import profile_components
from polyome.modalities.profiles.features import (
    ProfileFeatures,
    dense,
    highly_variable,
    is_counted,
    moments,
)
from polyome.modalities.profiles.gene_names import shared
from polyome.modalities.profiles.gene_source import for_model
from polyome.modalities.profiles.genes import (
    DEPTH,
    GeneMatch,
    GeneVocabulary,
    match_genes,
    normalised,
    note_of_repeats,
)
from polyome.modalities.profiles.genomes import genome_notes
from polyome.modalities.profiles.matrix import ExpressionMatrix, find_expression
from polyome.modalities.profiles.records import (
    CellRecords,
    annotate,
    as_adata,
    as_far_as_there,
)
from polyome.outputs.classes_prediction import ClassPrediction

_MOST_OOD_FEATURES, _FEWEST_OOD_FEATURES, _CELLS_PER_OOD_FEATURE = 20, 5, 50
"""Components in which distance tells unseen kinds. With 20 of them for 560 cells 28 % of these very
cells were refused, with 11 one in ten (pbmc68k_reduced)."""
_LINEAR_COMPONENTS = 512
"""Components that the linear model may read. A penalised linear map of so many is nearly one of all
genes: of 256 components it was behind that (ten splits of pbmc68k_reduced: accuracy .849, of all
.857)."""
CLIP = 10.0  # standard deviations; beyond it a value says "much" and no more
_PCA_CELLS = 20_000
_ARRAYS = ("selected", "means", "scales", "components", "stds")


SAMPLED = 16
"""Cells whose expression tells a file from another one with cells of the same names."""


class ProfileModality(Modality):
    """A modality whose records are cells, each with an expression profile.

    Parameters
    ----------
    layer : where values are: ``"X"``, ``"raw"`` or a layer; None looks for the first usable one.
    gene_column : column of ``var`` with the gene names; None uses ``var_names``.
    feature_types : value of ``var["feature_types"]`` to read, or ``all``; None reads the genes.
    num_genes : highly variable genes that the model reads; all where there are fewer.
    num_components : principal components of the fixed projection; None chooses by the number of
        genes (``usual_components`` above ``panel_genes``, else 0: a trained map from every gene).
    num_modules : gene-module tokens.
    input_dropout : mean share of genes hidden from the model while training.
    component_shift : random shift of the components while training, in standard deviations.
    least_depth : while training, each cell is thinned to a share of its molecules between this
        and 1, evenly on the log scale.
    unit_variance : bring genes to a variance of 1 before components are taken; otherwise genes that
        vary much, as few but the markers of rare kinds do, count for more. Genes that are read one
        by one have it in any case.
    """

    reading_options: ClassVar[tuple[str, ...]] = (
        "layer",
        "gene_column",
        "feature_types",
        *READING,
    )
    target_hint: ClassVar[str] = (
        " Labels of CellRanger's files and of tables: --labels TABLE, with a column of cell names."
    )
    answer_formats: ClassVar[tuple[str, ...]] = (".h5ad", ".zarr", ".csv")
    is_portable: bool = True
    reads_expression: ClassVar[bool] = True
    panel_genes: ClassVar[int] = 500
    depth: ClassVar[float | None] = DEPTH
    """Library that profiles are brought to; None learns it from the training cells."""

    def __init__(
        self,
        layer: str | None = None,
        gene_column: str | None = None,
        *,
        feature_types: str | None = None,
        num_genes: int = 2500,
        num_components: int | None = None,
        usual_components: int = 20,
        num_modules: int = 4,
        input_dropout: float = 0.3,
        component_shift: float = 0.1,
        least_depth: float = 0.6,
        unit_variance: bool = True,
        seed: int = 0,
    ) -> None:
        self.layer = layer
        self.gene_column = gene_column
        self.feature_types = feature_types
        self.num_genes = num_genes
        self.num_components = num_components
        self.usual_components = usual_components
        self.num_modules = num_modules
        self.input_dropout = input_dropout
        self.component_shift = component_shift
        self.least_depth = least_depth
        self.unit_variance = unit_variance
        self.seed = seed
        self._matches: WeakKeyDictionary[ExpressionMatrix, GeneMatch] = WeakKeyDictionary()

    def read(self, source: Any, **reading: Any) -> CellRecords:
        """View an AnnData, a SpatialData's table or files of cells as cells, not copied."""
        if isinstance(source, CellRecords):
            return source
        return self.cells(source, **reading)

    def cells(self, source: Any, **reading: Any) -> CellRecords:
        """Find the expression of a source that is not yet viewed as cells."""
        given = {key: reading[key] for key in READING if key in reading}
        column = reading.get("gene_column") or self.gene_column
        files = as_adata(source, CellReading(gene_column=column, known=self._known(), **given))
        source = files.adata
        names = ("layer", "gene_column", "feature_types")
        where = {name: getattr(self, name) for name in names}
        if hasattr(self, "vocabulary_"):
            where = as_far_as_there(source, where)
        where |= {key: reading[key] for key in where if key in reading}
        is_joined = JOINED in source.uns and "source" in source.obs.columns
        find = partial(
            find_expression,
            source,
            feature_types=where["feature_types"],
            known=self.vocabulary_.names if hasattr(self, "vocabulary_") else (),
            sources=source.obs["source"] if is_joined else None,
        )
        expression = find(layer=where["layer"], gene_column=where["gene_column"], allow_scaled=True)
        if hasattr(self, "vocabulary_"):
            expression = for_model(
                source,
                expression,
                pd.Index(self.vocabulary_.names),
                find,
                layer=where["layer"],
                column_is_open=reading.get("gene_column") is None,
            )
            match = match_genes(self.vocabulary_, expression)
            genomes = genome_notes(expression, np.diff(match.columns.indptr) > 0)
            notes = (*files.notes, *expression.notes, *match.notes, *genomes)
            expression = replace(expression, notes=notes)
            self._matches[expression] = match
        else:
            repeats = note_of_repeats(expression.gene_names, expression)
            notes = (*files.notes, *expression.notes, *repeats, *genome_notes(expression))
            expression = replace(expression, notes=notes)
        return CellRecords(source, expression, np.arange(source.n_obs))

    def technical_numbers(self, records: CellRecords) -> dict[str, FloatArray]:
        """Library size, of values that are not scaled."""
        if records.expression.is_scaled:
            return {}
        counts = records.expression.rows(records.rows)
        return {"library size": np.asarray(counts.sum(axis=1), np.float64).ravel()}

    def _known(self) -> Callable[[pd.Index], int] | None:
        """Count the model's genes among names; nothing before it is fitted."""
        if not hasattr(self, "vocabulary_"):
            return None
        return partial(shared, known=pd.Index(self.vocabulary_.names))

    def fit(self, records: CellRecords) -> Self:
        """Learn genes, means and stds, and principal components."""
        self.vocabulary_ = GeneVocabulary.fit(records.expression, records.rows, depth=self.depth)
        if self.vocabulary_.is_scaled:
            self.layer = records.expression.layer  # a query's counts would not do
        self.selected_: IntArray = np.arange(len(self.vocabulary_))
        everything: Any = self.profiled(records).profile
        if not self.vocabulary_.is_scaled and len(self.selected_) > self.num_genes:
            self.selected_ = highly_variable(everything, self.num_genes)
        chosen = everything[:, self.selected_]
        self.means_, self.scales_ = moments(chosen)
        self.is_counted_ = not self.vocabulary_.is_scaled and is_counted(chosen)
        wanted = self.num_components
        if wanted is None:
            wanted = self.usual_components if len(self.selected_) > self.panel_genes else 0
        most = max(1, min(len(self.selected_), len(records)) - 1)
        self.num_components_ = min(wanted, most)
        if self.num_components_ and not self.unit_variance:
            self.scales_ = np.ones_like(self.scales_)
        self.num_linear_components_ = min(_LINEAR_COMPONENTS, most) if self.num_components_ else 0
        # Components of few cells fit their noise: these cells would look further away than new ones
        trusted = max(_FEWEST_OOD_FEATURES, len(records) // _CELLS_PER_OOD_FEATURE)
        self.num_ood_features_ = min(_MOST_OOD_FEATURES, trusted, most)
        wanted = max(self.num_components_, self.num_ood_features_)
        self.components_, self.stds_, self.noise_ = self._components(records, wanted)
        return self

    def learn_classes(self, records: CellRecords, truth: IntArray) -> None:
        """Learn how often the cells of each class express each gene."""
        self.vocabulary_ = self.vocabulary_.with_detection(records.expression, records.rows, truth)

    def overlap(self, names: pd.Index) -> float:
        """Share of the vocabulary's genes that these names have."""
        known = getattr(self, "vocabulary_", None)
        return 0.0 if known is None else float(pd.Index(known.names).isin(names).mean())

    def spec(self) -> dict[str, Any]:
        """Sizes for :class:`CellEmbeddings`."""
        return {
            "num_genes": len(self.selected_),
            "num_components": self.num_components_,
            "num_linear_components": self.num_linear_components_,
            "num_ood_features": self.num_ood_features_,
            "num_modules": self.num_modules,
            "input_dropout": self.input_dropout,
            "component_shift": self.component_shift,
        }

    def start_from(self, module: nn.Module, records: CellRecords) -> None:
        """Give every fixed projection in a module the components of these cells."""
        parts = [part for part in module.modules() if isinstance(part, ProfileFeatures)]
        kept = [len(part.get_buffer("components")) for part in parts]
        components, stds, _ = self._components(records, max(kept))
        for part, number in zip(parts, kept, strict=True):
            part.get_buffer("components").copy_(torch.from_numpy(components[:number]))
            part.get_buffer("stds").copy_(torch.from_numpy(stds[:number]))

    def prepare(self, records: Any) -> Any:
        """Read the cells once."""
        return self.profiled(records)

    def profiled(self, records: Any) -> Any:
        """Cells with their log-normalised expression over the genes that the model reads."""
        if records.profile is not None:
            return records
        match = self._matches.get(records.expression)
        if match is None:
            match = match_genes(self.vocabulary_, records.expression)
            self._matches[records.expression] = match
        values = normalised(self.vocabulary_, match, records.expression, records.rows)
        present = match.present[self.selected_]
        return replace(records, profile=values[:, self.selected_], present=present)

    def standardised(self, records: CellRecords) -> FloatArray:
        """Z-scores, float32 (n, g).

        Genes that the data does not measure get their expectation given the others under
        probabilistic PCA (Tipping and Bishop 1999, section 3.3).
        """
        records = self.profiled(records)
        z = dense(records.profile)
        z -= self.means_
        z /= self.scales_
        np.clip(z, -CLIP, CLIP, out=z)
        if records.adjustment is not None:
            z = z * records.adjustment[0] + records.adjustment[1]
            np.clip(z, -CLIP, CLIP, out=z)
        if records.present is not None and not records.present.all():
            z[:, ~records.present] = z[:, records.present] @ self._completion(records.present)
        return z.astype(np.float32, copy=False)

    def baseline_features(self, records: CellRecords) -> FloatArray:
        """Z-scored log-normalised expression."""
        return self.standardised(records)

    def baseline_width(self) -> int:
        """How many genes are read."""
        return len(self.selected_)

    def feature_names(self) -> list[str]:
        """Names of the genes that are read."""
        names = np.array(self.vocabulary_.names)[self.selected_]
        return [str(name) for name in names]

    def ood_noise(self, records: CellRecords) -> FloatArray | float:
        """What completing missing genes adds to the components' covariance, (k, k).

        Under probabilistic PCA a gene has the same noise beyond the components, present or not;
        the components of fewer genes average it out less.
        """
        present = self.profiled(records.take(np.arange(min(1, len(records))))).present
        if present is None or present.all():
            return 0.0
        kept = self.components_[: self.num_ood_features_]
        reading = kept[:, present].T + self._completion(present) @ kept[:, ~present].T
        return np.asarray(self.noise_ * (reading.T @ reading - np.eye(len(kept))))

    def _completion(self, present: BoolArray) -> FloatArray:
        """Linear map from present to missing genes, float32 (present, missing)."""
        known, missing = self.components_[:, present], self.components_[:, ~present]
        shrunk = known @ known.T + np.diag(self.noise_ / self.stds_**2)
        completion: FloatArray = known.T @ np.linalg.solve(shrunk, missing)
        return completion.astype(np.float32)

    def __getstate__(self) -> dict[str, Any]:
        """For pickle: matches belong to data that is not pickled along."""
        return self.__dict__ | {"_matches": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore from pickle."""
        self.__dict__ |= state | {"_matches": WeakKeyDictionary()}

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Vocabulary and settings; what was learned of the genes."""
        learned = {
            "vocabulary": self.vocabulary_.to_dict(),
            "is_counted": bool(self.is_counted_),
            "num_ood_features": self.num_ood_features_,
            "num_linear_components": self.num_linear_components_,
            "noise": float(self.noise_),
        }
        arrays = {name: getattr(self, f"{name}_") for name in _ARRAYS}
        return {"settings": self.settings(), "learned": learned}, arrays

    def settings(self) -> dict[str, Any]:
        """Arguments that make this modality again, for JSON; ``scales`` tell ``unit_variance``."""
        return {
            "layer": self.layer,
            "gene_column": self.gene_column,
            "feature_types": self.feature_types,
            "num_genes": self.num_genes,
            "num_components": self.num_components_,
            "num_modules": self.num_modules,
            "input_dropout": self.input_dropout,
            "component_shift": self.component_shift,
            "least_depth": self.least_depth,
            "seed": self.seed,
        }

    @classmethod
    def from_state(cls, settings: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """Restore what :meth:`state` gave."""
        modality = cls(**settings["settings"])
        learned = settings["learned"]
        modality.vocabulary_ = GeneVocabulary.from_dict(learned["vocabulary"])
        modality.is_counted_ = learned["is_counted"]
        modality.num_ood_features_ = learned["num_ood_features"]
        modality.num_linear_components_ = learned["num_linear_components"]
        modality.noise_ = learned["noise"]
        modality.num_components_ = settings["settings"]["num_components"]
        for name in _ARRAYS:
            setattr(modality, f"{name}_", arrays[name])
        return modality

    def keys(self, records: CellRecords) -> IntArray:
        """Of each cell's name, and of what a few express: many files number their cells alike."""
        keys = super().keys(records)
        some = np.sort(np.argsort(keys, kind="stable")[:SAMPLED])
        totals = np.asarray(records.expression.rows(records.rows[some]).sum(axis=1)).ravel()
        keys[some] += pd.util.hash_array(np.array([f"{total:.4g}" for total in totals], object))
        return keys

    def write(self, records: CellRecords, answers: ClassPrediction, path: Path) -> None:
        """Write the AnnData with answers as h5ad or zarr.

        The matrix of a backed h5ad is copied from file to file, not read.
        """
        if path.suffix == ".zarr":
            whole = records.adata.to_memory() if records.adata.isbacked else records.adata.copy()
            annotate(whole, answers)
            write_zarr_table(whole, path)
            return
        adata = records.adata if records.adata.isbacked else records.adata.copy()
        annotate(adata, answers)
        write_h5ad(adata, path)

    def _components(
        self, records: CellRecords, wanted: int
    ) -> tuple[FloatArray, FloatArray, float]:
        """So many principal components of cells (at most ``_PCA_CELLS``)."""
        rows = np.arange(len(records))
        if len(rows) > _PCA_CELLS:
            rows = np.sort(np.random.default_rng(self.seed).choice(rows, _PCA_CELLS, replace=False))
        return profile_components(self.standardised(records.take(rows)), wanted)
