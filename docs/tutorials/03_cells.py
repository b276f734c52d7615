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
# # Annotating cell types in single-cell RNA-seq
#
# Single-cell RNA sequencing counts, for thousands of cells, the RNA molecules of thousands of
# genes. What kind of cell each one is, nobody tells us. Somebody annotated one sample by hand; we
# want the next sample annotated by a model, want to know how far to trust it, and want it to say
# "unknown" when it meets a kind of cell that it was never shown.
#
# **You will learn**
#
# - how a cell, a list of numbers without any order, becomes tokens of a transformer;
# - what attention computes, in six lines that you can change;
# - how to train an annotator, read its scores beside logistic regression's, and use its `unknown`;
# - two mistakes that make attention between cells meaningless, and that do not crash;
# - which genes the answer rests on.
#
# **You need** some Python, and to have seen an AnnData before helps. No GPU, no download, about
# two minutes.

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
import pandas as pd
import scanpy as sc
import torch

import polyome

# %% [markdown]
# ## 1. What the data is
#
# 700 **real** blood cells that come with scanpy (`pbmc68k_reduced`, from Zheng et al. 2017), each
# with a label that was given by comparison with sorted cells. Set `USE_REAL_DATA` to annotate
# cells of your own: an h5ad file, and the name of the column of `obs` with the labels.

# %%
USE_REAL_DATA = False

if USE_REAL_DATA:
    adata, target = polyome.read("my_cells.h5ad"), "cell_type"
else:
    adata, target = sc.datasets.pbmc68k_reduced(), "bulk_labels"

adata

# %%
adata.obs[target].value_counts()

# %% [markdown]
# ## 2. Looking at it
#
# Classes are very unequal: there are 240 dendritic cells and 8 of the rarest kind. An accuracy
# alone would hide how the rare ones fare, so we shall look at macro F1 as well, the mean over
# classes.
#
# Two genes that every immunologist knows: CD79A marks B cells, NKG7 marks killer cells.

# %%
if not USE_REAL_DATA:
    sc.pl.dotplot(adata, ["CD79A", "NKG7", "LYZ", "CD3D", "FCER1A"], groupby=target, use_raw=True)

# %% [markdown]
# ## 3. From data to tokens
#
# In DNA the order of the letters matters. Genes have no order: a cell is a set of values. Polyome
# first decides what the matrix holds (counts? logarithms? scaled?), brings every cell to the same
# scale, and standardises each gene, so that 0 means "as in the average cell".

# %%
from polyome.modalities.cell import CellModality

modality = CellModality()
records = modality.read(adata)
for note in records.notes:
    print(note)
modality.fit(records)
values = modality.standardised(records)
genes = pd.Index(modality.vocabulary_.names)
pd.Series(values[0], genes).sort_values(ascending=False).head(5).round(1)

# %% [markdown]
# These are the genes of which the first cell has most, in standard deviations above the average
# cell. All its values together become a handful of tokens:
#
# | token | what it is |
# |---|---|
# | `[M]` | the modality token, plus a linear map of the whole profile |
# | module 1 to 4 | each a learned combination of genes, as a programme of genes that act together |
#
# There is no position to add, since there is no order: shuffle the columns of the matrix, and the
# answers stay the same. Let us check that with the number of tokens:

# %%
spec = modality.spec()
print(
    f"{adata.n_vars} genes -> {len(genes)} known to the model -> {1 + spec['num_modules']} tokens"
)

# %% [markdown]
# ## 4. The transformer, from attention up
#
# Attention lets every token gather information from the others. Each token asks a *query*, offers
# a *key* and carries a *value*; how well a query fits a key says how much of that value is taken.


# %%
def attention(x, w_query, w_key, w_value):
    """Tokens, (n, d) -> tokens that have looked around, (n, d), and who looked where, (n, n)."""
    queries, keys, values = x @ w_query, x @ w_key, x @ w_value
    scores = queries @ keys.T / keys.shape[1] ** 0.5
    weights = scores.softmax(dim=-1)
    return weights @ values, weights


torch.manual_seed(0)
width = 8
matrices = [torch.randn(width, width) for _ in range(3)]
cell = torch.randn(5, width)  # the five tokens of one cell
looked, weights = attention(cell, *matrices)
pd.DataFrame(weights.numpy().round(2)).set_axis(["[M]", "m1", "m2", "m3", "m4"], axis=1)

# %% [markdown]
# Each row sums to 1: how a token divides its attention. Polyome's trunk repeats this in four
# "heads" side by side and two layers, with a small network after each; the final state of `[M]`
# stands for the cell.
#
# ## The trap: attention across the batch, and a sequence of one token
#
# It is easy to get this wrong, and the mistakes do not crash. Look at two of them.
#
# **Mistake 1: the cells of a batch as the tokens of one sequence.** A matrix of cells by features
# has the shape that attention wants, so somebody passes it as it is. Now cells attend to *each
# other*, and a cell's answer depends on who else happens to be in the batch:

# %%
batch = torch.randn(4, width)  # four cells, one row each, mistaken for four tokens
others = torch.cat([batch[:1], torch.randn(3, width)])  # the same first cell in other company
first, again = attention(batch, *matrices)[0][0], attention(others, *matrices)[0][0]
print("first cell, two companies:", first[:3].numpy().round(2), again[:3].numpy().round(2))

# %% [markdown]
# The same cell, two answers. During training this even *helps* the score, when the test cells are
# predicted in batches that are sorted by type.
#
# **Mistake 2: each cell as a sequence of one token.** The softmax over a single score is always
# 1. Attention then takes all of the only value there is; queries and keys have no effect
# whatever:

# %%
alone = torch.randn(1, width)
with_attention = attention(alone, *matrices)[0]
just_linear = alone @ matrices[2]
print("largest difference:", float((with_attention - just_linear).abs().max()))

# %% [markdown]
# "A transformer" of this kind is an elaborate linear map. Polyome gives each cell several tokens
# of its own and never lets cells see each other; step 6 checks that.
#
# ## 5. Training
#
# One call recognises what the matrix holds, keeps a fifth of the cells aside as the test part,
# audits the data, trains three networks, calibrates confidence and `unknown` on validation cells,
# and scores the test part once.

# %%
model = polyome.CellTypeClassifier(seed=0)
model.fit(adata, target=target)
model.save_pretrained("cell_model")
polyome.pl.learning_curves("cell_model")
plt.show()

# %% [markdown]
# Each line is one of the networks. Training stops where the loss on validation cells is lowest.
#
# ## 6. Evaluation

# %%
print(model.evaluation_)

# %% [markdown]
# **Is the baseline ahead?** Quite possibly, and the table says so. On 700 cells logistic
# regression is a hard baseline: the labels are nearly a linear function of the genes. Prefer it
# when it is within the interval of the transformer and you need no `unknown`, no common
# representation with other data, and no alignment to another laboratory's sample.

# %%
fig, axes = plt.subplots(1, 2, figsize=(13, 5))
polyome.pl.confusion_matrix(model, ax=axes[0])
polyome.pl.roc_curves(model, ax=axes[1])
fig.tight_layout()
plt.show()

# %%
fig, axes = plt.subplots(1, 3, figsize=(16, 4))
polyome.pl.umap(model, color="truth", ax=axes[0])
polyome.pl.umap(model, color="prediction", ax=axes[1])
polyome.pl.calibration(model, ax=axes[2])
fig.tight_layout()
plt.show()

# %% [markdown]
# Which types are confused? Look at them in the UMAP: they lie side by side, and a biologist might
# hesitate as well.
#
# **One cell, one answer.** Predict a cell alone, and among all others:

# %%
together = model.predict(adata).iloc[0]
alone = model.predict(adata[:1].copy()).iloc[0]
print(
    f"{together['label']}: {together['confidence']:.6f} together, {alone['confidence']:.6f} alone"
)

# %% [markdown]
# **Unknown.** Fit without the B cells, then ask the model about them. A classifier that must
# choose among the types it knows will name them something else, often with confidence. Polyome
# measures how far a cell lies from everything it was trained on.

# %%
if not USE_REAL_DATA:
    is_b = (adata.obs[target] == "CD19+ B").to_numpy()
    without = polyome.CellTypeClassifier(num_members=1, seed=0, quiet=True)
    without.fit(adata[~is_b].copy(), target=target, baselines=False)
    answers = without.predict(adata[is_b].copy())
    print(answers["label"].value_counts().head(4))

# %% [markdown]
# ## 7. Interpretation: which genes?
#
# *Integrated gradients* walk from the average cell (all values 0) to this cell, and add up how
# much each gene moves the answer on the way. The contributions of all genes sum to the whole
# change.

# %%
why = model.explain(adata, most_records=300)
if USE_REAL_DATA:
    why.plot()
else:
    fig, axes = plt.subplots(1, 2, figsize=(8, 4))
    why.plot("CD19+ B", ax=axes[0])
    why.plot("CD56+ NK", ax=axes[1])
    fig.tight_layout()
plt.show()

# %% [markdown]
# Do you find the genes of step 2 among them? Orange genes are expressed more than in the average
# cell, blue ones less: absence is evidence, too.
#
# Finally, write the answers into the AnnData, for scanpy or any other tool of the scverse:

# %%
model.annotate(adata)
adata.obs[[target, "polyome_label", "polyome_confidence"]].head()

# %% [markdown]
# ## Exercises
#
# 1. Fit with `num_hidden_layers=0`. Do the trunk's layers pay, on 700 cells?
# <details><summary>Answer</summary>
# Hardly: the difference lies within the interval. With so few cells the tokens' maps do the work.
# The layers cost little, and are what larger data and the other modalities need.
# </details>
#
# 2. Change the trap's `batch` so that all four cells are equal. What do the attention weights
#    become, and why?
# <details><summary>Answer</summary>
# One quarter each: all keys are equal, so all scores are, and the softmax divides evenly.
# </details>
#
# 3. The labels of many public data sets were made by clustering the same matrix. What does a
#    score on such labels say?
# <details><summary>Answer</summary>
# How well the model repeats the clustering, which is itself a function of the matrix. It is an
# upper bound of sorts, not biology. `polyome audit cell-type` warns when it recognises such
# labels.
# </details>
#
# **Next**: [Annotating cells in tissue](04_tissue.ipynb) adds what a dissociated cell has lost,
# its neighbours.
