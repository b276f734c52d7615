"""Figures of what a model answers, with scanpy's manners.

Each takes a model folder, a model that was fitted in this session, or an AnnData that
``model.annotate`` has written answers into (then ``truth`` names the column of ``obs`` with the
true labels, and ``uns[f"{truth}_colors"]`` gives the colours). Each takes ``ax``, ``show`` and
``save``, and returns matplotlib's axes.

Examples
--------
>>> import polyome
>>> from polyome.report.example import example_scored
>>> polyome.pl.confusion_matrix(example_scored()).get_xlabel()
'prediction'
"""

from polyome.report.plots.classes import (
    calibration,
    confusion_matrix,
    precision_recall_curves,
    roc_curves,
    unknown_scores,
)
from polyome.report.plots.maps import section_map, umap
from polyome.report.plots.training import learning_curves, scores
from polyome.report.plots.values import predicted_and_measured

__all__ = [
    "calibration",
    "confusion_matrix",
    "learning_curves",
    "precision_recall_curves",
    "predicted_and_measured",
    "roc_curves",
    "scores",
    "section_map",
    "umap",
    "unknown_scores",
]
