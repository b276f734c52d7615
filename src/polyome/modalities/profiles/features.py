"""Expression profiles as numbers: shared by the cell and the tissue modality."""

import warnings
from typing import Any, ClassVar

import numpy as np
import scanpy as sc
import torch
from anndata import AnnData
from scipy import sparse
from torch import Tensor, nn

from polyome._types import FloatArray, IntArray
from polyome.modalities.embeddings import LinearFeatures


class ProfileFeatures(LinearFeatures):
    """What tokens and the linear model read of a standardised profile.

    With ``num_components`` the profile passes a fixed projection on the principal components of
    the training cells: with thousands of genes and few cells a trained map overfits. Without,
    each gene counts by itself, as small panels need.

    While training, genes are hidden and, per batch, the components are shifted at random, as
    another laboratory would shift them.

    Parameters
    ----------
    spec : ``num_genes`` g, ``num_components`` k (0: none), ``num_ood_features`` a,
        ``input_dropout`` p (mean share of genes hidden), ``component_shift`` (in standard
        deviations of each component).
    """

    has_ood_features: ClassVar[bool] = True
    are_few: ClassVar[bool] = True

    def __init__(self, spec: dict[str, Any]) -> None:
        super().__init__()
        genes, self.num_components = spec["num_genes"], spec["num_components"]
        self.num_ood_features: int = spec["num_ood_features"]
        kept = max(self.num_components, self.num_ood_features)
        self.width = self.num_components or genes
        self.input_dropout: float = spec["input_dropout"]
        self.component_shift: float = spec["component_shift"]
        self.register_buffer("components", torch.zeros(kept, genes))
        self.register_buffer("stds", torch.ones(kept))

    def project(self, values: Tensor, number: int | None = None) -> Tensor:
        """(b, g) -> principal components (b, k), or so many of the first."""
        projected: Tensor = nn.functional.linear(values, self.get_buffer("components")[:number])
        return projected

    def ood_features(self, **inputs: Tensor) -> Tensor:
        """The first components, in which distance tells unseen kinds, (b, a)."""
        return self.project(inputs["values"], self.num_ood_features)

    def forward(self, values: Tensor) -> Tensor:
        """Z-scores (b, g) -> (b, f); the largest component has standard deviation 1."""
        values = self._with_dropout(values)
        if not self.num_components:
            return values
        components = self.project(values, self.num_components)
        if self.training and self.component_shift:
            stds = self.get_buffer("stds")[: self.num_components]
            noise = torch.randn(1, self.num_components, device=values.device)
            components = components + self.component_shift * stds * noise
        return components / self.spread

    def weighed(self, linear: nn.Module, **inputs: Tensor) -> Tensor:
        """Map the features, (b, f) -> (b, c), by one map of the genes: c products, not f and c."""
        values, number = inputs["values"], self.num_components
        is_narrow = isinstance(linear, nn.Linear) and linear.out_features < number
        if self.training or not is_narrow:
            return super().weighed(linear, **inputs)
        weight, bias = linear.get_parameter("weight"), linear.get_parameter("bias")
        of_genes = weight @ self.get_buffer("components")[:number] / self.spread  # (c, g)
        return nn.functional.linear(values, of_genes, bias)

    @property
    def spread(self) -> Tensor:
        """Standard deviation of the largest component, by which all are divided."""
        return self.get_buffer("stds")[0]

    def _with_dropout(self, values: Tensor) -> Tensor:
        """Hide genes; each cell draws its own share from U(0, 2p)."""
        if not self.training or not self.input_dropout:
            return values
        share = torch.rand(len(values), 1, device=values.device) * 2 * self.input_dropout
        return values * (torch.rand_like(values) >= share) / (1 - share)


class LinearProfileFeatures(ProfileFeatures):
    """What the linear model reads: many components, the trunk's few first.

    Parameters
    ----------
    spec : see :class:`ProfileFeatures`; ``num_linear_components`` (0: none, each gene by itself).

    Attributes
    ----------
    readings : how many of the first features the linear model reads, and how many at most; None
        where it reads all.
    """

    def __init__(self, spec: dict[str, Any]) -> None:
        few = spec["num_components"]
        super().__init__(spec | {"num_components": max(few, spec["num_linear_components"])})
        self.readings = (few, self.width) if 0 < few < self.width else None


def highly_variable(values: Any, count: int) -> IntArray:
    """Positions of the most variable genes, by scanpy's default (Satija et al. 2015)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = sc.pp.highly_variable_genes(AnnData(values), n_top_genes=count, inplace=False)
    return np.flatnonzero(found["highly_variable"].to_numpy())


def _molecules(values: "sparse.csr_matrix") -> tuple[IntArray, FloatArray, FloatArray]:
    """Of each stored value: row length, size of one molecule (its cell's smallest), molecules."""
    linear = np.expm1(values.data.astype(np.float64))
    lengths = np.diff(values.indptr)
    smallest = np.ones(len(lengths))
    filled = lengths > 0
    smallest[filled] = np.minimum.reduceat(linear, values.indptr[:-1][filled])
    unit = np.repeat(smallest, lengths)
    return lengths, unit, linear / unit


def is_counted(values: Any) -> bool:
    """Whether log-normalised values go back to whole molecules."""
    if not sparse.issparse(values):
        return False
    some = values[:500].tocsr()
    some.eliminate_zeros()
    _, _, molecules = _molecules(some)
    return bool(len(molecules)) and float(np.abs(molecules - np.rint(molecules)).mean()) < 0.02


def thinned(values: "sparse.csr_matrix", least: float, rng: np.random.Generator) -> Any:
    """Keep each molecule with its cell's chance, least**U(0, 1), and normalise again."""
    thinned = values.tocsr().copy()
    thinned.eliminate_zeros()
    lengths, unit, molecules = _molecules(thinned)
    kept_share = np.repeat(least ** rng.random(len(lengths)), lengths)
    kept = rng.binomial(np.rint(molecules).astype(np.int64), kept_share)
    thinned.data = np.log1p(kept * unit / kept_share).astype(np.float32)
    return thinned


def dense(values: Any) -> FloatArray:
    """float32 copy, (n, g)."""
    return values.toarray() if sparse.issparse(values) else np.array(values, np.float32)


def moments(values: Any) -> tuple[FloatArray, FloatArray]:
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
