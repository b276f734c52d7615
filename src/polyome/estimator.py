"""The public classes: each task's verbs, with scikit-learn's and scverse's manners.

``fit`` is in :mod:`polyome.fitting`; here is what a fitted model can be asked.
"""

import tempfile
from dataclasses import MISSING, fields
from functools import cache
from inspect import Parameter, Signature
from pathlib import Path
from typing import Any, Self

import pandas as pd

from polyome._errors import InputError, listed, suggestion
from polyome._progress import say
from polyome._types import FloatArray
from polyome.audit.findings import Finding
from polyome.described import docstring
from polyome.explain import EXPLAINERS, Explainer, Explanation
from polyome.fitting import Fitting, checked, columns_of
from polyome.genome.mutagenesis import saturation_mutagenesis
from polyome.io.files import folder_written_aside
from polyome.labels import warn_of_labels
from polyome.modalities.base import Records
from polyome.modalities.input_records import InputRecords
from polyome.modalities.profiles.records import CellRecords, annotate, check_annotatable
from polyome.model.inference import check_device
from polyome.model_folder.fitted_model import SCANNER, SUMMARY, FittedModel, read_summary
from polyome.model_folder.hub import local_folder, upload
from polyome.options import reading_options, sort_options
from polyome.outputs.classes_prediction import ClassPrediction
from polyome.predict.evaluate import Evaluation, evaluate
from polyome.predict.predict import PredictArguments, predict
from polyome.predict.record import copy_record, own_names, write_record
from polyome.predict.rows import fitted_note, mark_of, read_split, rows_of_part, unseen_note
from polyome.tasks import TASKS
from polyome.tasks.parts import if_there, split_records


class NotFittedError(InputError, AttributeError):
    """An estimator was asked before it was fitted, as scikit-learn's error of this name."""


class Estimator(Fitting):
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

    @property
    def classes_(self) -> tuple[str, ...]:
        """Classes, in the order of probabilities."""
        return self._fitted().classes

    def _fitted(self) -> FittedModel:
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

    def answer(self, source: Any, **options: Any) -> tuple[Records, Any]:
        """Predict, with everything that is known of the answers."""
        fitted = self._fitted()
        reading, arguments = sort_options(
            fitted.modality, options, PredictArguments, where="predict"
        )
        records = checked(fitted.modality.read(source, **reading))
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
        if isinstance(records, InputRecords):
            annotate(source, answers)
            return
        assert isinstance(answers, ClassPrediction), "cells are answered with classes"
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
        reading, arguments = sort_options(modality, options, kind, where="explain")
        records = checked(modality.read(source, **reading))
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

        See :func:`polyome.genome.mutagenesis.saturation_mutagenesis`.
        """
        fitted = self._fitted()
        reading, arguments = sort_options(
            fitted.modality, options, PredictArguments, where="predict"
        )
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
        reading, arguments = sort_options(
            fitted.modality, options, PredictArguments, where="predict"
        )
        if arguments.over is not None:
            message = (
                f"over={arguments.over}: scores are of each record's own answer. Predict with it, "
                "and compare its labels with the truth."
            )
            raise InputError(message)
        records = checked(fitted.modality.read(source, **reading))
        if target is None:
            columns_of_target = self.task.output_type.target_columns(fitted.target, fitted.classes)
            target = fitted.target if self.task.predicts_profile else columns_of_target
        records, columns = self.task.with_targets(records, target)
        missing = fitted.facts.get("unlabelled")
        unlabelled = if_there(records.table, str(target), missing)
        targets = self.task.scored_targets(records.table, columns, unlabelled)
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

    def push_to_hub(self, repo_id: str, *, private: bool = True, token: str | None = None) -> str:
        """Upload the model folder to the Hugging Face hub as ``OWNER/NAME``; return its address.

        ``polyome.load("hf://OWNER/NAME")`` reads it there. A new repository is private unless
        ``private=False``: read the card first, whose findings may name single records or donors.
        In one that is there already the model and its card are replaced, other files stay.
        The list of test rows with labels and answers (``evaluation/``) is not uploaded.
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
        fitted = FittedModel.load(
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
    told = model_class(**settings).task.for_source(source, reading)
    beside = [*columns_of(target), *([] if split is None else [split])]
    records = checked(told.read(source, reading, beside=beside))
    records, columns = told.with_targets(records, target)
    targets = told.targets(records.table, columns, unlabelled)
    shown = target if isinstance(target, str) else ",".join(target)
    targets.check(shown)
    warn_of_labels(targets.counts, shown)
    parts, _ = split_records(told, records, targets, split=split, split_by=None, group=None)
    for note in (*records.notes, *targets.notes, *parts.notes):
        say(note, quiet=told.quiet)
    return told.audit(records, targets, parts, shown)
