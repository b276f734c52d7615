"""Labels of cells from a table of their own, joined by the cells' names."""

import warnings
from pathlib import Path

import pandas as pd

from polyome._errors import InputError, PolyomeWarning, listed
from polyome.io.compressed import ending
from polyome.io.table import read_columns, warn_of_table

_SUFFIX = r"-\d+$"  # of a barcode: the well of CellRanger


def with_cell_labels(obs: pd.DataFrame, path: Path) -> pd.DataFrame:
    r"""Put the columns of a table beside the cells that its ids name.

    The column of ids is the one that names most cells. Where none does, the number that CellRanger
    puts behind a barcode is left out of account.

    Parameters
    ----------
    obs : indexed by the cells' names.
    path : a table (``.csv``, ``.tsv``, ``.txt``, plain or gzip) with ids and labels.

    Returns
    -------
    DataFrame, ``obs`` and the table's other columns, NaN for cells that it does not name.

    Raises
    ------
    InputError
        No column names any cell, an id repeats, or ``obs`` has a column of the same name already.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "labels.csv"
    >>> _ = path.write_text("barcode,cell_type\nAAAC-1,B\nAAAG-1,T\n")
    >>> with_cell_labels(pd.DataFrame(index=["AAAG-1", "AAAC-1"]), path)["cell_type"].tolist()
    ['T', 'B']
    """
    path = path.expanduser()
    if ending(path) not in (".csv", ".tsv", ".txt"):
        message = f"{path}: labels of cells are read from a .csv, .tsv or .txt, plain or gzip."
        raise InputError(message)
    table, notes = read_columns(path)
    names = pd.Index(obs.index.astype(str))
    column, ids = _ids(table, names, path)
    if not ids.is_unique:
        repeated = ids[ids.duplicated()].unique()
        message = (
            f"{path}: {len(repeated):,} of the ids in column '{column}' occur more than once "
            f"({listed(repeated, most=3)}); each cell needs one row."
        )
        raise InputError(message)
    labels = table.drop(columns=column).set_axis(ids, axis=0)
    clash = [name for name in labels.columns if name in obs.columns]
    if clash:
        message = f"{path} has columns that obs has already: {listed(clash)}. Rename them."
        raise InputError(message)
    plain = names if names.isin(ids).any() else names.str.replace(_SUFFIX, "", regex=True)
    _warn_of_strangers(plain, ids, path)
    warn_of_table(notes, table, path)
    found = labels.reindex(plain).set_axis(obs.index, axis=0)
    return obs.join(found)


def _ids(table: pd.DataFrame, names: pd.Index, path: Path) -> tuple[str, pd.Index]:
    """The column that names most cells, with the barcodes' numbers or without."""
    plain = names.str.replace(_SUFFIX, "", regex=True)
    columns = {str(c): pd.Index(table[c].astype(str).str.strip(), dtype=object) for c in table}
    for index in (names, plain if plain.is_unique else names):
        for change in (lambda ids: ids, lambda ids: ids.str.replace(_SUFFIX, "", regex=True)):
            hits = {column: int(index.isin(change(ids)).sum()) for column, ids in columns.items()}
            best = max(hits, key=lambda column: hits[column])
            if hits[best]:
                return best, change(columns[best])
    first = next(iter(columns))
    message = (
        f"{path} names none of the {len(names):,} cells in any of its columns "
        f"({listed(columns, most=4)}). Its column '{first}' has {listed(columns[first], most=3)}; "
        f"the cells are {listed(names, most=3)}."
    )
    raise InputError(message)


def _warn_of_strangers(names: pd.Index, ids: pd.Index, path: Path) -> None:
    unnamed, strangers = names[~names.isin(ids)], ids[~ids.isin(names)]
    if len(unnamed) and len(strangers):
        message = (
            f"{len(unnamed):,} of {len(names):,} cells have no row in {path} (first: "
            f"'{unnamed[0]}'), and {len(strangers):,} of its ids are no cell's (first: "
            f"'{strangers[0]}'). Are they spelled alike?"
        )
        warnings.warn(message, PolyomeWarning, stacklevel=3)
