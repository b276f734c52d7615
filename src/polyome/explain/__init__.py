"""Explanations: why a model answers as it does. A modality's is one file and one line here."""

from polyome.explain.base import Explainer, Explanation
from polyome.explain.cells import CellArguments, explain_cells
from polyome.explain.inputs import InputArguments, explain_inputs
from polyome.explain.sequences import SequenceArguments, explain_sequences
from polyome.explain.tissue import TissueArguments, explain_tissue

EXPLAINERS: dict[str, Explainer] = {
    "cell": Explainer(CellArguments, explain_cells),
    "inputs": Explainer(InputArguments, explain_inputs),
    "sequence": Explainer(SequenceArguments, explain_sequences),
    "tissue": Explainer(TissueArguments, explain_tissue),
}
"""By name of the modality."""

__all__ = ["EXPLAINERS", "Explainer", "Explanation"]
