"""Which rows fit and which are scored, and whether they suffice."""

import numpy as np
import pandas as pd

from polyome import splits
from polyome._errors import InputError, listed, missing_column
from polyome.modalities.base import Records
from polyome.splits import Split
from polyome.tasks.base import Targets

SPLIT_BY = ("random", "group")


def split_records(
    records: Records,
    targets: Targets,
    *,
    split: str | None,
    split_by: str | None,
    group: str | None,
    seed: int,
) -> Split:
    """Find the parts as the user asked for them."""
    table, labelled = records.table, targets.labelled
    if split is not None and split_by is not None:
        message = "--split and --split-by were both given; give one of them."
        raise InputError(message)
    if group is not None and group not in table.columns:
        raise missing_column(group, table.columns, role="group")
    if split is not None:
        if split not in table.columns:
            raise missing_column(split, table.columns, role="split")
        return splits.from_column(table[split], labelled=labelled, name=split)
    if split_by not in (None, *SPLIT_BY):
        message = f"there is no --split-by {split_by}. Known: {listed(SPLIT_BY)}."
        raise InputError(message)
    if split_by == "group":
        if group is None:
            message = (
                "--split-by group needs --group COLUMN, the column of donors, batches or animals. "
                f"Columns: {listed(table.columns, most=20)}."
            )
            raise InputError(message)
        return splits.group_split(
            table[group], labels=targets.truth, labelled=labelled, seed=seed, name=group
        )
    return splits.random_split(targets.truth, labelled=labelled, seed=seed)


def counted(parts: Split) -> str:
    """Say how many rows each part has, and how many have none."""
    counts = [f"{len(getattr(parts, part)):,} {part}" for part in splits.PARTS]
    counts += [f"{parts.left_out:,} left out"] * (parts.left_out > 0)
    counts += [f"{parts.unlabelled:,} without a label"] * (parts.unlabelled > 0)
    return f"rows: {', '.join(counts)} (split: {parts.how})"


def if_there(table: pd.DataFrame, target: str, label: str | None) -> str | None:
    """A label that means missing, where the column has it."""
    if label is None or target not in table.columns:
        return label
    return label if (table[target].astype(str) == label).any() else None


def check_two_classes(targets: Targets, target: str) -> None:
    """Refuse a target with one class or none."""
    if len(targets.classes) < 2:
        found = f"only '{targets.classes[0]}'" if targets.classes else "no label at all"
        message = f"column '{target}' (target) has {found}; two classes or more are needed."
        raise InputError(message)


def check_enough(targets: Targets, parts: Split, target: str) -> None:
    """Some class needs a row to fit, one to calibrate and one to spare."""
    labels, counts = np.unique(targets.truth[parts.train].astype(str), return_counts=True)
    if len(labels) < 2:
        message = (
            f"the training part has only '{labels[0]}' of column '{target}' (target); "
            "two classes or more are needed."
        )
        raise InputError(message)
    if counts.max() < 3 and not len(parts.dev):
        message = (
            f"column '{target}' (target) has {len(labels):,} labels on {counts.sum():,} training "
            f"rows, none of them on 3 rows or more ({listed(labels, most=3)}). Labels of classes "
            "are needed, not names of rows."
        )
        raise InputError(message)
    unseen = sorted(set(targets.truth[parts.dev]) - set(labels))
    if unseen:
        message = (
            f"rows of the part 'dev' have labels that no 'train' row has: {listed(unseen)}. "
            "Move some of those rows to 'train', or give them another part."
        )
        raise InputError(message)
