"""What an audit finds."""

from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["note", "warning"]
Number = float | int | str | list[str] | list[int] | list[float] | None


@dataclass(frozen=True)
class Finding:
    """One thing that the audit found.

    Attributes
    ----------
    kind : what was looked for, such as ``duplicates``.
    severity : ``warning`` where scores may mislead, ``note`` where the user may want to know.
    message : what was found and what to do.
    numbers : the evidence, ready for JSON.

    Examples
    --------
    >>> Finding("classes", "note", "Class 'T' has no row in test.", {"rows": 0}).numbers["rows"]
    0
    """

    kind: str
    severity: Severity
    message: str
    numbers: dict[str, Number] = field(default_factory=dict)
