"""Points that the reader can hover and filter: the data of the page's one small drawing program."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from polyome._types import FloatArray, IntArray
from polyome.report.plots.axes import ACCENT
from polyome.report.plots.maps import Color, labels_and_colors, values_of
from polyome.report.scored import Scored

GRID = 4095
"""Places are whole numbers up to this one: finer than any screen, and short in the file."""


@dataclass(frozen=True)
class Scatter:
    """One interactive figure.

    Attributes
    ----------
    name : the element's id.
    says : what is drawn, for those who cannot see it.
    data : for the drawing program, ready for JSON.
    """

    name: str
    says: str
    data: dict[str, Any]


def scatter_of_places(
    scored: Scored,
    rows: IntArray,
    place: FloatArray,
    *,
    name: str,
    says: str,
    same_scale: bool = False,
    downward: bool = False,
) -> Scatter:
    """Points coloured by truth, prediction, confidence and error; values by the first target.

    Parameters
    ----------
    scored : all records.
    rows : int, (m,), those that are drawn.
    place : float, (m, 2)
    same_scale : one unit is as long across as it is up.
    downward : the second coordinate grows downward, as in images.
    """
    colors: tuple[Color, ...] = ("truth", "prediction", "confidence", "error")
    if scored.proba is None:
        colors = ("truth", "prediction", "error")
    return Scatter(
        name,
        says,
        _places(place, same_scale=same_scale, downward=downward)
        | {
            "names": [str(record) for record in scored.names[rows]],
            "colorings": [_coloring(scored, rows, color) for color in colors],
        },
    )


def scatter_of_values(
    measured: FloatArray, predicted: FloatArray, names: list[str], *, name: str, says: str
) -> Scatter:
    """Measured values across, predicted ones up, with the line where they agree.

    Parameters
    ----------
    measured, predicted : float, (m,), finite.
    """
    place = np.column_stack([measured, predicted])
    data = _places(place, same_scale=True, downward=False)
    error = {"title": "error", "kind": "value", "values": _rounded(np.abs(measured - predicted))}
    one = {
        "title": "records",
        "kind": "class",
        "labels": ["record"],
        "colors": [ACCENT],
        "values": [0] * len(names),
    }
    values = {"axes": ["measured", "predicted"], "diagonal": True}
    return Scatter(name, says, data | values | {"names": names, "colorings": [one, error]})


def _coloring(scored: Scored, rows: IntArray, color: Color) -> dict[str, Any]:
    if color == "confidence" or scored.proba is None:
        title, values = values_of(scored, color)
        return {"title": title, "kind": "value", "values": _rounded(values[rows])}
    labels, colors = labels_and_colors(scored, color)
    known = [label for label in colors if label in set(labels[rows].tolist())]
    order = {label: i for i, label in enumerate(known)}
    return {
        "title": color,
        "kind": "class",
        "labels": known,
        "colors": [colors[label] for label in known],
        "values": [order[str(label)] for label in labels[rows]],
    }


def _places(place: FloatArray, *, same_scale: bool, downward: bool) -> dict[str, Any]:
    """Whole-number places, and the box that they fill."""
    low, high = place.min(axis=0), place.max(axis=0)
    if same_scale and not downward:  # a square of one scale, so that the diagonal is the diagonal
        low, high = np.full(2, low.min()), np.full(2, high.max())
    span = np.where(high > low, high - low, 1.0)
    unit = (place - low) / span
    if not downward:
        unit[:, 1] = 1 - unit[:, 1]
    whole = np.rint(unit * GRID).astype(int)
    ratio = float(span[1] / span[0]) if same_scale else None
    return {
        "x": whole[:, 0].tolist(),
        "y": whole[:, 1].tolist(),
        "grid": GRID,
        "ratio": ratio,
        "low": _rounded(low),
        "high": _rounded(high),
    }


def _rounded(values: Any) -> list[float | None]:
    """Three digits; None, as JSON has it, where there is no value."""
    array = np.asarray(values, dtype=np.float64)
    return [float(f"{value:.3g}") if np.isfinite(value) else None for value in array]
