"""Donors, batches or animals that a given split divides."""

import numpy as np

from polyome._errors import listed
from polyome.audit.findings import Finding, Number
from polyome.splits import Split


def group_findings(groups: np.ndarray, split: Split, name: str) -> list[Finding]:
    """Warn of groups that are on both sides: a score then says little of a new one.

    Parameters
    ----------
    groups : str, (n,), the group of each record.
    name : of their column.

    Examples
    --------
    >>> split = Split(np.array([0, 1]), np.array([], dtype=int), np.array([2, 3]), 0, "by hand")
    >>> group_findings(np.array(["d1", "d2", "d2", "d3"]), split, "donor")[0].numbers["rows"]
    1
    """
    training = np.concatenate([split.train, split.validation])
    is_shared = np.isin(groups[split.test], groups[training])
    if not is_shared.any():
        return []
    shared = np.unique(groups[split.test][is_shared])
    message = (
        f"{int(is_shared.sum()):,} of {len(split.test):,} test rows are of {len(shared):,} groups "
        f"of '{name}' that training rows are of too ({listed(shared, most=3)}): the score says "
        f"little of a new one. Split by it: --group {name} without --split."
    )
    numbers: dict[str, Number] = {
        "rows": int(is_shared.sum()),
        "groups": [str(group) for group in shared],
    }
    return [Finding("shared groups", "warning", message, numbers)]
