"""Known motifs: read and written in MEME format, and compared with those that were found."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from polyome._errors import InputError
from polyome._types import FloatArray
from polyome.explain.motifs import Motif

ALIKE = 0.05
"""q-value below which a motif is called by a known one's name."""
_TARGETS = 100  # motifs from which chance is learned


def read_motifs(path: str | Path) -> dict[str, FloatArray]:
    """Read known motifs from a file in MEME format, such as JASPAR's: (4, w) by name.

    Examples
    --------
    >>> read_motifs("no-such-file.meme")
    Traceback (most recent call last):
    polyome._errors.InputError: there is no motif file no-such-file.meme (motifs).
    """
    path = Path(path).expanduser()
    if not path.is_file():
        message = f"there is no motif file {path} (motifs)."
        raise InputError(message)
    try:
        found = _memelite().io.read_meme(str(path))
        motifs: dict[str, FloatArray] = {n: np.asarray(m, np.float64) for n, m in found.items()}
    except (ValueError, IndexError, AttributeError, TypeError) as error:  # as its lines fail
        message = f"{path} cannot be read as MEME motifs: {' '.join(str(error).split())}"
        raise InputError(message) from error
    if not motifs:
        message = f"{path} holds no motif in MEME format (a line 'MOTIF name' and a matrix)."
        raise InputError(message)
    return motifs


def write_motifs(motifs: Sequence[Motif], path: Path) -> None:
    """Write motifs in MEME format.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.meme"
    >>> write_motifs([Motif("promoter", np.eye(4), np.eye(4), 12, 12)], path)
    >>> path.read_text().splitlines()[9]
    'MOTIF motif_1 promoter'
    """
    lines = ["MEME version 4", "", "ALPHABET= ACGT", "", "strands: + -", ""]
    lines += ["Background letter frequencies", "A 0.25 C 0.25 G 0.25 T 0.25", ""]
    for number, motif in enumerate(motifs, start=1):
        frequencies = motif.frequencies
        size = f"alength= 4 w= {len(frequencies)} nsites= {motif.num_seqlets}"
        lines += [f"MOTIF motif_{number} {motif.output}", f"letter-probability matrix: {size}"]
        lines += [" ".join(f"{share:.6f}" for share in row) for row in frequencies]
        lines.append("")
    path.write_text("\n".join(lines))


def named(motifs: list[Motif], known: dict[str, FloatArray]) -> tuple[list[Motif], pd.DataFrame]:
    """Compare motifs with known ones by TOMTOM (Gupta et al. 2007), on either strand.

    TOMTOM learns chance from the known motifs; where these are few, copies with their columns
    shuffled stand in, and count as known motifs in the q-values.

    Returns
    -------
    motifs : each with the known motif that is most alike.
    matches : DataFrame: ``motif`` (its position), ``known``, ``p_value``, ``q_value``, by motif.
    """
    columns = ["motif", "known", "p_value", "q_value"]
    if not motifs or not known:
        return motifs, pd.DataFrame(columns=columns)
    targets = [*known.values(), *_shuffled(list(known.values()), _TARGETS - len(known))]
    queries = [motif.frequencies.T for motif in motifs]
    p_values = _memelite().tomtom(queries, targets, n_jobs=1)[0]
    q_values = np.array([_adjusted(row) for row in p_values])[:, : len(known)]
    names = list(known)
    found, parts = [], []
    for i, motif in enumerate(motifs):
        best = int(p_values[i, : len(known)].argmin())
        found.append(replace(motif, match=names[best], q_value=float(q_values[i, best])))
        part = pd.DataFrame({"motif": i, "known": names, "p_value": p_values[i, : len(known)]})
        parts.append(part.assign(q_value=q_values[i]).sort_values("p_value"))
    return found, pd.concat(parts, ignore_index=True)[columns]


def _shuffled(motifs: list[FloatArray], count: int) -> list[FloatArray]:
    rng = np.random.default_rng(0)
    chosen = [motifs[i % len(motifs)] for i in range(max(0, count))]
    return [motif[:, rng.permutation(motif.shape[1])] for motif in chosen]


def _adjusted(p_values: FloatArray) -> FloatArray:
    """q-values by Benjamini and Hochberg."""
    order = np.argsort(p_values)
    scaled = p_values[order] * len(p_values) / np.arange(1, len(p_values) + 1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum.accumulate(scaled[::-1])[::-1].clip(0, 1)
    return adjusted


def _memelite() -> Any:  # a module without types
    try:
        import memelite
        import memelite.io
    except ImportError as error:
        message = (
            "motifs are compared with memelite, which is absent. Run: "
            "pip install 'polyome[explain]'"
        )
        raise InputError(message) from error
    return memelite
