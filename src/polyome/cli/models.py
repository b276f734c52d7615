"""Verbs of whole models: fit, audit, report, demo."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from polyome._progress import say
from polyome.cli.loading import reading_options
from polyome.cli.options import (
    Center,
    Config,
    Device,
    Genome,
    Inputs,
    Labels,
    Measured,
    ModelDir,
    OptionalDevice,
    OptionalSeed,
    Quiet,
    Seed,
    SequenceColumn,
    Set,
    SplitColumn,
    Target,
    TaskName,
    WindowBp,
    verb,
)


@verb
def fit(
    task: TaskName,
    inputs: Inputs,
    target: Target,
    out: Annotated[Path, typer.Option(help="Folder to write the model to.")],
    config: Config = None,
    set_: Set = None,
    split: SplitColumn = None,
    split_by: Annotated[
        str | None,
        typer.Option(
            help="random, group; DNA: chromosome, homology; expression: also blocks; "
            "tissue: blocks, section."
        ),
    ] = None,
    group: Annotated[str | None, typer.Option(help="Column of donors, batches, animals.")] = None,
    measured: Measured = None,
    genome: Genome = None,
    window_bp: WindowBp = None,
    center: Center = None,
    labels: Labels = None,
    sequence_column: SequenceColumn = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where an interrupted fit to --out stopped.")
    ] = False,
    seed: OptionalSeed = None,
    device: OptionalDevice = None,
    quiet: Quiet = False,
) -> None:
    """Fit a model, calibrate it, score it on the test part, write it to a folder."""
    from polyome import parsing
    from polyome.estimator import estimator_class
    from polyome.io.files import check_new_folder
    from polyome.model_folder.fitted_model import SUMMARY
    from polyome.predict.record import own_names

    check_new_folder(out, replaces=SUMMARY, own=own_names)
    model_class = estimator_class(task)
    reading = reading_options(genome, labels, sequence_column, window_bp, center)
    given = parsing.gathered(config, set_)
    given |= parsing.reading_settings(model_class.task_class, reading)
    given |= {} if measured is None else {"inputs": measured}
    chosen = parsing.fit_settings(model_class.task_class, given)
    model = model_class(**chosen.task | parsing.flags(seed, device, quiet=quiet))
    unfinished = out.with_name(f".{out.name}.unfinished")
    model.fit(
        list(inputs),
        target,
        split=split,
        split_by=split_by,
        group=group,
        checkpoints=unfinished,
        resume=resume,
        **chosen.fit,
    )
    model.save_pretrained(out)
    shutil.rmtree(unfinished, ignore_errors=True)
    if model.evaluation_ is not None:
        print(model.evaluation_)
    say(f"wrote {out}", quiet=quiet)


@verb
def audit(
    task: TaskName,
    inputs: Inputs,
    target: Target,
    split: SplitColumn = None,
    measured: Measured = None,
    genome: Genome = None,
    window_bp: WindowBp = None,
    center: Center = None,
    labels: Labels = None,
    sequence_column: SequenceColumn = None,
    json: Annotated[Path | None, typer.Option(help="Write the findings here.")] = None,
    set_: Set = None,
    seed: OptionalSeed = None,
    device: OptionalDevice = None,
    quiet: Quiet = False,
) -> None:
    """Look for what makes scores on a data set misleading."""
    from dataclasses import asdict

    from polyome import estimator, parsing
    from polyome.io.files import check_writable, write_json

    if json is not None:
        check_writable(json, inputs)
    model_class = estimator.estimator_class(task)
    reading = reading_options(genome, labels, sequence_column, window_bp, center)
    given = parsing.gathered(None, set_)
    given |= parsing.reading_settings(model_class.task_class, reading)
    given |= {} if measured is None else {"inputs": measured}
    chosen = parsing.fit_settings(model_class.task_class, given)
    unlabelled = chosen.fit.pop("unlabelled", None)
    findings = estimator.audit(
        task,
        list(inputs),
        target,
        split=split,
        unlabelled=unlabelled,
        **chosen.task | chosen.fit | parsing.flags(seed, device, quiet=quiet),
    )
    if json is not None:
        write_json({"task": task, "findings": [asdict(finding) for finding in findings]}, json)
    for finding in findings:
        print(f"{finding.severity}: {finding.message}")
    if not findings:
        print("The audit found nothing to warn of.")


@verb
def report(
    model_dir: ModelDir,
    out: Annotated[
        Path | None, typer.Option(help="File to write: .html. Default: report.html inside it.")
    ] = None,
    set_: Set = None,
    seed: Seed = 0,
    device: Device = "auto",
    quiet: Quiet = False,
) -> None:
    """Show all that is known of a model in one HTML file that needs no network."""
    del device  # nothing runs on one
    from polyome import parsing
    from polyome.report.html import ReportArguments
    from polyome.report.html import report as write_report

    chosen = parsing.checked_settings(ReportArguments, parsing.gathered(None, set_))
    path = write_report(model_dir, out, seed=seed, quiet=quiet, **chosen)
    say(f"wrote {path}", quiet=quiet)


@verb
def demo(
    tasks: Annotated[list[str] | None, typer.Argument(metavar="[TASK ...]")] = None,
    out: Annotated[Path, typer.Option(help="Folder to write the models to.")] = Path("demo"),
    seed: Seed = 0,
    device: Device = "auto",
    quiet: Quiet = False,
) -> None:
    """Run every task end to end on built-in data and print a table."""
    from polyome.demo import run_demo

    print(run_demo(tasks, out, seed=seed, device=device, quiet=quiet))
