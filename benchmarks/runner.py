"""Units of measurement, cached by code and settings, so that a run resumes where it stopped."""

import hashlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
SOURCE = HERE.parent / "src" / "polyome"
RESULTS = HERE / "results"
CACHE = RESULTS / "cache"


def data_folder() -> Path:
    """Where the real data sets are: POLYOME_DATA, or beside the repository."""
    named = os.environ.get("POLYOME_DATA")
    folder = Path(named) if named else HERE.parents[1] / "shared" / "data"
    if not folder.is_dir():
        message = f"no real data in {folder}; set POLYOME_DATA"
        raise SystemExit(message)
    return folder


def code_version() -> str:
    """Hash of the package's and the benchmarks' code; documentation does not count."""
    digest = hashlib.sha256()
    for path in sorted([*SOURCE.rglob("*.py"), *HERE.glob("*.py")]):
        if path.name != "pl.py" and not {"cli", "report"} & {*path.relative_to(HERE.parent).parts}:
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def unit(
    row: str, settings: dict[str, Any], measure: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """Measure once; a second call with the same code and settings reads the first's result."""
    key = json.dumps({"row": row, "settings": settings, "code": code_version()}, sort_keys=True)
    path = CACHE / f"{row}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"
    if path.is_file():
        return json.loads(path.read_text())
    start = time.perf_counter()
    result = measure()
    result["seconds"] = time.perf_counter() - start
    CACHE.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, default=float))
    print(f"  {row} {settings}: {result['seconds']:.0f} s", flush=True)
    return result


def mean_and_spread(results: list[dict[str, Any]]) -> dict[str, str]:
    """``mean (SD over units)`` of every number that all results have; of one unit, the number."""
    shown = {}
    for name in results[0]:
        values: list[Any] = [result.get(name) for result in results]
        if all(isinstance(value, int | float) for value in values):
            spread = f" ({np.std(values, ddof=1):.4f})" if len(values) > 1 else ""
            shown[name] = f"{np.mean(values):.4f}{spread}"
    return shown


def paired(
    truth: np.ndarray,
    own: list[np.ndarray],
    other: list[np.ndarray],
    score: Callable[[np.ndarray, np.ndarray], float],
    repeats: int = 1000,
) -> dict[str, Any]:
    """Difference in a score, mean of seeds, with a bootstrap over test rows.

    Parameters
    ----------
    truth : (n,).
    own, other : by seed, the answers of the model and of what it is compared with, (n,) each.
    score : called as ``(truth, answers)``.
    """
    rng = np.random.default_rng(0)

    def difference(rows: np.ndarray) -> float:
        pairs = zip(own, other)
        return float(
            np.mean([score(truth[rows], a[rows]) - score(truth[rows], b[rows]) for a, b in pairs])
        )

    drawn = [difference(rng.integers(0, len(truth), len(truth))) for _ in range(repeats)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return {
        "difference": difference(np.arange(len(truth))),
        "interval": [float(low), float(high)],
        "standard_error": float(np.std(drawn)),
    }


def shown(found: dict[str, Any]) -> str:
    """What :func:`paired` found, in words."""
    low, high = found["interval"]
    return f"{found['difference']:+.4f} [{low:+.4f}, {high:+.4f}], SE {found['standard_error']:.4f}"


def table(rows: dict[str, dict[str, Any]], columns: list[str]) -> str:
    """Markdown table: rows by name, the chosen columns."""
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name, values in rows.items():
        cells = [values.get(column, "-") for column in columns]
        shown = [f"{cell:.4f}" if isinstance(cell, float) else str(cell) for cell in cells]
        lines.append(f"| {name} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


def write(row: str, title: str, body: str, numbers: Any) -> None:
    """Leave ``results/ROW.json`` and ``results/ROW.md``, and print the latter."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{row}.json").write_text(json.dumps(numbers, indent=1, default=float) + "\n")
    text = f"## {title}\n\n`make bench ONLY={row}`\n\n{body}\n"
    (RESULTS / f"{row}.md").write_text(text)
    print(text, flush=True)
