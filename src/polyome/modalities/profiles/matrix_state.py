"""What the numbers of an expression matrix are: counts, a logarithm of them, or scaled values.

Of the candidates (the values as they are, and undone logarithms to several bases) the true one
alone has whole multiples of one molecule in a cell, or cells of equal sums.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

import numpy as np
from numpy.typing import NDArray

from polyome.modalities.profiles.matrix_evidence import molecule_share, sum_spread, whole_share
from polyome.modalities.profiles.matrix_rows import Matrix

LARGEST_LOG = 30.0  # 2^30 molecules are in no cell
LARGEST_NATURAL_LOG = 14.0  # e^14: 1.2 million, the usual largest depth to normalise to
LARGEST_LOG2 = 20.0  # 2^20: a million
_INTENSE = 0.4
"""Share of the largest value that the median has where values are logarithms of intensities; of
linear values it is a few hundredths."""
ROUNDING = 1e-5
"""Share of the largest value, below which a negative value is rounding noise and counts as 0."""


_TELLING = 1_000  # values, of which fewer may be 1, or squares, by chance
_ALL_WHOLE, _ALL_MOLECULES, _AHEAD = 0.999, 0.95, 0.15


class MatrixState(StrEnum):
    """How values follow from linear ones, and so how to go back.

    Examples
    --------
    >>> MatrixState.LOG1P.value
    'log1p'
    """

    COUNTS = "counts"
    """Whole numbers."""
    LOG1P = "log1p"
    """Natural log of 1 + counts or normalised counts; ``expm1`` is its exact inverse."""
    LOG2 = "log2"
    """log2 of 1 + counts or normalised counts; ``2^x - 1`` is its exact inverse."""
    LOG10 = "log10"
    """log10 of 1 + counts or normalised counts; ``10^x - 1`` is its exact inverse."""
    LOG = "log"
    """The same to another base, which ``uns["log1p"]["base"]`` names."""
    SQRT = "sqrt"
    """Square roots of counts or normalised counts; ``x^2`` is the exact inverse."""
    UNLOGGED = "unlogged"
    """Linear, not whole: depth- or volume-normalised, or estimated counts."""
    SCALED = "scaled"
    """Negative values, z-scores or residuals, or logarithms of intensities (quantitative PCR),
    which no library explains. There is no way back to counts."""


LINEAR_STATES = frozenset({MatrixState.COUNTS, MatrixState.UNLOGGED})
NATURAL = float(np.e)
_STATES = {NATURAL: MatrixState.LOG1P, 2.0: MatrixState.LOG2, 10.0: MatrixState.LOG10}
_BASES = {state: base for base, state in _STATES.items()}


def unlogged(values: NDArray[np.float64], base: float | None) -> NDArray[np.float64]:
    """Undo ``log(1 + x)`` to a base; None leaves the values as they are.

    Examples
    --------
    >>> unlogged(np.array([0.0, 1.0, 2.0]), 10).round(6).tolist()
    [0.0, 9.0, 99.0]
    """
    return values if base is None else np.expm1(values * np.log(base))


@dataclass(frozen=True, slots=True)
class Recognition:
    """What a matrix was found to be.

    Attributes
    ----------
    state : MatrixState
    is_whole : bool. The linear values are whole numbers, so nothing was normalised.
    evidence : str. What the decision rests on, to be shown.
    is_certain : bool. False where only the size of the largest value, or ``uns``, spoke.
    log_base : float or None. Where the state is a logarithm to an unusual base, that base.
    noise : float. Values between minus this and 0 are rounding and count as 0.
    lowest : float. The smallest of such values that was seen; 0 where there was none.
    whole : float. Share of the stored values above 0 that are whole numbers.

    Examples
    --------
    >>> Recognition(MatrixState.LOG1P, is_whole=True, evidence="").description
    'log1p of counts'
    """

    state: MatrixState
    is_whole: bool
    evidence: str
    is_certain: bool = True
    log_base: float | None = None
    noise: float = 0.0
    lowest: float = 0.0
    whole: float = 0.0

    @property
    def base(self) -> float | None:
        """Base of the logarithm; None where the values are no logarithms."""
        return _BASES.get(self.state, self.log_base)

    @property
    def is_log(self) -> bool:
        """Whether values are logarithms."""
        return self.base is not None

    @property
    def description(self) -> str:
        """The state in words."""
        of = "counts" if self.is_whole else "normalised counts"
        return {
            MatrixState.COUNTS: "counts",
            MatrixState.LOG1P: f"log1p of {of}",
            MatrixState.LOG2: f"log2(1 + x) of {of}",
            MatrixState.LOG10: f"log10(1 + x) of {of}",
            MatrixState.LOG: f"log(1 + x) to base {self.log_base} of {of}",
            MatrixState.SQRT: f"the square root of {of}",
            MatrixState.UNLOGGED: "unlogged and not whole numbers",
            MatrixState.SCALED: "scaled",
        }[self.state]

    def linear(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Take stored values back to the linear scale.

        Examples
        --------
        >>> Recognition(MatrixState.LOG2, True, "").linear(np.array([0.0, 2.0])).round(6).tolist()
        [0.0, 3.0]
        """
        return np.square(values) if self.state is MatrixState.SQRT else unlogged(values, self.base)


def _found(base: float | None, evidence: str, *, is_whole: bool = False) -> Recognition:
    """A logarithm to this base; None: linear values."""
    if base is None:
        return Recognition(MatrixState.UNLOGGED, is_whole=is_whole, evidence=evidence)
    state = _STATES.get(base, MatrixState.LOG)
    other = base if state is MatrixState.LOG else None
    return Recognition(state, is_whole=is_whole, evidence=evidence, log_base=other)


def recognise_sample(
    sample: Matrix, *, wide: Matrix | None = None, base: float | None = None
) -> Recognition:
    """Find out what some rows hold.

    Parameters
    ----------
    sample : csr_matrix float64, (m, n_vars), finite. Changed in place.
    wide : the same rows with more genes, whose sums and molecules may tell what a few genes do not.
    base : of the logarithm, by ``uns["log1p"]``; it decides where the values do not.

    Examples
    --------
    >>> from scipy import sparse
    >>> recognise_sample(sparse.csr_matrix([[0.5, 1.5], [1.0, 250.0]])).evidence
    'largest value 250, more than any logarithm of a molecule count'
    """
    sample.sum_duplicates()
    sample.eliminate_zeros()
    values = sample.data
    if values.size == 0:
        return Recognition(MatrixState.COUNTS, is_whole=True, evidence="no value above 0")
    smallest, largest = float(values.min()), float(values.max())
    if smallest < 0:
        return Recognition(
            MatrixState.SCALED, is_whole=False, evidence=f"smallest value {smallest:.3g}"
        )
    if whole_share(values) == 1:
        return _of_whole_numbers(values)
    roots = _by_squares(sample)
    if roots is not None:
        return roots
    if largest > LARGEST_LOG:
        evidence = f"largest value {largest:,.4g}, more than any logarithm of a molecule count"
        return Recognition(MatrixState.UNLOGGED, is_whole=False, evidence=evidence)
    bases = candidates(base)
    return (
        _by_whole_numbers(values, bases)
        or _by_structure(sample, bases)
        or (_by_structure(wide, bases) if wide is not None else None)
        or _by_uns(largest, base)
        or _by_intensity(values)
        or _by_size(largest)
    )


def _of_whole_numbers(values: NDArray[np.float64]) -> Recognition:
    """Counts; of many values that are all 1, nobody knows whether they are."""
    if values.size >= _TELLING and values.max() == 1:
        evidence = "although it holds 0 and 1 only, which a model of counts reads wrongly"
        return Recognition(MatrixState.COUNTS, is_whole=True, evidence=evidence, is_certain=False)
    return Recognition(MatrixState.COUNTS, is_whole=True, evidence="whole numbers")


def _by_squares(sample: Matrix) -> Recognition | None:
    """Square roots: their squares are whole, or whole multiples of one molecule per cell."""
    values = sample.data
    if values.size < _TELLING:
        return None
    if whole_share(values) < _ALL_WHOLE < whole_share(np.square(values)):
        return Recognition(MatrixState.SQRT, is_whole=True, evidence="their squares are whole")
    share = molecule_share(sample, np.square)
    bases = [base for base in candidates() if _can_be(float(values.max()), base)]
    others = [partial(unlogged, base=base) for base in bases]
    if share < _ALL_MOLECULES or share - max(molecule_share(sample, o) for o in others) < _AHEAD:
        return None
    evidence = f"their squares are whole multiples of one molecule per cell ({share:.0%})"
    return Recognition(MatrixState.SQRT, is_whole=False, evidence=evidence)


def candidates(base: float | None = None) -> tuple[float | None, ...]:
    """Bases to try, None for no logarithm: the usual ones, and the one that ``uns`` names.

    Examples
    --------
    >>> candidates(3.0)
    (None, 2.718281828459045, 2.0, 10.0, 3.0)
    """
    known: tuple[float | None, ...] = (None, *_STATES)
    return known if base in known else (*known, base)


def _by_whole_numbers(
    values: NDArray[np.float64], bases: Iterable[float | None]
) -> Recognition | None:
    """Undone, a log of counts is whole; estimated counts are almost whole as they are."""
    for base in bases:
        if (
            base is not None
            and _can_be(float(values.max()), base)
            and whole_share(unlogged(values, base)) > 0.999
        ):
            return _found(base, f"{_way(base)} gives whole numbers", is_whole=True)
    share = whole_share(values)
    if share > 0.9:
        return _found(None, f"{share:.1%} of the values above 0 are whole numbers")
    return None


def _by_structure(sample: Matrix, bases: Iterable[float | None]) -> Recognition | None:
    """By molecules, else by sums; neither tells anything of values that are no logarithms."""
    if sample.data.size == 0 or sample.data.min() < 0 or sample.data.max() > LARGEST_LOG:
        return None
    largest = float(sample.data.max())
    inverses = {base: partial(unlogged, base=base) for base in bases if _can_be(largest, base)}
    return _by_molecules(sample, inverses) or _by_sums(sample, inverses)


def _can_be(largest: float, base: float | None) -> bool:
    """Whether a cell can hold so much, if this were its logarithm."""
    return base is None or largest * np.log(base) <= LARGEST_LOG * np.log(2)


_Inverses = Mapping[float | None, Callable[[NDArray[np.float64]], NDArray[np.float64]]]


def _by_molecules(sample: Matrix, inverses: _Inverses) -> Recognition | None:
    """Compare how many values are whole multiples of one molecule of their cell."""
    shares = {base: molecule_share(sample, inverse) for base, inverse in inverses.items()}
    best, second = sorted(shares.values(), reverse=True)[:2]
    if best < 0.85 or best - second < 0.15:
        return None
    base = max(shares, key=lambda candidate: shares[candidate])
    return _found(base, f"{_named(base)} are whole multiples of one molecule per cell ({best:.0%})")


def _by_sums(sample: Matrix, inverses: _Inverses) -> Recognition | None:
    """Compare how equal the cells' sums are: cells normalised to one depth have equal ones."""
    spread = {base: sum_spread(sample, inverse) for base, inverse in inverses.items()}
    best, second = sorted(spread.values())[:2]
    if not (best < 0.02 and best < 0.2 * second):
        return None
    base = min(spread, key=lambda candidate: spread[candidate])
    return _found(base, f"{_named(base)} have equal sums per cell (within {best:.1e})")


def _by_uns(largest: float, base: float | None) -> Recognition | None:
    """Believe the base that scanpy wrote, where a cell can hold so much."""
    if base is None or not _can_be(largest, base):
        return None
    state = _STATES.get(base, MatrixState.LOG)
    shown = "e" if base == NATURAL else f"{base:g}"
    return Recognition(
        state,
        is_whole=False,
        evidence=f"only by uns['log1p'] (base {shown})",
        is_certain=False,
        log_base=base if state is MatrixState.LOG else None,
    )


def _by_intensity(values: NDArray[np.float64]) -> Recognition | None:
    """Logarithms of more than a million, most of them large: no share of a cell's molecules."""
    largest, middle = float(values.max()), float(np.median(values))
    if largest <= LARGEST_LOG2 or middle < _INTENSE * largest:
        return None
    evidence = f"values up to {largest:.3g}, median {middle:.3g}: logarithms, but not of counts"
    return Recognition(MatrixState.SCALED, is_whole=False, evidence=evidence)


def _by_size(largest: float) -> Recognition:
    """Decide by the largest value alone, and say that it is not certain."""
    state = MatrixState.LOG1P if largest <= LARGEST_NATURAL_LOG else MatrixState.LOG2
    evidence = f"only by the largest value, {largest:.3g}"
    return Recognition(state, is_whole=False, evidence=evidence, is_certain=False)


def _way(base: float) -> str:
    return "expm1" if base == NATURAL else f"{base:g}^x - 1"


def _named(base: float | None) -> str:
    return "the values as they are" if base is None else f"{_way(base)} of the values"
