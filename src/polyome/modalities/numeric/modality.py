"""What is learned of numeric features: shared by proteins, methylation and plain tables."""

import copy
from abc import abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import torch
from torch import nn

from polyome._errors import InputError, listed
from polyome._types import BoolArray, Encoding, FloatArray, IntArray
from polyome.modalities.base import Modality
from polyome.modalities.numeric.components import principal_components
from polyome.modalities.numeric.pieces import (
    LinearPieceFeatures,
    PieceEmbeddings,
    Pieces,
    start_pieces,
)
from polyome.modalities.numeric.records import NumericRecords, numeric_records
from polyome.modalities.profiles.features import LinearProfileFeatures, ProfileFeatures
from polyome.modalities.profiles.tokens import CellEmbeddings
from polyome.outputs.classes_prediction import ClassPrediction

CLIP = 10.0  # standard deviations
LEAST_OVERLAP = 0.5
"""Share of a model's features that a query must measure."""
SINGLE_FEATURES = 500
"""Most features that count by themselves; of more, components are read."""
COMPONENTS, MOST_COMPONENTS = 20, 256
"""Of many features: read by the network, and at most by the linear model."""
_PCA_ROWS = 20_000
_MOST_OOD_FEATURES, _FEWEST_OOD_FEATURES, _ROWS_PER_ANCHOR = 10, 5, 50
"""Components in which distance tells records unlike all training records."""


class NumericModality(Modality):
    """A modality whose records are numbers by named feature.

    A subclass says how numbers are normalised, and what its features are called in messages.

    Parameters
    ----------
    normalisation : one of ``normalisations``; None is the first of them.
    num_modules : module tokens, each a learned combination of features.
    input_dropout : mean share of features hidden from the model while training.
    num_pieces : pieces of each feature's range, see :mod:`polyome.modalities.numeric.pieces`; 0:
        none. Where components are read there are none either.
    """

    features_are: ClassVar[str] = "features"
    normalisations: ClassVar[tuple[str, ...]]
    """How raw numbers may be normalised; the first is the usual one."""
    mixes_features: ClassVar[bool] = False
    """Whether a feature's normalised value hangs on the record's other features."""
    has_common_scale: ClassVar[bool] = False
    """Whether features are divided by one standard deviation, not each by its own."""
    most_features: ClassVar[int | None] = None
    """The most variable features that are read; None reads all that vary."""
    is_portable: bool = True
    can_be_predicted: ClassVar[bool] = True
    can_be_input: ClassVar[bool] = True

    def __init__(
        self,
        normalisation: str | None = None,
        *,
        num_modules: int = 4,
        input_dropout: float = 0.3,
        num_pieces: int = 0,
    ) -> None:
        self.normalisation = normalisation or self.normalisations[0]
        if self.normalisation not in self.normalisations:
            message = (
                f"{self.features_are} cannot be normalised by '{normalisation}'. Use one of "
                f"{listed(self.normalisations)}."
            )
            raise InputError(message)
        self.num_modules = num_modules
        self.input_dropout = input_dropout
        self.num_pieces = num_pieces

    @abstractmethod
    def normalised(self, values: FloatArray) -> FloatArray:
        """Bring raw numbers, (n, f), NaN where not measured, to a scale that compares records.

        Columns are those of ``columns_``.
        """

    def learn_columns(self, values: FloatArray) -> None:
        """Learn what :meth:`normalised` needs of the training records, (n, f); usually nothing."""

    def read(self, source: Any, **reading: Any) -> NumericRecords:
        """View an AnnData, a table or an h5ad file as numbers by feature."""
        del reading
        if isinstance(source, NumericRecords):
            return source
        return numeric_records(source, self.features_are)

    def technical_numbers(self, records: NumericRecords) -> dict[str, FloatArray]:
        """How many features were measured, where records differ in it."""
        number = np.isfinite(records.values).sum(axis=1).astype(np.float64)
        return {f"the number of measured {self.features_are}": number} if np.ptp(number) else {}

    def measured(self, records: NumericRecords) -> BoolArray:
        """Records of which at least one feature was measured."""
        return np.asarray(np.isfinite(records.values).any(axis=1))

    def fit(self, records: NumericRecords) -> Self:
        """Learn which features vary, their means and standard deviations, and components."""
        self.columns_ = tuple(records.names)
        self.learn_columns(records.values)
        values = self.normalised(records.values)
        known = np.isfinite(values)
        count = known.sum(axis=0)
        means = np.where(known, values, 0).sum(axis=0) / count.clip(1)
        variances = (np.where(known, values - means, 0) ** 2).sum(axis=0) / count.clip(1)
        kept = np.flatnonzero((variances > 1e-12) & (count >= 2))
        if not len(kept):
            message = (
                f"none of the {len(records.names):,} {self.features_are} varies among the "
                f"{len(records):,} training records; leave this input out."
            )
            raise InputError(message)
        if self.most_features is not None and len(kept) > self.most_features:
            order = np.argsort(-variances[kept], kind="stable")
            kept = np.sort(kept[order[: self.most_features]])
        self.means_ = means[kept].astype(np.float32)
        scales = np.sqrt(variances[kept])
        if self.has_common_scale:
            scales = np.full(len(kept), np.sqrt(variances[kept].mean()))
        self.scales_ = scales.astype(np.float32)
        self.kept_ = kept
        if not self.mixes_features:
            self.columns_ = tuple(records.names[kept])
            self.kept_ = np.arange(len(kept))
        most = max(1, min(len(kept), len(records) - 1))
        trusted = max(_FEWEST_OOD_FEATURES, len(records) // _ROWS_PER_ANCHOR)
        self.num_ood_features_ = min(_MOST_OOD_FEATURES, trusted, most)
        are_many = len(kept) > SINGLE_FEATURES
        self.num_components_ = min(COMPONENTS, most) if are_many else 0
        self.num_linear_components_ = min(MOST_COMPONENTS, most) if are_many else 0
        number = 0 if are_many else self.num_pieces
        self.pieces_ = Pieces.learn(self._z_scores(values[:, kept]), number)
        return self

    def drop_pieces(self) -> None:
        """Read each feature as its z-score alone."""
        self.pieces_ = Pieces.none()

    def _z_scores(self, values: FloatArray) -> FloatArray:
        """Of normalised values that are read, (n, k): float32, 0 where missing."""
        z = (values - self.means_) / self.scales_
        return np.nan_to_num(np.clip(z, -CLIP, CLIP), nan=0.0).astype(np.float32)

    def overlap(self, names: pd.Index) -> float:
        """Share of the model's features that these names have."""
        known = getattr(self, "columns_", None)
        return 0.0 if known is None else float(pd.Index(known).isin(names).mean())

    def spec(self) -> dict[str, Any]:
        """Sizes for the embeddings."""
        return {
            "num_genes": len(self.means_),
            "num_components": self.num_components_,
            "num_linear_components": self.num_linear_components_,
            "num_ood_features": self.num_ood_features_,
            "num_modules": self.num_modules,
            "input_dropout": self.input_dropout,
            "component_shift": 0.0,
            **({"num_pieces": len(self.pieces_)} if len(self.pieces_) else {}),
        }

    @staticmethod
    def embeddings(config: Any, spec: dict[str, Any]) -> CellEmbeddings:
        """Build the embeddings: the whole profile on ``[M]``, and module tokens."""
        made = PieceEmbeddings if "num_pieces" in spec else CellEmbeddings
        return made(config.hidden_size, spec)

    @staticmethod
    def features(spec: dict[str, Any]) -> LinearProfileFeatures:
        """Each feature counts by itself in the linear model; of many features, components."""
        made = LinearPieceFeatures if "num_pieces" in spec else LinearProfileFeatures
        return made(spec)

    def start_from(self, module: nn.Module, records: NumericRecords) -> None:
        """Give every fixed projection in a module the components of these records."""
        parts = [part for part in module.modules() if isinstance(part, ProfileFeatures)]
        kept = [len(part.get_buffer("components")) for part in parts]
        rows = np.arange(min(len(records), _PCA_ROWS))
        z = self.prepare(records).standardised[rows]
        components, stds = principal_components(z, max(kept))
        for part, number in zip(parts, kept, strict=True):
            part.get_buffer("components").copy_(torch.from_numpy(components[:number]))
            part.get_buffer("stds").copy_(torch.from_numpy(stds[:number]))
        start_pieces(module, self.pieces_)

    def prepare(self, records: NumericRecords) -> Any:
        """Z-scores over the model's features, 0 where one was not measured."""
        if records.standardised is not None:
            return records
        places = records.names.get_indexer(pd.Index(self.columns_))
        missing = [name for name, place in zip(self.columns_, places) if place < 0]
        if len(missing) > (1 - LEAST_OVERLAP) * len(self.columns_):
            message = (
                f"{len(self.columns_) - len(missing):,} of the {len(self.columns_):,} "
                f"{self.features_are} that the model knows are there; it lacks "
                f"{listed(missing, most=4)}. Its names: {listed(records.names, most=4)}."
            )
            raise InputError(message)
        values = np.take(records.values, places, axis=1)
        values[:, places < 0] = np.nan
        return replace(records, standardised=self._z_scores(self.normalised(values)[:, self.kept_]))

    def target_values(self, records: NumericRecords) -> tuple[tuple[str, ...], FloatArray]:
        """Names (f,) and normalised values, float (n, f), as they are predicted."""
        own = copy.copy(self)
        own.columns_ = tuple(records.names)
        own.learn_columns(records.values)
        return own.columns_, own.normalised(records.values)

    def baseline_features(self, records: NumericRecords) -> FloatArray:
        """Z-scores."""
        found: FloatArray = self.prepare(records).standardised
        return found

    def baseline_width(self) -> int:
        """How many features are read."""
        return len(self.means_)

    def feature_names(self) -> list[str]:
        """Names of the features that vary."""
        return [self.columns_[place] for place in self.kept_]

    def keys(self, records: NumericRecords) -> IntArray:
        """Of names and values: rows of a table may have nothing but numbers for names."""
        keys = super().keys(records)
        known = records.names.isin(pd.Index(self.columns_))
        values = pd.DataFrame(records.values[:, known])  # noqa: PD011 - an array
        if records.standardised is None and values.size:
            keys = keys + pd.util.hash_pandas_object(values, index=False).to_numpy()
        return keys

    def encode(self, records: NumericRecords) -> list[Encoding]:
        """``values``, float32 (f,): z-scores."""
        return [{"values": row} for row in self.prepare(records).standardised]

    def batch(self, records: NumericRecords) -> dict[str, torch.Tensor]:
        """``values``, float32 (b, f)."""
        return {"values": torch.from_numpy(self.prepare(records).standardised)}

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Names and settings; means and standard deviations."""
        settings = {
            "normalisation": self.normalisation,
            "num_modules": self.num_modules,
            "input_dropout": self.input_dropout,
            "num_pieces": self.num_pieces,
        }
        learned = {
            "columns": list(self.columns_),
            "num_ood_features": self.num_ood_features_,
            "num_components": self.num_components_,
            "num_linear_components": self.num_linear_components_,
        }
        arrays = {"means": self.means_, "scales": self.scales_, "kept": self.kept_}
        arrays |= self.pieces_.arrays()
        return {"settings": settings, "learned": learned}, arrays

    @classmethod
    def from_state(cls, settings: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """Restore what :meth:`state` gave."""
        modality = cls(**settings["settings"])
        learned = settings["learned"]
        modality.columns_ = tuple(learned["columns"])
        for name in ("num_ood_features", "num_components", "num_linear_components"):
            setattr(modality, f"{name}_", learned[name])
        for name in ("means", "scales", "kept"):
            setattr(modality, f"{name}_", arrays[name])
        modality.pieces_ = Pieces.from_arrays(arrays)
        return modality

    def write(self, records: NumericRecords, answers: ClassPrediction, path: Path) -> None:
        """Write a table."""
        answers.frame().to_csv(path, index_label="id")
