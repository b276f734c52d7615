"""Representations as a file."""

from pathlib import Path

import numpy as np
import pandas as pd

from polyome._errors import InputError
from polyome.io.files import check_writable, written_aside
from polyome.modalities import Modality
from polyome.modalities.base import Answers, Records

FORMATS = (".csv", ".npy", ".h5ad")


def check_format(path: Path) -> None:
    """Refuse early a file that cannot be written."""
    check_writable(path)
    if path.suffix not in FORMATS:
        message = f"{path}: a name that ends in {', '.join(FORMATS)} is needed."
        raise InputError(message)


def write_embedding(modality: Modality, records: Records, answers: Answers, path: Path) -> None:
    """Write representations: a table, an array (n, d), or ``obsm["X_polyome"]`` of an h5ad."""
    check_format(path)
    if path.suffix == ".h5ad":
        modality.write(records, answers, path)
        return
    with written_aside(path) as aside:
        if path.suffix == ".npy":
            np.save(aside, answers.representation, allow_pickle=False)
        else:
            pd.DataFrame(answers.representation, index=answers.names).to_csv(aside, index_label="id")
