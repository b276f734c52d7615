"""Simulated sequences with any of several labels, told by motifs and by pairs of motifs."""

import numpy as np
import pandas as pd

from polyome._types import BoolArray, IntArray

MOTIFS = (
    "TGACGTCA", "CCACGTGG", "GGGCGGGG", "TTTCCGGA", "CAGGTGTT", "AGATAAGA", "TATGCAAA", "ACCGGAAG",
)  # fmt: skip
PRESENCE = 0.4
"""How often each motif is in a sequence."""


def simulate_labels(
    n_sequences: int = 3000,
    length: int = 150,
    *,
    num_motifs: int = len(MOTIFS),
    num_labels: int = 12,
    noise: float = 0.02,
    missing: float = 0.0,
    seed: int = 0,
) -> pd.DataFrame:
    """Simulate sequences and labels.

    Labels are, in turn: a motif is there (one in three); two motifs are there (one in six); exactly
    one of two is there (one in six); of two motifs both are there and the first stands before the
    second (one in three).

    Parameters
    ----------
    n_sequences, length : sizes; 60 bp at least.
    num_motifs, num_labels : how many motifs there are, at most 8, and how many labels.
    noise : proportion of labels that are flipped.
    missing : proportion of labels that are not known.
    seed : of the random numbers.

    Returns
    -------
    DataFrame indexed by name: ``sequence`` and ``label 1`` and so on, 1, 0 or NaN;
    ``attrs["simulated"]`` is True.

    Examples
    --------
    >>> table = simulate_labels(4)
    >>> list(table.columns[:3]), table["sequence"].str.len().tolist()
    (['sequence', 'label 1', 'label 2'], [150, 150, 150, 150])
    """
    rng = np.random.default_rng(seed)
    letters = rng.choice(list("ACGT"), (n_sequences, length))
    present = rng.random((n_sequences, num_motifs)) < PRESENCE
    places = np.full((n_sequences, num_motifs), -1)
    slots = length // 10
    for row in range(n_sequences):
        slot = rng.permutation(slots)[:num_motifs]
        for k in np.flatnonzero(present[row]):
            places[row, k] = start = 10 * slot[k] + rng.integers(0, 3)
            letters[row, start : start + 8] = list(MOTIFS[k])
    labels = np.stack([_label(k, places) for k in range(num_labels)], axis=1)
    labels ^= rng.random(labels.shape) < noise
    values = np.where(rng.random(labels.shape) < missing, np.nan, labels.astype(np.float64))
    table = pd.DataFrame(
        {"sequence": ["".join(row) for row in letters]}
        | {f"label {k + 1}": values[:, k] for k in range(num_labels)},
        index=pd.Index([f"sequence {i + 1}" for i in range(n_sequences)], name="id"),
    )
    table.attrs["simulated"] = True
    return table


def _label(k: int, places: IntArray) -> BoolArray:
    """The truth of label ``k``, bool (n,), by where each motif stands, (n, m), -1 for nowhere."""
    number = places.shape[1]
    one, other = places[:, k % number], places[:, (3 * k + 1) % number]
    if (3 * k + 1) % number == k % number:
        other = places[:, (k + 1) % number]
    has_one, has_other = one >= 0, other >= 0
    kind = k % 6
    if kind in (0, 1):
        return np.asarray(has_one)
    if kind == 2:
        return np.asarray(has_one & has_other)
    if kind == 3:
        return np.asarray(has_one ^ has_other)
    return np.asarray(has_one & has_other & (one < other))
