"""The tissue modality: a cell with its neighbours becomes tokens.

A segment is ``[M]``, which knows the cell's whole profile, its module tokens as in the cell
modality, a token for the mean profile and the composition of each size of neighbourhood, and a
token for each near neighbour: what it expresses, how far it lies, and at which angles to the other
neighbours. Labels never enter, nor do directions in the file's frame.
"""

from dataclasses import replace
from typing import Any, ClassVar, Self
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

from polyome._types import Encoding, FloatArray, IntArray
from polyome.modalities.profiles.matrix import ExpressionMatrix
from polyome.modalities.profiles.modality import CLIP, ProfileModality
from polyome.modalities.profiles.records import CellRecords
from polyome.modalities.spatial.cell_clusters import CellClusters
from polyome.modalities.spatial.records import TissueRecords, View
from polyome.modalities.spatial.sections import find_sections
from polyome.modalities.spatial.tokens import GEOMETRY, TissueEmbeddings, TissueFeatures

STEPS = ((15,), (30,), (60, 100), (300,))
"""Sizes of neighbourhoods that a context may consist of, as they are added to it."""
LEVELS = tuple(level for step in STEPS for level in step)
_CLUSTERED_CELLS = 5000
_VIEW_CELLS = 8192  # standardised at a time
_NEIGHBOUR_WIDTH = 64  # numbers that a neighbour is described by, at most
_SPARE_SLOTS = 6  # for neighbours tied with the last one, or nearly so


class TissueModality(ProfileModality):
    """Cells in tissue, each with what lies around it.

    Parameters
    ----------
    section : column of ``obs`` that names the section of each cell; neighbours are looked for
        within it. None: all cells lie in one section (or in one for each file).
    spatial_key : key of ``obsm`` with the coordinates, (n, 2) or (n, 3), in any unit.
    neighbour_tokens : neighbours that get a token of their own, at most; larger neighbourhoods are
        averaged.
    context_dropout : share of the training cells that their context is hidden from.
    input_dropout : None chooses by the number of genes: few genes cannot stand for one another.

    See :class:`polyome.modalities.profiles.modality.ProfileModality` for the others. Profiles are
    brought to the training cells' median library, not to 10,000: see
    :meth:`polyome.modalities.profiles.genes.GeneVocabulary.fit`.
    """

    name: ClassVar[str] = "tissue"
    reading_options: ClassVar[tuple[str, ...]] = (
        *ProfileModality.reading_options,
        "section",
        "spatial_key",
    )
    depth: ClassVar[float | None] = None
    reads_places: ClassVar[bool] = True

    def __init__(
        self,
        layer: str | None = None,
        gene_column: str | None = None,
        *,
        feature_types: str | None = None,
        section: str | None = None,
        spatial_key: str = "spatial",
        neighbour_tokens: int = 15,
        context_dropout: float = 0.1,
        num_genes: int = 1750,
        num_components: int | None = None,
        usual_components: int = 50,
        num_modules: int = 4,
        input_dropout: float | None = None,
        component_shift: float = 0.0,
        least_depth: float = 1.0,
        seed: int = 0,
    ) -> None:
        super().__init__(
            layer,
            gene_column,
            feature_types=feature_types,
            num_genes=num_genes,
            num_components=num_components,
            usual_components=usual_components,
            num_modules=num_modules,
            input_dropout=0.0 if input_dropout is None else input_dropout,
            component_shift=component_shift,
            least_depth=least_depth,
            seed=seed,
        )
        self.usual_dropout = input_dropout is None
        self.section = section
        self.spatial_key = spatial_key
        self.neighbour_tokens = neighbour_tokens
        self.context_dropout = context_dropout
        self._views: WeakKeyDictionary[ExpressionMatrix, View] = WeakKeyDictionary()

    def read(self, source: Any, **reading: Any) -> TissueRecords:
        """View cells in sections; nothing is copied.

        A source is an AnnData, an h5ad file or several, a SpatialData object or its zarr store.
        """
        if isinstance(source, TissueRecords):
            return source
        cells = self.cells(source, **reading)
        where = {"section": self.section, "spatial_key": self.spatial_key} | reading
        sections = find_sections(
            cells.adata,
            where["section"],
            where["spatial_key"],
            is_query=hasattr(self, "vocabulary_") and "section" not in reading,
        )
        return TissueRecords(cells.adata, cells.expression, cells.rows, sections=sections)

    def fit(self, records: Any) -> Self:
        """Learn genes, means, stds and components; there is no context yet."""
        self._views.clear()
        self.levels_: tuple[int, ...] = ()
        super().fit(records)
        genes = len(self.selected_)
        if self.usual_dropout:
            self.input_dropout = float(np.clip(genes / 400, 0.1, 0.4))
        most = max(1, min(genes, len(records)) - 1)
        self.neighbour_components_ = np.zeros((0, genes), np.float32)
        if genes > _NEIGHBOUR_WIDTH:
            wanted = min(_NEIGHBOUR_WIDTH, most)
            self.neighbour_components_ = self._components(records, wanted)[0]
        rows = np.arange(len(records))
        if len(rows) > _CLUSTERED_CELLS:
            rng = np.random.default_rng(self.seed)
            rows = np.sort(rng.choice(rows, _CLUSTERED_CELLS, replace=False))
        self.clusters_ = CellClusters.fit(self.standardised(records.take(rows)), self.seed)
        self.context_means_ = self.context_scales_ = np.zeros((0, self.context_width), np.float32)
        return self

    def set_context(self, records: TissueRecords, levels: tuple[int, ...]) -> Self:
        """Make the neighbourhoods of these sizes the context; learn means from training records."""
        self.levels_ = levels
        if levels:
            records.sections.neighbourhoods(max(levels))  # of all levels at once
            means = np.stack([self.around(records, k) for k in levels], axis=1)  # (n, l, q)
            self.context_means_ = means.mean(axis=0)
            self.context_scales_ = self._scales(means)
        return self

    def _scales(self, means: FloatArray) -> FloatArray:
        """Standard deviations, (l, q); of components the first one's for all of them."""
        scales = means.std(axis=0)
        if self.num_components_:
            components = scales[:, : -len(self.clusters_.shares)]
            components[:] = components.max(axis=1, keepdims=True)
        return np.where(scales < 1e-6, 1, scales).astype(np.float32)

    @property
    def context_width(self) -> int:
        """Numbers that the mean of a neighbourhood has: q."""
        by_component = self.num_components_ and len(self.neighbour_components_)
        profile = self.neighbour_components_ if by_component else self.selected_
        return len(profile) + len(self.clusters_.shares)

    @property
    def neighbour_width(self) -> int:
        """Numbers that a neighbour's token shows: p."""
        return len(self.neighbour_components_) or len(self.selected_)

    @property
    def slots(self) -> int:
        """Tokens that are kept for neighbours."""
        return self.neighbour_tokens + _SPARE_SLOTS

    def spec(self) -> dict[str, Any]:
        """Sizes for :class:`TissueEmbeddings` and :class:`TissueFeatures`."""
        return super().spec() | {
            "levels": list(self.levels_),
            "context_width": self.context_width,
            "neighbour_width": self.neighbour_width,
            "context_dropout": self.context_dropout,
        }

    @staticmethod
    def embeddings(config: Any, spec: dict[str, Any]) -> TissueEmbeddings:
        """Build the embeddings."""
        return TissueEmbeddings(config.hidden_size, spec)

    @staticmethod
    def features(spec: dict[str, Any]) -> TissueFeatures:
        """Build what the linear model reads."""
        return TissueFeatures(spec)

    def prepare(self, records: Any) -> Any:
        """Read the cells, and average and look up their neighbours, once."""
        records = self.profiled(records)
        if records.context is not None or not self.levels_:
            return records
        records.sections.neighbourhoods(max(self.levels_))  # of all levels at once
        context = np.stack([self.around(records, k) for k in self.levels_], axis=1)
        context = (context - self.context_means_) / self.context_scales_
        np.clip(context, -CLIP, CLIP, out=context)
        neighbours, geometry, counts = self._nearest(records)
        context[counts == 0] = 0  # nothing around: as where context is hidden
        return replace(
            records,
            context=context,
            neighbours=neighbours,
            geometry=geometry,
            counts=counts,
            shown=self.seen(records).shown,
        )

    def baseline_features(self, records: Any) -> FloatArray:
        """Z-scores of the cell and, of each neighbourhood, the means, float32 (n, g + l q)."""
        records = self.prepare(records)
        own = self.standardised(records)
        around = [] if records.context is None else [records.context.reshape(len(own), -1)]
        return np.hstack([own, *around])

    def baseline_width(self) -> int:
        """Genes and means."""
        return super().baseline_width() + len(self.levels_) * self.context_width

    def alone(self, records: TissueRecords) -> TissueRecords:
        """The same cells with nothing around them, as where context is hidden while training."""
        records = self.prepare(records)
        if records.context is None or records.counts is None:
            return records
        assert records.geometry is not None
        return replace(
            records,
            context=np.zeros_like(records.context),
            geometry=np.zeros_like(records.geometry),
            counts=np.zeros_like(records.counts),
        )

    def places(self, records: Any) -> pd.DataFrame:
        """Coordinates as the file has them, ``x`` and ``y``, and the section."""
        sections, rows = records.sections, records.rows
        return pd.DataFrame(
            {
                "x": sections.coordinates[rows, 0],
                "y": sections.coordinates[rows, 1],
                "section": np.array(sections.names, dtype=object)[sections.codes[rows]],
            },
            index=records.table.index,
        )

    def around(self, records: TissueRecords, k: int) -> FloatArray:
        """Mean z-scores or components, and composition, of k neighbours, float32 (n, q)."""
        near = records.sections.neighbourhoods(k)
        return near.means(records.rows, k, self.seen(records).averaged)

    def _nearest(self, records: TissueRecords) -> tuple[IntArray, FloatArray, IntArray]:
        """Neighbours, (n, s), their geometry, (n, s, 5), and how many there are, (n,)."""
        near = records.sections.neighbourhoods(max(self.levels_))
        weights = near.weights(records.rows, min(self.neighbour_tokens, max(self.levels_)))
        lengths, places = near.places(records.rows)
        owners = np.repeat(np.arange(len(records)), lengths)
        slot = np.arange(len(places)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        counts = np.bincount(owners[weights > 0], minlength=len(records))
        width = max(self.slots, int(counts.max(initial=0)))
        kept = weights > 0
        owners, slot, places, weights = owners[kept], slot[kept], places[kept], weights[kept]
        neighbours = np.zeros((len(records), width), np.int64)
        geometry = np.zeros((len(records), width, 1 + GEOMETRY), np.float32)
        neighbours[owners, slot] = near.cells[places]
        geometry[owners, slot, 0] = weights
        distances = near.distances[places]
        geometry[owners, slot, 1] = np.log(distances + 0.1)
        geometry[owners, slot, 2] = 1 / (1 + distances)
        directions = np.zeros((len(records), width, near.directions.shape[1]), np.float32)
        directions[owners, slot] = near.directions[places]
        geometry[..., 3:] = _angles(directions, geometry[..., 0])
        return neighbours, geometry, counts

    def encode(self, records: Any) -> list[Encoding]:
        """Own z-scores, float32 (g,), context (l, q), neighbours (s, p), their geometry (s, 5)."""
        records = self.prepare(records)
        values = self.standardised(records)
        if not self.levels_:
            return [{"values": row} for row in values]
        shown = records.shown[records.neighbours]  # (n, s, p)
        used = np.maximum(records.counts, self.slots)
        return [
            {
                "values": values[i],
                "context": records.context[i],
                "neighbours": shown[i, : used[i]],
                "geometry": records.geometry[i, : used[i]],
            }
            for i in range(len(records))
        ]

    def seen(self, records: TissueRecords) -> View:
        """All cells of a source as neighbours see them, computed once."""
        found = self._views.get(records.expression)
        if found is not None:
            return found
        parts: list[tuple[FloatArray, FloatArray]] = []
        for start in range(0, records.adata.n_obs, _VIEW_CELLS):
            rows = np.arange(start, min(start + _VIEW_CELLS, records.adata.n_obs))
            z = self.standardised(CellRecords(records.adata, records.expression, rows))
            shown = z @ self.neighbour_components_.T if len(self.neighbour_components_) else z
            averaged = shown if self.num_components_ else z
            parts.append((np.hstack([averaged, self.clusters_.memberships(z)]), shown))
        view = View(*(np.concatenate([part[i] for part in parts]) for i in (0, 1)))
        self._views[records.expression] = view
        return view

    def __getstate__(self) -> dict[str, Any]:
        """For pickle: views belong to data that is not pickled along."""
        return super().__getstate__() | {"_views": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore from pickle."""
        super().__setstate__(state | {"_views": WeakKeyDictionary()})

    def settings(self) -> dict[str, Any]:
        """Arguments that make this modality again, for JSON."""
        return super().settings() | {
            "section": self.section,
            "spatial_key": self.spatial_key,
            "neighbour_tokens": self.neighbour_tokens,
            "context_dropout": self.context_dropout,
        }

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """What a cell modality keeps, and the context."""
        settings, arrays = super().state()
        settings["learned"]["levels"] = list(self.levels_)
        settings["learned"]["cluster_width"] = self.clusters_.width
        arrays["cluster_centres"] = self.clusters_.centres
        arrays["cluster_shares"] = self.clusters_.shares
        return settings, arrays | {name: getattr(self, f"{name}_") for name in _ARRAYS}

    @classmethod
    def from_state(cls, settings: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """Restore what :meth:`state` gave."""
        modality = super().from_state(settings, arrays)
        modality.levels_ = tuple(settings["learned"]["levels"])
        for name in _ARRAYS:
            setattr(modality, f"{name}_", arrays[name])
        modality.clusters_ = CellClusters(
            arrays["cluster_centres"],
            settings["learned"]["cluster_width"],
            arrays["cluster_shares"],
        )
        return modality


_ARRAYS = ("neighbour_components", "context_means", "context_scales")


def _angles(directions: FloatArray, weights: FloatArray) -> FloatArray:
    """Mean cosine, and mean squared cosine, of the angles to the other neighbours, (n, s, 2).

    Parameters
    ----------
    directions : float32, (n, s, 2 or 3), unit vectors.
    weights : float32, (n, s).
    """
    total = np.maximum(weights.sum(axis=1), 1e-12)
    middle = np.einsum("ns,nsx->nx", weights, directions) / total[:, None]
    spread = np.einsum("ns,nsx,nsy->nxy", weights, directions, directions) / total[:, None, None]
    along = np.einsum("nsx,nx->ns", directions, middle)
    across = np.einsum("nsx,nxy,nsy->ns", directions, spread, directions)
    return np.stack([along, across], axis=-1)
