"""The sections of a report, each made only where the folder holds what it shows."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from markupsafe import Markup
from sklearn.metrics import precision_recall_fscore_support

from polyome._random import some_of
from polyome.outputs import OUTPUTS
from polyome.report.figure import as_svg
from polyome.report.plots import classes, inputs, maps, training, values
from polyome.report.record import ModelRecord
from polyome.report.scatter import Scatter, scatter_of_places, scatter_of_values
from polyome.report.scored import Scored
from polyome.tasks import TASKS

MOST_SECTIONS = 6
"""Sections of tissue that are drawn; of more, the first ones."""
MOST_DRAWN = 120
"""Classes up to which the confusion matrix is drawn."""
MOST_ROWS = 24
"""Rows of a table that is shown at once."""
MOST_VALUES = 12
"""Predicted values that each get a scatter; of more, the first ones."""


@dataclass(frozen=True)
class Figure:
    """One figure and the sentence that says how to read it.

    Attributes
    ----------
    reading : how to read it.
    svg : a still figure, or None.
    scatter : an interactive one, or None.
    title : above it, where a section has several.
    wide : takes the whole width of the page.
    """

    reading: str
    svg: Markup | None = None
    scatter: Scatter | None = None
    title: str = ""
    wide: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of text under a head."""

    head: list[str]
    rows: list[list[str]]
    reading: str = ""
    folded: bool = False
    """Whether a long table waits for a press."""


@dataclass(frozen=True)
class Section:
    """One section of the page."""

    name: str
    title: str
    figures: list[Figure] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    half: bool = False
    """Whether it shares the width of a large screen with its neighbour."""


def figure_sections(
    record: ModelRecord, *, seed: int, umap_records: int, map_records: int
) -> Iterator[Section]:
    """Sections with figures, in the order of the page."""
    scored = record.scored
    if scored is not None:
        yield from _of_output(record, scored, map_records, seed)
    if record.scores.get("by_input"):
        yield _inputs(record)
    if any(curve.get("train") for curve in record.curves):
        yield _learning(record)
    if scored is not None and scored.representation is not None and len(scored) > 2:
        yield _representation(scored, umap_records, seed)
    if scored is not None and scored.coordinates is not None:
        yield _tissue(scored, map_records, seed)


def _of_output(record: ModelRecord, scored: Scored, most: int, seed: int) -> Iterator[Section]:
    """The sections that the type of answer names, and the figures that it brings."""
    output = OUTPUTS[scored.output]
    makers = {
        "mistakes": lambda: _mistakes(scored),
        "ranking": lambda: _ranking(scored),
        "confidence": lambda: _confidence(scored),
        "unknown": lambda: _unknown(record, scored),
        "values": lambda: _values(record, scored, most, seed),
    }
    for name in output.sections:
        if name != "unknown" or scored.unknown_score is not None:
            yield makers[name]()
    for figure in output.figures(scored):
        svg = as_svg(figure.draw, *figure.size, name=figure.name, says=figure.title)
        yield Section(figure.name, figure.title, [Figure(figure.reading, svg)])


def _mistakes(scored: Scored) -> Section:
    title, table = "Which classes are mistaken", class_table(scored)
    if len(scored.true_classes()) > MOST_DRAWN:
        text = f"{len(scored.true_classes()):,} classes are too many for a confusion matrix."
        return Section("mistakes", title, [], [table], [text])
    svg = as_svg(
        partial(classes.confusion_matrix, scored), *classes.confusion_size(scored),
        name="confusion", says="Confusion matrix: true classes in rows, predictions in columns.",
    )  # fmt: skip
    reading = (
        "Each row is a true class; its numbers say which share of it got each answer. "
        "A perfect model fills the diagonal only."
    )
    figure = Figure(reading, svg, wide=len(scored.classes) > 14)
    return Section("mistakes", title, [figure], [table])


def class_table(scored: Scored) -> Table:
    """Precision, recall and F1 of each class, and what its records are most often mistaken for."""
    names = scored.true_classes()
    values = precision_recall_fscore_support(
        scored.truth, scored.best, labels=list(names), zero_division=0.0
    )
    counts = classes.confusion_counts(scored)
    width = 6 if len(names) > 2 else 5  # of two classes there is only one other
    rows = []
    for k, (label, precision, recall, f1, number) in enumerate(zip(names, *values)):
        if not number and not (scored.best == label).any():
            continue
        wrong = counts[k].copy()
        if k < len(wrong):
            wrong[k] = 0
        mistaken = f"{scored.classes[wrong.argmax()]} ({wrong.max():,})" if wrong.any() else "-"
        shown = [f"{v:.3f}" if number else "-" for v in (precision, recall, f1)]
        rows.append([label, f"{int(number):,}", *shown, mistaken][:width])
    head = ["class", "records", "precision", "recall", "F1", "most often mistaken for"][:width]
    reading = (
        "Precision: of the records given this label, the share that deserves it. Recall: of the "
        "records of this class, the share that was found."
    )
    return Table(head, rows, reading, folded=len(rows) > MOST_ROWS)


def _ranking(scored: Scored) -> Section:
    height = classes.curves_height(scored)
    roc = as_svg(
        partial(classes.roc_curves, scored), 4.3, height,
        name="roc", says="ROC curve of each class against the rest.",
    )  # fmt: skip
    pr = as_svg(
        partial(classes.precision_recall_curves, scored), 4.3, height,
        name="pr", says="Precision against recall of each class against the rest.",
    )  # fmt: skip
    figures = [
        Figure(
            "A curve close to the upper left corner ranks records of the class above all others; "
            "the dotted diagonal is guessing.",
            roc,
            title="ROC",
        ),
        Figure(
            "Of the records above a threshold, precision is the share that belongs to the class; "
            "rare classes show their weakness here and not in the ROC curve.",
            pr,
            title="Precision and recall",
        ),
    ]
    return Section("ranking", "How well each class is told from the rest", figures)


def _confidence(scored: Scored) -> Section:
    svg = as_svg(
        partial(classes.calibration, scored), 4.3, 3.9,
        name="calibration", says="Share of right answers against confidence.",
    )  # fmt: skip
    reading = (
        "Of the records answered with a confidence of 0.8, 80 % should be right: points on the "
        "dotted line. Below it the model is too sure of itself. Larger points hold more records; "
        "bars are 95 % intervals."
    )
    right, wrong = scored.confidence[scored.right], scored.confidence[~scored.right]
    medians = [f"{np.median(v):.2f}" if len(v) else "-" for v in (right, wrong)]
    text = f"Median confidence: {medians[0]} where it is right, {medians[1]} where it is wrong."
    return Section(
        "confidence",
        "Can the confidence be trusted?",
        [Figure(reading, svg)],
        [],
        [text],
        half=True,
    )


def _unknown(record: ModelRecord, scored: Scored) -> Section:
    svg = as_svg(
        partial(classes.unknown_scores, scored), 4.3, 3.1,
        name="unknown", says="Histogram of the distance from the training records.",
    )  # fmt: skip
    reading = (
        "How unlike the training records each record is; beyond the dashed line it is answered "
        "'unknown'. Mistakes should lie further right than right answers."
    )
    found = record.scores.get("unknown", {})
    text = [
        f"{label}: {value:.3f}."
        for key, label in (
            ("coverage", "Share of test records that were answered"),
            ("accuracy_after_refusal", "Accuracy of those answers"),
        )
        if (value := found.get(key)) is not None
    ]
    return Section("unknown", "Refused as unknown", [Figure(reading, svg)], [], text, half=True)


def _values(record: ModelRecord, scored: Scored, most: int, seed: int) -> Section:
    assert scored.measured is not None
    assert scored.predicted is not None
    figures = []
    for k, target in enumerate(map(str, scored.measured.columns[:MOST_VALUES])):
        measured = scored.measured.iloc[:, k].to_numpy(np.float64)
        predicted = scored.predicted.iloc[:, k].to_numpy(np.float64)
        known = np.flatnonzero(np.isfinite(measured) & np.isfinite(predicted))
        if not len(known):
            continue
        rows = known[some_of(len(known), most, seed)]
        scatter = scatter_of_values(
            measured[rows], predicted[rows], list(map(str, scored.names[rows])),
            name=f"values-{k}", says=f"Predicted against measured {target}.",
        )  # fmt: skip
        found = values.agreement(measured[known], predicted[known])
        reading = (
            f"{found}. Each point is a record; on the dotted line prediction and measurement agree."
        )
        figures.append(Figure(reading, scatter=scatter, title=target))
    return Section("values", "Predicted and measured values", figures, _by_target(record))


def _by_target(record: ModelRecord) -> list[Table]:
    """Scores of each of several values, and how often the truth lay in its interval."""
    found = record.scores.get("by_target") or {}
    inside = record.scores.get("coverage") or {}
    if not found and not inside:
        return []
    names = record.shown_metrics
    head = ["value", *map(training.readable, names), "inside the interval"]
    rows = [
        [target, *(_number(scores.get(n)) for n in names), _number(inside.get(target))]
        for target, scores in (found or dict.fromkeys(inside, record.scores["metrics"])).items()
    ]
    reading = "Inside the interval: share of the measured values that lay in the interval given."
    return [Table(head, rows, reading)]


def _inputs(record: ModelRecord) -> Section:
    by_input = record.scores["by_input"]
    svg = as_svg(
        lambda ax: inputs.scores_by_input(by_input, ax=ax), *inputs.size(by_input),
        name="inputs", says="Scores of each class or value by what is seen of the inputs.",
    )  # fmt: skip
    shown = (
        "F1"
        if OUTPUTS[TASKS[record.task].output].is_one_class
        else training.readable(record.shown_metrics[0])
    )
    reading = (
        f"{shown} of the same model, on test records that have what is seen; the rest is hidden "
        "from it. A row that falls from 'all' to a column needs the inputs that the column lacks."
    )
    figure = Figure(reading, svg)
    return Section("inputs", "What each input tells", [figure], half=True)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _learning(record: ModelRecord) -> Section:
    svg = as_svg(
        partial(training.learning_curves, record), 4.3, 3.2,
        name="learning", says="Loss by epoch of every member.",
    )  # fmt: skip
    reading = (
        "One line for each network of the ensemble. Both kinds should fall and flatten; where the "
        "validation rows rise again the network overfits. The dot is the epoch that is kept."
    )
    if not any(curve.get("validation_losses") for curve in record.curves):
        reading = "One line for each network of the ensemble; it should fall and flatten."
    return Section("learning", "Learning curves", [Figure(reading, svg)], half=True)


def _representation(scored: Scored, most: int, seed: int) -> Section:
    rows = some_of(len(scored), most, seed)
    place, axis = maps.embedded(scored, rows, seed)
    scatter = scatter_of_places(
        scored, rows, place,
        name="umap", says="Records placed by the model's representation.",
    )  # fmt: skip
    reading = (
        "Records that the model sees as alike lie together. Distances between far groups and "
        "sizes of groups mean nothing. Point at a record to see it; press a class to see it alone."
    )
    text = []
    if axis != "UMAP":
        text.append("There are too few records for a UMAP: these are two principal components.")
    if len(rows) < len(scored):
        text.append(f"{len(rows):,} of {len(scored):,} records, drawn at random.")
    figure = Figure(reading, scatter=scatter, wide=True)
    return Section("representation", "What the model sees as alike", [figure], [], text)


def _tissue(scored: Scored, most: int, seed: int) -> Section:
    assert scored.coordinates is not None
    figures = []
    names = maps.sections(scored)
    for k, section in enumerate(names[:MOST_SECTIONS]):
        inside = maps.rows_of_section(scored, section or None)
        rows = inside[some_of(len(inside), most // min(len(names), MOST_SECTIONS), seed)]
        scatter = scatter_of_places(
            scored, rows, scored.coordinates[rows],
            name=f"map-{k}", says=f"Records where they lie in the section {section}.",
            same_scale=True, downward=True,
        )  # fmt: skip
        reading = (
            "Scored records where they lie in the tissue. Errors that gather in one place hint at "
            "a boundary, an artefact or a label that is drawn too coarsely."
        )
        figures.append(Figure(reading, scatter=scatter, title=section, wide=True))
    text = []
    if len(names) > MOST_SECTIONS:
        text.append(f"The first {MOST_SECTIONS} of {len(names)} sections.")
    return Section("tissue", "Where it is right and wrong in the tissue", figures, [], text)
