"""Models on the Hugging Face hub, which the tests replace with a folder."""

import fnmatch
import shutil
import subprocess
import sys
from types import SimpleNamespace

import huggingface_hub
import numpy as np
import pytest
from huggingface_hub.errors import HFValidationError

import polyome


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub that is a folder: ``create_repo``, ``upload_folder`` and ``snapshot_download``."""
    there = tmp_path / "hub"

    class Hub:
        def __init__(self, **_):
            pass

        def create_repo(self, name, *, private, exist_ok):
            assert exist_ok
            if name.count("/") > 1:
                message = f"Repo id must be in the form 'name' or 'owner/name': '{name}'."
                raise HFValidationError(message)
            (there / name).mkdir(parents=True, exist_ok=True)
            (there / name / ".gitattributes").write_text("private" if private else "public")
            return SimpleNamespace(repo_id=name)

        def upload_folder(
            self, *, repo_id, folder_path, ignore_patterns, delete_patterns, commit_message
        ):
            assert commit_message
            for path in (there / repo_id).rglob("*"):
                name = path.relative_to(there / repo_id).as_posix()
                if path.is_file() and any(fnmatch.fnmatch(name, p) for p in delete_patterns):
                    path.unlink()
            for path in folder_path.rglob("*"):
                name = path.relative_to(folder_path).as_posix()
                if path.is_file() and not any(fnmatch.fnmatch(name, p) for p in ignore_patterns):
                    (there / repo_id / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(path, there / repo_id / name)

    def snapshot_download(name, **_):
        if not (there / name).is_dir():
            message = "Cannot reach the hub.\nMore lines"
            raise OSError(message)
        return str(there / name)

    monkeypatch.setattr(huggingface_hub, "HfApi", Hub)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    return there


def test_a_pushed_model_answers_alike_from_the_hub(
    hub, model_dir, cells, cells_file, call, tmp_path
):
    model = polyome.load(model_dir, quiet=True)
    model.push_to_hub("me/cells")
    files = [path for path in (hub / "me" / "cells").rglob("*") if path.is_file()]
    assert {"config.json", "model.safetensors", "README.md"} <= {path.name for path in files}
    assert not any(name.encode() in path.read_bytes() for path in files for name in cells.obs_names)
    again = polyome.load("hf://me/cells", quiet=True)
    assert again.predict(cells).equals(model.predict(cells))
    out = tmp_path / "answers.h5ad"
    call("predict", "hf://me/cells", cells_file, f"--out={out}", "--quiet")
    assert np.array_equal(polyome.read(out).obs["polyome_label"], model.predict(cells)["label"])


def test_a_second_upload_replaces_the_first(hub, model_dir):
    (hub / "me" / "cells" / "scanner").mkdir(parents=True)
    (hub / "me" / "cells" / "scanner" / "polyome.json").write_text("{}")
    model = polyome.load(model_dir, quiet=True)
    model.push_to_hub("hf://me/cells", private=False)
    assert not (hub / "me" / "cells" / "scanner" / "polyome.json").exists()
    assert (hub / "me" / "cells" / ".gitattributes").read_text() == "public"


def test_rows_that_were_fitted_are_not_scored_unawares(hub, model_dir, cells):
    polyome.load(model_dir, quiet=True).push_to_hub("me/cells")
    model = polyome.load("hf://me/cells", quiet=True)
    with pytest.raises(polyome.InputError, match="fitted on these very records"):
        model.evaluate(cells)
    assert model.evaluate(cells, part="all").n == len(cells)
    assert model.evaluate(cells[:50].copy()).n == 50
    with pytest.raises(polyome.InputError, match="rows that were scored, which are not uploaded"):
        polyome.report("hf://me/cells")


def test_what_the_hub_has_not_is_said(hub, model_dir):
    with pytest.raises(polyome.InputError, match=r"hf://me/none: .*Cannot reach the hub\)"):
        polyome.load("hf://me/none")
    with pytest.raises(polyome.InputError, match="'a/b/c' was not uploaded"):
        polyome.load(model_dir, quiet=True).push_to_hub("a/b/c")


@pytest.mark.parametrize(
    "first",
    [
        "import polyome.model; from transformers import AutoModel",
        "from transformers import AutoModel; import polyome.model",
    ],
)
def test_auto_classes_know_polyome_once_its_model_is_imported(first, model_dir):
    code = f"{first}; print(type(AutoModel.from_pretrained({str(model_dir)!r})).__name__)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip().splitlines()[-1] == "PolyomeModel"


def test_importing_polyome_leaves_transformers_alone():
    code = (
        "import polyome, sys; print(sorted({'torch', 'transformers', 'scanpy'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
