"""What the scores say, in sentences: how good, and whether a cheap baseline does as well."""

from dataclasses import dataclass

from polyome.report.plots.training import LOWER_IS_BETTER, readable, rows_of_scores
from polyome.report.record import ModelRecord

MEANING = {
    "accuracy": "share of records whose best label is right",
    "balanced_accuracy": "accuracy within each class, averaged over classes",
    "macro_f1": "balance of precision and recall, averaged over classes",
    "weighted_f1": "the same, weighted by the number of records of a class",
    "mcc": "Matthews correlation: 1 perfect, 0 no better than chance",
    "auroc": "chance that a record of a class gets a higher probability than one of another",
    "log_loss": "penalty for confident mistakes; lower is better",
    "ece": "gap between confidence and share that is right; lower is better, and 0 also for a "
    "model that always answers with the class frequencies",
    "pearson": "linear correlation of predicted and measured values",
    "spearman": "correlation of their ranks",
    "r2": "share of the variance that is explained",
    "rmse": "typical error, in the unit of the target; lower is better",
}


@dataclass(frozen=True)
class Verdict:
    """How the model stands.

    Attributes
    ----------
    standing : ``ahead``, ``even`` or ``behind`` of the best baseline; ``alone`` without one.
    sentences : for the reader.
    """

    standing: str
    sentences: tuple[str, ...]


def verdict(record: ModelRecord) -> Verdict | None:
    """Judge a model by its first metric, beside the best baseline; None where nothing was scored.

    It is ahead or behind where the paired interval of the difference leaves out 0.

    Examples
    --------
    >>> from polyome.report.example import example_record
    >>> verdict(example_record()).standing
    'ahead'
    """
    if not record.shown_metrics:
        return None
    name = record.shown_metrics[0]
    own = record.scores["metrics"][name]
    low, high = record.scores.get("intervals", {}).get(name) or (None, None)
    said = f"{readable(name)} {own:.3f} on {record.scores['n']:,} test records"
    said += "." if low is None else f" (95 % interval {low:.3f} to {high:.3f})."
    weight = record.scores.get("linear_weight")
    if weight is not None:
        said += f" The linear model's weight in the answer is {weight:.2f}."
    best = best_baseline(record, name)
    if best is None:
        return Verdict("alone", (_sentence(said), "No baseline was scored beside it."))
    rival, value = best
    other = f"{readable(rival)} ({value:.3f})"
    paired = record.scores.get("differences", {}).get(rival, (None, None, None))
    difference, least, most = (own - value if found is None else found for found in paired)
    shown = f"difference {difference:+.3f}, 95 % interval {least:+.3f} to {most:+.3f}, paired"
    sign = -1 if name in LOWER_IS_BETTER else 1
    if min(sign * least, sign * most) > 0:
        return Verdict("ahead", (_sentence(said), f"The best cheap baseline is {other}; {shown}."))
    if max(sign * least, sign * most) < 0:
        lost = f"A cheap baseline wins: {other}; {shown}. Prefer it, or find out what is lacking."
        return Verdict("behind", (_sentence(said), lost))
    even = f"A cheap baseline, {other}, does not differ from it beyond chance ({shown})."
    return Verdict("even", (_sentence(said), even))


def best_baseline(record: ModelRecord, metric: str) -> tuple[str, float] | None:
    """Name and score of the best baseline."""
    found = {
        name: value
        for name, values in record.scores.get("baselines", {}).items()
        if (value := values.get(metric)) is not None
    }
    if not found:
        return None
    pick = min if metric in LOWER_IS_BETTER else max
    name = pick(found, key=lambda rival: found[rival])
    return name, found[name]


def losses(record: ModelRecord) -> list[str]:
    """One sentence for each shown metric in which a baseline is ahead of the model.

    Scores that are shown alike count as equal.
    """
    sentences = []
    for metric in record.shown_metrics:
        if metric == "ece":  # who always says the class frequencies has none, and knows nothing
            continue
        best, own = best_baseline(record, metric), record.scores["metrics"][metric]
        if best is not None:
            theirs, ours = f"{best[1]:.3f}", f"{own:.3f}"
            ahead = best[1] < own if metric in LOWER_IS_BETTER else best[1] > own
            if ahead and theirs != ours:
                sentences.append(
                    f"{readable(metric)}: {readable(best[0])} {theirs}, Polyome {ours}"
                )
    return sentences


def score_table(record: ModelRecord) -> tuple[list[str], list[tuple[str, list[tuple[str, bool]]]]]:
    """Shown metrics; for each row its name and its cells: text, and whether it is the best."""
    rows = rows_of_scores(record)
    columns = list(record.shown_metrics)
    best: dict[str, float | None] = {}
    for metric in columns:
        known = [value for v in rows.values() if (value := v.get(metric)) is not None]
        best[metric] = (min if metric in LOWER_IS_BETTER else max)(known, default=None)
    table = []
    for name, values in rows.items():
        cells = []
        for metric in columns:
            value = values.get(metric)
            cells.append(("-" if value is None else f"{value:.3f}", value == best[metric]))
        table.append((readable(name), cells))
    return columns, table


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
