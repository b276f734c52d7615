"""Code that comes with a checkpoint runs by consent alone, and only what was consented to."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import save_file
from tests.unit.modalities.dna.tiny_checkpoints import (
    MAKE,
    MODELING,
    TEXTS,
    TOKENIZATION,
    built,
    inputs_of,
    make_esm,
    make_own_code,
    opened,
    represent,
)
from transformers import (
    EsmModel,
)

from polyome import InputError
from polyome.estimator import estimator_class
from polyome.genome.scan import ScanArguments, scan_model
from polyome.modalities.dna import pretrained
from polyome.modalities.dna.backbone import (
    backbone_spec,
    start_backbones,
)
from polyome.modalities.dna.backbone_tokens import BackboneTokens
from polyome.modalities.dna.pretrained import code_allowed

pytestmark = pytest.mark.usefixtures("code_cache")


FRESH = """
import json, sys
import torch
from safetensors.torch import load_file
from polyome import InputError
from polyome.modalities.dna.backbone import BackboneEmbeddings
from polyome.modalities.dna.backbone_tokens import BackboneTokens
from polyome.modalities.dna.pretrained import code_allowed
from polyome.genome.scan import ScanArguments, scan_model


def without_consent(kept):
    for build in (
        lambda: BackboneTokens.from_dict(kept["tokens"]),
        lambda: BackboneEmbeddings(8, kept["spec"]),
    ):
        try:
            build()
        except InputError as error:
            assert "trust_remote_code" in str(error)
        else:
            raise SystemExit("code ran without consent")


for folder in sys.argv[1:]:
    kept = json.load(open(f"{folder}/kept.json"))
    has_code = bool(kept["tokens"]["blueprint"]["code"])
    if has_code:
        without_consent(kept)
    with code_allowed(trust_remote_code=has_code):
        tokens = BackboneTokens.from_dict(kept["tokens"])
        part = BackboneEmbeddings(8, kept["spec"]).eval()
    arrays = load_file(f"{folder}/arrays.safetensors")
    ids = torch.from_numpy(tokens.encode(arrays.pop("codes").numpy()))
    answer = arrays.pop("answer")
    part.load_state_dict(arrays)
    embedded, mask = part(ids=ids)
    found = part.readout(embedded, embedded, mask)
    assert torch.allclose(found, answer, atol=1e-6), (found - answer).abs().max()
"""


def keep(folder: Path, kind: str, tuning: str) -> None:
    """Write what a model folder holds of a backbone, and remove the checkpoint."""
    checkpoint = MAKE[kind](folder / "checkpoint")
    tokens = opened(checkpoint)
    part = built(tokens, tuning).eval()
    inputs = inputs_of(tokens)
    answer = represent(part, inputs).detach()
    spec = {"num_tokens": tokens.num_tokens, "composition": 0, "composition_dropout": 0.0}
    kept = {"tokens": tokens.to_dict(), "spec": spec | {"backbone": backbone_spec(tokens, tuning)}}
    (folder / "kept.json").write_text(json.dumps(kept))
    arrays = part.state_dict() | {"codes": inputs["codes"], "answer": answer}
    save_file({k: v.contiguous() for k, v in arrays.items()}, folder / "arrays.safetensors")
    shutil.rmtree(checkpoint)


@pytest.mark.slow
def test_a_fresh_process_restores_it_offline_and_asks_before_it_runs_code(tmp_path):
    keep(tmp_path / "esm", "esm", "lora")
    keep(tmp_path / "own_code", "own_code", "full")
    environment = os.environ | {
        "HF_HUB_OFFLINE": "1",
        "HF_MODULES_CACHE": str(tmp_path / "modules"),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", FRESH, str(tmp_path / "esm"), str(tmp_path / "own_code")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_code_of_a_checkpoint_runs_only_with_consent(tmp_path):
    checkpoint = make_own_code(tmp_path / "own")
    marker = tmp_path / "ran"
    for file in checkpoint.glob("*.py"):
        file.write_text(f"open({str(marker)!r}, 'w').close()\n" + file.read_text())
    with pytest.raises(InputError, match=r"brings Python code of its own.*trust_remote_code=True"):
        BackboneTokens.open(str(checkpoint), TEXTS)
    assert not marker.exists()
    assert BackboneTokens.open(str(checkpoint), TEXTS, trust_remote_code=True).num_tokens == 42
    assert marker.exists()


def test_code_kept_in_a_model_folder_asks_for_consent_again(checkpoints, monkeypatch):
    tokens = opened(checkpoints["own_code"])
    assert {"modeling_tiny.py", "configuration_tiny.py"} < set(tokens.blueprint.code)
    part = built(tokens)
    monkeypatch.setattr(pretrained, "_consented", set())
    for build in (lambda: BackboneTokens.from_dict(tokens.to_dict()), lambda: built(tokens)):
        with pytest.raises(InputError, match=r"modeling_tiny\.py.*trust_remote_code=True"):
            build()
    with code_allowed(trust_remote_code=True):
        restored = BackboneTokens.from_dict(tokens.to_dict())
    assert built(restored).state_dict().keys() == part.state_dict().keys()


def test_consent_to_one_code_is_no_consent_to_another(checkpoints):
    kept = opened(checkpoints["own_code"]).to_dict()
    kept["blueprint"]["code"] = {"modeling_tiny.py": MODELING + "\nprint('changed')\n"}
    with pytest.raises(InputError, match="trust_remote_code=True"):
        BackboneTokens.from_dict(kept)


def test_a_tokenizer_with_code_of_its_own_asks_for_consent(tmp_path):
    checkpoint = make_esm(tmp_path / "esm")
    (checkpoint / "tokenization_tiny.py").write_text(TOKENIZATION)
    tokenizer = {"auto_map": {"AutoTokenizer": ["tokenization_tiny.TinyTokenizer", None]}}
    settings = {"tokenizer_class": "TinyTokenizer"} | tokenizer
    (checkpoint / "tokenizer_config.json").write_text(json.dumps(settings))
    (checkpoint / "vocab.txt").unlink()
    with pytest.raises(InputError, match="trust_remote_code=True"):
        BackboneTokens.open(str(checkpoint), TEXTS)


def test_without_consent_transformers_own_code_is_used_where_it_fits(tmp_path):
    checkpoint = make_esm(tmp_path / "esm")
    config = json.loads((checkpoint / "config.json").read_text())
    own = {"auto_map": {"AutoModel": "modeling_own.Model", "AutoConfig": "modeling_own.Config"}}
    (checkpoint / "config.json").write_text(json.dumps(config | own))
    tokens = BackboneTokens.open(str(checkpoint), TEXTS)
    assert tokens.blueprint.code == {}
    assert "auto_map" not in tokens.blueprint.config
    part = built(tokens)
    start_backbones(part, tokens)
    assert type(part.backbone) is EsmModel


def test_a_file_name_of_a_model_folder_cannot_leave_its_place(checkpoints):
    kept = opened(checkpoints["esm"]).to_dict()
    kept["files"]["../outside.txt"] = "x"
    with pytest.raises(InputError, match="a plain name is needed"):
        BackboneTokens.from_dict(kept)


def test_code_of_another_repository_is_never_fetched(checkpoints):
    blueprint = opened(checkpoints["own_code"]).blueprint
    blueprint.config["auto_map"] = {"AutoModel": "owner/other--modeling_tiny.TinyModel"}
    with blueprint.folder() as folder:
        written = json.loads((folder / "config.json").read_text())
    assert written["auto_map"] == {"AutoModel": "modeling_tiny.TinyModel"}


def test_a_scan_runs_a_models_own_code_by_consent_alone(tmp_path, monkeypatch):
    checkpoint = make_own_code(tmp_path / "own")
    classifier = estimator_class("promoter")
    example = classifier.task_class.example()
    model = classifier(backbone=str(checkpoint), trust_remote_code=True, quiet=True)
    model.fit(example.source, example.target, baselines=False, num_train_epochs=0)
    model.save_pretrained(tmp_path / "model")
    monkeypatch.setattr(pretrained, "_consented", set())
    with pytest.raises(InputError, match="trust_remote_code=True"):
        scan_model(tmp_path / "model", ScanArguments(), device="cpu")
    fitted = scan_model(tmp_path / "model", ScanArguments(), device="cpu", trust_remote_code=True)
    assert fitted.classes == ("background", "promoter")
