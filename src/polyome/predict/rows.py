"""Which rows of a source are scored: those of a part of the split that was fitted."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from polyome._errors import InputError, listed
from polyome.io.files import read_kept_table
from polyome.labels import doubtful_hint, spelled_otherwise
from polyome.modalities import Modality
from polyome.modalities.base import Records
from polyome.model_folder.fitted_model import FittedModel
from polyome.outputs.targets import Targets
from polyome.predict.evaluate import Evaluation


def rows_of_part(
    fitted: FittedModel,
    table: pd.DataFrame,
    targets: Targets,
    part: str | None,
    remembered: "pd.Series[Any] | None",
    *,
    mark: str,
) -> tuple[np.ndarray, str]:
    """Find the labelled rows of a part.

    Parameters
    ----------
    mark : of these records, see :func:`mark_of`.
    part : ``train``, ``test`` or ``all``; None is ``test`` where the split is known, else ``all``.
    remembered : the part of each training record by name, where it was kept.

    Returns
    -------
    Positions in ``table``, and the part's name.
    """
    if part not in (None, "train", "test", "all"):
        message = f"part '{part}' is none of train, test, all."
        raise InputError(message)
    is_same = mark == fitted.facts.get("records")
    if not is_same:
        remembered = None
    known = _known_parts(fitted, table, remembered)
    if known is None or part == "all":
        if part in ("train", "test"):
            message = (
                f"the source does not say which rows are '{part}': the model was split by "
                f"{fitted.facts['split']}. Pass part='all'."
            )
            raise InputError(message)
        if part is None and is_same:
            message = (
                "the model was fitted on these very records, and its folder does not say which of "
                "them were test rows (evaluation/split.csv.gz is missing, as it is on the hub). "
                "Score records that it has not seen, or pass part='all' (--part all) to score "
                "these, most of which it knows."
            )
            raise InputError(message)
        return _some(np.flatnonzero(targets.labelled), "labelled"), "all"
    chosen = part or "test"
    rows = np.flatnonzero(targets.labelled & (known == chosen))
    return _some(rows, f"labelled '{chosen}'"), chosen


def _known_parts(
    fitted: FittedModel, table: pd.DataFrame, remembered: "pd.Series[Any] | None"
) -> np.ndarray | None:
    column = fitted.facts["split_column"]
    if column is not None and column in table.columns:
        return table[column].astype(str).str.strip().str.lower().to_numpy()
    if remembered is not None:
        return remembered.reindex(table.index).to_numpy()
    return None


def mark_of(modality: Modality, records: Records) -> str:
    """What tells these records from others, whatever their order: of names, of sequences letters.

    Rows without names are numbered, so that names alone would take one file for another.
    """
    total = modality.keys(records).sum(dtype=np.uint64)
    return f"{len(records)}-{int(total):016x}"


def fitted_note(table: pd.DataFrame, remembered: "pd.Series[Any] | None", part: str) -> list[str]:
    """Say how many of all rows bear names of rows that the model was fitted on."""
    if part != "all" or remembered is None:
        return []
    fitted = remembered.index[remembered == "train"]
    count = int(table.index.isin(fitted).sum())
    if not count:
        return []
    return [
        f"{count:,} of {len(table):,} rows are named like rows that the model was fitted on. If "
        "they are the same, this score is too good."
    ]


def _some(rows: np.ndarray, what: str) -> np.ndarray:
    if not len(rows):
        message = f"there are no {what} rows to score."
        raise InputError(message)
    return rows


def unseen_note(evaluation: Evaluation, classes: tuple[str, ...]) -> list[str]:
    """Say which labels of the truth the model does not know; refused where it knows none."""
    if not evaluation.unseen:
        return []
    count = sum(evaluation.unseen.values())
    if count == evaluation.n:
        message = (
            f"no row has a label that the model knows. It knows {listed(classes, most=20)}; found "
            f"{listed(evaluation.unseen, most=20)}."
            f"{spelled_otherwise(evaluation.unseen, classes)} Rename the labels, or name another "
            "target."
        )
        raise InputError(message)
    return [
        f"{count:,} of {evaluation.n:,} rows have labels that the model does not know "
        f"({listed(evaluation.unseen, most=4)}); they count as wrong. It knows "
        f"{listed(classes, most=8)}.{spelled_otherwise(evaluation.unseen, classes)}"
        f"{doubtful_hint(evaluation.unseen)}"
    ]


def read_split(path: Path) -> "pd.Series[Any]":
    """Read each training record's part, by name, as ``fit`` left it."""
    table = read_kept_table(path, ["id", "part"], dtype=str, keep_default_na=False)
    return table.set_index("id")["part"]
