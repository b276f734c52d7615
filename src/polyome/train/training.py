"""Training rows as all steps of fitting see them."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from polyome._types import IntArray
from polyome.modalities import Modality
from polyome.modalities.base import Records
from polyome.splits import inner_folds


@dataclass(frozen=True)
class Training:
    """Training rows and their truth.

    Attributes
    ----------
    records : the rows of the training and validation parts, prepared.
    truth : int64, (n,), classes; or float32, (n, c, 2), values and their weights.
    strata : int64, (n,), what folds keep in proportion.
    fit, validation : positions in ``records``; ``validation`` is empty where there is no such part.
    groups : (n,), rows of one group validate together; None without groups.
    facts : what the task chose before, and why.
    """

    modality: Modality
    records: Records
    truth: Any
    strata: IntArray
    num_classes: int
    num_members: int
    fit: IntArray
    validation: IntArray
    groups: np.ndarray | None
    facts: dict[str, Any] = field(default_factory=dict)

    def folds(
        self, number: int, seed: int, *, if_small: int | None
    ) -> list[tuple[IntArray, IntArray]]:
        """(rows that fit, rows held out), for each fold; the validation part where there is one."""
        if len(self.validation):
            return [(self.fit, self.validation)] * number
        groups = None if self.groups is None else self.groups[self.fit]
        fold = inner_folds(self.strata[self.fit], groups, number, seed, if_small=if_small)
        return [(self.fit[fold != k], self.fit[fold == k]) for k in range(fold.max() + 1)]
