"""What variants do to a model's answers: a VCF comes back with more INFO."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from polyome._errors import InputError, listed
from polyome._progress import Progress
from polyome._types import FloatArray
from polyome.io.files import check_writable
from polyome.io.genome import Genome, open_genome, unknown_chromosome
from polyome.io.nucleotides import Sequences
from polyome.io.vcf import (
    ENDINGS,
    Variant,
    index_vcf,
    is_spelled,
    read_vcf,
    vcf_writer,
    with_descriptions,
)
from polyome.modalities.sequence_records import SequenceRecords
from polyome.model.answering import answer
from polyome.predict.variant_windows import (
    Window,
    Windows,
    check_upstream,
    mismatch,
    window_around,
    window_text,
)
from polyome.train.fitted import Fitted
from polyome.train.kinds import kind_of

CHUNK = 2048
"""Variants read at a time."""
REASONS = {
    "scored": "variants with a score",
    "reference_mismatch": "REF is not what the genome has there; not scored",
    "unknown_contig": "the genome has no such sequence; not scored",
    "outside_windows": "no window holds the variant; not scored",
    "no_alternative": "ALT is missing; not scored",
    "star_allele": "alleles that an upstream deletion removes (*); '.' in their place",
    "symbolic_allele": "alleles without letters (<DEL>, breakends); '.' in their place",
    "at_edge": "scored, though a window reaches beyond its chromosome (N is read there) or "
    "the variant beyond the window",
}
"""What a variant's ``POLYOME_NOTE`` may say; what is counted at the end."""


@dataclass(frozen=True, kw_only=True)
class VariantArguments:
    """Settings of scoring variants; the keys of ``--set``.

    Parameters
    ----------
    upstream_bp : bases of a window before a start site, with a BED of start sites; None puts the
        middle of each interval into the middle of the window.
    batch_size : windows at a time; changes only the speed.

    Examples
    --------
    >>> VariantArguments(batch_size=0)
    Traceback (most recent call last):
    polyome._errors.InputError: batch_size=0: a whole number of at least 1 is needed.
    """

    upstream_bp: int | None = None
    batch_size: int = 128

    def __post_init__(self) -> None:
        for name, least in (("upstream_bp", 0), ("batch_size", 1)):
            value: object = getattr(self, name)
            is_whole = isinstance(value, int) and not isinstance(value, bool) and value >= least
            if not is_whole and not (value is None and name == "upstream_bp"):
                message = f"{name}={value!r}: a whole number of at least {least} is needed."
                raise InputError(message)


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


def score_variants(
    fitted: Fitted,
    vcf: Path,
    genome: Path,
    out: Path,
    *,
    windows: Path | None = None,
    arguments: VariantArguments | None = None,
    quiet: bool = False,
) -> VariantResult:
    """Score the variants of a VCF and write them with more INFO, in the same order.

    For each target T the INFO has ``POLYOME_REF_T`` (the answer with the reference),
    ``POLYOME_ALT_T`` and ``POLYOME_DIFF_T`` (one value per ALT), and ``POLYOME_WINDOW``. What could
    not be scored, and why, is in ``POLYOME_NOTE`` and is counted.

    Parameters
    ----------
    fitted : a model of sequences.
    vcf : plain, gzip or bgzip; SNVs, insertions, deletions, several ALT.
    genome : the FASTA that it is of.
    out : ``.vcf``; ``.vcf.gz`` is bgzip, with a tabix index where the variants are sorted.
    windows : BED of the stretches that the model reads, on their strands; of several that hold a
        variant the one with the largest effect counts. None reads the window around each variant.
    arguments : settings; None for the defaults.
    quiet : no progress.

    Raises
    ------
    InputError
        Something about the model, the files or the options is wrong; nothing was written.

    Examples
    --------
    >>> import tempfile
    >>> from polyome.estimators import estimator_class
    >>> expression = estimator_class("expression")
    >>> example = expression.task_class.example()
    >>> model = expression(num_members=1, hidden_size=16, quiet=True)
    >>> _ = model.fit(example.source, example.target, baselines=False, num_train_epochs=1)
    >>> folder = Path(tempfile.mkdtemp())
    >>> genome, vcf, out = (folder / name for name in ("g.fa", "in.vcf", "out.vcf"))
    >>> _ = genome.write_text(f">simulated{chr(10)}{'ACGT' * 30}")
    >>> header = ["##fileformat=VCFv4.2", "#CHROM POS ID REF ALT QUAL FILTER INFO"]
    >>> lines = [*header, "simulated 61 . A G . . .", "simulated 62 . A G . . ."]
    >>> _ = vcf.write_text(chr(10).join(lines).replace(" ", chr(9)))
    >>> score_variants(model.fitted_, vcf, genome, out, quiet=True).notes[:2]
    ['2 variants', '1 scored: variants with a score']
    """
    arguments = arguments or VariantArguments()
    modality: Any = fitted.modality
    if modality.name != "sequence":
        message = f"variants need a model of sequences; this one is of '{fitted.task.name}'."
        raise InputError(message)
    if not out.name.lower().endswith(ENDINGS):
        message = f"{out}: a name that ends in {' or '.join(ENDINGS)} is needed."
        raise InputError(message)
    check_writable(out)
    check_upstream(modality.length_, arguments.upstream_bp)
    if windows is None and arguments.upstream_bp is not None:
        message = f"upstream_bp={arguments.upstream_bp} is for a BED of start sites (--windows)."
        raise InputError(message)
    opened = open_genome(genome)
    read: Windows | None = None
    if windows is not None:
        read = Windows.read(windows, genome, modality.length_, arguments.upstream_bp)
    _check_numbers(modality.numbers, read, windows)
    scorer = _Scorer(fitted, opened, read, arguments)
    result = VariantResult()
    total = _counted(vcf, opened)
    lines = read_vcf(vcf)
    header = _header(lines)
    with vcf_writer(out) as file, Progress("variants", total, quiet=quiet) as progress:
        for line in with_descriptions(header, _described(fitted)):
            file.write(f"{line}\n".encode())
        last: tuple[str, int] | None = None
        seen: set[str] = set()
        while chunk := [v for v in islice(lines, CHUNK) if isinstance(v, Variant)]:
            for text in scorer.scored(chunk, result):
                file.write(f"{text}\n".encode())
            last = _watch_order(chunk, last, seen, result)
            progress.advance(len(chunk))
    if out.suffix.lower() != ".vcf":
        for ending in (".tbi", ".csi"):  # of an older file
            out.with_name(f"{out.name}{ending}").unlink(missing_ok=True)
        if result.is_sorted and result.variants:
            index_vcf(out, max(opened.lengths.values()))
    return result


def _counted(vcf: Path, genome: Genome) -> int:
    """How many variants there are; every line is checked, and some must be on the genome."""
    total, unknown = 0, Counter[str]()
    for line in read_vcf(vcf):
        if isinstance(line, Variant):
            total += 1
            if line.chrom not in genome.lengths:
                unknown[line.chrom] += 1
    if unknown and unknown.total() == total:
        raise unknown_chromosome(unknown.most_common(1)[0][0], genome, where=f"{vcf}: ")
    return total


def _check_numbers(numbers: list[str], windows: Windows | None, path: Path | None) -> None:
    """Refuse windows that lack the numbers that the model reads beside each sequence."""
    known = () if windows is None else tuple(windows.table.columns)
    missing = [name for name in numbers if name not in known]
    if missing:
        found = "" if path is None else f" {path} has {listed(known, most=20)}."
        message = (
            f"the model reads {listed(missing)} beside each sequence. Give a BED (--windows) with "
            "such a column after the sixth, and a first line '#chrom ...' with the names of all."
            f"{found}"
        )
        raise InputError(message)


def _header(lines: Iterator[str | Variant]) -> list[str]:
    header: list[str] = []
    for line in lines:
        assert isinstance(line, str), "a reader gives the header first"
        header.append(line)
        if line.startswith("#CHROM"):
            break
    return header


def _watch_order(
    chunk: list[Variant], last: tuple[str, int] | None, seen: set[str], result: VariantResult
) -> tuple[str, int] | None:
    """Notice variants that stand before their predecessor, or a contig that comes back."""
    for variant in chunk:
        if last is None or variant.chrom != last[0]:
            result.is_sorted &= variant.chrom not in seen
            seen.add(variant.chrom)
        elif variant.start < last[1]:
            result.is_sorted = False
        last = (variant.chrom, variant.start)
    return last


def _field_names(fitted: Fitted) -> list[str]:
    """Targets as parts of INFO keys."""
    names = [re.sub(r"[^A-Za-z0-9_.]", "_", name) for name in fitted.classes]
    if len(set(names)) < len(names):
        message = f"targets {listed(fitted.classes)} have one name in INFO; rename them and fit."
        raise InputError(message)
    return names


def _described(fitted: Fitted) -> dict[str, tuple[str, str, str]]:
    found: dict[str, tuple[str, str, str]] = {}
    for name in _field_names(fitted):
        what = f"of {name} by a Polyome model of the task {fitted.task.name}"
        found[f"POLYOME_REF_{name}"] = ("1", "Float", f"Predicted value {what}, with REF")
        found[f"POLYOME_ALT_{name}"] = ("A", "Float", f"Predicted value {what}, with each ALT")
        found[f"POLYOME_DIFF_{name}"] = ("A", "Float", f"ALT less REF {what}")
    found["POLYOME_WINDOW"] = ("1", "String", "Window in which the variant was scored")
    found["POLYOME_NOTE"] = (".", "String", "Why a variant or an allele has no score; at_edge")
    return found


class _Scorer:
    """Scores variants, many windows at a time."""

    def __init__(
        self,
        fitted: Fitted,
        genome: Genome,
        windows: Windows | None,
        arguments: VariantArguments,
    ) -> None:
        self.fitted, self.genome, self.windows = fitted, genome, windows
        self.batch_size = arguments.batch_size
        self.names = _field_names(fitted)
        self.described = _described(fitted)
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
