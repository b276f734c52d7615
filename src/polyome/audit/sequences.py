"""What may be wrong with a set of labelled sequences: copies across the split, and shortcuts."""

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import roc_auc_score

from polyome._errors import listed
from polyome._types import BoolArray, FloatArray, IntArray
from polyome.audit.duplicates import conflicting_labels
from polyome.audit.findings import Finding, Number, Severity
from polyome.audit.homology import compared, have_relatives, shared_kmers, whole_numbers
from polyome.audit.shortcuts import shortcut_findings
from polyome.io.nucleotides import Sequences, gc_share, reverse_complement
from polyome.splits import Split

WARN_ABOVE = 0.05
"""Share of the test rows, or of those of one class, with a relative among the training rows."""
FEW = 20
"""A class with fewer test rows than this does not make a warning by its own share."""

_Names = NDArray[np.str_]


def sequence_findings(dna: Sequences, labels: ArrayLike | None, split: Split) -> list[Finding]:
    """Find copies and relatives across the split, torn labels, and numbers that tell the class.

    Parameters
    ----------
    dna : n sequences; capitals do not matter.
    labels : (n,), classes; None for values, and then nothing is said of labels and shortcuts.
    split : its rows count; others do not.

    Returns
    -------
    Findings of the kinds ``duplicates`` (the same sequence in two parts, or under two labels),
    ``reverse complements``, ``near duplicates`` (a shared 30-mer), ``relatives`` (alike over most
    of the length without it) and ``shortcut`` (GC content, length, share of N). ``numbers`` holds
    the counts.

    Examples
    --------
    >>> split = Split(np.array([0, 1]), np.array([], dtype=int), np.array([2]), 0, "by hand")
    >>> dna = Sequences.from_text(["ACCA", "GATT", "acca"])
    >>> found = sequence_findings(dna, ["a", "b", "a"], split)
    >>> found[0].kind, found[0].numbers["test_rows_in_train"]
    ('duplicates', 1)
    """
    whole = whole_numbers(dna)
    findings = _copies(whole, split)
    names = None if labels is None else np.asarray(labels, dtype=object).astype(str)
    if names is not None:
        rows = np.concatenate([split.train, split.validation, split.test])
        copies = pd.DataFrame({"same": whole[rows], "label": names[rows]})
        findings += conflicting_labels(copies, "sequence")
    findings += _other_strand(dna, whole, split)
    shared = shared_kmers(dna, split.test, split.train)
    findings += _near(dna, shared, names, split)
    findings += _relatives(dna, shared, names, split)
    if names is not None:
        findings += _shortcuts(dna, names, split)
    return findings


def _copies(whole: IntArray, split: Split) -> list[Finding]:
    """Test rows whose very sequence is in the training or validation part."""
    in_train = np.isin(whole[split.test], whole[split.train])
    in_validation = np.isin(whole[split.test], whole[split.validation])
    leaked = int((in_train | in_validation).sum())
    if not leaked:
        return []
    fitted = np.bincount(
        whole[np.concatenate([split.train, split.validation])], minlength=len(whole)
    )
    share = leaked / len(split.test)
    numbers: dict[str, Number] = {
        "test_rows_in_train": int(in_train.sum()),
        "test_rows_in_validation": int(in_validation.sum()),
        "pairs": int(fitted[whole[split.test]].sum()),
        "share_of_test": share,
    }
    message = (
        f"{leaked:,} of {len(split.test):,} test rows ({share:.1%}) have the very sequence of a "
        f"row that fits or steers the model (train {in_train.sum():,}, "
        f"validation {in_validation.sum():,}), so their score is memory. Remove the "
        "copies, or use --split-by homology."
    )
    return [Finding("duplicates", "warning", message, numbers)]


def _other_strand(dna: Sequences, whole: IntArray, split: Split) -> list[Finding]:
    """Test rows that are the reverse complement of a training row and no copy of one."""
    either = whole_numbers(dna, both_strands=True)
    turned = np.isin(either[split.test], either[split.train])
    turned &= ~np.isin(whole[split.test], whole[split.train])
    count = int(turned.sum())
    if not count:
        return []
    share = count / len(split.test)
    numbers: dict[str, Number] = {
        "test_rows_in_train": count,
        "share_of_test": share,
        "test_rows_palindromic": _palindromes(dna.take(split.test)),
    }
    severity: Severity = "warning" if share > WARN_ABOVE else "note"
    message = (
        f"{count:,} of {len(split.test):,} test rows ({share:.1%}) are the reverse complement of a "
        "training row: a model that reads both strands has seen them. Use --split-by homology, "
        "which counts both strands."
    )
    return [Finding("reverse complements", severity, message, numbers)]


def _palindromes(dna: Sequences) -> int:
    """Sequences that are their own reverse complement; as copies they are not counted twice."""
    other = reverse_complement(dna)
    return sum(np.array_equal(dna.one(row), other.one(row)) for row in range(len(dna)))


def _near(dna: Sequences, either: BoolArray, names: _Names | None, split: Split) -> list[Finding]:
    """Test rows that share a stretch with a training row, in all and class by class."""
    cut = compared(dna)
    count = int(either.sum())
    if not count:
        return []
    same = int(shared_kmers(dna, split.test[either], split.train, both_strands=False).sum())
    share = count / len(split.test)
    numbers: dict[str, Number] = {
        "k": cut.k,
        "common_bases": [cut.begin, cut.end],
        "test_rows_sharing": count,
        "test_rows_sharing_same_strand": same,
        "share_of_test": share,
    }
    most, listing, by_class = _class_shares(either, names, split)
    numbers |= by_class
    ends = ""
    if cut.begin or cut.end:
        ends = (
            f" Not compared: the first {cut.begin} and last {cut.end} bases, alike in nearly all."
        )
    message = (
        f"{count:,} of {len(split.test):,} test rows ({share:.1%}) share a {cut.k}-mer with a "
        f"training row ({same:,} on the same strand): part of their score may be memory."
        f"{listing}{ends} "
        "Use --split-by homology, which keeps such sequences on one side."
    )
    severity: Severity = "warning" if max(share, most) > WARN_ABOVE else "note"
    return [Finding("near duplicates", severity, message, numbers)]


def _relatives(
    dna: Sequences, shared: BoolArray, names: _Names | None, split: Split
) -> list[Finding]:
    """Test rows that are alike a training row over most of their length, but share no stretch."""
    related = have_relatives(dna, split.test, split.train) & ~shared
    count = int(related.sum())
    if not count:
        return []
    share = count / len(split.test)
    numbers: dict[str, Number] = {"test_rows": count, "share_of_test": share}
    most, listing, by_class = _class_shares(related, names, split)
    message = (
        f"{count:,} more of {len(split.test):,} test rows ({share:.1%}) are relatives of a "
        "training row: alike over most of their length (about 60% identity or more), without a "
        f"stretch in common. Part of their score may be memory.{listing} "
        "Use --split-by homology, which keeps such sequences on one side."
    )
    severity: Severity = "warning" if max(share, most) > WARN_ABOVE else "note"
    return [Finding("relatives", severity, message, numbers | by_class)]


def _class_shares(
    marked: BoolArray, names: _Names | None, split: Split
) -> tuple[float, str, dict[str, Number]]:
    """Largest share of marked test rows in a class that is not tiny; in words; in numbers."""
    if names is None:
        return 0.0, "", {}
    table = _by_class(marked, names[split.test])
    numbers: dict[str, Number] = {
        "classes": table.index.tolist(),
        "test_rows_by_class": table["rows"].tolist(),
        "share_by_class": table["share"].tolist(),
    }
    return float(table["share"].where(table["rows"] >= FEW, 0.0).max()), _listing(table), numbers


def _by_class(shared: BoolArray, names: _Names) -> pd.DataFrame:
    """Test rows of each class, and the share of them that `shared` marks: ``rows``, ``share``."""
    by_name = pd.Series(shared).groupby(names)
    return pd.DataFrame({"rows": by_name.size(), "share": by_name.mean()})


def _listing(table: pd.DataFrame) -> str:
    """Say the share of each class, the largest first."""
    ordered = table["share"].sort_values(ascending=False, kind="stable")
    return f" By class: {listed(f'{name} ({share:.0%})' for name, share in ordered.items())}."


def _shortcuts(dna: Sequences, names: _Names, split: Split) -> list[Finding]:
    """GC content, length and share of N alone; AUROC by rank too where there are two classes."""
    rows = np.concatenate([split.train, split.validation, split.test])
    candidates = {"GC content": gc_share(dna)}
    if np.ptp(dna.lengths[rows]):
        candidates["length"] = dna.lengths.astype(np.float64)
    unknown = _share_unknown(dna)
    if unknown[rows].any():
        candidates["share of N"] = unknown
    chosen = {name: values[rows] for name, values in candidates.items()}
    findings = shortcut_findings(chosen, names[rows])
    if len(np.unique(names[rows])) != 2:
        return findings
    return [_with_rank(one, candidates[str(one.numbers["name"])], names, split) for one in findings]


def _share_unknown(dna: Sequences) -> FloatArray:
    """Share of letters that are not A, C, G or T, float64 (n,); 0 where there is no letter."""
    total = np.concatenate([[0], np.cumsum(dna.codes > 4)])
    count = total[dna.starts + dna.lengths] - total[dna.starts]
    return np.asarray(count / np.maximum(dna.lengths, 1), dtype=np.float64)


def _with_rank(finding: Finding, values: FloatArray, names: _Names, split: Split) -> Finding:
    """Add the plain AUROC of the number: over all rows, and over test rows as train ranks them."""
    parts = {"rank_auroc": np.concatenate([split.train, split.validation, split.test])}
    parts["rank_auroc_test"] = split.test
    last = max(np.unique(names[parts["rank_auroc"]]))
    scores = {part: _rank_auroc(values[rows], names[rows] == last) for part, rows in parts.items()}
    train = _rank_auroc(values[split.train], names[split.train] == last)
    whole = scores["rank_auroc"] or 0.5
    if (whole if train is None else train) < 0.5:
        scores = {part: None if score is None else 1 - score for part, score in scores.items()}
    return replace(finding, numbers={**finding.numbers, **scores})


def _rank_auroc(values: FloatArray, is_last: BoolArray) -> float | None:
    known = np.isfinite(values)
    if len(np.unique(is_last[known])) < 2:
        return None
    return float(roc_auc_score(is_last[known], values[known]))
