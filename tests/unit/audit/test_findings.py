"""A finding is ready for JSON."""

import dataclasses
import json

import numpy as np

from polyome.audit.classes import class_findings
from polyome.audit.clustering import labels_from_clustering
from polyome.audit.duplicates import duplicate_findings
from polyome.audit.shortcuts import shortcut_findings
from polyome.splits import Split


def test_every_check_gives_findings_that_json_takes():
    x = np.ones((60, 3)) * (np.arange(60) % 20)[:, None]
    labels = np.array(["a"] * 25 + ["b"] * 5 + ["c"] * 30)
    split = Split(np.arange(30), np.array([], dtype=int), np.arange(30, 60), 0, "by hand")
    found = [
        *duplicate_findings(x, labels, split),
        *class_findings(labels, split),
        *shortcut_findings({"row": np.arange(60)}, labels),
        *labels_from_clustering(x, labels, target="leiden"),
    ]
    kinds = {finding.kind for finding in found}
    assert kinds >= {"duplicates", "missing class", "tiny class", "shortcut"}
    json.dumps([dataclasses.asdict(finding) for finding in found], allow_nan=False)
    assert all(finding.message.endswith(".") for finding in found)
