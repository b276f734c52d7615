"""What tasks over several inputs share: which there are, cheap features of each, findings."""

import numpy as np

from polyome._errors import InputError, listed
from polyome._types import FloatArray
from polyome.audit.classes import class_findings
from polyome.audit.findings import Finding
from polyome.audit.shortcuts import shortcut_findings
from polyome.io.measurements import usual_modality
from polyome.modalities import MODALITIES
from polyome.modalities.inputs import InputRecords, Inputs
from polyome.outputs.targets import Targets
from polyome.splits import Split


def modality_names(inputs: str) -> dict[str, str]:
    """By name of the input, the modality that reads it.

    Parameters
    ----------
    inputs : ``NAME`` or ``NAME=MODALITY``, with commas between them.

    Raises
    ------
    InputError
        A name repeats, says nothing of its modality, or names one that does not exist.

    Examples
    --------
    >>> modality_names("rna, surface=protein")
    {'rna': 'cell', 'surface': 'protein'}
    """
    kinds: dict[str, str] = {}
    for entry in inputs.split(","):
        name, _, kind = (part.strip() for part in entry.partition("="))
        chosen = kind or usual_modality(name)
        if not name or name in kinds:
            message = f"--inputs {inputs}: each input needs a name of its own."
            raise InputError(message)
        if chosen not in MODALITIES:
            message = (
                f"--inputs {inputs}: '{kind or name}' says no modality. Write "
                f"{name}=MODALITY with one of {listed(MODALITIES)}."
            )
            raise InputError(message)
        kinds[name] = chosen
    return kinds


def input_features(modality: Inputs, records: InputRecords) -> dict[str, FloatArray]:
    """By input z-scores, float32 (n, f); zeros, the training mean, where a record lacks it."""
    found: dict[str, FloatArray] = {}
    encodings = modality.encode_inputs(records)
    for name, own in modality.members.items():
        spec = own.spec()
        values = np.zeros((len(records), spec["num_genes"]), np.float32)
        for row, encoding in zip(values, encodings, strict=True):
            if name in encoding:
                row[:] = encoding[name]["values"]
        found[name] = values
    return found


def input_findings(records: InputRecords, targets: Targets, split: Split) -> list[Finding]:
    """Say of classes, and of inputs whose presence alone tells the class."""
    findings = class_findings(targets.truth, split)
    known = targets.labelled
    presence = {
        f"having the input '{name}'": records.has(name)[known].astype(np.float64)
        for name in records.rows
        if 0 < records.has(name)[known].mean() < 1
    }
    return findings + shortcut_findings(presence, targets.truth[known])
