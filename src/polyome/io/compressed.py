"""Files of text, plain or gzip: told apart by their bytes, and read to their very end."""

import gzip
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from polyome._errors import InputError, suggestion

StrPath = str | os.PathLike[str]

GZIP = b"\x1f\x8b"
_OTHER_KINDS = {
    b"BZh": "is compressed with bzip2",
    b"\xfd7zXZ": "is compressed with xz",
    b"\x28\xb5\x2f\xfd": "is compressed with zstd",
    b"PK\x03\x04": "is a zip archive or a spreadsheet",
    b"\x89HDF": "is an HDF5 file",
    b"\xd0\xcf\x11\xe0": "is a spreadsheet of an older Excel",
}
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_BGZIP_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_BLOCK = 2**20


def ending(path: Path) -> str:
    """The ending of a file's name in lower case, without that of gzip.

    Examples
    --------
    >>> ending(Path("Genome.FA.gz")), ending(Path("genes.csv"))
    ('.fa', '.csv')
    """
    return _without_gzip(path).suffix.lower()


def stem(path: Path) -> str:
    """The name of a file without its ending and that of gzip.

    Examples
    --------
    >>> stem(Path("data/promoters.v2.fa.gz"))
    'promoters.v2'
    """
    return _without_gzip(path).stem


def _without_gzip(path: Path) -> Path:
    return path.with_suffix("") if path.suffix.lower() in {".gz", ".bgz"} else path


def is_bgzip(path: Path) -> bool:
    """Whether a file is gzip in blocks, which can be read from any place.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.gz"
    >>> _ = path.write_bytes(gzip.compress(b"ACGT"))
    >>> is_bgzip(path)
    False
    """
    start = _checked_start(path)
    has_extra = len(start) > 3 and start[3] & 4 == 4
    return start.startswith(GZIP) and has_extra and start[12:14] == b"BC"


def first_bytes(path: Path) -> bytes:
    """Up to 18 bytes from the beginning of a file; refuse what is no file or has none.

    Examples
    --------
    >>> first_bytes(Path("promoters.csv"))
    Traceback (most recent call last):
    polyome._errors.InputError: There is no file promoters.csv.
    """
    start = _checked_start(path)
    if start.startswith(_UTF_16):
        message = f"{path} is text in UTF-16; plain text in UTF-8 is needed here. Convert it first."
        raise InputError(message)
    return start


def _checked_start(path: Path) -> bytes:
    """The first bytes of what may be text or gzip."""
    if path.is_dir():
        message = f"{path} is a folder; a file is needed."
        raise InputError(message)
    if not path.exists():
        near = [file.name for file in path.parent.glob("*")] if path.parent.is_dir() else []
        message = f"There is no file {path}.{suggestion(path.name, near)}"
        raise InputError(message)
    if not path.is_file():
        message = (
            f"{path} is a pipe or a device, which cannot be read twice. Write what it gives to a "
            "file, and name the file."
        )
        raise InputError(message)
    try:
        with path.open("rb") as file:
            start = file.read(18)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror or error}."
        raise InputError(message) from error
    if not start:
        message = f"{path} is empty (0 bytes); copy or download it again."
        raise InputError(message)
    for magic, kind in _OTHER_KINDS.items():
        if start.startswith(magic):
            message = f"{path} {kind}; plain text in UTF-8 or gzip of it is read. Convert it first."
            raise InputError(message)
    return start


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a plain or gzip file for reading bytes; damage met while reading is an InputError.

    Text in UTF-16 is read as UTF-8.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.fa"
    >>> _ = path.write_bytes(gzip.compress(b">a and nothing else"))
    >>> with opened(path) as file:
    ...     file.read(2)
    b'>a'
    """
    start = _checked_start(path)
    if start.startswith(_UTF_16):
        yield io.BytesIO(_as_utf8(path.read_bytes(), path))
        return
    if not start.startswith(GZIP):
        with path.open("rb", buffering=_BLOCK) as file:
            yield file
        return
    if is_bgzip(path):
        _check_bgzip_end(path)
    try:
        with gzip.open(path, "rb") as compressed:
            raw: Any = compressed  # gzip's own readline is several times slower
            yield io.BufferedReader(raw, _BLOCK)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _damaged(path, str(error)) from error


def _as_utf8(content: bytes, path: Path) -> bytes:
    """Text in UTF-16 as UTF-8; other content as it is."""
    if not content.startswith(_UTF_16):
        return content
    try:
        return content.decode("utf-16").encode()
    except UnicodeDecodeError as error:
        message = f"{path} is damaged: it begins as text in UTF-16 ({error.reason}). Save it again."
        raise InputError(message) from error


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    r"""Lines of an open file with their ends: ``\n``, ``\r\n``, or the ``\r`` of old systems.

    Examples
    --------
    >>> list(lines_of(io.BytesIO(b">a\rAC\r>b\rGT\n")))
    [b'>a\r', b'AC\r', b'>b\r', b'GT\n']
    """
    for line in file:
        if b"\r" in line.rstrip(b"\r\n"):
            yield from line.splitlines(keepends=True)
        else:
            yield line


def _check_bgzip_end(path: Path) -> None:
    """A file cut between two blocks is sound gzip: only its missing end tells."""
    with path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - len(_BGZIP_END)))
        if file.read() != _BGZIP_END:
            raise _damaged(path, "the block that ends a bgzip file is missing")


def _damaged(path: Path, reason: str) -> InputError:
    return InputError(
        f"{path} is damaged or cut short: {reason.rstrip('.')}. An intact gzip file is needed; "
        "copy or download it again."
    )


def read_bytes(path: Path) -> bytes:
    """The whole content of a plain or gzip file, decompressed.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.txt"
    >>> _ = path.write_bytes(gzip.compress(b"ACGT"))
    >>> read_bytes(path)
    b'ACGT'
    """
    with opened(path) as file:
        return file.read()


def read_text(path: Path) -> str:
    r"""The whole content of a plain or gzip file of text, with plain line ends and without BOM.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.csv"
    >>> _ = path.write_bytes(b"\xef\xbb\xbfid,sequence\r\na,ACGT\r\n")
    >>> read_text(path)
    'id,sequence\na,ACGT\n'
    """
    content = _as_utf8(read_bytes(path), path)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise not_utf8(
            path, content[: error.start].count(b"\n") + 1, content[error.start]
        ) from error
    if "\0" in text:
        message = f"{path} is not text: it holds bytes of value 0. Save it as text in UTF-8."
        raise InputError(message)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def not_utf8(path: Path, line: int, byte: int) -> InputError:
    """Build the error for bytes that are no text.

    Examples
    --------
    >>> print(not_utf8(Path("a.csv"), 3, 0xE9))
    a.csv line 3 is not text in UTF-8 (byte 0xe9). Save the file as UTF-8.
    """
    return InputError(
        f"{path} line {line:,} is not text in UTF-8 (byte {byte:#04x}). Save the file as UTF-8."
    )
