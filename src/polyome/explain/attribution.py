"""How much each part of a record contributes to its answer: one method for each kind of input.

Letters are changed one by one and the whole model is asked again (in-silico mutagenesis): exact for
every path of the model, k-mer counts included, through which no gradient passes. Continuous values
are followed along a straight line from a reference (integrated gradients, Sundararajan et al. 2017,
arXiv:1703.01365), whose contributions add up to the difference of the two answers.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from polyome._errors import InputError
from polyome._progress import Progress
from polyome._types import FloatArray, IntArray, Segment
from polyome.explain.base import explained_outputs, head_of
from polyome.genome.mutagenesis import mutants
from polyome.modalities import Modality
from polyome.modalities.dna.records import SequenceRecords
from polyome.modalities.inputs import Inputs
from polyome.model_folder.fitted_model import FittedModel
from polyome.predict.predict import PredictArguments, run

CLOSE = 0.02
"""Share of the way, or of a log-odds of 1, by which contributions may miss it."""
_AT_ONCE = 4096  # points of all lines together
_FINER = (5, 25)  # times as many points for lines that are not followed closely


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


def mutagenesis(
    fitted: FittedModel,
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


@dataclass(frozen=True)
class Gradients:
    """Of the records ``rows``, b of them, along the line from their reference.

    Attributes
    ----------
    rows : int64, (b,).
    inputs : by name, float32 (b, ...), what is followed.
    slopes : by name, of the same shapes: the gradient of the answer, mean along the line.
    contributions : by name: slope times way. They add up to the answer less the reference's.
    gaps : float32, (b,), by how much they do not.
    """

    rows: IntArray
    inputs: dict[str, FloatArray]
    slopes: dict[str, FloatArray]
    contributions: dict[str, FloatArray]
    gaps: FloatArray


def integrated_gradients(
    fitted: FittedModel,
    records: Any,
    chosen: IntArray,
    references: Mapping[str, FloatArray | float],
    *,
    n_steps: int = 20,
    batch_size: int = 128,
    quiet: bool = True,
) -> Iterator[Gradients]:
    """Follow continuous inputs from a reference to each record, some records at a time.

    Parameters
    ----------
    fitted : a model whose modality encodes ``records`` as inputs of these names; of several inputs
        as ``INPUT/NAME``.
    records : n of them; of several inputs all have the same ones.
    chosen : int64, (n,), the output that each record is explained for.
    references : of each input that is followed, one number or an array (n, ...); all other inputs
        are held.
    n_steps : points of the line (Gauss-Legendre); lines on which contributions miss the way get 5
        times as many, or 25 times.
    """
    names = list(references)
    answer = _explained_of(fitted)
    with Progress("integrated gradients", len(records), quiet=quiet) as progress:
        for rows, inputs in _batches(fitted, records, batch_size):
            followed = [inputs.pop(name) for name in names]
            starts = [_reference(references[n], rows, t) for n, t in zip(names, followed)]
            held = list(inputs)
            target = torch.from_numpy(chosen[rows]).to(fitted.model.device)

            def asked(*tensors: Tensor, _names: tuple[str, ...] = (*names, *held)) -> Tensor:
                return answer(dict(zip(_names, tensors, strict=True)))

            lines = _Lines(asked, followed, starts, list(inputs.values()), target)
            slopes = lines.slopes(n_steps)
            for times in _FINER:
                off = lines.missed(slopes)
                if not len(off):
                    break
                finer = lines.of(off).slopes(times * n_steps)
                slopes = [s.index_copy(0, off, f) for s, f in zip(slopes, finer, strict=True)]
            added, gaps = lines.added(slopes), lines.gaps(slopes)
            inside, slope, sums = (
                dict(zip(names, map(_numpy, part))) for part in (followed, slopes, added)
            )
            yield Gradients(rows, inside, slope, sums, _numpy(gaps))
            progress.advance(len(rows))


class _Lines:
    """Lines from the starts to the ends of some records, b of them, and what is asked along them.

    Parameters
    ----------
    asked : ends and what is held -> answers, (b, c).
    ends, starts : the inputs that are followed, (b, ...) each.
    held : the other inputs.
    target : int64, (b,), the answer that is explained.
    """

    def __init__(
        self,
        asked: Callable[..., Tensor],
        ends: list[Tensor],
        starts: list[Tensor],
        held: list[Tensor],
        target: Tensor,
    ) -> None:
        self.asked = asked
        self.ends, self.starts, self.held, self.target = ends, starts, held, target
        with torch.no_grad():
            answers = [asked(*some, *held) for some in (ends, starts)]
        self.whole = (answers[0] - answers[1]).gather(1, target[:, None])[:, 0]

    def of(self, rows: Tensor) -> "_Lines":
        """Lines of some of the records."""
        ends, starts, held = (
            [tensor[rows] for tensor in part] for part in (self.ends, self.starts, self.held)
        )
        return _Lines(self.asked, ends, starts, held, self.target[rows])

    def slopes(self, n_steps: int) -> list[Tensor]:
        """Mean gradient along the lines, by input."""
        method = _captum().IntegratedGradients(self.asked, multiply_by_inputs=False)
        return list(
            method.attribute(
                tuple(self.ends),
                tuple(self.starts),
                target=self.target,
                additional_forward_args=tuple(self.held),
                n_steps=n_steps,
                internal_batch_size=_AT_ONCE,
            )
        )

    def added(self, slopes: list[Tensor]) -> list[Tensor]:
        """Slope times way, by input."""
        return [s * (e - b) for s, e, b in zip(slopes, self.ends, self.starts, strict=True)]

    def gaps(self, slopes: list[Tensor]) -> Tensor:
        """What contributions add up to, less the difference of the answers, (b,)."""
        parts = [part.flatten(1).sum(dim=1) for part in self.added(slopes)]
        return torch.stack(parts).sum(dim=0) - self.whole

    def missed(self, slopes: list[Tensor]) -> Tensor:
        """Which lines are not followed closely, int64."""
        allowed = CLOSE * self.whole.abs().clamp(min=1)
        return (self.gaps(slopes).abs() > allowed).nonzero()[:, 0]


def _reference(reference: FloatArray | float, rows: IntArray, like: Tensor) -> Tensor:
    """The start of the line for some records, in the shape of their inputs."""
    if isinstance(reference, np.ndarray):
        reference = reference[rows]
    return torch.as_tensor(reference, dtype=like.dtype, device=like.device).expand_as(like)


def _batches(
    fitted: FittedModel,
    records: Any,
    batch_size: int,
) -> Iterator[tuple[IntArray, dict[str, Tensor]]]:
    """Rows of the records and their collated inputs, on the model's device."""
    modality, device = fitted.modality, fitted.model.device
    records = modality.prepare(records)
    for start in range(0, len(records), batch_size):
        rows = np.arange(start, min(start + batch_size, len(records)))
        segments = modality.segments(records.take(rows))
        yield (
            rows,
            {
                _key(modality, name, key): tensor.to(device)
                for name, segment in segments.items()
                for key, tensor in segment["inputs"].items()
            },
        )


def _key(modality: Modality, name: str, key: str) -> str:
    """What one of a batch's tensors is called: with several inputs it needs theirs, too."""
    return f"{name}/{key}" if isinstance(modality, Inputs) else key


@torch.no_grad()
def proba_of_values(
    fitted: FittedModel,
    records: Any,
    values: FloatArray,
    *,
    batch_size: int = 4096,
) -> FloatArray:
    """Calibrated probabilities of cells whose z-scores are others, (n, g) -> float64 (n, c)."""
    answer = _outputs_of(fitted)
    parts = []
    for rows, inputs in _batches(fitted, records, batch_size):
        changed = torch.from_numpy(values[rows]).to(fitted.model.device)
        parts.append(answer(inputs | {"values": changed}))
    return fitted.output.calibrated(torch.cat(parts).float().cpu().numpy())


def _explained_of(fitted: FittedModel) -> Callable[[dict[str, Tensor]], Tensor]:
    """What is explained, as a function of a modality's inputs: (b, ...) -> (b, c)."""
    explained, answer = head_of(fitted).explained, _outputs_of(fitted)
    return lambda inputs: explained(fitted.output.scaled(answer(inputs)))


def _outputs_of(fitted: FittedModel) -> Callable[[dict[str, Tensor]], Tensor]:
    """The model as a function of a modality's inputs: (b, ...) -> (b, c)."""
    model, modality, head = fitted.model.eval(), fitted.modality, fitted.task.name

    def answer(inputs: dict[str, Tensor]) -> Tensor:
        size = len(next(iter(inputs.values())))
        rows = torch.arange(size, device=model.device)
        segments: dict[str, Segment] = {}
        for name in modality.inputs():
            start = _key(modality, name, "")
            own = {k.removeprefix(start): t for k, t in inputs.items() if k.startswith(start)}
            if own:
                segments[name] = Segment(rows=rows, inputs=own)
        outputs: Tensor = model(size=size, segments=segments).outputs[head]
        return outputs

    return answer


def _numpy(tensor: Tensor) -> FloatArray:
    array: FloatArray = tensor.detach().float().cpu().numpy()
    return array


def _captum() -> Any:  # a module without types
    try:
        from captum import attr
    except ImportError as error:
        message = (
            "integrated gradients are computed with captum, which is absent. "
            "Run: pip install 'polyome[explain]'"
        )
        raise InputError(message) from error
    return attr
