"""A figure of what each input tells about each class or value."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.patches import Rectangle

from polyome.report.plots.axes import ACCENT, finished, given_or_new, shortened


def scores_by_input(
    by_input: dict[str, dict[str, float | None]],
    *,
    ax: Axes | None = None,
    show: bool = False,
    save: str | Path | None = None,
) -> Axes:
    """Draw classes or values in rows, what is seen of their inputs in columns, scores as colour.

    Parameters
    ----------
    by_input : ``Evaluation.by_input``.
    ax : axes to draw on; None makes a figure.
    show : call ``matplotlib.pyplot.show``.
    save : file to write; its ending says the format.

    Examples
    --------
    >>> seen = {"all": {"B cells": 0.9}, "rna alone": {"B cells": 0.7}}
    >>> [label.get_text() for label in scores_by_input(seen).get_xticklabels()]
    ['all', 'rna alone']
    """
    columns = views(by_input)
    rows = list(by_input["all"])
    ax = given_or_new(ax, *size(by_input))
    for y, row in enumerate(rows):
        for x, column in enumerate(columns):
            score = by_input[column].get(row)
            shade = min(max(score or 0.0, 0.0), 1.0)
            box = Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=to_rgba(ACCENT, shade), lw=0)
            ax.add_patch(box)
            text = "-" if score is None else f"{score:.2f}"
            color = "white" if shade > 0.7 else None
            ax.text(x, y, text, ha="center", va="center", color=color, fontsize="x-small")
    ax.set_xticks(range(len(columns)), [shortened(c) for c in columns], rotation=90)
    ax.set_yticks(range(len(rows)), [shortened(r) for r in rows])
    ax.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5))
    return finished(ax, show=show, save=save)


def views(by_input: dict[str, dict[str, float | None]]) -> list[str]:
    """What is seen, all inputs first."""
    return ["all", *(view for view in by_input if view != "all")]


def size(by_input: dict[str, dict[str, float | None]]) -> tuple[float, float]:
    """Width and height in inches that the figure needs."""
    return 2.4 + 0.75 * len(by_input), 1.4 + 0.3 * len(by_input["all"])
