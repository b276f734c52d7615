"""Why a cell in tissue got its label: its own genes, and each cell around it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from polyome._errors import InputError, listed, suggestion
from polyome._types import IntArray
from polyome.explain.attribution import Gradients
from polyome.explain.base import Item, explained_outputs
from polyome.explain.cells import CellArguments, CellExplanation, explained_genes
from polyome.explain.logos import save_figure
from polyome.modalities.spatial.records import TissueRecords
from polyome.modalities.tissue import TissueModality
from polyome.model_folder.fitted_model import FittedModel
from polyome.predict.predict import PredictArguments, run
from polyome.settings import Count

_OTHER = "no label"
_REMOVAL_CELLS = 50  # of each class, in which genes are removed
_REFERENCE = (
    "A contribution is measured against the mean training profile (z-score 0 of every gene) of the "
    "cell and of all cells around it, which stay where they are, by integrated gradients: a cell's "
    "genes and its neighbours add up to its answer less that reference's."
)
_ALONE = (
    "'Without context' is the answer with no token for any neighbour and mean surroundings on the "
    "linear model."
)
_NO_CONTEXT = (
    "The model reads no neighbours (chosen by validation when it was fitted, or num_neighbours=0): "
    "only a cell's own genes contribute."
)
_COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#888888", "#000000")


@dataclass(frozen=True, kw_only=True)
class TissueArguments(CellArguments):
    """Settings of the explanation of tissue; the keys of ``--set`` beside those of reading.

    Parameters
    ----------
    by : column of ``obs`` that names the kinds of the cells around; None: what the model itself
        calls them.
    """

    by: str | None = None
    most_records: Count = 1000


@dataclass(frozen=True, kw_only=True)
class TissueExplanation(CellExplanation):
    """Contributions of a cell's own genes and of the cells around it.

    Attributes
    ----------
    adata : as for cells, and ``obsm["polyome_neighbours"]``, (n, kinds): what all neighbours of a
        kind add to the answer. ``obs["polyome_own"]`` and ``obs["polyome_context"]``: what all own
        genes and all neighbours add; ``obs["polyome_without_context"]``: the label without any
        neighbour, ``obs["polyome_explained_without_context"]``: its answer for the label explained.
    neighbours : a row per cell and neighbour: ``cell``, ``neighbour``, ``kind``, ``distance`` (in
        units of the section's median distance between nearest cells), ``contribution``.
    context : see :attr:`table`.
    """

    neighbours: pd.DataFrame
    context: pd.DataFrame

    @property
    def table(self) -> pd.DataFrame:
        """A row per class, kind of neighbour and distance, the nearest first.

        ``contribution``: what such neighbours add together, mean over the cells that bear the
        class's label; ``neighbours``: their mean number. Distances are rings of one unit.
        """
        return self.context

    @property
    def kinds(self) -> list[str]:
        """Kinds of neighbours, in the order of ``obsm``."""
        return list(self.adata.obsm["polyome_neighbours"].columns)

    def plot(
        self,
        which: str | None = None,
        *,
        of: str = "neighbours",
        ax: Any = None,
        **options: Any,
    ) -> Any:
        """Draw what neighbours, or own genes (``of="genes"``), add to a class.

        Neighbours are drawn by distance, a line for each of the eight kinds that add the most or
        take it away; returns matplotlib's axes.
        """
        if of not in ("neighbours", "genes"):
            message = f"of={of!r}: 'neighbours' or 'genes' is needed."
            raise InputError(message)
        if of == "genes" or self.context.empty:
            return super().plot(which, ax=ax, **options)
        import matplotlib.pyplot as plt

        name = which or str(self.context["class"].iloc[0])
        self._check(name)
        shown = self.context[self.context["class"] == name]
        if ax is None:
            _, ax = plt.subplots(figsize=(6, 2.6), layout="constrained")
        most = shown.groupby("kind")["contribution"].sum().abs().sort_values(ascending=False)
        for kind, color in zip(most.index, _COLORS):
            of_kind = shown[shown["kind"] == kind]
            middle = of_kind["distance"] + 0.5
            ax.plot(
                middle,
                of_kind["contribution"],
                marker="o",
                ms=3,
                color=color,
                label=kind,
                **options,
            )
        ax.axhline(0, color="#888888", lw=0.6)
        ax.set_title(name, fontsize=9, loc="left")
        ax.set_xlabel("distance (median distance between nearest cells = 1)", fontsize=8)
        ax.set_ylabel("mean contribution", fontsize=8)
        ax.tick_params(labelsize=7)
        beside = {"loc": "center left", "bbox_to_anchor": (1, 0.5), "frameon": False}
        few = f" ({len(_COLORS)} of {len(most)})" if len(most) > len(_COLORS) else ""
        ax.legend(title=f"neighbours{few}", fontsize=7, title_fontsize=7, **beside)
        return ax

    def write_into(self, folder: Path) -> list[Item]:
        """Neighbours of every class by kind and distance, then what cells have."""
        if self.context.empty:
            return super().write_into(folder)
        items = []
        for number, name in enumerate(dict.fromkeys(self.context["class"]), start=1):
            file = f"neighbours_{number}.svg"
            save_figure(self.plot(name), folder / file)
            items.append(
                Item(
                    f"Neighbours behind {name}",
                    "Above the line: neighbours of this kind, at this distance, speak for the "
                    "class; below: against it.",
                    file,
                    "picture",
                )
            )
        tables = {
            "context.csv": (
                self.context,
                "Neighbours by kind and distance",
                "What such neighbours add together, mean over the cells of the class, and their "
                "mean number.",
                "table",
            ),
            "cells.csv": (
                self.adata.obs.join(self.adata.obsm["polyome_neighbours"].add_prefix("from ")),
                "Every cell: its label, its label without context, and what each kind adds",
                "A label that changes without context is owed to the neighbourhood.",
                "data",
            ),
            "neighbours.csv": (
                self.neighbours,
                "Every neighbour of every cell",
                "Which cell, of which kind, at which distance, and what it adds.",
                "data",
            ),
        }
        for file, (table, title, how, kind) in tables.items():
            table.to_csv(folder / file, index=file == "cells.csv", float_format="%.5g")
            items.append(Item(title, how, file, kind))
        return items + super().write_into(folder)


def explain_tissue(
    fitted: FittedModel, records: TissueRecords, arguments: TissueArguments, *, quiet: bool
) -> TissueExplanation:
    """Explain cells in tissue by integrated gradients, through each neighbour."""
    modality = fitted.modality
    if not isinstance(modality, TissueModality):
        message = f"{modality.name} is not read as tissue"
        raise TypeError(message)
    notes = [*records.notes, _REFERENCE, _ALONE if modality.levels_ else _NO_CONTEXT]
    kinds, note = _kinds(fitted, records, arguments.by)
    notes += note
    around: list[pd.DataFrame] = [_no_pairs()]

    def seen(some: TissueRecords, part: Gradients) -> None:
        if modality.levels_:
            around.append(_of_neighbours(modality, some, part))

    records, chosen, labels, found = explained_genes(
        fitted,
        records,
        arguments,
        notes,
        references=lambda some: references(modality, some),
        seen=seen,
        most_cells=_REMOVAL_CELLS,
        quiet=quiet,
    )
    pairs = pd.concat(around[1:] or around, ignore_index=True)
    pairs["kind"] = kinds[pairs["neighbour"]]
    _add_context(fitted, found["adata"], records, pairs, chosen)
    return TissueExplanation(
        **found,
        neighbours=_named(pairs, records),
        context=_by_class(pairs, labels, fitted.classes),
    )


def _kinds(
    fitted: FittedModel, records: TissueRecords, by: str | None
) -> tuple[np.ndarray, list[str]]:
    """What each cell of the source is called as a neighbour, object (N,), and what to say of it."""
    obs = records.adata.obs
    if by is not None:
        if by not in obs:
            message = (
                f"by='{by}': obs has no such column. It has {listed(obs.columns, most=20)}."
                f"{suggestion(by, list(obs.columns))}"
            )
            raise InputError(message)
        column = obs[by].astype(object)
        return column.where(column.notna(), _OTHER).astype(str).to_numpy(), []
    if not fitted.modality.levels_:  # type: ignore[attr-defined]
        return np.full(len(obs), _OTHER, dtype=object), []
    everyone = TissueRecords(
        records.adata, records.expression, np.arange(len(obs)), sections=records.sections
    )
    raw = run(fitted, everyone, PredictArguments())
    named = np.array(fitted.classes, dtype=object)[raw.outputs.argmax(axis=1)]
    note = (
        "Neighbours are named as the model itself answers them; by=COLUMN names them by a column "
        "of obs, such as cell types."
    )
    return named, [note]


def references(modality: TissueModality, records: TissueRecords) -> dict[str, Any]:
    """Where the lines start: the mean profile of the cell, and of all around it."""
    if not modality.levels_:
        return {"values": 0.0}
    assert records.context is not None
    assert records.counts is not None
    mean = -modality.context_means_ / modality.context_scales_
    context = np.broadcast_to(mean, records.context.shape).astype(np.float32)
    context[records.counts == 0] = 0
    return {"values": 0.0, "context": context, "neighbours": 0.0}


def _of_neighbours(
    modality: TissueModality, records: TissueRecords, part: Gradients
) -> pd.DataFrame:
    """What each neighbour adds: its token, and its share of every mean that it enters.

    A mean is linear in the profiles that it is of, so that the slope along it, times a profile and
    its weight, is what this profile adds.
    """
    near = records.sections.neighbourhoods(max(modality.levels_))
    rows = records.rows[part.rows]
    counts, places = near.places(rows)
    owners = np.repeat(np.arange(len(rows)), counts)
    slots = np.arange(len(places)) - np.repeat(np.cumsum(counts) - counts, counts)
    cells = near.cells[places]
    seen = modality.seen(records)
    added = np.zeros(len(places))
    weighs = np.zeros(len(places), bool)
    slopes = part.slopes["context"] / modality.context_scales_  # (b, l, q)
    for level, k in enumerate(modality.levels_):
        weights = near.weights(rows, k)
        total = np.bincount(owners, weights, minlength=len(rows))
        inside = weights > 0
        share = weights[inside] / total[owners[inside]]
        profiles = seen.averaged[cells[inside]]
        added[inside] += share * np.einsum("eq,eq->e", profiles, slopes[owners[inside], level])
        weighs |= inside
    tokens = part.contributions["neighbours"].sum(axis=2)  # (b, s)
    has_token = slots < records.counts[part.rows][owners]  # type: ignore[index]
    added[has_token] += tokens[owners[has_token], slots[has_token]]
    return pd.DataFrame(
        {
            "cell": part.rows[owners[weighs]],
            "neighbour": cells[weighs],
            "distance": near.distances[places[weighs]],
            "contribution": added[weighs].astype(np.float32),
        }
    )


def _no_pairs() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "cell": np.zeros(0, np.int64),
            "neighbour": np.zeros(0, np.int64),
            "distance": np.zeros(0, np.float32),
            "contribution": np.zeros(0, np.float32),
        }
    )


def _add_context(
    fitted: FittedModel,
    adata: AnnData,
    records: TissueRecords,
    pairs: pd.DataFrame,
    chosen: IntArray,
) -> None:
    """Write what each kind of neighbours adds, and what the answer is without any."""
    modality: Any = fitted.modality
    raw = run(fitted, modality.alone(records), PredictArguments())
    names = sorted(pairs["kind"].unique())
    sums = np.zeros((len(adata), len(names)), np.float32)
    np.add.at(
        sums, (pairs["cell"], pd.Index(names).get_indexer(pairs["kind"])), pairs["contribution"]
    )
    without = np.array(fitted.classes, dtype=object)[raw.outputs.argmax(axis=1)]
    adata.obs["polyome_own"] = adata.layers["polyome_contribution"].sum(axis=1)
    adata.obs["polyome_context"] = sums.sum(axis=1)
    adata.obs["polyome_without_context"] = pd.Categorical(without)
    alone = explained_outputs(fitted, raw)[np.arange(len(adata)), chosen]
    adata.obs["polyome_explained_without_context"] = alone
    adata.obsm["polyome_neighbours"] = pd.DataFrame(sums, index=adata.obs_names, columns=names)
    adata.obsm["spatial"] = records.sections.coordinates[records.rows]


def _named(pairs: pd.DataFrame, records: TissueRecords) -> pd.DataFrame:
    """The pairs with the cells' names."""
    everyone = records.adata.obs_names
    return pd.DataFrame(
        {
            "cell": records.table.index[pairs["cell"]],
            "neighbour": everyone[pairs["neighbour"]],
            "kind": pairs["kind"],
            "distance": pairs["distance"],
            "contribution": pairs["contribution"],
        }
    )


def _by_class(pairs: pd.DataFrame, labels: np.ndarray, classes: tuple[str, ...]) -> pd.DataFrame:
    """Mean over the cells of each class of what neighbours of a kind, in a ring, add together."""
    cells = pd.Series(labels).value_counts()
    rings = pairs.assign(
        **{"class": labels[pairs["cell"]], "distance": np.floor(pairs["distance"]).astype(int)}
    )
    found = rings.groupby(["class", "kind", "distance"], as_index=False).agg(
        contribution=("contribution", "sum"), neighbours=("contribution", "size")
    )
    size = found["class"].map(cells).astype(float)
    found["contribution"] /= size
    found["neighbours"] /= size
    order = found["class"].map({name: i for i, name in enumerate(classes)})
    return found.iloc[np.lexsort((found["distance"], found["kind"], order))].reset_index(drop=True)
