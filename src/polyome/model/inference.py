"""Running a model over records, a batch at a time."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import numpy as np
import torch

from polyome._errors import InputError, listed
from polyome._threads import batch_threads
from polyome._types import FloatArray, IntArray, Segment
from polyome.modalities import Modality
from polyome.modalities.base import Records
from polyome.model.modeling import PolyomeModel

CHUNK_RECORDS = 4096  # read from a file at a time


@dataclass(frozen=True)
class RawOutputs:
    """What a model gives before calibration.

    Attributes
    ----------
    outputs : float32, (n, c), of one head: log-probabilities, or values in training units.
    representation : float32, (n, e * d).
    ood_features : float32, (n, k), features in which distance tells unseen kinds.
    """

    outputs: FloatArray
    representation: FloatArray
    ood_features: FloatArray


def pick_device(device: str) -> torch.device:
    """Turn ``auto``, ``cpu``, ``cuda`` or ``mps`` into a device that is there.

    Examples
    --------
    >>> pick_device("cpu")
    device(type='cpu')
    """
    check_device(device)
    if device != "auto":
        return torch.device(device)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def check_device(device: str) -> None:
    """Refuse a device that this computer lacks, before work starts."""
    there = {
        "auto": True,
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if not there.get(device, False):
        why = "is not on this computer" if device in there else "is not known"
        message = f"device '{device}' {why}. Use one of {listed(d for d in there if there[d])}."
        raise InputError(message)


def answer(
    model: PolyomeModel, modality: Modality, records: Records, head: str, *, batch_size: int = 256
) -> RawOutputs:
    """Answer all records; the batch size changes only the speed."""
    if not len(records):
        empty = np.zeros((0, 0), np.float32)
        return RawOutputs(empty, empty, empty)
    parts = list(_batches(model, modality, records, head, batch_size))
    return RawOutputs(
        **{
            f.name: np.concatenate([getattr(part, f.name) for part in parts])
            for f in fields(RawOutputs)
        }
    )


def _batches(
    model: PolyomeModel, modality: Modality, records: Records, head: str, batch_size: int
) -> Iterator[RawOutputs]:
    model.eval()
    path = features_of(model, head)
    with batch_threads(model.device) as pool:
        under_way: Iterable[RawOutputs] = ()
        for chunk_start in range(0, len(records), CHUNK_RECORDS):
            chunk = np.arange(chunk_start, min(chunk_start + CHUNK_RECORDS, len(records)))
            prepared = modality.prepare(records.take(chunk))  # while the last chunk is answered
            yield from under_way
            starts = range(0, len(chunk), batch_size)
            batches = (np.arange(s, min(s + batch_size, len(chunk))) for s in starts)
            under_way = pool.map(
                partial(_answer_rows, model, modality, prepared, head, path), batches
            )
        yield from under_way


def features_of(model: PolyomeModel, head: str) -> dict[str, Any]:
    """What the linear model of each input reads, sorted by input."""
    if head not in model.linear:
        return {}
    beside: Any = model.linear[head]
    return {name: beside.parts[name].features for name in beside.names}


@torch.inference_mode()
def _answer_rows(
    model: PolyomeModel,
    modality: Modality,
    prepared: Records,
    head: str,
    path: Any,
    rows: IntArray,
) -> RawOutputs:
    views = modality.views(prepared.take(rows))
    return _mean([_answer_batch(model, modality, view, head, path) for view in views])


def _answer_batch(
    model: PolyomeModel,
    modality: Modality,
    records: Records,
    head: str,
    path: Any,
) -> RawOutputs:
    segments = on_device(modality.segments(records), model.device)
    result = model(size=len(records), segments=segments)
    ood_features = _ood_features(path, segments, len(records))
    return RawOutputs(
        outputs=_numpy(result.outputs[head]),
        representation=_numpy(result.representation),
        ood_features=_numpy(result.representation if ood_features is None else ood_features),
    )


def _ood_features(
    path: dict[str, Any], segments: dict[str, Segment], size: int
) -> torch.Tensor | None:
    """Features in which distance tells unknown records, (b, k), of all inputs side by side.

    NaN where a record lacks the input; None where no input has such features.
    """
    found = []
    for name, features in path.items():
        if not features.has_ood_features:
            continue
        if name not in segments:
            device = next(features.buffers()).device
            found.append(torch.full((size, features.num_ood_features), torch.nan, device=device))
            continue
        rows, own = segments[name]["rows"], features.ood_features(**segments[name]["inputs"])
        if len(rows) < size:
            own = own.new_full((size, own.shape[1]), torch.nan).index_copy(0, rows, own)
        found.append(own)
    return torch.cat(found, dim=1) if found else None


def on_device(segments: dict[str, Segment], device: torch.device) -> dict[str, Segment]:
    """Bring a batch to where the model is."""
    return {
        name: Segment(
            rows=segment["rows"].to(device),
            inputs={key: tensor.to(device) for key, tensor in segment["inputs"].items()},
        )
        for name, segment in segments.items()
    }


def _mean(views: list[RawOutputs]) -> RawOutputs:
    """Average what a model gives for several views of the same records."""
    if len(views) == 1:
        return views[0]
    return RawOutputs(
        **{
            f.name: np.mean([getattr(view, f.name) for view in views], axis=0)
            for f in fields(RawOutputs)
        }
    )


def _numpy(tensor: torch.Tensor) -> FloatArray:
    array: FloatArray = tensor.float().cpu().numpy()
    return array
