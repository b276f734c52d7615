"""Inputs that tell nothing of the target by themselves: beside others they are not read."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from polyome._types import IntArray
from polyome.audit.findings import Finding
from polyome.model_folder.fitted_model import FittedModel
from polyome.outputs.base import Output
from polyome.outputs.linear import FittedLinear
from polyome.outputs.targets import Truth

SURE = 0.95
"""Proportion of resamples in which an input must lower the held-out loss to be read."""
RESAMPLES = 200


@dataclass(frozen=True)
class Telling:
    """What an input's linear model tells.

    Attributes
    ----------
    loss : of out-of-fold predictions.
    constant : loss of one answer for all records, such as the frequencies of the classes.
    sure : proportion of resamples of the records in which the linear model's loss is lower.
    """

    loss: float
    constant: float
    sure: float

    @property
    def is_informative(self) -> bool:
        """Whether the input tells more than chance would."""
        return self.sure >= SURE


def telling_of(output: Output, linear: FittedLinear, truth: Truth, rows: IntArray) -> Telling:
    """Compare an input's linear model with a constant answer, by rows that were held out.

    A bootstrap over the rows (Efron 1979, Ann Stat) says whether the difference may be chance.

    Parameters
    ----------
    linear : ``out_of_fold`` (n, c) is of all training records.
    rows : int64, (m,), those that have the input and were held out.
    """
    if linear.seen is not None:
        rows = rows[linear.seen[rows]]
    constant = output.constant_outputs(truth, linear.out_of_fold.shape[1])
    if constant is None or not len(rows):
        return Telling(np.nan, np.nan, 1.0)
    same = np.broadcast_to(constant, (len(rows), len(constant)))
    answers, known = linear.out_of_fold[rows], truth[rows]

    def losses(chosen: IntArray) -> tuple[float, float]:
        return output.loss(answers[chosen], known[chosen]), output.loss(same[chosen], known[chosen])

    rng = np.random.default_rng(0)
    drawn = [losses(rng.integers(0, len(rows), len(rows))) for _ in range(RESAMPLES)]
    own, other = losses(np.arange(len(rows)))
    return Telling(own, other, float(np.mean([a < b for a, b in drawn])))


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
            f"The input '{name}' tells nothing of {target} by itself: the held-out loss of a "
            f"linear model is {one.loss:.3f}, that of the same answer for all {one.constant:.3f}. "
            "Records that have another input are answered without it."
        )
        found.append(Finding("uninformative", "warning", message, {"input": name} | asdict(one)))
    return found
