"""Whether the index beside a FASTA is that of the file as it is now.

Times of change do not tell: a copy is newer than what it was made of. Each entry of a ``.fai`` says
where a record's letters begin and how they are broken into lines; the bytes there tell.
"""

import struct
import zlib
from bisect import bisect_right
from collections.abc import Callable
from pathlib import Path

import numpy as np

from polyome.io.compressed import is_bgzip

_MOST_CHECKED = 1000
"""Entries of an index that are checked, evenly spaced, the last among them."""
_LONGEST_HEADER = 2**16

ReadBytes = Callable[[int, int], bytes]
"""Decompressed bytes from a place, so many or up to the end."""


def is_index_of(fai: Path, path: Path) -> bool:
    """Whether the entries of an index fit the file.

    Before the letters of each record there must be a line ``>NAME``, and where they end the next
    record or the end of the file.

    Parameters
    ----------
    fai : index; of a bgzip file, its ``.gzi`` stands beside ``path``.
    path : FASTA, plain or bgzip.
    """
    try:
        entries = [line.split("\t") for line in fai.read_text().splitlines()]
        rows = np.unique(np.linspace(0, len(entries) - 1, _MOST_CHECKED).round().astype(int))
        with path.open("rb") as file:

            def plain(start: int, count: int) -> bytes:
                file.seek(start)
                return file.read(count)

            read = _read_bgzip(plain, Path(f"{path}.gzi")) if is_bgzip(path) else plain
            last = len(entries) - 1
            return all(_fits(entries[row], read, is_last=row == last) for row in rows)
    except (OSError, ValueError, IndexError, struct.error, zlib.error):
        return False


def _fits(entry: list[str], read: ReadBytes, *, is_last: bool) -> bool:
    name, (length, offset, bases, width) = entry[0], map(int, entry[1:5])
    first = max(0, offset - _LONGEST_HEADER)
    header = read(first, offset - first).splitlines(keepends=True)[-1]
    words = header[1:].split()
    is_header = header.startswith(b">") and header.endswith(b"\n")
    if not is_header or not words or words[0] != name.encode():
        return False
    if not length:
        return True
    last = offset + (length - 1) // bases * width + (length - 1) % bases
    end = read(last, width + 3)
    is_line_end = end[1:2] in (b"", b"\r", b"\n")
    following = end[1:].lstrip()[:1]
    is_base = bool(end[:1].strip())
    return is_line_end and is_base and following == (b"" if is_last else b">")


def _read_bgzip(plain: ReadBytes, gzi: Path) -> ReadBytes:
    """Read decompressed bytes by the index of the blocks."""
    content = gzi.read_bytes()
    (count,) = struct.unpack_from("<Q", content)
    pairs = [(0, 0), *struct.iter_unpack("<2Q", content[8 : 8 + 16 * count])]
    begins = [uncompressed for _, uncompressed in pairs]

    def read(start: int, count: int) -> bytes:
        block = bisect_right(begins, start) - 1
        found, skipped = b"", start - begins[block]
        while block < len(pairs) and len(found) < skipped + count:
            place = pairs[block][0]
            size = struct.unpack("<H", plain(place + 16, 2))[0] + 1
            found += zlib.decompress(plain(place, size), wbits=31)
            block += 1
        return found[skipped : skipped + count]

    return read
