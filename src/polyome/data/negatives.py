"""Negatives drawn from a genome, with the lengths and the GC content of given positives.

The matching is tangermeme's (Schreiber, ``tangermeme.match``). It looks at windows that begin at
multiples of their length, on the chromosomes that hold positives, and takes one from a
neighbouring GC bin where its own has none left.
"""

import importlib
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from polyome._errors import InputError, PolyomeWarning, missing_column
from polyome._types import BoolArray, FloatArray
from polyome.io.compressed import GZIP, StrPath, first_bytes
from polyome.io.fasta_index import is_index_of
from polyome.io.genome import Genome, open_genome, unknown_chromosome
from polyome.io.nucleotides import Sequences, gc_share

GC_BIN = 0.02
GC_APART = 0.02
"""Difference of mean GC content, negatives less positives, that is worth a warning."""
_NO_N = 1e-9  # tangermeme wants positives below this share of N, and windows at or below it


def gc_matched_negatives(
    positives: pd.DataFrame, genome: StrPath, *, per_positive: int = 1, seed: int
) -> pd.DataFrame:
    r"""Draw intervals that look like the positives in length and GC content and overlap none.

    An index, ``.fai``, is written beside the genome where there is none. A positive with N in it
    has no negative. Where positives have several lengths, each length is drawn by itself, and what
    overlaps a positive or negative of another length is left out. A warning says how many lack.

    Parameters
    ----------
    positives : ``chrom``, ``start``, ``end`` (0-based, half-open), a row each.
    genome : FASTA, not compressed.
    per_positive : negatives for each positive.
    seed : of the draw.

    Returns
    -------
    DataFrame, sorted by place: ``chrom``, ``start``, ``end``, ``strand`` (drawn, + or -), ``name``
    and ``gc`` (share of G and C). Negatives overlap neither positives nor each other.

    Raises
    ------
    InputError
        tangermeme is not installed, a column or the genome is missing or cannot be read, or a
        positive lies outside of it.

    Examples
    --------
    >>> import tempfile
    >>> bases = np.random.default_rng(0).choice(list("ACGT"), 20_000)
    >>> genome = Path(tempfile.mkdtemp()) / "simulated.fa"
    >>> _ = genome.write_text(">chr1\n" + "".join(bases) + "\n")
    >>> positives = pd.DataFrame({"chrom": ["chr1"] * 2, "start": [50, 990], "end": [150, 1090]})
    >>> negatives = gc_matched_negatives(positives, genome, seed=0)
    >>> len(negatives), (negatives["end"] - negatives["start"]).unique().tolist()
    (2, [100])
    """
    match = _library("tangermeme.match")
    wanted = _checked(positives, per_positive)
    known = open_genome(genome)
    wanted["chrom"] = wanted["chrom"].map(lambda name: known.find(name) or name)
    _check_places(wanted, known)
    _index(known.path)
    drawn = wanted.iloc[:0]
    for length in np.unique(wanted["end"] - wanted["start"]):
        alike = wanted[wanted["end"] - wanted["start"] == length]
        found = match.extract_matching_loci(
            pd.concat([alike] * per_positive, ignore_index=True),
            str(known.path),
            in_window=int(length),
            out_window=int(length),
            max_n_perc=_NO_N,
            gc_bin_width=GC_BIN,
            random_state=seed,
        ).astype(wanted.dtypes.to_dict())
        taken = pd.concat([wanted, drawn], ignore_index=True)
        drawn = pd.concat([drawn, found[~_overlapping(found, taken)]], ignore_index=True)
    drawn["gc"] = _gc(drawn, known)
    _warn(drawn["gc"].to_numpy(), _gc(wanted, known), per_positive * len(wanted))
    drawn = drawn.sort_values(["chrom", "start"], ignore_index=True)
    drawn["strand"] = np.random.default_rng(seed).choice(["+", "-"], len(drawn))
    drawn["name"] = [f"negative_{number}" for number in range(1, len(drawn) + 1)]
    return drawn[["chrom", "start", "end", "strand", "name", "gc"]]


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        message = f"Drawing negatives needs {package}: pip install 'polyome[dna]'."
        raise InputError(message) from error


def _checked(positives: pd.DataFrame, per_positive: int) -> pd.DataFrame:
    """The intervals alone, ``chrom`` as text, the others int64; or say what is wrong with them."""
    for column in ("chrom", "start", "end"):
        if column not in positives:
            raise missing_column(column, positives.columns, role="interval", where="positives")
    for column in ("start", "end"):
        if not pd.api.types.is_integer_dtype(positives[column]):
            message = (
                f"positives' column '{column}' holds {positives[column].dtype}; integers are "
                "needed, 0-based and half-open, as in BED."
            )
            raise InputError(message)
    if positives.empty:
        message = "positives has no rows; at least one interval is needed."
        raise InputError(message)
    if per_positive < 1:
        message = f"per_positive is {per_positive}; 1 or more is needed."
        raise InputError(message)
    chrom = positives["chrom"].astype(str)
    places = positives[["start", "end"]].astype(np.int64)
    return places.assign(chrom=chrom)[["chrom", "start", "end"]].reset_index(drop=True)


def _index(genome: Path) -> None:
    """Write the index that tangermeme needs, or say why it cannot be written."""
    pyfaidx = _library("pyfaidx")
    if first_bytes(genome).startswith(GZIP):
        message = f"{genome} is compressed, and places in it cannot be looked up; run gunzip."
        raise InputError(message)
    beside = Path(f"{genome}.fai")
    if beside.exists() and not is_index_of(beside, genome):
        message = f"{beside} is not the index of {genome} as it is now. Remove it, and run again."
        raise InputError(message)
    try:
        pyfaidx.Fasta(str(genome)).close()
    except pyfaidx.FastaIndexingError as error:
        message = f"{genome} cannot be indexed: {error}"
        raise InputError(message) from error
    except OSError as error:
        message = (
            f"No index can be written beside {genome} ({error}). "
            "Copy the genome to a folder that you can write to, or run samtools faidx there."
        )
        raise InputError(message) from error


def _check_places(positives: pd.DataFrame, genome: Genome) -> None:
    """Refuse the first interval that is not in the genome."""
    places = zip(positives["chrom"], positives["start"].tolist(), positives["end"].tolist())
    for number, (chrom, start, end) in enumerate(places):
        where = f"positives row {number} ({chrom}:{start}-{end})"
        if chrom not in genome.lengths:
            raise unknown_chromosome(chrom, genome, where=f"{where}: ")
        if not 0 <= start < end <= genome.lengths[chrom]:
            message = (
                f"{where} is not inside '{chrom}', which has {genome.lengths[chrom]:,} bp. "
                "Needed: 0 <= start < end <= length, 0-based and half-open, as in BED."
            )
            raise InputError(message)


def _overlapping(intervals: pd.DataFrame, taken: pd.DataFrame) -> BoolArray:
    """Tell which intervals overlap any of those taken: bool (n,)."""
    overlaps = np.zeros(len(intervals), bool)
    for chrom, places in taken.groupby("chrom"):
        rows = np.flatnonzero(intervals["chrom"] == chrom)
        starts, ends = (intervals[side].to_numpy()[rows] for side in ("start", "end"))
        # More have begun before the end than have ended by the start: one of them is in between.
        begun = np.searchsorted(np.sort(places["start"]), ends, side="left")
        ended = np.searchsorted(np.sort(places["end"]), starts, side="right")
        overlaps[rows] = begun > ended
    return overlaps


def _gc(intervals: pd.DataFrame, genome: Genome) -> FloatArray:
    rows = intervals[["chrom", "start", "end"]].itertuples(index=False)
    return gc_share(Sequences.from_text([genome.fetch(*row) for row in rows]))


def _warn(gc: FloatArray, wanted_gc: FloatArray, wanted: int) -> None:
    """Say where there are fewer negatives than were asked for, or other ones."""
    if len(gc) < wanted:
        message = (
            f"{len(gc):,} of {wanted:,} negatives could be drawn: the chromosomes of the positives "
            "have no more windows free of N, of positives and of other negatives, or positives "
            "hold N. Ask for fewer (per_positive), or give the positives one length."
        )
        warnings.warn(message, PolyomeWarning, stacklevel=3)
    known = wanted_gc[np.isfinite(wanted_gc)]
    if len(gc) and abs(gc.mean() - known.mean()) > GC_APART:
        message = (
            f"The negatives' mean GC content is {gc.mean():.2f}, the positives' "
            f"{known.mean():.2f}: the genome has too few windows that match. "
            "Ask for fewer (per_positive), or a classifier may read GC content alone."
        )
        warnings.warn(message, PolyomeWarning, stacklevel=3)
