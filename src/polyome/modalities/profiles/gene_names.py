"""How one gene's name is spelled in different files, and which spelling a model knows."""

from typing import Any

import numpy as np
import pandas as pd

GENOME = (
    r"^((?:GRC[a-z]\d+|hg\d+|mm\d+|rn\d+|mRatBN\d+|danRer\d+|dm\d+|human|mouse)"
    r"(?:[._-](?:premrna|p\d+))?[_-]+)"
)
"""What CellRanger writes before the names of a reference of several genomes."""
_WRAPPED = r"^\s*b(?P<mark>['\"])(?P<inner>.*)(?P=mark)\s*$|^\s*(?P<plain>.*?)\s*$"
"""What a name stands in: blanks, and what Python makes of bytes that are taken for text."""
_ID = r"(?P<id>ENS[A-Z]*G\d{11})(?:\.\d+)?"
_BEFORE = rf"^{_ID}[|_:;,. -]+(?P<symbol>[^|;]+)"  # ENSG00000167286_CD3D
_AFTER = rf"^(?P<symbol>.+?)[|_:;,. (-]+{_ID}\)?$"  # CD3D|ENSG00000167286
_NUMBERED = r"^(?P<symbol>[^|]+)\|\d+$"  # CD3D|915, with an Entrez number


def spellings(names: pd.Index) -> dict[str, pd.Index]:
    """What else names may be written as; empty text where there is nothing to take off.

    Parameters
    ----------
    names : Index of str, (n,).

    Examples
    --------
    >>> found = spellings(pd.Index(["hg19_CD3D", "ENSG00000010610.9_CD4", "HLA-A"]))
    >>> {kind: list(names) for kind, names in found.items()}
    {'plain': ['CD3D', 'ENSG00000010610.9_CD4', 'HLA-A'], 'symbol': ['', 'CD4', ''],
     'id': ['', 'ENSG00000010610', ''], 'R': ['CD3D', 'ENSG00000010610.9.CD4', 'HLA.A']}
    """
    text = pd.Series(names, dtype=object)
    inner = text.str.extract(_WRAPPED)
    plain = inner["inner"].fillna(inner["plain"])
    plain = plain.str.replace(GENOME, "", regex=True, case=False)
    before, after = plain.str.extract(_BEFORE), plain.str.extract(_AFTER)
    numbered = plain.str.extract(_NUMBERED)["symbol"]
    whole = plain.str.extract(rf"^{_ID}$")["id"]  # with a version behind a genome's prefix
    dots = plain.str.replace(r"[^A-Za-z0-9.]", ".", regex=True)
    return {
        "plain": _first(plain),
        "symbol": _first(before["symbol"], after["symbol"], numbered),
        "id": _first(before["id"], after["id"], whole),
        "R": _first(dots.str.replace(r"^(?=\d)", "X", regex=True)),
    }


def _first(*columns: "pd.Series[Any]") -> pd.Index:
    """The first of several values that is there, empty text where none is."""
    values = np.full(len(columns[0]), "", dtype=object)
    for column in reversed(columns):
        values = np.where(column.notna(), column, values)
    return pd.Index(values, dtype=object)


def as_known(found: pd.Index, known: pd.Index) -> tuple[pd.Index, str]:
    """Write names as a model does, where they differ by a prefix, a version or a second name.

    A name that the model knows stays as it is, and so does one whose gene has its own name among
    the others already.

    Parameters
    ----------
    found : Index of str, (n,), of a query.
    known : Index of str, (g,), unique, of the model.

    Returns
    -------
    names : Index of str, (n,).
    note : how many were matched so, with examples; empty where none was.

    Examples
    --------
    >>> names, note = as_known(pd.Index(["GRCh38_CD3D", "LYZ"]), pd.Index(["CD3D", "LYZ"]))
    >>> list(names)
    ['CD3D', 'LYZ']
    >>> note
    "1 gene name is the model's but for its spelling and was matched: 'GRCh38_CD3D' as 'CD3D'."
    """
    targets = known.get_indexer(found)
    matched = np.isin(np.arange(len(known)), targets)
    if matched.all():
        return found, ""
    there, here = spellings(known), _of_one_genome(found, known)
    for kind, names in here.items():
        lookup = _lookup(known, there, kind, taken=matched)
        rows = np.flatnonzero((targets < 0) & (names != "").to_numpy())
        hits = lookup.reindex(names[rows]).fillna(-1).to_numpy(dtype=np.int64)
        targets[rows] = hits
        matched[hits[hits >= 0]] = True
    spelled = np.where(targets >= 0, known.to_numpy()[targets], found.to_numpy())
    changed = np.flatnonzero(spelled != found.to_numpy())
    return pd.Index(spelled, dtype=object), _note(found[changed], spelled[changed])


def _of_one_genome(found: pd.Index, known: pd.Index) -> dict[str, "pd.Series[str]"]:
    """Spellings of names; those of a second genome have none, lest they count as the first's."""
    prefix = pd.Series(found, dtype=object).str.extract(GENOME, expand=False)
    here = spellings(found)
    hits = pd.Series(
        np.logical_or.reduce([here[kind].isin(known) for kind in ("plain", "symbol", "id")])
    )
    by_genome = hits.groupby(prefix.to_numpy()).sum()
    foreign = np.zeros(len(found), dtype=bool)
    if len(by_genome) > 1:
        foreign = (prefix.notna() & (prefix != by_genome.idxmax())).to_numpy()
    return {kind: pd.Series(names).mask(foreign, "") for kind, names in here.items()}


def _lookup(
    known: pd.Index, there: dict[str, pd.Index], kind: str, *, taken: np.ndarray
) -> "pd.Series[int]":
    """From a spelling to the model's gene, without those that have their name in the query."""
    kinds = ["R"] if kind == "R" else ["plain", "symbol", "id"]
    pairs = [pd.Series(np.arange(len(known)), index=known)] if kind != "R" else []
    pairs += [pd.Series(np.arange(len(known)), index=there[name]) for name in kinds]
    joined = pd.concat(pairs)
    joined = joined[(joined.index != "") & ~taken[joined.to_numpy()]]
    return joined[~joined.index.duplicated()]


def _note(before: pd.Index, after: np.ndarray) -> str:
    if not len(before):
        return ""
    one = len(before) == 1
    shown = ", ".join(f"'{old}' as '{new}'" for old, new in list(zip(before, after))[:3])
    more = f" and {len(before) - 3:,} more" if len(before) > 3 else ""
    start = f"{len(before):,} gene name{'' if one else 's'} {'is' if one else 'are'} the model's"
    return (
        f"{start} but for {'its' if one else 'their'} spelling and "
        f"{'was' if one else 'were'} matched: {shown}{more}."
    )


def shared(found: pd.Index, known: pd.Index) -> int:
    """How many of a model's genes a query names, in whatever spelling."""
    return int(known.isin(as_known(found, known)[0]).sum())
