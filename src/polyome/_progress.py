"""Progress of long work: a bar on a terminal, plain lines elsewhere, both on standard error."""

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar


def say(message: str, *, quiet: bool) -> None:
    """Write one line to standard error."""
    if not quiet:
        print(message, file=sys.stderr, flush=True)


class Progress:
    """Counts steps of long work.

    Parameters
    ----------
    what : what is being done, such as ``"fit"``.
    total : steps in all.
    quiet : show nothing.

    Examples
    --------
    >>> with Progress("predict", 3, quiet=True) as progress:
    ...     progress.advance(3)
    """

    seconds_between_lines = 10.0

    def __init__(self, what: str, total: int, *, quiet: bool) -> None:
        self.what = what
        self.total = total
        self.quiet = quiet
        self.done = 0
        self._bar: Bar | None = None
        self._said = time.monotonic()

    def __enter__(self) -> Self:
        if not self.quiet and sys.stderr.isatty():
            self._bar = Bar(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.completed}/{task.total} {task.fields[note]}"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.start()
            self._bar.add_task(self.what, total=self.total, note="")
        return self

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Count steps as done; ``note`` is shown beside them."""
        self.done += steps
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], advance=steps, note=note)
        elif time.monotonic() - self._said > self.seconds_between_lines:
            self._said = time.monotonic()
            say(f"{self.what}: {self.done}/{self.total} {note}".rstrip(), quiet=self.quiet)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
