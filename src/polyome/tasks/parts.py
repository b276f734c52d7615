"""Which rows fit and which are scored, and whether they suffice."""

from typing import Any

import numpy as np
import pandas as pd

from polyome import splits
from polyome._errors import InputError, listed, missing_column
from polyome.modalities import MODALITIES
from polyome.modalities.base import Records
from polyome.splits import Split
from polyome.tasks.base import Targets, Task, labels_as_text


def split_records(
    task: Task,
    records: Records,
    targets: Targets,
    *,
    split: str | None,
    split_by: str | None,
    group: str | None,
) -> tuple[Split, np.ndarray | None]:
    """Find the parts as the user asked for them.

    Returns
    -------
    The parts, and the group of each record, (n,), where rows stay together by group.
    """
    table, labelled = records.table, targets.labelled
    where = MODALITIES[task.modality].table_name
    if split is not None and split_by is not None:
        message = "--split and --split-by were both given; give one of them."
        raise InputError(message)
    if group is not None and group not in table.columns:
        raise missing_column(group, table.columns, role="group", where=where)
    if split is not None:
        if split not in table.columns:
            raise missing_column(split, table.columns, role="split", where=where)
        parts = splits.from_column(table[split], labelled=labelled, name=split)
        if group is None:
            return parts, None
        rows = np.concatenate([parts.train, parts.dev, parts.test])
        return parts, splits.group_names(table[group], rows, group)
    if split_by not in (None, *task.splits_by):
        message = f"there is no --split-by {split_by} for {task.name}. "
        message += f"Known: {listed(task.splits_by)}."
        raise InputError(message)
    by = split_by or ("random" if group is None else "group")
    if by != "group" and group is not None:
        message = (
            f"--group {group} names rows that stay together, and --split-by {by} "
            f"{'keeps none together' if by == 'random' else 'finds such rows by itself'}. "
            f"Leave one of them out; --group {group} alone means --split-by group."
        )
        raise InputError(message)
    if by == "random":
        return splits.random_split(targets.labels, labelled=labelled, seed=task.seed), None
    values = _groups(task, records, by, group)
    parts = splits.group_split(
        values, labels=targets.labels, labelled=labelled, seed=task.seed, name=group or by
    )
    return task.apart(records, parts, by), np.asarray(values).astype(str)


def _groups(task: Task, records: Records, split_by: str, group: str | None) -> Any:
    """Group of each record, (n,): of a column, or as the task finds it."""
    table, grouping = records.table, task.splits_by[split_by]
    if grouping is not None:
        return grouping(records)
    if group is None:
        message = (
            "--split-by group needs --group COLUMN, the column of donors, batches or animals. "
            f"Columns: {listed(table.columns, most=20)}."
        )
        raise InputError(message)
    return table[group]


def counted(parts: Split) -> str:
    """Say how many rows each part has, and how many have none."""
    sizes = {part: len(getattr(parts, part)) for part in splits.PARTS}
    counts = [f"{size:,} {part}" for part, size in sizes.items() if size or part != "dev"]
    counts += [f"{parts.left_out:,} left out"] * (parts.left_out > 0)
    counts += [f"{parts.unlabelled:,} without a label"] * (parts.unlabelled > 0)
    return f"rows: {', '.join(counts)} (split: {parts.how})"


def if_there(table: pd.DataFrame, target: str, label: str | None) -> str | None:
    """A label that means missing, where the column has it."""
    if label is None or target not in table.columns:
        return label
    return label if (labels_as_text(table[target]) == label).any() else None
