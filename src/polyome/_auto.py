"""Polyome's models for Hugging Face's Auto classes, without importing these before they are used.

``AutoConfig.register`` needs transformers, and so torch, which ``import polyome`` leaves alone.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

_REGISTERED_BY = {
    "transformers.models.auto.configuration_auto": "polyome.model.configuration",
    "transformers.models.auto.modeling_auto": "polyome.model.modeling",
}
"""A file of transformers, and ours that registers with it when imported."""


def register_when_used() -> None:
    """Let the Auto classes know Polyome's models: now if they are there, else once they are."""
    for theirs, ours in _REGISTERED_BY.items():
        if theirs in sys.modules:
            import_module(ours)
        else:
            sys.meta_path.insert(0, _After(theirs, ours))


class _After(MetaPathFinder):
    """Imports a module right after another; finds nothing by itself."""

    def __init__(self, theirs: str, ours: str) -> None:
        self.theirs, self.ours = theirs, ours

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find what Python finds, and have our file imported when it has run."""
        if fullname != self.theirs:
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None:
            return spec
        run = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            run(module)
            import_module(self.ours)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec
