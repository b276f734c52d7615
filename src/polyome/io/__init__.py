"""Formats to records and back."""

from pathlib import Path
from typing import Any

from polyome._errors import InputError
from polyome.io.h5ad import read_h5ad


def read(path: str | Path) -> Any:  # noqa: ANN401 - each format has its own type
    """Read a file by its ending: ``.h5ad`` as AnnData.

    Examples
    --------
    >>> read("cells.loom")
    Traceback (most recent call last):
    polyome._errors.InputError: cells.loom: the ending '.loom' is not known; .h5ad is read.
    """
    path = Path(path)
    if path.suffix != ".h5ad":
        message = f"{path}: the ending '{path.suffix}' is not known; .h5ad is read."
        raise InputError(message)
    return read_h5ad(path)
