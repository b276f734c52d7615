"""Why a sequence got its answer: every base's contribution, logos, and the motifs behind them."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from polyome._errors import InputError, listed, suggestion
from polyome._progress import say
from polyome._types import FloatArray, IntArray
from polyome.explain.attribution import mutagenesis
from polyome.explain.base import Explanation, Item, chosen_outputs
from polyome.explain.known_motifs import ALIKE, named, read_motifs, write_motifs
from polyome.explain.logos import draw_logo, save_figure
from polyome.explain.motifs import Motif, find_motifs
from polyome.io.bedgraph import write_bedgraph
from polyome.io.intervals import strands_of
from polyome.io.nucleotides import LETTERS, Sequences, base_shares
from polyome.modalities.dna.records import SequenceRecords, read_part
from polyome.model_folder.fitted_model import FittedModel
from polyome.predict.predict import PredictArguments, run
from polyome.settings import Count, Settings

TRACK = "contributions.bedgraph"
_LOGOS, _MOTIFS = 6, 12  # drawn on saving
_METHOD = (
    "Every base was changed to each of the three others and the whole model was asked again; a "
    "base's contribution is what its answer has above the mean over the four bases."
)
_BASES = list("ACGT")


@dataclass(frozen=True, kw_only=True)
class SequenceArguments(Settings):
    """Settings of the explanation of sequences; the keys of ``--set`` beside those of reading.

    Parameters
    ----------
    output : the class or target to explain; None: of classes each sequence's best, else the first.
    most_bp : bases explained, three questions to the model each; of more than that, whole sequences
        are drawn at random, with a note.
    motifs : a file of known motifs in MEME format, such as JASPAR's, to name found motifs by.
    batch_size : sequences at a time; changes only the speed.
    """

    output: str | None = None
    most_bp: Count = 25_000
    motifs: str | None = None
    batch_size: Count = 256


@dataclass(frozen=True, kw_only=True)
class SequenceExplanation(Explanation):
    """Contributions of bases, by changing each to the three others.

    Attributes
    ----------
    names : (n,), of the sequences.
    outputs : object (n,), the class or target that each is explained for.
    explained : float32 (n,), the answer: for classes the log-odds, for values the value in training
        units.
    effects : float32 (n, length, 4), what changing a base to A, C, G or T does to the answer; 0 for
        the base that stands there, NaN beyond the end of a sequence.
    dna : n sequences, as far as the model reads them.
    offsets : int64 (n,), bases of the user's sequence before the first that the model reads.
    intervals : chrom, start, end, strand of each sequence, where they came as BED; else None.
    motifs : words that speak for each output, found in these sequences; the most frequent first.
    matches : a row per motif and known motif, where known motifs were given.
    """

    names: pd.Index
    outputs: np.ndarray
    explained: FloatArray
    effects: FloatArray
    dna: Sequences
    offsets: IntArray
    intervals: pd.DataFrame | None = None
    motifs: tuple[Motif, ...] = ()
    matches: pd.DataFrame | None = None

    @property
    def hypothetical(self) -> FloatArray:
        """Effect of each letter less the mean of the four, float32 (n, length, 4)."""
        centred: FloatArray = self.effects - self.effects.mean(axis=2, keepdims=True)
        return centred

    @property
    def one_hot(self) -> FloatArray:
        """Letters, float32 (n, length, 4); zeros beyond the end and where there is no base."""
        shares = base_shares()
        shares[shares.max(axis=1) < 1] = 0
        return np.asarray(shares[self.dna.matrix(self.effects.shape[1])])

    @property
    def contributions(self) -> FloatArray:
        """What each base adds, float32 (n, length): its answer less the mean over four bases.

        NaN beyond the end of a sequence, 0 for letters that are no base.
        """
        added: FloatArray = (self.one_hot * np.nan_to_num(self.hypothetical)).sum(axis=2)
        return np.where(np.isnan(self.effects[..., 0]), np.float32(np.nan), added)

    @property
    def table(self) -> pd.DataFrame:
        """A row per base: sequence, position in it (0-based), base, contribution, four effects."""
        rows, places = np.nonzero(~np.isnan(self.effects[..., 0]))
        letters = np.array(list(LETTERS))[self.dna.matrix(self.effects.shape[1])]
        table = pd.DataFrame(
            {
                "id": self.names.to_numpy()[rows],
                "explained": self.outputs[rows],
                "position": places + self.offsets[rows],
                "base": letters[rows, places],
                "contribution": self.contributions[rows, places],
            }
        )
        effects = pd.DataFrame(self.effects[rows, places], columns=[f"to_{b}" for b in _BASES])
        return table.join(effects)

    def row_of(self, name: str | None) -> int:
        """Position of a sequence by name; None is the one that is answered most clearly."""
        if name is None:
            return int(self.explained.argmax())
        if name not in self.names:
            known = [str(known) for known in self.names]
            message = (
                f"there is no explained sequence '{name}'. Known: {listed(known)}."
                f"{suggestion(name, known)}"
            )
            raise InputError(message)
        return int(np.flatnonzero(self.names == name)[0])

    def plot(self, which: str | None = None, *, ax: Any = None, **options: Any) -> Any:
        """Draw the contributions of one sequence as a logo; returns matplotlib's axes."""
        row = self.row_of(which)
        length = int(self.dna.lengths[row])
        heights = (self.one_hot * self.contributions[..., None])[row, :length]
        title = f"{self.names[row]}: {self.outputs[row]}"
        options = {"first": int(self.offsets[row])} | options
        return draw_logo(heights, title=title, ax=ax, **options)

    @property
    def motif_table(self) -> pd.DataFrame:
        """A row per motif: name, output, consensus, how often, and the known motif most alike."""
        rows = [
            {
                "motif": f"motif {i + 1}",
                "output": motif.output,
                "consensus": motif.consensus,
                "stretches": motif.num_seqlets,
                "sequences": motif.num_sequences,
                "known": motif.match,
                "q_value": motif.q_value,
            }
            for i, motif in enumerate(self.motifs)
        ]
        columns = ["motif", "output", "consensus", "stretches", "sequences", "known", "q_value"]
        return pd.DataFrame(rows, columns=columns)

    def plot_motif(self, number: int, *, ax: Any = None) -> Any:
        """Draw a motif (1 is the most frequent) as a sequence logo; returns matplotlib's axes."""
        motif = self.motifs[number - 1]
        name = f" ({motif.match}, q = {motif.q_value:.2g})" if motif.q_value < ALIKE else ""
        title = f"motif {number} of {motif.output}{name}, {motif.num_seqlets} times"
        return draw_logo(motif.bits, title=title, first=1, ylabel="bits", ax=ax)

    def write_into(self, folder: Path) -> list[Item]:
        """Logos, motifs, tables, and tracks where coordinates are known."""
        items = self._write_logos(folder) + self._write_motifs(folder)
        self.table.to_csv(folder / "bases.csv.gz", index=False, float_format="%.5g")
        items.append(
            Item(
                "Contribution of every base",
                "A row per base: its contribution, and what changing it to A, C, G or T does to "
                "the answer.",
                "bases.csv.gz",
                "table",
            )
        )
        return items + self._write_tracks(folder)

    def _write_logos(self, folder: Path) -> list[Item]:
        items = []
        for number, row in enumerate(np.argsort(-self.explained)[:_LOGOS], start=1):
            name = str(self.names[row])
            file = f"logo_{number}.svg"
            save_figure(self.plot(name), folder / file)
            items.append(
                Item(
                    f"What speaks for {self.outputs[row]} in {name}",
                    "Letters above the line speak for this answer, those below against it; the "
                    "height is what the model's answer loses when the letter is changed.",
                    file,
                    "picture",
                )
            )
        return items

    def _write_motifs(self, folder: Path) -> list[Item]:
        items = []
        for number, motif in enumerate(self.motifs[:_MOTIFS], start=1):
            file = f"motif_{number}.svg"
            save_figure(self.plot_motif(number), folder / file)
            items.append(
                Item(
                    f"Motif {number}: {motif.consensus}",
                    f"A word that speaks for {motif.output} in {motif.num_sequences} sequences; "
                    "the higher a letter, the more surely it stands there.",
                    file,
                    "picture",
                )
            )
        if not self.motifs:
            return items
        self.motif_table.to_csv(folder / "motifs.csv", index=False, float_format="%.3g")
        write_motifs(self.motifs, folder / "motifs.meme")
        table = Item(
            "Motifs",
            "The known motif most alike and its q-value by TOMTOM; above 0.05 call it unknown.",
            "motifs.csv",
            "table",
        )
        return [*items, table, Item("Motifs", "For MEME's tools.", "motifs.meme", "data")]

    def _write_tracks(self, folder: Path) -> list[Item]:
        if self.intervals is None:
            return []
        outputs = list(dict.fromkeys(map(str, self.outputs)))
        items = []
        for number, output in enumerate(outputs, start=1):
            file = f"contributions_{number}.bedgraph" if len(outputs) > 1 else TRACK
            rows = self.outputs.astype(str) == output
            write_bedgraph(self.intervals[rows], self.contributions[rows], folder / file)
            items.append(
                Item(
                    f"Contributions to {output} along the genome",
                    "Load it into a genome browser beside the BED file; where intervals overlap, "
                    "contributions are averaged.",
                    file,
                    "data",
                )
            )
        return items


def explain_sequences(
    fitted: FittedModel, records: SequenceRecords, arguments: SequenceArguments, *, quiet: bool
) -> SequenceExplanation:
    """Explain sequences by mutagenesis."""
    known = {} if arguments.motifs is None else read_motifs(arguments.motifs)
    notes = [*records.notes, _METHOD]
    records, offsets = _as_read(fitted, records)
    rows = _affordable(records.dna.lengths, arguments.most_bp, fitted.task.seed)
    if len(rows) < len(records):
        notes.append(
            f"{len(rows):,} of {len(records):,} sequences, drawn at random, are explained "
            "(--set most_bp=N for more)."
        )
    records = records.take(rows)
    for note in notes:
        say(note, quiet=quiet)
    raw = run(fitted, records, PredictArguments(batch_size=arguments.batch_size))
    chosen = chosen_outputs(fitted, raw, arguments.output)
    found = mutagenesis(fitted, records, chosen, batch_size=arguments.batch_size, quiet=quiet)
    why = SequenceExplanation(
        task=fitted.task.name,
        notes=tuple(notes),
        simulated=bool(records.table.attrs.get("simulated")),
        names=records.table.index,
        outputs=np.array(fitted.classes, dtype=object)[chosen],
        explained=found.explained,
        effects=found.effects,
        dna=records.dna,
        offsets=offsets[rows],
        intervals=_intervals(records),
    )
    return with_motifs(why, known, quiet=quiet)


def with_motifs(
    why: SequenceExplanation, known: dict[str, FloatArray], *, quiet: bool = True
) -> SequenceExplanation:
    """Group the stretches that contribute into words, and name these by known motifs, if any."""
    motifs: list[Motif] = []
    for output in dict.fromkeys(why.outputs):
        rows = why.outputs == output
        motifs += find_motifs(why.hypothetical[rows], why.one_hot[rows], str(output))
    if not known:
        return replace(why, motifs=tuple(motifs))
    say("naming motifs by TOMTOM; its first use after installing takes minutes", quiet=quiet)
    found, matches = named(motifs, known)
    return replace(why, motifs=tuple(found), matches=matches)


def _affordable(lengths: IntArray, most_bp: int, seed: int) -> IntArray:
    """As many rows, drawn at random, as have ``most_bp`` together, one at least; in order."""
    order = np.random.default_rng(seed).permutation(len(lengths))
    count = int((np.cumsum(lengths[order]) <= most_bp).sum())
    return np.sort(order[: max(1, count)])


def _as_read(fitted: FittedModel, records: SequenceRecords) -> tuple[SequenceRecords, IntArray]:
    """Cut sequences that are longer than what the model reads to that part; where it begins."""
    modality: Any = fitted.modality
    if modality.both_strands:  # the other strand is lined up at its own start
        return records, np.zeros(len(records), np.int64)
    dna, offsets = read_part(records.dna, modality.length_, modality.anchor)
    if not offsets.any() and (dna.lengths == records.dna.lengths).all():
        return records, offsets
    table = records.table.copy()
    if _intervals(records) is not None:
        is_reverse = (strands_of(table) == "-").to_numpy()
        surplus = records.dna.lengths - dna.lengths - offsets  # cut at the sequence's own end
        table["start"] += np.where(is_reverse, surplus, offsets)
        table["end"] -= np.where(is_reverse, offsets, surplus)
    return replace(records, dna=dna, table=table, windows=None), offsets


def _intervals(records: SequenceRecords) -> pd.DataFrame | None:
    """Where each sequence stands in a genome, if the table says so and of these very bases."""
    cut = records.cut_as
    if cut.get("center") == "summit" or cut.get("beyond") == "pad" or cut.get("circular"):
        return None  # a window beside its interval, or bases that no browser knows
    needed = ["chrom", "start", "end"]
    if any(column not in records.table.columns for column in needed):
        return None
    found = records.table[needed].copy()
    if not all(pd.api.types.is_integer_dtype(found[column]) for column in ("start", "end")):
        return None
    if ((found["end"] - found["start"]).to_numpy() != records.dna.lengths).any():
        return None  # of something else, such as the gene beside, or of a window around it
    return found.assign(strand=strands_of(records.table))
