"""Why a cell got its label: every gene's contribution, and the genes behind each class."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from polyome._errors import InputError, listed, suggestion
from polyome._progress import say
from polyome._random import some_of
from polyome._types import FloatArray, IntArray
from polyome.explain.attribution import Gradients, integrated_gradients, proba_of_values
from polyome.explain.base import Explanation, Item, chosen_outputs, explained_outputs
from polyome.explain.gene_ranks import KEY, genes_by_class
from polyome.explain.logos import save_figure
from polyome.io.h5ad import write_h5ad
from polyome.modalities.cell import CellModality
from polyome.modalities.profiles.features import dense
from polyome.modalities.profiles.gene_names import as_known
from polyome.modalities.profiles.matrix import gene_names
from polyome.modalities.profiles.records import CellRecords
from polyome.model_folder.fitted_model import FittedModel
from polyome.predict.predict import PredictArguments, run
from polyome.settings import Count, Settings

_REFERENCE = (
    "A gene's contribution is measured against the mean training profile (z-score 0 of every "
    "gene), by integrated gradients: all contributions of a cell add up to its answer less that "
    "profile's. A gene that a cell lacks may contribute, too."
)
_ABOVE, _BELOW = "#D55E00", "#0072B2"  # a gene's mean expression in a class, against training cells


@dataclass(frozen=True, kw_only=True)
class CellArguments(Settings):
    """Settings of the explanation of cells; the keys of ``--set`` beside those of reading.

    Parameters
    ----------
    output : the class to explain in every cell; None: each cell's best. Tables and pictures are of
        the cells that bear its label, or of all where none does.
    most_records : cells explained; more are drawn from at random, with a note.
    top : genes shown for each class.
    """

    output: str | None = None
    most_records: Count = 3000
    top: Count = 20


@dataclass(frozen=True, kw_only=True)
class CellExplanation(Explanation):
    """Contributions of genes.

    Attributes
    ----------
    adata : n cells by the g genes that the model reads, X log-normalised as the model sees them.
        ``layers["polyome_contribution"]``: what each gene adds to the answer that is explained,
        the cell's own or that of ``output=``; ``obs["polyome_label"]``: the cell's own;
        ``obs["polyome_explained"]``: the log-odds of the one explained;
        ``varm["polyome_contribution"]``: mean over the cells that bear each class's label;
        ``uns["polyome_explanation"]``.
    classes : in the order of ``varm``.
    genes : a row per class and gene, the most contributing first: see :attr:`table`.
    removed : a row per class and top gene: what the class's cells are called without the gene.
    top : genes shown for each class.
    gene_column : column of ``var`` that named the genes; None for its index.
    """

    adata: AnnData
    classes: tuple[str, ...]
    genes: pd.DataFrame
    removed: pd.DataFrame
    top: int = 20
    gene_column: str | None = None

    @property
    def table(self) -> pd.DataFrame:
        """A row per class and gene, ordered by ``rank`` within a class.

        ``contribution``: mean over the cells that bear the class's label; ``z_score``: their mean
        expression against the training cells'; ``test_rank``: the gene's rank by
        `scanpy.tl.rank_genes_groups` (Wilcoxon) on the same cells.
        """
        return self.genes

    def markers(self, output: str) -> list[str]:
        """Name the genes that contribute most to a class because its cells express them."""
        self._check(output)
        of_class = self.genes[(self.genes["class"] == output) & (self.genes["z_score"] > 0)]
        return list(of_class["gene"].head(self.top))

    def _check(self, output: str) -> None:
        if output not in set(self.genes["class"]):
            known = list(dict.fromkeys(self.genes["class"]))
            message = (
                f"no explained cell is '{output}'. Known: {listed(known, most=20)}."
                f"{suggestion(output, known)}"
            )
            raise InputError(message)

    def plot(self, which: str | None = None, *, ax: Any = None, **options: Any) -> Any:
        """Draw the top genes of a class as bars; returns matplotlib's axes."""
        import matplotlib.pyplot as plt
        from matplotlib.patches import Patch

        name = which or str(self.genes["class"].iloc[0])
        self._check(name)
        shown = self.genes[self.genes["class"] == name].head(self.top).iloc[::-1]
        if ax is None:
            _, ax = plt.subplots(figsize=(4, 0.22 * len(shown) + 0.8), layout="constrained")
        colors = np.where(shown["z_score"] > 0, _ABOVE, _BELOW)
        ax.barh(shown["gene"], shown["contribution"], color=colors, **options)
        ax.set_title(name, fontsize=9, loc="left")
        ax.set_xlabel("mean contribution to the class (log-odds)", fontsize=8)
        # Bars without data have no patch, and a legend would show the next colour of the cycle.
        shades = {"above": _ABOVE, "below": _BELOW}
        handles = [Patch(color=c, label=f"{side} the training mean") for side, c in shades.items()]
        ax.legend(handles=handles, fontsize=7, frameon=False, loc="lower right")
        ax.tick_params(labelsize=7)
        return ax

    def annotate(self, adata: AnnData) -> None:
        """Write contributions into an AnnData of the same cells and genes, in place.

        ``layers["polyome_contribution"]`` (csr), zero for cells that were not explained and genes
        that the model does not read; ``varm["polyome_contribution"]``, a column per class, NaN for
        these genes; ``uns["polyome_explanation"]``.
        """
        if not (adata.obs_names.is_unique and adata.var_names.is_unique):
            message = (
                "annotate: names of cells or genes are repeated. Make them unique first: "
                "adata.obs_names_make_unique(), adata.var_names_make_unique()."
            )
            raise InputError(message)
        cells = adata.obs_names.get_indexer(self.adata.obs_names)
        names, _ = as_known(gene_names(adata.var, self.gene_column), pd.Index(self.adata.var_names))
        named = pd.Series(np.arange(adata.n_vars), index=names)
        first = named[~named.index.duplicated()]
        genes = first.reindex(self.adata.var_names, fill_value=-1).to_numpy()
        if (cells < 0).any() or not (genes >= 0).any():
            message = (
                "annotate: the AnnData lacks explained cells, or all of the genes that the model "
                f"reads ({listed(self.adata.var_names, most=3)}, by "
                f"{'var_names' if self.gene_column is None else f'var[{self.gene_column!r}]'}). "
                "Pass the one that was explained."
            )
            raise InputError(message)
        there = np.flatnonzero(genes >= 0)
        rows = np.repeat(cells, len(there))
        columns = np.tile(genes[there], len(cells))
        values = self.adata.layers[KEY][:, there].ravel()
        adata.layers[KEY] = sparse.csr_matrix((values, (rows, columns)), shape=adata.shape)
        means = np.full((adata.n_vars, len(self.classes)), np.nan, np.float32)
        means[genes[there]] = self.adata.varm[KEY][there]
        adata.varm[KEY] = means
        adata.uns["polyome_explanation"] = self.adata.uns["polyome_explanation"]

    def write_into(self, folder: Path) -> list[Item]:
        """Genes of every class, bars, and all contributions as h5ad."""
        items = []
        for number, name in enumerate(dict.fromkeys(self.genes["class"]), start=1):
            file = f"genes_{number}.svg"
            save_figure(self.plot(name), folder / file)
            items.append(
                Item(
                    f"Genes behind {name}",
                    "Orange: the class's cells have more of the gene than the mean training cell; "
                    "blue: they have less, and its lack speaks for the class.",
                    file,
                    "picture",
                )
            )
        self.genes.to_csv(folder / "genes.csv", index=False, float_format="%.5g")
        items.append(
            Item(
                "Genes of every class",
                "Mean contribution over the cells of the class, beside the rank by scanpy's test; "
                "genes that only one of the two ranks high deserve a second look.",
                "genes.csv",
                "table",
            )
        )
        self.removed.to_csv(folder / "removal.csv", index=False, float_format="%.5g")
        items.append(
            Item(
                "Genes removed, one by one and together",
                "Mean probability of the class in its own cells when a gene is set to no "
                "expression, and the share of cells that keep their label; 'top N' removes the "
                "first N at once.",
                "removal.csv",
                "table",
            )
        )
        write_h5ad(self.adata, folder / "contributions.h5ad")
        items.append(
            Item(
                "Every gene's contribution to every cell",
                f"layers['{KEY}'] of an AnnData: cells by the genes that the model reads.",
                "contributions.h5ad",
                "data",
            )
        )
        return items


def explain_cells(
    fitted: FittedModel, records: CellRecords, arguments: CellArguments, *, quiet: bool
) -> CellExplanation:
    """Explain cells by integrated gradients."""
    modality = fitted.modality
    if not isinstance(modality, CellModality):
        message = f"{modality.name} is not read as cells"
        raise TypeError(message)
    notes = [*records.notes, _REFERENCE]
    *_, found = explained_genes(fitted, records, arguments, notes, quiet=quiet)
    return CellExplanation(**found)


def explained_genes(
    fitted: FittedModel,
    records: Any,
    arguments: CellArguments,
    notes: list[str],
    *,
    references: Callable[[Any], dict[str, Any]] = lambda _: {"values": 0.0},
    seen: Callable[[Any, Gradients], None] = lambda _, __: None,
    most_cells: int = 200,
    quiet: bool,
) -> tuple[Any, IntArray, np.ndarray, dict[str, Any]]:
    """Explain cells, or cells in tissue, by their own genes.

    Parameters
    ----------
    references : from the cells that are explained to the starts of their lines.
    seen : is shown these cells and the gradients of each batch of them.
    most_cells : of each class, in which genes are removed.

    Returns
    -------
    The cells explained; the output of each; the class in whose tables it is, object (n,), empty
    where in none; the fields of a `CellExplanation`.
    """
    modality: Any = fitted.modality
    rows = some_of(len(records), arguments.most_records, fitted.task.seed)
    if len(rows) < len(records):
        notes.append(
            f"{len(rows):,} of {len(records):,} cells, drawn at random, are explained "
            "(--set most_records=N for more)."
        )
    records = modality.prepare(records.take(rows))
    raw = run(fitted, records, PredictArguments())
    chosen = chosen_outputs(fitted, raw, arguments.output)
    own, gaps = [], []
    for part in integrated_gradients(fitted, records, chosen, references(records), quiet=quiet):
        own.append(part.contributions["values"])
        gaps.append(part.gaps)
        seen(records, part)
    best = np.array(fitted.classes, dtype=object)[chosen_outputs(fitted, raw, None)]
    labels, said = _counted_for(best, arguments.output)
    notes += said
    explained = explained_outputs(fitted, raw)[np.arange(len(records)), chosen]
    adata = with_contributions(fitted, records, np.concatenate(own), labels, explained)
    adata.obs["polyome_label"] = pd.Categorical(best)
    missed = float(np.abs(np.concatenate(gaps)).mean())
    notes.append(f"Contributions miss their sum by {missed:.3f} on average.")
    for note in notes:
        say(note, quiet=quiet)
    genes = genes_by_class(adata, modality.standardised(records), labels, fitted.classes)
    removed = removal(fitted, records, labels, genes, top=arguments.top, most_cells=most_cells)
    return (
        records,
        chosen,
        labels,
        {
            "task": fitted.task.name,
            "notes": tuple(notes),
            "simulated": bool(records.adata.uns.get("simulated")),
            "adata": adata,
            "classes": fitted.classes,
            "genes": genes,
            "removed": removed,
            "top": arguments.top,
            "gene_column": fitted.task.gene_column,  # type: ignore[attr-defined]
        },
    )


def _counted_for(best: np.ndarray, output: str | None) -> tuple[np.ndarray, list[str]]:
    """The class in whose tables each cell is, empty for none, and what to say of it."""
    if output is None:
        return best, []
    bears = best == output
    if bears.any():
        return np.where(bears, best, ""), []
    note = f"No explained cell bears the label '{output}': tables of it are of all cells."
    return np.full(len(best), output, dtype=object), [note]


def removal(
    fitted: FittedModel,
    records: CellRecords,
    labels: np.ndarray,
    genes: pd.DataFrame,
    *,
    top: int,
    most_cells: int,
) -> pd.DataFrame:
    """What the cells of each class are called when genes that speak for it are not expressed."""
    modality: Any = fitted.modality
    places = pd.Index(np.array(modality.vocabulary_.names)[modality.selected_])
    silent = -modality.means_ / modality.scales_  # the z-score of no expression
    rows = []
    for name in dict.fromkeys(genes["class"]):
        cells = np.flatnonzero(labels == name)
        cells = cells[some_of(len(cells), most_cells, fitted.task.seed)]
        is_marker = (genes["class"] == name) & (genes["z_score"] > 0)
        best = list(genes.loc[is_marker, "gene"].head(top))
        sets = {"nothing": [], **{gene: [gene] for gene in best}, f"top {len(best)}": best}
        some = modality.prepare(records.take(cells))
        z = modality.standardised(some)
        for removed, these in sets.items():
            at = places.get_indexer(these)
            changed = z.copy()
            changed[:, at] = silent[at]
            proba = proba_of_values(fitted, some, changed)
            kept = float((proba.argmax(axis=1) == fitted.classes.index(name)).mean())
            mean = float(proba[:, fitted.classes.index(name)].mean())
            row = {"class": name, "removed": removed, "probability": mean, "keeps_label": kept}
            rows.append(row | {"cells": len(cells)})
    return pd.DataFrame(rows)


def with_contributions(
    fitted: FittedModel,
    records: CellRecords,
    contributions: FloatArray,
    labels: np.ndarray,
    explained: FloatArray,
) -> AnnData:
    """Contributions in the genes that the model reads, and what each cell is explained for."""
    modality: Any = fitted.modality
    names = np.array(modality.vocabulary_.names)[modality.selected_]
    made = AnnData(
        dense(records.profile),
        obs=pd.DataFrame({"polyome_explained": explained}, index=records.table.index),
        var=pd.DataFrame(index=pd.Index(names)),
    )
    made.layers[KEY] = contributions
    means = np.full((len(names), len(fitted.classes)), np.nan, np.float32)
    for c, name in enumerate(fitted.classes):
        if (labels == name).any():
            means[:, c] = contributions[labels == name].mean(axis=0)
    made.varm[KEY] = means
    made.uns["polyome_explanation"] = {
        "method": "integrated gradients",
        "reference": "mean training profile (z-score 0)",
        "classes": list(fitted.classes),
    }
    return made
