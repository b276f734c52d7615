"""What cannot be used is refused: exit code 2, one message that helps, nothing written."""

import shutil

import anndata
import numpy as np
import pandas as pd
import pytest

import polyome
from polyome._errors import listed
from polyome.tasks import TASKS

# --- files


def nothing(path, cells_file):
    del path, cells_file


def empty(path, cells_file):
    del cells_file
    path.touch()


def cut_short(path, cells_file):
    whole = cells_file.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def barely_begun(path, cells_file):
    path.write_bytes(cells_file.read_bytes()[:100])


def overwritten_inside(path, cells_file):
    whole = bytearray(cells_file.read_bytes())
    whole[2000:-2000] = bytes(len(whole) - 4000)
    path.write_bytes(whole)


def folder(path, cells_file):
    path.mkdir()
    shutil.copy(cells_file, path / "cells.h5ad")


def table(path, cells_file):
    del cells_file
    path.write_text("cell,CD3D,LYZ\nc1,1,0\nc2,0,4\n")


def compressed(path, cells_file):
    del cells_file
    path.write_bytes(b"\x1f\x8b\x08\x00rest")


FILES = [
    (nothing, "There is no file", "h5ad"),
    (empty, "is empty (0 bytes)", "an h5ad file was expected"),
    (cut_short, "is damaged or cut short", "copy or download it again"),
    (barely_begun, "is damaged or cut short", "opy or download it again"),
    (overwritten_inside, "is damaged", "An intact h5ad file was expected"),
    (folder, "is a folder", "Files of cells there: 'cells.h5ad'"),
    (table, "is not an HDF5 file", "or convert it with scanpy"),
    (compressed, "is gzip-compressed", "Decompress it"),
]


@pytest.mark.parametrize(("make", "found", "hint"), FILES, ids=[f[0].__name__ for f in FILES])
def test_files_that_are_no_h5ad(
    refused_fit, refused_predict, cells_file, tmp_path, make, found, hint
):
    path = tmp_path / "query.h5ad"
    make(path, cells_file)
    for message in (refused_fit(source=path), refused_predict(path)):
        assert str(path) in message
        assert found in message
        assert hint in message


def test_a_table_of_counts_of_other_genes(refused_predict, tmp_path):
    path = tmp_path / "counts.csv"
    table(path, None)
    assert "0 of the 120 genes that the model knows (0%) are in X" in refused_predict(path)


def test_a_file_named_twice(refused, cells_file, tmp_path):
    out = f"--out={tmp_path / 'm'}"
    message = refused("audit", "cell-type", cells_file, cells_file, "--target=cell_type")
    assert "A file is named more than once" in message
    words = ("fit", "cell-type", cells_file, cells_file, "--target=cell_type", out)
    assert "A file is named more than once" in refused(*words)


# --- values, names and genes


@pytest.fixture
def changed(cells, tmp_path):
    """Write cells after a change."""

    def run(change):
        copied = cells.copy()
        copied.X = copied.X.toarray()
        change(copied)
        path = tmp_path / "query.h5ad"
        copied.write_h5ad(path)
        return path

    return run


@pytest.mark.parametrize(("value", "shown"), [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf")])
def test_values_that_are_not_finite(refused_fit, refused_predict, changed, value, shown):
    def change(adata):
        adata.X[77, 3] = value

    path = changed(change)
    for message in (refused_fit(source=path), refused_predict(path)):
        assert f"X holds {shown} at cell 'cell 78', gene 'GENE4'" in message
        assert "must be a finite number" in message


def test_nothing_but_zeros(refused_fit, changed):
    def change(adata):
        adata.X[:] = 0

    message = refused_fit(source=changed(change))
    assert "No gene of X is found in at least 3 training cells" in message


def test_no_values_at_all(refused_fit, refused_predict, cells, tmp_path):
    path = tmp_path / "query.h5ad"
    anndata.AnnData(obs=cells.obs, var=cells.var).write_h5ad(path)
    for message in (refused_fit(source=path), refused_predict(path)):
        assert "has no X, no layers and no .raw; expression values are needed" in message


def test_repeated_obs_names(refused_fit, refused_predict, changed):
    def change(adata):
        adata.obs_names = ["cell 1", "cell 1", *adata.obs_names[2:]]

    path = changed(change)
    for message in (refused_fit(source=path), refused_predict(path)):
        assert str(path) in message
        assert "1 of the obs_names occurs more than once ('cell 1')" in message
        assert "obs_names_make_unique()" in message


def test_repeated_obs_names_in_memory(model, cells):
    twice = cells.copy()
    twice.obs_names = ["cell 1", "cell 1", *twice.obs_names[2:]]
    for verb in (model.predict, model.evaluate):
        with pytest.raises(polyome.InputError, match="1 of the obs_names occurs more than once"):
            verb(twice)


def test_no_shared_genes(refused_predict, changed):
    def change(adata):
        adata.var_names = [f"ENSG{i:011d}" for i in range(adata.n_vars)]

    message = refused_predict(changed(change))
    assert "0 of the 120 genes that the model knows (0%) are in X" in message
    assert "'ENSG00000000000', 'ENSG00000000001'" in message
    assert "'GENE1', 'GENE2'" in message
    assert "look like Ensembl ids; the model was fitted on symbols. Pass gene_column=" in message


def test_too_few_shared_genes_shows_names_from_both_sides(refused_predict, changed):
    def change(adata):
        adata.var_names = [*adata.var_names[:11], *(f"OTHER{i}" for i in range(109))]

    message = refused_predict(changed(change))
    assert "11 of the 120 genes that the model knows (9%) are in X; at least 10% are" in message
    assert "that it does not know: 'OTHER0', 'OTHER1'" in message
    assert "The model's that are missing: 'GENE12', 'GENE13'" in message


def test_scaled_query_for_a_model_of_counts(refused_predict, changed):
    def change(adata):
        adata.X -= adata.X.mean(axis=0)

    message = refused_predict(changed(change))
    assert "X is scaled (smallest value -" in message
    assert "was fitted on counts" in message


def test_counts_for_a_model_of_scaled_values(
    call, refused_predict, changed, cells_file, tiny, tmp_path_factory
):
    def change(adata):
        adata.X -= adata.X.mean(axis=0)

    scaled = changed(change)
    folder = tmp_path_factory.mktemp("models") / "scaled"
    options = ["--target=cell_type", f"--out={folder}", *tiny]
    result = call("fit", "cell-type", scaled, *options)
    assert result.exit_code == 0, result.stderr
    assert "a query must be scaled by the same procedure" in result.stderr
    message = refused_predict(cells_file, folder=folder)
    assert "X holds counts, but the model was fitted on scaled values" in message
    assert call("evaluate", folder, scaled).exit_code == 0


# --- targets, splits and groups


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("celltype", "obs has no column 'celltype' (target). Columns: 'cell_type', 'donor'"),
        ("celltype", "Did you mean 'cell_type'?"),
        ("one_class", "column 'one_class' (target) has only 'T cell'; two classes or more"),
        ("nothing", "column 'nothing' (target) has no label at all; two classes or more"),
        ("name", "has 240 labels on 240 training rows, none of them on 3 rows or more"),
    ],
)
def test_targets(refused_fit, target, found):
    assert found in refused_fit(target=target)


def test_a_class_that_reads_as_missing_is_told(refused, tmp_path):
    rows = [f"{'ACGT'[i % 4] * 30},{'NA' if i % 2 else 'promoter'}" for i in range(40)]
    (tmp_path / "a.csv").write_text("\n".join(["sequence,label", *rows]))
    message = refused("audit", "promoter", tmp_path / "a.csv", "--target=label")
    assert "has only 'promoter', and none in 20 of 40 rows (empty, NA or NaN)" in message


@pytest.mark.parametrize("target", ["celltype", "one_class"])
def test_targets_of_an_audit(refused, cells_file, target):
    message = refused("audit", "cell-type", cells_file, f"--target={target}")
    assert f"column '{target}' (target)" in message


def test_targets_of_an_evaluation(refused, model_dir, cells_file, tmp_path):
    json = f"--json={tmp_path / 'e.json'}"
    message = refused("evaluate", model_dir, cells_file, "--target=celltype", json)
    assert "obs has no column 'celltype' (target)" in message
    message = refused("evaluate", model_dir, cells_file, "--target=nothing", json)
    assert "there are no labelled 'test' rows to score" in message


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--split=prt"], "obs has no column 'prt' (split)"),
        (["--split=donor"], "Column 'donor' (split) has no 'train'. Found (rows): 'donor "),
        (["--split=part", "--split-by=random"], "--split and --split-by were both given"),
        (["--split-by=blocks"], "there is no --split-by blocks for cell-type. Known: 'random'"),
        (["--split-by=group"], "--split-by group needs --group COLUMN"),
        (["--split-by=group"], "Columns: 'cell_type', 'donor'"),
        (["--split-by=group", "--group=doner"], "obs has no column 'doner' (group)"),
        (["--split-by=group", "--group=doner"], "Did you mean 'donor'?"),
        (["--group=doner"], "obs has no column 'doner' (group)"),
        (["--split-by=group", "--group=one_class"], "holds 1 group: 'T cell'"),
    ],
)
def test_splits(refused_fit, options, found):
    assert found in refused_fit(*options)


def test_labels_that_only_dev_rows_have(refused_fit, changed):
    def change(adata):
        types = adata.obs["cell_type"]
        part = np.where(types == "type 1", "dev", "train")
        adata.obs["part"] = pd.Categorical(part)

    message = refused_fit("--split=part", source=changed(change))
    assert "rows of the part 'validation' have labels that no 'train' row has: 'type 1'" in message


def test_a_training_part_of_one_class(refused_fit, changed):
    def change(adata):
        adata.obs["part"] = np.where(adata.obs["cell_type"] == "type 1", "train", "test")

    message = refused_fit("--split=part", source=changed(change))
    assert "the training part has only 'type 1' of column 'cell_type'" in message


# --- options


@pytest.mark.parametrize(
    ("pair", "found"),
    [
        ("hiden_size=32", "--set knows no key 'hiden_size'. Known: "),
        ("hiden_size=32", "'batch_size', "),
        ("hiden_size=32", "Did you mean 'hidden_size'?"),
        ("hidden_size", "--set hidden_size: KEY=VALUE is needed"),
        ("hidden_size=big", "--set hidden_size=big: a whole number is needed"),
        ("hidden_size=1.5", "--set hidden_size=1.5: a whole number is needed"),
        ("hidden_size=15", "hidden_size=15 is not divisible by num_attention_heads=4"),
        ("hidden_size=0", "hidden_size=0: a number of at least 1 is needed"),
        ("learning_rate=fast", "--set learning_rate=fast: a number is needed"),
        ("learning_rate=nan", "learning_rate=nan: a number above 0 to 1 is needed"),
        ("dropout=3", "dropout=3.0: a number from 0 to below 1 is needed"),
        ("batch_size=0", "batch_size=0: a number of at least 1 is needed"),
        ("num_members=0", "num_members=0: a number of at least 1 is needed"),
        ("num_train_epochs=-1", "num_train_epochs=-1: a number of at least 0 is needed"),
        ("baselines=maybe", "--set baselines=maybe: true or false is needed"),
        ("layer=count", "There is no layer 'count'. Known: 'X'"),
        ("gene_column=symbol", "var has no column 'symbol' (gene_column)"),
        ("unlabelled=Excluded", "no row of 'cell_type' is 'Excluded' (unlabelled)"),
    ],
)
def test_settings_of_fit(refused_fit, pair, found):
    assert found in refused_fit(f"--set={pair}")


@pytest.mark.parametrize(
    ("pair", "found"),
    [
        ("num_members=3", "--set knows no key 'num_members'. Known: 'align', 'batch_size'"),
        ("batch_size=0", "batch_size=0: a number of at least 1 is needed"),
        ("batch_size=many", "--set batch_size=many: a whole number is needed"),
        ("align=perhaps", "--set align=perhaps: true or false is needed"),
        ("over=cluster", "obs has no column 'cluster' (over)"),
        ("layer=count", "There is no layer 'count'. Known: 'X'"),
    ],
)
def test_settings_of_predict(refused_predict, cells_file, pair, found):
    assert found in refused_predict(cells_file, f"--set={pair}")


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("a.toml", None, "there is no configuration file"),
        ("a.toml", "hidden_size = ", "cannot be read as toml"),
        ("a.json", "{", "cannot be read as json"),
        ("a.yaml", "a: [1", "cannot be read as yaml"),
        ("a.yaml", "- 1", "holds no table of settings"),
        ("a.txt", "hidden_size=16", ".toml, .json or .yaml is needed"),
        ("a.toml", "hiden_size = 3", "Did you mean 'hidden_size'?"),
        ("a.toml", "batch_size = 64.7", "batch_size=64.7: a whole number is needed"),
        ("a.toml", "batch_size = [64]", "batch_size=[64]: a whole number is needed"),
    ],
)
def test_configuration_files(refused_fit, tmp_path, name, text, found):
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    assert found in refused_fit(f"--config={path}")


def test_unknown_task(refused, refused_fit, cells_file, tmp_path):
    known = f"Known: {listed(TASKS)}."
    expected = f"there is no task 'celltype'. {known} Did you mean 'cell-type'?"
    assert refused_fit(task="celltype") == expected
    assert refused("audit", "celltype", cells_file, "--target=cell_type") == expected
    assert refused("demo", "celltype", f"--out={tmp_path / 'demo'}") == expected


def test_unknown_device(refused_fit, refused_predict, cells_file):
    for message in (refused_fit("--device=gpu"), refused_predict(cells_file, "--device=gpu")):
        assert message == "--device gpu is none of auto, cpu, cuda, mps."


def test_a_device_that_is_not_there(refused_fit, refused_predict, cells_file):
    import torch

    absent = "mps" if not torch.backends.mps.is_available() else "cuda"
    for message in (
        refused_fit(f"--device={absent}"),
        refused_predict(cells_file, f"--device={absent}"),
    ):
        assert f"device '{absent}' is not on this computer. Use one of 'auto', 'cpu'" in message


def test_seed_below_zero(refused_fit):
    assert "--seed -1: a whole number from 0" in refused_fit("--seed=-1")


def test_unknown_part(refused, model_dir, cells_file, changed):
    message = refused("evaluate", model_dir, cells_file, "--part=dev")
    assert message == "part 'dev' is none of train, test, all."

    def rename(adata):
        adata.obs_names = [f"new {i}" for i in range(adata.n_obs)]

    message = refused("evaluate", model_dir, changed(rename), "--part=test")
    assert "the source does not say which rows are 'test'" in message


def test_unknown_data_set(refused, tmp_path):
    message = refused("data", "get", "pbmc3", f"--out={tmp_path}")
    assert "there is no data set 'pbmc3'. Known: 'pbmc68k_reduced'" in message
    assert "Did you mean 'pbmc3k'?" in message
