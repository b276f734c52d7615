"""What methylation values are: beta, M, per cent or binary; and beta values of them."""

from dataclasses import dataclass

import numpy as np

from polyome._errors import InputError
from polyome._types import FloatArray

LEAST_BETA = 1e-3
"""Beta values are clipped to this and to 1 less this: M values of 0 and 1 are infinite."""
_LARGEST_M = 40.0


@dataclass(frozen=True)
class MethylationState:
    """What values are.

    Attributes
    ----------
    name : ``beta``, ``M``, ``per cent`` or ``binary``.
    """

    name: str

    @property
    def is_binary(self) -> bool:
        """Whether each site is methylated or not, so that no share can be computed."""
        return self.name == "binary"

    def beta(self, values: FloatArray) -> FloatArray:
        """Share of methylated molecules, (n, f); NaN stays NaN.

        Examples
        --------
        >>> MethylationState("M").beta(np.array([[0.0, 2.0, np.nan]])).tolist()
        [[0.5, 0.8, nan]]
        """
        if self.is_binary:
            return values
        if self.name == "M":
            values = 1 / (1 + np.exp2(-values))
        elif self.name == "per cent":
            values = values / 100
        return np.asarray(np.clip(values, LEAST_BETA, 1 - LEAST_BETA))


def methylation_state(values: FloatArray) -> MethylationState:
    """Recognise what methylation values are, from all of them.

    Parameters
    ----------
    values : float, (n, f); NaN where a site is not covered.

    Raises
    ------
    InputError
        They are none of these.

    Examples
    --------
    >>> found = [[0.0, 1.0, np.nan], [0.0, 0.31, 1.0], [-3.1, 0.2, 5.0], [0.0, 7.5, 100.0]]
    >>> [methylation_state(np.array([some])).name for some in found]
    ['binary', 'beta', 'M', 'per cent']
    """
    known = values[np.isfinite(values)]
    if not known.size:
        message = "methylation: no site is covered in any record; leave this input out."
        raise InputError(message)
    low, high = float(known.min()), float(known.max())
    if low >= 0 and high <= 1:
        return MethylationState("binary" if np.isin(known, (0, 1)).all() else "beta")
    if -_LARGEST_M <= low < 0 and high <= _LARGEST_M:
        return MethylationState("M")
    if low >= 0 and _LARGEST_M < high <= 100:
        return MethylationState("per cent")
    message = (
        f"values from {low:.3g} to {high:.3g} are no methylation: beta values (0 to 1), M values "
        "(below and above 0), per cent (0 to 100) or 0/1 are needed. Other numbers are read by "
        "NAME=features."
    )
    raise InputError(message)
