"""BigWig: a number along the genome, as genome browsers show it."""

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from polyome._errors import InputError
from polyome._types import FloatArray
from polyome.io.files import check_writable, written_aside

Track = tuple[str, int, int, FloatArray]
"""Chromosome, where its first bin starts, bp from one bin to the next, and the bins' values."""


def check_bigwig(path: Path) -> None:
    """Refuse early what cannot be written, or the lack of the library that writes it.

    Examples
    --------
    >>> check_bigwig(Path("no-such-folder/track.bw"))
    Traceback (most recent call last):
    polyome._errors.InputError: the folder no-such-folder does not exist; make it first.
    """
    check_writable(path)
    _library(path)


def write_bigwig(
    tracks: Iterable[Track], lengths: dict[str, int], path: Path, *, bin_bp: int
) -> None:
    """Write values of bins that are evenly spaced along each chromosome.

    Parameters
    ----------
    tracks : one per chromosome, in the order of ``lengths``; bins whose value is NaN are left out.
    lengths : bp of each chromosome.
    path : written aside and renamed.
    bin_bp : length of a bin, at most the distance between two.

    Raises
    ------
    InputError
        No bin has a value: a bigWig cannot be empty.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "track.bw"
    >>> values = np.array([0.5, np.nan, 1.0])
    >>> write_bigwig([("chr1", 10, 5, values)], {"chr1": 100}, path, bin_bp=5)
    >>> [tuple(record) for record in _library(path).open(str(path)).records("chr1")]
    [(10, 15, 0.5), (20, 25, 1.0)]
    """
    library = _library(path)
    bins = _bins(tracks, bin_bp)
    first = next(bins, None)
    if first is None:
        message = f"{path}: there is no value to write, and a bigWig cannot be empty."
        raise InputError(message)
    with written_aside(path) as aside:
        library.open(str(aside), "w").write(lengths, chain([first], bins))


def _bins(tracks: Iterable[Track], bin_bp: int) -> Iterator[tuple[str, int, int, float]]:
    for chrom, first, step, values in tracks:
        for i in np.flatnonzero(~np.isnan(values)).tolist():
            yield chrom, first + i * step, first + i * step + bin_bp, float(values[i])


def _library(path: Path) -> Any:  # a module without types
    try:
        import pybigtools
    except ImportError as error:
        message = (
            f"{path}: bigWig is written with pybigtools, which is absent. "
            "Run: pip install 'polyome[dna]'"
        )
        raise InputError(message) from error
    return pybigtools
