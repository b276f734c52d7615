"""Several files of cells as one: cells stacked, shared genes, what is known of both kept."""

import warnings

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

from polyome._errors import InputError, PolyomeWarning
from polyome.io.cells import CellReading, read_cells
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


def with_symbols(cells, symbols, ids):
    """The cells with symbols as categories, as files of CELLxGENE have them, also in .raw."""
    cells.var["feature_name"] = pd.Categorical(symbols)
    cells.var["n_cells"] = range(cells.n_vars)
    cells.var_names = ids
    cells.raw = cells.copy()
    return cells


def test_columns_of_var_survive_the_join(tmp_path):
    first = with_symbols(toy(), ["CD3D", "MS4A1", "LYZ"], ["E1", "E2", "E3"])
    second = with_symbols(toy(prefix="d"), ["LYZ", "CD3D", "ACTB"], ["E3", "E1", "E4"])
    write_h5ad(first, tmp_path / "a.h5ad")
    write_h5ad(second, tmp_path / "b.h5ad")
    with pytest.warns(PolyomeWarning, match="2 genes are in all 2 files"):
        found = read_many([tmp_path / "a.h5ad", tmp_path / "b.h5ad"])
    for var in (found.var, found.raw.var):
        assert var["feature_name"].to_dict() == {"E1": "CD3D", "E3": "LYZ"}
        assert "n_cells" not in var, "a number that differs says nothing of both"


def test_a_column_that_one_file_lacks_is_kept(tmp_path):
    second = toy(prefix="d")
    second.var["gene_ids"] = ["E1", "E2", "E3"]
    assert list(read_many(two_files(tmp_path, second)).var["gene_ids"]) == ["E1", "E2", "E3"]


def test_text_that_differs_between_files_is_named(tmp_path):
    first, second = toy(), toy(prefix="d")
    first.var["symbol"], second.var["symbol"] = ["A", "B", "C"], ["A", "B", "Z"]
    write_h5ad(first, tmp_path / "a.h5ad")
    write_h5ad(second, tmp_path / "b.h5ad")
    message = r"var\['symbol'\] differs .* 1 of 3 genes \(first: 'LYZ' is 'C', in b\.h5ad 'Z'\)"
    with pytest.warns(PolyomeWarning, match=message):
        found = read_many([tmp_path / "a.h5ad", tmp_path / "b.h5ad"])
    assert list(found.var["symbol"]) == ["A", "B", "C"]


def test_files_of_ids_and_of_symbols_are_joined_by_what_both_have(tmp_path):
    second = with_symbols(toy(prefix="d"), ["LYZ", "CD3D", "MS4A1"], ["E3", "E1", "E2"])
    second.raw = None
    with pytest.warns(PolyomeWarning, match=r"joined by var_names of a\.h5ad, var\['feature_name'"):
        found = read_many(two_files(tmp_path, second))
    assert list(found.var_names) == ["CD3D", "MS4A1", "LYZ"]
    np.testing.assert_array_equal(
        found[6:, ["LYZ", "CD3D"]].X.toarray(), second[:, ["E3", "E1"]].X.toarray()
    )


def test_files_are_joined_by_the_column_that_is_asked_for(tmp_path):
    first, second = toy(), toy(prefix="d")
    for cells, ids in ((first, ["a1", "a2", "a3"]), (second, ["b1", "b2", "b3"])):
        cells.var["mine"] = cells.var_names
        cells.var_names = ids
    write_h5ad(first, tmp_path / "a.h5ad")
    write_h5ad(second, tmp_path / "b.h5ad")
    paths = [tmp_path / "a.h5ad", tmp_path / "b.h5ad"]
    with pytest.raises(InputError, match="share 0 of 6 genes"):
        read_many(paths)
    with pytest.warns(PolyomeWarning, match=r"joined by var\['mine'\] of a\.h5ad"):
        found = read_cells(paths, CellReading(gene_column="mine")).adata
    assert list(found.var_names) == ["CD3D", "MS4A1", "LYZ"]
