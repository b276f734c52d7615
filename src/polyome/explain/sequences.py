"""Why a sequence got its answer: every base's contribution, logos, and the motifs behind them."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from polyome._errors import InputError, listed, suggestion
from polyome._progress import say
from polyome._types import FloatArray
from polyome.explain.attribution import mutagenesis
from polyome.explain.base import Explanation, Item, chosen_outputs, some_of
from polyome.explain.logos import draw_logo, save_figure
from polyome.io.bedgraph import write_bedgraph
from polyome.io.nucleotides import LETTERS, Sequences, base_shares
from polyome.modalities.sequence_records import SequenceRecords, read_part
from polyome.predict.predict import PredictArguments, run
from polyome.train.fitted import Fitted

_LOGOS = 6  # drawn on saving
_BASES = list("ACGT")


@dataclass(frozen=True, kw_only=True)
class SequenceArguments:
    """Settings of the explanation of sequences; the keys of ``--set`` beside those of reading.

    Parameters
    ----------
    output : the class or target to explain; None: of classes each sequence's best, else the first.
    most_records : sequences explained; more are drawn from at random, with a note.
    motifs : a file of known motifs in MEME format, such as JASPAR's, to name found motifs by.
    batch_size : sequences at a time; changes only the speed.
    """

    output: str | None = None
    most_records: int = 200
    motifs: str | None = None
    batch_size: int = 256


@dataclass(frozen=True, kw_only=True)
class SequenceExplanation(Explanation):
    """Contributions of bases, by changing each to the three others.

    Attributes
    ----------
    names : (n,), of the sequences.
    outputs : object (n,), the class or target that each is explained for.
    explained : float32 (n,), the answer: for classes the log-probability of the class less the
        others' mean (for two classes the log-odds), for values the value in training units.
    effects : float32 (n, length, 4), what changing a base to A, C, G or T does to the answer; 0 for
        the base that stands there, NaN beyond the end of a sequence.
    intervals : chrom, start, end, strand of each sequence, where they came as BED; else None.
    """

    names: pd.Index
    outputs: np.ndarray
    explained: FloatArray
    effects: FloatArray
    dna: Sequences
    intervals: pd.DataFrame | None = None

    @property
    def hypothetical(self) -> FloatArray:
        """Effect of each letter less the mean of the four, float32 (n, length, 4)."""
        centred: FloatArray = self.effects - self.effects.mean(axis=2, keepdims=True)
        return centred

    @property
    def one_hot(self) -> FloatArray:
        """Letters, float32 (n, length, 4), zeros beyond the end and for letters that are no base."""
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
        """A row per base: sequence, position (0-based), base, contribution, four effects."""
        rows, places = np.nonzero(~np.isnan(self.effects[..., 0]))
        letters = np.array(list(LETTERS))[self.dna.matrix(self.effects.shape[1])]
        table = pd.DataFrame(
            {
                "id": self.names.to_numpy()[rows],
                "explained": self.outputs[rows],
                "position": places,
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

    def plot(self, which: str | None = None, *, ax: Any = None, **options: Any) -> Any:  # noqa: ANN401
        """Draw the contributions of one sequence as a logo; returns matplotlib's axes."""
        row = self.row_of(which)
        length = int(self.dna.lengths[row])
        heights = (self.one_hot * self.contributions[..., None])[row, :length]
        title = f"{self.names[row]}: {self.outputs[row]}"
        return draw_logo(heights, title=title, ax=ax, **options)

    def write_into(self, folder: Path) -> list[Item]:
        """Tables, logos of the clearest answers, and tracks where coordinates are known."""
        items = self._write_logos(folder)
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
                    f"Why {name} was called {self.outputs[row]}",
                    "Letters above the line speak for this answer, those below against it; the "
                    "height is what the model's answer loses when the letter is changed.",
                    file,
                    "picture",
                )
            )
        return items

    def _write_tracks(self, folder: Path) -> list[Item]:
        if self.intervals is None:
            return []
        write_bedgraph(self.intervals, self.contributions, folder / "contributions.bedgraph")
        return [
            Item(
                "Contributions along the genome",
                "Load it into a genome browser beside the BED file; where intervals overlap, "
                "contributions are averaged.",
                "contributions.bedgraph",
                "data",
            )
        ]


def explain_sequences(
    fitted: Fitted, records: SequenceRecords, arguments: SequenceArguments, *, quiet: bool
) -> SequenceExplanation:
    """Explain sequences by mutagenesis."""
    notes = list(records.notes)
    rows = some_of(len(records), arguments.most_records, fitted.task.seed)
    if len(rows) < len(records):
        notes.append(
            f"{len(rows):,} of {len(records):,} sequences, drawn at random, are explained "
            "(--set most_records=N for more)."
        )
    records = _as_read(fitted, records.take(rows))
    raw = run(fitted, records, PredictArguments(batch_size=arguments.batch_size))
    chosen = chosen_outputs(fitted, raw, arguments.output)
    found = mutagenesis(fitted, records, chosen, batch_size=arguments.batch_size, quiet=quiet)
    for note in notes:
        say(note, quiet=quiet)
    return SequenceExplanation(
        task=fitted.task.name,
        notes=tuple(notes),
        names=records.table.index,
        outputs=np.array(fitted.classes, dtype=object)[chosen],
        explained=found.explained,
        effects=found.effects,
        dna=records.dna,
        intervals=_intervals(records),
    )


def _as_read(fitted: Fitted, records: SequenceRecords) -> SequenceRecords:
    """Cut sequences that are longer than what the model reads to the part that it reads."""
    modality: Any = fitted.modality
    if modality.both_strands:  # the other strand is lined up at its own start
        return records
    dna, offsets = read_part(records.dna, modality.length_, modality.anchor)
    if not offsets.any() and (dna.lengths == records.dna.lengths).all():
        return records
    table = records.table.copy()
    if {"start", "end"} <= set(table.columns):
        is_reverse = (table.get("strand", pd.Series("+", table.index)) == "-").to_numpy()
        table["start"] += np.where(is_reverse, 0, offsets)
        table["end"] -= np.where(is_reverse, offsets, 0)
    return replace(records, dna=dna, table=table, windows=None)


def _intervals(records: SequenceRecords) -> pd.DataFrame | None:
    needed = ["chrom", "start", "end"]
    if any(column not in records.table.columns for column in needed):
        return None
    found = records.table[needed].copy()
    strands = records.table["strand"] if "strand" in records.table.columns else "+"
    return found.assign(strand=strands)
