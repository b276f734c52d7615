"""What all figures share: where they come from, where they go, and their colours."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from scanpy.plotting import palettes

from polyome._errors import InputError
from polyome.outputs.unknown import UNKNOWN
from polyome.report.record import ModelRecord
from polyome.report.scored import Scored

ACCENT = "#3b7dd8"
"""Of the model itself; readable on white and on black."""
MUTED = "#8a8f98"
"""Of everything that stands beside it."""
WRONG = "#d9534f"
FEW_COLORS = (
    *("#0072b2", "#e69f00", "#009e73", "#d55e00", "#56b4e9"),
    *("#cc79a7", "#b8a800", "#882255", "#9d755d", "#44aa99"),
)
"""Readable on white and on black and without red or green, for up to ten classes.

Okabe & Ito 2008 (their yellow darker), then of Tol 2021."""

Source = Any
"""A model folder, a fitted estimator, an AnnData with answers, or what was read of one."""


def scored_of(source: Source, truth: str | None = None) -> Scored:
    """Find the scored records of whatever a figure was asked of.

    Parameters
    ----------
    source : a model folder; an estimator that was fitted in this session; an AnnData that
        ``annotate`` has written answers into; a :class:`ModelRecord` or a :class:`Scored`.
    truth : for an AnnData, the column of ``obs`` with the true labels.
    """
    if isinstance(source, Scored):
        return source
    if isinstance(source, str | Path):
        source = ModelRecord.read(source)
    if isinstance(source, ModelRecord):
        if source.scored is None:
            message = f"{source.folder} was fitted without a test part: no record was scored."
            raise InputError(message)
        return source.scored
    if hasattr(source, "obsm"):
        return Scored.from_adata(source, truth)
    if hasattr(source, "evaluation_") or hasattr(source, "fitted_"):
        return Scored.from_estimator(source)
    message = (
        f"a model folder, a fitted model or an AnnData with answers is needed; "
        f"found {type(source).__name__}."
    )
    raise InputError(message)


def with_classes(scored: Scored, figure: str) -> Scored:
    """Refuse records that were not answered with classes."""
    if scored.proba is None:
        message = f"{figure} needs classes; this model predicts values."
        raise InputError(message)
    if scored.truth is None:
        message = f"{figure} needs the true labels: pass truth=, the column of obs that has them."
        raise InputError(message)
    return scored


def given_or_new(ax: Axes | None, width: float, height: float) -> Axes:
    """Return the axes that were given, or new ones; sizes in inches."""
    if ax is not None:
        return ax
    return plt.subplots(figsize=(width, height), layout="constrained")[1]


def finished(ax: Axes, *, show: bool, save: str | Path | None) -> Axes:
    """Save and show the figure where that was asked for; return its axes."""
    if save is not None:
        ax.get_figure(root=True).savefig(save, bbox_inches="tight", dpi=200)  # type: ignore[union-attr]
    if show:
        plt.show()
    return ax


def plain_frame(ax: Axes) -> None:
    """Keep the two spines that carry a scale."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(visible=True, linewidth=0.6)
    ax.set_axisbelow(True)


def palette(labels: Sequence[str], chosen: dict[str, str] | None = None) -> dict[str, str]:
    """Colour of each label; ``unknown`` is grey.

    Parameters
    ----------
    labels : in the order in which colours are given out.
    chosen : colours of some labels, which stay as they are.

    Examples
    --------
    >>> palette(["B", "T"], {"T": "red"})
    {'B': '#0072b2', 'T': 'red'}
    """
    colors: Sequence[str] = FEW_COLORS
    if len(labels) > len(FEW_COLORS):
        sizes = (palettes.default_20, palettes.default_28, palettes.default_102)
        colors = next((p for p in sizes if len(p) >= len(labels)), palettes.default_102)
    given = {label: colors[i % len(colors)] for i, label in enumerate(labels)}
    if UNKNOWN in given:
        given[UNKNOWN] = MUTED
    return given | {k: v for k, v in (chosen or {}).items() if k in given}


def shortened(label: str, most: int = 26) -> str:
    """Cut a label that would not fit beside an axis.

    Examples
    --------
    >>> shortened("a label that is far too long", most=8)
    'a label…'
    """
    return label if len(label) <= most else f"{label[: most - 1].rstrip()}…"
