"""Several measurements of one set of records: MuData, or one AnnData with several feature types."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
from anndata import AnnData

from polyome._errors import InputError, listed
from polyome._types import IntArray
from polyome.io.feature_table import (
    columns_by_input,
    is_table,
    number_columns,
    numbers_of,
    read_feature_table,
    rest_of,
)
from polyome.io.files import written_aside
from polyome.io.h5ad import read_h5ad
from polyome.io.spot_pictures import has_picture, spot_pictures

USUAL_NAMES = {
    "cell": ("rna", "gex", "gene expression", "genes", "expression", "transcriptome"),
    "protein": ("prot", "protein", "proteins", "adt", "antibody capture", "cite"),
    "accessibility": (
        "atac", "peaks", "accessibility", "chromatin accessibility", "scatac", "dnase",
    ),
    "methylation": ("met", "meth", "methylation", "dna methylation", "dnam", "cpg", "cpgs"),
    "features": ("features",),
    "image": ("image", "images", "patch", "patches"),
    "text": ("text", "note", "notes"),
}  # fmt: skip
"""What measurements are called in files, in lower case, by the modality that reads them."""


@dataclass(frozen=True, eq=False)
class Measurements:
    """Measurements by name, and which record each of their rows is of.

    Attributes
    ----------
    table : DataFrame, (n, ...), one row per record.
    parts : by name, an AnnData.
    places : by name, int64 (n,): the record's row in the part, -1 where it was not measured.
    beside : by name, what makes an AnnData of a layer, an ``obsm`` key or the patches of a Visium
        picture, which are measurements only where somebody names them; each record has its own row.
    notes : what was decided while taking the source apart.
    mdata : the MuData, which may hold arrays of all records; None of other sources.
    """

    table: pd.DataFrame
    parts: dict[str, AnnData]
    places: dict[str, IntArray]
    beside: Mapping[str, Callable[[], AnnData]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    mdata: Any = None

    def placed(self, name: str) -> AnnData:
        """A measurement with the coordinates that the MuData has of all records, and its columns.

        Where the measurement has coordinates of its own, these count; nothing is copied then.
        """
        part = self.named(name)
        shared = [] if self.mdata is None else [*self.mdata.obsm.keys()]
        shared = [key for key in shared if key not in self.parts and key not in part.obsm]
        if not shared:
            return part
        rows = self.table.index.get_indexer(part.obs_names)
        part = part.copy()
        for key in shared:
            part.obsm[key] = np.asarray(self.mdata.obsm[key])[rows]
        for column in self.table.columns.difference(part.obs.columns):
            part.obs[column] = self.table[column].to_numpy()[rows]
        return part

    def named(self, name: str) -> AnnData:
        """A measurement of ``parts`` or ``beside``, or a column of the table, which is text."""
        if name not in self.parts and name not in self.beside:
            return AnnData(obs=self.table[[name]])
        return self.parts[name] if name in self.parts else self.beside[name]()

    def rows_of(self, name: str) -> IntArray:
        """Each record's row in a measurement."""
        return self.places.get(name, np.arange(len(self.table)))


def usual_modality(name: str) -> str | None:
    """Which modality usually reads a measurement of this name.

    Examples
    --------
    >>> usual_modality("Antibody Capture"), usual_modality("ATAC"), usual_modality("x")
    ('protein', 'accessibility', None)
    """
    plain = name.strip().lower().replace("_", " ")
    return next((kind for kind, names in USUAL_NAMES.items() if plain in names), None)


def measurements_of(source: Any) -> Measurements:
    """Take a MuData, an h5mu file or an AnnData apart by measurement.

    Parameters
    ----------
    source : MuData; AnnData, whose ``var["feature_types"]`` names measurements, if it is there; a
        path of ``.h5mu`` or ``.h5ad``.

    Raises
    ------
    InputError
        It is none of these, or mudata is not installed.

    Examples
    --------
    >>> var = pd.DataFrame({"feature_types": ["Gene Expression", "Antibody Capture"]}, ["A", "B"])
    >>> found = measurements_of(AnnData(np.ones((3, 2)), var=var))
    >>> {name: part.shape for name, part in found.parts.items()}
    {'Gene Expression': (3, 1), 'Antibody Capture': (3, 1)}
    """
    if isinstance(source, list) and len(source) == 1:
        source = source[0]
    if isinstance(source, str | Path):
        path = Path(source).expanduser()
        if not path.is_file() or path.suffix.lower() not in (".h5mu", ".h5ad"):
            is_other = "is a folder" if path.is_dir() else "is neither"
            why = is_other if path.exists() else "does not exist"
            message = f"{path} {why}; an h5mu or h5ad file is needed."
            raise InputError(message)
        source = _read_h5mu(path) if path.suffix.lower() == ".h5mu" else read_h5ad(path)
    if isinstance(source, AnnData):
        return _of_adata(source)
    if hasattr(source, "mod") and hasattr(source, "obsmap"):
        return _of_mudata(source)
    message = f"a MuData, an AnnData or the path of one is needed; found {type(source).__name__}."
    raise InputError(message)


@dataclass(frozen=True)
class TableReading:
    """How a table is taken apart into inputs.

    Attributes
    ----------
    inputs : by input the columns or patterns that were named for it; empty: those with its name
        and a separator before theirs, or all others.
    left_out : columns that are no measurement: target, split, groups.
    known : of a fitted model by input, whether it knows features of these names, bool (k,).
    texts : inputs that are text, not numbers.
    """

    inputs: Mapping[str, Sequence[str]]
    left_out: Collection[str] = ()
    known: Mapping[str, Callable[[Sequence[str]], Sequence[bool]]] | None = None
    texts: Collection[str] = ()


def measurements_of_table(source: Any, reading: TableReading) -> Measurements:
    """Take a table of numbers apart by input.

    Raises
    ------
    InputError
        An input of a model that is to be fitted has no column, or one has text.

    Examples
    --------
    >>> table = pd.DataFrame({"expr_A": [1.0, 2.0], "age": [30, 40], "sex": ["f", "m"]})
    >>> found = measurements_of_table(table, TableReading({"expr": (), "features": ()}))
    >>> [list(found.parts[name].var_names) for name in ("expr", "features")]
    [['A'], ['age']]
    >>> found.notes
    ("1 column of text is no input: 'sex'. Write numbers, or name it as text, to have it read.",)
    """
    table = read_feature_table(source)
    free = [name for name in table.columns if name not in {*reading.left_out, "source"}]
    columns = columns_by_input(free, reading.inputs)
    rest, notes = rest_of(columns), []
    if rest is not None and rest not in reading.texts:
        taken = {name for own in columns.values() for name in own}
        others = [name for name in free if name not in taken]
        known: set[str] = set()
        if reading.known is not None:
            knows = reading.known[rest](others)
            known = {name for name, is_known in zip(others, knows, strict=True) if is_known}
        numbers, texts = number_columns(table, others, known)
        columns[rest] = {name: name for name in numbers}
        if texts and reading.known is None:
            is_one = len(texts) == 1
            notes.append(
                f"{len(texts):,} column{'' if is_one else 's'} of text {'is' if is_one else 'are'} "
                f"no input: {listed(texts, most=5)}. Write numbers, or name "
                f"{'it' if is_one else 'them'} as text, to have "
                f"{'it' if is_one else 'them'} read."
            )
    empty = [name for name, own in columns.items() if not own]
    if empty and reading.known is None:
        raise _no_columns(empty[0], free, rest)
    parts = {
        name: AnnData(obs=table[[*own]]) if name in reading.texts else _of_columns(table, own)
        for name, own in columns.items()
        if own
    }
    return Measurements(
        table, parts, dict.fromkeys(parts, np.arange(len(table))), notes=tuple(notes)
    )


def _of_columns(table: pd.DataFrame, columns: Mapping[str, str]) -> AnnData:
    names = pd.Index(list(columns.values()))
    values = numbers_of(table, list(columns))
    return AnnData(values, obs=pd.DataFrame(index=table.index), var=pd.DataFrame(index=names))


def _no_columns(name: str, columns: Sequence[str], rest: str | None) -> InputError:
    """Say that an input of a table has no column, and how columns are named."""
    if name == rest:
        return InputError(
            f"no column holds numbers for the input '{name}', apart from target, split and group. "
            f"Columns: {listed(columns, most=8) or 'none'}."
        )
    return InputError(
        f"the input '{name}' has no column: none is called '{name}' or begins with '{name}:' or "
        f"'{name}_'. Columns: {listed(columns, most=8)}. Rename its columns, or list them in a "
        f"file for --config: inputs: {{{name}: {{columns: [...]}}}}."
    )


def _of_adata(adata: AnnData) -> Measurements:
    everything = np.arange(adata.n_obs)
    if "feature_types" in adata.var and adata.X is not None:
        types = adata.var["feature_types"].astype(str)
        parts = {name: adata[:, (types == name).to_numpy()].copy() for name in dict.fromkeys(types)}
    else:
        parts = {} if adata.X is None else {"X": adata}
    beside: dict[str, Callable[[], AnnData]] = {
        str(key): partial(_of_obsm, adata, key) for key in adata.obsm
    }
    beside |= {str(key): partial(_of_layer, adata, key) for key in adata.layers}
    if "image" not in beside and has_picture(adata):
        beside["image"] = partial(_of_picture, adata)
    return Measurements(adata.obs, parts, dict.fromkeys(parts, everything), beside)


def _of_obsm(adata: AnnData, key: str) -> AnnData:
    """An AnnData of a table or an array of ``obsm``, whose columns are named by their number."""
    values = adata.obsm[key]
    if isinstance(values, pd.DataFrame):
        names = pd.Index(values.columns.astype(str))
        numbers = values.to_numpy(np.float32, na_value=np.nan)
        return AnnData(numbers, obs=adata.obs, var=pd.DataFrame(index=names))
    if np.ndim(values) > 2:  # pictures
        return AnnData(obs=adata.obs, obsm={key: values})
    names = pd.Index([f"{key}_{i}" for i in range(values.shape[1])])
    return AnnData(values, obs=adata.obs, var=pd.DataFrame(index=names))


def _of_picture(adata: AnnData) -> AnnData:
    return AnnData(obs=adata.obs, obsm={"image": spot_pictures(adata)})


def _of_layer(adata: AnnData, key: str) -> AnnData:
    return AnnData(adata.layers[key], obs=adata.obs, var=adata.var, obsm=dict(adata.obsm))


def _of_mudata(mdata: Any) -> Measurements:
    table = mdata.obs.copy()
    places = {}
    for name, part in mdata.mod.items():
        _check_names(part.obs_names, f"mod '{name}'")
        places[name] = part.obs_names.get_indexer(mdata.obs_names)
    for column, found in _columns_of_parts(mdata).items():
        if _agree([*found.values()]):
            first, *others = found.values()
            for other in others:
                first = first.where(first.notna(), other)
            table[column] = first.infer_objects()
        else:
            for name, own in found.items():
                table[f"{name}:{column}"] = own.infer_objects()
    return Measurements(table, dict(mdata.mod), places, mdata=mdata)


def _columns_of_parts(mdata: Any) -> dict[str, dict[str, "pd.Series[Any]"]]:
    """By column that the whole lacks, then by measurement, its values for all records, (n,)."""
    found: dict[str, dict[str, pd.Series[Any]]] = {}
    for name, part in mdata.mod.items():
        for column in part.obs.columns.difference(mdata.obs.columns, sort=False):
            own = part.obs[column].astype(object).reindex(mdata.obs_names)
            found.setdefault(column, {})[name] = own
    return found


def _agree(columns: Sequence["pd.Series[Any]"]) -> bool:
    """Whether no record has two values. Columns that differ keep their measurement's name.

    As :meth:`mudata.MuData.pull_obs` does: ``rna:cell_type``.
    """
    return not any(
        (one.notna() & other.notna() & (one != other)).any()
        for i, one in enumerate(columns)
        for other in columns[:i]
    )


def _check_names(names: pd.Index, where: str) -> None:
    """Refuse records of one name: no other measurement could be joined to them."""
    if not names.is_unique:
        repeated = names[names.duplicated()].unique()
        message = (
            f"{where}: {len(repeated):,} names of records occur twice: {listed(repeated, most=4)}. "
            "Give each a name of its own: adata.obs_names_make_unique()."
        )
        raise InputError(message)


def _read_h5mu(path: Path) -> Any:
    mudata = mudata_module()
    try:
        with mudata.set_options(pull_on_update=False):  # columns are taken upwards by us
            return mudata.read_h5mu(path)
    except Exception as error:  # HDF5 and mudata fail in as many ways as a file has bytes
        message = f"{path} is not a readable h5mu file ({error})."
        raise InputError(message) from error


def mudata_module() -> Any:
    """The package mudata, which reads and writes h5mu.

    Raises
    ------
    InputError
        It is not installed.
    """
    try:
        import mudata
    except ImportError as error:
        message = (
            "h5mu is read with mudata, which is absent. Run: pip install 'polyome[multimodal]'"
        )
        raise InputError(message) from error
    return mudata


class MissingMeasurementError(InputError):
    """A source lacks a measurement, or has several of its name."""


def choose(found: Measurements, wanted: str) -> str:
    """Name of the measurement that is meant by a name, which may be written otherwise.

    Raises
    ------
    MissingMeasurementError
        There is none, or several.
    """
    if wanted in found.parts or wanted in found.beside:
        return wanted
    kind = usual_modality(wanted)
    known = [*found.parts, *found.beside]
    alike = [name for name in known if name.lower() == wanted.lower()]
    alike = alike or [name for name in found.parts if kind and usual_modality(name) == kind]
    if len(alike) != 1:
        message = (
            f"there is no measurement '{wanted}'. Found: {listed(known)}. Name those to read: "
            f"--inputs {','.join(known[:2])}."
        )
        raise MissingMeasurementError(message)
    return alike[0]


def write_measurements(source: Any, path: Path, change: Callable[[Any], None]) -> None:
    """Write a copy of what was read, changed, in its own format; whole or not at all.

    Parameters
    ----------
    source : as it was given to :func:`measurements_of`.
    path : ``.h5mu`` for a MuData, ``.h5ad`` for an AnnData.
    change : writes into the MuData or AnnData in place.
    """
    if is_table(source):
        message = f"{path}: the records came as a table; a name that ends in .csv is needed."
        raise InputError(message)
    if isinstance(source, list):
        source = source[0]
    if isinstance(source, str | Path):
        own = Path(source).expanduser()
        source = _read_h5mu(own) if own.suffix.lower() == ".h5mu" else anndata.read_h5ad(own)
    else:
        source = source.copy()
    ending = ".h5ad" if isinstance(source, AnnData) else ".h5mu"
    if path.suffix.lower() != ending:
        message = (
            f"{path}: the records came as {ending[1:]}; a name that ends in {ending} is needed."
        )
        raise InputError(message)
    change(source)
    with written_aside(path) as aside:
        if isinstance(source, AnnData):
            source.write_h5ad(aside)
        else:
            mudata_module().write_h5mu(aside, source)
