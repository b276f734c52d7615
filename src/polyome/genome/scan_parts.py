"""What is done of an unfinished scan, so that it can go on."""

import hashlib
import json
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from polyome._types import FloatArray, IntArray
from polyome.io.files import written_aside
from polyome.io.nucleotides import Codes
from polyome.model_folder.fitted_model import FittedModel

_KEY = "scan.json"


@dataclass(frozen=True)
class Part:
    """What was found in one sequence.

    Attributes
    ----------
    starts : int64, (k,), of hits.
    strands : int64, (k,), positions in the scorer's strands.
    probability, prominence : float64, (k,).
    track : float32, (n,), the larger probability of both strands at each window; (0,) where no
        track is wanted.
    """

    starts: IntArray
    strands: IntArray
    probability: FloatArray
    prominence: FloatArray
    track: FloatArray


class Parts:
    """A folder with the parts of a scan that are done.

    Parameters
    ----------
    folder : made by :meth:`open`.

    Examples
    --------
    >>> import tempfile
    >>> parts = Parts(Path(tempfile.mkdtemp()) / ".hits.bed.parts")
    >>> parts.open({"threshold": 0.5}, resume=True)
    ()
    >>> one, score = np.array([3]), np.array([0.9])
    >>> found = Part(one, one, score, score, np.zeros(0, np.float32))
    >>> codes = np.array([1, 2, 3], np.uint8)
    >>> parts.get(0, codes, lambda codes: found).starts
    array([3])
    >>> again = Parts(parts.folder)
    >>> again.open({"threshold": 0.5}, resume=True)
    ('1 sequence was scanned before the interruption and is not scanned again.',)
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._paths: list[Path] = []

    def open(self, settings: dict[str, Any], *, resume: bool) -> tuple[str, ...]:
        """Keep the parts that are there if they were made with these settings; else begin anew.

        Returns
        -------
        Notes for the user.
        """
        key = json.dumps(settings, sort_keys=True, default=str)
        path = self.folder / _KEY
        is_same = path.is_file() and path.read_text() == key
        if resume and is_same:
            done = sum(1 for _ in self.folder.glob("*.npz"))
            were = "sequence was" if done == 1 else "sequences were"
            again = "is" if done == 1 else "are"
            return (
                f"{done:,} {were} scanned before the interruption and {again} not scanned again.",
            )
        notes: tuple[str, ...] = ()
        if resume and path.is_file():
            notes = ("the interrupted scan had another model or settings; all is scanned anew.",)
        self.remove()
        self.folder.mkdir()
        path.write_text(key)
        return notes

    def get(self, number: int, codes: Codes, scan: Callable[[Codes], Part]) -> Part:
        """Read the part of a sequence if it is there, else scan it and keep the part.

        Parameters
        ----------
        number : of the sequence in the genome.
        codes : its letters; the part of other letters is not used.
        """
        path = self.folder / f"{number:06d}-{len(codes)}-{zlib.crc32(codes.tobytes()):08x}.npz"
        self._paths.append(path)
        part = _read(path)
        if part is None:
            part = scan(codes)
            with written_aside(path) as aside:
                np.savez(aside, **asdict(part))
        return part

    def tracks(self) -> Iterator[FloatArray]:
        """Yield the tracks of all sequences, in order, one in memory at a time."""
        for path in self._paths:
            with np.load(path) as arrays:
                yield arrays["track"]

    def remove(self) -> None:
        """Remove the folder, when the scan is whole or another begins."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _read(path: Path) -> Part | None:
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file, np.load(file) as arrays:
            return Part(**{name: arrays[name] for name in arrays})
    except (OSError, EOFError, ValueError, TypeError, KeyError, zlib.error, zipfile.BadZipFile):
        return None  # cut short or damaged: scanned again


def model_digest(fitted: FittedModel) -> str:
    """Tell models apart by all that their answers depend on."""
    digest = hashlib.sha256()
    settings, arrays = fitted.modality.state()
    calibration, learned = fitted.output.state()
    arrays = arrays | {f"output.{name}": array for name, array in learned.items()}
    said = [fitted.model.config.to_json_string(), settings, fitted.classes, calibration]
    digest.update(json.dumps(said, sort_keys=True, default=str).encode())
    tensors = {name: tensor.cpu().numpy() for name, tensor in fitted.model.state_dict().items()}
    for name, array in sorted((tensors | arrays).items()):
        digest.update(name.encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
