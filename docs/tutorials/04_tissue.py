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
# # Annotating cells in tissue
#
# Spatial transcriptomics measures the genes of each cell *and where it lies*. A lymphocyte is the
# same cell in a follicle as outside, so its genes do not tell where it is; its neighbours do. A
# model for tissue should read both, and should not be fooled by coordinates.
#
# **You will learn**
#
# - how a cell and its neighbours become tokens, such that turning the section changes nothing;
# - what attention computes between a cell and its neighbours, in six lines that you can change;
# - how Polyome decides whether the neighbourhood helps, instead of assuming it;
# - why a random split of a section measures memory, and how blocks with a buffer mend it;
# - which neighbours an answer rests on.
#
# **You need** some Python, and to have seen an AnnData before helps. No GPU, no download, about
# three minutes.

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
# **Semi-synthetic** tissue: 700 *real* blood cells (scanpy's `pbmc68k_reduced`), placed in a
# *simulated* lymph node. Its domains are a mixture of kinds: most B cells lie in follicles, but
# not all, and not only B cells do. So a cell's genes say a little about its domain, and its
# neighbourhood says more. And as the places are simulated, we know the truth.
#
# Set `USE_REAL_DATA` for a section of your own: an h5ad with `obsm["spatial"]` and a column of
# labels.

# %%
USE_REAL_DATA = False

if USE_REAL_DATA:
    adata, target = polyome.read("my_section.h5ad"), "domain"
else:
    from polyome.data.tissue_simulator import semi_synthetic_tissue

    adata, target = semi_synthetic_tissue(), "domain"

adata.obs[target].value_counts()

# %% [markdown]
# ## 2. Looking at it

# %%
x, y = np.asarray(adata.obsm["spatial"])[:, :2].T
kinds = "bulk_labels" if "bulk_labels" in adata.obs else target
fig, axes = plt.subplots(1, 2, figsize=(12, 5))
for ax, column in zip(axes, [target, kinds], strict=True):
    for label in adata.obs[column].astype("category").cat.categories:
        inside = (adata.obs[column] == label).to_numpy()
        ax.plot(x[inside], y[inside], ".", markersize=5, label=label)
    ax.set(title=column, aspect="equal", xticks=[], yticks=[])
    ax.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
fig.tight_layout()
plt.show()

# %% [markdown]
# ## 3. From data to tokens
#
# A record is a cell with its neighbours. Its tokens:
#
# | token | what it is |
# |---|---|
# | `[M]` | the modality token, plus a map of the cell's own profile |
# | modules | learned combinations of the cell's own genes, as in the cell tutorial |
# | around 15, 30, ... | the mean profile of so many neighbours, and the clusters they are of |
# | one per near neighbour | what it expresses, how far it lies, at which angles to the others |
#
# Distances are in units of the section's own median distance between nearest cells: pixels and
# micrometres give the same tokens. Directions enter only as angles *between* neighbours, so a
# section can be turned or mirrored. Let us find one cell's neighbours by hand:

# %%
from sklearn.neighbors import NearestNeighbors

places = np.asarray(adata.obsm["spatial"])
distances, neighbours = NearestNeighbors(n_neighbors=6).fit(places).kneighbors(places)
unit = np.median(distances[:, 1])
pd.DataFrame(
    {"cell": adata.obs_names[neighbours[0]], "distance": (distances[0] / unit).round(2)}
).assign(kind=adata.obs[kinds].to_numpy()[neighbours[0]])

# %% [markdown]
# The labels of neighbours never enter: where a new section is to be annotated, nobody knows them.
#
# ## 4. The transformer, from attention up
#
# Attention lets the cell's token look at its neighbours' tokens. Each token asks a *query*,
# offers a *key* and carries a *value*; how well a query fits a key says how much of that value is
# taken.


# %%
def attention(x, w_query, w_key, w_value):
    """Tokens, (n, d) -> tokens that have looked around, (n, d), and who looked where, (n, n)."""
    queries, keys, values = x @ w_query, x @ w_key, x @ w_value
    scores = queries @ keys.T / keys.shape[1] ** 0.5
    weights = scores.softmax(dim=-1)
    return weights @ values, weights


torch.manual_seed(0)
cell, around = torch.randn(1, 8), torch.randn(5, 8)
matrices = [torch.randn(8, 8) for _ in range(3)]
one_order = attention(torch.cat([cell, around]), *matrices)[0][0]
other_order = attention(torch.cat([cell, around[[3, 1, 4, 0, 2]]]), *matrices)[0][0]
print(
    "largest difference when neighbours are reordered:",
    float((one_order - other_order).abs().max()),
)

# %% [markdown]
# Neighbours have no order, and attention needs none: shuffle them, and the cell's new state is
# the same. That is why a transformer suits a neighbourhood.
#
# The tokens belong to *one* cell and its own neighbours. Cells of a batch never see each other,
# unless they are neighbours in the tissue; a cell's answer is the same in every batch.
#
# ## 5. Training
#
# One call finds the neighbours, keeps spatial **blocks** aside as the test part, audits the data,
# *chooses the size of the neighbourhood* by validation on other blocks inside the training part,
# trains, and scores the test part once.

# %%
model = polyome.SpatialClassifier(seed=0)
model.fit(adata, target=target, split_by="blocks")
model.save_pretrained("tissue_model")
model.fitted_.facts["context"]

# %% [markdown]
# The evidence for the chosen context: the loss on held-out blocks without neighbours, with 15,
# and so on. Where neighbours do not help, Polyome leaves them out.

# %%
polyome.pl.learning_curves("tissue_model")
plt.show()

# %% [markdown]
# ## 6. Evaluation
#
# Beside the model stand logistic regression on the cell's own genes, the same with the means of
# neighbours, with coordinates, and **position alone**: nearest neighbours on x and y, no gene at
# all.

# %%
print(model.evaluation_)

# %%
fig, axes = plt.subplots(1, 3, figsize=(15, 4))
polyome.pl.confusion_matrix(model, ax=axes[0])
polyome.pl.roc_curves(model, ax=axes[1])
polyome.pl.calibration(model, ax=axes[2])
fig.tight_layout()
plt.show()

# %%
fig, axes = plt.subplots(1, 2, figsize=(11, 4))
polyome.pl.umap(model, color="truth", ax=axes[0])
polyome.pl.umap(model, color="prediction", ax=axes[1])
fig.tight_layout()
plt.show()

# %% [markdown]
# **When to prefer the cheap baseline?** Logistic regression with the means of 30 neighbours is a
# strong rival on most published sections. Prefer it where it lies within the interval, unless you
# need the calibrated confidence, `unknown`, or the common representation.
#
# ## The trap: a random split leaks neighbours
#
# In tissue, neighbours are alike. If test cells are drawn at random, each has training cells
# right beside it, and its label can be read off *where it lies*, without any gene. Compare
# position alone under both splits:

# %%
scores = {}
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # fit warns of the leak, rightly; we want to see what it does
    for split_by in ("random", "blocks"):
        fitted = polyome.SpatialClassifier(num_members=1, seed=0, quiet=True)
        fitted.fit(adata, target=target, split_by=split_by)
        scores[split_by] = {
            "position alone": fitted.evaluation_.baselines["position_alone"]["accuracy"],
            "Polyome": fitted.evaluation_.metrics["accuracy"],
        }
pd.DataFrame(scores).round(2)

# %% [markdown]
# Under the random split x and y alone seem to know tissue biology. Under blocks, with a buffer
# between test and training cells, their score falls: what remains is that a domain reaches into
# its neighbouring block. Compare every model with that. The audit says so as well:

# %%
for finding in polyome.audit("spatial", adata, target, quiet=True):
    print(f"{finding.severity}: {finding.message}\n")

# %% [markdown]
# ## 7. Interpretation: does the answer need the neighbourhood?
#
# Ask the same model for cells in their place, and for the same cells scattered so far apart that
# no neighbourhood is left of the kind it knows. Where the answer changes, it rested on context.

# %%
scattered = adata.copy()
scattered.obsm["spatial"] = np.random.default_rng(0).permutation(places)
here, elsewhere = model.predict(adata), model.predict(scattered)
truth = adata.obs[target].astype(str).to_numpy()
pd.Series(
    {
        "accuracy in place": (here["label"] == truth).mean(),
        "accuracy with places shuffled": (elsewhere["label"] == truth).mean(),
        "answers that change": (here["label"] != elsewhere["label"]).mean(),
    }
).round(2)

# %% [markdown]
# So context matters; but *which* neighbours? `explain` asks each of them. It moves every profile, a
# cell's own and those around it, step by step from the mean profile to what it is, and adds up what
# each step does to the answer (integrated gradients). A cell's genes and its neighbours add up to
# the whole answer.

# %%
why = model.explain(adata, by=kinds, most_records=100, top=5)
of_class = why.table.groupby(["class", "kind"])["contribution"].sum().unstack()
of_class.round(2)

# %% [markdown]
# By distance, for one domain: how far does the model look, and do near neighbours count more?

# %%
_ = why.plot(model.classes_[0])

# %% [markdown]
# And cell by cell: the label in place, the label without any neighbour, and what own genes and
# neighbours add to the first.

# %%
columns = ["polyome_label", "polyome_without_context", "polyome_own", "polyome_context"]
why.adata.obs[columns].sample(6, random_state=0).round(2)

# %% [markdown]
# And turning the section must change nothing at all:

# %%
angle = 0.7
turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
turned = adata.copy()
turned.obsm["spatial"] = 1000 * places[:, :2] @ turn + 5
difference = model.predict(turned)["confidence"] - here["confidence"]
print("largest difference in confidence:", float(difference.abs().max()))

# %% [markdown]
# ## Exercises
#
# 1. Fit with `num_neighbours=0`. How much of the accuracy is the cell's own genes?
# <details><summary>Answer</summary>
# About what logistic regression on expression reaches in the table above: the rest was context.
# </details>
#
# 2. Put the same section twice into one AnnData, at the same coordinates, and fit without
#    `section=`. What does the audit say?
# <details><summary>Answer</summary>
# That cells of two sections lie on top of each other, and which column would tell them apart.
# Without it, every cell's nearest neighbour would be a cell of another section.
# </details>
#
# 3. Name the cells' *types* instead of their domains (`target="bulk_labels"`). Is a context
#    chosen? Should it be?
# <details><summary>Answer</summary>
# Usually none: a cell's own genes tell its type, and neighbours add noise. That is what the
# validation on blocks is for.
# </details>
#
# **Next**: [Adding a modality in one file](05_add_a_modality.ipynb).
