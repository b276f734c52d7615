"""Several measurements of one set of records: MuData, or one AnnData with several feature types."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
from anndata import AnnData

from polyome._errors import InputError, listed
from polyome._types import IntArray
from polyome.io.files import written_aside
from polyome.io.h5ad import read_h5ad

USUAL_NAMES = {
    "cell": ("rna", "gex", "gene expression", "genes", "expression", "transcriptome"),
    "protein": ("prot", "protein", "proteins", "adt", "antibody capture", "cite"),
}
"""What measurements are called in files, in lower case, by the modality that reads them."""


@dataclass(frozen=True, eq=False)
class Measurements:
    """Measurements by name, and which record each of their rows is of.

    Attributes
    ----------
    table : DataFrame, (n, ...), one row per record.
    parts : by name, an AnnData.
    places : by name, int64 (n,): the record's row in the part, -1 where it was not measured.
    """

    table: pd.DataFrame
    parts: dict[str, AnnData]
    places: dict[str, IntArray]


def usual_modality(name: str) -> str | None:
    """Which modality usually reads a measurement of this name.

    Examples
    --------
    >>> usual_modality("Antibody Capture"), usual_modality("x")
    ('protein', None)
    """
    plain = name.strip().lower().replace("_", " ")
    return next((kind for kind, names in USUAL_NAMES.items() if plain in names), None)


def measurements_of(source: Any) -> Measurements:
    """Take a MuData, an h5mu file or an AnnData apart by measurement.

    Parameters
    ----------
    source : MuData; AnnData, whose ``var["feature_types"]`` names measurements, if it is there; a
        path of ``.h5mu`` or ``.h5ad``.

    Raises
    ------
    InputError
        It is none of these, or mudata is not installed.

    Examples
    --------
    >>> var = pd.DataFrame({"feature_types": ["Gene Expression", "Antibody Capture"]}, ["A", "B"])
    >>> found = measurements_of(AnnData(np.ones((3, 2)), var=var))
    >>> {name: part.shape for name, part in found.parts.items()}
    {'Gene Expression': (3, 1), 'Antibody Capture': (3, 1)}
    """
    if isinstance(source, list) and len(source) == 1:
        source = source[0]
    if isinstance(source, str | Path):
        path = Path(source).expanduser()
        if not path.is_file() or path.suffix.lower() not in (".h5mu", ".h5ad"):
            why = "is neither" if path.exists() else "does not exist"
            message = f"{path} {why}; an h5mu or h5ad file is needed."
            raise InputError(message)
        source = _read_h5mu(path) if path.suffix.lower() == ".h5mu" else read_h5ad(path)
    if isinstance(source, AnnData):
        return _of_adata(source)
    if hasattr(source, "mod") and hasattr(source, "obsmap"):
        return _of_mudata(source)
    message = f"a MuData, an AnnData or the path of one is needed; found {type(source).__name__}."
    raise InputError(message)


def _of_adata(adata: AnnData) -> Measurements:
    if "feature_types" not in adata.var:
        everything = np.arange(adata.n_obs)
        return Measurements(adata.obs, {"X": adata}, {"X": everything})
    types = adata.var["feature_types"].astype(str)
    parts = {name: adata[:, (types == name).to_numpy()].copy() for name in dict.fromkeys(types)}
    return Measurements(adata.obs, parts, {name: np.arange(adata.n_obs) for name in parts})


def _of_mudata(mdata: Any) -> Measurements:
    table = mdata.obs.copy()
    places = {}
    for name, part in mdata.mod.items():
        places[name] = part.obs_names.get_indexer(mdata.obs_names)
        for column in part.obs.columns:  # what mudata does not copy upwards by itself
            if column not in table:
                table[column] = part.obs[column].reindex(mdata.obs_names).to_numpy()
    return Measurements(table, dict(mdata.mod), places)


def _read_h5mu(path: Path) -> Any:
    mudata = _mudata()
    try:
        with mudata.set_options(pull_on_update=False):  # columns are taken upwards by us
            return mudata.read_h5mu(path)
    except Exception as error:  # HDF5 and mudata fail in as many ways as a file has bytes
        message = f"{path} is not a readable h5mu file ({error})."
        raise InputError(message) from error


def _mudata() -> Any:
    try:
        import mudata
    except ImportError as error:
        message = (
            "h5mu is read with mudata, which is absent. Run: pip install 'polyome[multimodal]'"
        )
        raise InputError(message) from error
    return mudata


def choose(found: Measurements, wanted: str) -> str:
    """Name of the measurement that is meant by a name, which may be written otherwise.

    Raises
    ------
    InputError
        There is none, or several.
    """
    if wanted in found.parts:
        return wanted
    kind = usual_modality(wanted)
    alike = [name for name in found.parts if name.lower() == wanted.lower()]
    alike = alike or [name for name in found.parts if kind and usual_modality(name) == kind]
    if len(alike) != 1:
        message = f"there is no measurement '{wanted}'. Found: {listed(found.parts)}."
        raise InputError(message)
    return alike[0]


def write_measurements(source: Any, path: Path, change: Callable[[Any], None]) -> None:
    """Write a copy of what was read, changed, in its own format; whole or not at all.

    Parameters
    ----------
    source : as it was given to :func:`measurements_of`.
    path : ``.h5mu`` for a MuData, ``.h5ad`` for an AnnData.
    change : writes into the MuData or AnnData in place.
    """
    if isinstance(source, list):
        source = source[0]
    if isinstance(source, str | Path):
        own = Path(source).expanduser()
        source = _read_h5mu(own) if own.suffix.lower() == ".h5mu" else anndata.read_h5ad(own)
    else:
        source = source.copy()
    ending = ".h5ad" if isinstance(source, AnnData) else ".h5mu"
    if path.suffix.lower() != ending:
        message = (
            f"{path}: the records came as {ending[1:]}; a name that ends in {ending} is needed."
        )
        raise InputError(message)
    change(source)
    with written_aside(path) as aside:
        if isinstance(source, AnnData):
            source.write_h5ad(aside)
        else:
            _mudata().write_h5mu(aside, source)
