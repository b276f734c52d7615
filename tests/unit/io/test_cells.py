"""Cells in any format are the same cells; what cannot be read is refused with what to do."""

import h5py
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from anndata.io import write_elem
from scipy import sparse
from tests.cell_files import write_folder, write_h5, write_loom, write_table

from polyome._errors import InputError, PolyomeWarning
from polyome.io import read
from polyome.io.cells import CellReading, read_cells
from polyome.io.h5ad import write_h5ad
from polyome.io.zarr_tables import write_zarr_table

GENES = ("CD3D", "MS4A1", "LYZ", "ACTB", "NKG7")
BARCODES = ("AAACATACAACCAC-1", "AAACATTGAGCTAC-1", "AAACATTGATCAGC-1")


@pytest.fixture
def cells():
    counts = np.random.default_rng(0).poisson(20, (3, 5)).astype(np.float32)
    counts[0, 1] = counts[2, 3] = 0
    var = pd.DataFrame({"gene_ids": [f"ENSG{i:011d}" for i in range(5)]}, index=list(GENES))
    return AnnData(sparse.csr_matrix(counts), obs=pd.DataFrame(index=list(BARCODES)), var=var)


def with_antibodies(cells):
    """The cells, and two antibodies that are named as genes are."""
    types = ["Gene Expression"] * 5 + ["Antibody Capture"] * 2
    var = pd.DataFrame(
        {"gene_ids": [*cells.var["gene_ids"], "CD4", "CD19"], "feature_types": types},
        index=[*GENES, "CD4_TotalSeqB", "CD19_TotalSeqB"],
    )
    both = sparse.hstack([cells.X, np.full((3, 2), 900)], format="csr", dtype=np.float32)
    return AnnData(both, obs=cells.obs.copy(), var=var)


FORMS = {
    "h5ad": lambda cells, to: write_h5ad(cells, to / "x.h5ad") or to / "x.h5ad",
    "zarr": lambda cells, to: write_zarr_table(cells, to / "x.zarr") or to / "x.zarr",
    "folder of CellRanger 3": lambda cells, to: write_folder(cells, to / "x"),
    "folder, unpacked (STARsolo)": lambda cells, to: write_folder(cells, to / "x", packed=False),
    "folder of CellRanger 2": lambda cells, to: write_folder(
        cells, to / "x", version=2, packed=False
    ),
    "folder in a folder": lambda cells, to: write_folder(cells, to / "x" / "hg19").parent,
    "folder of GEO": lambda cells, to: write_folder(cells, to / "x", prefix="GSM1_pbmc_"),
    "matrix": lambda cells, to: write_folder(cells, to / "x", prefix="s.") / "s.matrix.mtx.gz",
    "h5 of CellRanger 3": lambda cells, to: write_h5(cells, to / "x.h5"),
    "h5 of CellRanger 2": lambda cells, to: write_h5(cells, to / "x.h5", version=2),
    "loom": lambda cells, to: write_loom(cells, to / "x.loom"),
    "csv": lambda cells, to: write_table(cells, to / "x.csv"),
    "csv, genes in rows": lambda cells, to: write_table(cells, to / "x.csv", rows="genes"),
    "tsv.gz": lambda cells, to: write_table(cells, to / "x.tsv.gz", rows="genes", separator="\t"),
    "txt with semicolons": lambda cells, to: write_table(cells, to / "x.txt", separator=";"),
    "txt with blanks": lambda cells, to: write_table(cells, to / "x.txt", separator=" ", quoting=1),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_same_cells_in_every_form(form, cells, tmp_path):
    found = read_cells([FORMS[form](cells, tmp_path)]).adata
    assert list(found.obs_names) == list(BARCODES)
    assert list(found.var_names) == list(GENES)
    values = found.to_memory().X
    np.testing.assert_array_equal(sparse.csr_matrix(values).toarray(), cells.X.toarray())
    assert values.dtype == np.float32


def test_a_content_decides_whatever_the_ending(cells, tmp_path):
    path = write_h5(cells, tmp_path / "x.h5ad")
    assert read_cells([path]).adata.shape == (3, 5)
    assert read_cells([write_loom(cells, tmp_path / "y.h5")]).adata.shape == (3, 5)


@pytest.mark.parametrize("form", ["folder of CellRanger 3", "h5 of CellRanger 3"])
def test_what_features_are_is_kept(form, cells, tmp_path):
    """Which of them are genes is for the modality to say, whatever the file."""
    found = read_cells([FORMS[form](with_antibodies(cells), tmp_path)]).adata
    types = ["Gene Expression"] * 5 + ["Antibody Capture"] * 2
    assert list(found.var["feature_types"]) == types


def test_ids_stay_beside_symbols_that_repeat(cells, tmp_path):
    cells.var_names = ["CD3D", "MATR3", "MATR3", "ACTB", "NKG7"]
    found = read_cells([write_folder(cells, tmp_path / "x")]).adata
    assert list(found.var_names) == list(cells.var_names)
    assert list(found.var["gene_ids"]) == list(cells.var["gene_ids"])


def test_an_unfiltered_matrix_is_noted(cells, tmp_path):
    empty = sparse.csr_matrix((7, 5), dtype=np.float32)
    names = [*BARCODES, *(f"TTTT{i}-1" for i in range(7))]
    both = AnnData(sparse.vstack([cells.X, empty]), obs=pd.DataFrame(index=names), var=cells.var)
    note = read_cells([write_folder(both, tmp_path / "raw_feature_bc_matrix")]).notes[0]
    assert "raw_feature_bc_matrix: 7 of 10 barcodes have fewer than 10 counts" in note
    assert "the cells are in filtered_feature_bc_matrix" in note


def test_several_matrices_in_a_folder_are_named(cells, tmp_path):
    for prefix in ("GSM1_", "GSM2_"):
        write_folder(cells, tmp_path / "geo", prefix=prefix)
    with pytest.raises(InputError, match=r"holds 2 matrices.*geo/GSM1_matrix\.mtx\.gz'"):
        read_cells([tmp_path / "geo"])
    both = [tmp_path / "geo" / f"GSM{i}_matrix.mtx.gz" for i in (1, 2)]
    assert read_cells(both).adata.n_obs == 6
    for name in ("raw_feature_bc_matrix", "filtered_feature_bc_matrix"):
        write_folder(cells, tmp_path / "outs" / name)
    with pytest.raises(InputError, match=r"several: '[^']*filtered_feature_bc_matrix', '[^']*raw"):
        read_cells([tmp_path / "outs"])


def test_folders_without_a_matrix(cells, tmp_path):
    with pytest.raises(
        InputError, match=r"without a matrix\.mtx or matrix\.mtx\.gz; .* It is empty"
    ):
        read_cells([tmp_path])
    (tmp_path / "notes.md").write_text("x")
    with pytest.raises(InputError, match=r"It holds 'notes\.md'"):
        read_cells([tmp_path])
    write_h5ad(cells, tmp_path / "a.h5ad")
    with pytest.raises(InputError, match=r"Files of cells there: 'a\.h5ad'"):
        read_cells([tmp_path])


def test_files_of_a_folder_that_do_not_fit(cells, tmp_path):
    folder = write_folder(cells, tmp_path / "x", packed=False)
    (folder / "barcodes.tsv").write_text("AAAC-1\n")
    with pytest.raises(InputError, match=r"matrix\.mtx is 5 by 3, but features\.tsv has 5 lines"):
        read_cells([folder])
    (folder / "features.tsv").write_text("ENSG1\tCD3D\nENSG2\n")
    with pytest.raises(InputError, match=r"features\.tsv line 2 has 1 columns and others have 2"):
        read_cells([folder])
    (folder / "features.tsv").unlink()
    with pytest.raises(InputError, match=r"lacks features\.tsv\.gz or features\.tsv or genes"):
        read_cells([folder])


@pytest.mark.parametrize("share", [0.2, 0.7])
def test_a_matrix_that_is_cut_short(share, cells, tmp_path):
    for packed in (True, False):
        path = next(write_folder(cells, tmp_path / f"x{packed}", packed=packed).glob("matrix*"))
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])
        with pytest.raises(InputError, match=r"damaged or cut short|no whole Matrix Market file"):
            read_cells([path.parent])


def test_a_cellranger_file_that_is_damaged(cells, tmp_path):
    path = write_h5(cells, tmp_path / "x.h5")
    with h5py.File(path, "a") as file:
        del file["matrix/indptr"]
    with pytest.raises(InputError, match=r"cannot be read as a CellRanger file \('indptr'\)"):
        read_cells([path])


def test_a_genome_is_named_behind_the_file(cells, tmp_path):
    path = write_h5(cells, tmp_path / "x.h5", version=2, genome="hg19")
    write_h5(cells[:2], path, version=2, genome="mm10")
    with pytest.raises(InputError, match=r"each of 2 genomes: 'hg19', 'mm10'.*x\.h5/hg19\."):
        read_cells([path])
    assert read_cells([path / "mm10"]).adata.n_obs == 2


def write_mudata(path, **modalities):
    with h5py.File(path, "w") as file:
        file.attrs["encoding-type"] = "MuData"
        for name, adata in modalities.items():
            write_elem(file, f"mod/{name}", adata)
        first = next(iter(modalities.values()))
        whole = pd.DataFrame({"cell_type": ["B", "T", "B"]}, index=first.obs_names)
        write_elem(file, "obs", whole.assign(**{"rna:n": 1}))
    return path


def test_the_modality_of_gene_expression_is_read(cells, tmp_path):
    antibodies = with_antibodies(cells)[:, 5:].copy()
    path = write_mudata(tmp_path / "x.h5mu", rna=cells, prot=antibodies)
    found = read_cells([path])
    np.testing.assert_array_equal(found.adata.X.toarray(), cells.X.toarray())
    assert list(found.adata.obs["cell_type"]) == ["B", "T", "B"]
    assert "rna:n" not in found.adata.obs
    assert found.notes == ("x.h5mu is a MuData file; its modality 'rna' was read, and not 'prot'.",)
    assert read_cells([path / "prot"]).adata.n_vars == 2
    with pytest.raises(InputError, match=r"has no modality 'prt'\. Modalities: 'prot', 'rna'\. D"):
        read_cells([path / "prt"])


def test_modalities_of_unusual_names(cells, tmp_path):
    path = write_mudata(tmp_path / "x.h5mu", first=cells, second=cells)
    with pytest.raises(InputError, match=r"several modalities.*'first', 'second'.*x\.h5mu/first\."):
        read_cells([path])
    assert read_cells([write_mudata(tmp_path / "y.h5mu", mine=cells)]).adata.n_obs == 3
    path = write_mudata(tmp_path / "z.h5mu", surface=cells[:, :2].copy(), transcripts=cells)
    with pytest.raises(InputError, match=r"Name the one of gene expression.*z\.h5mu/transcripts\."):
        read_cells([path])


def test_what_a_loom_file_knows_is_kept(cells, tmp_path):
    cells.obs["cell_type"] = ["B", "T", "B"]
    path = write_loom(cells, tmp_path / "x.loom", spliced=cells.X.toarray() + 1)
    with h5py.File(path, "a") as file:
        file["col_attrs/Embedding"] = np.ones((3, 2))
    found = read_cells([path]).adata
    assert list(found.obs["cell_type"]) == ["B", "T", "B"]
    assert list(found.var["Accession"]) == list(cells.var["gene_ids"])
    assert found.obsm["Embedding"].shape == (3, 2)
    np.testing.assert_array_equal(found.layers["spliced"].toarray(), cells.X.toarray() + 1)


def test_a_loom_file_whose_attributes_do_not_fit(cells, tmp_path):
    path = write_loom(cells, tmp_path / "x.loom")
    with h5py.File(path, "a") as file:
        file["col_attrs/batch"] = np.ones(2)
    with pytest.raises(InputError, match=r"col_attrs/batch has 2 values for 3 cells"):
        read_cells([path])


def test_a_loom_file_without_names(tmp_path):
    with h5py.File(tmp_path / "x.loom", "w") as file:
        file["matrix"] = np.ones((2, 3))
    assert list(read_cells([tmp_path / "x.loom"]).adata.obs_names) == ["0", "1", "2"]


def test_empty_and_repeated(cells, tmp_path):
    with pytest.raises(InputError, match=r"x is empty: 0 cells, 5 genes"):
        read_cells([write_folder(cells[:0], tmp_path / "x")])
    cells.obs_names = ["a", "a", "b"]
    with pytest.raises(InputError, match=r"x\.loom: 1 of the obs_names occurs more than once"):
        read_cells([write_loom(cells, tmp_path / "x.loom")])


def test_files_of_several_kinds_are_joined(cells, tmp_path):
    other = cells.copy()
    other.obs_names = [f"b{name}" for name in cells.obs_names]
    paths = [write_h5(cells, tmp_path / "a.h5"), write_loom(other, tmp_path / "b.loom")]
    found = read_cells(paths).adata
    assert found.shape == (6, 5)
    assert list(found.obs["source"].cat.categories) == ["a.h5", "b.loom"]


def test_read_knows_cells(cells, tmp_path):
    write_mudata(tmp_path / "x.h5mu", rna=cells, prot=cells)
    with pytest.warns(PolyomeWarning, match="its modality 'rna' was read"):
        assert read(tmp_path / "x.h5mu").shape == (3, 5)
    assert read(write_loom(cells, tmp_path / "x.loom")).shape == (3, 5)
    assert read(write_folder(cells, tmp_path / "folder")).shape == (3, 5)
    assert read(tmp_path / "x.h5mu" / "prot").shape == (3, 5)


def test_labels_come_from_a_table(cells, tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text("n,barcode,cell_type\n1,AAACATTGAGCTAC-1,B\n2,AAACATACAACCAC-1,T\n")
    path = write_h5(cells, tmp_path / "x.h5")
    found = read_cells([path], CellReading(labels=table)).adata.obs
    assert found["cell_type"].fillna("none").tolist() == ["T", "B", "none"]
    table.write_text("barcode\tcell_type\nAAACATTGAGCTAC\tB\n")
    tsv = table.rename(tmp_path / "labels.tsv")
    assert read_cells([path], CellReading(labels=tsv)).adata.obs["cell_type"].notna().sum() == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,cell_type\nx,B\ny,T\n", r"names none of the 3 cells .*'id' has 'x', 'y'; the cells"),
        ("id,l\nAAACATACAACCAC-1,B\nAAACATACAACCAC-1,T\n", r"1 of the ids in column 'id' occur"),
    ],
)
def test_labels_of_other_cells(content, message, cells, tmp_path):
    (tmp_path / "labels.csv").write_text(content)
    reading = CellReading(labels=tmp_path / "labels.csv")
    with pytest.raises(InputError, match=message):
        read_cells([write_h5(cells, tmp_path / "x.h5")], reading)


def test_labels_that_clash_or_are_no_table(cells, tmp_path):
    cells.obs["cell_type"] = "B"
    path = write_loom(cells, tmp_path / "x.loom")
    (tmp_path / "labels.csv").write_text("id,cell_type\nAAACATACAACCAC-1,B\n")
    with pytest.raises(InputError, match=r"columns that obs has already: 'cell_type'"):
        read_cells([path], CellReading(labels=tmp_path / "labels.csv"))
    with pytest.raises(InputError, match=r"labels of cells are read from a \.csv"):
        read_cells([path], CellReading(labels=tmp_path / "labels.xlsx"))


def test_cells_and_labels_that_do_not_meet_are_named(cells, tmp_path):
    (tmp_path / "labels.csv").write_text("id,t\nAAACATACAACCAC-1,B\nother,T\n")
    reading = CellReading(labels=tmp_path / "labels.csv")
    message = r"2 of 3 cells have no row in .*first: 'AAACATTGAGCTAC-1'.*1 of its ids are no cell"
    with pytest.warns(PolyomeWarning, match=message):
        read_cells([write_h5(cells, tmp_path / "x.h5")], reading)
