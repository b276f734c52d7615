"""One trunk for all: a toy modality, registered here without touching src, beside cells."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.utils.data import ConcatDataset

from polyome.data.simulate import simulate_cells
from polyome.modalities import MODALITIES, Modality
from polyome.modalities.cell import CellModality
from polyome.modalities.embeddings import ModalityEmbeddings
from polyome.model.configuration import PolyomeConfig
from polyome.model.modeling import PolyomeModel
from polyome.train.arguments import FitArguments
from polyome.train.dataset import Collator, RecordDataset
from polyome.train.trainer import train

LETTERS = "ACGT"


@dataclass(frozen=True)
class Strings:
    sequences: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def table(self):
        return pd.DataFrame(index=pd.RangeIndex(len(self.sequences)).astype(str))

    def __len__(self):
        return len(self.sequences)

    def take(self, rows):
        return Strings(tuple(self.sequences[row] for row in rows))


class ToyEmbeddings(ModalityEmbeddings):
    def __init__(self, hidden_size):
        super().__init__(hidden_size)
        self.letters = nn.Embedding(len(LETTERS), hidden_size)
        self.positions = nn.Embedding(64, hidden_size)

    def forward(self, letters, attention_mask=None):
        tokens = self.letters(letters) + self.positions.weight[: letters.shape[1]]
        if attention_mask is not None:
            opened = attention_mask.new_ones(len(letters), 1)
            attention_mask = torch.cat([opened, attention_mask], dim=1)
        return self.open_segment(tokens), attention_mask


class ToySequence(Modality):
    name: ClassVar[str] = "toy-sequence"

    def read(self, source, **reading):
        return Strings(tuple(source))

    def fit(self, records):
        return self

    def spec(self):
        return {}

    @staticmethod
    def embeddings(config, spec):
        return ToyEmbeddings(config.hidden_size)

    def encode(self, records):
        return [
            {"letters": np.array([LETTERS.index(letter) for letter in sequence])}
            for sequence in records.sequences
        ]

    def state(self):
        return {}, {}

    @classmethod
    def from_state(cls, settings, arrays):
        return cls()

    def write(self, records, answers, path):
        raise AssertionError


@pytest.fixture
def both(monkeypatch):
    """A model with two modalities and two heads, and a collated batch of their records, mixed."""
    monkeypatch.setitem(MODALITIES, ToySequence.name, ToySequence)
    cells = simulate_cells(12, seed=0)
    cell = CellModality().fit(CellModality().read(cells))
    toy = ToySequence()
    rng = np.random.default_rng(0)
    sequences = ["".join(rng.choice(list(LETTERS), n)) for n in rng.integers(3, 20, 10)]
    torch.manual_seed(0)
    model = PolyomeModel(
        PolyomeConfig(
            hidden_size=16,
            intermediate_size=32,
            modalities={
                "cell": {"kind": "cell", "spec": cell.spec()},
                toy.name: {"kind": toy.name, "spec": toy.spec()},
            },
            heads={
                "cell-type": {"output": "classes", "inputs": ["cell"], "num_labels": 3},
                "toy": {"output": "classes", "inputs": [toy.name], "num_labels": 2},
            },
        )
    )
    types = pd.factorize(cells.obs["cell_type"])[0].astype(np.int64)
    rich = np.array([sequence.count("G") % 2 for sequence in sequences])
    datasets = [
        RecordDataset(cell, cell.read(cells), {"cell-type": types}),
        RecordDataset(toy, toy.read(sequences), {"toy": rich}),
    ]
    return model, ConcatDataset(datasets), Collator({"cell": cell, toy.name: toy})


def mixed(dataset, collate):
    order = np.random.default_rng(1).permutation(len(dataset))
    examples = [dataset[i] for i in order]
    return order, examples, collate(examples)


def test_gradients_reach_the_trunk_from_both(both):
    model, dataset, collate = both
    _, _, batch = mixed(dataset, collate)
    of_head = {}
    for head in ("cell-type", "toy"):
        model.zero_grad()
        model(**{**batch, "labels": {head: batch["labels"][head]}}).loss.backward()
        of_head[head] = {
            n: p.grad.norm() for n, p in model.named_parameters() if p.grad is not None
        }
        trunk = {n: g for n, g in of_head[head].items() if ".trunk." in n}
        assert len(trunk) == sum(".trunk." in n for n, _ in model.named_parameters())
        assert all(g > 0 for n, g in trunk.items() if not n.endswith("bias"))
    reached = {n for n, g in of_head["toy"].items() if g > 0}
    assert not any("embeddings.cell" in n or "heads.cell-type" in n for n in reached)


def test_each_answer_equals_the_records_answer_alone(both):
    model, dataset, collate = both
    model.eval()
    order, examples, batch = mixed(dataset, collate)
    with torch.inference_mode():
        together = model(**batch)
        for place in range(len(order)):
            example = examples[place]
            alone = model(**collate([example]))
            torch.testing.assert_close(
                together.representation[place], alone.representation[0], atol=1e-5, rtol=0
            )
            head = next(iter(example["targets"]))
            rows = together.rows[head].tolist()
            torch.testing.assert_close(
                together.outputs[head][rows.index(place)], alone.outputs[head][0], atol=1e-5, rtol=0
            )


def test_one_training_run_learns_both(both):
    model, dataset, collate = both
    arguments = FitArguments(learning_rate=3e-3, num_train_epochs=30, batch_size=11)
    curve = train(model, dataset, collate.modalities, arguments, seed=0, device="cpu")
    assert curve.train[-1] < 0.6 * curve.train[0]


def test_gradient_checkpointing_changes_no_gradient(both):
    model, dataset, collate = both
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    model.members[0].embeddings["cell"].features.input_dropout = 0.0
    _, _, batch = mixed(dataset, collate)
    model.train()
    model(**batch).loss.backward()
    plain = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    model.activation_checkpointing_enable()
    model(**batch).loss.backward()
    for name, gradient in plain.items():
        torch.testing.assert_close(model.get_parameter(name).grad, gradient)
