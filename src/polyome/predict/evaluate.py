"""Scores, with intervals, and the cheap baselines beside them."""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from polyome._types import FloatArray, IntArray
from polyome.metrics import bootstrap_interval, paired_difference
from polyome.modalities.base import Records
from polyome.model_folder.fitted_model import FittedModel
from polyome.outputs.base import Output
from polyome.outputs.prediction import Prediction
from polyome.outputs.targets import Targets
from polyome.predict.by_input import scores_by_input
from polyome.predict.parts import LINEAR, answers_of_parts, linear_model_alone
from polyome.predict.predict import PredictArguments, predict

REPEATS = 200
"""Resamples of an interval."""
MOST_TARGETS = 12
"""Values whose scores are shown one by one; of more, the table has their mean."""
FEW_GROUPS = 10
"""Fewer than this tell little of how groups differ."""
MOST_VALUES = 400_000_000  # float32 of the baselines' training features: 1.6 GB


@dataclass
class Evaluation:
    """What ``evaluate`` reports; :meth:`as_dict` is what ``--json`` writes.

    Attributes
    ----------
    task : its name.
    n : scored records.
    metrics : by name; of the best known label, whether or not it was refused.
    baselines : by name of the baseline, the same metrics.
    variants : by name of another form of the model (its transformer alone; its scanner; the model
        with inputs hidden), the same metrics.
    linear_weight : of linear models in the answer, 0 to 1; of a record that has all inputs.
    intervals : 95 % bootstrap interval of some metrics, over rows, or over groups where whole ones
        were held out.
    differences : by name of the baseline, the model's first shown metric less the baseline's, and
        the ends of the 95 % interval of that, paired.
    unknown : ``coverage`` and ``accuracy_after_refusal``.
    unseen : labels of the truth that the model does not know, with their counts.
    by_target : the metrics of each of several targets of values.
    coverage : by target, the share of the true values inside their prediction intervals.
    by_input : of records with several inputs, by what is seen of them, the F1 of each class or the
        first shown metric of each value.
    part : which rows were scored.
    shown : the metrics that the table shows.
    notes : what the user should know.
    """

    task: str
    n: int
    metrics: dict[str, float | None]
    baselines: dict[str, dict[str, float | None]]
    variants: dict[str, dict[str, float | None]] = field(default_factory=dict)
    linear_weight: float | None = None
    intervals: dict[str, tuple[float | None, float | None]] = field(default_factory=dict)
    differences: dict[str, tuple[float | None, ...]] = field(default_factory=dict)
    unknown: dict[str, float | None] = field(default_factory=dict)
    unseen: dict[str, int] = field(default_factory=dict)
    by_target: dict[str, dict[str, float | None]] = field(default_factory=dict)
    coverage: dict[str, float | None] = field(default_factory=dict)
    by_input: dict[str, dict[str, float | None]] = field(default_factory=dict)
    part: str = "all"
    shown: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """The shown metrics beside the baselines', as a table of plain text."""
        few = self.by_target if len(self.by_target) <= MOST_TARGETS else {}
        targets = {f"  {name}": scores for name, scores in few.items()}
        variants = {
            f"polyome, {name}" if name in self.by_input else name: scores
            for name, scores in self.variants.items()
        }
        rows = {"polyome": self.metrics} | targets | variants | self.baselines
        width = max(len(row) for row in rows) + 2
        lines = [f"{self.task}, {self.n:,} records ({self.part})"]
        lines.append(" " * width + "".join(f"{name:>11}" for name in self.shown))
        for row, values in rows.items():
            cells = (values[name] for name in self.shown)
            text = "".join(f"{'-' if v is None else format(v, '.4f'):>11}" for v in cells)
            lines.append(f"{row:<{width}}{text}")
        if self.linear_weight is not None:
            lines.append(f"weight of the linear model in the answer: {self.linear_weight:.2f}")
        if self.ahead:
            lines.append(f"ahead of polyome in {self.shown[0]}: {', '.join(self.ahead)}")
        for name, (low, high) in self.intervals.items():
            if low is not None and high is not None:
                lines.append(f"{name}: 95 % interval {low:.4f} to {high:.4f} (bootstrap)")
        if self.no_error:
            lines.append(self.no_error)
        known = {name: value for name, value in self.unknown.items() if value is not None}
        lines += [f"{name}: {value:.4f}" for name, value in known.items()]
        inside = {name: value for name, value in self.coverage.items() if value is not None}
        if len(inside) > MOST_TARGETS:
            inside = {f"mean of {len(inside)} values": float(np.mean([*inside.values()]))}
        for name, value in inside.items():
            if value is not None:
                lines.append(f"{name}: {value:.1%} of the true values lie in their intervals")
        return "\n".join(lines)

    @property
    def ahead(self) -> list[str]:
        """Baselines that score higher than the model in the first shown metric."""
        if not self.shown:
            return []
        own = self.metrics[self.shown[0]]
        found = {name: values[self.shown[0]] for name, values in self.baselines.items()}
        return [
            name
            for name, value in found.items()
            if own is not None and value is not None and value > own
        ]

    @property
    def no_error(self) -> str:
        """What it means that all answers are right; empty where some are wrong, or few are given.

        By the rule of three, n answers without an error leave room, at a confidence of 95 %, for an
        accuracy of 1 - 3 / n.
        """
        if self.metrics.get("accuracy") != 1 or self.n <= 3:
            return ""
        return (
            f"all {self.n:,} answers are right; a model whose true accuracy is "
            f"{1 - 3 / self.n:.3f} could do this too (rule of three, 95 %)"
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        plain = asdict(self)
        del plain["shown"]
        return plain


def evaluate(
    fitted: FittedModel,
    records: Records,
    targets: Targets,
    rows: IntArray,
    arguments: PredictArguments,
    *,
    baselines: dict[str, FloatArray] | None = None,
    part: str = "all",
    groups: np.ndarray | None = None,
) -> tuple[Evaluation, Prediction]:
    """Score a fitted model on labelled rows.

    Parameters
    ----------
    records, targets : all of a source.
    rows : the labelled rows to score.
    baselines : by name, what each baseline answers on ``rows``, (n, c); without it those that
        are kept with the model are used.
    groups : of ``rows``, where whole ones were held out; intervals are then over groups.
    """
    scored = records.take(rows)
    answers = predict(fitted, scored, arguments)
    truth = targets.truth[rows]
    parts: dict[str, FloatArray] = {}
    if baselines is None:
        baselines = kept_baselines(fitted, scored)
    else:  # while fitting
        parts = _parts_beside(fitted, scored)
    outputs, classes, output = answers.outputs, fitted.classes, fitted.task.output_type
    resampled = _Resampled(output, fitted.task.seed, truth, outputs, classes, groups)
    seen = scores_by_input(fitted, scored, truth, outputs, arguments)
    evaluation = Evaluation(
        task=fitted.task.name,
        n=len(rows),
        metrics=output.metrics(truth, outputs, classes),
        baselines={name: output.metrics(truth, p, classes) for name, p in baselines.items()},
        intervals=resampled.intervals(),
        differences=resampled.differences(baselines),
        variants={n: output.metrics(truth, p, classes) for n, p in parts.items()} | seen.metrics,
        linear_weight=fitted.linear_weight,
        by_input=seen.by_output,
        part=part,
        shown=output.shown_metrics,
        notes=[*answers.notes, *_few_groups(groups)],
        **output.details(answers, truth, classes, refuses=fitted.unknown is not None),
    )
    return evaluation, answers


def _few_groups(groups: np.ndarray | None) -> list[str]:
    """Say where intervals rest on few groups."""
    number = 0 if groups is None else len(np.unique(groups.astype(str)))
    if not 1 <= number < FEW_GROUPS:
        return []
    if number == 1:
        return ["the test part is one group: intervals are for it alone, not for groups to come."]
    return [f"intervals are over {number} groups: too few to tell well how groups differ."]


@dataclass(frozen=True)
class _Resampled:
    """Predictions, (n, c), and their truth, resampled for intervals."""

    output: Output
    seed: int
    truth: np.ndarray
    predictions: FloatArray
    classes: tuple[str, ...]
    groups: np.ndarray | None

    def differences(self, baselines: dict[str, FloatArray]) -> dict[str, tuple[float | None, ...]]:
        """The first shown metric less that of each baseline, with paired intervals."""
        metric = self.output.interval_metrics()[self.output.shown_metrics[0]]
        return {
            name: paired_difference(
                lambda t, p: metric(t, p, self.classes),
                self.truth,
                self.predictions,
                other,
                groups=self.groups,
                repeats=REPEATS,
                seed=self.seed,
            )
            for name, other in baselines.items()
        }

    def intervals(self) -> dict[str, tuple[float | None, float | None]]:
        """95 % bootstrap intervals of the quick metrics.

        None where all resamples score alike: rows without an error cannot tell how rare errors are.
        """
        found = {
            name: bootstrap_interval(
                lambda t, p, metric=metric: metric(t, p, self.classes),
                self.truth,
                self.predictions,
                groups=self.groups,
                repeats=REPEATS,
                seed=self.seed,
            )
            for name, metric in self.output.interval_metrics().items()
        }
        return {name: ends if ends[0] != ends[1] else (None, None) for name, ends in found.items()}


def _parts_beside(fitted: FittedModel, records: Records) -> dict[str, FloatArray]:
    """The parts of an answer of two; without the linear model where that is a baseline, too."""
    weight = fitted.linear_weight
    if weight is None or not 0 < weight < 1:
        return {}
    parts = answers_of_parts(fitted, records)
    if f"baseline.{fitted.task.output_type.linear}.coef" not in fitted.arrays:
        parts.pop(LINEAR, None)
    return parts


def kept_baselines(fitted: FittedModel, records: Records) -> dict[str, FloatArray]:
    """What the baselines that are kept with a model answer, (n, c) each."""
    output = fitted.task.output_type
    constant = np.tile(fitted.arrays[f"baseline.{output.constant}"], (len(records), 1))
    answered = {output.constant: fitted.output.baseline_predictions(constant)}
    for name, scores in fitted.linear_scores(records).items():
        answered[name] = fitted.output.linear_predictions(scores)
    if output.linear not in answered and fitted.task.name in fitted.model.linear:
        answered[output.linear] = linear_model_alone(fitted, records)
    return answered | fitted.task.joined_baselines(records, answered)


def fit_baselines(
    fitted: FittedModel,
    records: Records,
    targets: Targets,
    training: IntArray,
    test: IntArray,
    *,
    groups: np.ndarray | None = None,
    all_of_them: bool = True,
) -> dict[str, FloatArray]:
    """Fit the task's baselines on training rows and answer the test rows.

    Their penalties are chosen on inner folds, of whole ``groups`` (of all records) where there are
    any. The linear one and the class frequencies are kept with the model, so that they stand beside
    scores on other data too.

    Returns
    -------
    By name, (n_test, c), in the order of the model's classes.
    """
    task = fitted.task
    output = task.output_type
    known = targets.answerable(training, fitted.classes)
    width = task.features(fitted.modality, records.take(training[:1])).shape[1]
    labels = None if targets.labels is None else targets.labels[known].astype(str)
    training = _at_most(known, width, task.seed, labels)
    truth = fitted.output.baseline_truth(targets, training)
    inside = None if groups is None else groups[training]
    fitting = records.take(training)
    fitted.arrays[f"baseline.{output.constant}"] = output.fit_constant(truth)
    for name, features in task.kept_features(fitted.modality, fitting).items():
        coef, intercept = output.fit_linear_baseline(features, truth, task.seed, inside)
        fitted.arrays[f"baseline.{name}.coef"] = coef
        fitted.arrays[f"baseline.{name}.intercept"] = intercept
    if not len(test):
        return {}
    answered = kept_baselines(fitted, records.take(test))
    if all_of_them:
        x_train = task.features(fitted.modality, fitting)
        x_test = task.features(fitted.modality, records.take(test))
        for name, baseline in task.baselines().items():
            if name not in answered:
                proba = baseline(x_train, truth, x_test, seed=task.seed, groups=inside)
                if proba is not None:
                    answered[name] = fitted.output.baseline_predictions(proba)
        for name, found in task.column_baselines(records.table, truth, training, test).items():
            answered[name] = fitted.output.baseline_predictions(found)
    return answered


def _at_most(rows: IntArray, width: int, seed: int, labels: np.ndarray | None) -> IntArray:
    """Draw as many rows as dense features of this width leave room for; one of each class."""
    most = max(1000, MOST_VALUES // max(1, width))
    if len(rows) <= most:
        return rows
    drawn = np.random.default_rng(seed).choice(rows, most, replace=False)
    if labels is None:
        return np.sort(drawn)
    return np.union1d(drawn, rows[np.unique(labels, return_index=True)[1]])
