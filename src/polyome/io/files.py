"""Files and folders that are whole or absent, never half-written."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from polyome._errors import InputError, listed

OwnNames = Callable[[Path], set[str]]


def paths_of(source: Any, needed: str) -> list[Path]:
    """Files that a source names: a path, or a list of paths.

    Parameters
    ----------
    needed : what else a source may be, for the message.

    Examples
    --------
    >>> paths_of(3, "a table, or the path of a CSV file,")
    Traceback (most recent call last):
    polyome._errors.InputError: a table, or the path of a CSV file, is needed; found int.
    """
    paths = source if isinstance(source, list) else [source]
    if not paths or not all(isinstance(path, str | Path) for path in paths):
        inside = f" of {type(paths[0]).__name__}" if isinstance(source, list) and paths else ""
        message = f"{needed} is needed; found {type(source).__name__}{inside}."
        raise InputError(message)
    return [Path(path) for path in paths]


@contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """Give a path beside ``path`` to write to, renamed to ``path`` when all went well.

    Examples
    --------
    >>> folder = Path(tempfile.mkdtemp())
    >>> with written_aside(folder / "a.txt") as aside:
    ...     _ = aside.write_text("whole")
    >>> (folder / "a.txt").read_text()
    'whole'
    """
    check_writable(path)
    path = path.resolve()  # a link to a file stays one
    aside = path.with_name(f".partial-{os.getpid()}-{path.name[-100:]}")
    try:
        yield aside
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def folder_written_aside(
    folder: Path, *, replaces: str, own: OwnNames | None = None
) -> Iterator[Path]:
    """Give a new folder beside ``folder``, renamed to it when all went well.

    An existing folder is replaced only where :func:`check_new_folder` finds nothing against it.
    """
    check_new_folder(folder, replaces=replaces, own=own)
    folder = folder.resolve()  # a link to a folder stays one
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.partial-", dir=folder.parent))
    aside.chmod(0o755)
    older = aside.with_name(f"{aside.name}-older")
    try:
        yield aside
        _readable_by_others(aside)
        if folder.is_dir():
            folder.replace(older)
        aside.replace(folder)
    finally:
        if older.is_dir() and not folder.exists():
            older.replace(folder)
        for left in (aside, older):
            shutil.rmtree(left, ignore_errors=True)


def _readable_by_others(folder: Path) -> None:
    """Give files the rights that new files have here; libraries keep some for their owner alone."""
    mask = os.umask(0)
    os.umask(mask)
    for path in folder.rglob("*"):
        path.chmod((0o777 if path.is_dir() else 0o666) & ~mask)


def check_new_folder(folder: Path, *, replaces: str, own: OwnNames | None = None) -> None:
    """Refuse early a folder that must not be replaced, or that is a file.

    Parameters
    ----------
    replaces : a file that says what the folder is; without it only an empty one is replaced.
    own : from the folder to the names that were written there by us; others must not be lost.
    """
    if folder.exists() and not folder.is_dir():
        message = f"{folder} is a file; a folder is needed."
        raise InputError(message)
    if folder.resolve() == Path.cwd() or folder.is_mount():
        message = f"{folder} is the working folder or a disk; name a new folder."
        raise InputError(message)
    if folder.is_dir() and any(folder.iterdir()) and not (folder / replaces).is_file():
        message = f"{folder} holds other files; name a new or an empty folder."
        raise InputError(message)
    if own is not None and folder.is_dir() and (folder / replaces).is_file():
        others = sorted({path.name for path in folder.iterdir()} - own(folder))
        if others:
            message = (
                f"{folder} holds {listed(others, most=3)}, which would be lost: polyome did not "
                "write it there as a part of the old one. Move it, or name a new folder."
            )
            raise InputError(message)
    _check_can_hold_files(folder.absolute().parent)


def check_writable(path: Path, inputs: Sequence[Path] = ()) -> None:
    """Refuse early what cannot be written: a directory, or a folder that is not there.

    Parameters
    ----------
    inputs : files that are read, which must not be replaced.
    """
    for source in inputs:
        if path.is_file() and source.exists() and path.samefile(source):
            message = f"{path} is an input; what it holds would be lost. Name another file."
            raise InputError(message)
    if path.exists() and not path.is_file() and not path.is_dir():
        message = f"{path} is no file but a device or a pipe, which cannot be replaced as a whole."
        raise InputError(message)
    if path.is_dir():
        message = f"{path} is a folder; a file name is needed."
        raise InputError(message)
    if not path.parent.is_dir():
        message = f"the folder {path.parent} does not exist; make it first."
        raise InputError(message)
    _check_can_hold_files(path.absolute().parent)


def _check_can_hold_files(folder: Path) -> None:
    """Try it: permissions, read-only disks and files in place of folders all show then."""
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir():
        message = f"{folder} is a file; no folder can be made in it."
        raise InputError(message)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        message = f"nothing can be written in {folder}: {error.strerror or error}."
        raise InputError(message) from error


def read_kept_table(
    path: Path, needs: Sequence[str] = (), *, again: str = "Fit the model", **options: Any
) -> pd.DataFrame:
    """Read a table that Polyome wrote into a folder; say so where it is damaged.

    Parameters
    ----------
    needs : columns that must be there.
    again : what makes the table again.
    options : of :func:`pandas.read_csv`.
    """
    try:
        table: pd.DataFrame = pd.read_csv(path, **options)
        missing = [name for name in needs if name not in table]
    except Exception as error:  # gzip, the text, the table and its types each fail in their own way
        message = f"{path} is damaged ({error}). {again} again."
        raise InputError(message) from error
    if missing:
        message = f"{path} is damaged (it lacks {listed(missing)}). {again} again."
        raise InputError(message)
    return table


def write_json(value: Any, path: Path) -> None:
    """Write JSON with plain numbers; aside and renamed."""
    with written_aside(path) as aside:
        aside.write_text(json.dumps(value, indent=2, default=_plain) + "\n")


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    return str(value)
