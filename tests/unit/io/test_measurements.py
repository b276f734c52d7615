"""What an AnnData or a MuData offers as measurements."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from polyome import InputError
from polyome.io.measurements import choose, measurements_of, usual_modality


def cells():
    adata = AnnData(np.ones((3, 2), np.float32), obs=pd.DataFrame(index=["a", "b", "c"]))
    adata.layers["counts"] = adata.X * 2
    adata.obsm["prot"] = pd.DataFrame({"CD3": [1.0, 2, 3]}, index=adata.obs_names)
    adata.obsm["patch"] = np.arange(6.0).reshape(3, 2)
    return adata


def test_layers_and_obsm_are_measurements_where_they_are_named():
    found = measurements_of(cells())
    assert list(found.parts) == ["X"]
    assert found.named("prot").var_names.tolist() == ["CD3"]
    assert found.named("patch").var_names.tolist() == ["patch_0", "patch_1"]
    assert found.named("counts").X[0, 0] == 2
    assert found.rows_of("patch").tolist() == found.rows_of("X").tolist() == [0, 1, 2]
    assert choose(found, "PROT") == "prot"


def test_an_unknown_measurement_is_refused_with_all_there_are():
    message = r"there is no measurement 'atac'. Found: 'X', 'prot', 'patch', 'counts'"
    with pytest.raises(InputError, match=message):
        choose(measurements_of(cells()), "atac")


def test_a_file_without_x_offers_the_rest():
    adata = AnnData(obs=pd.DataFrame(index=["a", "b"]), obsm={"patch": np.eye(2)})
    found = measurements_of(adata)
    assert (list(found.parts), list(found.beside)) == ([], ["patch"])


@pytest.mark.filterwarnings("ignore:.*not unique")
@pytest.mark.filterwarnings("ignore:Observation names")
def test_records_of_one_name_are_refused():
    mudata = pytest.importorskip("mudata")
    rna = AnnData(np.ones((3, 2), np.float32), obs=pd.DataFrame(index=["a", "a", "b"]))
    with mudata.set_options(pull_on_update=False):
        both = mudata.MuData({"rna": rna})
    with pytest.raises(InputError, match=r"mod 'rna': 1 names of records occur twice: 'a'"):
        measurements_of(both)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("Peaks", "accessibility"), ("met", "methylation"), ("ADT", "protein"), ("gex", "cell")],
)
def test_usual_names_say_how_a_measurement_is_read(name, kind):
    assert usual_modality(name) == kind


@pytest.mark.parametrize("second", ["B", "T"])
def test_columns_of_two_measurements_are_one_where_no_record_has_two_values(second):
    mudata = pytest.importorskip("mudata")

    def part(feature, labels, depth):
        obs = pd.DataFrame({"label": pd.Categorical(labels), "depth": depth}, index=labels.index)
        x = np.ones((len(obs), 1), np.float32)
        return AnnData(x, obs=obs, var=pd.DataFrame(index=[feature]))

    rna = part("LYZ", pd.Series({"a": "T", "b": None}), [1.0, 2.0])
    prot = part("CD3", pd.Series({"a": second, "b": "B", "c": "NK"}), [1.0, 2.0, 3.0])
    with mudata.set_options(pull_on_update=False):
        table = measurements_of(mudata.MuData({"rna": rna, "prot": prot})).table
    assert table["depth"].tolist() == [1, 2, 3]
    assert table["depth"].dtype == float
    if second == "T":
        assert table["label"].tolist() == ["T", "B", "NK"]
        return
    assert "label" not in table
    assert table["prot:label"].tolist() == ["B", "B", "NK"]
    assert table.loc["a", "rna:label"] == "T"


def test_a_folder_is_called_one(tmp_path):
    with pytest.raises(InputError, match="is a folder; an h5mu or h5ad file is needed"):
        measurements_of(tmp_path)
