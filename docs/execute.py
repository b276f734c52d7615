"""Run the tutorials: ``python docs/execute.py [NAME ...]``, or ``make tutorials``.

The tutorials are kept as text (docs/tutorials/*.py, Jupytext's percent format). Each is run in a
folder of its own; what it printed and drew goes into docs/_generated/tutorials/*.ipynb, which the
documentation shows. A tutorial that fails, prints a warning or takes longer than it promises fails
the whole. The notebooks beside the texts have no outputs; they are what Colab opens.
"""

import sys
import tempfile
import time
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

HERE = Path(__file__).parent
TEXTS = HERE / "tutorials"
EXECUTED = HERE / "_generated" / "tutorials"
MOST_SECONDS = 180


def notebook(path: Path) -> NotebookNode:
    """The notebook of a text, without outputs; the same text gives the same notebook."""
    made = jupytext.read(path)
    for number, cell in enumerate(made.cells):
        cell["id"] = f"cell-{number}"
    made.metadata = {"kernelspec": made.metadata["kernelspec"]}
    return made


def write(made: NotebookNode, path: Path) -> None:
    """Write a notebook as JSON, one line at the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(nbformat.writes(made) + "\n")


def executed(made: NotebookNode) -> tuple[NotebookNode, float]:
    """Run all cells in an empty folder; the notebook with outputs, and the seconds it took."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        client = NotebookClient(made, timeout=None, resources={"metadata": {"path": folder}})
        client.execute()
        return made, time.perf_counter() - start


def warnings_in(made: NotebookNode) -> list[str]:
    """Lines of standard error that warn."""
    lines = [
        line
        for cell in made.cells
        for output in cell.get("outputs", [])
        if output.get("name") == "stderr"
        for line in output["text"].splitlines()
    ]
    return [line for line in lines if "warning" in line.lower()]


def newest(path: Path) -> float:
    """When a text, or what it is about, last changed."""
    sources = (HERE.parent / "src").rglob("*.py")
    return max(source.stat().st_mtime for source in (path, Path(__file__), *sources))


def main(names: list[str]) -> int:
    """Run the named tutorials, or all; 1 if one of them breaks its promise."""
    failed = 0
    for path in sorted(TEXTS.glob("*.py")):
        if names and path.stem not in names:
            continue
        out = EXECUTED / f"{path.stem}.ipynb"
        if not names and out.is_file() and out.stat().st_mtime > newest(path):
            print(f"{path.stem}: nothing changed", flush=True)
            continue
        made = notebook(path)
        write(made, path.with_suffix(".ipynb"))
        made, seconds = executed(made)
        write(made, out)
        warned = warnings_in(made)
        print(f"{path.stem}: {seconds:.0f} s", *warned, sep="\n  ", flush=True)
        failed += bool(warned) or seconds > MOST_SECONDS
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
