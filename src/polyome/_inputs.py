"""Files that a command names: no output replaces an input, and pipes can be read twice."""

import gzip
import os
import shutil
import stat
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from polyome._errors import InputError

OUTPUTS = ("out", "json", "bigwig")
"""Options that name what is written."""
KEEPING = (".h5ad", ".h5mu")
"""Endings of files that keep what they hold when answers are written into them."""
_BEGINNINGS = {
    b"##fileformat=VCF": ".vcf",
    b">": ".fa",
    b"\x89HDF": ".h5ad",
}
"""What the first bytes of a pipe say that it holds; it has no name that does."""
_BLOCK = 2**20
_BEGINNING = 2**12


def check_outputs(options: Mapping[str, Any]) -> None:
    """Refuse an output that is one of the inputs, or that is named twice.

    Answers may be written into the h5ad or h5mu that they are of: what it holds is kept.

    Examples
    --------
    >>> path = Path(tempfile.mkdtemp()) / "g.fa"
    >>> _ = path.write_text(">a")
    >>> check_outputs({"genome": path, "out": path})
    Traceback (most recent call last):
    polyome._errors.InputError: ...g.fa is an input (genome); what it holds would be lost. ...
    """
    written = {key: options[key] for key in OUTPUTS if isinstance(options.get(key), Path)}
    for name, path in written.items():
        for key, others in _paths(options).items():
            if key == "inputs" and path.suffix.lower() in KEEPING:
                continue
            if any(_is_same(path, other) for other in others):
                message = (
                    f"--{name} {path} is an input ({key}); what it holds would be lost. Name "
                    "another file."
                )
                raise InputError(message)
        for key, other in written.items():
            if key != name and other.absolute() == path.absolute():
                message = f"--{name} and --{key} are both {path}. Name two files."
                raise InputError(message)


def _paths(options: Mapping[str, Any]) -> dict[str, list[Path]]:
    """What a command reads, by option."""
    found = {}
    for key, value in options.items():
        values = value if isinstance(value, list) else [value]
        paths = [one for one in values if isinstance(one, Path)]
        if paths and key not in OUTPUTS:
            found[key] = paths
    return found


def _is_same(path: Path, other: Path) -> bool:
    try:
        return path.is_file() and path.samefile(other)
    except OSError:
        return False


@contextmanager
def files_of_pipes(options: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Give the options with a file in place of each pipe, such as ``/dev/stdin``.

    The files stand in the temporary folder until the command ends.

    Examples
    --------
    >>> with files_of_pipes({"vcf": Path("a.vcf"), "seed": 1}) as options:
    ...     options
    {'vcf': PosixPath('a.vcf'), 'seed': 1}
    """
    pipes = [path for paths in _paths(options).values() for path in paths if _is_pipe(path)]
    if not pipes:
        yield dict(options)
        return
    with tempfile.TemporaryDirectory(prefix="polyome-") as folder:
        held = {path: _copied(path, Path(folder), i) for i, path in enumerate(set(pipes))}

        def file_of(value: Any) -> Any:
            return held.get(value, value) if isinstance(value, Path) else value

        yield {
            key: [file_of(one) for one in value] if isinstance(value, list) else file_of(value)
            for key, value in options.items()
        }


def _is_pipe(path: Path) -> bool:
    """Whether what a path names can be read once only."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - of what a link leads to
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISSOCK(mode)


def _copied(path: Path, folder: Path, number: int) -> Path:
    """A pipe's content as a file whose name says what it is."""
    held = folder / f"{number}"
    try:
        with path.open("rb") as pipe, held.open("wb") as file:
            shutil.copyfileobj(pipe, file, _BLOCK)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror or error}. Write it to a file first."
        raise InputError(message) from error
    if not held.stat().st_size:
        message = f"{path} is a pipe that gave nothing (0 bytes). Did the command before it fail?"
        raise InputError(message)
    named = "" if path.suffix else _ending(held)
    return held.rename(folder / f"pipe{number}-{path.name}{named}")


def _ending(held: Path) -> str:
    """What a file holds, by its beginning."""
    with held.open("rb") as file:
        start = file.read(2)
    is_packed = start == b"\x1f\x8b"
    try:
        with gzip.open(held) if is_packed else held.open("rb") as file:
            start = file.read(_BEGINNING)
    except (OSError, EOFError, zlib.error):
        return ".gz"  # its reader says what is wrong
    return _kind(start) + ".gz" * is_packed


def _kind(start: bytes) -> str:
    """Ending of a file that begins so; nothing where it could be anything."""
    for begin, ending in _BEGINNINGS.items():
        if start.startswith(begin):
            return ending
    lines = start.decode("utf-8", "replace").splitlines()
    is_row = (line for line in lines if line and not line.startswith(("#", "track", "browser")))
    fields = next(is_row, "").split("\t")
    if len(fields) > 2 and fields[1].isdecimal() and fields[2].isdecimal():
        return ".bed"
    return ".tsv" if len(fields) > 1 else ".csv" if "," in fields[0] else ""
