"""What settings mean, read from the docstrings of the classes that have them."""

import inspect
import re
import textwrap
from dataclasses import MISSING, Field, fields
from typing import Any

from polyome.modalities import MODALITIES
from polyome.tasks import Task

_SECTION = re.compile(r"(?ms)^(?:Parameters|Attributes)\n-+\n(.*?)(?=^\w[^\n]*\n-{3,}|\Z)")
_ENTRY = re.compile(r"(?m)^(\w+(?:,\s+\w+)*) : (.*(?:\n(?:    .*|))*)")
_SEE = re.compile(r"see\s+:class:`[^`]*`;?\s*")


def described(settings: type) -> dict[str, str]:
    """What each parameter of a class means, by name; of its base classes and modality too.

    Examples
    --------
    >>> from polyome.train.arguments import FitArguments
    >>> described(FitArguments)["num_train_epochs"]
    'passes over the training rows.'
    """
    found: dict[str, str] = {}
    for base in _sources(settings):
        for section in _SECTION.findall(inspect.cleandoc(base.__dict__.get("__doc__") or "")):
            for names, text in _ENTRY.findall(section):
                for name in re.split(r",\s+", names):
                    found[name] = _joined(found.get(name), " ".join(text.split()))
    return found


def _sources(settings: type) -> list[type]:
    """Classes whose docstrings explain, those that know better last."""
    sources = list(reversed(settings.__mro__))
    if issubclass(settings, Task):
        sources = [*reversed(MODALITIES[settings.modality].__mro__), *sources]
    return sources


def _joined(before: str | None, text: str) -> str:
    """A text that only points to another one stands for that, and may add to it."""
    if before is None or not text.startswith("see "):
        return text
    more = _SEE.sub("", text)
    return f"{before.rstrip('.')}; {more}" if more.strip(". ") else before


def default_of(setting: "Field[Any]") -> str:
    """A setting's default as Python writes it; empty where there is none."""
    return "" if setting.default is MISSING else repr(setting.default)


def docstring(task: type[Task]) -> str:
    """What a task does, and all that it may be told.

    Examples
    --------
    >>> from polyome.tasks import TASKS
    >>> "hidden_size : width of tokens" in docstring(TASKS["promoter"])
    True
    """
    title = inspect.cleandoc(task.__doc__ or "").split("\n")[0]
    meaning = described(task)
    entries = (
        textwrap.fill(
            f"{f.name} : {meaning[f.name].rstrip('.')}. Default {default_of(f)}.",
            width=96,
            subsequent_indent="    ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for f in fields(task)
    )
    return "\n".join([title, "", "Parameters", "----------", *entries])
