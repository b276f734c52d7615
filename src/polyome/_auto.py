"""Polyome's models for Hugging Face's Auto classes, without importing these before they are used.

``AutoConfig.register`` needs transformers, and so torch, which ``import polyome`` leaves alone.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

_THEIRS, _OURS = "transformers.models.auto.configuration_auto", "polyome.model.configuration"


def register_when_used() -> None:
    """Let the Auto classes know Polyome's models: now if they are there, else once they are."""
    if _THEIRS in sys.modules:
        import_module(_OURS)
    elif not any(isinstance(finder, _Registers) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Registers())


class _Registers(MetaPathFinder):
    """Imports our configuration, which registers itself, right after their file."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find what Python finds, and have our file imported when it has run."""
        if fullname != _THEIRS:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None:
            return spec
        run = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            run(module)
            if self in sys.meta_path:
                sys.meta_path.remove(self)
            import_module(_OURS)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec
