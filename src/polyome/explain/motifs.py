"""The words behind the answers: stretches that contribute, grouped by what the model reads in them.

TF-MoDISco-lite does this for thousands of sequences; from the hundreds that are explained in a
minute on a laptop it found two of the eight words of the simulated promoters. Here, as there,
stretches are alike where their hypothetical contributions are, which say of every letter at every
place what the model would make of it; they are grouped by average linkage.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from polyome._types import BoolArray, FloatArray, IntArray

WIDTH_BP = 7
"""Bases whose contributions are added up to find stretches."""
WINDOW_BP = 12
"""Bases around the middle of a stretch by which stretches are compared."""
TAPER_BP = 3.0
"""Standard deviation of the weights by which the middle of a window counts more."""
FLANK_BP = 5
"""Bases beyond the window that may still belong to the word."""
MOST_SEQLETS = 2500
LEAST_SEQLETS = 10
FALSE_SHARE = 0.2
DISTANCE = 0.4
"""1 less the correlation of two groups' hypothetical contributions, above which they stay apart."""
LEAST_BITS = 0.2
"""Information of a column; the ends of a word that have less are cut off."""
_CHANCE_BITS = 11.7
"""Divided by the number of stretches: what a column of chance has in one case of a thousand."""


@dataclass(frozen=True)
class Motif:
    """A word that contributes to an answer.

    Attributes
    ----------
    output : the class or target that it speaks for.
    frequencies : float, (w, 4), of A, C, G and T in its seqlets.
    contributions : float, (w, 4), mean contribution of each letter where it stands.
    num_seqlets : stretches that it was made of.
    num_sequences : sequences that hold one.
    match, q_value : the known motif that is most alike, where known motifs were given.
    """

    output: str
    frequencies: FloatArray
    contributions: FloatArray
    num_seqlets: int
    num_sequences: int
    match: str = ""
    q_value: float = float("nan")

    @property
    def consensus(self) -> str:
        """Upper case where a letter has more than 3/4, lower case above 2/5, else N."""
        letters = []
        for row in self.frequencies:
            best, share = "ACGT"[int(row.argmax())], row.max()
            letters.append(best if share > 0.75 else best.lower() if share > 0.4 else "N")
        return "".join(letters)

    @property
    def bits(self) -> FloatArray:
        """Information of each letter, (w, 4), as sequence logos show it."""
        shares = self.frequencies + 1e-9
        information = 2 + (shares * np.log2(shares)).sum(axis=1, keepdims=True)
        return np.asarray(self.frequencies * information)


def seqlets(contributions: FloatArray, *, false_share: float = FALSE_SHARE) -> pd.DataFrame:
    """Find stretches that contribute more than chance.

    Chance is the mirror image: as many stretches that speak as clearly against the answer are at
    most ``false_share`` of those that speak for it.

    Parameters
    ----------
    contributions : float, (n, length), NaN beyond the end of a sequence.

    Returns
    -------
    DataFrame, the clearest first: ``row``, ``middle`` (position), ``sum``.

    Examples
    --------
    >>> contributions = np.zeros((2, 30))
    >>> contributions[1, 9:16] = 1.0
    >>> seqlets(contributions)[["row", "middle"]].values.tolist()
    [[1, 12]]
    """
    known = np.nan_to_num(contributions)
    sums = np.apply_along_axis(np.convolve, 1, known, np.ones(WIDTH_BP), "same")
    found, mirrored = _peaks(sums), _peaks(-sums)
    false = np.searchsorted(np.sort(-mirrored["sum"]), -found["sum"], side="right")
    passing = np.flatnonzero(false <= false_share * np.arange(1, len(found) + 1))
    return found.head(int(passing.max(initial=-1)) + 1)


def _peaks(sums: FloatArray) -> pd.DataFrame:
    """Positive local maxima, at least ``WIDTH_BP`` apart, the highest first."""
    walled = np.pad(sums, ((0, 0), (1, 1)), constant_values=-np.inf)
    is_local = (sums >= walled[:, :-2]) & (sums >= walled[:, 2:])  # no shoulder of a higher peak
    left, found = np.where(is_local, sums, 0), []
    rows = np.arange(len(left))
    while len(rows) and left.shape[1]:
        middles = left[rows].argmax(axis=1)
        heights = left[rows, middles]
        is_high = heights > 1e-6 * max(1e-9, float(np.abs(sums).max()))
        rows, middles, heights = rows[is_high], middles[is_high], heights[is_high]
        found.append(pd.DataFrame({"row": rows, "middle": middles, "sum": heights}))
        near = np.abs(np.arange(left.shape[1]) - middles[:, None]) < WIDTH_BP
        left[rows] = np.where(near, 0, left[rows])
    empty = pd.DataFrame({"row": [], "middle": [], "sum": []}).astype({"row": int, "middle": int})
    table = pd.concat([empty, *found], ignore_index=True)
    return table.sort_values("sum", ascending=False, kind="stable", ignore_index=True)


def find_motifs(hypothetical: FloatArray, one_hot: FloatArray, output: str) -> list[Motif]:
    """Group stretches into words, the most frequent first.

    Parameters
    ----------
    hypothetical, one_hot : float, (n, length, 4): effect of each letter less the mean of the four,
        and the letters themselves.
    output : what the contributions are contributions to.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> letters = np.eye(4)[rng.integers(0, 4, (20, 40))]
    >>> letters[:, 15:19] = np.eye(4)[[3, 0, 3, 0]]
    >>> effects = np.zeros((20, 40, 4))
    >>> effects[:, 15:19] = 4 * np.eye(4)[[3, 0, 3, 0]] - 1
    >>> motif = find_motifs(effects, letters, "promoter")[0]
    >>> motif.consensus, motif.num_sequences
    ('TATA', 20)
    """
    hypothetical = np.nan_to_num(hypothetical)
    found = seqlets((hypothetical * one_hot).sum(axis=2)).head(MOST_SEQLETS)
    if len(found) < LEAST_SEQLETS:
        return []
    pad = WINDOW_BP + FLANK_BP
    sides = ((0, 0), (pad, pad), (0, 0))
    hypothetical, one_hot = np.pad(hypothetical, sides), np.pad(one_hot, sides)
    rows, middles = found["row"].to_numpy(), found["middle"].to_numpy() + pad
    alike, shifts, is_turned = _compared(hypothetical, rows, middles)
    near, *_ = _compared(hypothetical, rows, middles, taper=TAPER_BP)
    labels = _split(_grouped(near), alike)
    background = one_hot.sum(axis=(0, 1)) / one_hot.sum()
    motifs = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        if len(members) < LEAST_SEQLETS:
            continue
        centre = members[alike[np.ix_(members, members)].sum(axis=1).argmax()]
        at = middles[members] + shifts[centre, members]
        turned = is_turned[centre, members]
        letters = _cut(one_hot, rows[members], at, turned, flank=FLANK_BP)
        effects = _cut(hypothetical, rows[members], at, turned, flank=FLANK_BP)
        made = _motif(letters, letters * effects, background, output)
        motifs.append(replace(made, num_sequences=len(np.unique(rows[members]))))
    return sorted(motifs, key=lambda motif: -motif.num_seqlets)


def _grouped(alike: FloatArray) -> IntArray:
    """Groups by average linkage, int (s,)."""
    if len(alike) < 2:
        return np.zeros(len(alike), int)
    tree = linkage(squareform((1 - alike).clip(0), checks=False), "average")
    return np.asarray(fcluster(tree, DISTANCE, "distance"))


def _split(labels: IntArray, alike: FloatArray) -> IntArray:
    """Divide groups that are of several kinds once their surroundings count as well.

    Short words are alike only in their middle, and would be scattered by what stands around them;
    long words share their middle with others. So the middle groups, and the whole window divides
    a group if two parts or more have ``LEAST_SEQLETS``; the rest go to the part most like them.
    """
    divided, following = labels.copy(), int(labels.max()) + 1
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        inner = alike[np.ix_(members, members)]
        parts = _grouped(inner)
        large = [part for part in np.unique(parts) if (parts == part).sum() >= LEAST_SEQLETS]
        if len(large) > 1:
            closeness = [inner[:, parts == part].mean(axis=1) for part in large]
            divided[members] = following + np.argmax(closeness, axis=0)
            following += len(large)
    return divided


def _compared(
    hypothetical: FloatArray, rows: IntArray, middles: IntArray, *, taper: float | None = None
) -> tuple[FloatArray, IntArray, BoolArray]:
    """Correlation of every two stretches at the best shift and strand, all (s, s).

    The shift and the strand are those that line the second up with the first. With ``taper``, the
    standard deviation of a Gaussian in bp, the middle counts more than what stands around it.
    """
    away = np.arange(-(WINDOW_BP // 2), WINDOW_BP // 2 + 1)
    weights = np.ones(len(away)) if taper is None else np.exp(-((away / taper) ** 2) / 2)
    weights = weights.astype(np.float32)[:, None]
    forward = np.zeros(len(rows), bool)
    own = _unit(_cut(hypothetical, rows, middles, forward) * weights)
    best = np.full((len(rows), len(rows)), -np.inf, np.float32)
    shifts, is_turned = np.zeros(best.shape, np.int8), np.zeros(best.shape, bool)
    for shift in range(-(WINDOW_BP // 2), WINDOW_BP // 2 + 1):
        for turned in (False, True):
            window = _cut(hypothetical, rows, middles + shift, forward | turned)
            other = _unit(window * weights)
            alike = own @ other.T
            better = alike > best
            best[better], shifts[better], is_turned[better] = alike[better], shift, turned
    return np.minimum(best, best.T), shifts, is_turned


def _cut(
    values: FloatArray, rows: IntArray, middles: IntArray, is_turned: BoolArray, *, flank: int = 0
) -> FloatArray:
    """Windows around the middles, (s, w, 4); the other strand's where turned."""
    half = WINDOW_BP // 2 + flank
    at = middles[:, None] + np.arange(-half, half + 1)
    at = at.clip(0, values.shape[1] - 1)
    windows = values[rows[:, None], at]
    return np.where(is_turned[:, None, None], windows[:, ::-1, ::-1], windows)


def _unit(windows: FloatArray) -> FloatArray:
    flat = windows.reshape(len(windows), -1)
    return np.asarray(flat / np.linalg.norm(flat, axis=1, keepdims=True).clip(1e-9))


def _motif(
    letters: FloatArray, contributions: FloatArray, background: FloatArray, output: str
) -> Motif:
    """Average aligned stretches and cut off the ends that say nothing."""
    counts = letters.sum(axis=0) + background
    frequencies = counts / counts.sum(axis=1, keepdims=True)
    bits = (frequencies * np.log2(frequencies / background)).sum(axis=1)
    inside = np.flatnonzero(bits >= max(LEAST_BITS, _CHANCE_BITS / len(letters)))
    half = len(frequencies) // 2
    first, last = (inside.min(), inside.max()) if len(inside) else (half - 3, half + 2)
    word = slice(int(first), int(last) + 1)
    return Motif(
        output=output,
        frequencies=frequencies[word],
        contributions=contributions.mean(axis=0)[word],
        num_seqlets=len(letters),
        num_sequences=len(letters),
    )
