"""Modalities: what turns records into tokens. A new one is one file and one line here."""

from polyome.modalities.accessibility import AccessibilityModality
from polyome.modalities.base import Modality
from polyome.modalities.cell import CellModality
from polyome.modalities.features import FeaturesModality
from polyome.modalities.methylation import MethylationModality
from polyome.modalities.protein import ProteinModality
from polyome.modalities.sequence import SequenceModality
from polyome.modalities.tissue import TissueModality

MODALITIES: dict[str, type[Modality]] = {
    AccessibilityModality.name: AccessibilityModality,
    CellModality.name: CellModality,
    FeaturesModality.name: FeaturesModality,
    MethylationModality.name: MethylationModality,
    ProteinModality.name: ProteinModality,
    SequenceModality.name: SequenceModality,
    TissueModality.name: TissueModality,
}

__all__ = [
    "MODALITIES",
    "AccessibilityModality",
    "CellModality",
    "FeaturesModality",
    "MethylationModality",
    "Modality",
    "ProteinModality",
    "SequenceModality",
    "TissueModality",
]
