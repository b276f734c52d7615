"""What misleads scores on records with any inputs: copies, presence, depth, columns that tell."""

from collections.abc import Mapping

import numpy as np

from polyome._types import BoolArray, FloatArray, IntArray
from polyome.audit.cells import clustering_findings
from polyome.audit.classes import class_findings
from polyome.audit.columns import given_away
from polyome.audit.duplicates import copies_across_parts, duplicate_findings, row_hashes
from polyome.audit.findings import Finding
from polyome.audit.shortcuts import shortcut_findings
from polyome.modalities import Modality
from polyome.modalities.input_records import InputRecords
from polyome.modalities.numeric.records import NumericRecords
from polyome.modalities.profiles.records import CellRecords
from polyome.outputs.targets import Targets
from polyome.splits import Split

LEAST_CHANCE = 1e-3
LEAST_CORRELATION = 0.5
"""Correlation with a value from which an input's presence, or its depth, is reported."""


def technical_numbers(
    records: InputRecords, modalities: Mapping[str, Modality]
) -> dict[str, FloatArray]:
    """By input and number, (n,), how records were measured; NaN where one lacks the input."""
    found = {}
    for name, part in records.parts.items():
        has = records.has(name)
        for what, values in modalities[name].technical_numbers(part).items():
            own = np.full(len(records), np.nan)
            own[has] = values[records.rows[name][has]]
            found[f"{what} of the input '{name}'" if len(records.parts) > 1 else what] = own
    return found


def record_hashes(records: InputRecords) -> IntArray:
    """Of each record's measurements by input, int64 (n, m): equal for equal ones, 0 without."""
    found = np.zeros((len(records), len(records.rows)), dtype=np.int64)
    for i, (name, part) in enumerate(records.parts.items()):
        has = records.has(name)
        own = row_hashes(part.measured_values())[records.rows[name][has]]
        found[has, i] = own.astype(np.int64) >> 11  # exact as a float, too
    return found


def class_findings_of_inputs(
    records: InputRecords, modalities: Mapping[str, Modality], targets: Targets, split: Split
) -> list[Finding]:
    """Say of classes, of copies, and of inputs whose presence or depth alone predicts the class."""
    findings = class_findings(targets.truth, split)
    findings += duplicate_findings(record_hashes(records), targets.truth, split)
    known = targets.labelled
    numbers: dict[str, FloatArray] = {
        f"having the input '{name}'": records.has(name)[known].astype(np.float64)
        for name in records.rows
        if 0 < records.has(name)[known].mean() < 1
    }
    depths = technical_numbers(records, modalities)
    numbers |= {name: values[known] for name, values in depths.items()}
    findings += shortcut_findings(numbers, targets.truth[known])
    return findings + [
        finding
        for name in records.rows
        for finding in presence_findings(name, records.has(name)[known], targets.truth[known])
    ]


def cell_findings_of_inputs(
    records: InputRecords,
    modalities: Mapping[str, Modality],
    targets: Targets,
    split: Split,
    *,
    target: str,
    seed: int,
) -> list[Finding]:
    """As of any inputs; of expression, whether labels are a clustering of it."""
    findings = class_findings_of_inputs(records, modalities, targets, split)
    for name, part in records.parts.items():
        if not isinstance(part, CellRecords):
            continue
        known = np.flatnonzero(records.has(name) & targets.labelled)
        findings += clustering_findings(
            part.expression.rows(part.rows[records.rows[name][known]]),
            targets.truth[known],
            target=target,
            is_scaled=part.expression.is_scaled,
            uns_keys=part.adata.uns.keys(),
            seed=seed,
        )
    return findings


def presence_findings(name: str, has: BoolArray, truth: np.ndarray) -> list[Finding]:
    """Warn of an input that the records of one class alone have, or alone lack.

    A few records may be of one class by chance: where that is likelier than one in a thousand,
    nothing is said.

    Parameters
    ----------
    has, truth : (n,), of records with a target.

    Examples
    --------
    >>> truth = np.repeat(["B", "T"], 20)
    >>> presence_findings("prot", truth == "B", truth)[0].message
    "Only records of the class 'B' have the input 'prot': its presence tells the class. ..."
    """
    findings = []
    labels = truth.astype(str)
    for rows, verb in ((has, "have"), (~has, "lack")):
        classes = np.unique(labels[rows])
        if len(classes) == 1 and (labels == classes[0]).mean() ** rows.sum() < LEAST_CHANCE:
            message = (
                f"Only records of the class '{classes[0]}' {verb} the input '{name}': its presence "
                "tells the class. Leave the input out, or add records of other classes that "
                f"{verb} it."
            )
            findings.append(Finding("shortcut", "warning", message, {"name": name}))
    return findings


def record_findings(
    records: InputRecords, modalities: Mapping[str, Modality], targets: Targets, split: Split
) -> list[Finding]:
    """What misleads scores on records with any inputs, told classes or values.

    Parameters
    ----------
    modalities : by input what reads it; they need not be fitted.
    """
    known = np.flatnonzero(targets.labelled)
    is_value = targets.labels is None
    names_of = targets.outputs(split.train) if is_value else ()
    shown = [f"'{name}'" if len(names_of) > 1 else "the target" for name in names_of]
    if is_value:
        numbers = _presence(records) | technical_numbers(records, modalities)
        truth = np.asarray(targets.truth, np.float64)
        findings = [
            finding
            for k, target in enumerate(shown)
            for finding in _correlations(numbers, truth[:, k], target)
        ]
        findings += copies_across_parts(record_hashes(records), split)
    else:
        findings = class_findings_of_inputs(records, modalities, targets, split)
    features, names = raw_features(records)
    if not len(names):
        return findings
    columns = targets.truth[known].T if is_value else [targets.truth[known]]
    for truth, target in zip(columns, shown or ["the target"], strict=True):
        findings += given_away(features[known], names, np.asarray(truth), target=target)
    return findings


def raw_features(records: InputRecords) -> tuple[FloatArray, list[str]]:
    """Numbers of all inputs that have some, float32 (n, f), NaN where missing, and names."""
    parts, names = [], []
    for name, own in records.parts.items():
        if not isinstance(own, NumericRecords):
            continue
        has = records.has(name)
        values = np.full((len(records), len(own.names)), np.nan, np.float32)
        values[has] = own.values[records.rows[name][has]]
        parts.append(values)
        names += [
            f"{name}: {feature}" if len(records.parts) > 1 else feature for feature in own.names
        ]
    return (np.hstack(parts) if parts else np.zeros((len(records), 0), np.float32)), names


def _presence(records: InputRecords) -> dict[str, FloatArray]:
    """By input that some records lack, (n,), which have it."""
    has = {name: records.has(name) for name in records.rows}
    return {f"having the input '{n}'": own.astype(np.float64) for n, own in has.items()
            if 0 < own.mean() < 1}  # fmt: skip


def _correlations(
    numbers: Mapping[str, FloatArray], truth: FloatArray, target: str
) -> list[Finding]:
    """Warn of what goes with a value or a label, (n,), and says how a record was measured."""
    findings = []
    for name, values in numbers.items():
        rows = np.isfinite(truth) & np.isfinite(values)
        if rows.sum() < 20 or not (np.ptp(values[rows]) and np.ptp(truth[rows])):
            continue
        r = float(np.corrcoef(values[rows], truth[rows])[0, 1])
        if abs(r) < LEAST_CORRELATION:
            continue
        message = (
            f"{name[:1].upper()}{name[1:]} goes with {target} (r = {r:.2f}): a model may read it "
            "instead of what was measured. Balance it, or test on records where it does not."
        )
        findings.append(Finding("shortcut", "warning", message, {"name": name, "pearson": r}))
    return findings
