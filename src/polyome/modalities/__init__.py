"""Modalities: what turns records into tokens. A new one is one file and one line here."""

from importlib.metadata import entry_points

from polyome.modalities.accessibility import AccessibilityModality
from polyome.modalities.base import Modality
from polyome.modalities.cell import CellModality
from polyome.modalities.features import FeaturesModality
from polyome.modalities.image import ImageModality
from polyome.modalities.methylation import MethylationModality
from polyome.modalities.protein import ProteinModality
from polyome.modalities.sequence import SequenceModality
from polyome.modalities.text import TextModality
from polyome.modalities.tissue import TissueModality

MODALITIES: dict[str, type[Modality]] = {
    AccessibilityModality.name: AccessibilityModality,
    CellModality.name: CellModality,
    FeaturesModality.name: FeaturesModality,
    ImageModality.name: ImageModality,
    MethylationModality.name: MethylationModality,
    ProteinModality.name: ProteinModality,
    SequenceModality.name: SequenceModality,
    TextModality.name: TextModality,
    TissueModality.name: TissueModality,
}

for _entry in entry_points(group="polyome.modalities"):  # of other packages
    MODALITIES[_entry.name] = _entry.load()

__all__ = [
    "MODALITIES",
    "AccessibilityModality",
    "CellModality",
    "FeaturesModality",
    "ImageModality",
    "MethylationModality",
    "Modality",
    "ProteinModality",
    "SequenceModality",
    "TextModality",
    "TissueModality",
]
