"""Output types: what kind of answer records get. A new one is one file and one line here."""

from importlib.metadata import entry_points

from polyome.outputs.base import Output
from polyome.outputs.classes import Classes
from polyome.outputs.labels import Labels
from polyome.outputs.values import Values

OUTPUTS: dict[str, type[Output]] = {
    Classes.name: Classes,
    Labels.name: Labels,
    Values.name: Values,
}

for _entry in entry_points(group="polyome.outputs"):  # of other packages
    OUTPUTS[_entry.name] = _entry.load()

__all__ = ["OUTPUTS", "Classes", "Labels", "Output", "Values"]
