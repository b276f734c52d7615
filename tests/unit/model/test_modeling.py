import warnings

import pytest
import torch
from transformers import AutoModel

from polyome.data.simulate import simulate_cells
from polyome.modalities import CellModality
from polyome.model.configuration import PolyomeConfig
from polyome.model.modeling import PolyomeModel


@pytest.fixture(scope="module")
def modality():
    return CellModality().fit(CellModality().read(simulate_cells(seed=0)))


def build(modality, **settings):
    torch.manual_seed(0)
    head = {"output": "classes", "inputs": ["cell"], "num_labels": 3, "linear": ["cell"]}
    config = PolyomeConfig(
        hidden_size=16,
        intermediate_size=32,
        modalities={"cell": {"kind": "cell", "spec": modality.spec()}},
        heads={"cell-type": head},
        **settings,
    )
    model = PolyomeModel(config)
    cells = modality.read(simulate_cells(seed=0))
    for module in (*(m.embeddings["cell"] for m in model.members), model.linear["cell-type"].part):
        modality.start_from(module, cells)
    return model.eval()


@pytest.fixture
def batch(modality):
    cells = modality.read(simulate_cells(9, seed=1))
    inputs = modality.collate(modality.encode(cells))
    return {"size": 9, "segments": {"cell": {"rows": torch.arange(9), "inputs": inputs}}}


def test_transformers_own_classes_read_a_saved_folder(modality, batch, tmp_path):
    model = build(modality, num_members=2)
    model.linear["cell-type"].set_weight(0.3)
    model.save_pretrained(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = AutoModel.from_pretrained(tmp_path)
    assert isinstance(again, PolyomeModel)
    with torch.inference_mode():
        torch.testing.assert_close(
            again(**batch).outputs["cell-type"], model(**batch).outputs["cell-type"]
        )
    assert (tmp_path / "model.safetensors").is_file()
    assert not list(tmp_path.glob("*.bin"))


def test_members_stand_side_by_side(modality, batch):
    model = build(modality, num_members=3)
    with torch.inference_mode():
        result = model(**batch)
        alone = model.members[1](batch["size"], batch["segments"])
    assert result.representation.shape == (9, 48)
    torch.testing.assert_close(result.representation[:, 16:32], alone)


def test_the_answer_is_the_members_and_the_linear_models_weighed(modality, batch):
    model = build(modality, num_members=2)
    beside = model.linear["cell-type"]
    with torch.inference_mode():
        answers = {}
        for weight in (0.0, 0.5, 1.0):
            beside.set_weight(weight)
            answers[weight] = model(**batch).outputs["cell-type"]
    torch.testing.assert_close(answers[0.5].exp().sum(dim=1), torch.ones(9))
    middle = (answers[0.0] + answers[1.0]) / 2
    torch.testing.assert_close(answers[0.5], middle.log_softmax(dim=1))


def test_a_linear_model_without_a_weight_costs_nothing(modality, batch):
    model = build(modality)
    asked: list[int] = []
    beside = model.linear["cell-type"]
    beside.part.features.register_forward_hook(lambda *_: asked.append(1))
    model.train()(**batch)
    assert not asked
    beside.set_weight(0.3)
    model(**batch)
    assert asked == [1]


def test_the_fixed_projection_and_the_linear_model_are_not_trained(modality):
    trainable = {n for n, p in build(modality).named_parameters() if p.requires_grad}
    assert not any("components" in name or name.startswith("linear") for name in trainable)
    assert any(".trunk." in name for name in trainable)


def test_one_seed_builds_one_model(modality):
    one, other = build(modality).state_dict(), build(modality).state_dict()
    assert all(torch.equal(one[key], other[key]) for key in one)
