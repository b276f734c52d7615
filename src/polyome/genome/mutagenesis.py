"""In-silico saturation mutagenesis: every base of a sequence changed to every other one."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from polyome._errors import InputError
from polyome._types import IntArray
from polyome.io.nucleotides import LETTERS, Sequences
from polyome.model_folder.fitted_model import FittedModel
from polyome.predict.predict import PredictArguments, proba_of

MOST_CHANGES = 1_000_000
_AT_ONCE = 4096


def saturation_mutagenesis(
    fitted: FittedModel,
    records: Any,
    arguments: PredictArguments | None = None,
) -> pd.DataFrame:
    """Answer every sequence with each of its bases changed to each other one.

    Parameters
    ----------
    fitted : a model of sequences.
    records : sequences, usually one or a few; letters that are no base are changed too.

    Returns
    -------
    One row per change: ``id``, ``position`` (0-based), ``reference``, ``alternative``, and for each
    target or class T ``T`` (the answer with the change) and ``T_difference`` (less the answer
    without).

    Examples
    --------
    >>> from polyome.estimator import estimator_class
    >>> expression = estimator_class("expression")
    >>> example = expression.task_class.example()
    >>> model = expression(num_members=1, hidden_size=16, quiet=True)
    >>> _ = model.fit(example.source, example.target, baselines=False, num_train_epochs=1)
    >>> table = model.mutagenesis(example.source.iloc[:1])
    >>> table.columns.tolist(), len(table)
    (['id', 'position', 'reference', 'alternative', 'level', 'level_difference'], 180)
    """
    if fitted.modality.name != "sequence":
        message = f"only sequences can be mutated; this model is of '{fitted.task.name}'."
        raise InputError(message)
    changes = 3 * int(records.dna.lengths.sum())
    if changes > MOST_CHANGES:
        message = (
            f"{len(records):,} sequences have {changes:,} changes of one base; at most "
            f"{MOST_CHANGES:,} are answered. Give fewer sequences."
        )
        raise InputError(message)
    arguments = arguments or PredictArguments()
    usual = proba_of(fitted, records, arguments)
    tables = []
    for rows, places, bases, asked in mutants(records):
        values = proba_of(fitted, asked, arguments)
        found: dict[str, Any] = {
            "id": records.table.index[rows],
            "position": places,
            "reference": [
                LETTERS[records.dna.one(r)[p]] for r, p in zip(rows, places, strict=True)
            ],
            "alternative": [LETTERS[base + 1] for base in bases],
        }
        for k, name in enumerate(fitted.classes):
            found[name] = values[:, k]
            found[f"{name}_difference"] = values[:, k] - usual[rows, k]
        tables.append(pd.DataFrame(found))
    return pd.concat(tables, ignore_index=True)


def mutants(records: Any) -> Iterator[tuple[IntArray, IntArray, IntArray, Any]]:
    """All changes of one letter, some thousands at a time; what else a record has stays with it.

    Yields
    ------
    row and place (0-based) of each change, the base there is instead (0 to 3), and the records.

    Examples
    --------
    >>> from polyome.modalities import SequenceModality
    >>> records = SequenceModality().read(pd.DataFrame({"sequence": ["AC"]}))
    >>> [(one.dna.text(0), len(one)) for *_, one in mutants(records)]
    [('CC', 6)]
    """
    dna = records.dna
    letters = np.concatenate([dna.one(i) for i in range(len(dna))])
    rows = np.repeat(np.arange(len(dna)), dna.lengths)
    places = np.arange(len(rows)) - np.repeat(np.cumsum(dna.lengths) - dna.lengths, dna.lengths)
    which, bases = np.nonzero(letters[:, None] != np.arange(1, 5))
    for start in range(0, len(which), _AT_ONCE):
        some = which[start : start + _AT_ONCE]
        changed = bases[start : start + _AT_ONCE]
        copies = _changed(dna, rows[some], places[some], changed + 1)
        table = records.table.iloc[rows[some]].set_axis(pd.RangeIndex(len(some)), axis=0)
        asked = replace(records, table=table, dna=copies, notes=(), windows=None)
        yield rows[some], places[some], changed, asked


def _changed(dna: Sequences, rows: IntArray, places: IntArray, codes: IntArray) -> Sequences:
    """Copies of the sequences of ``rows``, each with one letter replaced."""
    lengths = dna.lengths[rows]
    starts = np.cumsum(lengths) - lengths
    source = np.repeat(dna.starts[rows] - starts, lengths) + np.arange(int(lengths.sum()))
    letters = dna.codes[source]
    letters[starts + places] = codes
    return Sequences(letters, starts, lengths)
