"""What is learned of numeric features: shared by proteins and plain tables."""

from abc import abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import torch
from scipy.linalg import eigh
from torch import nn

from polyome._errors import InputError, listed
from polyome._types import Encoding, FloatArray
from polyome.modalities.base import Modality
from polyome.modalities.numeric.records import NumericRecords, numeric_records
from polyome.modalities.profiles.features import ProfileFeatures
from polyome.modalities.profiles.tokens import CellEmbeddings
from polyome.outputs.classes_prediction import ClassPrediction

CLIP = 10.0  # standard deviations
OOD_FEATURES = 10
"""Components in which distance tells records unlike all training records."""
LEAST_OVERLAP = 0.5
"""Share of a model's features that a query must measure."""


class NumericModality(Modality):
    """A modality whose records are numbers by named feature.

    A subclass says how numbers are normalised, and what its features are called in messages.

    Parameters
    ----------
    num_modules : module tokens, each a learned combination of features.
    input_dropout : mean share of features hidden from the model while training.
    """

    features_are: ClassVar[str] = "features"
    is_portable: bool = True

    def __init__(self, *, num_modules: int = 4, input_dropout: float = 0.3) -> None:
        self.num_modules = num_modules
        self.input_dropout = input_dropout

    @staticmethod
    @abstractmethod
    def normalised(values: FloatArray) -> FloatArray:
        """Bring raw numbers, (n, f), NaN where not measured, to a scale that compares records."""

    def read(self, source: Any, **reading: Any) -> NumericRecords:
        """View an AnnData, a table or an h5ad file as numbers by feature."""
        del reading
        if isinstance(source, NumericRecords):
            return source
        return numeric_records(source, self.features_are)

    def fit(self, records: NumericRecords) -> Self:
        """Learn which features vary, their means and standard deviations."""
        values = self.normalised(records.values)
        known = np.isfinite(values)
        count = known.sum(axis=0)
        filled = np.where(known, values, 0)
        means = filled.sum(axis=0) / count.clip(1)
        variances = (np.where(known, values - means, 0) ** 2).sum(axis=0) / count.clip(1)
        kept = np.flatnonzero((variances > 1e-12) & (count >= 2))
        if not len(kept):
            message = (
                f"none of the {len(records.names):,} {self.features_are} varies among the "
                f"{len(records):,} training records; leave this input out."
            )
            raise InputError(message)
        self.names_: tuple[str, ...] = tuple(records.names[kept])
        self.means_ = means[kept].astype(np.float32)
        self.scales_ = np.sqrt(variances[kept]).astype(np.float32)
        self.num_ood_features_ = min(OOD_FEATURES, len(kept), max(1, len(records) - 1))
        return self

    def overlap(self, names: pd.Index) -> float:
        """Share of the model's features that these names have."""
        known = getattr(self, "names_", None)
        return 0.0 if known is None else float(pd.Index(known).isin(names).mean())

    def spec(self) -> dict[str, Any]:
        """Sizes for the embeddings."""
        return {
            "num_genes": len(self.names_),
            "num_components": 0,
            "num_linear_components": 0,
            "num_ood_features": self.num_ood_features_,
            "num_modules": self.num_modules,
            "input_dropout": self.input_dropout,
            "component_shift": 0.0,
        }

    @staticmethod
    def embeddings(config: Any, spec: dict[str, Any]) -> CellEmbeddings:
        """Build the embeddings: the whole profile on ``[M]``, and module tokens."""
        return CellEmbeddings(config.hidden_size, spec)

    @staticmethod
    def features(spec: dict[str, Any]) -> ProfileFeatures:
        """Each feature counts by itself in the linear model."""
        return ProfileFeatures(spec)

    def start_from(self, module: nn.Module, records: NumericRecords) -> None:
        """Give the components in which unknown records are found those of these records."""
        z = self.prepare(records).standardised.astype(np.float64)
        width, kept = z.shape[1], self.num_ood_features_
        values, vectors = eigh(z.T @ z / len(z), subset_by_index=[width - kept, width - 1])
        vectors = vectors[:, ::-1]
        vectors = vectors * np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(kept)])
        stds = np.sqrt(values[::-1].clip(1e-6))
        for part in module.modules():
            if isinstance(part, ProfileFeatures):
                part.get_buffer("components").copy_(torch.from_numpy(vectors.T.copy()))
                part.get_buffer("stds").copy_(torch.from_numpy(stds))

    def prepare(self, records: NumericRecords) -> Any:
        """Z-scores over the model's features, 0 where one was not measured."""
        if records.standardised is not None:
            return records
        places = records.names.get_indexer(pd.Index(self.names_))
        missing = [name for name, place in zip(self.names_, places) if place < 0]
        if len(missing) > (1 - LEAST_OVERLAP) * len(self.names_):
            message = (
                f"{len(self.names_) - len(missing):,} of the {len(self.names_):,} "
                f"{self.features_are} that the model knows are there; it lacks "
                f"{listed(missing, most=4)}. Its names: {listed(records.names, most=4)}."
            )
            raise InputError(message)
        values = self.normalised(records.values)[:, places]
        z = (values - self.means_) / self.scales_
        z[:, places < 0] = 0
        z = np.nan_to_num(np.clip(z, -CLIP, CLIP), nan=0.0).astype(np.float32)
        return replace(records, standardised=z)

    def encode(self, records: NumericRecords) -> list[Encoding]:
        """``values``, float32 (f,): z-scores."""
        return [{"values": row} for row in self.prepare(records).standardised]

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Names and settings; means and standard deviations."""
        settings = {"num_modules": self.num_modules, "input_dropout": self.input_dropout}
        learned = {"names": list(self.names_), "num_ood_features": self.num_ood_features_}
        arrays = {"means": self.means_, "scales": self.scales_}
        return {"settings": settings, "learned": learned}, arrays

    @classmethod
    def from_state(cls, settings: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """Restore what :meth:`state` gave."""
        modality = cls(**settings["settings"])
        modality.names_ = tuple(settings["learned"]["names"])
        modality.num_ood_features_ = settings["learned"]["num_ood_features"]
        modality.means_, modality.scales_ = arrays["means"], arrays["scales"]
        return modality

    def write(self, records: NumericRecords, answers: ClassPrediction, path: Path) -> None:
        """Write a table."""
        answers.frame().to_csv(path, index_label="id")
