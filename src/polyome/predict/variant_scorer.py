"""Scores of variants, many windows at a time, and why some have none."""

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from polyome._errors import InputError, listed
from polyome._types import BoolArray, FloatArray
from polyome.io.genome import Genome
from polyome.io.nucleotides import Sequences
from polyome.io.vcf import Variant, is_spelled
from polyome.modalities.dna.records import SequenceRecords
from polyome.model.answering import answer
from polyome.predict.scan_arguments import ScanArguments
from polyome.predict.variant_windows import Window, Windows, mismatch, window_around, window_text
from polyome.train.fitted import Fitted
from polyome.train.kinds import kind_of

REASONS = {
    "scored": "variants with a score",
    "reference_mismatch": "REF is not what the genome has there, or beyond its end; not scored",
    "unknown_contig": "the genome has no such sequence; not scored",
    "outside_windows": "no window holds the variant; not scored",
    "no_alternative": "ALT is missing; not scored",
    "star_allele": "alleles that an upstream deletion removes (*); '.' in their place",
    "symbolic_allele": "alleles without letters (<DEL>, breakends); '.' in their place",
    "at_edge": "scored, though a window reaches beyond its chromosome (N is read there) or "
    "the variant beyond the window",
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

    @property
    def notes(self) -> list[str]:
        """Counts and what they mean, ready to print."""
        lines = [f"{self.variants:,} variants"]
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


def field_names(fitted: Fitted) -> list[str]:
    """Targets as parts of INFO keys."""
    names = [re.sub(r"[^A-Za-z0-9_.]", "_", name) for name in fitted.classes]
    if len(set(names)) < len(names):
        message = f"targets {listed(fitted.classes)} have one name in INFO; rename them and fit."
        raise InputError(message)
    return names


def described(fitted: Fitted) -> dict[str, tuple[str, str, str]]:
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
        fitted: Fitted,
        genome: Genome,
        windows: Windows | None,
        *,
        batch_size: int,
    ) -> None:
        self.fitted, self.genome, self.windows = fitted, genome, windows
        self.batch_size = batch_size
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
                    if self._at_edge(variant, best.window):
                        notes.append("at_edge")
                    elif self._is_unknown(variant, best.window):
                        notes.append("unknown_letters")
                    places = (
                        p for w, r, alts in plan if w == best.window for p in (r, *alts.values())
                    )
                    if any(cut[place] for place in places):
                        notes.append("cut_tokens")
            result.variants += 1
            result.counts.update([*notes, *(["scored"] if values else [])])
            if notes:
                values["POLYOME_NOTE"] = ",".join(dict.fromkeys(notes))
            lines.append(variant.with_info(values, self.described))
        return lines

    def _reason(self, variant: Variant) -> str | None:
        """Why a variant is not scored at all."""
        if variant.chrom not in self.genome.lengths:
            return "unknown_contig"
        if mismatch(self.genome, variant):
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

    def _planned(
        self, variant: Variant, texts: dict[tuple[str, int], int]
    ) -> list[tuple[Window, int, dict[int, int]]]:
        """Places in ``texts`` of each window with REF and with each ALT; new ones are added."""
        spelled = {i: a for i, a in enumerate(variant.alternatives) if is_spelled(a)}
        if not spelled:
            return []
        windows = (
            [window_around(variant, self.length)]
            if self.windows is None
            else self.windows.over(variant)
        )

        def place(window: Window, allele: str) -> int:
            text = window_text(self.genome, variant, window, allele)
            return texts.setdefault((text, window.row), len(texts))

        return [
            (w, place(w, variant.reference), {i: place(w, a) for i, a in spelled.items()})
            for w in windows
        ]

    def _answers(self, texts: list[tuple[str, int]]) -> FloatArray:
        """What the model says of each text, (n, c)."""
        fitted = self.fitted
        kind = kind_of(fitted.task)
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
        return kind.numbers(fitted, outputs)

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
    def _best(
        plan: list[tuple[Window, int, dict[int, int]]], answers: FloatArray
    ) -> _Scores | None:
        """The window in which some allele changes some target most."""
        found, most = None, -1.0
        for window, reference, alternatives in plan:
            values = {i: answers[place] for i, place in alternatives.items()}
            effect = max(float(np.abs(v - answers[reference]).max()) for v in values.values())
            if effect > most:
                found, most = _Scores(window, answers[reference], values), effect
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
        """Whether the window leaves its chromosome, or the variant the window."""
        end = variant.start + len(variant.reference)
        beyond = window.start < 0 or window.end > self.genome.lengths[variant.chrom]
        return beyond or variant.start < window.start or end > window.end

    def _is_unknown(self, variant: Variant, window: Window) -> bool:
        """Whether a scan would skip the window: too many of its letters are no base."""
        letters = self.genome.fetch(variant.chrom, window.start, window.end)
        bases = sum(letters.count(base) for base in "ACGTacgt")
        return len(letters) - bases > ScanArguments.max_unknown * len(letters)
