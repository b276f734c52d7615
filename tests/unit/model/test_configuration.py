import pytest
from transformers import AutoConfig

from polyome import InputError
from polyome.model.configuration import PolyomeConfig


def test_survives_a_round_trip_through_a_folder(tmp_path):
    config = PolyomeConfig(hidden_size=32, heads={"x": {"output": "classes"}})
    config.save_pretrained(tmp_path)
    again = AutoConfig.from_pretrained(tmp_path)
    assert isinstance(again, PolyomeConfig)
    changing = {"transformers_version": None, "_name_or_path": None}
    assert again.to_dict() | changing == config.to_dict() | changing


def test_refuses_names_it_does_not_know():
    with pytest.raises(InputError, match="knows no key 'num_layers'"):
        PolyomeConfig(num_layers=3)


def test_refuses_wrong_types():
    with pytest.raises(Exception, match="hidden_size"):
        PolyomeConfig(hidden_size="64")


def test_heads_must_divide_the_hidden_size():
    with pytest.raises(Exception, match="not divisible"):
        PolyomeConfig(hidden_size=30, num_attention_heads=4)
