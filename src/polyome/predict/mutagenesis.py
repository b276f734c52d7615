"""In-silico saturation mutagenesis: every base of a sequence changed to every other one."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from polyome._errors import InputError
from polyome.io.nucleotides import LETTERS, Sequences
from polyome.predict.predict import PredictArguments, proba_of
from polyome.train.fitted import Fitted

MOST_CHANGES = 1_000_000
_BASES = np.array([LETTERS.index(base) for base in "ACGT"], np.uint8)


def saturation_mutagenesis(
    fitted: Fitted,
    records: Any,  # noqa: ANN401
    arguments: PredictArguments | None = None,
) -> pd.DataFrame:
    """Answer every sequence with each of its bases changed to each other one.

    Parameters
    ----------
    fitted : a model of sequences.
    records : sequences, usually one or a few; letters that are no base are changed too.

    Returns
    -------
    One row per change: ``id``, ``position`` (from 1), ``reference``, ``alternative``, and for each
    target or class T ``T`` (the answer with the change) and ``T_difference`` (less the answer
    without).

    Examples
    --------
    >>> from polyome.estimators import estimator_class
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
    tables = [_of_one(fitted, records, row, arguments) for row in range(len(records))]
    return pd.concat(tables, ignore_index=True)


def _of_one(
    fitted: Fitted,
    records: Any,  # noqa: ANN401
    row: int,
    arguments: PredictArguments | None,
) -> pd.DataFrame:
    codes = records.dna.one(row)
    place, other = np.divmod(np.arange(4 * len(codes)), 4)
    differs = codes[place] != _BASES[other]
    place, other = place[differs], other[differs]
    changed = np.tile(codes, (len(place) + 1, 1))  # the last row as it is
    changed[np.arange(len(place)), place] = _BASES[other]
    names = pd.RangeIndex(len(changed))
    table = records.table.iloc[np.full(len(changed), row)].set_axis(names, axis=0)
    lengths = np.full(len(changed), len(codes))
    dna = Sequences(changed.ravel(), np.arange(len(changed)) * len(codes), lengths)
    one = replace(records, table=table, dna=dna, notes=(), windows=None)
    values = proba_of(fitted, one, arguments or PredictArguments())
    found: dict[str, Any] = {
        "id": records.table.index[row],
        "position": place + 1,
        "reference": [LETTERS[code] for code in codes[place]],
        "alternative": [LETTERS[code] for code in _BASES[other]],
    }
    for k, name in enumerate(fitted.classes):
        found[name] = values[:-1, k]
        found[f"{name}_difference"] = values[:-1, k] - values[-1, k]
    return pd.DataFrame(found)
