"""Which rows fit, which steer the fitting, and which are never looked at until the end.

Nothing here knows a modality: rows are positions, labels and groups are columns.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import GroupKFold

from polyome._errors import InputError, listed
from polyome._types import BoolArray, IntArray
from polyome.io.missing import stripped

PARTS = ("train", "validation", "test")
_MEANING = {part: part for part in PARTS} | dict.fromkeys(("val", "valid", "dev"), "validation")
"""Part that each word in a column of parts means."""


@dataclass(frozen=True)
class Split:
    """The parts of a data set; no row is in two of them.

    Attributes
    ----------
    train : int, (n_train,), positions of the rows that fit.
    validation : int, (n_validation,), rows for early stopping and calibration only; may be empty.
    test : int, (n_test,), rows that are never looked at while fitting; may be empty.
    left_out : rows that have a target and are in no part.
    how : where the parts come from, in words.
    unlabelled : rows without a target; they are in no part and not among `left_out`.
    notes : which rows are in no part, and why.
    """

    train: IntArray
    validation: IntArray
    test: IntArray
    left_out: int
    how: str
    unlabelled: int = field(default=0, kw_only=True)
    notes: tuple[str, ...] = field(default=(), kw_only=True)

    def among(self, rows: IntArray) -> "Split":
        """Give the parts as positions among some of the rows, ascending; the others are in none.

        Examples
        --------
        >>> split = Split(np.array([0, 3]), np.array([], dtype=int), np.array([2]), 0, "by hand")
        >>> split.among(np.array([2, 3])).train.tolist()
        [1]
        """
        train, validation, test = (np.flatnonzero(np.isin(rows, getattr(self, p))) for p in PARTS)
        return replace(self, train=train, validation=validation, test=test)


def _rows(mask: BoolArray) -> IntArray:
    return np.asarray(np.flatnonzero(mask), dtype=np.int64)


def _is_missing(values: ArrayLike | pd.Series) -> BoolArray:
    return np.asarray(pd.isna(pd.Series(values).astype(object)), dtype=bool)


def from_column(
    values: ArrayLike | pd.Series, *, labelled: BoolArray, name: str = "split"
) -> Split:
    """Read the parts from a column that names them; capitals do not matter.

    Parameters
    ----------
    values : (n,), ``train``, ``validation`` (or ``val``, ``valid``, ``dev``) or ``test``; rows with
        any other value are left out, and a note names them.
    labelled : bool, (n,), whether a row has a target.
    name : the column's name, for messages.

    Examples
    --------
    >>> split = from_column(["train", "Test", "train", None], labelled=np.ones(4, dtype=bool))
    >>> split.train.tolist(), split.test.tolist(), split.left_out
    ([0, 2], [1], 1)
    >>> from_column(["train", "Valid"], labelled=np.ones(2, dtype=bool)).validation.tolist()
    [1]
    """
    column = pd.Series(values).astype(object).reset_index(drop=True)
    words = column.astype(str).map(stripped).str.lower().map(_MEANING).to_numpy(dtype=object)
    if not (words == "train").any():
        counts = column.value_counts(dropna=False)
        found = [f"{value} ({count:,})" for value, count in counts.items()]
        msg = (
            f"Column '{name}' (split) has no 'train'. Found (rows): {listed(found) or 'none'}. "
            "Rows to fit on need 'train', rows to score 'test'; 'validation' is optional."
        )
        raise InputError(msg)
    train, validation, test = (_rows((words == part) & labelled) for part in PARTS)
    if not len(train):
        msg = f"No row with '{name}' = 'train' has a target."
        raise InputError(msg)
    spare = column[labelled & pd.isna(words)]
    unlabelled = int((~labelled).sum())
    how, notes = f"column '{name}'", _left_out_note(spare, name)
    return Split(train, validation, test, len(spare), how, unlabelled=unlabelled, notes=notes)


def _left_out_note(spare: "pd.Series[Any]", name: str) -> tuple[str, ...]:
    """Name the values of rows that are in no part, and count them."""
    if spare.empty:
        return ()
    counts = spare.astype(str).mask(_is_missing(spare), "").value_counts()
    shown = [f"'{value}' ({count:,})" if value else f"nothing ({count:,})"
             for value, count in counts.items()]  # fmt: skip
    more = f" and {len(shown) - 8:,} more" if len(shown) > 8 else ""
    return (
        f"rows with a target whose '{name}' is {', '.join(shown[:8])}{more} are left out: parts "
        "are 'train', 'validation' (or 'val', 'valid', 'dev') and 'test'.",
    )


def _quota(counts: IntArray, total: int, least: IntArray) -> IntArray:
    """How many of each class to take: near proportional, `total` in all where `least` allows it.

    Parameters
    ----------
    counts : int, (c,), members of each class. Classes with one member give none.
    total : rows wanted.
    least : int, (c,), taken from each class even if that exceeds its share.
    """
    share = counts * total / max(counts.sum(), 1)
    most = np.maximum(counts - 1, 0)
    quota: IntArray = np.clip(np.floor(share).astype(np.int64), np.minimum(least, most), most)
    for position in np.argsort(-(share - quota), kind="stable"):
        if quota.sum() >= total:
            break
        quota[position] += quota[position] < most[position]
    return quota


def _draw(codes: IntArray, quota: IntArray, rng: np.random.Generator) -> BoolArray:
    """Draw `quota[c]` random rows of each class: a mask, (n,)."""
    order = rng.permutation(len(codes))
    order = order[np.argsort(codes[order], kind="stable")]
    counts = np.bincount(codes, minlength=len(quota))
    rank = np.arange(len(codes)) - np.repeat(np.cumsum(counts) - counts, counts)
    drawn = np.zeros(len(codes), dtype=bool)
    drawn[order] = rank < quota[codes[order]]
    return drawn


def _codes(labels: ArrayLike | None, n: int) -> NDArray[np.int64]:
    if labels is None:
        return np.zeros(n, dtype=np.int64)
    codes = np.unique(np.asarray(labels).astype(str), return_inverse=True)[1]
    return np.asarray(codes, dtype=np.int64)


def random_split(
    labels: ArrayLike | None, *, labelled: BoolArray, test_size: float = 0.2, seed: int
) -> Split:
    """Draw the test part at random, each class in proportion.

    A class with one row stays in the training part, and every class keeps a row there.

    Parameters
    ----------
    labels : (n,), classes; None for values, which are drawn without strata.
    labelled : bool, (n,), whether a row has a target.
    test_size : the share of the rows with a target.

    Examples
    --------
    >>> split = random_split(["a"] * 10 + ["b"], labelled=np.ones(11, dtype=bool), seed=0)
    >>> len(split.train), len(split.test), 10 in split.train
    (9, 2, True)
    """
    rows = _rows(labelled)
    codes = _codes(None if labels is None else np.asarray(labels)[rows], len(rows))
    counts = np.bincount(codes, minlength=1)
    quota = _quota(counts, round(test_size * len(rows)), np.zeros_like(counts))
    drawn = _draw(codes, quota, np.random.default_rng(seed))
    manner = "at random" if labels is None else "stratified"
    how = f"{100 * test_size:g} % {manner}, seed {seed}"
    none = np.empty(0, dtype=np.int64)
    return Split(rows[~drawn], none, rows[drawn], 0, how, unlabelled=int((~labelled).sum()))


def _choose_groups(
    table: NDArray[np.int64], size: float, rng: np.random.Generator, tries: int = 200
) -> IntArray:
    """Choose groups whose rows are near `size` of all, with class proportions near the whole's.

    The groups are shuffled `tries` times; each beginning of each order is a candidate. Its cost is
    the relative error of its size, plus the total variation between its class proportions and the
    whole's, plus the share of the classes that it would leave without a training row.

    Parameters
    ----------
    table : int, (groups, c), rows of each class in each group.
    """
    whole = table.sum(axis=0)
    best, chosen = np.inf, np.arange(1)
    for _ in range(tries):
        order = rng.permutation(len(table))
        taken = table[order].cumsum(axis=0)[:-1]  # (groups - 1, c)
        rows = taken.sum(axis=1)
        error = np.abs(rows / whole.sum() - size) / size
        shift = np.abs(taken / np.maximum(rows, 1)[:, None] - whole / whole.sum()).sum(axis=1) / 2
        cost = error + shift + (taken == whole).mean(axis=1)
        if cost.min() < best:
            best, chosen = float(cost.min()), order[: int(cost.argmin()) + 1]
    return chosen


def group_split(
    groups: ArrayLike | pd.Series,
    *,
    labels: ArrayLike | None = None,
    labelled: BoolArray,
    test_size: float = 0.2,
    seed: int,
    name: str = "group",
) -> Split:
    """Draw whole groups (donors, batches, animals) as the test part.

    Parameters
    ----------
    groups : (n,), the group of each row.
    labels : (n,), classes, whose proportions are kept as near as the groups allow.
    labelled : bool, (n,), whether a row has a target.
    test_size : the share of the rows to come near to.
    name : the column's name, for messages.

    Examples
    --------
    >>> donors = np.repeat(["d1", "d2", "d3", "d4", "d5"], 10)
    >>> split = group_split(donors, labelled=np.ones(50, dtype=bool), seed=0)
    >>> len(split.test), len(set(donors[split.test]))
    (10, 1)
    """
    rows = _rows(labelled)
    names, codes = np.unique(group_names(groups, rows, name)[rows], return_inverse=True)
    if len(names) < 2:
        msg = (
            f"Column '{name}' (group) holds {len(names)} group{'s' * (len(names) != 1)}: "
            f"{listed(names) or 'none'}. A split by group needs 2 or more; "
            + (
                "cut off what all sequences share (an adapter, a poly-A), or name families."
                if name == "homology"
                else "choose another column, or split at random."
            )
        )
        raise InputError(msg)
    classes = _codes(None if labels is None else np.asarray(labels)[rows], len(rows))
    table = np.zeros((len(names), classes.max() + 1), dtype=np.int64)
    np.add.at(table, (codes, classes), 1)
    drawn = np.isin(codes, _choose_groups(table, test_size, np.random.default_rng(seed)))
    none = np.empty(0, dtype=np.int64)
    how = f"by group '{name}', seed {seed}"
    if drawn.sum() < test_size * len(rows) / 2:
        largest = int(table.sum(axis=1).max())
        how += f"; no larger test part, for one group holds {largest:,} of {len(rows):,} rows"
    return Split(rows[~drawn], none, rows[drawn], 0, how, unlabelled=int((~labelled).sum()))


def found_group_split(
    groups: ArrayLike, *, labels: ArrayLike | None, labelled: BoolArray, seed: int, name: str
) -> Split:
    """Draw groups that a task finds as the test part; rows that are in none are training rows.

    Parameters
    ----------
    groups : (n,), the group of each row, None where it is in none.
    labels, labelled, seed, name : see :func:`group_split`.

    Examples
    --------
    >>> sections = np.array(["a"] * 5 + ["b"] * 5 + [None] * 4, dtype=object)
    >>> labelled = np.ones(14, dtype=bool)
    >>> split = found_group_split(sections, labels=None, labelled=labelled, seed=0, name="section")
    >>> len(split.train), len(split.test), split.unlabelled
    (9, 5, 0)
    """
    free = labelled & _is_missing(groups)
    split = group_split(groups, labels=labels, labelled=labelled & ~free, seed=seed, name=name)
    if not free.any():
        return split
    return replace(
        split,
        train=np.sort(np.concatenate([split.train, np.flatnonzero(free)])),
        how=f"{split.how}; {int(free.sum()):,} rows without a place are training rows",
        unlabelled=int((~labelled).sum()),
    )


def each_in_a_group(groups: ArrayLike) -> np.ndarray:
    """Groups as text, (n,); each row that is in none is a group of its own.

    Examples
    --------
    >>> each_in_a_group(np.array(["a", None, None], dtype=object)).tolist()
    ['a', 'row 1', 'row 2']
    """
    names = np.asarray(groups).astype(str)
    missing = np.flatnonzero(_is_missing(groups))
    if not len(missing):
        return names
    found = names.astype(object)
    found[missing] = [f"row {i}" for i in missing]
    return found.astype(str)


def group_names(groups: ArrayLike | pd.Series, rows: IntArray, name: str) -> np.ndarray:
    """Groups as text, (n,); refused where one of ``rows`` has none.

    Examples
    --------
    >>> group_names(["d1 ", None], np.array([0]), "donor").tolist()
    ['d1', 'None']
    """
    column = pd.Series(groups).astype(object).to_numpy()
    missing = int(_is_missing(column[rows]).sum())
    if missing:
        msg = (
            f"Column '{name}' (group) is empty for {missing:,} of {len(rows):,} rows "
            "with a target. Give them a group, or leave them out."
        )
        raise InputError(msg)
    return np.array([stripped(str(group)) for group in column])


def inner_folds(
    codes: IntArray, groups: ArrayLike | None, folds: int, seed: int, *, if_small: int | None = 3
) -> IntArray:
    """Give each row its fold, (n,): stratified, or of whole groups if there are two.

    ``if_small`` is the number of folds where a class has fewer rows than ``folds``; None keeps it.

    Examples
    --------
    >>> np.bincount(inner_folds(np.zeros(10, int), None, 5, seed=0)).tolist()
    [2, 2, 2, 2, 2]
    """
    members = np.bincount(codes)
    if if_small is not None and members[members > 0].min() < folds:
        folds = if_small
    folds = min(folds, len(codes))
    fold = np.empty(len(codes), dtype=np.int64)
    if groups is not None and len(np.unique(np.asarray(groups).astype(str))) > 1:
        names = np.asarray(groups).astype(str)
        splitter = GroupKFold(min(folds, len(np.unique(names))), shuffle=True, random_state=seed)
        for k, (_, rows) in enumerate(splitter.split(codes, groups=names)):
            fold[rows] = k
        return fold
    order = np.random.default_rng(seed).permutation(len(codes))
    fold[order[np.argsort(codes[order], kind="stable")]] = np.arange(len(codes)) % folds
    return fold
