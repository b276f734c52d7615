"""What variants do to a model's answers: a VCF comes back with more INFO."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from polyome._errors import InputError, listed
from polyome._progress import Progress
from polyome.genome.variant_build import BuildCheck
from polyome.genome.variant_scorer import VariantResult, VariantScorer
from polyome.genome.variant_windows import Windows, check_shift, check_upstream
from polyome.io.chromosomes import alias_note
from polyome.io.files import check_writable
from polyome.io.genome import Genome, open_genome, unknown_chromosome
from polyome.io.variant_table import read_variants
from polyome.io.vcf import ENDINGS, Variant, index_vcf, vcf_writer, with_descriptions
from polyome.model_folder.fitted_model import FittedModel
from polyome.settings import Count, Natural, Settings

CHUNK = 2048
"""Variants read at a time."""


@dataclass(frozen=True, kw_only=True)
class VariantArguments(Settings):
    """Settings of scoring variants; the keys of ``--set``.

    Parameters
    ----------
    upstream_bp : bases of a window before a start site, with a BED of start sites; None puts the
        middle of each interval into the middle of the window.
    batch_size : windows at a time; changes only the speed.
    average_strands : average the answers of both strands of each window.
    shift_bp : average the answers of three windows: so many bp to the left, in place, and so many
        to the right; an insertion or deletion moves letters, and with them what a model sees.
    check_build : refuse a VCF most of whose REF alleles, or lengths of contigs, are not the
        genome's; false warns instead.
    circular : circular chromosomes, ``a,b``, or ``true`` for all; windows go on across the origin.
    aliases : a table of names of chromosomes that mean the same.

    Examples
    --------
    >>> VariantArguments(batch_size=0)
    Traceback (most recent call last):
    polyome._errors.InputError: batch_size=0: a number of at least 1 is needed.
    """

    upstream_bp: Natural | None = None
    batch_size: Count = 128
    average_strands: bool = False
    shift_bp: Natural = 0
    check_build: bool = True
    circular: str | None = None
    aliases: str | None = None


def score_variants(
    fitted: FittedModel,
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
    vcf : plain, gzip or bgzip; SNVs, insertions, deletions, several ALT. Or a table, ``.tsv``,
        ``.txt`` or ``.csv``, with columns chrom, pos (from 1), ref and alt.
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
    >>> from polyome.estimator import estimator_class
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
    check_writable(out, [vcf, genome, *([] if windows is None else [windows])])
    check_upstream(modality.length_, arguments.upstream_bp)
    check_shift(modality.length_, arguments.shift_bp)
    if windows is None and arguments.upstream_bp is not None:
        message = f"upstream_bp={arguments.upstream_bp} is for a BED of start sites (--windows)."
        raise InputError(message)
    named = {"circular": arguments.circular, "aliases": arguments.aliases}
    opened = open_genome(genome, **named)
    read: Windows | None = None
    if windows is not None:
        read = Windows.read(windows, opened, modality.length_, arguments.upstream_bp, **named)
    _check_numbers(modality.numbers, read, windows)
    shift = arguments.shift_bp
    scorer = VariantScorer(
        fitted,
        opened,
        read,
        batch_size=arguments.batch_size,
        shifts=(-shift, 0, shift) if shift else (0,),
        average_strands=arguments.average_strands,
    )
    total, warnings = _counted(vcf, opened, refuses=arguments.check_build)
    result = VariantResult(warnings=warnings)
    lines = read_variants(vcf)
    header = _header(lines)
    found = (line for line in lines if isinstance(line, Variant))
    with vcf_writer(out) as file, Progress("variants", total, quiet=quiet) as progress:
        for line in with_descriptions(header, scorer.described):
            file.write(f"{line}\n".encode())
        last: tuple[str, int] | None = None
        seen: set[str] = set()
        while chunk := list(islice(found, CHUNK)):
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


def _counted(vcf: Path, genome: Genome, *, refuses: bool) -> tuple[int, tuple[str, ...]]:
    """How many variants there are; every line is checked, and some must be on the genome.

    Returns
    -------
    The number, and warnings of the build.
    """
    check, unknown = BuildCheck(genome), Counter[str]()
    names: dict[str, str] = {}
    for line in read_variants(vcf):
        check.see(line)
        if isinstance(line, Variant):
            known = genome.find(line.chrom)
            if known is None:
                unknown[line.chrom] += 1
            else:
                names[line.chrom] = known
    if unknown and unknown.total() == check.total:
        raise unknown_chromosome(unknown.most_common(1)[0][0], genome, where=f"{vcf}: ")
    notes = alias_note(names, str(vcf))
    return check.total, (*check.notes(str(vcf), refuses=refuses), *notes)


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
