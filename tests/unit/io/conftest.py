"""Files as users compress them."""

import gzip
import struct
import zlib

import pytest


def bgzip(content, block=100):
    """Blocks of gzip that say their own size, and an empty one at the end (SAM specification)."""
    blocks = []
    for start in [*range(0, len(content), block), len(content)]:
        piece = content[start : start + block]
        deflate = zlib.compressobj(wbits=-15)
        body = deflate.compress(piece) + deflate.flush()
        header = struct.pack("<4BI2BH2B2H", 31, 139, 8, 4, 0, 0, 255, 6, 66, 67, 2, len(body) + 25)
        blocks.append(header + body + struct.pack("<2I", zlib.crc32(piece), len(piece)))
    return b"".join(blocks)


FORMS = {
    "plain": lambda content: content,
    "gzip": gzip.compress,
    "bgzip": bgzip,
    "two gzips": lambda content: gzip.compress(content[:7]) + gzip.compress(content[7:]),
    "CRLF": lambda content: content.replace(b"\n", b"\r\n"),
    "CRLF in gzip": lambda content: gzip.compress(content.replace(b"\n", b"\r\n")),
    "BOM": lambda content: b"\xef\xbb\xbf" + content,
    "no last line end": lambda content: content.removesuffix(b"\n"),
}


@pytest.fixture(params=FORMS)
def form(request):
    """A way to store a text, which must not change what is read."""
    return FORMS[request.param]


@pytest.fixture
def bgzipped():
    """Bytes to bgzip."""
    return bgzip


@pytest.fixture
def write(tmp_path):
    """Write a file from text or bytes."""

    def write(content, name="x.fa"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write
