"""Records with several inputs, and which of them each has."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd

from polyome._errors import InputError, listed
from polyome._types import BoolArray, IntArray
from polyome.modalities.base import Records


@dataclass(frozen=True, eq=False)
class InputRecords:
    """A table of records, and by input the part of each that has it.

    Parameters
    ----------
    table : DataFrame, (n, ...), indexed by name: targets, groups, splits.
    parts : by input, records of its modality.
    rows : by input, int64 (n,): each record's place in the part, -1 where it lacks the input.
    source : what was read, for writing answers back.
    notes : what was decided while reading.
    """

    table: pd.DataFrame
    parts: dict[str, Any]
    rows: dict[str, IntArray]
    source: Any = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.table)

    def __getstate__(self) -> dict[str, Any]:
        """For pickle: what answers are written into stays behind; it may be a file, and large."""
        return self.__dict__ | {"source": None}

    def take(self, rows: IntArray) -> Self:
        """Some of the records, by position."""
        places = {name: own[rows] for name, own in self.rows.items()}
        return replace(self, table=self.table.iloc[rows], rows=places)

    def has(self, name: str) -> BoolArray:
        """Which records have an input, (n,)."""
        return self.rows[name] >= 0

    def part(self, name: str) -> Records:
        """An input's part of the records that have it, in their order."""
        found: Records = self.parts[name].take(self.rows[name][self.has(name)])
        return found

    def only(self, names: Mapping[str, BoolArray]) -> Self:
        """Hide inputs: by name of the input, the records, bool (n,), that keep it."""
        rows = {n: np.where(names[n], own, -1) for n, own in self.rows.items()}
        return replace(self, rows=rows)

    @property
    def pattern(self) -> IntArray:
        """Which inputs each record has, int (n,): the sum of 2^i over the inputs i, sorted."""
        found = np.zeros(len(self), dtype=np.int64)
        for i, name in enumerate(sorted(self.rows)):
            found += self.has(name) * 2**i
        return found


def check_some_input(table: pd.DataFrame, rows: Mapping[str, IntArray]) -> None:
    """Refuse rows of a table that have none of the inputs: there is nothing to answer them by."""
    nothing = np.all([own < 0 for own in rows.values()], axis=0)
    if nothing.any():
        message = (
            f"{int(nothing.sum()):,} of {len(table):,} records have no value in any of the inputs "
            f"{listed(rows)} (first: '{table.index[nothing][0]}'). Remove these rows."
        )
        raise InputError(message)


def with_an_input(records: InputRecords) -> InputRecords:
    """Leave out records that have none of the inputs, and say so."""
    has = records.pattern > 0
    if has.all():
        return records
    lacking = records.table.index[~has]
    note = (
        f"{len(lacking):,} of {len(records):,} records have none of the inputs "
        f"{listed(records.rows)} and are left out: {listed(lacking, most=3)}."
    )
    if not has.any():
        raise InputError(note)
    return replace(records.take(np.flatnonzero(has)), notes=(*records.notes, note))
