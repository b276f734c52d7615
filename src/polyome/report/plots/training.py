"""Figures of a fit: its losses, and its scores beside those of cheap baselines."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from polyome._errors import InputError, listed, suggestion
from polyome.report.plots.axes import ACCENT, MUTED, Source, finished, given_or_new, plain_frame
from polyome.report.record import ModelRecord

LOWER_IS_BETTER = frozenset({"log_loss", "ece", "rmse"})


def record_of(source: Source) -> ModelRecord:
    """Read a model folder, unless that was done before."""
    if isinstance(source, ModelRecord):
        return source
    if isinstance(source, str | Path):
        return ModelRecord.read(source)
    message = f"a model folder is needed; found {type(source).__name__}. Save the model first."
    raise InputError(message)


def learning_curves(
    source: Source,
    *,
    ax: Axes | None = None,
    show: bool = False,
    save: str | Path | None = None,
) -> Axes:
    """Draw the loss by epoch, on training rows and on validation rows.

    Parameters
    ----------
    source : a model folder.
    ax : axes to draw on; None makes a figure.
    show : call ``matplotlib.pyplot.show``.
    save : file to write; its ending says the format.

    Examples
    --------
    >>> from polyome.report.example import example_record
    >>> learning_curves(example_record()).get_xlabel()
    'epoch'
    """
    record = record_of(source)
    if not record.curves:
        message = f"{record.folder} holds no learning curves."
        raise InputError(message)
    ax = given_or_new(ax, 4.8, 3.4)
    drawn: dict[str, Any] = {"train": MUTED, "validation_losses": ACCENT}
    for key, color in drawn.items():
        label: str | None = {"train": "training rows", "validation_losses": "validation rows"}[key]
        for curve in record.curves:
            losses = curve.get(key) or []
            if losses:
                epochs = np.arange(1, len(losses) + 1)
                ax.plot(epochs, losses, color=color, linewidth=1.4, alpha=0.8, label=label)
                label = None  # one entry for all members
            best = curve.get("best_epoch", 0)
            if key == "validation_losses" and 0 < best <= len(losses):
                ax.plot(best, losses[best - 1], "o", color=color, markersize=5)
    ax.set(xlabel="epoch", ylabel="loss")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend(fontsize="small")
    plain_frame(ax)
    return finished(ax, show=show, save=save)


def scores(
    source: Source,
    *,
    metric: str | None = None,
    ax: Axes | None = None,
    show: bool = False,
    save: str | Path | None = None,
) -> Axes:
    """Draw one metric of the model, with its interval, beside the baselines'.

    Parameters
    ----------
    source : a model folder.
    metric : its name; None is the task's first.

    The others are those of :func:`learning_curves`.

    Examples
    --------
    >>> from polyome.report.example import example_record
    >>> scores(example_record(), metric="accuracy").get_xlabel()
    'accuracy'
    """
    record = record_of(source)
    metric = metric or next(iter(record.shown_metrics), None)
    rows = rows_of_scores(record)
    if metric is None or metric not in record.scores.get("metrics", {}):
        known = list(record.scores.get("metrics", {}))
        message = f"no metric '{metric}' was scored. Known: {listed(known) or 'none'}."
        raise InputError(message + suggestion(str(metric), known))
    found = {name: value for name, v in rows.items() if (value := v.get(metric)) is not None}
    order = sorted(found, key=lambda name: found[name], reverse=metric in LOWER_IS_BETTER)
    ax = given_or_new(ax, 4.8, 0.9 + 0.32 * len(found))
    low, high = record.scores.get("intervals", {}).get(metric) or (None, None)
    if low is not None and high is not None:
        ax.axvspan(low, high, color=ACCENT, alpha=0.13, linewidth=0)
        ax.plot([low, high], [order.index("polyome")] * 2, color=ACCENT, linewidth=2)
    for place, name in enumerate(order):
        own = name == "polyome"
        ax.plot(found[name], place, "o", color=ACCENT if own else MUTED, markersize=8 if own else 6)
        ax.annotate(
            f"{found[name]:.3f}", (found[name], place), (0, 6), textcoords="offset points",
            ha="center", fontsize="small",
        )  # fmt: skip
    ax.set_yticks(range(len(order)), [readable(name) for name in order])
    ax.set(xlabel=readable(metric), ylim=(-0.5, len(order) - 0.3))
    ax.margins(x=0.1)
    plain_frame(ax)
    return finished(ax, show=show, save=save)


def rows_of_scores(record: ModelRecord) -> dict[str, dict[str, float | None]]:
    """By name: the model, its variants, its baselines; the metrics of each."""
    found = record.scores
    if not found:
        return {}
    views = found.get("by_input", {})
    variants = {
        f"Polyome, {name}" if name in views else name: scores
        for name, scores in found.get("variants", {}).items()
    }
    return {"polyome": found["metrics"]} | variants | found.get("baselines", {})


def readable(name: str) -> str:
    """A name as prose.

    Examples
    --------
    >>> readable("logistic_regression"), readable("polyome")
    ('logistic regression', 'Polyome')
    """
    return _SPELLED.get(name, name.replace("_", " "))


_SPELLED = {
    "polyome": "Polyome",
    "macro_f1": "macro F1",
    "weighted_f1": "weighted F1",
    "mcc": "MCC",
    "auroc": "AUROC",
    "ece": "calibration error",
    "r2": "R²",
    "rmse": "RMSE",
    "pearson": "Pearson r",
    "spearman": "Spearman r",
    "knn_on_components": "nearest neighbours",
    "gc_content": "GC content alone",
    "majority": "class frequencies",
}
