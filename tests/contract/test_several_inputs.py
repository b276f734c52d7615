"""A record with several inputs is one sequence of tokens, whatever shares its batch."""

import numpy as np
import pytest
import torch

from polyome.data.simulate import simulate_cells
from polyome.modalities.cell import CellModality
from polyome.modalities.profiles.features import ProfileFeatures
from polyome.model.configuration import PolyomeConfig
from polyome.model.modeling import PolyomeModel
from polyome.train.dataset import Collator, Example, RecordDataset

HEAD = {"output": "classes", "num_labels": 3}


@pytest.fixture(scope="module")
def parts():
    """Two sets of measurements of the same eight cells, each with a modality of its own."""
    made = {}
    for name, seed in (("rna", 0), ("values", 5)):
        cells = simulate_cells(8, seed=seed)
        modality = CellModality(num_components=3).fit(CellModality().read(cells))
        made[name] = modality, modality.encode(modality.prepare(modality.read(cells)))
    return made


def build(parts, **heads):
    torch.manual_seed(0)
    config = PolyomeConfig(
        hidden_size=16,
        intermediate_size=32,
        modalities={n: {"kind": "cell", "spec": m.spec()} for n, (m, _) in parts.items()},
        heads=heads or {"type": HEAD | {"inputs": ["rna", "values"]}},
    )
    return PolyomeModel(config).eval()


def batch_of(parts, present, targets=None):
    """Collate cells that have the inputs that ``present`` names for each."""
    examples = [
        Example(
            encodings={name: parts[name][1][row] for name in names},
            targets={} if targets is None else targets[row],
        )
        for row, names in enumerate(present)
    ]
    return Collator({name: modality for name, (modality, _) in parts.items()})(examples)


MIXED = [("rna",), ("rna", "values"), ("values",), ("rna",), ("values", "rna"), ("values",)]


@torch.inference_mode()
def answers(model, batch):
    result = model(**batch)
    return result.outputs["type"], result.representation


def test_each_record_is_answered_as_if_it_were_alone(parts):
    model = build(parts)
    together = answers(model, batch_of(parts, MIXED))
    for row, names in enumerate(MIXED):
        encodings = {name: parts[name][1][row] for name in names}
        collate = Collator({name: modality for name, (modality, _) in parts.items()})
        alone = answers(model, collate([Example(encodings=encodings, targets={})]))
        for of_batch, single in zip(together, alone, strict=True):
            torch.testing.assert_close(of_batch[row], single[0], atol=1e-5, rtol=0)


def test_both_inputs_tell_more_than_either(parts):
    model = build(parts)
    both = answers(model, batch_of(parts, [("rna", "values")] * 4))[0]
    for name in parts:
        one = answers(model, batch_of(parts, [(name,)] * 4))[0]
        assert (both - one).abs().max() > 1e-3


def test_the_order_of_inputs_changes_nothing(parts):
    model = build(parts)
    batch = batch_of(parts, MIXED)
    turned = batch | {"segments": dict(reversed(batch["segments"].items()))}
    for one, other in zip(answers(model, batch), answers(model, turned), strict=True):
        assert torch.equal(one, other)
    backwards = build(dict(reversed(parts.items())))
    assert list(backwards.config.modalities) == list(model.config.modalities)


def test_the_records_of_a_single_input_keep_their_places(parts):
    """One segment may hold some of the batch's records, in any order."""
    model = build(parts)
    batch = batch_of(parts, [("rna",)] * 4)
    plain, _ = answers(model, batch)
    order = torch.tensor([2, 0, 3])
    inputs = {k: v[order] for k, v in batch["segments"]["rna"]["inputs"].items()}
    some = {"size": 4, "segments": {"rna": {"rows": order, "inputs": inputs}}}
    with torch.inference_mode():
        result = model(**some)
    assert result.rows["type"].tolist() == [0, 2, 3]
    torch.testing.assert_close(result.outputs["type"], plain[[0, 2, 3]], atol=1e-5, rtol=0)


def test_only_records_with_a_target_teach(parts):
    heads = {name: HEAD | {"inputs": ["rna", "values"]} for name in ("type", "train")}
    model = build(parts, **heads)
    targets = [{"type": np.int64(0)}, {}, {"train": np.int64(1)}, {}, {"type": np.int64(2)}, {}]
    batch = batch_of(parts, MIXED, targets)
    assert {n: s["rows"].tolist() for n, s in batch["labels"].items()} == {
        "type": [0, 4],
        "train": [2],
    }
    with torch.inference_mode():
        result = model(**batch)
    rows, truth = [0, 4], torch.tensor([0, 2])
    expected = torch.nn.functional.cross_entropy(result.outputs["type"][rows], truth)
    expected = expected + torch.nn.functional.cross_entropy(
        result.outputs["train"][[2]], torch.tensor([1])
    )
    torch.testing.assert_close(result.loss, expected)


def test_a_target_without_an_input_is_refused(parts):
    model = build(parts, type=HEAD | {"inputs": ["rna"]})
    batch = batch_of(parts, [("values",), ("rna",)], [{"type": np.int64(0)}] * 2)
    with pytest.raises(ValueError, match=r"'type'.*none of the inputs"):
        model(**batch)


def test_a_linear_path_answers_the_records_that_have_its_input(parts):
    model = build(parts, type=HEAD | {"inputs": ["rna", "values"], "linear": ["rna"]})
    beside = model.linear["type"]
    torch.nn.init.normal_(beside.part.linear.weight)
    before = answers(model, batch_of(parts, MIXED))[0]
    beside.set_weight(0.5)
    after = answers(model, batch_of(parts, MIXED))[0]
    changed = (before - after).abs().amax(dim=1) > 1e-6
    assert changed.tolist() == ["rna" in names for names in MIXED]


def test_weights_hang_on_which_inputs_a_record_has(parts):
    names = ["rna", "values"]
    model = build(parts, type=HEAD | {"inputs": names, "linear": names})
    beside = model.linear["type"]
    for name in names:
        torch.nn.init.normal_(beside.parts[name].linear.weight)
    batch = batch_of(parts, MIXED)
    plain, _ = answers(model, batch)
    beside.weights[0b11] = torch.tensor([0.5, 0.3, 0.2])
    beside.weights[0b01] = torch.tensor([0.0, 1.0, 0.0])
    found, _ = answers(model, batch)
    with torch.inference_mode():
        linear = [
            beside.parts[n](**batch["segments"][n]["inputs"]).log_softmax(dim=-1) for n in names
        ]
    rows = [batch["segments"][n]["rows"].tolist() for n in names]
    for row, present in enumerate(MIXED):
        expected = 0.5 * plain[row] if len(present) == 2 else plain[row]
        if present == ("rna",):
            expected = linear[0][rows[0].index(row)]
        if len(present) == 2:
            expected = expected + 0.3 * linear[0][rows[0].index(row)]
            expected = expected + 0.2 * linear[1][rows[1].index(row)]
        torch.testing.assert_close(found[row], expected.log_softmax(dim=-1), atol=1e-5, rtol=0)


def test_a_linear_model_of_all_inputs_answers_records_that_have_them(parts):
    names = ["rna", "values"]
    model = build(parts, type=HEAD | {"inputs": names, "linear": names})
    beside = model.linear["type"]
    batch = batch_of(parts, MIXED)
    beside.weights[0b11] = torch.tensor([0.5, 0.3, 0.2])
    for module in beside.modules():
        if isinstance(module, ProfileFeatures):
            torch.nn.init.normal_(module.components)
    before, _ = answers(model, batch)
    for name in names:
        torch.nn.init.normal_(beside.joint[name].weight)
    assert torch.equal(answers(model, batch)[0], before)
    beside.joint_weight.fill_(0.4)
    found, _ = answers(model, batch)
    changed = (found - before).abs().amax(dim=1) > 1e-6
    assert changed.tolist() == [len(present) == 2 for present in MIXED]
    alone, _ = answers(model, batch_of(parts, [("rna", "values")] * 5))
    torch.testing.assert_close(alone[4], found[4], atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ["train", "values", "keys", "v1.2", "type_"])
def test_heads_and_inputs_may_have_any_name(parts, name, tmp_path):
    named = {name: parts["rna"]}
    model = build(named, **{name: HEAD | {"inputs": [name]}})
    model.save_pretrained(tmp_path)
    again = PolyomeModel.from_pretrained(tmp_path).eval()
    batch = batch_of(named, [(name,)] * 3)
    with torch.inference_mode():
        assert torch.equal(model(**batch).outputs[name], again(**batch).outputs[name])


def test_each_input_starts_from_its_own_records(parts):
    model = build(parts)
    network = model.members[0]
    for name, (modality, _) in parts.items():
        modality.start_from(network.embeddings[name], modality.read(simulate_cells(8, seed=9)))
        mine = network.embeddings[name].state_dict()
        others = {n: network.embeddings[n].state_dict() for n in parts if n != name}
        before = {n: {k: v.clone() for k, v in s.items()} for n, s in others.items()}
        modality.start_from(network.embeddings[name], modality.read(simulate_cells(8, seed=7)))
        assert any(k.endswith("components") for k in mine)
        for other, state in before.items():
            now = network.embeddings[other].state_dict()
            assert all(torch.equal(value, now[key]) for key, value in state.items())


def test_two_arrays_of_unequal_lengths_need_masks_of_their_own(parts):
    modality, _ = parts["rna"]
    encodings = [
        {"a": np.zeros(2), "b": np.zeros(3)},
        {"a": np.zeros(4), "b": np.zeros(5)},
    ]
    with pytest.raises(ValueError, match="a and b differ in length"):
        modality.collate(encodings)
    for encoding in encodings:
        encoding["b"] = encoding["a"]
    assert modality.collate(encodings)["attention_mask"].sum(dim=1).tolist() == [2, 4]


def test_data_sets_of_one_modality_with_different_heads_are_collated(parts):
    modality, _ = parts["rna"]
    cells = modality.read(simulate_cells(8, seed=0))
    sets = [
        RecordDataset(modality, cells, {head: np.arange(8) % 3}) for head in ("first", "second")
    ]
    batch = Collator({"cell": modality})([sets[0][0], sets[1][1], sets[0][2]])
    rows = {head: segment["rows"].tolist() for head, segment in batch["labels"].items()}
    assert rows == {"first": [0, 2], "second": [1]}
    assert batch["segments"]["cell"]["rows"].tolist() == [0, 1, 2]
