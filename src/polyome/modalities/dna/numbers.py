"""Numbers that come with each record, such as mRNA half-life or gene length."""

from typing import Self

import numpy as np
import pandas as pd

from polyome._errors import InputError, one_column
from polyome._types import FloatArray
from polyome.io.missing import as_numbers


class Numbers:
    """Numeric columns, standardised on training records; a missing value is said to be missing.

    Parameters
    ----------
    columns : their names.

    Examples
    --------
    >>> table = pd.DataFrame({"half_life": [10.0, 30.0, None]})
    >>> Numbers(("half_life",)).fit(table).read(table).tolist()
    [[-1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    """

    def __init__(self, columns: tuple[str, ...]) -> None:
        self.columns = columns
        self.means = np.zeros(len(columns))
        self.stds = np.ones(len(columns))

    def fit(self, table: pd.DataFrame) -> Self:
        """Learn mean and spread from training records."""
        for k, column in enumerate(self._columns(table).T):
            known = column[np.isfinite(column)]
            if not len(known):
                message = f"{_called(self.columns[k])} has no value on training rows."
                raise InputError(message)
            self.means[k], self.stds[k] = known.mean(), known.std() or 1.0
        return self

    def read(self, table: pd.DataFrame) -> FloatArray:
        """float32, (n, 2k): standardised values, 0 where missing, and which are missing."""
        standard = (self._columns(table) - self.means) / self.stds
        missing = ~np.isfinite(standard)
        return np.hstack([np.where(missing, 0, standard), missing]).astype(np.float32)

    def notes(self, table: pd.DataFrame) -> list[str]:
        """Say of how many records a number is missing.

        Examples
        --------
        >>> Numbers(("half_life",)).notes(pd.DataFrame({"half_life": [10.0, None]}))
        ["column 'half_life' (features) has no value for 1 of 2 records; a mean is read there."]
        """
        found = zip(self.columns, (~np.isfinite(self._columns(table))).sum(axis=0), strict=True)
        return [
            f"{_called(name)} has no value for {count:,} of {len(table):,} records; "
            "a mean is read there."
            for name, count in found
            if count
        ]

    def _columns(self, table: pd.DataFrame) -> FloatArray:
        where = "the input"
        found = [
            as_numbers(one_column(table, name, role="features", where=where), _called(name))
            for name in self.columns
        ]
        return np.column_stack(found) if found else np.zeros((len(table), 0))


def _called(name: str) -> str:
    return f"column '{name}' (features)"
