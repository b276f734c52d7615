"""What tasks over several inputs share: which there are, cheap features of each, findings."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from polyome._errors import InputError, listed
from polyome._types import FloatArray
from polyome.io.measurements import usual_modality
from polyome.modalities import MODALITIES, Modality
from polyome.modalities.input_records import InputRecords
from polyome.modalities.inputs import Inputs
from polyome.tasks.base import Task


@dataclass(frozen=True)
class InputSpec:
    """What was said of an input.

    Attributes
    ----------
    modality : name of the modality that reads it.
    columns : of a table the columns or patterns that are its own; empty: by their names.
    """

    modality: str
    columns: tuple[str, ...] = ()


def input_specs(
    inputs: str | Mapping[str, Any],
    usual: str | None = None,
    instead: Mapping[str, str] | None = None,
) -> dict[str, InputSpec]:
    """What was said of each input, by its name.

    Parameters
    ----------
    inputs : ``NAME`` or ``NAME=MODALITY``, with commas between them; or a mapping, as a file of
        settings has it: name to modality, or to ``columns`` and perhaps ``modality``.
    usual : modality of names that say none; None: there must be one.
    instead : what this task reads in place of a name's usual modality, such as cells as tissue.

    Raises
    ------
    InputError
        A name repeats, says nothing of its modality, or names one that does not exist.

    Examples
    --------
    >>> {name: spec.modality for name, spec in input_specs("rna, surface=protein").items()}
    {'rna': 'cell', 'surface': 'protein'}
    >>> input_specs({"blood": {"columns": "lab_*"}}, usual="features")["blood"]
    InputSpec(modality='features', columns=('lab_*',))
    """
    found: dict[str, InputSpec] = {}
    for name, kind, columns in _said(inputs):
        by_name = usual_modality(name) or usual
        chosen = kind or (by_name and (instead or {}).get(by_name, by_name))
        if not name or name in found:
            message = f"--inputs {_shown(inputs)}: each input needs a name of its own."
            raise InputError(message)
        own_ones = set((instead or {}).values())
        usable = [k for k, own in MODALITIES.items() if own.can_be_input or k in own_ones]
        if chosen is None or chosen not in usable:
            what = f"'{kind}' is no modality of an input" if kind else f"'{name}' says no modality"
            message = (
                f"--inputs {_shown(inputs)}: {what}. Write {name}=MODALITY with one of "
                f"{listed(usable)}."
            )
            raise InputError(message)
        found[name] = InputSpec(chosen, columns)
    return found


def _said(inputs: str | Mapping[str, Any]) -> list[tuple[str, str, tuple[str, ...]]]:
    """Name, modality (empty: not said) and columns of each input."""
    if isinstance(inputs, str):
        pairs = (entry.partition("=") for entry in inputs.split(","))
        return [(name.strip(), kind.strip(), ()) for name, _, kind in pairs]
    found = []
    for name, said in inputs.items():
        entry = {"modality": said} if isinstance(said, str | None) else said
        columns = entry.get("columns", ()) if isinstance(entry, dict) else None
        columns = [columns] if isinstance(columns, str) else columns
        are_known = isinstance(entry, dict) and set(entry) <= {"modality", "columns"}
        if not are_known or not isinstance(columns, list | tuple):
            message = (
                f"inputs: '{name}' is {said!r:.60}; a modality is needed, or columns: [...] and "
                "perhaps modality: NAME."
            )
            raise InputError(message)
        found.append((str(name), entry.get("modality") or "", tuple(map(str, columns))))
    return found


def _shown(inputs: str | Mapping[str, Any]) -> str:
    return inputs if isinstance(inputs, str) else ",".join(map(str, inputs))


def build_inputs(
    specs: Mapping[str, InputSpec],
    normalisations: str | None,
    own: Mapping[str, Callable[[], Modality]],
) -> Inputs:
    """Make the modalities of several inputs, not yet fitted.

    Parameters
    ----------
    specs : see :func:`input_specs`.
    normalisations : ``NAME=NORMALISATION`` with commas between them; None: the usual ones.
    own : by modality, what makes it where a task has settings for it.

    Raises
    ------
    InputError
        A normalisation names no input, or none that its modality has.

    Examples
    --------
    >>> made = build_inputs(input_specs("prot,met"), "prot=log1p", {})
    >>> made.members["prot"].normalisation, made.members["met"].normalisation
    ('log1p', 'beta')
    """
    chosen: dict[str, str] = {}
    for entry in (normalisations or "").split(","):
        name, _, how = (part.strip() for part in entry.partition("="))
        if not entry.strip():
            continue
        kind = MODALITIES[specs[name].modality] if name in specs else None
        usual = getattr(kind, "normalisations", ())
        if how not in usual:
            what = f"the input '{name}' may be {listed(usual)}" if usual else f"'{name}' has none"
            message = f"normalisations={normalisations}: {what}. Write NAME=NORMALISATION."
            raise InputError(message)
        chosen[name] = how
    members: dict[str, Modality] = {}
    for name, spec in specs.items():
        made: Any = own.get(spec.modality, MODALITIES[spec.modality])
        members[name] = made(chosen[name]) if name in chosen else made()
    return Inputs(members, columns={name: spec.columns for name, spec in specs.items()})


@dataclass(kw_only=True)
class InputsTask(Task):
    """A task whose records may have several inputs.

    Parameters
    ----------
    inputs : measurements of one record, ``NAME`` or ``NAME=MODALITY`` with commas between them,
        such as ``rna,protein``; records may lack some of them.
    normalisations : ``NAME=NORMALISATION`` with commas between them, such as ``prot=log1p``; None:
        the usual one of each input's modality.
    """

    inputs: str | dict[str, Any] | None = None
    normalisations: str | None = None

    usual_inputs: ClassVar[str | None] = None
    """What :attr:`inputs` is where nobody says it; None: records of the task's modality alone."""
    usual_modality: ClassVar[str | None] = None
    """Modality of inputs whose name says none; None: it has to be said."""
    instead: ClassVar[dict[str, str]] = {}
    """By usual modality of a name, what this task reads instead."""

    def input_specs(self) -> dict[str, InputSpec]:
        """The inputs that were named, or the usual ones; none for the task's modality alone."""
        named = self.inputs or self.usual_inputs
        return {} if named is None else input_specs(named, self.usual_modality, self.instead)

    def own_modalities(self, num_classes: int) -> dict[str, Callable[[], Modality]]:
        """By modality, what makes it with this task's settings; by default none."""
        del num_classes
        return {}

    def modality_class(self) -> type[Modality]:
        """Several inputs, or the task's modality."""
        return Inputs if self.inputs or self.usual_inputs else MODALITIES[self.modality]

    def build_modality(self, num_classes: int = 0) -> Modality:
        """Inputs as they were named, each read as this task was told."""
        specs, own = self.input_specs(), self.own_modalities(num_classes)
        return build_inputs(specs, self.normalisations, own) if specs else own[self.modality]()

    def modalities(self) -> dict[str, Modality]:
        """By input what reads it, not fitted; empty for the task's modality alone."""
        modality = self.build_modality()
        return modality.members if isinstance(modality, Inputs) else {}

    def read(self, source: Any, reading: dict[str, Any], *, beside: Sequence[str] = ()) -> Any:
        """Read a source; columns of a table that stand ``beside`` the measurements are none."""
        modality = self.build_modality()
        if isinstance(modality, Inputs):
            return modality.read(source, left_out=beside, **reading)
        return modality.read(source, **reading)

    def features(self, modality: Modality, records: Any) -> FloatArray:
        """Z-scores of all inputs side by side, float32 (n, f)."""
        if isinstance(modality, Inputs):
            return np.concatenate([*input_features(modality, records).values()], axis=1)
        return super().features(modality, records)

    def kept_features(self, modality: Modality, records: Any) -> dict[str, FloatArray]:
        """Of several inputs each one's too, so that what each adds is seen."""
        if not isinstance(modality, Inputs):
            return super().kept_features(modality, records)
        linear = self.output_type.linear
        kept = {linear: self.features(modality, records)}
        if len(modality.members) > 1:
            found = input_features(modality, records)
            kept |= {f"{linear}_{name}": x for name, x in found.items()}
        return kept

    def joined_baselines(
        self, records: Any, answered: Mapping[str, FloatArray]
    ) -> dict[str, FloatArray]:
        """Late fusion: the mean of what the linear models say of the inputs that are there."""
        if not isinstance(records, InputRecords) or len(records.rows) < 2:
            return {}
        has = np.stack([records.has(name) for name in records.rows], axis=1)[..., None]
        single = [answered[f"{self.output_type.linear}_{name}"] for name in records.rows]
        total = np.where(has, np.stack(single, axis=1), 0).sum(axis=1)
        return {"late_fusion": total / has.sum(axis=1)}


def training_settings(
    n_rows: int, *, learning_rate: float, epochs: int, steps: int
) -> dict[str, Any]:
    """Training of any inputs: about so many steps an epoch, in batches of 16 to 256.

    Examples
    --------
    >>> training_settings(1000, learning_rate=1e-3, epochs=20, steps=15)["batch_size"]
    64
    """
    return {
        "learning_rate": learning_rate,
        "num_train_epochs": epochs,
        "warmup_ratio": 0.1,
        "ema_decay": 0.0,
        "early_stopping": True,
        "batch_size": int(2 ** np.clip(round(np.log2(n_rows / steps)), 4, 8)),
    }


def members_of_few(n_rows: int) -> int:
    """Networks for so many training rows: of few seven, so that each row is left aside by one.

    Examples
    --------
    >>> members_of_few(100), members_of_few(5000)
    (7, 3)
    """
    return 7 if n_rows < 500 else 5 if n_rows < 2000 else 3


def input_features(modality: Inputs, records: InputRecords) -> dict[str, FloatArray]:
    """By input what cheap models read, float32 (n, f); zeros, the mean, where a record lacks it."""
    found: dict[str, FloatArray] = {}
    for name, own in modality.members.items():
        has = records.has(name)
        part = records.part(name) if has.any() else None
        values = None if part is None else own.baseline_features(part)
        width = own.baseline_width() if values is None else values.shape[1]
        found[name] = np.zeros((len(records), width), np.float32)
        if values is not None:
            found[name][has] = values
    return found
