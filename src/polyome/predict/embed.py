"""Answers and representations as files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from polyome._errors import InputError
from polyome.io.files import check_writable, written_aside
from polyome.io.zarr_tables import check_new_zarr
from polyome.modalities import Modality
from polyome.modalities.base import Records
from polyome.outputs.prediction import Prediction

_WHOLE = (".h5ad", ".zarr")
"""Endings of files that hold cells with all that is known of them."""


def embedding_formats(modality: Modality) -> tuple[str, ...]:
    """Endings of files that representations are written to; h5ad and zarr where they are cells."""
    return (".csv", ".npy", *[end for end in modality.answer_formats if end in _WHOLE])


def check_format(path: Path, formats: tuple[str, ...], inputs: Sequence[Path] = ()) -> None:
    """Refuse early a file that cannot be written, or that is an input and would lose what it holds.

    What an h5ad holds is kept where answers are written into it.
    """
    if path.suffix == ".zarr" and path.suffix in formats:
        check_new_zarr(path)
        return
    if path.suffix not in formats and not path.is_dir():
        message = f"{path}: a name that ends in {' or '.join(formats)} is needed."
        raise InputError(message)
    check_writable(path, () if path.suffix == ".h5ad" else inputs)


def write_answers(modality: Modality, records: Records, answers: Prediction, path: Path) -> None:
    """Write answers in the records' own format, or as a table: id, label, confidence, classes.

    A table of several inputs ends with a column ``source``.
    """
    check_format(path, modality.answer_formats)
    if path.suffix == ".csv":
        _write_table(answers.frame(), records, path)
    else:
        modality.write(records, answers, path)


def write_embedding(modality: Modality, records: Records, answers: Prediction, path: Path) -> None:
    """Write representations: a table, an array (n, d), or ``obsm["X_polyome"]`` of cells."""
    check_format(path, embedding_formats(modality))
    if path.suffix in _WHOLE:
        modality.write(records, answers, path)
        return
    if path.suffix == ".csv":
        _write_table(pd.DataFrame(answers.representation, index=answers.names), records, path)
        return
    with written_aside(path) as aside:
        np.save(aside, answers.representation, allow_pickle=False)


def _write_table(table: pd.DataFrame, records: Records, path: Path) -> None:
    if "source" in records.table.columns and "source" not in table.columns:
        table = table.assign(source=records.table["source"].to_numpy())
    with written_aside(path) as aside:
        table.to_csv(aside, index_label="id")
