"""Heads: what turns a representation into an answer. A new kind is one file and one line here."""

from polyome.heads.base import Head
from polyome.heads.classification import ClassificationHead
from polyome.heads.regression import RegressionHead

HEADS: dict[str, type[Head]] = {
    ClassificationHead.kind: ClassificationHead,
    RegressionHead.kind: RegressionHead,
}

__all__ = ["HEADS", "ClassificationHead", "Head", "RegressionHead"]
