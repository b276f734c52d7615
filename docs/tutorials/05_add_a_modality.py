# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Adding a modality in one file
#
# Polyome reads DNA, cells and tissue. Yours may be another kind of data: DNA methylation,
# chromatin accessibility, peptides. What has to be written is how a record becomes tokens.
# Training, ensembles, calibration, evaluation, saving, the command line and the contract tests
# are there already. (`explain` alone needs an explainer of its own, in
# `polyome.explain.EXPLAINERS`.)
#
# **You will learn** what a modality supplies, what a task supplies, and how to check both.
#
# **You need** Python classes and a little PyTorch. About a minute.

# %%
import importlib.util

if importlib.util.find_spec("polyome") is None:
    message = (
        "Polyome is not installed here. In a copy of its repository run: pip install '.[all]' "
        "(or install its wheel), then restart this notebook."
    )
    raise ModuleNotFoundError(message)

# %% [markdown]
# ## The data
#
# Simulated: the share of methylated molecules (0 to 1) at 24 places of the genome, for samples of
# two tissues which differ at six of them. Real arrays have gaps, and so has this table. Set
# `USE_REAL_DATA` for a table of your own: a column for each place, whose name begins with `cg`, and
# a column `tissue`.

# %%
import numpy as np
import pandas as pd

USE_REAL_DATA = False


def simulate_methylation(number=400, places=24, seed=0):
    """Samples of two tissues, with gaps."""
    rng = np.random.default_rng(seed)
    is_liver = rng.random(number) < 0.5
    usual = rng.uniform(0.2, 0.8, places)
    shift = np.where(np.arange(places) < 6, 0.12, 0.0)
    shares = (
        usual + np.where(is_liver[:, None], shift, -shift) + rng.normal(0, 0.15, (number, places))
    )
    shares[rng.random(shares.shape) < 0.1] = np.nan
    table = pd.DataFrame(shares.clip(0, 1), columns=[f"cg{i:02d}" for i in range(places)])
    table.index = "sample " + table.index.astype(str)
    return table.assign(tissue=np.where(is_liver, "liver", "brain"))


table = pd.read_csv("my_methylation.csv", index_col=0) if USE_REAL_DATA else simulate_methylation()
table.iloc[:3, -5:].round(2)

# %% [markdown]
# ## The modality
#
# A record is a sample. Its tokens: one per place, the sum of *what* it is (a learned vector for
# the place) and *how much* (the value times a learned vector). A gap is no token: it is masked,
# and the trunk never sees it.
#
# | what the class below supplies | is |
# |---|---|
# | `read` | from files, a table or its own records to records |
# | `fit` | what is learned before any network, from training records only |
# | `encode` | from records to arrays, one dictionary a record |
# | `spec` | the sizes that the embeddings need |
# | `embeddings` | from a batch of arrays to tokens and their mask |
# | `features` | what the linear model beside the trunk reads; without it there is none |
# | `state`, `from_state` | what is saved, as JSON and as arrays, and how it is restored |
# | `write` | answers back into the source's own format, if it has one beside .csv |

# %%
import io
from dataclasses import dataclass, replace

import torch
from torch import nn

from polyome._errors import InputError
from polyome.io.compressed import read_text
from polyome.io.files import paths_of
from polyome.modalities import MODALITIES
from polyome.modalities.base import Modality
from polyome.modalities.embeddings import LinearFeatures, ModalityEmbeddings


@dataclass(frozen=True)
class MethylationRecords:
    """Samples of a table, by position."""

    table: pd.DataFrame
    notes: tuple[str, ...] = ()

    def __len__(self):
        return len(self.table)

    def take(self, rows):
        return replace(self, table=self.table.iloc[rows])


class MethylationEmbeddings(ModalityEmbeddings):
    """One token per place: identity + value."""

    def __init__(self, hidden_size, spec):
        super().__init__(hidden_size)
        self.place = nn.Parameter(torch.randn(len(spec["places"]), hidden_size) * 0.1)
        self.amount = nn.Parameter(torch.randn(len(spec["places"]), hidden_size) * 0.1)

    def forward(self, **inputs):
        values, known = inputs["values"], inputs["known"]  # (b, n), (b, n)
        tokens = self.place + values[..., None] * self.amount  # (b, n, d)
        mask = torch.cat([torch.ones_like(known[:, :1]), known], dim=1)  # [M] is always there
        return self.open_segment(tokens), mask


class MethylationFeatures(LinearFeatures):
    """What the linear model beside the trunk reads: the values as they are."""

    def __init__(self, spec):
        super().__init__()
        self.width = len(spec["places"])

    def forward(self, **inputs):
        return inputs["values"]  # (b, n)


class MethylationModality(Modality):
    """Methylation shares, standardised by the training samples."""

    name = "methylation"
    table_name = "the table"

    def read(self, source, **reading):
        if isinstance(source, MethylationRecords):  # read already
            return source
        if not isinstance(source, pd.DataFrame):
            files = paths_of(source, "a table, or .csv files,")
            texts = [io.StringIO(read_text(path)) for path in files]  # plain or gzip
            source = pd.concat([pd.read_csv(text, index_col=0) for text in texts])
        if not len(source.filter(regex="^cg").columns):
            raise InputError("a table, or .csv files, with columns cg... is needed.")
        return MethylationRecords(source.set_axis(source.index.astype(str), axis=0))

    def fit(self, records):
        numbers = records.table.filter(regex="^cg")
        self.places_ = list(numbers.columns)
        self.mean_, self.sd_ = numbers.mean().to_numpy(), numbers.std().to_numpy()
        return self

    def encode(self, records):
        shares = records.table.reindex(columns=self.places_).to_numpy(float)
        values = (shares - self.mean_) / self.sd_
        known = ~np.isnan(values)
        values = np.nan_to_num(values).astype(np.float32)
        return [{"values": v, "known": k} for v, k in zip(values, known, strict=True)]

    def spec(self):
        return {"places": self.places_}

    @staticmethod
    def embeddings(config, spec):
        return MethylationEmbeddings(config.hidden_size, spec)

    @staticmethod
    def features(spec):
        return MethylationFeatures(spec)

    def state(self):
        return {"places": self.places_}, {"mean": self.mean_, "sd": self.sd_}

    @classmethod
    def from_state(cls, settings, arrays):
        modality = cls()
        modality.places_ = settings["places"]
        modality.mean_, modality.sd_ = arrays["mean"], arrays["sd"]
        return modality

    def write(self, records, answers, path):
        raise InputError(f"{path}: answers are written as .csv.")


MODALITIES["methylation"] = MethylationModality

# %% [markdown]
# In the package this would be `src/polyome/modalities/methylation.py`, and the last line a line
# of the dictionary in `modalities/__init__.py`.
#
# ## The task
#
# A task says which modality it uses, how its networks are trained (`training`), what its
# baselines read (`features`), what could mislead (`audit`), and which data shows it (`example`,
# `demo`). What all tasks share is inherited; the answer is one of several classes
# unless a task names another type in `output`.

# %%
from polyome.audit.classes import class_findings
from polyome.tasks import TASKS
from polyome.tasks.base import Example, Task


@dataclass(kw_only=True)
class Tissue(Task):
    """Tell tissues apart by methylation."""

    hidden_size: int = 32
    dropout: float = 0.1

    name = "tissue-of-origin"
    modality = "methylation"
    estimator = "TissueClassifier"

    def build_modality(self, num_classes=0):
        return MethylationModality()

    def training(self, n_rows, modality):
        return {
            "learning_rate": 3e-3,
            "num_train_epochs": 30,
            "batch_size": 32,
            "warmup_ratio": 0.1,
            "early_stopping": True,
            "ema_decay": 0.0,
        }

    def features(self, modality, records):  # what the baselines read
        return np.stack([encoding["values"] for encoding in modality.encode(records)])

    def audit(self, records, targets, split, target):
        return class_findings(targets.truth, split)

    @classmethod
    def example(cls, *, seed=0):
        return Example(simulate_methylation(seed=seed), "tissue", "simulated methylation")

    @classmethod
    def demo(cls):
        return cls.example()


TASKS["tissue-of-origin"] = Tissue

# %% [markdown]
# That is all. Everything else follows:

# %%
import polyome

model = polyome.TissueClassifier(seed=0)
model.fit(table, target="tissue")
print(model.evaluation_)

# %%
model.save_pretrained("tissue_model")
again = polyome.TissueClassifier.from_pretrained("tissue_model")
again.predict(table.iloc[:3])

# %% [markdown]
# ## Checking it
#
# Polyome's contract tests run over the two dictionaries, so in the package a new line is tested
# at once: saved and restored it answers alike; batch size, order and company change nothing;
# fitting sees no test record; every weight has a gradient. The most important one, by hand:

# %%
together = model.predict(table)["confidence"].to_numpy()
alone = model.predict(table, batch_size=1)["confidence"].to_numpy()
print("largest difference:", np.abs(together - alone).max())

# %% [markdown]
# ## Exercise
#
# Is the trunk worth its time here? Compare `num_hidden_layers=0`, and the logistic regression of
# the table above, and say what kind of simulated data would turn the answer around.
# <details><summary>Answer</summary>
# The tissues differ by sums of single places, which is what a linear model computes. Simulate
# tissues that differ in whether two places agree, and attention, which compares tokens, begins to
# pay.
# </details>
