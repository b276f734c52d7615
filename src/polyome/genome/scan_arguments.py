"""Settings of a scan."""

from dataclasses import dataclass

from polyome.settings import Count, Natural, Proportion, Settings


@dataclass(frozen=True, kw_only=True)
class ScanArguments(Settings):
    """Settings of a scan; the keys of ``--set``.

    Parameters
    ----------
    stride_bp : from the start of one window to that of the next; a window is as long as the
        longest training sequence.
    threshold : smallest calibrated probability of a hit. Probabilities presume that classes are as
        frequent as in training; of a class that is rarer in a genome, more hits are false.
    label : the class to look for; None is the only one that is not called 0, no, false, other,
        none, non..., not..., neg..., background, random, shuffled, control or decoy.
    min_distance_bp : smallest distance between two hits on a strand; None is a window's length.
    surroundings_bp : hits are ranked by how far they stand out of so many bp around them (see
        :func:`polyome.genome.peaks.prominence`); 0 ranks by probability.
    max_unknown : largest share of N, and of other letters that are no base, in a window.
    batch_size : windows at a time; changes only the speed.
    scanner : use the scanner that was distilled from the model, if it has one.

    Examples
    --------
    >>> ScanArguments(stride_bp=0)
    Traceback (most recent call last):
    polyome._errors.InputError: stride_bp=0: a number of at least 1 is needed.
    """

    stride_bp: Count = 10
    threshold: Proportion = 0.5
    label: str | None = None
    min_distance_bp: Count | None = None
    surroundings_bp: Natural = 2000
    max_unknown: Proportion = 0.1
    batch_size: Count = 128
    scanner: bool = True
