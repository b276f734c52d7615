"""Fitting: read, split, audit, train, calibrate, score, one stage after the other."""

import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from polyome import splits
from polyome._errors import InputError, PolyomeWarning, repeated_names
from polyome._progress import say
from polyome._random import own_random_state
from polyome.audit.findings import Finding
from polyome.audit.groups import group_findings
from polyome.configured import Configured
from polyome.genome.distil import distil
from polyome.labels import counted_labels, warn_of_labels
from polyome.modalities.base import Records
from polyome.model_folder.checkpoints import Checkpoints
from polyome.options import fit_arguments, in_words, not_default, paths, reading_options, short
from polyome.outputs.prediction import Prediction
from polyome.outputs.targets import Targets
from polyome.predict.evaluate import Evaluation, evaluate, fit_baselines
from polyome.predict.predict import PredictArguments, predict
from polyome.predict.rows import mark_of
from polyome.splits import Split
from polyome.tasks.parts import counted, split_records
from polyome.train.fit import fit_model
from polyome.train.uninformative import uninformative_findings


class Fitting(Configured):
    """A task's ``fit``, and what it leaves.

    Attributes
    ----------
    fitted_ : the fitted model and what belongs to it.
    curves_ : loss by step of each member.
    findings_ : what the audit found.
    split_ : each record's part, by name.
    evaluation_, answers_, truth_, places_ : scores on the test part, and what they are of; None
        without one.
    scanner_ : the network for scanning genomes, where it was asked for.
    """

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
        """Fit on the training part, calibrate on validation rows, score on the test part.

        Parameters
        ----------
        source : what the modality reads: for cells an AnnData, an h5ad file or several.
        target : column with the truth; for values several, with commas between them or as a list.
            Rows where it is missing are left out.
        split : column with ``train``, ``test`` and perhaps ``validation`` (or ``val``,
            ``valid``, ``dev``).
        split_by : ``random`` (stratified), ``group`` or what else the task knows (sequences:
            ``chromosome``, ``homology``); the default is random, 20 % test.
        group : column of donors, batches or animals that stay on one side of every split; alone it
            means ``split_by="group"``.
        unlabelled : a label that means that there is none, or several with commas between them.
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
        self.task = self._checked_task(self.get_params())  # attributes may have been set
        reading = reading_options(self.task_class, options)
        self.task = self.task.for_source(source, reading)
        modality = self.task.build_modality()
        output = self.task.output_type
        arguments = fit_arguments(options, self.task_class)
        no_class = "" if output.is_one_class else "has no class of sequences to scan for"
        if scanner and (reason := no_class or modality.no_scanner):
            message = f"scanner=True: {self.task.name} {reason}."
            raise InputError(message)
        beside = [*columns_of(target), *(name for name in (split, group) if name is not None)]
        records = checked(self.task.read(source, reading, beside=beside))
        records, columns = self.task.with_targets(records, target)
        targets = self.task.targets(records.table, columns, unlabelled)
        shown = target if isinstance(target, str) else ",".join(target)
        targets.check(shown)
        parts, groups = split_records(
            self.task, records, targets, split=split, split_by=split_by, group=group
        )
        targets.check_enough(parts, shown)
        warn_of_labels(targets.counts, shown)
        classes = [counted_labels(targets.counts, shown)] if targets.counts else []
        for note in (*records.notes, *targets.notes, *classes, counted(parts), *parts.notes):
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
        uninformative = uninformative_findings(self.fitted_, shown)
        _warn(uninformative)
        self.findings_ += uninformative
        self._remember(records, targets, parts, split, unlabelled)
        self.fitted_.facts["source"] = in_words(source, len(records))
        self.fitted_.facts["inputs"] = paths(source)
        self.fitted_.facts["asked"] = not_default(
            {"split": split, "split_by": split_by, "group": group, "unlabelled": unlabelled},
            {key: short(value) for key, value in reading.items()},
            {key: getattr(arguments, key) for key in options},
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
            truth, output = targets.truth[parts.test], self.task.output_type
            scores = output.metrics(truth, found.outputs, self.fitted_.classes)
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
        training = np.sort(np.concatenate([parts.train, parts.validation]))
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
        self.answers_: Prediction | None = None
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


def columns_of(target: Any) -> list[str]:
    """The names that a target may be of: itself, and what stands between its commas.

    Examples
    --------
    >>> columns_of("liver, brain")
    ['liver, brain', 'liver', 'brain']
    """
    names = [target] if isinstance(target, str) else target if isinstance(target, list) else []
    whole = [name for name in names if isinstance(name, str)]
    return [*whole, *(part.strip() for name in whole if "," in name for part in name.split(","))]


def checked(records: Records) -> Records:
    """Records whose names tell them apart."""
    names = records.table.index
    if not names.is_unique:
        raise repeated_names(names)
    return records


def _warn(findings: Sequence[Finding]) -> None:
    for finding in findings:
        if finding.severity == "warning":
            warnings.warn(finding.message, PolyomeWarning, stacklevel=3)
