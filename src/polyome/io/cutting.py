"""How sequences are cut from a genome around intervals."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from polyome._errors import InputError, listed

CENTERS = ("middle", "summit")
BEYOND = ("refuse", "clip", "pad")
AS_IN_FIT = ("window_bp", "center", "feature")
"""Settings that a model remembers: what it reads later must be cut as what it was fitted on."""


@dataclass(frozen=True, kw_only=True)
class Cutting:
    """Settings of cutting intervals from a genome; keys of ``--set``.

    Parameters
    ----------
    window_bp : length of windows around the intervals, bp; None reads the intervals themselves.
    center : what lies in the middle of a window: the ``middle`` of the interval, or its ``summit``
        (column 10 of narrowPeak, or a column that the header calls ``peak`` or ``summit``).
    beyond : what is done with intervals that reach beyond an end of their chromosome: ``refuse``,
        ``clip`` (only what is there is read) or ``pad`` (with N).
    circular : names of circular chromosomes, ``a,b``, or ``true`` for all: windows and intervals
        go on across the origin.
    aliases : a table of names of chromosomes that mean the same.
    feature : of GTF and GFF3, the features whose starts are taken: ``transcript``, ``gene``, ...

    Examples
    --------
    >>> Cutting(window_bp="200").window_bp
    200
    >>> Cutting(center="end")
    Traceback (most recent call last):
    polyome._errors.InputError: center='end' is not known. Known: 'middle', 'summit'.
    """

    window_bp: int | None = None
    center: str = "middle"
    beyond: str = "refuse"
    circular: str | None = None
    aliases: str | None = None
    feature: str | None = None

    def __post_init__(self) -> None:
        for name, known in (("center", CENTERS), ("beyond", BEYOND)):
            value = getattr(self, name)
            if value not in known:
                message = f"{name}={value!r} is not known. Known: {listed(known)}."
                raise InputError(message)
        if self.window_bp is not None:
            object.__setattr__(self, "window_bp", _whole(self.window_bp))
        if self.center == "summit" and self.window_bp is None:
            message = "center=summit is for windows: say how long they are (--window-bp)."
            raise InputError(message)

    @classmethod
    def of(cls, given: Mapping[str, Any], usual: Mapping[str, Any]) -> "Cutting":
        """What was asked for, and where nothing was, what is usual.

        Examples
        --------
        >>> Cutting.of({"window_bp": None}, {"window_bp": 90, "center": "summit"}).window_bp
        90
        """
        asked = {key: value for key, value in given.items() if value is not None}
        return cls(**{**usual, **asked})

    @property
    def remembered(self) -> dict[str, Any]:
        """What a model that was fitted on such intervals keeps."""
        return {name: getattr(self, name) for name in AS_IN_FIT}

    def notes(self, usual: Mapping[str, Any]) -> tuple[str, ...]:
        """Say what follows a model's own settings, or departs from them.

        Examples
        --------
        >>> Cutting(window_bp=90).notes(Cutting(window_bp=60).remembered)
        ('window_bp=90, and the model was fitted with window_bp=60.',)
        """
        if not usual:
            return ()
        others = [key for key in AS_IN_FIT if usual.get(key) != getattr(self, key)]
        if others:
            now = ", ".join(f"{key}={getattr(self, key)}" for key in others)
            then = ", ".join(f"{key}={usual.get(key)}" for key in others)
            return (f"{now}, and the model was fitted with {then}.",)
        if self.window_bp is None:
            return ()
        return (f"windows of {self.window_bp:,} bp around each {self.center}, as in fit.",)


CUTTING = tuple(field.name for field in fields(Cutting))
"""Names of the settings."""


def _whole(value: Any) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = 0
    if number < 1 or isinstance(value, float):
        message = f"window_bp is {value}; a whole number of at least 1 is needed."
        raise InputError(message)
    return number
