"""A model's answer in every window along a sequence."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from threading import Lock
from typing import Any

import numpy as np
import pandas as pd

from polyome._types import FloatArray, IntArray
from polyome.io.nucleotides import Codes, Sequences, complement
from polyome.modalities.dna.records import SequenceRecords
from polyome.model.inference import CHUNK_RECORDS, answer
from polyome.model_folder.fitted_model import FittedModel


class WindowScorer:
    """Calibrated probability of one class in windows of both strands.

    Parameters
    ----------
    fitted : a model of sequences.
    index : of the class.
    stride_bp : from the start of one window to that of the next.
    max_unknown : windows with a larger share of letters that are no base are not scored.
    batch_size : windows at a time.
    """

    def __init__(
        self,
        fitted: FittedModel,
        index: int,
        *,
        stride_bp: int,
        max_unknown: float,
        batch_size: int,
    ) -> None:
        modality: Any = fitted.modality
        self.fitted = fitted
        self.index = index
        self.stride_bp = stride_bp
        self.max_unknown = max_unknown
        self.batch_size = batch_size
        self.window_bp: int = modality.length_
        self.strands: tuple[str, ...] = (".",) if modality.both_strands else ("+", "-")
        """A model that averages both strands gives one answer for them."""
        self.scored = self.cut = 0
        """Windows that got a score, and those of them whose end the model does not read."""
        self._counting = Lock()

    def num_windows(self, length: int) -> int:
        """How many windows a sequence of so many bp has on each strand."""
        return max(0, (length - self.window_bp) // self.stride_bp + 1)

    def starts(self, length: int) -> IntArray:
        """Where the windows start on the plus strand, int64 (n,)."""
        return np.arange(self.num_windows(length)) * self.stride_bp

    def score(
        self, codes: Codes, pool: Executor, advance: Callable[[int], None] = lambda _: None
    ) -> FloatArray:
        """Score all windows of a sequence.

        Parameters
        ----------
        codes : uint8, (length,), of the plus strand.
        pool : see :func:`polyome._threads.batch_threads`.
        advance : is told of bp that are done.

        Returns
        -------
        float64, (strands, n): by start on the plus strand; NaN for windows of too many N.
        """
        jobs = list(self._jobs(codes))
        scores = np.full((len(self.strands), self.num_windows(len(codes))), np.nan)
        done = 0
        for number, (strand, first, found) in enumerate(pool.map(self._run, jobs), start=1):
            scores[strand, first : first + len(found)] = found
            now_done = len(codes) * number // len(jobs)
            advance(now_done - done)
            done = now_done
        advance(len(codes) - done)
        return scores

    def _jobs(self, codes: Codes) -> Iterator[tuple[int, int, Codes]]:
        """Strand, number of the first window, and the piece that some windows lie in."""
        number = self.num_windows(len(codes))
        for first in range(0, number, CHUNK_RECORDS):
            last = min(first + CHUNK_RECORDS, number) - 1
            end = last * self.stride_bp + self.window_bp
            for strand in range(len(self.strands)):
                yield strand, first, codes[first * self.stride_bp : end]

    def _run(self, job: tuple[int, int, Codes]) -> tuple[int, int, FloatArray]:
        strand, first, piece = job
        starts = self.starts(len(piece))
        scores = np.full(len(starts), np.nan)
        rows = np.flatnonzero(self._unknown(piece, starts) <= self.max_unknown)
        if self.strands[strand] == "-":
            piece = complement(piece)[::-1]
            starts = len(piece) - self.window_bp - starts
        if len(rows):
            scores[rows] = self._probability(piece, starts[rows])
        return strand, first, scores

    def _unknown(self, piece: Codes, starts: IntArray) -> FloatArray:
        """Share of letters in each window that are no base."""
        before = np.concatenate([[0], np.cumsum((piece < 1) | (piece > 4))])
        return np.asarray((before[starts + self.window_bp] - before[starts]) / self.window_bp)

    def _probability(self, piece: Codes, starts: IntArray) -> FloatArray:
        lengths = np.full(len(starts), self.window_bp)
        table = pd.DataFrame(index=pd.RangeIndex(len(starts)))
        records = SequenceRecords(table, Sequences(piece, starts, lengths))
        fitted = self.fitted
        modality: Any = fitted.modality
        with self._counting:  # several threads score
            self.scored += len(records)
            self.cut += int(modality.is_cut(records).sum())
        raw = answer(
            fitted.model, fitted.modality, records, fitted.task.name, batch_size=self.batch_size
        )
        proba: FloatArray = fitted.output.calibrated(raw.outputs)[:, self.index]
        return proba
