"""The public classes: each task's verbs, with scikit-learn's and scverse's manners.

This is the one place where the stages meet: read, split, audit, fit, calibrate, evaluate.
"""

import shutil
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import MISSING, fields
from functools import cache
from inspect import Parameter, Signature
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from polyome import splits
from polyome._errors import (
    InputError,
    PolyomeWarning,
    listed,
    repeated_names,
    suggestion,
)
from polyome._progress import say
from polyome._random import own_random_state
from polyome._types import FloatArray
from polyome.audit.findings import Finding
from polyome.audit.groups import group_findings
from polyome.configured import Configured
from polyome.described import docstring
from polyome.explain import EXPLAINERS, Explainer, Explanation
from polyome.io.files import folder_written_aside
from polyome.modalities.base import Answers, Records, Values
from polyome.modalities.profiles.records import CellRecords, annotate, check_annotatable
from polyome.model.answering import check_device
from polyome.options import (
    fit_arguments,
    in_words,
    not_default,
    paths,
    reading_options,
    told_apart,
)
from polyome.predict.evaluate import Evaluation, evaluate, fit_baselines
from polyome.predict.mutagenesis import saturation_mutagenesis
from polyome.predict.predict import UNKNOWN, PredictArguments, predict
from polyome.predict.record import copy_record, own_names, write_record
from polyome.predict.rows import fitted_note, mark_of, read_split, rows_of_part, unseen_note
from polyome.splits import Split
from polyome.tasks import TASKS
from polyome.tasks.base import Targets
from polyome.tasks.parts import (
    counted,
    if_there,
    split_records,
)
from polyome.train.checkpoints import Checkpoints
from polyome.train.distil import SCANNER, distil
from polyome.train.fit import fit_model
from polyome.train.fitted import SUMMARY, Fitted, read_summary
from polyome.train.hub import local_folder, upload

_UNKNOWN_IS_A_CLASS = (
    f"'{{}}' has a class '{UNKNOWN}', the word for records that the model refuses. If it means "
    f"that there is no label, pass --set unlabelled={UNKNOWN}."
)


class NotFittedError(InputError, AttributeError):
    """An estimator was asked before it was fitted, as scikit-learn's error of this name."""


class Estimator(Configured):
    """A task's verbs. The public classes (:func:`estimator_class`) derive from it.

    Parameters
    ----------
    settings : the task's fields; stored unchanged as attributes.

    Attributes
    ----------
    fitted_ : the fitted model and what belongs to it.
    classes_ : in the order of probabilities.
    evaluation_ : scores on the test part, None without one.
    findings_ : what the audit found.
    """

    read_from_: Path | None = None

    def fit(
        self,
        source: Any,  # what the modality reads
        target: str | list[str],
        *,
        split: str | None = None,
        split_by: str | None = None,
        group: str | None = None,
        unlabelled: str | None = None,
        baselines: bool = True,
        scanner: bool = False,
        checkpoints: str | Path | None = None,
        resume: bool = True,
        **options: Any,  # checked against FitArguments and the reading options
    ) -> Self:
        """Fit on the training part, calibrate on rows kept aside, score on the test part.

        Parameters
        ----------
        source : what the modality reads: for cells an AnnData, an h5ad file or several.
        target : column with the truth; for values several, with commas between them or as a list.
            Rows where it is missing are left out.
        split : column with ``train``, ``test`` and perhaps ``dev``.
        split_by : ``random`` (stratified), ``group`` or what else the task knows (sequences:
            ``chromosome``, ``homology``); the default is random, 20 % test.
        group : column of donors, batches or animals that stay on one side of every split; alone it
            means ``split_by="group"``.
        unlabelled : a label that means that there is none.
        baselines : score cheap baselines on the test part too.
        scanner : distil a fast network for scanning genomes too, and score it beside the model.
        checkpoints : folder where members that are done are kept while fitting; those found there
            from an interrupted fit of the same data and settings are not fitted again.
        resume : use what is there; False starts anew.
        options : fields of :class:`polyome.train.arguments.FitArguments`, and how the source is
            read where that is no setting of the class: for sequences ``genome`` and ``labels``.

        Returns
        -------
        This estimator.

        Raises
        ------
        InputError
            Something about the input or the options is wrong; nothing was fitted.
        """
        self.task = self._as_told(self.get_params())  # attributes may have been set
        modality = self.task.build_modality()
        reading = reading_options(self.task_class, options)
        arguments = fit_arguments(options, self.task_class)
        no_class = "" if self.task.names_kinds else "has no class of sequences to scan for"
        if scanner and (reason := no_class or modality.no_scanner):
            message = f"scanner=True: {self.task.name} {reason}."
            raise InputError(message)
        records = _checked(modality.read(source, **reading))
        targets = self.task.targets(records.table, target, unlabelled)
        shown = target if isinstance(target, str) else ",".join(target)
        targets.check(shown)
        parts, groups = split_records(
            self.task, records, targets, split=split, split_by=split_by, group=group
        )
        targets.check_enough(parts, shown)
        if UNKNOWN in targets.classes:
            warnings.warn(_UNKNOWN_IS_A_CLASS.format(shown), PolyomeWarning, stacklevel=2)
        for note in (*records.notes, *targets.notes, counted(parts)):
            say(note, quiet=self.task.quiet)
        self._forget()
        found = [] if group is None or groups is None else group_findings(groups, parts, group)
        self.findings_ = found + self.task.audit(records, targets, parts, shown)
        _warn(self.findings_)
        if checkpoints is not None and not resume:
            shutil.rmtree(checkpoints, ignore_errors=True)
        kept = None if checkpoints is None else Checkpoints(Path(checkpoints))
        with own_random_state():
            self.fitted_, self.curves_ = fit_model(
                self.task, records, targets, parts, arguments, groups=groups, checkpoints=kept
            )
        self.fitted_.target = shown
        self._remember(records, targets, parts, split, unlabelled)
        self.fitted_.facts["source"] = in_words(source, len(records))
        self.fitted_.facts["inputs"] = paths(source)
        self.fitted_.facts["asked"] = not_default(
            {"split": split, "split_by": split_by, "group": group, "unlabelled": unlabelled},
            reading | {key: getattr(arguments, key) for key in options},
            {} if baselines else {"baselines": False},
            {"scanner": True} if scanner else {},
        )
        with own_random_state():
            self._score_test(records, targets, parts, groups, with_baselines=baselines)
            if scanner:
                self._distil(records, targets, parts)
        return self

    def _forget(self) -> None:
        """Drop what an earlier fit or a folder has left."""
        for name in [name for name in vars(self) if name.endswith("_")]:
            delattr(self, name)

    def _distil(self, records: Any, targets: Targets, parts: Split) -> None:
        """Make a scanner of the model, and score it on the test part."""
        training = records.take(parts.train)
        self.scanner_ = distil(self.fitted_, training, seed=self.task.seed, quiet=self.task.quiet)
        if self.evaluation_ is not None:
            found = predict(self.scanner_, records.take(parts.test), PredictArguments())
            scores = self.task.score(targets.truth[parts.test], found.outputs, self.classes_)
            self.evaluation_.variants["scanner"] = scores

    def _remember(
        self,
        records: Records,
        targets: Targets,
        parts: Split,
        split: str | None,
        unlabelled: str | None,
    ) -> None:
        names = records.table.index
        self.split_ = pd.Series("left out", index=names, name="part")
        for part in splits.PARTS:
            self.split_.iloc[getattr(parts, part)] = part
        self.fitted_.facts |= {
            "split": parts.how,
            "split_column": split,
            "unlabelled": unlabelled,
            "records": mark_of(self.fitted_.modality, records),
            "rows": {part: len(getattr(parts, part)) for part in splits.PARTS},
            "left_out": parts.left_out,
            "without_label": parts.unlabelled,
            "notes": [*records.notes, *targets.notes],
            "findings": [f"{f.severity}: {f.message}" for f in self.findings_],
        }

    def _score_test(
        self,
        records: Records,
        targets: Targets,
        parts: Split,
        groups: np.ndarray | None,
        *,
        with_baselines: bool,
    ) -> None:
        training = np.sort(np.concatenate([parts.train, parts.dev]))
        answered = fit_baselines(
            self.fitted_,
            records,
            targets,
            training,
            parts.test,
            groups=self.task.inner_groups(records, groups),
            all_of_them=with_baselines,
        )
        self.evaluation_: Evaluation | None = None
        self.answers_: Answers | Values | None = None
        if len(parts.test):
            self.evaluation_, self.answers_ = evaluate(
                self.fitted_,
                records,
                targets,
                parts.test,
                PredictArguments(),
                baselines=answered,
                part="test",
                groups=None if groups is None else np.asarray(groups)[parts.test],
            )
            self.truth_ = targets.truth[parts.test]
            self.places_ = self.fitted_.modality.places(records.take(parts.test))

    @property
    def classes_(self) -> tuple[str, ...]:
        """Classes, in the order of probabilities."""
        return self._fitted().classes

    def _fitted(self) -> Fitted:
        if not hasattr(self, "fitted_"):
            message = f"this {type(self).__name__} is not fitted; call fit, or from_pretrained."
            raise NotFittedError(message)
        return self.fitted_

    def predict(self, source: Any, **options: Any) -> pd.DataFrame:
        """Label, confidence and a column per class, or each value with its interval, by record.

        ``options`` are fields of :class:`polyome.predict.predict.PredictArguments` and, for cells,
        ``layer`` and ``gene_column``. Rows of a DataFrame keep its index.
        """
        frame = self.answer(source, **options)[1].frame()
        return frame.set_axis(source.index, axis=0) if isinstance(source, pd.DataFrame) else frame

    def answer(self, source: Any, **options: Any) -> tuple[Records, Answers | Values]:
        """Predict, with everything that is known of the answers."""
        fitted = self._fitted()
        reading, arguments = told_apart(fitted.modality, options, PredictArguments, where="predict")
        records = _checked(fitted.modality.read(source, **reading))
        return records, predict(fitted, records, arguments)

    def annotate(self, source: Any, **options: Any) -> None:
        """Predict and write the answers into an AnnData, in place (see `polyome_*` keys).

        ``source`` may be a SpatialData object, too: the answers are written into its table.
        """
        if not (hasattr(source, "obs") or hasattr(source, "tables")):
            message = (
                f"annotate writes into an AnnData or a SpatialData object; this is a "
                f"{type(source).__name__}. Read a file first; predict answers what is no cell."
            )
            raise InputError(message)
        check_annotatable(source)
        records, answers = self.answer(source, **options)
        assert isinstance(answers, Answers), "cells are answered with classes"
        assert isinstance(records, CellRecords), "only cells are annotated"
        annotate(records.adata, answers)

    def embed(self, source: Any, **options: Any) -> FloatArray:
        """Representations, float32 (n, e * d): of e members side by side, d numbers each.

        Of cells and tissue the final state of the modality token; of DNA that, pooled with all
        tokens in their places.
        """
        return self.answer(source, **options)[1].representation

    def explain(self, source: Any, **options: Any) -> Explanation:
        """Say which bases, genes or neighbours made the answers.

        The result has ``.table``, ``.plot()`` and ``.save(folder)``.

        ``options`` are the explanation's settings (such as ``output``, the class to explain; see
        :mod:`polyome.explain`) and how the source is read.
        """
        fitted = self._fitted()
        explainer = self.explainer()
        modality = fitted.modality
        kind: type[Any] = explainer.arguments
        reading, arguments = told_apart(modality, options, kind, where="explain")
        records = _checked(modality.read(source, **reading))
        return explainer.explain(fitted, records, arguments, quiet=self.task.quiet)

    def explainer(self) -> Explainer:
        """How records of this model's modality are explained."""
        name = self._fitted().modality.name
        if name not in EXPLAINERS:
            message = (
                f"explain: records of the modality '{name}' cannot be explained yet. "
                f"Known: {listed(EXPLAINERS)}."
            )
            raise InputError(message)
        return EXPLAINERS[name]

    def mutagenesis(self, source: Any, **options: Any) -> pd.DataFrame:
        """What every change of one base does to the answers of sequences, a row per change.

        See :func:`polyome.predict.mutagenesis.saturation_mutagenesis`.
        """
        fitted = self._fitted()
        reading, arguments = told_apart(fitted.modality, options, PredictArguments, where="predict")
        return saturation_mutagenesis(fitted, fitted.modality.read(source, **reading), arguments)

    def evaluate(
        self,
        source: Any,
        target: str | list[str] | None = None,
        *,
        part: str | None = None,
        **options: Any,
    ) -> Evaluation:
        """Score on records whose truth is known.

        Parameters
        ----------
        target : column with the truth; None is the one that was fitted.
        part : ``train``, ``test`` or ``all``; None is ``test`` where the split that was fitted is
            found in the source, else ``all``.
        """
        fitted = self._fitted()
        reading, arguments = told_apart(fitted.modality, options, PredictArguments, where="predict")
        if arguments.over is not None:
            message = (
                f"over={arguments.over}: scores are of each record's own answer. Predict with it, "
                "and compare its labels with the truth."
            )
            raise InputError(message)
        records = _checked(fitted.modality.read(source, **reading))
        if target is None:
            target = fitted.target if self.task.names_kinds else list(fitted.classes)
        missing = fitted.facts.get("unlabelled")
        unlabelled = if_there(records.table, str(target), missing)
        targets = self.task.scored_targets(records.table, target, unlabelled)
        targets = targets.scorable(fitted.classes)
        remembered = getattr(self, "split_", None)
        mark = mark_of(fitted.modality, records)
        rows, chosen = rows_of_part(fitted, records.table, targets, part, remembered, mark=mark)
        evaluation = evaluate(fitted, records, targets, rows, arguments, part=chosen)[0]
        seen = fitted_note(records.table, remembered, chosen)
        evaluation.notes += [*targets.notes, *unseen_note(evaluation, fitted.classes), *seen]
        return evaluation

    def save_pretrained(self, folder: str | Path) -> None:
        """Write config, weights, modality, card and evaluation into one folder, whole or not."""
        fitted = self._fitted()
        with folder_written_aside(Path(folder), replaces=SUMMARY, own=own_names) as aside:
            fitted.save(aside)
            if hasattr(self, "scanner_"):
                (aside / SCANNER).mkdir()
                self.scanner_.save(aside / SCANNER)
            if hasattr(self, "curves_"):
                write_record(
                    aside,
                    fitted,
                    evaluation=self.evaluation_,
                    answers=self.answers_,
                    truth=getattr(self, "truth_", None),
                    parts=self.split_,
                    findings=self.findings_,
                    curves=self.curves_,
                    places=getattr(self, "places_", None),
                )
            elif self.read_from_ is not None:
                copy_record(self.read_from_, aside)

    def push_to_hub(
        self, repo_id: str, *, private: bool | None = None, token: str | None = None
    ) -> str:
        """Upload the model folder to the Hugging Face hub as ``OWNER/NAME``; return its address.

        ``polyome.load("hf://OWNER/NAME")`` reads it there. The names, labels and answers of test
        rows stay here (``evaluation/``); scores and what the card says are uploaded.
        """
        with tempfile.TemporaryDirectory() as above:
            folder = Path(above) / "model"
            self.save_pretrained(folder)
            return upload(folder, repo_id, private=private, token=token)

    @classmethod
    def from_pretrained(
        cls,
        folder: str | Path,
        *,
        device: str = "auto",
        quiet: bool = False,
        trust_remote_code: bool = False,
    ) -> Self:
        """Read a model folder, nothing unpickled; ``hf://OWNER/NAME`` is one on the hub.

        ``trust_remote_code`` runs the Python code that came with the model's backbone, if any.
        """
        folder = local_folder(folder)
        check_device(device)
        fitted = Fitted.load(
            folder, device=device, quiet=quiet, trust_remote_code=trust_remote_code
        )
        if not isinstance(fitted.task, cls.task_class):
            message = (
                f"{folder} holds a model of the task '{fitted.task.name}', "
                f"not '{cls.task_class.name}'."
            )
            raise InputError(message)
        model = cls(**{f.name: getattr(fitted.task, f.name) for f in fields(fitted.task)})
        model.fitted_, model.read_from_ = fitted, folder
        parts = folder / "evaluation" / "split.csv.gz"
        if parts.is_file():
            model.split_ = read_split(parts)
        return model


@cache
def estimator_class(task: str) -> type[Estimator]:
    """Make the public class of a task in the registry.

    Examples
    --------
    >>> estimator_class("cell-type").__name__
    'CellTypeClassifier'
    """
    if task not in TASKS:
        message = (
            f"there is no task '{task}'. Known: {listed(TASKS)}.{suggestion(task, list(TASKS))}"
        )
        raise InputError(message)
    task_class = TASKS[task]
    made = type(
        task_class.estimator,
        (Estimator,),
        {"task_class": task_class, "__doc__": docstring(task_class), "__module__": "polyome"},
    )
    made.__signature__ = Signature(  # type: ignore[attr-defined]
        [
            Parameter(f.name, Parameter.KEYWORD_ONLY, default=f.default, annotation=f.type)
            for f in fields(task_class)
            if f.default is not MISSING
        ]
    )
    return made


def load(
    folder: str | Path,
    *,
    device: str = "auto",
    quiet: bool = False,
    trust_remote_code: bool = False,
) -> Estimator:
    """Read a model folder of any task; ``hf://OWNER/NAME`` is one on the Hugging Face hub."""
    folder = local_folder(folder)
    task = read_summary(folder)["task"]
    return estimator_class(task).from_pretrained(
        folder, device=device, quiet=quiet, trust_remote_code=trust_remote_code
    )


def audit(
    task: str,
    source: Any,
    target: str | list[str],
    *,
    split: str | None = None,
    unlabelled: str | None = None,
    **settings: Any,
) -> list[Finding]:
    """Look for what makes scores on a data set misleading, without fitting a model.

    Examples
    --------
    >>> import scanpy as sc
    >>> findings = audit("cell-type", sc.datasets.pbmc68k_reduced(), "louvain")
    >>> any("clustering" in finding.kind for finding in findings)
    True
    """
    model_class = estimator_class(task)
    reading = reading_options(model_class.task_class, settings)
    checked = model_class(**settings).task
    records = _checked(checked.build_modality().read(source, **reading))
    targets = checked.targets(records.table, target, unlabelled)
    shown = target if isinstance(target, str) else ",".join(target)
    targets.check(shown)
    parts, _ = split_records(checked, records, targets, split=split, split_by=None, group=None)
    return checked.audit(records, targets, parts, shown)


def _checked(records: Records) -> Records:
    """Records whose names tell them apart."""
    names = records.table.index
    if not names.is_unique:
        raise repeated_names(names)
    return records


def _warn(findings: Sequence[Finding]) -> None:
    for finding in findings:
        if finding.severity == "warning":
            warnings.warn(finding.message, PolyomeWarning, stacklevel=3)
