"""Uninformative inputs: beside others they are not read."""

from collections.abc import Mapping, Sequence
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
class Informativeness:
    """How much better than a constant answer an input's linear model is, and how surely.

    Attributes
    ----------
    loss : of out-of-fold predictions; None where no row was held out, or the output type knows no
        constant answer.
    constant : loss of one answer for all records, such as the frequencies of the classes.
    sure : proportion of resamples of the records in which the linear model's loss is lower.
    sure_beside : the same of the stacked linear models of all inputs, with and without this one.
    """

    loss: float | None
    constant: float | None
    sure: float
    sure_beside: float = 0.0

    @property
    def is_informative(self) -> bool:
        """Whether the input lowers the loss beyond chance, alone or beside the others."""
        return max(self.sure, self.sure_beside) >= SURE


@dataclass(frozen=True)
class HeldOutLinear:
    """Linear models of all inputs, and rows to compare them by.

    Attributes
    ----------
    output : the output type, whose loss counts.
    fits : by input, its linear model; ``out_of_fold`` (n, c) is of all training records.
    rows : by input, int64, (m,), those that have the input and were held out.
    truth : of all training records.
    """

    output: Output
    fits: Mapping[str, FittedLinear]
    rows: Mapping[str, IntArray]
    truth: Truth

    def informativeness(self, name: str) -> Informativeness:
        """Compare an input's linear model with a constant answer, and with the other inputs.

        A bootstrap over the rows (Efron 1979, Ann Stat) says whether the difference may be chance.
        """
        rows, outputs = self._seen(name), self.fits[name].out_of_fold
        constant = self.output.constant_outputs(self.truth, outputs.shape[1])
        if constant is None or not len(rows):
            return Informativeness(None, None, 1.0)
        same = np.broadcast_to(constant, (len(rows), len(constant)))
        found = Informativeness(
            self.output.loss(outputs[rows], self.truth[rows]),
            self.output.loss(same, self.truth[rows]),
            self._sure(outputs[rows], same, rows),
        )
        if found.is_informative or len(self.fits) == 1:
            return found
        return replace(found, sure_beside=self._sure_beside(name))

    def _sure_beside(self, name: str) -> float:
        """How sure it is that an input adds to the others, by rows that have all."""
        rows = reduce(np.intersect1d, [self._seen(one) for one in self.fits])
        if len(rows) < 2:
            return 0.0
        others = [one for one in self.fits if one != name]
        start = np.array([1 / len(others)] * len(others) + [1.0])
        without = self._stacked(others, rows, start[:-1])
        return self._sure(self._stacked([*others, name], rows, start), without, rows)

    def _stacked(self, names: Sequence[str], rows: IntArray, start: FloatArray) -> FloatArray:
        """Stacked outputs, (m, c); each half of the rows by weights learned on the other."""
        outputs = [self.fits[name].out_of_fold[rows] for name in names]
        half = np.random.default_rng(0).permutation(len(rows)) % 2
        found = np.zeros_like(outputs[0], dtype=np.float64)
        for part in (half == 0, half == 1):
            learned = [one[~part] for one in outputs]
            weights = self.output.stacking_weights(learned, self.truth[rows[~part]], start)
            found[part] = self.output.pooled([one[part] for one in outputs], weights)
        return found

    def _sure(self, own: FloatArray, other: FloatArray, rows: IntArray) -> float:
        """Proportion of resamples in which some outputs, (m, c), have a lower loss than others."""
        truth, loss = self.truth[rows], self.output.loss
        rng = np.random.default_rng(0)
        some = rng.permutation(len(rows))[:MOST_ROWS]
        drawn = [some[rng.integers(0, len(some), len(some))] for _ in range(RESAMPLES)]
        return float(np.mean([loss(own[i], truth[i]) < loss(other[i], truth[i]) for i in drawn]))

    def _seen(self, name: str) -> IntArray:
        """Rows held out whose class the fold that predicts them had."""
        rows, seen = self.rows[name], self.fits[name].seen
        return rows if seen is None else rows[seen[rows]]


def uninformative_of(inputs: Mapping[str, Informativeness]) -> tuple[str, ...]:
    """Names of inputs that are not read beside others: the uninformative, unless all are.

    Examples
    --------
    >>> noise, rna = Informativeness(1.1, 1.0, 0.1), Informativeness(0.4, 1.0, 1.0)
    >>> uninformative_of({"noise": noise, "rna": rna}), uninformative_of({"noise": noise})
    (('noise',), ())
    """
    found = tuple(name for name, one in inputs.items() if not one.is_informative)
    return found if len(found) < len(inputs) else ()


def uninformative_findings(fitted: FittedModel, target: str) -> list[Finding]:
    """Warn of inputs that the model does not read beside others."""
    found = []
    for name in getattr(fitted.modality, "uninformative", ()):
        one = Informativeness(**fitted.facts["informativeness"][name])
        message = (
            f"The input '{name}' tells nothing of {target} that is beyond chance: the held-out "
            f"loss of a linear model is {one.loss:.3f}, that of the same answer for all "
            f"{one.constant:.3f}, and beside the others it adds nothing. Records that have another "
            "input are answered without it."
        )
        found.append(Finding("uninformative", "warning", message, {"input": name} | asdict(one)))
    return found
