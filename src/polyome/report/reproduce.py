"""The command, or the Python, that makes a model again."""

import shlex
from dataclasses import MISSING, fields
from typing import Any

from polyome.report.record import ModelRecord
from polyome.tasks import TASKS

AS_OPTION = ("split", "split_by", "group", "genome", "labels", "sequence_column")
"""What a fit is asked that has an option of its own; everything else is a --set key."""
_OF_THIS_RUN = ("device", "quiet", "seed", "trust_remote_code")


def command(record: ModelRecord) -> str | None:
    """Return the command line that fits the model again; None where no file was read.

    Examples
    --------
    >>> from polyome.report.example import example_record
    >>> command(example_record()) is None
    True
    """
    facts = record.facts
    if "command" in facts:
        return str(facts["command"])
    inputs = facts.get("inputs")
    if not inputs:
        return None
    words = ["polyome", "fit", record.task, *inputs, f"--target={_target(record)}"]
    asked = dict(facts.get("asked", {}))
    options = {key: asked.pop(key) for key in AS_OPTION if key in asked}
    words += [f"--{key.replace('_', '-')}={value}" for key, value in options.items()]
    settings = changed_settings(record) | asked
    words += [f"--set={key}={_word(value)}" for key, value in settings.items()]
    words += [f"--seed={record.summary['settings'].get('seed', 0)}", "--out=MODEL_DIR"]
    return shlex.join(words)


def python(record: ModelRecord) -> str:
    """Return the lines of Python that fit the model again.

    Examples
    --------
    >>> from polyome.report.example import example_record
    >>> print(python(example_record()))
    import polyome
    <BLANKLINE>
    records = ...  # the records in memory that it was fitted on
    model = polyome.CellTypeClassifier(seed=0)
    model.fit(records, 'cell_type')
    """
    facts = record.facts
    inputs = facts.get("inputs") or []
    source = "records" if not inputs else repr(inputs[0] if len(inputs) == 1 else inputs)
    settings = {"seed": record.summary["settings"].get("seed", 0)} | changed_settings(record)
    options = [source, repr(record.summary["target"]), *_keywords(facts.get("asked", {}))]
    return "\n".join(
        [
            "import polyome",
            "",
            *([] if inputs else [_IN_MEMORY]),
            f"model = polyome.{TASKS[record.task].estimator}({', '.join(_keywords(settings))})",
            f"model.fit({', '.join(options)})",
        ]
    )


_IN_MEMORY = "records = ...  # the records in memory that it was fitted on"


def changed_settings(record: ModelRecord) -> dict[str, Any]:
    """Settings of the task that are not its defaults."""
    defaults = {f.name: f.default for f in fields(TASKS[record.task]) if f.default is not MISSING}
    return {
        key: value
        for key, value in record.summary["settings"].items()
        if key in defaults and key not in _OF_THIS_RUN and value != defaults[key]
    }


def _keywords(settings: dict[str, Any]) -> list[str]:
    return [f"{key}={value!r}" for key, value in settings.items() if value is not None]


def _target(record: ModelRecord) -> str:
    target = record.summary["target"]
    return target if isinstance(target, str) else ",".join(map(str, target))


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
