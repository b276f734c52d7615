"""Run the tutorials: ``python docs/execute.py [NAME ...]``, or ``make tutorials``.

The tutorials are kept as text (docs/tutorials/*.py, Jupytext's percent format). Each is run in a
folder of its own; what it printed and drew goes into docs/_generated/tutorials/*.ipynb, which the
documentation shows. A tutorial that fails, prints a warning or takes longer than it promises fails
the whole. The notebooks beside the texts have no outputs; they are what a notebook server opens.
"""

import resource
import sys
import tempfile
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from traitlets.config import Config

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
    """Run all cells in an empty folder; the notebook with outputs, and the processor seconds.

    Those do not depend on what else the machine does; on a free one a tutorial takes no longer.
    """
    with tempfile.TemporaryDirectory() as folder:
        start = processor_seconds()
        # Sockets are files beside the notebook's own: TCP would be warned about. Their place is
        # said in full, for the kernel works in another folder than this process.
        sockets = {"transport": "ipc", "ip": f"{folder}/kernel"}
        client = NotebookClient(
            made,
            timeout=None,
            resources={"metadata": {"path": folder}},
            config=Config({"KernelManager": sockets}),
        )
        client.execute()
        return made, processor_seconds() - start


def processor_seconds() -> float:
    """Of the kernels that this process has run."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


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


def run(path: Path) -> bool:
    """Run one tutorial and say how it went; whether it kept its promises."""
    made = notebook(path)
    write(made, path.with_suffix(".ipynb"))
    made, seconds = executed(made)
    write(made, EXECUTED / f"{path.stem}.ipynb")
    warned = warnings_in(made)
    print("\n  ".join([f"{path.stem}: {seconds:.0f} s", *warned]), flush=True)
    return not warned and seconds <= MOST_SECONDS


def is_fresh(path: Path) -> bool:
    """Whether a tutorial was run after its text, and what it is about, last changed."""
    out = EXECUTED / f"{path.stem}.ipynb"
    sources = (HERE.parent / "src").rglob("*.py")
    newest = max(source.stat().st_mtime for source in (path, Path(__file__), *sources))
    return out.is_file() and out.stat().st_mtime > newest


def main(names: list[str]) -> int:
    """Run the named tutorials, or all that something changed for; 1 if one breaks its promise."""
    paths = sorted(TEXTS.glob("*.py"))
    chosen = [path for path in paths if path.stem in names or not (names or is_fresh(path))]
    # One after the other: two at a time share the cores, and take as long together.
    kept = [run(path) for path in chosen]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
