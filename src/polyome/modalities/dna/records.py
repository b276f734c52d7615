"""Sequences as records: what users give, checked, named and laid out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from polyome._errors import InputError, listed
from polyome._types import IntArray
from polyome.io import read_sequences
from polyome.io.files import paths_of
from polyome.io.intervals import CUT_AS, strands_of, write_bed
from polyome.io.nucleotides import Codes, Sequences
from polyome.io.records import NOTES, wrong_letter
from polyome.outputs.classes_prediction import ClassPrediction
from polyome.outputs.prediction import Prediction

SIMULATED = "simulated"
"""Column, and key of ``attrs``, of sequences that nature did not make."""


@dataclass(frozen=True, eq=False)
class SequenceRecords:
    """Sequences with a table: one row per record, indexed by name.

    Parameters
    ----------
    table : the columns that came with the sequences; the sequence itself is not among them.
    dna : n sequences.
    notes : what was decided while reading.
    windows : uint8, (n, length), as the model sees them, once :meth:`SequenceModality.prepare`
        has laid them out.
    cut_as : how they were cut from a genome, where they were: the fields of
        :class:`polyome.io.cutting.Cutting`.
    """

    table: pd.DataFrame
    dna: Sequences
    notes: tuple[str, ...] = ()
    windows: Codes | None = None
    cut_as: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.dna)

    def take(self, rows: Any) -> "SequenceRecords":
        """Some of the sequences, by position."""
        windows = None if self.windows is None else self.windows[rows]
        table = self.table.iloc[rows]
        return replace(self, table=table, dna=self.dna.take(rows), windows=windows)


def read_records(
    source: Any,
    column: str,
    genome: str | Path | None,
    labels: str | Path | None,
    *,
    cutting: Mapping[str, Any] | None = None,
    usual: Mapping[str, Any] | None = None,
) -> SequenceRecords:
    """View a table, or the files that :func:`polyome.io.read_sequences` reads, as records.

    ``cutting`` is how intervals are to be cut, ``usual`` how where nothing was said.
    """
    if isinstance(source, pd.DataFrame):
        asked = [key for key, value in (cutting or {}).items() if value is not None]
        if asked:
            message = f"{asked[0]} is for files of intervals; the table holds sequences already."
            raise InputError(message)
        table = _checked_table(source, column)
    else:
        table = _read_files(source, column, genome, labels, cutting, usual)
    texts = table["sequence"].tolist()
    _check_texts(texts, table.index)
    is_simulated = bool(table.attrs.get(SIMULATED)) or (
        SIMULATED in table and table[SIMULATED].eq(True).all()  # noqa: FBT003
    )
    cut, read_notes = table.attrs.pop(CUT_AS, None), table.attrs.pop(NOTES, ())
    table, notes = _with_unique_names(table.drop(columns="sequence"))
    notes = (*read_notes, *notes)
    if is_simulated:
        table.attrs[SIMULATED] = True
        notes = (*notes, "The sequences are simulated (a column or attrs['simulated'] says so).")
    dna = Sequences.from_text(texts, names=list(table.index))
    return SequenceRecords(table, dna, notes, cut_as=cut or {})


def aligned(dna: Sequences, length: int, anchor: str) -> Codes:
    """Sequences in windows of one length, uint8 (n, length), 0 where a sequence does not reach.

    Examples
    --------
    >>> aligned(Sequences.from_text(["AC", "ACGT"]), 3, "end").tolist()
    [[0, 1, 2], [2, 3, 4]]
    """
    spare = length - dna.lengths  # negative: cut
    shift = {"start": 0 * spare, "center": spare // 2, "end": spare}[anchor]
    if not spare.any():
        return dna.matrix(length)
    within = np.arange(length) - shift[:, None]
    inside = (within >= 0) & (within < dna.lengths[:, None])
    places = np.where(inside, dna.starts[:, None] + within, 0)
    return np.where(inside, dna.codes[places] if len(dna.codes) else np.uint8(0), np.uint8(0))


def letter_notes(dna: Sequences) -> tuple[str, ...]:
    """Say how many sequences are mostly N or other letters that are no base.

    Examples
    --------
    >>> letter_notes(Sequences.from_text(["ACGT", "ANNN"]))
    ('1 of 2 sequences are mostly N or other letters that are no base; do not trust ...',)
    """
    bases = np.concatenate([[0], np.cumsum((dna.codes >= 1) & (dna.codes <= len("ACGT")))])
    known = bases[dna.starts + dna.lengths] - bases[dna.starts]
    count = int((2 * known < dna.lengths).sum())
    if not count:
        return ()
    return (
        f"{count:,} of {len(dna):,} sequences are mostly N or other letters that are no base; do "
        "not trust their answers.",
    )


def length_notes(dna: Sequences, longest: int, shortest: int, anchor: str) -> tuple[str, ...]:
    """What to say of sequences longer or shorter than any training sequence.

    Examples
    --------
    >>> length_notes(Sequences.from_text(["ACGT"]), 3, 2, "start")
    ('1 of 1 sequences are longer than any training sequence; their first 3 bp are read.',)
    """
    longer = int((dna.lengths > longest).sum())
    shorter = int((dna.lengths < shortest).sum())
    notes = []
    if longer:
        part = {"start": "first", "center": "middle", "end": "last"}[anchor]
        notes.append(
            f"{longer:,} of {len(dna):,} sequences are longer than any training sequence; "
            f"their {part} {longest:,} bp are read."
        )
    if shorter:
        notes.append(
            f"{shorter:,} of {len(dna):,} sequences are shorter than any training sequence "
            f"({shortest:,} bp); trust their answers less."
        )
    return tuple(notes)


def cut_notes(cut: int, count: int, what: str = "sequences") -> tuple[str, ...]:
    """What to say of windows with more tokens than the backbone reads.

    Examples
    --------
    >>> cut_notes(1, 6)
    ('1 of 6 sequences have more tokens than the backbone reads; their ends are not read. ...',)
    """
    if not cut:
        return ()
    return (
        f"{cut:,} of {count:,} {what} have more tokens than the backbone reads; their ends are not "
        "read. Letters such as N may cost a token each: trust these answers less.",
    )


def read_part(dna: Sequences, length: int, anchor: str) -> tuple[Sequences, IntArray]:
    """The part of each sequence that a window of ``length`` holds, and where it begins, (n,).

    Examples
    --------
    >>> dna, offsets = read_part(Sequences.from_text(["AC", "ACGTG"]), 3, "end")
    >>> dna.text(1), offsets.tolist()
    ('GTG', [0, 2])
    """
    surplus = np.maximum(dna.lengths - length, 0)
    offsets = {"start": 0 * surplus, "center": -(-surplus // 2), "end": surplus}[anchor]
    return Sequences(dna.codes, dna.starts + offsets, dna.lengths - surplus), offsets


_LETTERS = 12  # bases in a row that are no file's name


def _checked_table(source: pd.DataFrame, column: str) -> pd.DataFrame:
    """A table in memory with a column ``sequence``, indexed by name as text."""
    if column not in source.columns:
        message = (
            f"the table has no column '{column}' (sequence). Columns: "
            f"{listed(source.columns, most=20)}. Pass sequence_column=..."
        )
        raise InputError(message)
    table = source.rename(columns={column: "sequence"})
    if (table.columns == "sequence").sum() > 1:
        message = (
            f"the table has several columns of sequences: {listed(source.columns, most=20)}; "
            f"'{column}' is to be read. Remove or rename the others."
        )
        raise InputError(message)
    return table.set_axis(pd.Index([str(name) for name in table.index]), axis=0)


def _read_files(
    source: Any,
    column: str,
    genome: str | Path | None,
    labels: str | Path | None,
    cutting: Mapping[str, Any] | None,
    usual: Mapping[str, Any] | None,
) -> pd.DataFrame:
    """Files as a table with a column ``sequence``, indexed by name."""
    for one in source if isinstance(source, list) else [source]:
        if isinstance(one, str) and len(one) >= _LETTERS and wrong_letter(one) is None:
            message = (
                f"'{one[:20]}...' is a sequence, not a file; sequences come in a table: "
                "pandas.DataFrame({'sequence': [...]})."
            )
            raise InputError(message)
    return read_sequences(
        paths_of(source, "a table with a column of sequences, or the path of a FASTA, CSV or BED,"),
        sequence_column=column,
        genome=None if genome is None else Path(genome),
        labels=None if labels is None else Path(labels),
        cutting=cutting,
        usual=usual,
    )


def _with_unique_names(table: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Number the names that repeat, as anndata does: ``a``, ``a-1``, ``a-2``."""
    names = pd.Series(table.index.astype(str))
    repeated = names[names.duplicated()].unique()
    if not len(repeated):
        return table, ()
    taken, made = set(names), []
    counts: dict[str, int] = {}
    for name in names:
        unique = name
        while name in counts and unique in taken:
            counts[name] += 1
            unique = f"{name}-{counts[name] - 1}"
        counts.setdefault(name, 1)
        taken.add(unique)
        made.append(unique)
    note = (
        f"{len(repeated):,} names occur more than once ({listed(repeated, most=3)}); "
        f"the later ones were numbered, such as '{repeated[0]}-1'."
    )
    return table.set_axis(pd.Index(made, name=table.index.name), axis=0), (note,)


def _check_texts(texts: Sequence[object], names: "pd.Index[Any]") -> None:
    if not len(texts):
        message = "there is no sequence in the input."
        raise InputError(message)
    for text, name in zip(texts, names, strict=True):
        if not isinstance(text, str) or not text:
            message = f"record '{name}' has no sequence (found {text!r})."
            raise InputError(message)


def write_intervals(records: SequenceRecords, answers: Prediction, path: Path) -> None:
    """Write BED: the intervals with label and confidence (score 0 to 1000)."""
    if not isinstance(answers, ClassPrediction):
        message = f"{path}: BED holds one label a line; write predicted values to a .csv."
        raise InputError(message)
    needed = ("chrom", "start", "end")
    if any(column not in records.table.columns for column in needed):
        message = f"{path}: only sequences that came as BED go back as BED; write a .csv."
        raise InputError(message)
    table = records.table[list(needed)].assign(
        name=answers.label, score=np.rint(1000 * answers.confidence).astype(int)
    )
    places = table[["start", "end"]].apply(pd.to_numeric, errors="coerce")
    wrong = (places.isna() | (places % 1 != 0)).any(axis=1).to_numpy()
    if wrong.any():
        message = (
            f"{path}: start or end of record '{table.index[int(wrong.argmax())]}' is no whole "
            f"number ({int(wrong.sum()):,} such rows); write a .csv."
        )
        raise InputError(message)
    write_bed(table.assign(strand=strands_of(records.table)), path)
