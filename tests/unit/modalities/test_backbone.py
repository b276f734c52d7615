"""A checkpoint of any kind as the encoder of sequences, on tiny checkpoints made here."""

import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from torch import nn
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    EsmConfig,
    EsmForMaskedLM,
    EsmModel,
    EsmTokenizer,
    PreTrainedTokenizerFast,
    T5Config,
    ViTConfig,
    dynamic_module_utils,
)

from polyome import InputError, PolyomeWarning
from polyome.estimators import estimator_class
from polyome.io.nucleotides import Sequences
from polyome.modalities import backbone_tokens, pretrained
from polyome.modalities.backbone import (
    TUNINGS,
    BackboneEmbeddings,
    backbone_spec,
    check_tuning,
    start_backbones,
)
from polyome.modalities.backbone_tokens import BackboneTokens
from polyome.modalities.checkpoint import open_checkpoint
from polyome.modalities.pretrained import code_allowed
from polyome.predict.scan import ScanArguments, scan_model

KINDS = ("esm", "bert", "own_code")
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}

CONFIGURATION = """
from transformers import PretrainedConfig


class TinyConfig(PretrainedConfig):
    model_type = "tiny-dna"

    def __init__(self, width=16, d_model=16, vocab_size=11, **others):
        self.d_model, self.vocab_size = d_model, vocab_size
        super().__init__(**others)
"""
MODELING = """
import torch
from transformers import PreTrainedModel
from .configuration_tiny import TinyConfig


class TinyModel(PreTrainedModel):
    config_class = TinyConfig
    base_model_prefix = "tiny"

    def __init__(self, config):
        super().__init__(config)
        self.words = torch.nn.Embedding(config.vocab_size, config.d_model)
        self.inner = torch.nn.Linear(config.d_model, config.d_model)
        self.post_init()

    def forward(self, input_ids=None, **_):
        words = self.words(input_ids)
        return (torch.tanh(self.inner(words + words.cumsum(1) / 10)),)

    def _init_weights(self, module):
        pass


class TinyForMaskedLM(PreTrainedModel):
    config_class = TinyConfig
    base_model_prefix = "tiny"

    def __init__(self, config):
        super().__init__(config)
        self.tiny = TinyModel(config)
        self.head = torch.nn.Linear(config.d_model, config.vocab_size)
        self.post_init()

    def _init_weights(self, module):
        pass
"""
TOKENIZATION = """
from transformers import PreTrainedTokenizer


class TinyTokenizer(PreTrainedTokenizer):
    vocab_files_names = {}

    def __init__(self, **others):
        self.letters = {letter: i for i, letter in enumerate("ACGTN")}
        others = {"pad_token": "[PAD]", "unk_token": "[UNK]", **others}
        super().__init__(**others)

    vocab_size = 5

    def get_vocab(self):
        return dict(self.letters, **self.added_tokens_encoder)

    def _tokenize(self, text):
        return list(text)

    def _convert_token_to_id(self, token):
        return self.letters.get(token)

    def _convert_id_to_token(self, index):
        return "ACGTN"[index]

    def save_vocabulary(self, folder, filename_prefix=None):
        return ()
"""


def make_esm(folder: Path, **settings) -> Path:
    kmers = ["".join(letters) for letters in itertools.product("ACGT", repeat=3)]
    words = ["<unk>", "<pad>", "<mask>", "<cls>", *kmers, *"ACGTN"]
    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text("\n".join(words))
    EsmTokenizer(str(folder / "vocab.txt"), eos_token=None).save_pretrained(folder)
    rotary = {"position_embedding_type": "rotary", "max_position_embeddings": 66}
    ids = {"vocab_size": len(words), "pad_token_id": 1, "mask_token_id": 2, "token_dropout": True}
    config = EsmConfig(**SIZES | rotary | ids | {"intermediate_size": 64} | settings)
    EsmForMaskedLM(config).save_pretrained(folder)
    return folder


def make_bert(folder: Path, **settings) -> Path:
    own = Tokenizer(models.BPE(unk_token="[UNK]"))
    own.pre_tokenizer = pre_tokenizers.Whitespace()
    special = ["[UNK]", "[CLS]", "[SEP]", "[PAD]"]
    draw = np.random.default_rng(0)
    texts = ["".join(draw.choice(list("ACGTN"), 60)) for _ in range(50)]
    own.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=64, special_tokens=special, show_progress=False)
    )
    own.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=own,
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        pad_token="[PAD]",
        model_max_length=64,
    )
    tokenizer.save_pretrained(folder)
    ids = {"vocab_size": 64, "pad_token_id": 3, "max_position_embeddings": 64}
    config = BertConfig(**SIZES | ids | {"intermediate_size": 64} | settings)
    BertForMaskedLM(config).save_pretrained(folder)
    return folder


def make_own_code(folder: Path, auto_class: str = "AutoModel") -> Path:
    folder.mkdir(parents=True)
    (folder / "configuration_tiny.py").write_text(CONFIGURATION)
    (folder / "modeling_tiny.py").write_text(MODELING)
    (folder / "tokenization_tiny.py").write_text(TOKENIZATION)
    whole = "TinyModel" if auto_class == "AutoModel" else "TinyForMaskedLM"
    auto_map = {
        "AutoConfig": "configuration_tiny.TinyConfig",
        auto_class: f"modeling_tiny.{whole}",
    }
    config = {"model_type": "tiny-dna", "d_model": 16, "vocab_size": 11, "auto_map": auto_map}
    (folder / "config.json").write_text(json.dumps(config))
    tokenizer = {
        "tokenizer_class": "TinyTokenizer",
        "auto_map": {"AutoTokenizer": ["tokenization_tiny.TinyTokenizer", None]},
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    prefix = "" if auto_class == "AutoModel" else "tiny."
    weights = {
        f"{prefix}words.weight": torch.randn(11, 16),
        f"{prefix}inner.weight": torch.randn(16, 16),
        f"{prefix}inner.bias": torch.randn(16),
    }
    if prefix:
        weights |= {"head.weight": torch.randn(11, 16), "head.bias": torch.randn(11)}
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    return folder


MAKE = {"esm": make_esm, "bert": make_bert, "own_code": make_own_code}


@pytest.fixture(scope="module", autouse=True)
def _code_cache(tmp_path_factory):
    """Keep code that the tests run out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("modules")
        patch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(folder))
        patch.syspath_prepend(folder)
        yield


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory) -> dict[str, Path]:
    torch.manual_seed(1)
    above = tmp_path_factory.mktemp("checkpoints")
    return {kind: make(above / kind) for kind, make in MAKE.items()}


def texts_of(lengths) -> list[str]:
    draw = np.random.default_rng(3)
    return ["".join(draw.choice(list("ACGT"), length)) for length in lengths]


TEXTS = texts_of([42, 42, 30, 20, 3])


def opened(checkpoint: Path, texts=TEXTS) -> BackboneTokens:
    return BackboneTokens.open(str(checkpoint), texts, trust_remote_code=True)


def inputs_of(tokens: BackboneTokens, texts=TEXTS) -> dict[str, torch.Tensor]:
    codes = Sequences.from_text(texts).matrix(42)
    ids = tokens.encode(codes)
    return {"codes": torch.from_numpy(codes), "ids": torch.from_numpy(ids)}


def built(tokens: BackboneTokens, tuning: str = "full", composition: int = 0):
    spec = {
        "length": 42,
        "num_tokens": tokens.num_tokens,
        "composition": composition,
        "composition_dropout": 0.5,
        "backbone": backbone_spec(tokens, tuning),
    }
    return BackboneEmbeddings(8, json.loads(json.dumps(spec)))


def represent(part: BackboneEmbeddings, inputs) -> torch.Tensor:
    tokens, mask = part(**inputs)
    return part.readout(tokens, tokens, mask)


@pytest.mark.parametrize("kind", KINDS)
def test_tokens_and_mask_have_one_place_per_token_of_the_checkpoint(checkpoints, kind):
    tokens = opened(checkpoints[kind])
    inputs = inputs_of(tokens)
    embedded, mask = built(tokens)(**inputs)
    assert embedded.shape == (5, 1 + tokens.num_tokens, 8)
    assert mask.shape == embedded.shape[:2]
    assert mask[:, 0].all()
    assert torch.equal(mask[:, 1:], inputs["ids"] != 0)
    assert not embedded[~mask].any()


def test_without_padding_there_is_no_mask(checkpoints):
    texts = texts_of([42, 42])
    tokens = opened(checkpoints["esm"], texts)
    assert built(tokens)(**inputs_of(tokens, texts))[1] is None


def test_ids_are_those_of_the_checkpoint_with_its_special_tokens(checkpoints):
    for kind in ("esm", "bert"):
        tokens = opened(checkpoints[kind])
        expected = tokens.tokenizer(TEXTS[3])["input_ids"]
        found = tokens.encode(Sequences.from_text(TEXTS).matrix(42))[3]
        assert found[: len(expected)].tolist() == [number + 1 for number in expected]
        assert not found[len(expected) :].any()


def test_letters_that_no_checkpoint_knows_read_as_n(checkpoints):
    tokens = opened(checkpoints["bert"])
    rare, plain = (Sequences.from_text([text]).matrix(8) for text in ("ACGRYKAA", "ACGNNNAA"))
    assert np.array_equal(tokens.encode(rare), tokens.encode(plain))


def test_states_are_those_of_the_model_in_transformers(checkpoints):
    for kind, model_class in (("esm", EsmModel), ("bert", BertModel)):
        tokens = opened(checkpoints[kind])
        part = built(tokens).eval()
        start_backbones(nn.ModuleList([part]), tokens)
        model = model_class.from_pretrained(checkpoints[kind]).eval()
        given = tokens.tokenizer([TEXTS[2]], return_tensors="pt")
        given = {"input_ids": given["input_ids"], "attention_mask": given["attention_mask"]}
        expected = model(**given).last_hidden_state
        ids = inputs_of(tokens)["ids"][2:3]
        states = part._states(ids, ids != 0)[:, : expected.shape[1]]
        torch.testing.assert_close(states, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_full_tuning_reaches_every_weight(checkpoints, kind):
    tokens = opened(checkpoints[kind])
    part = built(tokens, composition=2)
    represent(part, inputs_of(tokens)).square().sum().backward()
    without = [name for name, weight in part.named_parameters() if weight.grad is None]
    assert without == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_frozen_backbone_gets_no_gradient_and_no_dropout(checkpoints, kind):
    tokens = opened(checkpoints[kind])
    part = built(tokens, "frozen").train()
    assert not part.backbone.training
    represent(part, inputs_of(tokens)).square().sum().backward()
    assert not any(weight.requires_grad for weight in part.backbone.parameters())
    assert part.map.weight.grad.any()


@pytest.mark.parametrize("kind", KINDS)
def test_lora_trains_adapters_alone_and_starts_as_the_checkpoint(checkpoints, kind):
    tokens = opened(checkpoints[kind])
    plain, adapted = built(tokens).eval(), built(tokens, "lora").eval()
    for part in (plain, adapted):
        start_backbones(part, tokens)
    ids = inputs_of(tokens)["ids"]
    before, after = (part._states(ids, ids != 0) for part in (plain, adapted))
    torch.testing.assert_close(before, after)
    represent(adapted.train(), inputs_of(tokens)).square().sum().backward()
    trained = [name for name, weight in adapted.backbone.named_parameters() if weight.requires_grad]
    assert trained
    assert all(".lora_" in name for name in trained)
    graded = [name for name, w in adapted.backbone.named_parameters() if w.grad is not None]
    assert graded == trained


@pytest.mark.parametrize("kind", KINDS)
def test_one_record_has_one_answer_whatever_is_beside_it(checkpoints, kind):
    tokens = opened(checkpoints[kind])
    part = built(tokens, composition=2).eval()
    start_backbones(part, tokens)
    inputs = inputs_of(tokens)
    together = represent(part, inputs)
    alone = [represent(part, {k: v[i : i + 1] for k, v in inputs.items()}) for i in range(5)]
    backwards = represent(part, {k: v.flip(0) for k, v in inputs.items()}).flip(0)
    torch.testing.assert_close(torch.cat(alone), together, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(backwards, together, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("tuning", TUNINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_saved_and_restored_without_the_checkpoint_it_answers_the_same(tmp_path, kind, tuning):
    checkpoint = MAKE[kind](tmp_path / kind)
    tokens = opened(checkpoint)
    part = built(tokens, tuning).eval()
    start_backbones(part, tokens)
    with torch.no_grad():
        for weight in part.parameters():
            weight.add_(0.01 * torch.randn_like(weight))
    before = represent(part, inputs_of(tokens))
    kept = json.dumps(tokens.to_dict())
    shutil.rmtree(checkpoint)
    restored = BackboneTokens.from_dict(json.loads(kept))
    assert restored.to_dict() == tokens.to_dict()
    assert backbone_spec(restored, tuning) == backbone_spec(tokens, tuning)
    again = built(restored, tuning).eval()
    again.load_state_dict(part.state_dict())
    after = represent(again, inputs_of(restored))
    torch.testing.assert_close(after, before, atol=1e-6, rtol=0)


FRESH = """
import json, sys
import torch
from safetensors.torch import load_file
from polyome import InputError
from polyome.modalities.backbone import BackboneEmbeddings
from polyome.modalities.backbone_tokens import BackboneTokens
from polyome.modalities.pretrained import code_allowed
from polyome.predict.scan import ScanArguments, scan_model


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


def test_the_encoder_is_taken_out_of_a_model_with_a_head(tmp_path):
    checkpoint = make_own_code(tmp_path / "own", "AutoModelForMaskedLM")
    tokens = opened(checkpoint)
    part = built(tokens)
    start_backbones(part, tokens)
    assert type(part.backbone).__name__ == "TinyModel"
    assert part.map.in_features == 16


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


def test_sequences_longer_than_the_model_reads_are_cut_with_a_warning(tmp_path):
    checkpoint = make_esm(
        tmp_path / "esm", position_embedding_type="absolute", max_position_embeddings=10
    )
    with pytest.warns(PolyomeWarning, match="4 of 5 training sequences have more tokens"):
        tokens = opened(checkpoint)
    assert tokens.num_tokens == 8  # positions are numbered from 2, after the padding token
    embedded, _ = built(tokens)(**inputs_of(tokens))
    assert embedded.isfinite().all()


def test_a_record_without_tokens_still_gets_an_answer(checkpoints):
    tokens = opened(checkpoints["own_code"])
    ids = tokens.encode(np.zeros((2, 42), np.uint8))
    part = built(tokens).eval()
    found = represent(part, {"ids": torch.from_numpy(ids)})
    assert found.isfinite().all()


def test_only_a_checkpoint_can_be_opened_not_learned():
    with pytest.raises(TypeError, match=r"BackboneTokens\.open"):
        BackboneTokens.learn(["ACGT"], k=1, size=1)


def test_tunings_are_checked_and_lora_names_its_extra(monkeypatch):
    with pytest.raises(InputError, match="'full', 'frozen', 'lora'"):
        check_tuning("some")
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(InputError, match=r"pip install 'polyome\[dna\]'"):
        check_tuning("lora")


def test_loading_names_weights_that_do_not_match(checkpoints):
    part = built(opened(checkpoints["esm"]))
    with pytest.raises(ValueError, match="do not match"):
        part.load_backbone({"no.such.weight": torch.zeros(1)})


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
