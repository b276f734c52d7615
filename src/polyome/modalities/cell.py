"""The cell modality: a cell's expression profile becomes tokens.

A segment is ``[M]``, which knows the whole profile, and a few module tokens, each a learned
combination of genes. Genes have no order, so tokens carry no position.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
import torch
from anndata import AnnData
from scipy import sparse
from sklearn.decomposition import PCA
from torch import Tensor, nn

from polyome._types import BoolArray, Encoding, FloatArray, IntArray
from polyome.io.h5ad import read_many, write_h5ad
from polyome.modalities.base import Answers, Modality, ModalityEmbeddings
from polyome.modalities.expression import Expression, check_same_state, find_expression
from polyome.modalities.genes import GeneMatch, GeneVocabulary, match_genes, normalised

_CLIP = 10.0  # standard deviations; beyond it a value says "much" and no more
_PCA_CELLS = 20_000


@dataclass(frozen=True, eq=False)
class CellRecords:
    """Cells of an AnnData, by position, with where their expression is to be read.

    Parameters
    ----------
    adata : may be backed by a file or a view.
    expression : the matrix of ``adata`` that holds the values, and what they are.
    rows : int, (n,), positions in ``adata``.
    values : float32, (n, g), log-normalised over a vocabulary, once :meth:`CellModality.prepare`
        has read them.
    present : bool, (g,), the vocabulary's genes that the data measures.
    adjustment : float32, two (g,): scale and shift of each gene's z-score (see ``align``).
    """

    adata: AnnData
    expression: Expression
    rows: IntArray
    values: "sparse.csr_matrix | FloatArray | None" = None
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
        values = None if self.values is None else self.values[rows]
        return replace(self, rows=self.rows[rows], values=values)


class CellEmbeddings(ModalityEmbeddings):
    """Embeds standardised profiles.

    With ``num_components`` the profile first passes a fixed projection on the principal components
    of the training cells, which is not trained: with thousands of genes and few cells a trained
    map overfits. Without, each gene has its own trained embedding, which small panels need.

    Parameters
    ----------
    hidden_size : width ``d`` of a token.
    spec : ``num_genes`` g, ``num_components`` k (0: none), ``num_modules`` m, ``input_dropout`` p.
    """

    module_width = 16
    num_anchors = 20

    def __init__(self, hidden_size: int, spec: dict[str, Any]) -> None:
        super().__init__(hidden_size)
        genes, components, modules = (
            spec["num_genes"],
            spec["num_components"],
            spec["num_modules"],
        )
        width = components or genes
        self.components: nn.Linear | None = None
        if components:
            self.components = nn.Linear(genes, components, bias=False).requires_grad_(False)
        self.profile = nn.Linear(width, hidden_size)
        self.module_identity = nn.Parameter(torch.zeros(modules, hidden_size))
        self.module_in = nn.Linear(width, modules * self.module_width)
        self.module_out = nn.Linear(self.module_width, hidden_size)
        self.input_dropout = spec.get("input_dropout", 0.0)

    def initialise(self) -> None:
        """Start the learned tokens at random."""
        super().initialise()
        nn.init.normal_(self.module_identity, std=0.02)

    def forward(self, **inputs: Tensor) -> tuple[Tensor, None]:
        """``values``, z-scores (b, g) -> tokens (b, 1 + m, d); there is no padding."""
        values = self._with_dropout(inputs["values"])
        profile = values if self.components is None else self.components(values)  # (b, k)
        modules = self.module_in(profile).unflatten(-1, (-1, self.module_width))  # (b, m, w)
        tokens = self.module_out(modules) + self.module_identity  # (b, m, d)
        return self.open_segment(tokens, summary=self.profile(profile)), None

    def anchors(self, **inputs: Tensor) -> Tensor | None:
        """The first principal components, (b, k)."""
        if self.components is None:
            return None
        projected: Tensor = self.components(inputs["values"])
        return projected[:, : self.num_anchors]

    def direct_features(self, **inputs: Tensor) -> Tensor:
        """The z-scores themselves, (b, g)."""
        return inputs["values"]

    def _with_dropout(self, values: Tensor) -> Tensor:
        """Hide genes from the model; each cell draws its own share from U(0, 2p)."""
        if not self.training or not self.input_dropout:
            return values
        share = torch.rand(len(values), 1, device=values.device) * 2 * self.input_dropout
        kept = torch.rand_like(values) >= share
        return values * kept / (1 - share)


class CellModality(Modality):
    """Expression profiles of single cells.

    Parameters
    ----------
    layer : where values are: ``"X"``, ``"raw"`` or a layer; None looks for the first usable one.
    gene_column : column of ``var`` with the gene names; None uses ``var_names``.
    num_components : principal components of the fixed projection; None chooses by the number of
        genes (50 above ``panel_genes``, else 0: a trained embedding per gene).
    num_modules : gene-module tokens.
    input_dropout : mean share of genes hidden from the model while training.
    """

    name: ClassVar[str] = "cell"
    reading_options: ClassVar[tuple[str, ...]] = ("layer", "gene_column")
    panel_genes: ClassVar[int] = 500

    def __init__(
        self,
        layer: str | None = None,
        gene_column: str | None = None,
        *,
        num_components: int | None = None,
        num_modules: int = 4,
        input_dropout: float = 0.3,
        seed: int = 0,
    ) -> None:
        self.layer = layer
        self.gene_column = gene_column
        self.num_components = num_components
        self.num_modules = num_modules
        self.input_dropout = input_dropout
        self.seed = seed
        self._matches: WeakKeyDictionary[Expression, GeneMatch] = WeakKeyDictionary()

    def read(self, source: "AnnData | str | Path | list[str | Path]", **reading: Any) -> CellRecords:  # noqa: ANN401
        """View an AnnData, an h5ad file or several as cells; nothing is copied."""
        if not isinstance(source, AnnData):
            paths = source if isinstance(source, list) else [source]
            source = read_many([Path(path) for path in paths], backed=len(paths) == 1)
        where = {"layer": self.layer, "gene_column": self.gene_column}
        if hasattr(self, "vocabulary_"):
            where = _as_far_as_there(source, where)
        where |= reading
        expression = find_expression(source, **where, allow_scaled=True)
        if "source" in source.obs.columns:
            check_same_state(expression, source.obs["source"])
        return CellRecords(source, expression, np.arange(source.n_obs))

    def fit(self, records: CellRecords) -> Self:
        """Learn the genes, their means and spreads, and the principal components."""
        self.vocabulary_ = GeneVocabulary.fit(records.expression, records.rows)
        if self.vocabulary_.is_scaled:
            self.layer = records.expression.layer  # a query's counts would not do
        values = self.prepare(records).values
        self.means_, self.scales_ = _moments(values)
        genes = len(self.vocabulary_.names)
        wanted = self.num_components
        if wanted is None:
            wanted = 50 if genes > self.panel_genes else 0
        self.num_components_ = min(wanted, genes, len(records) - 1)
        self.components_ = np.zeros((0, genes), np.float32)
        if self.num_components_:
            self.components_ = self._principal_components(values)
        return self

    def spec(self) -> dict[str, Any]:
        """Sizes for :class:`CellEmbeddings`."""
        return {
            "num_genes": len(self.vocabulary_.names),
            "num_components": self.num_components_,
            "num_modules": self.num_modules,
            "input_dropout": self.input_dropout,
        }

    @staticmethod
    def embeddings(config: Any, spec: dict[str, Any]) -> CellEmbeddings:  # noqa: ANN401
        """Build the embeddings."""
        return CellEmbeddings(config.hidden_size, spec)

    def initialise(self, embeddings: nn.Module) -> None:
        """Set the fixed projection to the principal components."""
        if isinstance(embeddings, CellEmbeddings) and embeddings.components is not None:
            embeddings.components.weight.data.copy_(torch.from_numpy(self.components_))

    def prepare(self, records: CellRecords) -> CellRecords:
        """Read and log-normalise the cells once, over the genes of the vocabulary."""
        if records.values is not None:
            return records
        match = self._matches.get(records.expression)
        if match is None:
            match = match_genes(self.vocabulary_, records.expression)
            self._matches[records.expression] = match
        values = normalised(self.vocabulary_, match, records.expression, records.rows)
        return replace(records, values=values, present=match.present)

    def encode(self, records: CellRecords) -> list[Encoding]:
        """``values``, float32 (g,): z-scores, clipped; 0 for genes the data does not measure."""
        return [{"values": row} for row in self.standardised(records)]

    def standardised(self, records: CellRecords) -> FloatArray:
        """Z-scores, float32 (n, g)."""
        records = self.prepare(records)
        dense = _dense(records.values)
        dense -= self.means_
        dense /= self.scales_
        if records.adjustment is not None:
            dense = dense * records.adjustment[0] + records.adjustment[1]
        dense[:, ~records.present] = 0
        return np.clip(dense, -_CLIP, _CLIP, out=dense).astype(np.float32, copy=False)

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Vocabulary and settings; means, scales and components."""
        settings = {
            "layer": self.layer,
            "gene_column": self.gene_column,
            "num_components": self.num_components_,
            "num_modules": self.num_modules,
            "input_dropout": self.input_dropout,
            "seed": self.seed,
            "vocabulary": self.vocabulary_.to_dict(),
        }
        arrays = {"means": self.means_, "scales": self.scales_, "components": self.components_}
        return settings, arrays

    @classmethod
    def from_state(cls, settings: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """Restore what :meth:`state` gave."""
        learned = dict(settings)
        vocabulary = GeneVocabulary.from_dict(learned.pop("vocabulary"))
        modality = cls(**learned)
        modality.vocabulary_ = vocabulary
        modality.means_, modality.scales_ = arrays["means"], arrays["scales"]
        modality.components_ = arrays["components"]
        modality.num_components_ = len(modality.components_)
        return modality

    def write(self, records: CellRecords, answers: Answers, path: Path) -> None:
        """Write the AnnData with answers as h5ad; a backed file's matrix is copied, never read."""
        adata = records.adata if records.adata.isbacked else records.adata.copy()
        annotate(adata, answers)
        write_h5ad(adata, path)

    def _principal_components(self, values: Any) -> FloatArray:  # noqa: ANN401
        """float32, (k, g), of at most ``_PCA_CELLS`` cells."""
        rows = np.arange(values.shape[0])
        if len(rows) > _PCA_CELLS:
            rows = np.sort(np.random.default_rng(self.seed).choice(rows, _PCA_CELLS, replace=False))
        dense = _dense(values[rows])
        z = np.clip((dense - self.means_) / self.scales_, -_CLIP, _CLIP)
        pca = PCA(self.num_components_, svd_solver="randomized", random_state=self.seed)
        components: FloatArray = pca.fit(z).components_.astype(np.float32)
        return components


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


def _as_far_as_there(adata: AnnData, where: dict[str, str | None]) -> dict[str, str | None]:
    """Keep of the places that the training data was read from those that a query has as well."""
    layer, gene_column = where["layer"], where["gene_column"]
    has_layer = layer in adata.layers or layer == "X" or (layer == "raw" and adata.raw is not None)
    return {
        "layer": layer if has_layer else None,
        "gene_column": gene_column if gene_column in adata.var.columns else None,
    }


def _dense(values: Any) -> FloatArray:  # noqa: ANN401
    """float32 copy, (n, g)."""
    return values.toarray() if sparse.issparse(values) else np.array(values, np.float32)


def _moments(values: Any) -> tuple[FloatArray, FloatArray]:  # noqa: ANN401
    """Mean and standard deviation of each gene, float32 (g,); 1 where a gene does not vary."""
    if sparse.issparse(values):
        means = np.asarray(values.mean(axis=0)).ravel()
        squares = np.asarray(values.multiply(values).mean(axis=0)).ravel()
        variances = (squares - means**2).clip(0)
    else:
        means, variances = values.mean(axis=0), values.var(axis=0)
    scales = np.sqrt(variances)
    scales[scales < 1e-6] = 1
    return means.astype(np.float32), scales.astype(np.float32)
