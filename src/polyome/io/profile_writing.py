"""Writing a predicted measurement beside those that were read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from polyome._errors import InputError
from polyome._types import FloatArray
from polyome.io.files import written_aside
from polyome.io.measurements import MissingMeasurementError, choose, measurements_of, mudata_module


def predicted_part(
    values: pd.DataFrame, low: pd.DataFrame | None, high: pd.DataFrame | None
) -> AnnData:
    """An AnnData of predicted values, (n, c), with the ends of their intervals as layers.

    Examples
    --------
    >>> values = pd.DataFrame({"CD3": [0.5], "CD19": [-1.0]}, index=["a"])
    >>> predicted_part(values, values - 1, values + 1).layers["polyome_low"].tolist()
    [[-0.5, -2.0]]
    """
    frames = {"polyome": values, "polyome_low": low, "polyome_high": high}
    layers = {k: v.to_numpy(np.float32) for k, v in frames.items() if v is not None}
    obs, var = pd.DataFrame(index=values.index), pd.DataFrame(index=values.columns.astype(str))
    return AnnData(layers["polyome"].copy(), obs=obs, var=var, layers=layers)


def write_profile(
    source: Any, path: Path, name: str, part: AnnData, provenance: Mapping[str, Any]
) -> None:
    """Write a predicted measurement with those that were read, as h5mu, or alone, as h5ad.

    Where the source has the measurement, its own values stay in ``X`` and the predictions are the
    layers ``polyome``, ``polyome_low`` and ``polyome_high``; features that the model does not know
    are NaN there. Where it lacks it, the predictions are in ``X`` too.

    Parameters
    ----------
    source : as it was given to :func:`polyome.io.measurements.measurements_of`.
    path : ``.h5mu`` or ``.h5ad``.
    name : of the measurement.
    part : of :func:`predicted_part`.
    provenance : for ``uns["polyome"]``.
    """
    if path.suffix.lower() == ".h5ad":
        part.uns["polyome"] = dict(provenance)
        with written_aside(path) as aside:
            part.write_h5ad(aside)
        return
    if path.suffix.lower() != ".h5mu":
        message = f"{path}: a name that ends in .h5mu or .h5ad is needed."
        raise InputError(message)
    mudata = mudata_module()
    found = measurements_of(source)
    try:
        where = choose(found, name)
    except MissingMeasurementError:
        where = name
    parts = {key: own for key, own in found.parts.items() if key != where}
    if list(parts) == ["X"]:
        parts = {"rna": parts["X"]}
    parts[where] = _joined(found.parts[where], part) if where in found.parts else part
    with mudata.set_options(pull_on_update=False):
        whole = mudata.MuData(parts)
    whole.obs = found.table.reindex(whole.obs_names)
    whole.uns["polyome"] = dict(provenance)
    with written_aside(path) as aside:
        mudata.write_h5mu(aside, whole)


def _joined(measured: AnnData, part: AnnData) -> AnnData:
    """What was measured, with the predictions as layers; NaN where one was not predicted."""
    rows = part.obs_names.get_indexer(measured.obs_names)
    columns = part.var_names.get_indexer(measured.var_names)
    joined = measured.copy()
    for name, values in part.layers.items():
        dense: FloatArray = np.asarray(values)
        filled = np.full(measured.shape, np.nan, np.float32)
        known = np.ix_(rows >= 0, columns >= 0)
        filled[known] = dense[np.ix_(rows[rows >= 0], columns[columns >= 0])]
        joined.layers[name] = filled
    return joined
