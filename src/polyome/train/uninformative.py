"""Inputs that tell nothing of the target beyond chance: beside others they are not read."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import reduce

import numpy as np

from polyome._types import FloatArray, IntArray
from polyome.audit.findings import Finding
from polyome.model_folder.fitted_model import FittedModel
from polyome.outputs.base import Output
from polyome.outputs.linear import FittedLinear
from polyome.outputs.targets import Truth

SURE = 0.95
"""Proportion of resamples in which an input must lower the held-out loss to be read."""
RESAMPLES = 200
MOST_ROWS = 5000
"""Rows that are resampled; more are drawn from."""


@dataclass(frozen=True)
class Telling:
    """What an input's linear model tells.

    Attributes
    ----------
    loss : of out-of-fold predictions; None where no row was held out, or the type of answer knows
        no constant answer.
    constant : loss of one answer for all records, such as the frequencies of the classes.
    sure : proportion of resamples of the records in which the linear model's loss is lower.
    sure_beside : the same of the stacked linear models of all inputs, less this one and with it.
    """

    loss: float | None
    constant: float | None
    sure: float
    sure_beside: float = 0.0

    @property
    def is_informative(self) -> bool:
        """Whether the input tells more than chance would, by itself or beside the others."""
        return max(self.sure, self.sure_beside) >= SURE


def telling_of(
    output: Output,
    fits: Mapping[str, FittedLinear],
    name: str,
    truth: Truth,
    rows: Mapping[str, IntArray],
) -> Telling:
    """Compare an input's linear model with a constant answer, by rows that were held out.

    A bootstrap over the rows (Efron 1979, Ann Stat) says whether the difference may be chance.

    Parameters
    ----------
    fits : by input, its linear model; ``out_of_fold`` (n, c) is of all training records.
    rows : by input, int64, (m,), those that have the input and were held out.
    """
    own = _seen(fits[name], rows[name])
    constant = output.constant_outputs(truth, fits[name].out_of_fold.shape[1])
    if constant is None or not len(own):
        return Telling(None, None, 1.0)
    answers = fits[name].out_of_fold[own]
    same = np.broadcast_to(constant, (len(own), len(constant)))
    found = Telling(
        output.loss(answers, truth[own]),
        output.loss(same, truth[own]),
        _sure(output, answers, same, truth[own]),
    )
    if found.is_informative or len(fits) == 1:
        return found
    return replace(found, sure_beside=_sure_beside(output, fits, name, truth, rows))


def _sure_beside(
    output: Output,
    fits: Mapping[str, FittedLinear],
    name: str,
    truth: Truth,
    rows: Mapping[str, IntArray],
) -> float:
    """How sure it is that an input adds to the others; weights are learned on the other half."""
    both = reduce(np.intersect1d, [_seen(fits[one], rows[one]) for one in fits])
    if len(both) < 2:
        return 0.0
    half = np.random.default_rng(0).permutation(len(both)) % 2
    found = []
    others = [n for n in fits if n != name]
    for names in (others, [*others, name]):
        outputs = [fits[n].out_of_fold[both] for n in names]
        pooled = np.zeros_like(outputs[0], dtype=np.float64)
        for k in (0, 1):
            learned, answered = half != k, half == k
            start = np.array([1 / len(others)] * len(others) + [1.0])[: len(names)]
            weights = output.stacking_weights(
                [one[learned] for one in outputs], truth[both[learned]], start
            )
            pooled[answered] = output.pooled([one[answered] for one in outputs], weights)
        found.append(pooled)
    return _sure(output, found[1], found[0], truth[both])


def _sure(output: Output, own: FloatArray, other: FloatArray, truth: Truth) -> float:
    """Proportion of resamples in which some outputs, (m, c), have a lower loss than others."""
    rng = np.random.default_rng(0)
    rows = rng.permutation(len(truth))[:MOST_ROWS]
    drawn = [rows[rng.integers(0, len(rows), len(rows))] for _ in range(RESAMPLES)]
    lower = [output.loss(own[i], truth[i]) < output.loss(other[i], truth[i]) for i in drawn]
    return float(np.mean(lower))


def _seen(linear: FittedLinear, rows: IntArray) -> IntArray:
    """Those of the rows whose class the answering fold had."""
    return rows if linear.seen is None else rows[linear.seen[rows]]


def left_out(tellings: Mapping[str, Telling]) -> tuple[str, ...]:
    """Names of inputs that are not read beside others: the uninformative, if another one tells.

    Examples
    --------
    >>> left_out({"noise": Telling(1.1, 1.0, 0.1), "rna": Telling(0.4, 1.0, 1.0)})
    ('noise',)
    >>> left_out({"noise": Telling(1.1, 1.0, 0.1)})
    ()
    """
    silent = tuple(name for name, one in tellings.items() if not one.is_informative)
    return silent if len(silent) < len(tellings) else ()


def uninformative_findings(fitted: FittedModel, target: str) -> list[Finding]:
    """Warn of inputs that the model does not read beside others."""
    found = []
    for name in getattr(fitted.modality, "uninformative", ()):
        one = Telling(**fitted.facts["telling"][name])
        message = (
            f"The input '{name}' tells nothing of {target} that is beyond chance: the held-out "
            f"loss of a linear model is {one.loss:.3f}, that of the same answer for all "
            f"{one.constant:.3f}, and beside the others it adds nothing. Records that have another "
            "input are answered without it."
        )
        found.append(Finding("uninformative", "warning", message, {"input": name} | asdict(one)))
    return found
