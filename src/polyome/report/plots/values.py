"""The figure of predicted values against measured ones."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from polyome._errors import InputError
from polyome._types import FloatArray
from polyome.metrics import regression_metrics
from polyome.report.plots.axes import ACCENT, MUTED, Source, finished, given_or_new, scored_of


def predicted_and_measured(
    source: Source,
    *,
    target: str | None = None,
    ax: Axes | None = None,
    show: bool = False,
    save: str | Path | None = None,
) -> Axes:
    """Draw predicted values against measured ones, with Pearson's r and R2.

    Parameters
    ----------
    source : a model folder, or a model that was fitted in this session.
    target : which value; None is the first.
    ax : axes to draw on; None makes a figure.
    show : call ``matplotlib.pyplot.show``.
    save : file to write; its ending says the format.

    Examples
    --------
    >>> from polyome.report.example import example_values
    >>> predicted_and_measured(example_values()).get_xlabel()
    'measured liver'
    """
    scored = scored_of(source)
    if scored.measured is None or scored.predicted is None:
        message = "the scatter of predicted values needs values; this model predicts classes."
        raise InputError(message)
    known = list(map(str, scored.measured.columns))
    if target is not None and target not in known:
        message = f"there is no value '{target}'. Known: {', '.join(known)}."
        raise InputError(message)
    column = 0 if target is None else known.index(target)
    measured = scored.measured.iloc[:, column].to_numpy(np.float64)
    predicted = scored.predicted.iloc[:, column].to_numpy(np.float64)
    both = np.isfinite(measured) & np.isfinite(predicted)
    ax = given_or_new(ax, 4.6, 4.4)
    size = float(np.clip(6000 / max(both.sum(), 1), 2, 20))
    ax.scatter(measured[both], predicted[both], s=size, color=ACCENT, alpha=0.5, linewidths=0)
    ends = [min(measured[both].min(), predicted[both].min())]
    ends.append(max(measured[both].max(), predicted[both].max()))
    ax.plot(ends, ends, color=MUTED, linestyle=":", linewidth=1)
    text = agreement(measured[both], predicted[both])
    ax.set(xlabel=f"measured {known[column]}", ylabel=f"predicted {known[column]}", title=text)
    ax.grid(visible=True, linewidth=0.6)
    return finished(ax, show=show, save=save)


def agreement(measured: FloatArray, predicted: FloatArray) -> str:
    """Pearson's r and R2 as text.

    Parameters
    ----------
    measured, predicted : float, (n,), finite.

    Examples
    --------
    >>> agreement(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 2.0]))
    'r = 1.000, R² = 1.000'
    """
    found = regression_metrics(measured, predicted)
    shown = [("r", found["pearson"]), ("R²", found["r2"])]
    return ", ".join(f"{name} = {value:.3f}" for name, value in shown if value is not None)
