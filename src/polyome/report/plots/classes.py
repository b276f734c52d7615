"""Figures of answers that are classes: which are mistaken for which, and how sure the model is."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.patches import Rectangle
from scipy.stats import binomtest
from sklearn.metrics import (
    average_precision_score,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)

from polyome._errors import InputError
from polyome._types import FloatArray
from polyome.metrics import reliability
from polyome.report.plots.axes import (
    ACCENT,
    MUTED,
    WRONG,
    Source,
    finished,
    given_or_new,
    palette,
    plain_frame,
    scored_of,
    shortened,
    with_classes,
)
from polyome.report.scored import Scored

MOST_NUMBERED = 24
"""Classes up to which cells of the confusion matrix carry numbers."""
MOST_LISTED = 10
"""Classes that a legend lists; of more, those with the lowest score."""
CURVE_POINTS = 200


def confusion_matrix(
    source: Source,
    *,
    truth: str | None = None,
    normalize: bool = True,
    ax: Axes | None = None,
    show: bool = False,
    save: str | Path | None = None,
) -> Axes:
    """Draw true classes in rows, the model's best class in columns.

    Parameters
    ----------
    source : a model folder, a fitted model, or an AnnData with answers.
    truth : for an AnnData, the column of ``obs`` with the true labels.
    normalize : write the share of each true class, instead of numbers of records.
    ax : axes to draw on; None makes a figure.
    show : call ``matplotlib.pyplot.show``.
    save : file to write; its ending says the format.

    Examples
    --------
    >>> from polyome.report.example import example_scored
    >>> confusion_matrix(example_scored()).get_ylabel()
    'truth'
    """
    scored = with_classes(scored_of(source, truth), "the confusion matrix")
    counts = confusion_counts(scored)
    ax = given_or_new(ax, *confusion_size(scored))
    small = "x-small" if len(counts) > MOST_NUMBERED else "medium"
    shares = counts / counts.sum(axis=1, keepdims=True).clip(1)
    for row, column in np.argwhere(counts > 0):
        share = float(shares[row, column])
        box = Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=to_rgba(ACCENT, share), lw=0)
        ax.add_patch(box)
        if len(counts) <= MOST_NUMBERED:
            text = f"{share:.2f}" if normalize else f"{counts[row, column]:,}"
            color = "white" if share > 0.55 else None
            ax.text(column, row, text, ha="center", va="center", color=color, fontsize="x-small")
    rows, columns = scored.true_classes(), scored.classes
    ax.set_xticks(range(len(columns)), [shortened(c) for c in columns], rotation=90, fontsize=small)
    ax.set_yticks(range(len(rows)), [shortened(r) for r in rows], fontsize=small)
    ax.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5))
    ax.set(xlabel="prediction", ylabel="truth", aspect="equal")
    return finished(ax, show=show, save=save)


def confusion_size(scored: Scored) -> tuple[float, float]:
    """Width and height in inches that the confusion matrix needs with its labels."""
    number = len(scored.true_classes())
    side = number * (0.34 if number <= MOST_NUMBERED else 0.15) + 2.0
    return max(side + 0.8, 3.6), max(side, 3.0)


def confusion_counts(scored: Scored) -> np.ndarray:
    """Number of records by truth (rows) and best class (columns), int (r, c)."""
    assert scored.truth is not None
    rows, columns = scored.true_classes(), scored.classes
    counts = np.zeros((len(rows), len(columns)), dtype=np.int64)
    true = pd.Index(rows).get_indexer(pd.Index(scored.truth))
    np.add.at(counts, (true, pd.Index(columns).get_indexer(pd.Index(scored.best))), 1)
    return counts


def roc_curves(
    source: Source,
    *,
    truth: str | None = None,
    ax: Axes | None = None,
    show: bool = False,
    save: str | Path | None = None,
) -> Axes:
    """Draw the ROC curve of each class against the rest.

    Parameters are those of :func:`confusion_matrix`.

    Examples
    --------
    >>> from polyome.report.example import example_scored
    >>> roc_curves(example_scored()).get_xlabel()
    'false positive rate'
    """
    scored = with_classes(scored_of(source, truth), "the ROC curve")
    ax = given_or_new(ax, 4.8, curves_height(scored))
    ax.plot([0, 1], [0, 1], color=MUTED, linestyle=":", linewidth=1)
    curves = {}
    for label, is_class, score in _one_against_rest(scored):
        false, true, _ = roc_curve(is_class, score)
        curves[label] = (false, true, float(roc_auc_score(is_class, score)))
    _draw_curves(ax, curves, scored, "AUROC")
    ax.set(xlabel="false positive rate", ylabel="true positive rate")
    return finished(ax, show=show, save=save)


def precision_recall_curves(
    source: Source,
    *,
    truth: str | None = None,
    ax: Axes | None = None,
    show: bool = False,
    save: str | Path | None = None,
) -> Axes:
    """Draw precision against recall of each class against the rest.

    Parameters are those of :func:`confusion_matrix`.

    Examples
    --------
    >>> from polyome.report.example import example_scored
    >>> precision_recall_curves(example_scored()).get_xlabel()
    'recall'
    """
    scored = with_classes(scored_of(source, truth), "the precision-recall curve")
    ax = given_or_new(ax, 4.8, curves_height(scored))
    curves = {}
    for label, is_class, score in _one_against_rest(scored):
        precision, recall, _ = precision_recall_curve(is_class, score)
        average = float(average_precision_score(is_class, score))
        curves[label] = (recall[::-1], precision[::-1], average)
    _draw_curves(ax, curves, scored, "average precision")
    ax.set(xlabel="recall", ylabel="precision")
    return finished(ax, show=show, save=save)


def _one_against_rest(scored: Scored) -> list[tuple[str, FloatArray, FloatArray]]:
    """Each class that is in the truth but not all of it: name, 0 or 1 (n,), probability (n,)."""
    assert scored.proba is not None
    index = scored.truth_index()
    found = []
    for k, label in enumerate(scored.classes):
        is_class = (index == k).astype(np.float64)
        if 0 < is_class.sum() < len(index):
            found.append((label, is_class, scored.proba.iloc[:, k].to_numpy(np.float64)))
    if len(scored.classes) == 2:  # the two curves are one another's mirror
        return found[-1:]
    return found


def _draw_curves(
    ax: Axes,
    curves: dict[str, tuple[FloatArray, FloatArray, float]],
    scored: Scored,
    name: str,
) -> None:
    """Draw one line per class; the legend lists the lowest scores where there are many."""
    colors = palette(scored.classes, scored.colors)
    worst = sorted(curves, key=lambda label: curves[label][2])
    listed = set(worst[:MOST_LISTED])
    for label, (x, y, score) in curves.items():
        keep = np.unique(np.linspace(0, len(x) - 1, CURVE_POINTS).astype(int))
        text = f"{shortened(label, 22)}  {score:.3f}" if label in listed else None
        style = "steps-pre" if name == "average precision" else "default"
        ax.plot(x[keep], y[keep], color=colors[label], linewidth=1.6, label=text, drawstyle=style)
    more = len(curves) - len(listed)
    drawn = dict(zip(curves, ax.lines[-len(curves) :]))
    title = f"{name}, lowest {len(listed)} of {len(curves)}" if more else name
    if curves:
        ax.legend(
            handles=[drawn[label] for label in (worst if more else curves) if label in listed],
            title=title,
            loc="upper center",
            bbox_to_anchor=(0.5, -0.17),
            ncols=legend_columns(scored),
            fontsize="small",
            title_fontsize="small",
        )
    ax.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.02))
    plain_frame(ax)


def legend_columns(scored: Scored) -> int:
    """Columns of a legend of classes: two where their names are short, and several."""
    longest = max(map(len, scored.classes), default=0)
    return 2 if len(scored.classes) > 2 and longest <= 14 else 1


def curves_height(scored: Scored) -> float:
    """Inches that curves need with the legend below them."""
    listed = 1 if len(scored.classes) == 2 else min(len(scored.classes), MOST_LISTED)
    return 4.0 + 0.19 * -(-listed // legend_columns(scored))


def calibration(
    source: Source,
    *,
    truth: str | None = None,
    bins: int = 10,
    ax: Axes | None = None,
    show: bool = False,
    save: str | Path | None = None,
) -> Axes:
    """Draw accuracy against confidence, with 95 % intervals of each bin.

    Parameters
    ----------
    bins : of equal width, of the largest probability.

    The others are those of :func:`confusion_matrix`.

    Examples
    --------
    >>> from polyome.report.example import example_scored
    >>> calibration(example_scored()).get_xlabel()
    'confidence'
    """
    scored = with_classes(scored_of(source, truth), "the calibration curve")
    assert scored.proba is not None
    ax = given_or_new(ax, 4.8, 4.2)
    table = reliability(scored.proba.to_numpy(), scored.truth_index(), bins=bins)
    right = (table["accuracy"] * table["count"]).round().astype(int)
    spans = [
        binomtest(int(k), int(n)).proportion_ci(method="wilson")
        for k, n in zip(right, table["count"])
    ]
    ax.plot([0, 1], [0, 1], color=MUTED, linestyle=":", linewidth=1)
    low, high = [s.low for s in spans], [s.high for s in spans]
    ax.vlines(table["confidence"], low, high, color=ACCENT, linewidth=1.4, alpha=0.5)
    ax.plot(table["confidence"], table["accuracy"], color=ACCENT, linewidth=1, alpha=0.6)
    area = 20 + 180 * table["count"] / table["count"].max()
    ax.scatter(table["confidence"], table["accuracy"], s=area, color=ACCENT, zorder=3)
    ax.set(xlabel="confidence", ylabel="share that is right", xlim=(0, 1.03), ylim=(0, 1.05))
    plain_frame(ax)
    return finished(ax, show=show, save=save)


def unknown_scores(
    source: Source,
    *,
    truth: str | None = None,
    ax: Axes | None = None,
    show: bool = False,
    save: str | Path | None = None,
) -> Axes:
    """Draw how far records lie from the training records; those above 1 are refused.

    Parameters are those of :func:`confusion_matrix`.

    Examples
    --------
    >>> from polyome.report.example import example_scored
    >>> unknown_scores(example_scored()).get_ylabel()
    'records'
    """
    scored = with_classes(scored_of(source, truth), "the histogram of unknown scores")
    if scored.unknown_score is None:
        message = "these records have no unknown score: the model refuses nothing, or is older."
        raise InputError(message)
    ax = given_or_new(ax, 4.8, 3.2)
    top = max(1.1, float(np.nanquantile(scored.unknown_score, 0.995)) * 1.05)
    values = np.clip(scored.unknown_score, 0, top)
    kinds = {"right": (scored.right, ACCENT), "wrong": (~scored.right, WRONG)}
    ax.hist(
        [values[rows] for rows, _ in kinds.values()],
        bins=np.linspace(0, top, 31).tolist(),
        stacked=True,
        color=[color for _, color in kinds.values()],
        label=list(kinds),
    )
    ax.axvline(1, color=MUTED, linestyle="--", linewidth=1.2)
    ax.set(xlabel="unknown score (above 1: refused)", ylabel="records")
    ax.legend(title="best known label", fontsize="small", title_fontsize="small")
    plain_frame(ax)
    return finished(ax, show=show, save=save)
