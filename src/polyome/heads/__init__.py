"""Heads: what turns a representation into an answer. A new kind is one file and one line here."""

from polyome.heads.base import Head
from polyome.heads.classification import ClassificationHead

HEADS: dict[str, type[Head]] = {
    ClassificationHead.kind: ClassificationHead,
}

__all__ = ["HEADS", "ClassificationHead", "Head"]
