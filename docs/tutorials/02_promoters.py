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
# # Is this sequence a promoter?
#
# A promoter is the stretch of DNA at which transcription of a gene begins. Proteins find it by
# short words at certain places: a TATA box some 30 bases before the start, an initiator on it,
# and others. A transformer can learn these words and their places from examples. It can also
# learn something much duller, and score just as well; most of the skill is in telling the two
# apart.
#
# **You will learn**
#
# - what DNA looks like to a neural network: letters, tokens, positions;
# - what attention computes, in six lines that you can change;
# - how to train a classifier and read its scores beside those of much cheaper models;
# - how two shortcuts, GC content and near-copies, make a useless model look good, and how to
#   catch them;
# - which bases the model's answer rests on.
#
# **You need** some Python (pandas, a plot or two). No GPU, no download, about three minutes.

# %%
import importlib.util

if importlib.util.find_spec("polyome") is None:
    message = (
        "Polyome is not installed here. In a copy of its repository run: pip install '.[all]' "
        "(or install its wheel), then restart this notebook."
    )
    raise ModuleNotFoundError(message)

# %%
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

import polyome

# %% [markdown]
# ## 1. What the data is
#
# The sequences here are **simulated** by a grammar that Polyome brings along: every promoter has
# words from eight kinds of elements (TATA box, initiator, downstream element, CCAAT box, ...) at
# the places that the literature gives for them. Every background sequence has *the same words at
# wrong places*. So counting words is not enough; and because it is simulated, we know which bases
# matter, and can check at the end whether the model found them.
#
# Set `USE_REAL_DATA` to use a table of your own instead, with a column `sequence` and a column
# `label`. (The comparison with the planted truth in step 7 is then skipped.)

# %%
USE_REAL_DATA = False

if USE_REAL_DATA:
    table = polyome.read("my_promoters.csv.gz")
else:
    from polyome.data.promoters import simulate_promoters

    table = simulate_promoters(1600, seed=1)

table["label"].value_counts()

# %% [markdown]
# ## 2. Looking at it
#
# Before any model: does the eye see a difference? Stack all promoters, all background sequences,
# and ask at each position how often the letter is A or T.

# %%
shortest = table["sequence"].str.len().min()
letters = np.array([list(text[:shortest]) for text in table["sequence"]])
is_at = np.isin(letters, ["A", "T"])
shares = pd.DataFrame(
    {
        label: is_at[(table["label"] == label).to_numpy()].mean(axis=0)
        for label in set(table["label"])
    }
)
ax = shares.plot(figsize=(8, 2.6))
ax.set(xlabel="position in the sequence (bp)", ylabel="proportion of A and T")
plt.show()
widest = (shares.max(axis=1) - shares.min(axis=1)).idxmax()
print(f"The classes differ most at position {widest}.")

# %% [markdown]
# There promoters have more A and T: it is the TATA box. Most other elements are too variable to
# show in such an average.
#
# ## 3. From data to tokens
#
# A transformer reads **tokens**: vectors of numbers. Polyome makes one token for every few
# nucleotides. At every base it looks at the 11 letters around it, so that neighbouring tokens see
# some letters in common. Here is the beginning of one sequence, token by token.

# %%
from polyome.modalities.sequence import SequenceModality

modality = SequenceModality()
records = modality.read(table)
modality.fit(records)
text, stride, half = records.dna.text(0), modality.stride_, modality.kernel_ // 2
width = stride - 1 + modality.kernel_  # what the detectors of all its bases see
print(f"{len(text)} bp become {modality.spec()['num_tokens']} tokens, one every {stride} bases:\n")
for token in range(5):
    first = token * stride
    window = text[max(0, first - half) : first + stride + half].rjust(width, ".")
    print(f"token {token}: bases {first:2d} to {first + stride - 1:2d}, sees {window}")

# %% [markdown]
# The letters enter as one-hot vectors (A = 1000, C = 0100, ...), so 11 letters are 44 numbers. At
# every base 128 learned *detectors* weigh these 44 numbers, each for a motif of its own; of the
# bases of a token the strongest answer of each detector counts. Added to it is a learned vector
# for the token's **position**: the same word counts for something else at another place. Before
# all tokens stands a special one, the *modality token* `[M]`. Its final state,
# pooled with those of all tokens in their places, will stand for the whole sequence.

# %%
window = "TATAAAAGGCG"
one_hot = np.array([[letter == base for base in "ACGT"] for letter in window], int)
pd.DataFrame(one_hot.T, index=list("ACGT"), columns=list(window))

# %% [markdown]
# ## 4. The transformer, from attention up
#
# Attention lets every token gather information from all others. Each token asks a *query*, offers
# a *key* and carries a *value*; how well a query fits a key says how much of that value is taken.
# This is all of it. Change it and run it again: what if the scores are not divided? If `values`
# is `x` itself?


# %%
def attention(x, w_query, w_key, w_value):
    """Tokens, (n, d) -> tokens that have looked around, (n, d), and who looked where, (n, n)."""
    queries, keys, values = x @ w_query, x @ w_key, x @ w_value
    scores = queries @ keys.T / keys.shape[1] ** 0.5
    weights = scores.softmax(dim=-1)
    return weights @ values, weights


torch.manual_seed(0)
tokens = torch.randn(6, 8)  # six tokens of width 8
looked, weights = attention(tokens, *(torch.randn(8, 8) for _ in range(3)))
fig, ax = plt.subplots(figsize=(3, 2.6))
picture = ax.imshow(weights, cmap="viridis")
ax.set(xlabel="token looked at", ylabel="token looking")
fig.colorbar(picture)
plt.show()

# %% [markdown]
# A **layer** of a transformer is attention, then a small network that is applied to each token by
# itself; both *add* to the token rather than replace it. Polyome's trunk is two such layers, with
# four attentions ("heads") side by side in each. It does not know that its tokens are DNA; the
# same trunk reads cells and tissue in the other tutorials.

# %%
from polyome.model.configuration import PolyomeConfig
from polyome.model.trunk import Trunk

Trunk(PolyomeConfig())

# %% [markdown]
# ## 5. Training
#
# One call reads the sequences, keeps a fifth aside as the test part, audits the data, trains,
# calibrates the confidence on validation rows, and scores the test part once.
# (`num_members=2` trains two networks instead of the usual twelve, to save your time.)

# %%
model = polyome.PromoterClassifier(num_members=2, seed=0)
model.fit(table, target="label", num_train_epochs=10)
model.save_pretrained("promoter_model")
polyome.pl.learning_curves("promoter_model")
plt.show()

# %% [markdown]
# The loss falls on training rows and on the validation rows. Where only the former falls, the
# network memorises.
#
# ## 6. Evaluation
#
# Scores never come alone. Beside Polyome's stand: always saying the most frequent class; GC
# content alone; logistic regression on k-mers and positions; gradient-boosted trees.

# %%
print(model.evaluation_)

# %%
fig, axes = plt.subplots(1, 3, figsize=(13, 3.8))
polyome.pl.confusion_matrix(model, ax=axes[0])
polyome.pl.roc_curves(model, ax=axes[1])
polyome.pl.calibration(model, ax=axes[2])
fig.tight_layout()
plt.show()

# %% [markdown]
# - **Confusion matrix**: rows are the truth. Which mistake is more frequent?
# - **ROC curve**: the share of promoters found against the share of background mistaken for one,
#   as the threshold falls. AUROC is the area under it: .5 is guessing.
# - **Calibration**: among sequences with confidence .8, are 80 % right? On the diagonal they are.
#
# The representation, `[M]` pooled with all tokens, has 64 numbers per network; UMAP draws two.

# %%
fig, axes = plt.subplots(1, 2, figsize=(10, 3.8))
polyome.pl.umap(model, color="truth", ax=axes[0])
polyome.pl.umap(model, color="prediction", ax=axes[1])
fig.tight_layout()
plt.show()

# %% [markdown]
# **When to prefer the cheap baseline?** When it scores within the interval of the transformer's,
# use it: it is faster, and easier to explain. Look at the table above: with so few sequences
# logistic regression, which sees the same words at the same places, may well be ahead. What it
# cannot say is that a word counts *only beside its partner*; that begins to pay with ten times
# the data.
#
# ## The trap: GC content and near-copies
#
# **GC content.** Suppose that somebody takes background sequences from gene deserts, which have
# little G and C. We imitate that by drawing random letters: these "promoters" have no element at
# all, only more G and C. A classifier finds them easily, and has learned nothing about promoters.

# %%
rng = np.random.default_rng(0)


def random_dna(number, gc, length=100):
    shares = [(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2]
    return ["".join(row) for row in rng.choice(list("ACGT"), (number, length), p=shares)]


shortcut = pd.DataFrame({"sequence": random_dna(400, 0.6) + random_dna(400, 0.45)})
shortcut["label"] = np.repeat(["promoter", "background"], 400)
for finding in polyome.audit("promoter", shortcut, "label", quiet=True):
    print(f"{finding.severity}: {finding.message}\n")

# %% [markdown]
# The audit says it before any model is trained. The remedy is to draw background of the same GC
# content (`polyome.data.negatives` does), as the table of this tutorial has.
#
# **Near-copies.** Genomes are full of repeats and gene families, and published sets are full of
# near-copies. To see what they do, we take 100 random sequences, give each a *random* label, and
# put five copies of each into the table, with some letters drawn again: 3 %, then 30 %. There is
# nothing to learn: the labels are coin flips. The table shows the accuracy under a random split,
# and under a split that keeps relatives on one side. Beside it stands what the audit says of the
# random split: the proportion of test rows that share 30 letters in a row with a training row, and
# of those that do not but are alike over most of their length.

# %%
originals = np.array([list(text) for text in random_dna(100, 0.5)])
flips = np.repeat(rng.choice(["heads", "tails"], 100), 5)


def copies_with(proportion):
    """Five copies of each original, with this proportion of the letters drawn again."""
    copies = np.repeat(originals, 5, axis=0)
    changed = rng.random(copies.shape) < proportion
    copies[changed] = rng.choice(list("ACGT"), changed.sum())
    return pd.DataFrame({"sequence": ["".join(row) for row in copies], "label": flips})


rows = {}
for proportion in (0.03, 0.3):
    coins = copies_with(proportion)
    findings = {f.kind: f for f in polyome.audit("promoter", coins, "label", quiet=True)}
    row = rows[f"{proportion:.0%} drawn again"] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fit warns of the copies, rightly; we want to see more
        for split_by in ("random", "homology"):
            guesser = polyome.PromoterClassifier(num_members=1, seed=0, quiet=True)
            guesser.fit(
                coins, target="label", split_by=split_by, num_train_epochs=4, baselines=False
            )
            row[f"accuracy, {split_by}"] = guesser.evaluation_.metrics["accuracy"]
    for kind in ("near duplicates", "relatives"):
        row[kind] = findings[kind].numbers["share_of_test"] if kind in findings else 0.0
pd.DataFrame(rows).T.round(2)

# %%
print(findings["relatives"].severity + ":", findings["relatives"].message)

# %% [markdown]
# Under the random split the model "predicts" coin flips, since it has seen copies of every test
# sequence. With 30 % drawn again two copies share hardly ten letters in a row, and still give each
# other away. `split_by="homology"` puts sequences that share 30 letters on one side, and those
# that can be aligned over most of their length. The skill is gone: what is left is luck, .5 give
# or take .2, as the test part holds copies of few coins. `polyome audit` counts both kinds of
# relatives in your own table.

# %% [markdown]
# ## 7. Interpretation: which bases?
#
# *In-silico mutagenesis* asks the plainest question: how does the answer change if this base is
# another? Bases whose change matters stand tall in the logo.

# %%
test = table[(model.split_ == "test") & (table["label"] == "promoter")]
why = model.explain(test.iloc[:25], output="promoter")
strongest = test["score"].iloc[:25].idxmax() if "score" in test else test.index[0]
why.plot(strongest)
plt.show()

# %% [markdown]
# Because the data is simulated, we can check: is the base with the highest contribution inside a
# planted element?

# %%
import json

if not USE_REAL_DATA:
    inside = []
    for row, name in enumerate(why.names):
        top = int(np.nanargmax(why.contributions[row]))
        planted = json.loads(table.loc[name, "elements"])
        inside.append(
            any(word["start"] <= top < word["start"] + word["length"] for word in planted)
        )
    print(f"top base inside a planted element: {np.mean(inside):.0%} of {len(inside)} promoters")

# %% [markdown]
# ## Exercises
#
# 1. Set `num_hidden_layers=0` in step 5: the tokens no longer attend to each other. How much is
#    lost?
# <details><summary>Answer</summary>
# Little or nothing with so few sequences. The linear model and the readout, which keeps the order
# of tokens, still see motifs and places. Attention pays with tens of thousands of sequences.
# </details>
#
# 2. In the coin-flip experiment draw 45 % of the letters again, then 60 %. What do the two splits
#    and the audit say?
# <details><summary>Answer</summary>
# At 45 % two copies agree in fewer than half of their letters. The audit finds a part of them
# only, so some stay on both sides of the homology split, and the random split still rewards
# memory. At 60 % the audit finds hardly any, and there is hardly anything left to remember.
# Relatives below about 60 % identity are beyond what sequences alone can tell: where you know the
# families, name them in a column and use `split_by="group"`.
# </details>
#
# 3. Train on sequences of which the promoters were reversed (not complemented). Does the model
#    still work? Should it?
# <details><summary>Answer</summary>
# It works far better than before, and should not. Reversed elements stand at the mirrored place,
# where the background has none, so place alone tells the classes. It would fail on real promoters:
# a score says how well a model does on data like the training data, nothing more.
# </details>
#
# **Next**: [Annotating cell types in single-cell RNA-seq](03_cells.ipynb), where tokens have no
# order.
