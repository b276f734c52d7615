"""Modalities: what turns records into tokens. A new one is one file and one line here."""

from polyome.modalities.base import Modality
from polyome.modalities.cell import CellModality

MODALITIES: dict[str, type[Modality]] = {
    CellModality.name: CellModality,
}

__all__ = ["MODALITIES", "CellModality", "Modality"]
