"""The cell modality: a cell's expression profile becomes tokens.

A segment is ``[M]``, which knows the whole profile, and a few module tokens, each a learned
combination of genes. Genes have no order, so tokens carry no position.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
import torch
from anndata import AnnData
from scipy import sparse
from scipy.sparse.linalg import eigsh
from torch import Tensor, nn

from polyome._errors import InputError
from polyome._types import BoolArray, Encoding, FloatArray, IntArray
from polyome.io.h5ad import read_many, write_h5ad
from polyome.modalities.alignment import align, class_moments
from polyome.modalities.base import Answers, Modality, ModalityEmbeddings
from polyome.modalities.expression import Expression, check_same_state, find_expression
from polyome.modalities.genes import GeneMatch, GeneVocabulary, match_genes, normalised
from polyome.modalities.profiles import (
    ProfileFeatures,
    dense,
    highly_variable,
    is_counted,
    moments,
    thinned,
)

_CLIP = 10.0  # standard deviations; beyond it a value says "much" and no more
_PCA_CELLS = 20_000
_ALIGN_CELLS = 4096


@dataclass(frozen=True, eq=False)
class CellRecords:
    """Cells of an AnnData, by position, with where their expression is to be read.

    Parameters
    ----------
    adata : may be backed by a file or a view.
    expression : the matrix of ``adata`` that holds the values, and what they are.
    rows : int, (n,), positions in ``adata``.
    profile : float32, (n, g), log-normalised over a vocabulary, once :meth:`CellModality.prepare`
        has read them.
    present : bool, (g,), the vocabulary's genes that the data measures.
    adjustment : float32, two (g,): scale and shift of each gene's z-score (see ``align``).
    """

    adata: AnnData
    expression: Expression
    rows: IntArray
    profile: "sparse.csr_matrix | FloatArray | None" = None
    present: BoolArray | None = None
    adjustment: tuple[FloatArray, FloatArray] | None = None

    @property
    def table(self) -> pd.DataFrame:
        """``obs`` of these cells."""
        return self.adata.obs.iloc[self.rows]

    @property
    def notes(self) -> tuple[str, ...]:
        """Where values were read from, and how they were converted."""
        return tuple(self.expression.notes)

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, rows: IntArray) -> "CellRecords":
        """Some of the cells, by position among these."""
        profile = None if self.profile is None else self.profile[rows]
        return replace(self, rows=self.rows[rows], profile=profile)


class CellEmbeddings(ModalityEmbeddings):
    """Embeds standardised profiles: ``[M]``, the whole profile, and gene modules.

    Parameters
    ----------
    hidden_size : width ``d`` of a token.
    spec : see :class:`ProfileFeatures`; ``num_modules`` m.
    """

    module_width = 16

    def __init__(self, hidden_size: int, spec: dict[str, Any]) -> None:
        super().__init__(hidden_size)
        modules = spec["num_modules"]
        self.features = ProfileFeatures(spec)
        self.profile = nn.Linear(self.features.width, hidden_size)
        self.module_identity = nn.Parameter(torch.zeros(modules, hidden_size))
        self.module_in = nn.Linear(self.features.width, modules * self.module_width)
        self.module_out = nn.Parameter(torch.zeros(modules, self.module_width, hidden_size))

    def start_at_random(self) -> None:
        """Draw the learned tokens."""
        super().start_at_random()
        nn.init.normal_(self.module_identity, std=0.02)
        nn.init.normal_(self.module_out, std=self.module_width**-0.5)

    def forward(self, **inputs: Tensor) -> tuple[Tensor, None]:
        """``values``, z-scores (b, g) -> tokens (b, 1 + m, d); there is no padding."""
        features = self.features(inputs["values"])  # (b, f)
        modules = self.module_in(features).unflatten(-1, (-1, self.module_width))  # (b, m, w)
        tokens = torch.einsum("bmw,mwd->bmd", modules, self.module_out) + self.module_identity
        return self.open_segment(tokens, summary=self.profile(features)), None


class CellModality(Modality):
    """Expression profiles of single cells.

    Parameters
    ----------
    layer : where values are: ``"X"``, ``"raw"`` or a layer; None looks for the first usable one.
    gene_column : column of ``var`` with the gene names; None uses ``var_names``.
    num_genes : highly variable genes that the model reads; all where there are fewer.
    num_components : principal components of the fixed projection; None chooses by the number of
        genes (``usual_components`` above ``panel_genes``, else 0: a trained map from every gene).
    num_modules : gene-module tokens.
    input_dropout : mean share of genes hidden from the model while training.
    component_shift : random shift of the components while training, in standard deviations.
    least_depth : while training, each cell is thinned to a share of its molecules between this
        and 1, evenly on the log scale.
    """

    name: ClassVar[str] = "cell"
    reading_options: ClassVar[tuple[str, ...]] = ("layer", "gene_column")
    answer_formats: ClassVar[tuple[str, ...]] = (".h5ad", ".csv")
    panel_genes: ClassVar[int] = 500

    def __init__(
        self,
        layer: str | None = None,
        gene_column: str | None = None,
        *,
        num_genes: int = 1750,
        num_components: int | None = None,
        usual_components: int = 20,
        num_modules: int = 4,
        input_dropout: float = 0.3,
        component_shift: float = 0.1,
        least_depth: float = 0.6,
        seed: int = 0,
    ) -> None:
        self.layer = layer
        self.gene_column = gene_column
        self.num_genes = num_genes
        self.num_components = num_components
        self.usual_components = usual_components
        self.num_modules = num_modules
        self.input_dropout = input_dropout
        self.component_shift = component_shift
        self.least_depth = least_depth
        self.seed = seed
        self._matches: WeakKeyDictionary[Expression, GeneMatch] = WeakKeyDictionary()

    def read(self, source: Any, **reading: Any) -> CellRecords:  # noqa: ANN401
        """View an AnnData, an h5ad file or several as cells; nothing is copied."""
        if isinstance(source, CellRecords):
            return source
        if not isinstance(source, AnnData):
            check_source(source)
            paths = source if isinstance(source, list) else [source]
            source = read_many([Path(path) for path in paths], backed=len(paths) == 1)
        where = {"layer": self.layer, "gene_column": self.gene_column}
        if hasattr(self, "vocabulary_"):
            where = _as_far_as_there(source, where)
        where |= reading
        expression = find_expression(source, **where, allow_scaled=True)
        if "source" in source.obs.columns:
            check_same_state(expression, source.obs["source"])
        if hasattr(self, "vocabulary_"):
            match = match_genes(self.vocabulary_, expression)
            expression = replace(expression, notes=(*expression.notes, *match.notes))
            self._matches[expression] = match
        return CellRecords(source, expression, np.arange(source.n_obs))

    def fit(self, records: CellRecords) -> Self:
        """Learn genes, means and spreads, and principal components."""
        self.vocabulary_ = GeneVocabulary.fit(records.expression, records.rows)
        if self.vocabulary_.is_scaled:
            self.layer = records.expression.layer  # a query's counts would not do
        self.selected_: IntArray = np.arange(len(self.vocabulary_))
        everything: Any = self.prepare(records).profile
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
        self.num_anchors_ = min(ProfileFeatures.num_anchors, most)
        self.components_, self.spreads_, self.noise_ = self._components(records)
        return self

    def spec(self) -> dict[str, Any]:
        """Sizes for :class:`CellEmbeddings`."""
        return {
            "num_genes": len(self.selected_),
            "num_components": self.num_components_,
            "num_anchors": self.num_anchors_,
            "num_modules": self.num_modules,
            "input_dropout": self.input_dropout,
            "component_shift": self.component_shift,
        }

    @staticmethod
    def embeddings(config: Any, spec: dict[str, Any]) -> CellEmbeddings:  # noqa: ANN401
        """Build the embeddings."""
        return CellEmbeddings(config.hidden_size, spec)

    @staticmethod
    def features(spec: dict[str, Any]) -> ProfileFeatures:
        """Build what the direct path reads."""
        return ProfileFeatures(spec)

    def start_from(self, module: nn.Module, records: CellRecords) -> None:
        """Give every fixed projection in a module the components of these cells."""
        components, spreads, _ = self._components(records)
        for part in module.modules():
            if isinstance(part, ProfileFeatures):
                part.get_buffer("components").copy_(torch.from_numpy(components))
                part.get_buffer("spreads").copy_(torch.from_numpy(spreads))

    def prepare(self, records: CellRecords) -> CellRecords:
        """Read and log-normalise the cells once, over the genes that the model reads."""
        if records.profile is not None:
            return records
        match = self._matches.get(records.expression)
        if match is None:
            match = match_genes(self.vocabulary_, records.expression)
            self._matches[records.expression] = match
        values = normalised(self.vocabulary_, match, records.expression, records.rows)
        present = match.present[self.selected_]
        return replace(records, profile=values[:, self.selected_], present=present)

    def augmented(self, records: CellRecords, rng: np.random.Generator) -> CellRecords:
        """Thin the molecules of each cell, as if it had been sequenced less."""
        if not self.is_counted_ or self.least_depth >= 1:
            return records
        records = self.prepare(records)
        return replace(records, profile=thinned(records.profile, self.least_depth, rng))

    def encode(self, records: CellRecords) -> list[Encoding]:
        """``values``, float32 (g,): z-scores, clipped; missing genes as the others suggest."""
        return [{"values": row} for row in self.standardised(records)]

    def standardised(self, records: CellRecords) -> FloatArray:
        """Z-scores, float32 (n, g).

        Genes that the data does not measure get their expectation given the others under
        probabilistic PCA (Tipping and Bishop 1999, section 3.3).
        """
        records = self.prepare(records)
        z = dense(records.profile)
        z -= self.means_
        z /= self.scales_
        np.clip(z, -_CLIP, _CLIP, out=z)
        if records.adjustment is not None:
            z = z * records.adjustment[0] + records.adjustment[1]
            np.clip(z, -_CLIP, _CLIP, out=z)
        if records.present is not None and not records.present.all():
            z[:, ~records.present] = z[:, records.present] @ self._completion(records.present)
        return z.astype(np.float32, copy=False)

    def reference(
        self, records: CellRecords, truth: IntArray, num_classes: int
    ) -> dict[str, FloatArray]:
        """Moments of each class, for :meth:`align`."""
        means, variances = class_moments(self.standardised(records), truth, num_classes)
        return {"reference.means": means, "reference.variances": variances}

    def align(
        self,
        records: CellRecords,
        proba: Callable[[CellRecords], FloatArray],
        reference: dict[str, FloatArray],
    ) -> CellRecords:
        """Shift and scale the query's genes to the reference (see `modalities/alignment.py`)."""

        def chunks() -> Iterator[FloatArray]:
            for start in range(0, len(records), _ALIGN_CELLS):
                rows = np.arange(start, min(start + _ALIGN_CELLS, len(records)))
                yield self.standardised(records.take(rows))

        adjustment = align(
            lambda adjusted: proba(replace(records, adjustment=adjusted)),
            chunks,
            reference["reference.means"],
            reference["reference.variances"],
        )
        return replace(records, adjustment=adjustment)

    def anchor_noise(self, records: CellRecords) -> FloatArray | float:
        """What completing missing genes adds to the components' covariance, (k, k).

        Under probabilistic PCA a gene has the same noise beyond the components, present or not;
        the components of fewer genes average it out less.
        """
        present = self.prepare(records.take(np.arange(min(1, len(records))))).present
        if present is None or present.all():
            return 0.0
        kept = self.components_[: self.num_anchors_]
        reading = kept[:, present].T + self._completion(present) @ kept[:, ~present].T
        return np.asarray(self.noise_ * (reading.T @ reading - np.eye(len(kept))))

    def _completion(self, present: BoolArray) -> FloatArray:
        """Linear map from present to missing genes, float32 (present, missing)."""
        known, missing = self.components_[:, present], self.components_[:, ~present]
        shrunk = known @ known.T + np.diag(self.noise_ / self.spreads_**2)
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
        settings = {
            "layer": self.layer,
            "gene_column": self.gene_column,
            "num_genes": self.num_genes,
            "num_components": self.num_components_,
            "num_modules": self.num_modules,
            "input_dropout": self.input_dropout,
            "component_shift": self.component_shift,
            "least_depth": self.least_depth,
            "seed": self.seed,
        }
        learned = {
            "vocabulary": self.vocabulary_.to_dict(),
            "is_counted": bool(self.is_counted_),
            "num_anchors": self.num_anchors_,
            "noise": float(self.noise_),
        }
        arrays = {name: getattr(self, f"{name}_") for name in _ARRAYS}
        return {"settings": settings, "learned": learned}, arrays

    @classmethod
    def from_state(cls, settings: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """Restore what :meth:`state` gave."""
        modality = cls(**settings["settings"])
        learned = settings["learned"]
        modality.vocabulary_ = GeneVocabulary.from_dict(learned["vocabulary"])
        modality.is_counted_ = learned["is_counted"]
        modality.num_anchors_ = learned["num_anchors"]
        modality.noise_ = learned["noise"]
        modality.num_components_ = settings["settings"]["num_components"]
        for name in _ARRAYS:
            setattr(modality, f"{name}_", arrays[name])
        return modality

    def write(self, records: CellRecords, answers: Answers, path: Path) -> None:
        """Write the AnnData with answers as h5ad; a backed file's matrix is copied, never read."""
        adata = records.adata if records.adata.isbacked else records.adata.copy()
        annotate(adata, answers)
        write_h5ad(adata, path)

    def _components(self, records: CellRecords) -> tuple[FloatArray, FloatArray, float]:
        """Principal components of cells (at most ``_PCA_CELLS``).

        Returns
        -------
        components : float32, (k, g), orthonormal, the largest first.
        spreads : float32, (k,), standard deviation of each.
        noise : variance per gene outside the components.
        """
        rows = np.arange(len(records))
        if len(rows) > _PCA_CELLS:
            rows = np.sort(np.random.default_rng(self.seed).choice(rows, _PCA_CELLS, replace=False))
        z = self.standardised(records.take(rows)).astype(np.float64)
        wanted = max(self.num_components_, self.num_anchors_)
        covariance = z.T @ z / len(z)
        genes = len(covariance)
        if genes > 3 * wanted:
            values, vectors = eigsh(covariance, wanted, v0=np.ones(genes))
        else:
            values, vectors = np.linalg.eigh(covariance)
        order = np.argsort(-values)[:wanted]
        values, vectors = values[order].clip(1e-6), vectors[:, order]
        vectors *= np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(wanted)])
        noise = max((np.trace(covariance) - values.sum()) / max(1, genes - wanted), 1e-6)
        return vectors.T.astype(np.float32), np.sqrt(values).astype(np.float32), float(noise)


_ARRAYS = ("selected", "means", "scales", "components", "spreads")


def annotate(adata: AnnData, answers: Answers) -> None:
    """Write answers into an AnnData, in place.

    ``obs["polyome_label"]``, ``obs["polyome_confidence"]``, ``obs["polyome_unknown_score"]``
    (above 1: refused), ``obsm["polyome_proba"]`` (columns: ``uns["polyome"]["classes"]``),
    ``obsm["X_polyome"]``, ``uns["polyome"]``.
    """
    adata.obs["polyome_label"] = pd.Categorical(answers.label)
    adata.obs["polyome_confidence"] = answers.confidence
    adata.obs["polyome_unknown_score"] = answers.unknown_score
    adata.obsm["polyome_proba"] = answers.proba.to_numpy()
    adata.obsm["X_polyome"] = answers.representation
    adata.uns["polyome"] = answers.provenance


def check_source(source: object) -> None:
    """Refuse what is neither an AnnData nor the path of a file nor a list of paths."""
    paths = source if isinstance(source, list) else [source]
    if not paths or not all(isinstance(path, str | Path) for path in paths):
        inside = f" of {type(paths[0]).__name__}" if isinstance(source, list) and paths else ""
        message = (
            f"an AnnData, an h5ad file or a list of h5ad files is needed; found "
            f"{type(source).__name__}{inside}. Several AnnData: anndata.concat makes them one."
        )
        raise InputError(message)


def _as_far_as_there(adata: AnnData, where: dict[str, str | None]) -> dict[str, str | None]:
    """Keep of the places that the training data was read from those that a query has as well."""
    layer, gene_column = where["layer"], where["gene_column"]
    has_layer = layer in adata.layers or layer == "X" or (layer == "raw" and adata.raw is not None)
    return {
        "layer": layer if has_layer else None,
        "gene_column": gene_column if gene_column in adata.var.columns else None,
    }
