"""h5ad files: what cannot be read is refused clearly, what is written is whole."""

import gzip
import warnings

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

from polyome._errors import InputError
from polyome.io import h5ad
from polyome.io.h5ad import read_h5ad, write_h5ad


def toy(n_obs=6, genes=("CD3D", "MS4A1", "LYZ"), prefix="c"):
    counts = np.arange(n_obs * len(genes), dtype=np.float32).reshape(n_obs, -1) % 5
    return AnnData(
        sparse.csr_matrix(counts),
        obs=pd.DataFrame(
            {"label": pd.Categorical(["B", "T"] * (n_obs // 2))},
            index=[f"{prefix}{i}" for i in range(n_obs)],
        ),
        var=pd.DataFrame(index=list(genes)),
    )


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "toy.h5ad"
    write_h5ad(toy(), path)
    return path


def test_missing_file_names_its_neighbours(path):
    with pytest.raises(InputError, match=r"There is no file .*none\.h5ad.*there: 'toy\.h5ad'"):
        read_h5ad(path.with_name("none.h5ad"))


def test_missing_folder(tmp_path):
    with pytest.raises(InputError, match="Its folder does not exist either"):
        read_h5ad(tmp_path / "none" / "a.h5ad")


def test_folder(path):
    with pytest.raises(InputError, match=r"is a folder; an h5ad file was expected.*'toy\.h5ad'"):
        read_h5ad(path.parent)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"gene,cell\nA,1\n", r"is not an HDF5 file \(it begins with b'gene,cel'\).*scanpy"),
        (gzip.compress(b"RDX3", mtime=0), r"is gzip-compressed.*\.rds.*zellkonverter"),
        (b"", r"is empty \(0 bytes\)"),
        (b"\x89HDF broken", r"is damaged or cut short"),
    ],
)
def test_not_hdf5(tmp_path, content, message):
    path = tmp_path / "a.h5ad"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_h5ad(path)


@pytest.mark.parametrize("backed", [False, True])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.99])
def test_truncated(path, share, backed):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(InputError, match=r"damaged or cut short.*again"):
        read_h5ad(path, backed=backed)


def test_damaged_inside(path):
    with h5py.File(path, "r+") as file:
        del file["X/indptr"]
    with pytest.raises(InputError, match=r"is damaged: .*An intact h5ad file was expected"):
        read_h5ad(path)


def test_hdf5_of_another_kind(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file.create_group("table")
    with pytest.raises(
        InputError, match=r"no AnnData, MuData, loom or .* it holds 'table', no obs"
    ):
        read_h5ad(path)


@pytest.mark.parametrize(("rows", "columns"), [(0, 3), (6, 0)])
def test_empty(tmp_path, rows, columns):
    path = tmp_path / "a.h5ad"
    toy()[:rows, :columns].copy().write_h5ad(path)
    with pytest.raises(InputError, match=f"is empty: {rows} cells, {columns} genes"):
        read_h5ad(path)


def test_genes_in_raw_alone_are_named(tmp_path):
    adata = toy()
    only_raw = AnnData(obs=adata.obs)
    only_raw.raw = adata
    only_raw.write_h5ad(tmp_path / "a.h5ad")
    message = rf"0 genes.* \.raw holds {adata.n_vars} genes: save adata\.raw\.to_adata\(\)"
    with pytest.raises(InputError, match=message):
        read_h5ad(tmp_path / "a.h5ad")


def test_duplicated_obs_names_are_refused(tmp_path):
    adata = toy()
    adata.obs_names = ["a", "a", "b", "b", "b", "c"]
    write_h5ad(adata, tmp_path / "a.h5ad")
    found = r"a\.h5ad: 2 of the obs_names occur more than once \('a', 'b'\).*make_unique"
    with pytest.raises(InputError, match=found):
        read_h5ad(tmp_path / "a.h5ad")


def test_backed_leaves_x_in_the_file(path):
    assert read_h5ad(path, backed=True).isbacked


def hard_obs():
    obs = pd.DataFrame(index=[f"c{i}" for i in range(4)])
    obs["category"] = pd.Categorical(["a", None, "b", "a"])
    obs["mixed_category"] = pd.Categorical(["a", 1, None, "a"])
    obs["int_category"] = pd.Categorical([1, 2, None, 1])
    obs["mixed"] = ["a", 1, 2.5, "b"]
    obs["mixed_missing"] = ["a", None, 3, np.nan]
    obs["nothing"] = [None] * 4
    obs["nullable_int"] = pd.array([1, None, 3, 4], dtype="Int64")
    obs["nullable_bool"] = pd.array([True, None, False, True], dtype="boolean")
    obs["text"] = pd.array(["a", None, "b", "c"], dtype="string")
    obs["date"] = pd.to_datetime(["2020-01-01"] * 4)
    obs["interval"] = pd.cut([1, 2, 3, 4], 2)
    obs["a/b"] = 1.0
    return obs


@pytest.mark.parametrize("form", ["memory", "view", "backed", "backed view"])
def test_every_kind_of_column_is_written(tmp_path, form):
    adata = toy(4)
    adata.layers["counts"] = adata.X.copy()
    adata.obsm["X_pca"] = np.ones((4, 2))
    adata.uns["note"] = {"seed": 1}
    adata.raw = adata
    if "backed" in form:
        write_h5ad(adata, tmp_path / "b.h5ad")
        adata = read_h5ad(tmp_path / "b.h5ad", backed=True)
    adata.obs = hard_obs()
    if "view" in form:
        adata = adata[[2, 0, 1]]
    write_h5ad(adata, tmp_path / "a.h5ad")
    assert type(adata.obs["mixed"].iloc[0]) in {str, float}, "the caller's object is not changed"
    read = read_h5ad(tmp_path / "a.h5ad")
    order = ["c2", "c0", "c1"] if "view" in form else ["c0", "c1", "c2", "c3"]
    assert list(read.obs_names) == order
    assert read.raw.shape == read.shape
    np.testing.assert_array_equal(read.layers["counts"].toarray(), read.X.toarray())
    np.testing.assert_array_equal(read.X.toarray(), toy(4)[order].X.toarray())
    first = read.obs.loc["c0"]
    assert (first["mixed"], first["mixed_category"], first["mixed_missing"]) == ("a", "a", "a")
    assert read.obs["mixed"]["c1"] == "1"
    assert read.obs["mixed_category"]["c1"] == "1"
    assert read.obs["mixed_missing"].isna()["c1"]
    assert read.obs["nullable_int"].isna().sum() == 1
    assert read.obs["int_category"].cat.categories.dtype.kind == "i"


def test_missing_text_columns_stay_missing(tmp_path):
    adata = toy(2)
    adata.obs["mixed"] = [None, 3]
    write_h5ad(adata, tmp_path / "a.h5ad")
    assert list(read_h5ad(tmp_path / "a.h5ad").obs["mixed"].isna()) == [True, False]


def test_a_crash_leaves_the_old_file(path, monkeypatch):
    before = path.read_bytes()

    def half(adata, aside):
        aside.write_bytes(b"half")
        message = "disk full"
        raise OSError(message)

    monkeypatch.setattr(h5ad, "_write_memory", half)
    with pytest.raises(OSError, match="disk full"):
        write_h5ad(toy(), path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_backed_file_can_be_written_over_itself(path):
    adata = read_h5ad(path, backed=True)
    adata.obs["new"] = 1
    write_h5ad(adata, path)
    adata.file.close()
    assert list(read_h5ad(path).obs["new"]) == [1] * 6


def test_no_folder_to_write_to(tmp_path):
    with pytest.raises(InputError, match="none does not exist"):
        write_h5ad(toy(), tmp_path / "none" / "a.h5ad")


def test_nothing_of_anndata_leaks(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adata = toy(genes=("CD3D", "CD3D"))
    write_h5ad(adata, tmp_path / "a.h5ad")
    assert read_h5ad(tmp_path / "a.h5ad").shape == (6, 2)
    assert isinstance(read_h5ad(tmp_path / "a.h5ad"), anndata.AnnData)
