"""Several files of cells as one: cells stacked, shared genes, what is known of both kept."""

import warnings

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

from polyome._errors import InputError, PolyomeWarning
from polyome.io.cells import read_cells
from polyome.io.h5ad import write_h5ad


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


def read_many(paths):
    return read_cells(paths).adata


def two_files(tmp_path, second):
    write_h5ad(toy(), tmp_path / "a.h5ad")
    write_h5ad(second, tmp_path / "b.h5ad")
    return [tmp_path / "a.h5ad", tmp_path / "b.h5ad"]


def test_one_file_is_as_it_is(path):
    read = read_many([path])
    assert "source" not in read.obs
    assert read.isbacked, "one file is not read before it is needed"


def test_no_file():
    with pytest.raises(InputError, match="No input file"):
        read_many([])


def test_several_files_are_joined(tmp_path):
    second = toy(4, genes=("LYZ", "CD3D", "MS4A1"), prefix="d")
    second.obs["only_here"] = pd.Categorical(["x", "y", "x", "y"])
    joined = read_many(two_files(tmp_path, second))
    assert joined.shape == (10, 3)
    assert list(joined.obs["source"]) == ["a.h5ad"] * 6 + ["b.h5ad"] * 4
    assert list(joined.obs["label"].cat.categories) == ["B", "T"]
    assert joined.obs["only_here"].isna().sum() == 6
    np.testing.assert_array_equal(
        joined[6:, ["LYZ", "CD3D"]].X.toarray(), second[:, ["LYZ", "CD3D"]].X.toarray()
    )


def test_shared_obs_names_carry_their_file(tmp_path):
    joined = read_many(two_files(tmp_path, toy()))
    assert joined.obs_names[0] == "c0-a.h5ad"
    assert joined.obs_names.is_unique


def test_genes_left_out_are_counted(tmp_path):
    paths = two_files(tmp_path, toy(genes=("CD3D", "LYZ", "ACTB", "GAPDH"), prefix="d"))
    with pytest.warns(PolyomeWarning, match="2 genes are in all 2 files and were kept; 3 that"):
        assert list(read_many(paths).var_names) == ["CD3D", "LYZ"]


def test_duplicated_genes_survive_the_join(tmp_path):
    genes = ("CD3D", "LYZ", "LYZ")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first, second = toy(genes=genes), toy(genes=genes, prefix="d")
    write_h5ad(first, tmp_path / "a.h5ad")
    write_h5ad(second, tmp_path / "b.h5ad")
    joined = read_many([tmp_path / "a.h5ad", tmp_path / "b.h5ad"])
    assert list(joined.var_names) == list(genes)


def test_files_without_common_genes(tmp_path):
    paths = two_files(tmp_path, toy(genes=("ENSG1", "ENSG2"), prefix="d"))
    with pytest.raises(InputError, match=r"share 0 of 5 genes.*a\.h5ad has 'CD3D'.*b\.h5ad has"):
        read_many(paths)


def test_same_file_twice(path):
    with pytest.raises(InputError, match=r"named more than once: '.*toy\.h5ad'"):
        read_many([path, path])


def test_files_of_one_name_are_told_apart_by_folder(tmp_path):
    paths = [tmp_path / folder / "s.h5ad" for folder in ("a", "b")]
    for path in paths:
        path.parent.mkdir()
        write_h5ad(toy(), path)
    assert set(read_many(paths).obs["source"]) == {str(path) for path in paths}


def test_matrices_that_a_file_lacks_are_named(tmp_path):
    first, second = toy(), toy(prefix="d")
    first.raw = first.copy()
    second.layers["counts"] = second.X.copy()
    write_h5ad(first, tmp_path / "a.h5ad")
    write_h5ad(second, tmp_path / "b.h5ad")
    with pytest.warns(PolyomeWarning) as said:
        read_many([tmp_path / "a.h5ad", tmp_path / "b.h5ad"])
    assert [str(warning.message) for warning in said] == [
        ".raw was left out: 'b.h5ad' has none.",
        "layers['counts'] was left out: 'a.h5ad' has none.",
    ]


def test_duplicated_genes_of_raw_survive_the_join(tmp_path):
    genes = ("CD3D", "LYZ", "LYZ")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("a", "b"):
            cells = toy(genes=genes, prefix=name)
            cells.raw = cells.copy()
            write_h5ad(cells, tmp_path / f"{name}.h5ad")
    joined = read_many([tmp_path / "a.h5ad", tmp_path / "b.h5ad"])
    assert joined.raw.shape == (12, 3)
