"""Which rows fit and which are scored, and whether they suffice."""

import warnings
from typing import Any

import numpy as np
import pandas as pd

from polyome import splits
from polyome._errors import InputError, PolyomeWarning, listed, one_column
from polyome.io.missing import stripped
from polyome.labels import alike_labels, labels_as_text, meant_missing
from polyome.modalities.base import Records
from polyome.outputs.targets import Targets
from polyome.splits import Split
from polyome.tasks.base import Task
from polyome.tasks.genome import CHROMOSOME_COLUMNS, one_spelling


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
    where = task.table_words().where
    if split is not None and split_by is not None:
        message = "--split and --split-by were both given; give one of them."
        raise InputError(message)
    groups = None if group is None else _named_groups(table, group, where)
    if split is not None:
        column = one_column(table, split, role="split", where=where)
        parts = splits.from_column(column, labelled=labelled, name=split)
        if group is None or groups is None:
            return parts, None
        rows = np.concatenate([parts.train, parts.validation, parts.test])
        return parts, splits.group_names(groups, rows, group)
    if split_by not in (None, *task.groupings()):
        message = f"there is no --split-by {split_by} for {task.name}. "
        message += f"Known: {listed(task.groupings())}."
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
    values = _groups(task, records, by, groups)
    draw = splits.group_split if by == "group" else splits.found_group_split
    parts = draw(values, labels=targets.labels, labelled=labelled, seed=task.seed, name=group or by)
    names = np.asarray(values).astype(str) if by == "group" else splits.each_in_a_group(values)
    return task.exclude_near_test(records, parts, by), names


def _named_groups(table: pd.DataFrame, group: str, where: str) -> "pd.Series[Any]":
    """The column that the user named; spellings that may be one group are warned of."""
    column = one_column(table, group, role="group", where=where)
    if group in CHROMOSOME_COLUMNS:
        return one_spelling(column)
    names = column.dropna().astype(str).map(stripped)
    alike = alike_labels(names.unique())
    if alike:
        message = (
            f"groups of '{group}' differ only in capitals, blanks or the form of a number: "
            f"{'; '.join(listed(names) for names in alike[:5])}. They are different groups here, "
            "which may stand on both sides of the split. Spell them alike if they are one."
        )
        warnings.warn(message, PolyomeWarning, stacklevel=4)
    return column


def _groups(task: Task, records: Records, split_by: str, named: "pd.Series[Any] | None") -> Any:
    """Group of each record, (n,): of a column, or as the task finds it."""
    grouping = task.groupings()[split_by]
    if grouping is not None:
        return grouping(records)
    if named is None:
        message = (
            "--split-by group needs --group COLUMN, the column of donors, batches or animals. "
            f"Columns: {listed(records.table.columns, most=20)}."
        )
        raise InputError(message)
    return named


def counted(parts: Split) -> str:
    """Say how many rows each part has, and how many have none."""
    sizes = {part: len(getattr(parts, part)) for part in splits.PARTS}
    counts = [f"{size:,} {part}" for part, size in sizes.items() if size or part != "validation"]
    counts += [f"{parts.left_out:,} left out"] * (parts.left_out > 0)
    counts += [f"{parts.unlabelled:,} without a label"] * (parts.unlabelled > 0)
    return f"rows: {', '.join(counts)} (split: {parts.how})"


def if_there(table: pd.DataFrame, target: str, label: str | None) -> str | None:
    """Labels that mean missing, as far as the column has them."""
    if label is None or target not in table.columns:
        return label
    known = set(labels_as_text(table[target]))
    return ",".join(name for name in meant_missing(label, known) if name in known) or None
