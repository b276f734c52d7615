import pytest
import torch

from polyome.model.configuration import PolyomeConfig
from polyome.model.trunk import Trunk

SIZES = {"hidden_size": 16, "num_attention_heads": 4, "intermediate_size": 32}


@pytest.fixture
def trunk():
    torch.manual_seed(0)
    return Trunk(PolyomeConfig(**SIZES, num_hidden_layers=3)).eval()


@pytest.fixture
def tokens():
    return torch.randn(5, 9, 16, generator=torch.Generator().manual_seed(1))


def test_padding_changes_nothing(trunk, tokens):
    lengths = torch.tensor([9, 4, 1, 7, 2])
    mask = torch.arange(9) < lengths[:, None]
    together = trunk(tokens, mask)
    for i, length in enumerate(lengths):
        alone = trunk(tokens[i : i + 1, :length])
        torch.testing.assert_close(together[i], alone[0], atol=1e-6, rtol=0)


def test_padding_values_are_never_read(trunk, tokens):
    mask = torch.arange(9) < torch.tensor([9, 4, 1, 7, 2])[:, None]
    poisoned = tokens.masked_fill(~mask[..., None], float("nan"))
    assert torch.isfinite(trunk(poisoned, mask)).all()


def test_a_record_does_not_depend_on_its_neighbours_in_the_batch(trunk, tokens):
    changed = tokens.clone()
    changed[1:] = 0
    torch.testing.assert_close(trunk(tokens)[0], trunk(changed)[0], atol=1e-6, rtol=0)


def test_the_modality_tokens_state_is_the_same_without_the_other_states(trunk, tokens):
    every = trunk(tokens, all_tokens=True)
    torch.testing.assert_close(every[:, 0], trunk(tokens), atol=1e-6, rtol=0)


def test_other_tokens_reach_the_modality_token(trunk, tokens):
    tokens.requires_grad_()
    trunk(tokens)[2, 0].backward()
    assert (tokens.grad[2].abs().sum(dim=-1) > 0).all()
    assert tokens.grad[[0, 1, 3, 4]].abs().sum() == 0


def test_fused_and_written_out_attention_agree(tokens):
    torch.manual_seed(0)
    fused = Trunk(PolyomeConfig(**SIZES)).eval()
    config = PolyomeConfig(**SIZES)
    config._attn_implementation = "eager"
    plain = Trunk(config).eval()
    plain.load_state_dict(fused.state_dict())
    mask = torch.arange(9) < torch.tensor([9, 4, 1, 7, 2])[:, None]
    torch.testing.assert_close(fused(tokens, mask), plain(tokens, mask), atol=1e-5, rtol=0)


def test_training_and_answering_take_the_same_way(trunk, tokens):
    with torch.inference_mode():
        answered = trunk(tokens)
    torch.testing.assert_close(answered, trunk(tokens), atol=1e-5, rtol=0)


def test_matches_pytorchs_own_pre_norm_encoder(trunk, tokens):
    """Parity with a reference: torch.nn.TransformerEncoder with the same weights."""
    layer = torch.nn.TransformerEncoderLayer(
        16, 4, 32, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    )
    reference = torch.nn.TransformerEncoder(
        layer, 3, norm=torch.nn.LayerNorm(16), enable_nested_tensor=False
    ).eval()
    names = {
        "attention.query_key_value": "self_attn.in_proj_",
        "attention.output": "self_attn.out_proj.",
        "attention_norm": "norm1.",
        "feed_forward_norm": "norm2.",
        "feed_forward_in": "linear1.",
        "feed_forward_out": "linear2.",
    }
    state = {}
    for key, value in trunk.state_dict().items():
        for ours, theirs in names.items():
            if f".{ours}." in key:
                prefix, suffix = key.split(f".{ours}.")
                state[f"{prefix}.{theirs}{suffix}"] = value
    state |= {f"norm.{k}": v for k, v in trunk.norm.state_dict().items()}
    reference.load_state_dict(state)
    torch.testing.assert_close(trunk(tokens, all_tokens=True), reference(tokens), atol=1e-5, rtol=0)


def test_without_layers_the_opening_token_is_normalised(tokens):
    trunk = Trunk(PolyomeConfig(**SIZES, num_hidden_layers=0))
    torch.testing.assert_close(trunk(tokens), trunk.norm(tokens[:, 0]))
    mask = torch.arange(9) < torch.tensor([9, 4, 1, 7, 2])[:, None]
    torch.testing.assert_close(trunk(tokens, mask), trunk.norm(tokens[:, 0]))
