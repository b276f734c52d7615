"""Scanning a genome: where, on either strand, does a model of sequences find a class."""

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from polyome._errors import InputError, listed, suggestion
from polyome._progress import Progress, say
from polyome._threads import batch_threads
from polyome._types import FloatArray
from polyome.genome.peaks import peaks, prominence
from polyome.genome.scan_arguments import ScanArguments
from polyome.genome.scan_parts import Part, Parts, model_digest
from polyome.genome.windows import WindowScorer
from polyome.io.bigwig import Track, check_bigwig, write_bigwig
from polyome.io.fasta import stream_fasta
from polyome.io.files import check_writable
from polyome.io.intervals import write_bed
from polyome.io.nucleotides import Codes, Sequences
from polyome.modalities.dna.records import cut_notes
from polyome.model_folder.fitted_model import SCANNER, FittedModel
from polyome.model_folder.hub import local_folder

__all__ = ["ScanArguments", "ScanResult", "scan", "scan_model"]

_ENDINGS = (".bed", ".bed.gz")
_BACKGROUND = re.compile(
    r"(0|0\.0|false|no|none|other)$|(non|not[ _-]|neg|background|random|shuffled|control|decoy)"
)
"""Beginnings of the names of classes that nobody looks for, in lower case."""


@dataclass(frozen=True)
class ScanResult:
    """What a scan found.

    Attributes
    ----------
    hits : one row per hit, by position: ``chrom``, ``start``, ``end`` (0-based, half-open),
        ``name`` (``hit1`` stands out most), ``score`` (0 to 1000), ``strand``, and two that the
        file does not have, ``probability`` and ``prominence``.
    lengths : bp of each sequence of the genome.
    notes : what the user should know of them.
    """

    hits: pd.DataFrame
    lengths: dict[str, int]
    notes: tuple[str, ...]


def scan_model(
    folder: Path,
    arguments: ScanArguments,
    *,
    device: str = "auto",
    quiet: bool = False,
    trust_remote_code: bool = False,
) -> FittedModel:
    """Read the scanner of a model folder, if it has one and it is wanted, else the model itself.

    ``trust_remote_code`` runs the Python code that came with the model's backbone, if any.

    Examples
    --------
    >>> scan_model(Path("no-such-folder"), ScanArguments())
    Traceback (most recent call last):
    polyome._errors.InputError: no-such-folder does not exist; the folder that ...
    """
    folder = local_folder(folder)
    has_scanner = arguments.scanner and (folder / SCANNER).is_dir()
    return FittedModel.load(
        folder / SCANNER if has_scanner else folder,
        device=device,
        quiet=quiet,
        trust_remote_code=trust_remote_code,
    )


def scan(
    fitted: FittedModel,
    genome: Path,
    out: Path,
    arguments: ScanArguments | None = None,
    *,
    bigwig: Path | None = None,
    resume: bool = False,
    quiet: bool = False,
) -> ScanResult:
    """Score windows along both strands of a genome and write the peaks as BED.

    One sequence of the genome is in memory at a time. What is done is kept in a hidden folder
    beside ``out`` until all is, so that an interrupted scan can go on.

    Parameters
    ----------
    fitted : a model of sequences, or its scanner.
    genome : FASTA, plain or gzip.
    out : BED6, by position: windows in which the class's calibrated probability is at a local
        maximum. Name and score have the rank by prominence: ``hit1`` and 1000 stand out most of
        their surroundings. Probabilities would rank worse: many hits share the highest ones, and
        long stretches of unusual composition fill the top. They are in the bigWig.
    arguments : settings; None for the defaults.
    bigwig : the probability along the genome, the larger one of both strands; each bin of
        ``stride_bp`` has the value of the window whose middle it is.
    resume : go on where a scan of the same genome, model and settings was interrupted.
    quiet : no progress, no messages.

    Raises
    ------
    InputError
        Something about the model, the genome or the options is wrong; nothing was scanned.

    Examples
    --------
    >>> import tempfile
    >>> from polyome.estimator import estimator_class
    >>> promoter = estimator_class("promoter")
    >>> example = promoter.task_class.example()
    >>> model = promoter(num_members=1, hidden_size=16, quiet=True)
    >>> _ = model.fit(example.source, example.target, baselines=False, num_train_epochs=1)
    >>> folder = Path(tempfile.mkdtemp())
    >>> genome = "CCGTGCACCGGC" * 40
    >>> _ = (folder / "genome.fa").write_text(f">simulated{chr(10)}{genome}")
    >>> result = scan(model.fitted_, folder / "genome.fa", folder / "hits.bed", quiet=True)
    >>> result.lengths, (folder / "hits.bed").is_file()
    ({'simulated': 480}, True)
    """
    arguments = arguments or ScanArguments()
    scorer = _scorer(fitted, arguments)
    _check_outputs(out, bigwig, genome)
    lengths, has_bases = {}, False
    for name, sequence in stream_fasta(genome):
        lengths[name] = len(sequence)
        has_bases = has_bases or bool(sequence.strip("Nn"))
    if not has_bases:
        message = f"{genome} has no base but N. Is it masked throughout?"
        raise InputError(message)
    notes = _notes(scorer, lengths, genome)
    parts = Parts(out.parent / f".{out.name}.parts")
    settings = asdict(arguments) | {"model": model_digest(fitted), "track": bigwig is not None}
    for note in (*notes, *parts.open(settings, resume=resume)):
        say(note, quiet=quiet)
    hits = _scanned(scorer, arguments, genome, lengths, parts, bigwig is not None, quiet)
    if bigwig is not None:
        bin_bp = min(arguments.stride_bp, scorer.window_bp)
        tracks = _tracks(scorer, parts, lengths, bin_bp)
        write_bigwig(tracks, lengths, bigwig, bin_bp=bin_bp)
    write_bed(hits, out)
    parts.remove()
    if not len(hits):
        notes = (*notes, f"no window has a probability of {arguments.threshold:g} or more.")
        say(notes[-1], quiet=quiet)
    for note in cut_notes(scorer.cut, scorer.scored, "windows"):
        notes = (*notes, note)
        say(note, quiet=quiet)
    return ScanResult(hits, lengths, notes)


def _scorer(fitted: FittedModel, arguments: ScanArguments) -> WindowScorer:
    modality, classes = fitted.modality, fitted.classes
    if modality.name != "sequence" or not (classes and fitted.task.output_type.is_one_class):
        message = (
            f"a scan needs a model that tells classes of sequences apart (polyome fit promoter); "
            f"this one is of the task '{fitted.task.name}'."
        )
        raise InputError(message)
    return WindowScorer(
        fitted,
        classes.index(wanted_class(classes, arguments.label)),
        stride_bp=arguments.stride_bp,
        max_unknown=arguments.max_unknown,
        batch_size=arguments.batch_size,
    )


def wanted_class(classes: tuple[str, ...], label: str | None) -> str:
    """The class to look for: the one that was named, else the only one that is no background.

    Raises
    ------
    InputError
        There is no such class, or none was named and it is not plain which is meant.

    Examples
    --------
    >>> wanted_class(("promoter", "random"), None), wanted_class(("0", "1"), None)
    ('promoter', '1')
    >>> wanted_class(("enhancer", "promoter"), None)
    Traceback (most recent call last):
    polyome._errors.InputError: which class to look for? The model has: 'enhancer', 'promoter'. ...
    """
    if label is None:
        found = [name for name in classes if not _BACKGROUND.match(name.strip().lower())]
        if len(found) == 1:
            return found[0]
        message = f"which class to look for? The model has: {listed(classes)}. Say --set label=..."
        raise InputError(message)
    if str(label) not in classes:
        message = (
            f"the model has no class '{label}' (label). It has: {listed(classes)}."
            f"{suggestion(str(label), classes)}"
        )
        raise InputError(message)
    return str(label)


def _check_outputs(out: Path, bigwig: Path | None, genome: Path) -> None:
    if not out.name.lower().endswith(_ENDINGS):
        message = f"{out}: a scan writes BED; name a file that ends with .bed or .bed.gz."
        raise InputError(message)
    check_writable(out, [genome])
    if bigwig is not None:
        if bigwig.suffix.lower() not in (".bw", ".bigwig"):
            message = f"{bigwig}: name a bigWig that ends with .bw or .bigwig."
            raise InputError(message)
        check_bigwig(bigwig)


def _notes(scorer: WindowScorer, lengths: dict[str, int], genome: Path) -> tuple[str, ...]:
    """Say how long windows are, and which sequences are too short; refuse if all are."""
    window_bp = scorer.window_bp
    short = [name for name, length in lengths.items() if length < window_bp]
    if len(short) == len(lengths):
        message = (
            f"{genome}: all {len(lengths):,} sequences are shorter than a window of the model "
            f"({window_bp:,} bp; the longest has {max(lengths.values()):,} bp). Is it the genome?"
        )
        raise InputError(message)
    classes = scorer.fitted.classes
    notes = [f"looking for '{classes[scorer.index]}', of the classes {listed(classes)}."]
    modality: Any = scorer.fitted.modality
    if modality.shortest_ < window_bp:
        notes.append(
            f"the model was trained with sequences of {modality.shortest_:,} to {window_bp:,} bp; "
            f"windows of {window_bp:,} bp are scanned."
        )
    if scorer.strands == (".",):
        notes.append("the model reads both strands as one; hits have no strand.")
    if short:
        notes.append(
            f"{len(short):,} of {len(lengths):,} sequences are shorter than a window "
            f"({window_bp:,} bp) and were not scanned: {listed(short, most=3)}."
        )
    return tuple(notes)


def _scanned(
    scorer: WindowScorer,
    arguments: ScanArguments,
    genome: Path,
    lengths: dict[str, int],
    parts: Parts,
    with_track: bool,  # noqa: FBT001
    quiet: bool,  # noqa: FBT001
) -> pd.DataFrame:
    """Hits of all sequences, ranked; sequences that ``parts`` has are not scanned."""
    tables = []
    done_bp = 0
    with (
        batch_threads(scorer.fitted.model.device) as pool,
        Progress("scan (bp)", sum(lengths.values()), quiet=quiet) as progress,
    ):

        def scan_one(codes: Codes) -> Part:
            scores = scorer.score(codes, pool, progress.advance)
            return _found(scorer, scores, len(codes), arguments, with_track=with_track)

        for number, (name, sequence) in enumerate(stream_fasta(genome)):
            codes = Sequences.from_text([sequence]).codes
            tables.append(_table(parts.get(number, codes, scan_one), name, scorer))
            done_bp += len(codes)
            progress.advance(done_bp - progress.done, name)
    hits = pd.concat(tables, ignore_index=True)
    order = np.argsort(-hits["prominence"].to_numpy(), kind="stable")
    ranks = np.empty(len(hits), np.int64)
    ranks[order] = np.arange(1, len(hits) + 1)
    hits["name"] = [f"hit{rank}" for rank in ranks]
    hits["score"] = np.ceil(1000 * (1 - (ranks - 1) / max(1, len(hits)))).astype(np.int64)
    columns = ["chrom", "start", "end", "name", "score", "strand", "probability", "prominence"]
    return hits[columns]


def _found(
    scorer: WindowScorer,
    scores: FloatArray,
    length: int,
    arguments: ScanArguments,
    *,
    with_track: bool,
) -> Part:
    """Peaks of each strand, from the scores of all windows of one sequence."""
    starts = scorer.starts(length)
    distance_bp = arguments.min_distance_bp or scorer.window_bp
    found = [
        peaks(starts, score, threshold=arguments.threshold, distance_bp=distance_bp)
        for score in scores
    ]
    strands = np.repeat(np.arange(len(found)), [len(rows) for rows in found])
    rows = np.concatenate(found)
    order = np.lexsort((strands, rows))
    rows, strands = rows[order], strands[order]
    reach = arguments.surroundings_bp // (2 * arguments.stride_bp)
    ranked_by = prominence(scores, reach) if arguments.surroundings_bp else scores
    track = np.fmax.reduce(scores, axis=0) if with_track else np.zeros(0)
    return Part(
        starts[rows],
        strands,
        scores[strands, rows],
        ranked_by[strands, rows],
        track.astype(np.float32),
    )


def _table(part: Part, name: str, scorer: WindowScorer) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "chrom": name,
            "start": part.starts,
            "end": part.starts + scorer.window_bp,
            "strand": np.array(scorer.strands, dtype=object)[part.strands],
            "probability": part.probability,
            "prominence": part.prominence,
        }
    )


def _tracks(
    scorer: WindowScorer, parts: Parts, lengths: dict[str, int], bin_bp: int
) -> Iterator[Track]:
    """Values of bins in the middle of their windows."""
    first = (scorer.window_bp - bin_bp) // 2
    for name, values in zip(lengths, parts.tracks(), strict=True):
        yield name, first, scorer.stride_bp, values
