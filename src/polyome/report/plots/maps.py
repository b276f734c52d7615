"""Figures of places: the UMAP of the representation, and sections of tissue."""

import warnings
from pathlib import Path
from typing import Literal

import numpy as np
from matplotlib.axes import Axes

from polyome._errors import InputError
from polyome._random import some_of
from polyome._types import FloatArray, IntArray
from polyome.report.plots.axes import (
    MUTED,
    WRONG,
    Source,
    finished,
    given_or_new,
    palette,
    scored_of,
    shortened,
    with_classes,
)
from polyome.report.scored import Scored

Color = Literal["truth", "prediction", "confidence", "error"]
LEAST_FOR_UMAP = 15
MOST_LISTED = 24


def umap(
    source: Source,
    *,
    color: Color | None = None,
    truth: str | None = None,
    seed: int = 0,
    most: int = 10_000,
    ax: Axes | None = None,
    show: bool = False,
    save: str | Path | None = None,
) -> Axes:
    """Draw the representation in two dimensions.

    Parameters
    ----------
    source : a model folder, a fitted model, or an AnnData with answers.
    color : ``truth``, ``prediction``, ``confidence`` or ``error``; None is ``truth`` where that is
        known, else ``prediction``.
    truth : for an AnnData, the column of ``obs`` with the true labels.
    seed : of the embedding, and of the draw where there are more than ``most`` records.
    most : records that are drawn.
    ax : axes to draw on; None makes a figure.
    show : call ``matplotlib.pyplot.show``.
    save : file to write; its ending says the format.

    Examples
    --------
    >>> from polyome.report.example import example_scored
    >>> umap(example_scored(n=12)).get_xlabel()
    'PC 1'
    """
    scored = scored_of(source, truth)
    rows = some_of(len(scored), most, seed)
    place, axis = embedded(scored, rows, seed)
    ax = given_or_new(ax, 5.4, 4.2)
    _draw_points(ax, place, scored, rows, color or _usual(scored))
    ax.set(xlabel=f"{axis} 1", ylabel=f"{axis} 2", xticks=[], yticks=[])
    return finished(ax, show=show, save=save)


def section_map(
    source: Source,
    *,
    color: Color | None = None,
    section: str | None = None,
    truth: str | None = None,
    ax: Axes | None = None,
    show: bool = False,
    save: str | Path | None = None,
) -> Axes:
    """Draw records where they lie in a section of tissue.

    Parameters
    ----------
    color : ``truth``, ``prediction``, ``confidence`` or ``error``; None is ``truth`` where that is
        known, else ``prediction``.
    section : name of one section; None draws the first.

    The others are those of :func:`umap`.

    Examples
    --------
    >>> from polyome.report.example import example_scored
    >>> section_map(example_scored(), color="error").get_aspect()
    1.0
    """
    scored = scored_of(source, truth)
    if scored.coordinates is None:
        message = "these records have no coordinates: there is no section to draw."
        raise InputError(message)
    rows = rows_of_section(scored, section)
    ax = given_or_new(ax, 5.4, 4.2)
    _draw_points(ax, scored.coordinates[rows], scored, rows, color or _usual(scored))
    ax.set(aspect="equal", xticks=[], yticks=[])
    ax.invert_yaxis()  # as images have it, and scanpy
    return finished(ax, show=show, save=save)


def sections(scored: Scored) -> list[str]:
    """Names of the sections, in the order in which they come; one empty name for a single one."""
    if scored.section is None:
        return [""]
    return list(dict.fromkeys(map(str, scored.section)))


def rows_of_section(scored: Scored, section: str | None) -> IntArray:
    """Positions of the records of one section, the first where none is named."""
    if scored.section is None:
        if section is not None:
            message = (
                f"section='{section}': these records name no sections. Fit with section=, the "
                "column of obs that does."
            )
            raise InputError(message)
        return np.arange(len(scored))
    known = sections(scored)
    if section is not None and section not in known:
        message = f"there is no section '{section}'. Known: {', '.join(known)}."
        raise InputError(message)
    return np.flatnonzero(scored.section.astype(str) == (section or known[0]))


def embedded(scored: Scored, rows: IntArray, seed: int) -> tuple[FloatArray, str]:
    """Two dimensions of the representation of some records.

    Returns
    -------
    float32, (m, 2), and the name of the axes: UMAP, or PC where there are too few records.
    """
    if scored.representation is None:
        message = "these records have no representation: there is nothing to draw a UMAP of."
        raise InputError(message)
    hidden = np.asarray(scored.representation, dtype=np.float32)[rows]
    if len(hidden) < LEAST_FOR_UMAP:
        centred = hidden - hidden.mean(axis=0)
        left, scale, _ = np.linalg.svd(centred, full_matrices=False)
        place = np.zeros((len(hidden), 2), dtype=np.float32)
        place[:, : min(2, len(scale))] = (left * scale)[:, :2]
        return place, "PC"
    with warnings.catch_warnings():
        # On TensorFlow that is absent, on disconnected points and on threads beside a seed.
        warnings.simplefilter("ignore")
        from umap import UMAP  # takes seconds to import

        reducer = UMAP(
            n_neighbors=min(15, len(hidden) - 1), min_dist=0.5, random_state=seed, n_jobs=1
        )
        return np.asarray(reducer.fit_transform(hidden), dtype=np.float32), "UMAP"


def _usual(scored: Scored) -> Color:
    return "prediction" if scored.truth is None and scored.measured is None else "truth"


def _draw_points(ax: Axes, place: FloatArray, scored: Scored, rows: IntArray, color: Color) -> None:
    """Scatter records, coloured by what was asked for."""
    size = float(np.clip(6000 / max(len(rows), 1), 2, 26))
    if color == "confidence" or scored.proba is None:
        title, values = values_of(scored, color)
        values = values[rows]
        drawn = ax.scatter(place[:, 0], place[:, 1], c=values, s=size, cmap="viridis", lw=0)
        ax.figure.colorbar(drawn, ax=ax, label=title, shrink=0.7)
        return
    labels, colors = labels_and_colors(scored, color)
    chosen = labels[rows]
    for label, shade in colors.items():
        here = place[chosen == label]
        if len(here):
            ax.scatter(here[:, 0], here[:, 1], color=shade, s=size, label=shortened(label), lw=0)
    if len(colors) <= MOST_LISTED:
        ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize="small", markerscale=1.5)


def values_of(scored: Scored, color: Color) -> tuple[str, FloatArray]:
    """What a scale of colours stands for, and the value of each record, float (n,).

    Of several predicted values it is the first.
    """
    if color == "confidence":
        if scored.proba is None:
            with_classes(scored, "confidence")
        return "confidence", scored.confidence
    assert scored.measured is not None
    assert scored.predicted is not None
    name = str(scored.measured.columns[0])
    measured = scored.measured.iloc[:, 0].to_numpy(np.float64)
    predicted = scored.predicted.iloc[:, 0].to_numpy(np.float64)
    shown = {
        "truth": (f"measured {name}", measured),
        "prediction": (f"predicted {name}", predicted),
    }
    return shown.get(color, (f"error of {name}", np.abs(measured - predicted)))


def labels_and_colors(scored: Scored, color: Color) -> tuple[np.ndarray, dict[str, str]]:
    """What each record is called under a colouring, str (n,), and the colour of each name."""
    if color != "prediction":
        scored = with_classes(scored, f"the colouring by {color}")
    if color == "error":
        names = np.where(scored.right, "right", "wrong")
        return names, {"right": MUTED, "wrong": WRONG}
    if color not in ("truth", "prediction"):
        message = f"color='{color}': truth, prediction, confidence or error is needed."
        raise InputError(message)
    labels = scored.truth if color == "truth" else scored.label
    assert labels is not None
    known = palette(scored.true_classes(), scored.colors)
    extra = {str(label): MUTED for label in np.unique(labels) if label not in known}
    return labels, known | extra
