"""The spatial task: name each cell of a tissue, or the domain it lies in, by its neighbourhood."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from polyome._errors import InputError
from polyome._types import FloatArray, IntArray
from polyome.audit.cells import cell_findings
from polyome.audit.findings import Finding
from polyome.audit.positions import (
    leak_findings,
    overlap_findings,
    position_findings,
    state_findings,
    unit_findings,
)
from polyome.baselines.tissue import SPATIAL_BASELINES, linear_features, wide_features
from polyome.data.tissue_simulator import semi_synthetic_tissue, simulate_tissue
from polyome.modalities import Modality
from polyome.modalities.input_records import InputRecords
from polyome.modalities.inputs import Inputs
from polyome.modalities.profiles.matrix import states_by
from polyome.modalities.spatial.neighbours import Sections
from polyome.modalities.spatial.records import TissueRecords
from polyome.modalities.tissue import LEVELS, STEPS, TissueModality
from polyome.outputs.logistic_regression import LEAST_PROBABILITY, TunedLogisticRegression
from polyome.outputs.targets import Targets
from polyome.settings import BelowOne, Count, Natural, NumGenes, Proportion, UpToHalf
from polyome.splits import Split, each_in_a_group
from polyome.tasks.base import Baseline, Example, Grouping, Task
from polyome.tasks.input_findings import cell_findings_of_inputs
from polyome.tasks.inputs import InputsTask
from polyome.tasks.tissue_groups import in_tissue, section_names, tile_names

BUFFER = 15
"""Training cells that have a test cell among so many nearest neighbours are left out."""
NEAREST = 3
"""Neighbours that the audit looks at, to see whether a split leaks."""
_LEAST_GAIN = 0.01  # share of the log loss that a larger context must save
_CLEAR = 2.0  # standard errors by which any context must be ahead of none
_FEW_GROUPS = 5
_MOST_ROWS = 3000  # that the context is chosen on
_WIDE = 300  # neighbours, of which a section must have ten times as many
_MOST_CELLS = 50_000  # whose wide neighbourhoods fit into little memory


@dataclass(kw_only=True)
class Spatial(InputsTask):
    """Name cell types or tissue domains, by each cell and its neighbourhood.

    One of several inputs is the tissue, which has the coordinates; cells may have others beside it.

    Parameters
    ----------
    section : column of ``obs`` that names the section of each cell.
    spatial_key : key of ``obsm`` with the coordinates.
    layer : where expression is: ``"X"``, ``"raw"`` or a layer; None looks for it.
    gene_column : column of ``var`` with gene names; None uses ``var_names``.
    feature_types : value of ``var["feature_types"]`` to read, or ``all``; None reads the genes.
    num_neighbours : size of the neighbourhood: 0 leaves it out, None chooses among none, 15, 30,
        100 and, in sections of 3,000 cells or more that have 50,000 together at most, 300, by
        validation on spatial blocks inside the training part.
    neighbour_tokens, context_dropout : see :class:`polyome.modalities.tissue.TissueModality`.
    num_genes, num_components, num_modules : see
        :class:`polyome.modalities.profiles.modality.ProfileModality`.
    input_dropout : mean share of genes hidden from the model while training; None is 0.1 for 40
        genes or fewer, 0.4 for 160 or more, and goes with their number between.

    See also :class:`polyome.tasks.inputs.InputsTask` for cells with several measurements and
    :class:`polyome.tasks.base.Task` for the parameters that all tasks share.
    """

    section: str | None = None
    spatial_key: str = "spatial"
    layer: str | None = None
    gene_column: str | None = None
    feature_types: str | None = None
    num_neighbours: Natural | None = None
    neighbour_tokens: Count = 15
    context_dropout: BelowOne = 0.1
    num_genes: NumGenes = 1750
    num_components: Natural | None = None
    num_modules: Natural = 4
    input_dropout: UpToHalf | None = None
    dropout: BelowOne = 0.1
    linear_weight: Proportion = 0.7

    name: ClassVar[str] = "spatial"
    modality: ClassVar[str] = "tissue"
    estimator: ClassVar[str] = "SpatialClassifier"
    linear_weights: ClassVar[tuple[float, ...]] = (0.3, 0.5, 0.9)
    least_gain: ClassVar[float] = 0.01
    pools_calibrated: ClassVar[bool] = True
    head_dropout: ClassVar[float] = 0.3
    splits_by: ClassVar[dict[str, Grouping | None]] = Task.splits_by | {
        "blocks": tile_names,
        "section": section_names,
    }
    limits: ClassVar[tuple[str, ...]] = (
        "A query must be a section with its cells around it: of single cells cut out of a section "
        "the neighbours are not known.",
        "Distances are in units of each section's median distance between nearest cells: sections "
        "of another density, or segmented otherwise, look different.",
        "It names what it was shown: kinds absent from training are refused as `unknown` only "
        "where they lie far from all training classes.",
    )

    instead: ClassVar[dict[str, str]] = {"cell": "tissue"}

    def build_modality(self, num_classes: int = 0) -> Modality:
        """Profiles in sections, alone or beside other inputs."""
        kinds = [spec.modality for spec in self.input_specs().values()]
        if kinds and kinds.count("tissue") != 1:
            message = (
                f"--inputs {self.inputs}: {kinds.count('tissue')} of the inputs are tissue; "
                "spatial needs one, whose cells have coordinates. Write NAME=tissue for it, such "
                "as rna=tissue,prot=protein."
            )
            raise InputError(message)
        return super().build_modality(num_classes)

    def own_modalities(self, num_classes: int) -> dict[str, Callable[[], Modality]]:
        """Profiles in sections, read as this task was told."""
        del num_classes
        return {"tissue": self._tissue}

    def _tissue(self) -> TissueModality:
        return TissueModality(
            self.layer,
            self.gene_column,
            feature_types=self.feature_types,
            section=self.section,
            spatial_key=self.spatial_key,
            neighbour_tokens=self.neighbour_tokens,
            context_dropout=self.context_dropout,
            num_genes=self.num_genes,
            num_components=self.num_components,
            num_modules=self.num_modules,
            input_dropout=self.input_dropout,
            seed=self.seed,
        )

    def members(self, n_rows: int, modality: Modality) -> int:
        """Four: two rounds on a laptop's two cores; eight answered no better on inner blocks."""
        del n_rows, modality
        return self.num_members or 4

    def training(self, n_rows: int, modality: Modality) -> dict[str, Any]:
        """About 15 steps an epoch and more, in batches of 32 to 256.

        Few epochs and averaged weights, rather than 30 and the best by validation rows: those rows
        also say how much the trunk counts, and it looked better there than on other blocks. On
        blocks inside the training part the log loss fell from .646 to .613 (osmFISH regions), .159
        to .151 (STARmap domains), .791 to .771 (STARmap types), in less than half the time. There,
        too, .127 and .417 with the context hidden from a tenth of the cells, .135 and .420 from
        three tenths (STARmap domains, osmFISH regions).
        """
        del modality
        return {
            "learning_rate": 2e-3,
            "num_train_epochs": 10,
            "warmup_ratio": 0.1,
            "ema_decay": 0.98,
            "early_stopping": False,
            "batch_size": int(2 ** np.clip(round(np.log2(n_rows / 15)), 5, 8)),
        }

    def inner_groups(self, records: Any, groups: np.ndarray | None) -> np.ndarray:
        """Tiles of the sections, where the user named no groups or too few to validate with."""
        if groups is not None and len(np.unique(groups)) > _FEW_GROUPS:
            return groups
        return each_in_a_group(tile_names(records))

    def exclude_near_test(self, records: Any, split: Split, split_by: str) -> Split:
        """Leave out training cells that have a test cell among their 15 nearest neighbours."""
        if split_by != "blocks":
            return split
        tissue, own = in_tissue(records)
        inside = split.among(own)
        near = tissue.sections.neighbourhoods(BUFFER)
        is_test = np.zeros(len(tissue.sections.codes), dtype=bool)
        is_test[tissue.rows[inside.test]] = True
        owners, cells = near.pairs(tissue.rows[inside.train], BUFFER)
        touching = np.bincount(owners, is_test[cells], minlength=len(inside.train)) > 0
        return replace(
            split,
            train=np.setdiff1d(split.train, own[inside.train[touching]]),
            left_out=split.left_out + int(touching.sum()),
            how=f"{split.how}, a buffer of {BUFFER} neighbours",
        )

    def choose_settings(
        self,
        modality: Modality,
        records: Any,
        truth: IntArray,
        groups: np.ndarray | None,
    ) -> dict[str, Any]:
        """Choose the context by the log loss of the linear model on held-out tiles."""
        if isinstance(modality, Inputs):
            records, own = in_tissue(records)
            truth, groups = truth[own], None if groups is None else groups[own]
            (modality,) = (
                one for one in modality.members.values() if isinstance(one, TissueModality)
            )
        assert isinstance(modality, TissueModality)
        if self.num_neighbours is not None:
            levels = tuple(sorted({k for k in LEVELS if k < self.num_neighbours}))
            levels = (*levels, self.num_neighbours) if self.num_neighbours else ()
            modality.set_context(records, levels)
            return {"context": {"levels": list(levels), "how": "as asked"}}
        rows = np.arange(len(records))
        if len(rows) > _MOST_ROWS:
            rng = np.random.default_rng(self.seed)
            rows = np.sort(rng.choice(rows, _MOST_ROWS, replace=False))
        records.sections.neighbourhoods(LEVELS[-2])  # of most candidates at once
        losses: dict[str, float] = {}
        harmless: set[str] = set()  # contexts that clearly save something
        candidates = {_shown(levels): levels for levels in _offered(records.sections)}
        inside = None if groups is None else groups[rows]
        alone = np.zeros(len(rows))
        some, known = records.take(rows), truth[rows]
        for name, levels in candidates.items():
            if len(levels) > 2 and _chosen(losses, harmless) != list(losses)[-1]:
                break  # what 30 do not tell beyond 15, a larger neighbourhood hardly will
            modality.set_context(records, levels)
            linear = TunedLogisticRegression(seed=self.seed, folds=3)
            linear.tune(linear_features(modality, some), known, groups=inside)
            losses[name] = float(linear.inner_log_loss_)
            codes = np.searchsorted(linear.classes_, known)
            likely = linear.out_of_fold_proba_[np.arange(len(known)), codes]
            lost = -np.log(likely.clip(LEAST_PROBABILITY))
            if not levels:
                alone = lost
            elif _is_clear(alone - lost, inside):
                harmless.add(name)
        chosen = _chosen(losses, harmless)
        modality.set_context(records, candidates[chosen])
        evidence = {name: round(loss, 4) for name, loss in losses.items()}
        return {
            "context": {
                "levels": list(candidates[chosen]),
                "how": "lowest log loss of the linear model on spatial blocks inside the training "
                f"part; a larger context must save {_LEAST_GAIN:.0%}, any context "
                f"{_CLEAR:.0f} standard errors over tiles",
                "log_loss": evidence,
            }
        }

    def chosen_settings(self, facts: dict[str, Any]) -> dict[str, str]:
        """The context, and the log losses that it was chosen by."""
        found = facts["context"]
        text = f"{_shown(tuple(found['levels']))} neighbours ({found['how']})"
        losses = [f"{name}: {loss:.3f}" for name, loss in found.get("log_loss", {}).items()]
        return {"context": f"{text}; {', '.join(losses)}" if losses else text}

    def features(self, modality: Modality, records: Any) -> FloatArray:
        """What all baselines read, float32 (n, 3 g + 3): see `wide_features`.

        Of several inputs what each gives, float32 (n, f).
        """
        if isinstance(modality, TissueModality):
            return wide_features(modality, records)
        return super().features(modality, records)

    def kept_features(self, modality: Modality, records: Any) -> dict[str, FloatArray]:
        """The cell's own z-scored expression, (n, g); of several inputs each one's too."""
        if isinstance(modality, TissueModality):
            return {"logistic_regression": modality.standardised(records)}
        return super().kept_features(modality, records)

    def baselines(self) -> dict[str, Baseline]:
        """With neighbours' means, with position, position alone, and a plain network.

        Of several inputs those of all measurements side by side, the tissue's with its neighbours.
        """
        return super().baselines() if self.inputs else dict(SPATIAL_BASELINES)

    def audit(
        self,
        records: Any,
        targets: Targets,
        split: Split,
        target: str,
    ) -> list[Finding]:
        """What cells are audited for, sections laid one on the other, and what position tells."""
        if isinstance(records, InputRecords):
            findings = cell_findings_of_inputs(
                records, self.modalities(), targets, split, target=target, seed=self.seed
            )
            tissue, own = in_tissue(records)
            return findings + self._tissue_findings(
                tissue, targets.truth[own], split.among(own), target
            )
        findings = cell_findings(
            records.expression.rows(records.rows),
            targets.truth,
            targets.labelled,
            split,
            target=target,
            is_scaled=records.expression.is_scaled,
            uns_keys=records.adata.uns.keys(),
            seed=self.seed,
        )
        return findings + self._tissue_findings(records, targets.truth, split, target)

    def _tissue_findings(
        self, records: TissueRecords, truth: np.ndarray, split: Split, target: str
    ) -> list[Finding]:
        """Sections laid one on the other, and what position tells."""
        sections, rows = records.sections, records.rows
        labels = np.full(len(sections.codes), None, dtype=object)
        labels[rows] = truth
        split = replace(
            split,
            train=rows[split.train],
            validation=rows[split.validation],
            test=rows[split.test],
        )
        near = sections.neighbourhoods(NEAREST)
        owners, cells = near.pairs(rows, NEAREST)
        names = np.array(sections.names, dtype=object)[sections.codes]
        states = states_by(records.expression, names)
        findings = []
        if len(sections.names) == 1:
            findings += overlap_findings(sections.coordinates, records.adata.obs, ignored=[target])
        findings += leak_findings(cells, rows[owners], split)
        findings += position_findings(sections.placed(), labels, split)
        findings += unit_findings(sections.units)
        findings += state_findings({name: state.description for name, state in states.items()})
        return findings

    @classmethod
    def example(cls, *, seed: int = 0) -> Example:
        """Simulated cells of two kinds in domains that only the neighbourhood tells."""
        return Example(simulate_tissue(seed=seed), "domain", "simulated tissue of three domains")

    @classmethod
    def demo(cls) -> Example:
        """Real blood cells in simulated domains: semi-synthetic."""
        return Example(
            semi_synthetic_tissue(),
            "domain",
            "semi-synthetic: 700 real blood cells (pbmc68k_reduced) in simulated domains",
            split_by="blocks",
        )


def _offered(sections: Sections) -> list[tuple[int, ...]]:
    """Contexts to choose among: the widest only where it is a small part of a section."""
    cells = np.bincount(sections.codes)
    is_wide = np.median(cells[cells > 0]) >= 10 * _WIDE and cells.sum() <= _MOST_CELLS
    steps = STEPS if is_wide else STEPS[:-1]
    return [sum(steps[:i], ()) for i in range(len(steps) + 1)]


def _shown(levels: tuple[int, ...]) -> str:
    return "none" if not levels else " + ".join(str(k) for k in levels)


def _chosen(losses: dict[str, float], harmless: set[str]) -> str:
    """The smallest context after which none saves enough; they come in order of size."""
    names = list(losses)
    chosen = names[0]
    for name in names[1:]:
        saves = losses[name] < (1 - _LEAST_GAIN) * losses[chosen]
        if saves and (chosen != names[0] or name in harmless):
            chosen = name
    return chosen


def _is_clear(gains: FloatArray, groups: np.ndarray | None) -> bool:
    """Whether the mean gain, (n,), is beyond chance: cells of one tile gain or lose together."""
    tile = np.arange(len(gains)) if groups is None else np.unique(groups, return_inverse=True)[1]
    totals = np.bincount(tile, gains)
    if len(totals) < 2:
        return bool(gains.mean() > 0)
    error = np.sqrt(len(totals) * totals.var(ddof=1)) / len(gains)
    return bool(gains.mean() > _CLEAR * error)
