"""Pages that are made of the program itself, so that they cannot drift from it."""

import re
import subprocess
import sys
from dataclasses import fields
from html import unescape
from pathlib import Path

import polyome
from polyome.described import default_of, described
from polyome.explain.cells import CellArguments
from polyome.explain.sequences import SequenceArguments
from polyome.explain.tissue import TissueArguments
from polyome.genome.scan_arguments import ScanArguments
from polyome.genome.variants import VariantArguments
from polyome.predict.predict import PredictArguments
from polyome.report.html import ReportArguments
from polyome.settings import hints_of, limits_in_words
from polyome.tasks import TASKS
from polyome.train.arguments import FitArguments

REPOSITORY = Path(__file__).parents[1]
SECTIONS = ("Parameters", "Attributes")


def write_generated(docs: Path) -> None:
    """Write ``_generated/``: the reference of commands and of the API, and the results."""
    folder = docs / "_generated"
    folder.mkdir(exist_ok=True)
    pages = {"commands.md": commands_page(), "api.rst": api_page(), "results.md": results_page()}
    pages["settings.md"] = settings_page()
    for name, text in pages.items():
        path = folder / name
        if not path.is_file() or path.read_text() != text:  # an unchanged page is not built again
            path.write_text(text)


def commands_page() -> str:
    """Every command with its arguments and options, as typer writes them down."""
    words = ["-m", "typer", "polyome.cli", "utils", "docs", "--name", "polyome"]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=True)
    whole = unescape(done.stdout).replace("```console\n$ ", "```text\n")
    commands = whole[whole.index("## ") :]
    return f"# Commands\n\n{_CONVENTIONS}\n\n{re.sub('(?m)^#(#+) `(.*)`$', _heading, commands)}"


_CONVENTIONS = (
    "Results go to files or standard output, messages to standard error. Exit code 0: done; 1: the "
    "work failed; 2: the input or the options are wrong, and nothing was written."
)


def _heading(found: re.Match[str]) -> str:
    """Make a heading of a command; those of a group stand beside the others."""
    return f"## {found[2]}"


def api_page() -> str:
    """Every public name, by what it is for."""
    classes = [task.estimator for task in TASKS.values()]
    functions = [n for n in polyome.__all__ if n not in ("__version__", "pl", *_ERRORS)]
    blocks = ["API", "===", "", "Tasks", "-----", ""]
    blocks.append("Each task is a class with the same verbs.\n")
    for name in classes:
        blocks += [f".. autoclass:: polyome.{name}", "   :exclude-members: task_class", ""]
    blocks += ["Functions", "---------", ""]
    for name in functions:
        blocks += [f".. autofunction:: polyome.{name}", ""]
    blocks += ["Figures", "-------", "", ".. automodule:: polyome.pl", ""]
    blocks += ["Errors and warnings", "-------------------", ""]
    for name in _ERRORS:
        blocks += [f".. autoexception:: polyome._errors.{name}", "   :no-inherited-members:", ""]
    return "\n".join(blocks)


_ERRORS = ("InputError", "PolyomeWarning")


def settings_page() -> str:
    """Every setting with its default and meaning, by the class that has it."""
    lines = [
        "# Settings",
        "",
        "On the command line each is a `--set key=value`; in Python those of a task are arguments "
        "of its class, the others of the verb. `None` is for Polyome to choose.",
        "",
    ]
    for title, settings in _SETTINGS.items():
        meaning = described(settings)
        lines += [
            f"## {title}",
            "",
            "| setting | default | values | meaning |",
            "|---|---|---|---|",
        ]
        hints = hints_of(settings)
        for setting in fields(settings):
            text = _REFERENCE.sub(r"`\1`", meaning[setting.name]).replace("``", "`")
            limits = limits_in_words(hints[setting.name])
            lines.append(f"| `{setting.name}` | `{default_of(setting)}` | {limits} | {text} |")
        lines.append("")
    return "\n".join(lines).replace("`` |", "|")


_REFERENCE = re.compile(r":\w+:`[~]?([^`]*)`")
_SETTINGS = {
    **{f"Task `{name}`": task for name, task in TASKS.items()},
    "`fit`": FitArguments,
    "Answering: `predict`, `evaluate`, `embed`, `annotate`": PredictArguments,
    "`scan`": ScanArguments,
    "`variants`": VariantArguments,
    "`explain`, cells": CellArguments,
    "`explain`, tissue": TissueArguments,
    "`explain`, sequences": SequenceArguments,
    "`report`": ReportArguments,
}


def results_page() -> str:
    """What ``make bench`` measured."""
    folder = REPOSITORY / "benchmarks" / "results"
    lines = [
        "# Results",
        "",
        "Every table is written by `make bench`; the command above each makes that one alone. "
        "Where a simpler method is ahead, it says so.",
        "",
    ]
    for path in sorted(folder.glob("*.md")):
        lines += [path.read_text().strip(), ""]
    return "\n".join(lines)


def explained_names(app, what, name, obj, options, lines) -> None:
    """Read ``name : text`` of a section as a name and its explanation, as the house writes it.

    NumPy's form has a type after the colon; here docstrings say type, shape and meaning there.
    """
    del app, what, name, obj, options
    for k in reversed(range(len(lines) - 1)):  # names that go on in the next line
        if re.fullmatch(r"\w+(?:, \w+)*,", lines[k]):
            lines[k : k + 2] = [f"{lines[k]} {lines[k + 1]}"]
    inside, changed = False, []
    for k, line in enumerate(lines):
        starts = k + 1 < len(lines) and bool(re.fullmatch(r"-{3,}", lines[k + 1]))
        if starts:
            inside = line in SECTIONS
        found = re.match(r"(\*{0,2}\w+(?:, \w+)*) : (.*)", line) if inside else None
        is_prose = line and not line[0].isspace() and not starts and not line.startswith("---")
        if inside and found is None and is_prose:
            changed += ["Notes", "-----"]
            inside = False
        changed += [found[1], f"    {found[2]}"] if found else [line]
    lines[:] = changed
