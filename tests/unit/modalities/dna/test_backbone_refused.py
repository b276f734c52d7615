"""A checkpoint that cannot serve is refused before work starts, and the message says why."""

import json

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.unit.modalities.dna.tiny_checkpoints import (
    MODELING,
    SIZES,
    TEXTS,
    built,
    inputs_of,
    make_bert,
    make_esm,
    make_own_code,
    opened,
)
from transformers import (
    DistilBertConfig,
    DistilBertModel,
    T5Config,
    ViTConfig,
)

from polyome import InputError
from polyome.modalities.dna import backbone_tokens
from polyome.modalities.dna.backbone_tokens import BackboneTokens
from polyome.modalities.dna.checkpoint import open_checkpoint
from polyome.modalities.sequence import SequenceModality

pytestmark = pytest.mark.usefixtures("code_cache")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("./absent", "does not exist"),
        ("absent/deeper/model", "does not exist"),
        ("owner/model-of-the-hub", "no such folder here.*with a network"),
    ],
)
def test_a_checkpoint_that_is_not_there_is_named(monkeypatch, name, expected):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match=f"backbone='{name}'.*{expected}"):
        BackboneTokens.open(name, TEXTS)


def test_a_folder_that_is_no_checkpoint_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(InputError, match=r"no config\.json; it holds 'notes\.txt'"):
        BackboneTokens.open(str(tmp_path), TEXTS)
    with pytest.raises(InputError, match="is a file"):
        BackboneTokens.open(str(tmp_path / "notes.txt"), TEXTS)


def test_weights_in_a_pickle_are_refused(tmp_path):
    checkpoint = make_esm(tmp_path / "esm")
    (checkpoint / "model.safetensors").rename(checkpoint / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"only 'pytorch_model\.bin': pickles"):
        BackboneTokens.open(str(checkpoint), TEXTS)


def test_weights_that_vanish_after_opening_are_named(tmp_path):
    checkpoint = make_esm(tmp_path / "esm")
    tokens = opened(checkpoint)
    (checkpoint / "model.safetensors").unlink()
    with pytest.raises(InputError, match="no weights in the format safetensors"):
        tokens.weights()


def test_weights_of_another_architecture_are_refused(tmp_path):
    checkpoint = make_esm(tmp_path / "esm")
    config = json.loads((checkpoint / "config.json").read_text())
    for changed, expected in (
        ({"intermediate_size": 32}, "6 are missing or of another shape"),
        ({"num_hidden_layers": 3}, "16 are missing"),
    ):
        (checkpoint / "config.json").write_text(json.dumps(config | changed))
        with pytest.raises(InputError, match=f"do not fit.*{expected}.*trust_remote_code=True"):
            opened(checkpoint).weights()


def test_a_type_that_transformers_does_not_know_is_named(tmp_path):
    checkpoint = make_esm(tmp_path / "esm")
    (checkpoint / "config.json").write_text('{"model_type": "helix-net"}')
    with pytest.raises(InputError, match=r"type 'helix-net', which transformers .* does not know"):
        BackboneTokens.open(str(checkpoint), TEXTS)


def test_a_model_with_a_decoder_is_refused(tmp_path):
    checkpoint = make_esm(tmp_path / "esm")
    T5Config(vocab_size=80).save_pretrained(checkpoint)
    with pytest.raises(InputError, match="an encoder and a decoder"):
        BackboneTokens.open(str(checkpoint), TEXTS)


def test_a_tokenizer_that_is_not_restored_exactly_is_refused(checkpoints, monkeypatch):
    def other(checkpoint, *, trust_remote_code):
        blueprint, _, files = open_checkpoint(checkpoint, trust_remote_code=trust_remote_code)
        return blueprint, lambda texts, **_: {"input_ids": [[0] for _ in texts]}, files

    monkeypatch.setattr(backbone_tokens, "open_checkpoint", other)
    monkeypatch.setattr(backbone_tokens, "_longest", lambda *_: None)
    with pytest.raises(InputError, match="gives other ids once it is saved and read again"):
        opened(checkpoints["esm"])


def test_code_of_a_configuration_that_fails_is_told_from_a_wrong_input(tmp_path):
    checkpoint = make_own_code(tmp_path / "own")
    (checkpoint / "configuration_tiny.py").write_text("import no_such_package_here\n")
    with pytest.raises(InputError, match=r"config\.json cannot be used.*no_such_package_here"):
        opened(checkpoint)


def test_width_and_states_are_checked(checkpoints):
    tokens = opened(checkpoints["own_code"])
    part = built(tokens)
    part.backbone.forward = lambda input_ids: (torch.zeros(len(input_ids), 3, 16),)
    with pytest.raises(InputError, match="gives 3 states for 42 tokens"):
        part(**inputs_of(tokens))
    tokens = opened(checkpoints["own_code"])
    del tokens.blueprint.config["d_model"]
    with pytest.raises(InputError, match="no 'hidden_size'"):
        built(tokens)


def test_the_width_may_have_a_name_of_its_own(tmp_path):
    checkpoint = make_esm(tmp_path / "esm")
    config = DistilBertConfig(vocab_size=80, dim=16, n_heads=2, n_layers=1, hidden_dim=16)
    DistilBertModel(config).save_pretrained(checkpoint)
    assert built(opened(checkpoint)).map.in_features == 16


def test_a_model_that_reads_no_tokens_is_refused(tmp_path):
    checkpoint = make_esm(tmp_path / "esm")
    sizes = SIZES | {"intermediate_size": 32, "image_size": 8, "patch_size": 4}
    ViTConfig(**sizes).save_pretrained(checkpoint)
    with pytest.raises(InputError, match=r"ViTModel\) reads 'pixel_values'.*model of sequences"):
        built(opened(checkpoint))


def test_a_model_without_layers_to_adapt_is_refused(tmp_path):
    checkpoint = make_own_code(tmp_path / "own")
    modeling = checkpoint / "modeling_tiny.py"
    changed = MODELING.replace("self.inner = torch.nn.Linear", "self.inner = torch.nn.Bilinear")
    bilinear = changed.replace("config.d_model, config.d_model)", "config.d_model, 1, 1)", 1)
    modeling.write_text(bilinear)
    tokens = opened(checkpoint)
    with pytest.raises(InputError, match="peft finds no layers to adapt"):
        built(tokens, "lora")


def test_code_that_fails_is_told_from_a_wrong_input(tmp_path):
    checkpoint = make_own_code(tmp_path / "own")
    (checkpoint / "modeling_tiny.py").write_text("from transformers import NoSuchThing\n")
    with pytest.raises(InputError, match="its own code fails with ImportError"):
        opened(checkpoint).weights()


def test_a_tokenizer_that_reads_no_dna_is_refused(tmp_path):
    checkpoint = make_esm(tmp_path / "esm")
    words = ["<unk>", "<pad>", "<mask>", "<cls>", "protein", "words"]
    (checkpoint / "vocab.txt").write_text("\n".join(words))
    with pytest.raises(InputError, match=r"does not read DNA.*tokens are unknown"):
        BackboneTokens.open(str(checkpoint), TEXTS)


def test_a_checkpoint_without_its_tokenizer_is_refused(tmp_path):
    checkpoint = make_bert(tmp_path / "bert")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (checkpoint / name).unlink()
    with pytest.raises(InputError, match="tokenizer"):
        BackboneTokens.open(str(checkpoint), TEXTS)


def test_a_checkpoint_whose_tokenizer_lacks_a_file_is_refused(tmp_path):
    checkpoint = make_esm(tmp_path / "esm")
    (checkpoint / "vocab.txt").unlink()
    with pytest.raises(InputError, match=r"its tokenizer cannot be read.*vocab\.txt"):
        BackboneTokens.open(str(checkpoint), TEXTS)


def test_a_model_folder_that_lacks_a_tokenizer_file_is_named(checkpoints):
    kept = opened(checkpoints["esm"]).to_dict()
    del kept["files"]["vocab.txt"]
    with pytest.raises(InputError, match="the tokenizer of the backbone 'esm' cannot be built"):
        BackboneTokens.from_dict(kept)


def test_a_tokenizer_with_more_ids_than_its_model_is_refused(tmp_path):
    checkpoint = make_esm(tmp_path / "esm")
    config = json.loads((checkpoint / "config.json").read_text())
    (checkpoint / "config.json").write_text(json.dumps(config | {"vocab_size": 20}))
    with pytest.raises(InputError, match="its model knows 20 ids"):
        BackboneTokens.open(str(checkpoint), TEXTS)


def test_weights_that_are_cut_short_are_named_before_anything_is_built(tmp_path):
    checkpoint = make_esm(tmp_path / "esm")
    weights = checkpoint / "model.safetensors"
    whole = weights.read_bytes()
    for left in (whole[: len(whole) // 2], whole[:20], b""):
        weights.write_bytes(left)
        expected = rf"model\.safetensors is cut short or damaged .*it has {len(left):,} bytes\)"
        with pytest.raises(InputError, match=expected):
            BackboneTokens.open(str(checkpoint), TEXTS)


def test_weights_that_are_damaged_after_opening_are_named(tmp_path):
    checkpoint = make_esm(tmp_path / "esm")
    tokens = opened(checkpoint)
    (checkpoint / "model.safetensors").write_bytes(b"no weights at all")
    with pytest.raises(InputError, match=r"model\.safetensors is cut short or damaged"):
        tokens.weights()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(tmp_path, value):
    checkpoint = make_esm(tmp_path / "esm")
    path = checkpoint / "model.safetensors"
    weights = load_file(path)
    name = next(name for name in weights if name.endswith("query.weight"))
    weights[name][0, :3] = value
    save_file(weights, path, {"format": "pt"})
    with pytest.raises(InputError, match=r"its weights: 3 of 1,024 values of '.*query\.weight'"):
        opened(checkpoint).weights()


def test_weights_whose_names_match_nothing_are_refused(tmp_path):
    checkpoint = make_esm(tmp_path / "esm")
    path = checkpoint / "model.safetensors"
    renamed = {f"module.{name}": weight for name, weight in load_file(path).items()}
    save_file(renamed, path, {"format": "pt"})
    with pytest.raises(InputError, match="are missing or of another shape"):
        opened(checkpoint).weights()


def test_damaged_weights_are_refused_before_training(tmp_path):
    checkpoint = make_esm(tmp_path / "esm")
    path = checkpoint / "model.safetensors"
    weights = {name: torch.full_like(weight, torch.nan) for name, weight in load_file(path).items()}
    save_file(weights, path, {"format": "pt"})
    modality = SequenceModality(backbone=str(checkpoint))
    records = modality.read(pd.DataFrame({"sequence": TEXTS}))
    with pytest.raises(InputError, match="are NaN or infinite"):
        modality.fit(records)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"model_type": ', r"config\.json is damaged"),
        ("[1, 2]", r"config\.json holds no settings"),
        ("", r"config\.json is damaged"),
    ],
)
def test_a_configuration_that_is_no_json_is_named(tmp_path, text, expected):
    checkpoint = make_esm(tmp_path / "esm")
    (checkpoint / "config.json").write_text(text)
    with pytest.raises(InputError, match=expected):
        BackboneTokens.open(str(checkpoint), TEXTS)


@pytest.mark.parametrize(
    "changed",
    [{"num_attention_heads": 0}, {"num_attention_heads": 5}, {"hidden_size": -4},
     {"hidden_size": "wide"}, {"num_hidden_layers": None}],
)  # fmt: skip
def test_a_configuration_with_wrong_values_is_refused(tmp_path, changed):
    checkpoint = make_esm(tmp_path / "esm")
    config = json.loads((checkpoint / "config.json").read_text())
    (checkpoint / "config.json").write_text(json.dumps(config | changed))
    with pytest.raises(InputError, match=r"config\.json cannot be used|cannot be built|do not fit"):
        opened(checkpoint).weights()


def test_a_tokenizer_that_lacks_a_base_is_refused(tmp_path):
    checkpoint = make_esm(tmp_path / "esm")
    words = ["<unk>", "<pad>", "<mask>", "<cls>", *"ACGUN"]
    (checkpoint / "vocab.txt").write_text("\n".join(words))
    with pytest.raises(InputError, match=r"does not know 'T' \(models of RNA write U\)"):
        opened(checkpoint)
