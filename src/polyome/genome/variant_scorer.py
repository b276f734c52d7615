"""Scores of variants, many windows at a time, and why some have none."""

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from polyome._errors import InputError, listed
from polyome._types import BoolArray, FloatArray
from polyome.genome.scan_arguments import ScanArguments
from polyome.genome.variant_windows import (
    Window,
    Windows,
    allele_leaves,
    reference_state,
    window_around,
    window_text,
)
from polyome.io.genome import Genome
from polyome.io.nucleotides import Sequences
from polyome.io.vcf import Variant, is_spelled
from polyome.modalities.dna.records import SequenceRecords
from polyome.model.inference import answer
from polyome.model_folder.fitted_model import FittedModel

REASONS = {
    "scored": "variants with a score",
    "reference_mismatch": "REF is not what the genome has there, or beyond its end; not scored",
    "unknown_contig": "the genome has no such sequence; not scored",
    "outside_windows": "no window holds the variant; not scored",
    "no_alternative": "ALT is missing; not scored",
    "star_allele": "alleles that an upstream deletion removes (*); '.' in their place",
    "symbolic_allele": "alleles that are not letters of DNA (<DEL>, breakends); '.' in their place",
    "at_edge": "scored, though a window reaches beyond its chromosome (N is read there) or "
    "the variant, or a long allele, beyond the window",
    "ambiguous_reference": "scored, though the genome has an ambiguity code (such as R) there; the "
    "base of REF is read",
    "cut_tokens": "scored, though a window has more tokens than the backbone reads: its end is not "
    "read",
    "unknown_letters": "scored, though more than a tenth of the window is N or another letter that "
    "is no base",
}
"""What a variant's ``POLYOME_NOTE`` may say; what is counted at the end."""


@dataclass
class VariantResult:
    """What was done, with the counts of :data:`REASONS` and notes for the user."""

    variants: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    is_sorted: bool = True
    warnings: tuple[str, ...] = ()

    @property
    def notes(self) -> list[str]:
        """Counts and what they mean, ready to print."""
        lines = [*self.warnings, f"{self.variants:,} variants"]
        found = [name for name in REASONS if self.counts[name]]
        lines += [f"{self.counts[name]:,} {name}: {REASONS[name]}" for name in found]
        if not self.is_sorted:
            lines.append("the file is not sorted by position; its order was kept, without an index")
        return lines


@dataclass(frozen=True)
class _Scores:
    """Of one variant, in the window with the largest effect."""

    window: Window
    reference: FloatArray  # (c,)
    alternatives: dict[int, FloatArray]  # by place in ALT, (c,)


@dataclass(frozen=True)
class _Plan:
    """A window of a variant, and which texts are read in it: rows to be averaged."""

    window: Window
    reference: list[int]
    alternatives: dict[int, list[int]]  # by place in ALT


def field_names(fitted: FittedModel) -> list[str]:
    """Targets as parts of INFO keys."""
    names = [re.sub(r"[^A-Za-z0-9_.]", "_", name) for name in fitted.classes]
    if len(set(names)) < len(names):
        message = f"targets {listed(fitted.classes)} have one name in INFO; rename them and fit."
        raise InputError(message)
    return names


def described(fitted: FittedModel) -> dict[str, tuple[str, str, str]]:
    """INFO fields that scored variants may have: by ID, Number, Type and Description."""
    found: dict[str, tuple[str, str, str]] = {}
    for name in field_names(fitted):
        what = f"of {name} by a Polyome model of the task {fitted.task.name}"
        found[f"POLYOME_REF_{name}"] = ("1", "Float", f"Predicted value {what}, with REF")
        found[f"POLYOME_ALT_{name}"] = ("A", "Float", f"Predicted value {what}, with each ALT")
        found[f"POLYOME_DIFF_{name}"] = ("A", "Float", f"ALT less REF {what}")
    window = "Window of the score: its name, or chrom:start-end, 0-based and half-open"
    found["POLYOME_WINDOW"] = ("1", "String", window)
    found["POLYOME_NOTE"] = (".", "String", "Why an allele has no score, or how far it counts")
    return found


class VariantScorer:
    """Scores variants, many windows at a time."""

    def __init__(
        self,
        fitted: FittedModel,
        genome: Genome,
        windows: Windows | None,
        *,
        batch_size: int,
        shifts: tuple[int, ...] = (0,),
        average_strands: bool = False,
    ) -> None:
        self.fitted, self.genome, self.windows = fitted, genome, windows
        self.batch_size = batch_size
        self.shifts, self.average_strands = shifts, average_strands
        self.names = field_names(fitted)
        self.described = described(fitted)
        modality: Any = fitted.modality
        self.length: int = modality.length_

    def scored(self, chunk: list[Variant], result: VariantResult) -> list[str]:
        """Lines of a chunk, with their INFO; counts go into the result."""
        reasons = [self._reason(variant) for variant in chunk]
        texts: dict[tuple[str, int], int] = {}
        plans = [
            [] if reason else self._planned(variant, texts)
            for variant, reason in zip(chunk, reasons, strict=True)
        ]
        answers = self._answers(list(texts))
        cut = self._cut(list(texts))
        lines = []
        for variant, reason, plan in zip(chunk, reasons, plans, strict=True):
            notes = [reason] if reason else self._allele_notes(variant)
            values = {}
            if not reason:
                best = self._best(plan, answers)
                if best is None:
                    notes = notes or ["outside_windows"]
                else:
                    values = self._values(variant, best)
                    notes += self._window_notes(variant, best.window, plan, cut)
            result.variants += 1
            result.counts.update([*notes, *(["scored"] if values else [])])
            if notes:
                values["POLYOME_NOTE"] = ",".join(dict.fromkeys(notes))
            lines.append(variant.with_info(values, self.described))
        return lines

    def _reason(self, variant: Variant) -> str | None:
        """Why a variant is not scored at all."""
        if self.genome.find(variant.chrom) is None:
            return "unknown_contig"
        if reference_state(self.genome, variant) == "different":
            return "reference_mismatch"
        if not variant.alternatives:
            return "no_alternative"
        if self.windows is not None and not self.windows.over(variant):
            return "outside_windows"
        return None

    @staticmethod
    def _allele_notes(variant: Variant) -> list[str]:
        """One note for each allele that has no letters."""
        others = [allele for allele in variant.alternatives if not is_spelled(allele)]
        return ["star_allele" if allele == "*" else "symbolic_allele" for allele in others]

    def _window_notes(
        self, variant: Variant, window: Window, plan: list[_Plan], cut: BoolArray
    ) -> list[str]:
        """What to know of a score in this window; ``cut`` is of each text."""
        notes = []
        if reference_state(self.genome, variant) != "same":
            notes.append("ambiguous_reference")
        if self._at_edge(variant, window):
            notes.append("at_edge")
        elif self._is_unknown(variant, window):
            notes.append("unknown_letters")
        own = [one for one in plan if one.window == window]
        read = [row for one in own for row in sum(one.alternatives.values(), one.reference)]
        return [*notes, "cut_tokens"] if cut[read].any() else notes

    def _planned(self, variant: Variant, texts: dict[tuple[str, int], int]) -> list[_Plan]:
        """Places in ``texts`` of each window with REF and with each ALT; new ones are added."""
        spelled = {i: a for i, a in enumerate(variant.alternatives) if is_spelled(a)}
        if not spelled:
            return []
        windows = (
            [window_around(variant, self.length)]
            if self.windows is None
            else self.windows.over(variant)
        )

        def places(window: Window, allele: str) -> list[int]:
            found = [
                (window_text(self.genome, variant, one, allele), window.row)
                for one in self._views(window)
            ]
            return [texts.setdefault(text, len(texts)) for text in found]

        return [
            _Plan(w, places(w, variant.reference), {i: places(w, a) for i, a in spelled.items()})
            for w in windows
        ]

    def _views(self, window: Window) -> list[Window]:
        """The windows whose answers are averaged: shifted, and on both strands."""
        strands = [False, True] if self.average_strands else [window.is_minus]
        return [
            replace(window, start=window.start + bp, end=window.end + bp, is_minus=is_minus)
            for bp in self.shifts
            for is_minus in strands
        ]

    def _answers(self, texts: list[tuple[str, int]]) -> FloatArray:
        """What the model says of each text, (n, c)."""
        fitted = self.fitted
        dna = Sequences.from_text([text for text, _ in texts])
        table = self._table([row for _, row in texts])
        if not texts:
            return np.zeros((0, len(fitted.classes)))
        outputs = answer(
            fitted.model,
            fitted.modality,
            SequenceRecords(table, dna),
            fitted.task.name,
            batch_size=self.batch_size,
        ).outputs
        return fitted.output.calibrated(outputs)

    def _cut(self, texts: list[tuple[str, int]]) -> BoolArray:
        """Which texts have ends that the model does not read, bool (n,)."""
        modality: Any = self.fitted.modality
        dna = Sequences.from_text([text for text, _ in texts])
        table = pd.DataFrame(index=pd.RangeIndex(len(texts)))
        return modality.is_cut(SequenceRecords(table, dna))

    def _table(self, rows: list[int]) -> pd.DataFrame:
        """What comes with each text beside its letters: the numbers of its window, if any."""
        modality: Any = self.fitted.modality
        if self.windows is None or not modality.numbers:
            return pd.DataFrame(index=pd.RangeIndex(len(rows)))
        return self.windows.table[modality.numbers].iloc[rows].reset_index(drop=True)

    @staticmethod
    def _best(plan: list[_Plan], answers: FloatArray) -> _Scores | None:
        """The window in which some allele changes some target most."""
        found, most = None, -1.0
        for one in plan:
            reference = answers[one.reference].mean(axis=0)
            values = {i: answers[rows].mean(axis=0) for i, rows in one.alternatives.items()}
            effect = max(float(np.abs(v - reference).max()) for v in values.values())
            if effect > most:
                found, most = _Scores(one.window, reference, values), effect
        return found

    def _values(self, variant: Variant, scores: _Scores) -> dict[str, str]:
        """INFO of a variant that was scored."""
        found = {}
        places = range(len(variant.alternatives))
        for k, name in enumerate(self.names):
            reference = float(scores.reference[k])
            alts = [scores.alternatives.get(i) for i in places]
            found[f"POLYOME_REF_{name}"] = f"{reference:.6g}"
            found[f"POLYOME_ALT_{name}"] = ",".join(
                "." if a is None else f"{a[k]:.6g}" for a in alts
            )
            found[f"POLYOME_DIFF_{name}"] = ",".join(
                "." if a is None else f"{a[k] - reference:.6g}" for a in alts
            )
        found["POLYOME_WINDOW"] = re.sub(r"[\s;=,]", "_", scores.window.name)
        return found

    def _at_edge(self, variant: Variant, window: Window) -> bool:
        """Whether a window leaves its chromosome, or an allele the window."""
        alleles = [variant.reference, *filter(None, map(is_spelled, variant.alternatives))]
        return any(self._leaves(variant, view, alleles) for view in self._views(window))

    def _leaves(self, variant: Variant, window: Window, alleles: list[str]) -> bool:
        end = variant.start + len(variant.reference)
        is_open = not self.genome.is_circular(variant.chrom)
        beyond = window.start < 0 or window.end > self.genome.length_of(variant.chrom)
        return (
            (beyond and is_open)
            or variant.start < window.start
            or end > window.end
            or any(allele_leaves(variant, window, allele) for allele in alleles)
        )

    def _is_unknown(self, variant: Variant, window: Window) -> bool:
        """Whether a scan would skip the window: too many of its letters are no base."""
        letters = self.genome.letters(variant.chrom, window.start, window.end)
        bases = sum(letters.count(base) for base in "ACGT")
        return len(letters) - bases > ScanArguments.max_unknown * len(letters)
