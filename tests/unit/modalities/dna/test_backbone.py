"""A checkpoint of any kind as the encoder of sequences, on tiny checkpoints made here."""

import json
import shutil
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from tests.unit.modalities.dna.tiny_checkpoints import (
    KINDS,
    MAKE,
    TEXTS,
    built,
    inputs_of,
    make_esm,
    make_own_code,
    opened,
    represent,
    texts_of,
)
from torch import nn
from transformers import (
    BertModel,
    EsmModel,
)

from polyome import InputError, PolyomeWarning
from polyome.io.nucleotides import Sequences
from polyome.modalities.dna.backbone import (
    TUNINGS,
    backbone_spec,
    check_tuning,
    start_backbones,
)
from polyome.modalities.dna.backbone_tokens import BackboneTokens
from polyome.modalities.sequence import SequenceModality

pytestmark = pytest.mark.usefixtures("code_cache")


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


def test_the_encoder_is_taken_out_of_a_model_with_a_head(tmp_path):
    checkpoint = make_own_code(tmp_path / "own", "AutoModelForMaskedLM")
    tokens = opened(checkpoint)
    part = built(tokens)
    start_backbones(part, tokens)
    assert type(part.backbone).__name__ == "TinyModel"
    assert part.map.in_features == 16


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


def with_n(text, count=16):
    return "N" * count + text[count:]


def test_windows_with_more_tokens_than_any_training_row_are_read_to_their_end(checkpoints):
    texts = texts_of([42, 42])  # 3-mers: 14 tokens and <cls>
    tokens = opened(checkpoints["esm"], texts)
    assert tokens.num_tokens == 15
    spelled = [with_n(texts[0]), with_n(texts[0])[:-6] + "ACGTAC"]
    inputs = inputs_of(tokens, [*texts, *spelled])
    assert inputs["ids"].shape[1] > tokens.num_tokens
    part = built(tokens).eval()
    start_backbones(part, tokens)
    found = represent(part, inputs)
    assert not torch.allclose(found[2], found[3], atol=1e-6)
    alone = represent(part, inputs_of(tokens, texts))
    torch.testing.assert_close(found[:2], alone, atol=1e-5, rtol=1e-5)


def test_what_goes_beyond_the_backbones_limit_is_counted(tmp_path):
    checkpoint = make_esm(
        tmp_path / "esm", position_embedding_type="absolute", max_position_embeddings=22
    )
    texts = texts_of([42, 42])
    tokens = opened(checkpoint, texts)
    assert (tokens.num_tokens, tokens.room) == (15, 20)
    assert BackboneTokens.from_dict(tokens.to_dict()).room == 20
    codes = Sequences.from_text([*texts, with_n(texts[0], 3), with_n(texts[0])]).matrix(42)
    assert tokens.is_cut(codes).tolist() == [False, False, False, True]
    assert tokens.encode(codes).shape == (4, 20)
    modality = SequenceModality(backbone=str(checkpoint))
    modality.fit(modality.read(pd.DataFrame({"sequence": texts})))
    query = modality.read(pd.DataFrame({"sequence": [texts[0], with_n(texts[0])]}))
    assert query.notes == (
        "1 of 2 sequences have more tokens than the backbone reads; their ends are not read. "
        "Letters such as N may cost a token each: trust these answers less.",
    )
    assert modality.read(pd.DataFrame({"sequence": texts})).notes == ()


def test_without_a_limit_nothing_is_cut(checkpoints):
    tokens = opened(checkpoints["own_code"])
    assert tokens.room is None
    assert not tokens.is_cut(np.ones((2, 5000), np.uint8)).any()
