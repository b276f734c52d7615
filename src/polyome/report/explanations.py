"""Explanations that lie in the model folder, as figures and tables of the report."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polyome._errors import InputError
from polyome.io.files import read_kept_table

FOLDER, INDEX = "explanations", "polyome_explanation.json"
TYPES = {".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg"}
MOST_ROWS = 20
MOST_BYTES = 8_000_000
"""Of pictures in one report."""


@dataclass(frozen=True)
class Explained:
    """One picture or table.

    Attributes
    ----------
    title, reading : what it is, and how to read it.
    picture : a ``data:`` address, or None.
    head, rows : of a table; of a long one the first rows.
    left_out : rows that are not shown.
    """

    title: str
    reading: str
    picture: str | None = None
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    left_out: int = 0
    folded: bool = False


def read_explanations(model_dir: Path) -> tuple[list[Explained], list[str]]:
    """Pictures and tables that ``explain --out MODEL_DIR/explanations`` wrote, and their notes.

    Where there is no index of them all pictures and tables of the folder are shown by name.
    """
    folder = model_dir / FOLDER
    if not folder.is_dir():
        return [], []
    index = _index(folder)
    found: list[Explained] = []
    left = MOST_BYTES
    notes = ["Simulated records."] if index.get("simulated") else []
    for item in index["items"]:
        path = folder / Path(str(item["file"])).name
        if not path.is_file() or item.get("kind") not in ("picture", "table"):
            continue
        title, reading = str(item.get("title", path.name)), str(item.get("how_to_read", ""))
        if item["kind"] == "table":
            found.append(_table(path, title, reading))
        elif path.suffix in TYPES and path.stat().st_size <= left:
            left -= path.stat().st_size
            coded = base64.b64encode(path.read_bytes()).decode()
            found.append(Explained(title, reading, f"data:{TYPES[path.suffix]};base64,{coded}"))
    return found, notes + [str(note) for note in index.get("notes", [])]


def _index(folder: Path) -> dict[str, Any]:
    """The list that was written with the files, or one of all files."""
    path = folder / INDEX
    if path.is_file():
        try:
            found: dict[str, Any] = json.loads(path.read_text())
            if all("file" in item for item in found["items"]):
                return found
        except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
            message = f"{path} is damaged: {error!r}. Run 'polyome explain' again."
            raise InputError(message) from error
        message = f"{path} is damaged: an item names no file. Run 'polyome explain' again."
        raise InputError(message)
    kinds = dict.fromkeys(TYPES, "picture") | {".csv": "table"}
    return {
        "items": [
            {"file": p.name, "kind": kinds[p.suffix], "title": p.stem.replace("_", " ")}
            for p in sorted(folder.iterdir())
            if p.suffix in kinds
        ]
    }


def _table(path: Path, title: str, reading: str) -> Explained:
    frame = read_kept_table(path, again="Run 'polyome explain'")
    rows = [tuple(map(_cell, row)) for row in frame.head(MOST_ROWS).itertuples(index=False)]
    head = tuple(map(str, frame.columns))
    return Explained(title, reading, None, head, tuple(rows), max(0, len(frame) - MOST_ROWS))


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
