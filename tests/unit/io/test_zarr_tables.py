"""Tables of cells in zarr stores, SpatialData's among them."""

from types import SimpleNamespace

import anndata
import numpy as np
import pytest

from polyome._errors import InputError
from polyome.data.tissue_simulator import simulate_tissue
from polyome.io.zarr_tables import read_zarr_table, table_of, write_zarr_table
from polyome.modalities.tissue import TissueModality

# Of formats that anndata will write in future; these stores are written for the tests alone.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture(autouse=True)
def _present_format():
    with anndata.settings.override(zarr_write_format=3):
        yield


@pytest.fixture(scope="module")
def tissue():
    return simulate_tissue(40, n_sections=2)


@pytest.fixture
def store(tissue, tmp_path):
    """A store as SpatialData lays it out; regions are sections."""
    table = tissue.copy()
    table.uns["spatialdata_attrs"] = {"region_key": "section", "instance_key": "cell"}
    (tmp_path / "s.zarr" / "tables").mkdir(parents=True)
    table.write_zarr(tmp_path / "s.zarr" / "tables" / "table")
    return tmp_path / "s.zarr"


def test_the_table_of_a_store_and_its_regions(store, tissue):
    for source in (store, [store], str(store), store / "tables" / "table"):
        records = TissueModality().read(source)
        assert (records.adata.X != tissue.X).nnz == 0
        assert records.sections.names == ("section 1", "section 2")


def test_an_object_with_one_table(tissue):
    records = TissueModality().read(SimpleNamespace(tables={"table": tissue}))
    assert records.adata is tissue
    with pytest.raises(InputError, match="has 2 tables \\('a', 'b'\\); one is needed"):
        table_of(SimpleNamespace(tables={"a": tissue, "b": tissue}))


def test_several_tables_and_none(store, tissue, tmp_path):
    tissue.write_zarr(store / "tables" / "bins")
    with pytest.raises(InputError, match=r"several tables: 'bins', 'table'\. Name one, such as"):
        read_zarr_table(store)
    (tmp_path / "e.zarr" / "tables").mkdir(parents=True)
    with pytest.raises(InputError, match="without a table of cells"):
        read_zarr_table(tmp_path / "e.zarr")


def test_what_is_no_store(tmp_path):
    with pytest.raises(InputError, match="There is no zarr store"):
        read_zarr_table(tmp_path / "absent.zarr")
    (tmp_path / "x.zarr").mkdir()
    with pytest.raises(InputError, match="cannot be read as an AnnData or SpatialData store"):
        read_zarr_table(tmp_path / "x.zarr")


def test_a_table_without_coordinates_names_the_package(store, tissue, tmp_path):
    table = read_zarr_table(store)
    del table.obsm["spatial"]
    with pytest.raises(InputError, match="pip install spatialdata"):
        TissueModality().read(table)
    assert np.shape(tissue.obsm["spatial"]) == (40, 2)


def test_a_table_is_written_whole_and_replaced(store, tissue, tmp_path):
    out = tmp_path / "out.zarr"
    for cells in (tissue, tissue[:10].copy()):
        write_zarr_table(cells, out)
        assert read_zarr_table(out).n_obs == cells.n_obs
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []
    with pytest.raises(InputError, match="SpatialData store, whose images would be lost"):
        write_zarr_table(tissue, store)
    (tmp_path / "mine.zarr").mkdir()
    (tmp_path / "mine.zarr" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="holds other files"):
        write_zarr_table(tissue, tmp_path / "mine.zarr")


@pytest.mark.parametrize("mark", ["zarr.json", ".zgroup", ".zattrs"])
def test_stores_of_something_else_are_not_replaced(tmp_path, mark):
    store = tmp_path / "images.zarr"
    (store / "0").mkdir(parents=True)
    (store / mark).write_text('{"attributes": {"multiscales": []}}')
    with pytest.raises(InputError, match=r"something else than a table|holds other files"):
        write_zarr_table(simulate_tissue(20), store)
    assert (store / "0").is_dir()


def test_an_older_table_is_replaced(tmp_path):
    for cells in (20, 30):
        write_zarr_table(simulate_tissue(cells), tmp_path / "table.zarr")
    assert read_zarr_table(tmp_path / "table.zarr").n_obs == 30
