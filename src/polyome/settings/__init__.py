"""What may be set: fields of dataclasses with type, limits, default and meaning, checked once."""

from polyome.settings.base import Settings, from_text, hints_of, limits_in_words
from polyome.settings.limits import (
    AtLeastZero,
    BelowOne,
    CompositionK,
    Count,
    Coverage,
    LearningRate,
    LeastDepth,
    Natural,
    NumGenes,
    OddCount,
    Positive,
    Proportion,
    Seed,
    UpToHalf,
    VocabularySize,
)

__all__ = [
    "AtLeastZero",
    "BelowOne",
    "CompositionK",
    "Count",
    "Coverage",
    "LearningRate",
    "LeastDepth",
    "Natural",
    "NumGenes",
    "OddCount",
    "Positive",
    "Proportion",
    "Seed",
    "Settings",
    "UpToHalf",
    "VocabularySize",
    "from_text",
    "hints_of",
    "limits_in_words",
]
