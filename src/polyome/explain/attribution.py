"""How much each part of a record contributes to its answer: one method for each kind of input.

Letters are changed one by one and the whole model is asked again (in-silico mutagenesis): exact for
every path of the model, k-mer counts included, through which no gradient passes. Continuous values
are followed along a straight line from a reference (integrated gradients, Sundararajan et al. 2017,
arXiv:1703.01365), whose contributions add up to the difference of the two answers.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from polyome._errors import InputError
from polyome._progress import Progress
from polyome._types import FloatArray, IntArray, Segment
from polyome.explain.base import explained_outputs, head_of
from polyome.modalities.sequence_records import SequenceRecords
from polyome.predict.mutagenesis import mutants
from polyome.predict.predict import PredictArguments, run
from polyome.train.calibrate import calibrated
from polyome.train.fitted import Fitted

_AT_ONCE = 4096  # steps of all cells together


@dataclass(frozen=True)
class Mutagenesis:
    """What every single change of a letter does to the answer.

    Attributes
    ----------
    effects : float32, (n, length, 4): the answer with A, C, G or T at a place less the answer as it
        is; 0 for the letter that stands there, NaN where there is none.
    explained : float32, (n,): the answer as it is.
    """

    effects: FloatArray
    explained: FloatArray

    @property
    def hypothetical(self) -> FloatArray:
        """Effect of each letter less the mean of the four, float32 (n, length, 4)."""
        centred: FloatArray = self.effects - self.effects.mean(axis=2, keepdims=True)
        return centred


def mutagenesis(
    fitted: Fitted,
    records: SequenceRecords,
    chosen: IntArray,
    *,
    batch_size: int = 256,
    quiet: bool = True,
) -> Mutagenesis:
    """Change every letter of every sequence to each of the other three, and ask the model.

    Parameters
    ----------
    fitted : a model of sequences.
    records : n sequences of any lengths.
    chosen : int64, (n,), the output that each is explained for.
    """
    raw = run(fitted, records, PredictArguments(batch_size=batch_size))
    explained = explained_outputs(fitted, raw)[np.arange(len(records)), chosen]
    lengths = records.dna.lengths
    is_letter = np.arange(int(lengths.max(initial=0))) < lengths[:, None]
    effects = np.repeat(np.where(is_letter, np.float32(0), np.float32(np.nan))[..., None], 4, 2)
    with Progress("mutagenesis", len(records), quiet=quiet) as progress:
        for rows, places, bases, asked in mutants(records):
            answers = run(fitted, asked, PredictArguments(batch_size=batch_size))
            found = explained_outputs(fitted, answers)[np.arange(len(rows)), chosen[rows]]
            effects[rows, places, bases] = found - explained[rows]
            progress.advance(int(rows.max()) + 1 - progress.done)
    return Mutagenesis(effects, explained)


def integrated_gradients(
    fitted: Fitted,
    values: FloatArray,
    chosen: IntArray,
    *,
    n_steps: int = 20,
    batch_size: int = 128,
    quiet: bool = True,
) -> tuple[FloatArray, FloatArray]:
    """Contribution of each standardised value, against the reference where all of them are 0.

    Parameters
    ----------
    fitted : a model whose modality gives ``values``, (n, g).
    values : float32, (n, g).
    chosen : int64, (n,), the output that each record is explained for.
    n_steps : points of the line from the reference to the record (Gauss-Legendre).

    Returns
    -------
    contributions : float32, (n, g). They add up to the answer less the reference's.
    gaps : float32, (n,), by how much they do not.
    """
    method = _captum().IntegratedGradients(_explained_of(fitted))
    found, gaps = [np.zeros((0, values.shape[1]), np.float32)], [np.zeros(0, np.float32)]
    with Progress("integrated gradients", len(values), quiet=quiet) as progress:
        for start in range(0, len(values), batch_size):
            some = torch.from_numpy(np.ascontiguousarray(values[start : start + batch_size]))
            contributions, gap = method.attribute(
                some.to(fitted.model.device),
                target=torch.from_numpy(chosen[start : start + batch_size]),
                n_steps=n_steps,
                internal_batch_size=_AT_ONCE,
                return_convergence_delta=True,
            )
            found.append(contributions.float().cpu().numpy())
            gaps.append(gap.float().cpu().numpy())
            progress.advance(len(some))
    return np.concatenate(found), np.concatenate(gaps)


@torch.no_grad()
def proba_of_values(fitted: Fitted, values: FloatArray, *, batch_size: int = 4096) -> FloatArray:
    """Calibrated probabilities of standardised values, (n, g) -> float64 (n, c)."""
    answer = _outputs_of(fitted)
    parts = [
        answer(torch.from_numpy(values[start : start + batch_size]).to(fitted.model.device))
        for start in range(0, len(values), batch_size)
    ]
    return calibrated(torch.cat(parts).float().cpu().numpy(), fitted.temperature)


def _explained_of(fitted: Fitted) -> Any:  # noqa: ANN401
    """What is explained, as a function of standardised values: (b, g) -> (b, c)."""
    explained, answer = head_of(fitted).explained, _outputs_of(fitted)
    return lambda values: explained(answer(values) / fitted.temperature)


def _outputs_of(fitted: Fitted) -> Any:  # noqa: ANN401
    """The model as a function of standardised values: (b, g) -> (b, c)."""
    model, name, head = fitted.model.eval(), fitted.modality.name, fitted.task.name

    def answer(values: Tensor) -> Tensor:
        rows = torch.arange(len(values), device=values.device)
        segments = {name: Segment(rows=rows, inputs={"values": values})}
        outputs: Tensor = model(size=len(values), segments=segments).outputs[head]
        return outputs

    return answer


def _captum() -> Any:  # noqa: ANN401 - a module without types
    try:
        from captum import attr
    except ImportError as error:
        message = (
            "integrated gradients are computed with captum, which is absent. "
            "Run: pip install 'polyome[explain]'"
        )
        raise InputError(message) from error
    return attr
