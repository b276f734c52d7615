"""Labels as people write them: missing, in several spellings, or words that mean "no label"."""

import re
import shlex
import unicodedata
import warnings
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from polyome._errors import InputError, PolyomeWarning, listed
from polyome.io.missing import MISSING, missing_words, stripped, words_note

REFUSED = "unknown"
"""What a model answers for records that it refuses."""
_DOUBTFUL = frozenset((
    "unknown", "unk", "unassigned", "not assigned", "undetermined", "not determined", "nd",
    "n.d.", "undefined", "unlabelled", "unlabeled", "unannotated", "not annotated",
    "unclassified", "unspecified", "unidentified", "uncertain", "ambiguous", "doublet",
    "doublets", "multiplet", "multiplets", "none", "no label", "missing", "other", "others",
    "low quality", "low-quality", "excluded", "exclude", "to be determined", "tbd",
))  # fmt: skip
_DOUBTFUL_WORDS = re.compile(r"\b(doublets?|multiplets?|low[ -]quality|unassigned|undetermined)\b")
_AROUND = re.compile(r"[ .-]*[0-9]+$|[ .-]*(cells?|clusters?|types?)$")
_NUMBER = re.compile(r"[+-]?[0-9]+\.?[0-9]*")
_MOST_SHOWN = 20


def labels_as_text(column: "pd.Series[Any]") -> np.ndarray:
    """Labels, object (n,): text, or None where there is none (NaN, None, empty, or these as text).

    Blanks at the ends go. 3.0 reads as 3, as a column of integers with gaps was meant. ``-`` is no
    label, but where others are ``+``.

    Examples
    --------
    >>> labels_as_text(pd.Series([1.0, None, 2.0])).tolist()
    ['1', None, '2']
    >>> labels_as_text(pd.Series(["B ", " ", None, "nan"], dtype="category")).tolist()
    ['B', None, None, None]
    >>> labels_as_text(pd.Series([0, None, 1], dtype="category")).tolist()
    ['0', None, '1']
    >>> labels_as_text(pd.Series(["+", "-", "?"])).tolist()
    ['+', '-', None]
    """
    known = column.notna().to_numpy()
    labels = column[known]
    if isinstance(labels.dtype, pd.CategoricalDtype):
        labels = labels.astype(labels.cat.categories.dtype)
    if pd.api.types.is_float_dtype(labels.dtype) and (labels % 1 == 0).all():
        labels = labels.astype(np.int64)
    texts = [stripped(text) for text in labels.astype(str)]
    missing = MISSING - {"-"} if "+" in texts else MISSING
    found = np.full(len(column), None, dtype=object)
    found[known] = [None if text in missing else text for text in texts]
    return found


def reading_notes(column: "pd.Series[Any]", labels: np.ndarray, target: str) -> list[str]:
    """Say which texts were taken as no label, and which had blanks at their ends.

    Parameters
    ----------
    labels : of :func:`labels_as_text`.

    Examples
    --------
    >>> column = pd.Series(["B", "B ", "T"])
    >>> reading_notes(column, labels_as_text(column), "kind")
    ["1 rows of 'kind' had blanks at the ends of the label, such as 'B '; they were removed."]
    """
    missing = np.array([label is None for label in labels], dtype=bool)
    notes = [
        f"{note} Rename a class that is called so."
        for note in words_note(missing_words(column[missing]), target, "no label")
    ]
    if pd.api.types.is_numeric_dtype(column.dtype):
        return notes
    counts = column[~missing].astype(str).value_counts()
    blank = counts[[text != stripped(text) for text in counts.index]]
    if len(blank):
        notes.append(
            f"{int(blank.sum()):,} rows of '{target}' had blanks at the ends of the label, such as "
            f"'{blank.index[0]}'; they were removed."
        )
    return notes


def meant_missing(unlabelled: str, labels: Collection[str]) -> list[str]:
    """Names of labels in ``unlabelled``: one, or several with commas between them.

    Examples
    --------
    >>> meant_missing("Unknown, Doublet", {"B", "Unknown"})
    ['Unknown', 'Doublet']
    >>> meant_missing("T, other", {"B", "T, other"})
    ['T, other']
    """
    whole = stripped(unlabelled)
    if whole in labels:
        return [whole]
    return [stripped(name) for name in unlabelled.split(",")]


def without(
    labels: np.ndarray, unlabelled: str, column: "pd.Series[Any]", target: str
) -> np.ndarray:
    """Labels, object (n,), None too where ``unlabelled`` names one; it must name some row.

    Examples
    --------
    >>> column = pd.Series(["B", "Unknown", "Doublet"])
    >>> without(labels_as_text(column), "Unknown, Doublet", column, "kind").tolist()
    ['B', None, None]
    """
    known = dict.fromkeys(label for label in labels if label is not None)
    named = meant_missing(unlabelled, known)
    absent = [name for name in named if name not in known and name not in missing_words(column)]
    if absent:
        message = (
            f"no row of '{target}' is {listed(absent)} (unlabelled). Labels: "
            f"{listed(known, most=_MOST_SHOWN)}."
        )
        raise InputError(message)
    kept = labels.copy()
    kept[np.isin(labels.astype(str), named)] = None
    return kept


def counted_labels(counts: Mapping[str, int], target: str) -> str:
    """Classes with their rows, in a line.

    Examples
    --------
    >>> counted_labels({"B": 1200, "T": 30}, "kind")
    "classes of 'kind' (rows): 'B' (1,200), 'T' (30)"
    """
    shown = [f"'{name}' ({count:,})" for name, count in counts.items()]
    more = f" and {len(shown) - _MOST_SHOWN:,} more" if len(shown) > _MOST_SHOWN else ""
    return f"classes of '{target}' (rows): {', '.join(shown[:_MOST_SHOWN])}{more}"


def warn_of_labels(counts: Mapping[str, int], target: str) -> None:
    """Warn of labels that may be one class, and of classes that may mean that there is none.

    Parameters
    ----------
    counts : rows of each label.
    """
    for message in (_alike_message(counts, target), _doubtful_message(counts, target)):
        if message:
            warnings.warn(message, PolyomeWarning, stacklevel=3)


def same_spelling(label: str) -> str:
    """What labels share that differ in capitals, blanks, underscores or as 1 and 1.0 only.

    Examples
    --------
    >>> same_spelling("B_cells") == same_spelling("b cells"), same_spelling("1.0")
    (True, '1')
    """
    text = unicodedata.normalize("NFKC", label).casefold().replace("_", " ")
    text = " ".join(text.split())
    if not _NUMBER.fullmatch(text):
        return text
    whole, _, rest = text.partition(".")
    sign = "-" if whole.startswith("-") else ""
    whole, rest = whole.lstrip("+-").lstrip("0") or "0", rest.rstrip("0")
    return f"{sign}{whole}.{rest}" if rest else sign + whole


def alike_labels(labels: Collection[str]) -> list[list[str]]:
    """Groups of labels whose spelling differs in capitals, blanks or the form of a number only.

    Examples
    --------
    >>> alike_labels(["B cells", "T cells", "b cells", "1", "1.0"])
    [['B cells', 'b cells'], ['1', '1.0']]
    """
    groups = defaultdict(list)
    for label in labels:
        groups[same_spelling(label)].append(label)
    return [group for group in groups.values() if len(group) > 1]


def _alike_message(counts: Mapping[str, int], target: str) -> str:
    groups = alike_labels(counts)
    if not groups:
        return ""
    shown = [
        " and ".join(f"'{name}' ({counts[name]:,} rows)" for name in group) for group in groups
    ]
    more = f"; and {len(shown) - 5:,} more" if len(shown) > 5 else ""
    return (
        f"labels of '{target}' differ only in capitals, blanks or the form of a number: "
        f"{'; '.join(shown[:5])}{more}. They are different classes here. Spell them alike if they "
        "are one."
    )


def is_doubtful(label: str) -> bool:
    """Whether a label may mean that there is none.

    Examples
    --------
    >>> [is_doubtful(label) for label in ("Unknown_1", "T/NK doublets", "Other cells", "B cells")]
    [True, True, True, False]
    """
    text = same_spelling(label)
    if text in _DOUBTFUL or _DOUBTFUL_WORDS.search(text):
        return True
    text = _AROUND.sub("", _AROUND.sub("", text))
    return text in _DOUBTFUL


def _doubtful_message(counts: Mapping[str, int], target: str) -> str:
    doubtful = [name for name in counts if is_doubtful(name)]
    if not doubtful:
        return ""
    shown = ", ".join(f"'{name}' ({counts[name]:,} rows)" for name in doubtful)
    noun = "a class" if len(doubtful) == 1 else "classes"
    why = " Models also answer 'unknown' for records that they refuse." * (REFUSED in doubtful)
    joined = ",".join(doubtful)
    return (
        f"'{target}' has {noun} {shown}, which may mean that there is no label.{why} If so, pass "
        f'unlabelled="{joined}" (--set unlabelled={shlex.quote(joined)}).'
    )


def doubtful_hint(labels: Collection[str]) -> str:
    """What to do where some of these labels mean that there is none; empty where none may.

    Examples
    --------
    >>> print(doubtful_hint(["Doublet", "Platelets"]).strip())
    'Doublet' may mean that there is no label: if so, leave the label of such rows empty.
    """
    doubtful = [label for label in labels if is_doubtful(label)]
    if not doubtful:
        return ""
    return (
        f" {listed(doubtful)} may mean that there is no label: if so, leave the label of such rows "
        "empty."
    )


def spelled_otherwise(unseen: Collection[str], classes: Collection[str]) -> str:
    """Say which unseen labels are known ones in another spelling, or nothing.

    Examples
    --------
    >>> spelled_otherwise(["b cells"], ["B cells", "T cells"])
    " In another spelling it knows 'b cells' ('B cells')."
    """
    known = {same_spelling(name): name for name in classes}
    found = {name: known[s] for name in unseen if (s := same_spelling(name)) in known}
    if not found:
        return ""
    pairs = ", ".join(f"'{name}' ('{other}')" for name, other in list(found.items())[:4])
    more = f" and {len(found) - 4:,} more" if len(found) > 4 else ""
    return f" In another spelling it knows {pairs}{more}."
