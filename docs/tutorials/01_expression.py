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
# # Predicting RNA expression from DNA
#
# How strongly is a gene expressed? Part of the answer stands in the DNA before it: proteins bind
# there, alone or together, and the better the words fit them, the more RNA is made. Reporter
# assays measure this for thousands of designed sequences at once. From such a table a model can
# learn to read the DNA of a new design, and to say what a mutation would do.
#
# **You will learn**
#
# - what DNA looks like to a neural network: letters, tokens, positions;
# - what attention computes, in six lines that you can change;
# - how to train a regression with an honest split, and read r and R² beside cheap models and the
#   noise;
# - how to say how sure a prediction is: intervals that hold what they promise;
# - how the DNA of a *protein* can pose as the strength of a *promoter*, and how to notice;
# - what every single mutation of a sequence would do.
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
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

import polyome

# %% [markdown]
# ## 1. What the data is
#
# The sequences here are **simulated** by a grammar that Polyome brings along: bacterial promoters
# with two core words, -35 and -10, at varying distance, and by chance with an UP element, an
# extended -10, sites of an activator (CRP) and of a repressor (LacI). How well each word fits,
# how many there are and how far apart they stand determine the true expression; measurement noise
# is added such that *no model can be expected to exceed r of about .9*. Because it is simulated, we
# can compare with the truth in the end.
#
# Set `USE_REAL_DATA` to use a table of your own: a column `sequence`, and a column of numbers.

# %%
USE_REAL_DATA = False

if USE_REAL_DATA:
    table, target = polyome.read("my_reporters.csv.gz"), "expression"
else:
    from polyome.data.expression import simulate_expression

    table, target = simulate_expression(2000, seed=1), "expression"

table.head(3)

# %% [markdown]
# ## 2. Looking at it
#
# Two questions before any model. How is the target distributed? (A long tail would call for
# `target_transform="log"`.) And does the simplest property of a sequence, its share of G and C,
# tell anything?

# %%
gc = table["sequence"].str.count("[GC]") / table["sequence"].str.len()
fig, axes = plt.subplots(1, 2, figsize=(9, 3))
axes[0].hist(table[target], bins=40)
axes[0].set(xlabel="measured expression (log2)", ylabel="sequences")
axes[1].plot(gc, table[target], ".", markersize=3)
axes[1].set(xlabel="GC content", ylabel="measured expression (log2)")
fig.tight_layout()
plt.show()

# %% [markdown]
# ## 3. From data to tokens
#
# A transformer reads **tokens**: vectors of numbers. Polyome makes one token for every few
# nucleotides. At every base 128 learned *detectors* look at the 11 letters around it (one-hot:
# A = 1000, C = 0100, ...), each for a motif of its own; of the bases of a token the strongest
# answer of each detector counts. Here is what the first tokens of one sequence see.

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
# To each token a learned vector for its **position** is added: a -10 word at another place is no
# -10 word. Before all tokens stands a special one, the *modality token* `[M]`; its final state,
# pooled with those of all tokens in their places, stands for the whole sequence, and a linear map
# of it gives the number.
#
# ## 4. The transformer, from attention up
#
# The two core words work *together*: a perfect -10 without a -35 at the right distance does
# little. A model that adds up words one by one cannot say this. Attention can: every token asks a
# *query*, offers a *key* and carries a *value*; how well a query fits a key says how much of that
# value is taken.


# %%
def attention(x, w_query, w_key, w_value):
    """Tokens, (n, d) -> tokens that have looked around, (n, d), and who looked where, (n, n)."""
    queries, keys, values = x @ w_query, x @ w_key, x @ w_value
    scores = queries @ keys.T / keys.shape[1] ** 0.5
    weights = scores.softmax(dim=-1)
    return weights @ values, weights


# %% [markdown]
# A toy: six tokens, of which the second is a "-35" and the fifth a "-10". We write the weights by
# hand so that a "-10" asks for a "-35". Then look who looks where, and change the tokens: what if
# the -35 is gone?

# %%
is_35, is_10 = torch.tensor([0.0, 1, 0, 0, 0, 0]), torch.tensor([0.0, 0, 0, 0, 1, 0])
tokens = torch.stack([is_35, is_10, torch.ones(6)], dim=1)  # (6, 3)
asks_for_35 = torch.tensor([[0.0, 0, 0], [8, 0, 0], [0, 0, 0]])  # a -10 asks for the first feature
keys = values = torch.eye(3)
looked, weights = attention(tokens, asks_for_35, keys, values)
names = ["...", "-35", "...", "...", "-10", "..."]
pd.DataFrame(weights.numpy().round(2), names, names)

# %% [markdown]
# The row of the -10 puts nearly all its weight on the -35: it now *knows* of its partner. All
# other rows divide their attention evenly. In the real trunk the weights are learned, there are
# four such attentions side by side in each of two layers, and a small network follows each.

# %%
from polyome.model.configuration import PolyomeConfig
from polyome.model.trunk import Trunk

Trunk(PolyomeConfig())

# %% [markdown]
# ## 5. Training
#
# One call reads the sequences, keeps a fifth aside as the test part, audits the data, learns the
# scale of the target on training rows, trains, makes intervals from validation rows, and scores
# the test part once. (`num_members=2` trains two networks instead of the usual twelve, to save your
# time.)

# %%
model = polyome.ExpressionRegressor(num_members=2, seed=0)
model.fit(table, target=target, num_train_epochs=12)
model.save_pretrained("expression_model")
polyome.pl.learning_curves("expression_model")
plt.show()

# %% [markdown]
# ## 6. Evaluation
#
# **r** (Pearson) says how close prediction and measurement lie to one straight line, whatever its
# slope; **R²** is the share of the variance
# that they explain, and punishes a shift that r forgives. Beside Polyome's stand: always saying
# the mean, GC content alone, ridge regression on k-mers and positions, gradient-boosted trees.

# %%
print(model.evaluation_)

# %%
polyome.pl.predicted_and_measured(model)
plt.show()

# %%
answers = model.predict(table)
if not USE_REAL_DATA:
    test = (model.split_ == "test").to_numpy()
    found = np.corrcoef(answers[target][test], table["truth"][test])[0, 1]
    ceiling = np.corrcoef(table[target][test], table["truth"][test])[0, 1]
    print(f"r with the noise-free truth: {found:.2f}")
    print(f"noise caps r with measured values at {ceiling:.2f}")

# %% [markdown]
# **How sure?** Every prediction comes with a 90 % interval, by *split conformal* prediction: how
# far were predictions off, on rows that the network had not seen? The promise is checked on the
# test part:

# %%
low, high = answers[f"{target}_low"], answers[f"{target}_high"]
is_test = model.split_ == "test"
inside = ((table[target] >= low) & (table[target] <= high))[is_test].mean()
print(f"{inside:.0%} of the test values lie inside their 90 % interval")

# %% [markdown]
# **When to prefer the cheap baseline?** When it scores within the interval of the transformer's.
# On natural genes, of which there are a few thousand per genome, composition (k-mers, codons)
# carries most of what can be predicted, and ridge regression or boosting come close.
#
# ## The trap: the coding sequence poses as promoter strength
#
# Highly expressed genes use certain codons, for reasons that have nothing to do with their
# promoter. If the window reaches past the start codon, a model can read the level off the
# *protein's* DNA, and its score says nothing about promoters. We simulate it: the promoter is
# random letters, without any meaning; the coding part uses good codons as often as the gene is
# expressed.

# %%
rng = np.random.default_rng(0)
good, poor = ["CTG", "AAA", "GAA", "GGT", "CGT"], ["CTA", "AAG", "GAG", "GGA", "AGG"]


def gene(level):
    promoter = "".join(rng.choice(list("ACGT"), 90))
    is_good = rng.random(30) < 1 / (1 + np.exp(-level))
    codons = [rng.choice(good if one else poor) for one in is_good]
    return promoter, "ATG" + "".join(codons)


levels = rng.normal(0, 1.5, 800)
promoters, coding = zip(*[gene(level) for level in levels], strict=True)
windows = {
    "promoter + gene start": [p + c for p, c in zip(promoters, coding, strict=True)],
    "promoter only": list(promoters),
}
for name, sequences in windows.items():
    genes = pd.DataFrame({"sequence": sequences, "level": levels})
    reader = polyome.ExpressionRegressor(num_members=1, seed=0, quiet=True)
    reader.fit(genes, target="level", num_train_epochs=8, baselines=False)
    print(f"{name:<22} r = {reader.evaluation_.metrics['pearson']:.2f}")

# %% [markdown]
# The promoters are noise, and yet "expression from promoter sequence" works, as long as the
# window contains the gene's start. Always fit the upstream part alone beside it, and say which
# window a score belongs to.

# %% [markdown]
# ## 7. Interpretation: what would each mutation do?
#
# *In-silico saturation mutagenesis*: change each base to each of the three others, and ask the
# model. Tall letters are those whose loss costs most.

# %%
strong = table.loc[(model.split_ == "test").to_numpy()].nlargest(3, target)
why = model.explain(strong)
why.plot(strong.index[0])
plt.show()

# %% [markdown]
# With a genome and a VCF, `polyome variants` does this for real variants: reference, alternative
# and difference for every target, written back into the VCF.
#
# ## Exercises
#
# 1. Shuffle the letters of each promoter in the trap's first window, leaving the coding part.
#    What happens to r, and what does that prove?
# <details><summary>Answer</summary>
# Nothing happens to r: the model never read the promoter. A shuffled control of the part that you
# make claims about is one line, and would have caught the trap.
# </details>
#
# 2. Fit with `num_hidden_layers=0`. Is the distance between -35 and -10 still read?
# <details><summary>Answer</summary>
# Yes: r hardly changes. The readout keeps the order of tokens, and so knows which motifs stand at
# which places; at this size that does without attention.
# </details>
#
# 3. Make the interval narrower by asking for 50 %: `model.predict(table, interval=0.5)`. Which
#    share of test values should lie inside?
# <details><summary>Answer</summary>
# Half of them. If it is clearly another share on your own data, then test and training rows
# differ in something the split did not keep apart.
# </details>
#
# **Next**: [Is this sequence a promoter?](02_promoters.ipynb), on classes instead of values.
