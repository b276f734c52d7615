"""Rows of a table as text: its separator, its header, and one row a line."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from polyome._errors import InputError, listed

SEPARATORS = (",", "\t", ";", "|")
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[,;\t]*', re.IGNORECASE)
"""The line that tells a spreadsheet how the others are separated."""
UNNAMED = "Unnamed: "
"""How columns without a name are called, as pandas does."""


@dataclass(frozen=True)
class Rows:
    """The rows of a table, as text.

    Attributes
    ----------
    names : of the columns; no two are the same.
    lines : the text of each row. None has more fields than there are names.
    separator : between the fields.
    short : lines of the file, from 1, with fewer fields than names.
    """

    names: list[str]
    lines: list[str]
    separator: str
    short: list[int]


def split_rows(content: str, path: Path, *, usual: str, is_wanted: Callable[[str], bool]) -> Rows:
    r"""Find header and rows of a table; each line is a row, or the table is refused.

    Lines before the header that begin with ``#``, and Excel's ``sep=;``, are left out. So are lines
    without any value.

    Parameters
    ----------
    content : the whole file, lines ended by ``\n``.
    usual : the separator that the file's name tells; another one is taken where the header has it
        and not this.
    is_wanted : whether a name is that of a column which must be there; it tells header and
        separator.

    Examples
    --------
    >>> content = "sep=;\n# of 2024\nid;sequence;note\na;AC;\"x; y\"\n;;\n"
    >>> rows = split_rows(content, Path("a.csv"), usual=",", is_wanted="sequence".__eq__)
    >>> rows.names, rows.lines, rows.separator
    (['id', 'sequence', 'note'], ['a;AC;"x; y"'], ';')
    >>> split_rows('id,note\na,"5 end\nb,x\n', Path("a.csv"), usual=",", is_wanted="id".__eq__)
    Traceback (most recent call last):
    polyome._errors.InputError: a.csv row 1 (line 2): a quoted field holds line breaks (to the ...
    """
    lines = content.split("\n")
    header, separator, names = find_header(lines, usual, is_wanted, path)
    check_names(names, path)
    width, blank = len(names), separator + " "
    is_plain = _plainly_quoted(separator)
    kept: list[str] = []
    short: list[int] = []
    long: list[tuple[int, int]] = []
    for i, line in enumerate(lines[header + 1 :], start=header + 1):
        if not line.strip(blank):
            continue
        count = line.count(separator) + 1
        if '"' in line and not is_plain(line):
            where = f"{path} row {len(kept) + 1:,} (line {i + 1:,})"
            count = _count_quoted(lines, i, separator, width, where)
        if count > width:
            line, count = _without_blank_end(line, separator, width)
        if count > width:
            long.append((i + 1, count))
        elif count < width:
            short.append(i + 1)
        kept.append(line)
    if long:
        raise _long_rows(path, long, width)
    return Rows(names, kept, separator, short)


def _plainly_quoted(separator: str) -> Callable[[str], re.Match[str] | None]:
    """Tells lines whose quote marks stand at both ends of fields without separators in them."""
    other = f'[^"{re.escape(separator)}]*'
    field = f'(?:{other}|"{other}")'
    return re.compile(f"{field}(?:{re.escape(separator)}{field})*").fullmatch


def _count_quoted(lines: list[str], i: int, separator: str, width: int, where: str) -> int:
    """Fields of line ``i``; refused where quote marks swallow separators or line ends."""
    fields = split_line(lines[i], separator)
    if fields is None:
        raise _open_quote(where, lines[i + 1 :])
    if len(fields) < width and any(separator in field for field in fields):
        message = (
            f"{where} has {len(fields)} fields, and the header {width} names: a field between "
            "quote marks holds separators; is a quote mark meant as a letter? Remove it, or put "
            'the field between quote marks and write two ("") for one.'
        )
        raise InputError(message)
    return len(fields)


def _open_quote(where: str, below: list[str]) -> InputError:
    """Build the error for a quote mark that is not closed on its line."""
    ends = [number for number, line in enumerate(below, 1) if '"' in line.replace('""', "")]
    span = f"{ends[0]:,} line{'s' * (ends[0] > 1)}" if ends else "to the end of the file"
    return InputError(
        f"{where}: a quoted field holds line breaks ({span}); is a quote mark meant as a letter? "
        'Remove it, or put the field between quote marks on one line and write two ("") for one.'
    )


def _long_rows(path: Path, long: list[tuple[int, int]], width: int) -> InputError:
    line, count = long[0]
    return InputError(
        f"{path}: {len(long):,} rows have more fields than the header has names (first: line "
        f"{line:,}, {count} fields for {width} names). Name every column in the first line (if R "
        "wrote the file: row.names = FALSE), and put texts with separators between quote marks."
    )


def split_line(line: str, separator: str) -> list[str] | None:
    """The fields of a line; None where a quote mark opens a field and none ends it.

    A quote mark counts at the beginning of a field only; inside, two stand for one.

    Examples
    --------
    >>> split_line('a,"x, y",5" end', ",")
    ['a', 'x, y', '5" end']
    >>> split_line('a,"5 end', ",") is None
    True
    """
    fields = []
    start = 0
    while True:
        quoted = ""
        if line.startswith('"', start):
            end = _closing_quote(line, start + 1)
            if end < 0:
                return None
            quoted, start = line[start + 1 : end].replace('""', '"'), end + 1
        stop = line.find(separator, start)
        fields.append(quoted + line[start : stop if stop >= 0 else len(line)])
        if stop < 0:
            return fields
        start = stop + 1


def _closing_quote(line: str, start: int) -> int:
    """Place of the quote mark that ends a field, -1 where there is none."""
    end = line.find('"', start)
    while end >= 0 and line.startswith('"', end + 1):
        end = line.find('"', end + 2)
    return end


def find_header(
    lines: list[str], usual: str, is_wanted: Callable[[str], bool], path: Path
) -> tuple[int, str, list[str]]:
    r"""Place of the header's line, the separator, and the names.

    Lines before the header that begin with ``#``, and Excel's ``sep=;``, are passed over.

    Examples
    --------
    >>> find_header(["# of 2024", "#id;note", "a;b"], ",", "id".__eq__, Path("a.csv"))
    (1, ';', ['id', 'note'])
    """
    separators = [usual, *(other for other in SEPARATORS if other != usual)]
    comments: list[int] = []
    place, is_first = 0, True
    for place, line in enumerate(lines):
        told = _SEPARATOR_LINE.fullmatch(line) if is_first else None
        if told:
            separators = [told[1]]
        elif line.lstrip('"').startswith("#"):
            comments.append(place)
        elif line.strip():
            break
        is_first = is_first and not line.strip()
    else:
        place = comments.pop() if comments else place
    if not lines[place].strip():
        message = f"{path} holds no table: it is blank. A header and rows are needed."
        raise InputError(message)
    for row in (place, *reversed(comments)):
        for separator in separators:
            names = _names(lines[row], separator)
            if any(map(is_wanted, names)):
                return row, separator, names
    separator = next((one for one in separators if one in lines[place]), usual)
    names = _names(lines[place], separator)
    if comments and len(names) > 1:
        above = _names(lines[comments[-1]], separator)
        if len(above) == len(names):
            return comments[-1], separator, above
    return place, separator, names


def _names(line: str, separator: str) -> list[str]:
    fields = split_line(line, separator) or line.split(separator)
    if line.lstrip('"').startswith("#"):
        fields[0] = fields[0].lstrip('#"')
    names = [field.strip() for field in fields]
    return [name or f"{UNNAMED}{i}" for i, name in enumerate(names)]


def check_names(names: list[str], path: Path) -> None:
    """Refuse two columns of one name.

    Examples
    --------
    >>> check_names(["id", "label", "label"], Path("a.csv"))
    Traceback (most recent call last):
    polyome._errors.InputError: a.csv: columns 2 and 3 are both called 'label'. Rename or remove ...
    """
    repeated = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if not repeated:
        return
    places = [str(i + 1) for i, name in enumerate(names) if name == repeated[0]]
    both = "both" if len(places) == 2 else "all"
    more = f" So are {listed(repeated[1:], most=3)}." if len(repeated) > 1 else ""
    message = (
        f"{path}: columns {', '.join(places[:-1])} and {places[-1]} are {both} called "
        f"'{repeated[0]}'. Rename or remove all but one.{more}"
    )
    raise InputError(message)


def _without_blank_end(line: str, separator: str, width: int) -> tuple[str, int]:
    """The line cut after ``width`` fields where those behind are blank, and its fields' number."""
    fields = split_line(line, separator) or []
    if any(field.strip() for field in fields[width:]):
        return line, len(fields)
    return line.rsplit(separator, len(fields) - width)[0], width
