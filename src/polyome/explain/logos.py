"""Letters as high as what they contribute."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from polyome._errors import InputError
from polyome._types import FloatArray

COLORS = {"A": "#009E73", "C": "#0072B2", "G": "#E69F00", "T": "#D55E00"}
"""Okabe and Ito's colours, told apart by colour-blind readers too."""
_MOST_LETTERS = 200  # in one logo; beyond it letters are too narrow to be read


def draw_logo(
    heights: FloatArray,
    *,
    title: str = "",
    first: int = 0,
    xlabel: str = "position (bp)",
    ylabel: str = "contribution",
    ax: Any = None,
) -> Any:
    """Draw a logo.

    Parameters
    ----------
    heights : float, (length, 4), of A, C, G and T; negative ones hang below the line.
    first : number of the first position on the axis.

    Returns
    -------
    matplotlib's axes.

    Examples
    --------
    >>> draw_logo(np.eye(4)).get_ylabel()
    'contribution'
    """
    logomaker, plt = _libraries()
    shown, first = _window(heights, first)
    if ax is None:
        _, ax = plt.subplots(figsize=(max(3.0, 0.09 * len(shown)), 1.8), layout="constrained")
    frame = pd.DataFrame(np.nan_to_num(shown), columns=list(COLORS))
    frame.index = pd.RangeIndex(first, first + len(frame), name="pos")
    logomaker.Logo(frame, ax=ax, color_scheme=COLORS, font_name="DejaVu Sans", show_spines=False)
    ax.set_title(title, fontsize=9, loc="left")
    ax.set_xlabel(xlabel, fontsize=8)
    ax.set_ylabel(ylabel, fontsize=8)
    ax.tick_params(labelsize=7)
    return ax


def save_figure(ax: Any, path: Path) -> None:
    """Write the axes' figure and close it."""
    _, plt = _libraries()
    ax.figure.savefig(path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(ax.figure)


def _window(heights: FloatArray, first: int) -> tuple[FloatArray, int]:
    """The stretch of at most ``_MOST_LETTERS`` where most happens."""
    if len(heights) <= _MOST_LETTERS:
        return heights, first
    happens = np.abs(np.nan_to_num(heights)).sum(axis=1)
    sums = np.convolve(happens, np.ones(_MOST_LETTERS), mode="valid")
    start = int(sums.argmax())
    return heights[start : start + _MOST_LETTERS], first + start


def _libraries() -> tuple[Any, Any]:
    try:
        import logomaker
        import matplotlib.pyplot as plt
    except ImportError as error:
        message = (
            "logos are drawn with logomaker, which is absent. Run: pip install 'polyome[explain]'"
        )
        raise InputError(message) from error
    return logomaker, plt
