"""Cells written as CellRanger, loompy and spreadsheets write them."""

import gzip

import h5py
import numpy as np
import pandas as pd
from scipy import sparse
from scipy.io import mmwrite


def text(values):
    return np.array([str(value).encode() for value in values])


def ids_of(adata):
    """Ids of genes: those that the data has, or made up."""
    if "gene_ids" in adata.var:
        return list(adata.var["gene_ids"])
    return [f"ENSG{i:011d}" for i in range(adata.n_vars)]


def types_of(adata):
    if "feature_types" in adata.var:
        return list(adata.var["feature_types"])
    return ["Gene Expression"] * adata.n_vars


def write_folder(adata, folder, *, version=3, packed=True, prefix=""):
    """A folder as CellRanger of a version writes it, perhaps with a sample's name as GEO has it."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = [ids_of(adata), list(adata.var_names)]
    columns += [types_of(adata)] if version > 2 else []
    files = {
        "barcodes.tsv": "".join(f"{name}\n" for name in adata.obs_names),
        "features.tsv" if version > 2 else "genes.tsv": "".join(
            "\t".join(row) + "\n" for row in zip(*columns)
        ),
    }
    mmwrite(folder / "x.mtx", sparse.csr_matrix(adata.X).T.astype(int))
    files["matrix.mtx"] = (folder / "x.mtx").read_text()
    (folder / "x.mtx").unlink()
    for name, content in files.items():
        if packed:
            (folder / f"{prefix}{name}.gz").write_bytes(gzip.compress(content.encode()))
        else:
            (folder / f"{prefix}{name}").write_text(content)
    return folder


def write_h5(adata, path, *, version=3, genome="GRCh38"):
    """One file as CellRanger of a version writes it."""
    counts = sparse.csr_matrix(adata.X)
    with h5py.File(path, "a") as file:
        group = file.create_group("matrix" if version > 2 else genome)
        group["barcodes"] = text(adata.obs_names)
        group["data"] = counts.data.astype(np.int32)
        group["indices"] = counts.indices.astype(np.int64)
        group["indptr"] = counts.indptr.astype(np.int64)
        group["shape"] = np.array([adata.n_vars, adata.n_obs], np.int32)
        if version == 2:
            group["genes"], group["gene_names"] = text(ids_of(adata)), text(adata.var_names)
            return path
        features = group.create_group("features")
        features["id"], features["name"] = text(ids_of(adata)), text(adata.var_names)
        features["feature_type"] = text(types_of(adata))
        features["genome"] = text([genome] * adata.n_vars)
        features["_all_tag_keys"] = text(["genome"])
    return path


def write_loom(adata, path, **layers):
    """A file of loom 3.0.0: genes in rows, text as variable-length UTF-8."""
    words = h5py.string_dtype()
    with h5py.File(path, "w") as file:
        file.attrs["LOOM_SPEC_VERSION"] = "3.0.0"
        matrix = sparse.csr_matrix(adata.X).toarray().T
        file.create_dataset("matrix", data=matrix, chunks=True, compression="gzip")
        file.create_dataset("row_attrs/Gene", data=list(adata.var_names), dtype=words)
        file.create_dataset("row_attrs/Accession", data=ids_of(adata), dtype=words)
        file.create_dataset("col_attrs/CellID", data=list(adata.obs_names), dtype=words)
        for column in adata.obs:
            values = adata.obs[column]
            is_number = pd.api.types.is_numeric_dtype(values)
            data = values.to_numpy() if is_number else list(values.astype(str))
            file.create_dataset(
                f"col_attrs/{column}", data=data, dtype=None if is_number else words
            )
        file.create_group("layers")
        for name, values in layers.items():
            file[f"layers/{name}"] = values.T
    return path


def write_table(adata, path, *, rows="cells", separator=",", **options):
    """A table of counts, cells in rows or genes in rows."""
    frame = adata.to_df().astype(int)
    (frame if rows == "cells" else frame.T).to_csv(path, sep=separator, **options)
    return path
