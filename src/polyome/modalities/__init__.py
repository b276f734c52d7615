"""Modalities: what turns records into tokens. A new one is one file and one line here."""

from polyome.modalities.base import Modality
from polyome.modalities.cell import CellModality
from polyome.modalities.protein import ProteinModality
from polyome.modalities.sequence import SequenceModality
from polyome.modalities.tissue import TissueModality

MODALITIES: dict[str, type[Modality]] = {
    CellModality.name: CellModality,
    ProteinModality.name: ProteinModality,
    SequenceModality.name: SequenceModality,
    TissueModality.name: TissueModality,
}

__all__ = [
    "MODALITIES",
    "CellModality",
    "Modality",
    "ProteinModality",
    "SequenceModality",
    "TissueModality",
]
