"""Sequences in FASTA: whole files, or one record at a time.

The format is read here rather than with htslib, which ends a line at a byte of value 0, takes a
line that begins with ``@`` for a new record, and gzip cut near its beginning for an empty file.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pandas as pd

from polyome._errors import InputError
from polyome.io.compressed import StrPath, lines_of, not_utf8, opened, stem
from polyome.io.records import check_dna, join_labels
from polyome.io.table import read_columns, warn_of_table

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_COMMENTS = (b";", b"#", b"!")
_SPACE = b" \t\r\n\v\f"


def read_fasta(path: StrPath, *, labels: StrPath | None = None) -> pd.DataFrame:
    r"""Read all sequences of a FASTA file: plain, gzip or bgzip.

    Lines that begin with ``;``, ``#`` or ``!`` are comments, and one ``*`` may end a sequence.

    Parameters
    ----------
    path : the file.
    labels : a CSV or TSV with a column ``id`` (or ``name``) and any others, joined by id.

    Returns
    -------
    DataFrame, one row per record, indexed by ``id``, the first word of the header: ``sequence``
    (text, letters as in the file), ``file`` (its name without ending), ``description`` (the rest of
    the headers, if any has one) and the columns of ``labels``, NaN where a record has none. Ids
    that repeat in the file repeat in the index, as a table's do.

    Raises
    ------
    InputError
        There is no such file, it is no FASTA, it is damaged, a sequence is empty or no DNA, or no
        record has a label.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "promoters.fa"
    >>> _ = path.write_text(">lacZ E. coli\nTTTACA\nCTTTAT\n>recA\nTTGACA\n")
    >>> read_fasta(path).loc["lacZ"].to_dict()
    {'sequence': 'TTTACACTTTAT', 'file': 'promoters', 'description': 'E. coli'}
    """
    path = Path(path).expanduser()
    names, descriptions, sequences = zip(*_records(path, unique=False))
    table = pd.DataFrame(
        {"sequence": sequences, "file": stem(path), "description": descriptions},
        index=pd.Index(names, dtype=object, name="id"),
    )
    if not any(descriptions):
        table = table.drop(columns="description")
    return table if labels is None else with_labels(table, labels)


def with_labels(records: pd.DataFrame, labels: StrPath) -> pd.DataFrame:
    r"""Read a table of labels and put it beside the records of the same id.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "labels.csv"
    >>> _ = path.write_text("id,label\na,1\n")
    >>> with_labels(pd.DataFrame({"sequence": ["ACGT"]}, index=["a"]), path)["label"].tolist()
    [1]
    """
    labels = Path(labels).expanduser()
    table, notes = read_columns(labels)
    joined = join_labels(records, table, labels).rename_axis("id")
    warn_of_table(notes, table, labels)
    return joined


def stream_fasta(path: StrPath) -> Iterator[tuple[str, str]]:
    r"""Read name and sequence, one record at a time: memory holds one record.

    A fault of the file, such as two records of one name, is raised as an `InputError` when the
    reading comes to it.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "genome.fa"
    >>> _ = path.write_text(">chr1\nACGT\nacgt\n>chr2\nNN\n")
    >>> list(stream_fasta(path))
    [('chr1', 'ACGTacgt'), ('chr2', 'NN')]
    """
    for name, _, sequence in _records(Path(path).expanduser(), unique=True):
        yield name, sequence


def _records(path: Path, *, unique: bool) -> Iterator[tuple[str, str, str]]:
    """Name, rest of the header, and sequence of each record, checked; names too if ``unique``."""
    seen: dict[str, int] = {}
    with opened(path) as file:
        for line, header, letters in _blocks(file, path):
            name, _, description = header.partition(" ")
            where = f"{path}: record '{name}' (line {line:,})"
            if not name:
                message = f"{path} line {line:,}: the record has no name after '>'. Give it one."
                raise InputError(message)
            if unique and name in seen:
                message = (
                    f"{where} has the name of the record of line {seen[name]:,}; pieces are looked "
                    "up by name, the first word of the header. Rename one."
                )
                raise InputError(message)
            if letters in (b"", b"*"):
                message = f"{where} has no sequence. Remove it, or fill it in."
                raise InputError(message)
            seen[name] = line
            sequence = letters.removesuffix(b"*").decode("utf-8", "replace")
            check_dna([(where, sequence)])
            yield name, description.strip(), sequence
    if not seen:
        message = f"{path} holds no record: it is blank. FASTA begins with '>'."
        raise InputError(message)


def _blocks(file: BinaryIO, path: Path) -> Iterator[tuple[int, str, bytes]]:
    """Line number, header and letters of each record, as they are."""
    start, header, comment = 0, "", ""
    letters = bytearray()
    for number, raw in enumerate(lines_of(file), start=1):
        line = raw.removeprefix(_BYTE_ORDER_MARK) if number == 1 else raw
        if line.startswith(b">"):
            if start:
                yield start, header, bytes(letters.translate(None, _SPACE))
            start, header, letters = number, _header(line, number, path), bytearray()
            comment = ""
        elif line.startswith(_COMMENTS):
            comment = (
                f"line {number:,} begins with '{line[:1].decode()}'" if letters.strip() else ""
            )
        elif start and comment and line.strip():
            raise _comment_inside(path, comment, start)
        elif start:
            letters += line
        elif line.strip():
            raise _no_fasta(path, line.strip(), number)
    if start:
        yield start, header, bytes(letters.translate(None, _SPACE))


def _comment_inside(path: Path, comment: str, start: int) -> InputError:
    return InputError(
        f"{path} {comment} between letters of the record of line {start:,}. "
        "If it names a record, begin it with '>'; a comment stands behind a name or the letters."
    )


def _header(line: bytes, number: int, path: Path) -> str:
    try:
        return " ".join(line[1:].decode().rstrip().split("\t"))
    except UnicodeDecodeError as error:
        raise not_utf8(path, number, error.object[error.start]) from error


def _no_fasta(path: Path, line: bytes, number: int) -> InputError:
    if line.startswith(b"@"):
        return InputError(
            f"{path} looks like FASTQ (line {number:,} begins with '@'); FASTA is needed. "
            "Convert it, for example with: seqtk seq -A"
        )
    shown = line[:20].decode("ascii", "backslashreplace")
    return InputError(
        f"{path} line {number:,}: FASTA begins with '>' and a name, this with '{shown}'. If it is "
        "a table, give it the ending .csv or .tsv."
    )
