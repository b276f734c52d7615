"""Tiny checkpoints of three kinds, and what they answer; made by the tests, no hub is reached."""

import itertools
import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertForMaskedLM,
    EsmConfig,
    EsmForMaskedLM,
    EsmTokenizer,
    PreTrainedTokenizerFast,
)

from polyome.io.nucleotides import Sequences
from polyome.modalities.dna.backbone import (
    BackboneEmbeddings,
    backbone_spec,
)
from polyome.modalities.dna.backbone_tokens import BackboneTokens

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
