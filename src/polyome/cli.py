"""The command line: verbs only. Heavy imports wait until a verb runs."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from polyome import __version__
from polyome._progress import say
from polyome._verbs import (
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

app = typer.Typer(
    name="polyome",
    help="Train, run and explain transformers on DNA, cells and tissue.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
data_app = typer.Typer(help="Data sets by name.", no_args_is_help=True)
app.add_typer(data_app, name="data")


@app.command()
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
    reading = _reading(genome, labels, sequence_column, window_bp, center)
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


@app.command()
@verb
def evaluate(
    model_dir: ModelDir,
    inputs: Inputs,
    target: Annotated[str | None, typer.Option(help="Default: the one that was fitted.")] = None,
    part: Annotated[str | None, typer.Option(help="train, test or all.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write the scores here.")] = None,
    genome: Genome = None,
    window_bp: WindowBp = None,
    center: Center = None,
    labels: Labels = None,
    sequence_column: SequenceColumn = None,
    set_: Set = None,
    seed: Seed = 0,
    device: Device = "auto",
    quiet: Quiet = False,
) -> None:
    """Score a model on records whose truth is known, beside baselines."""
    from polyome.io.files import check_writable, write_json

    if json is not None:
        check_writable(json, inputs)
    reading = _reading(genome, labels, sequence_column, window_bp, center)
    model, options = _loaded(model_dir, set_, reading, seed=seed, device=device, quiet=quiet)
    result = model.evaluate(list(inputs), target, part=part, **options)
    _notes(result.notes, quiet=quiet)
    if json is not None:
        write_json(result.as_dict(), json)
    print(result)


@app.command()
@verb
def predict(
    model_dir: ModelDir,
    inputs: Inputs,
    out: Annotated[
        Path, typer.Option(help="File to write: .csv; of cells .h5ad or .zarr; of sequences .bed.")
    ],
    genome: Genome = None,
    window_bp: WindowBp = None,
    center: Center = None,
    labels: Labels = None,
    sequence_column: SequenceColumn = None,
    set_: Set = None,
    seed: Seed = 0,
    device: Device = "auto",
    quiet: Quiet = False,
) -> None:
    """Predict labels or values of new records; h5ad and zarr have representations too."""
    from polyome.predict.embed import check_format, write_answers

    reading = _reading(genome, labels, sequence_column, window_bp, center)
    model, options = _loaded(model_dir, set_, reading, seed=seed, device=device, quiet=quiet)
    check_format(out, model.fitted_.modality.answer_formats, inputs)
    records, answers = model.answer(list(inputs), **options)
    _notes(answers.notes, quiet=quiet)
    write_answers(model.fitted_.modality, records, answers, out)
    say(f"wrote {out}", quiet=quiet)


@app.command()
@verb
def annotate(
    reference: Annotated[
        Path, typer.Argument(metavar="REFERENCE", help="Cells with labels, such as h5ad.")
    ],
    inputs: Inputs,
    target: Target,
    out: Annotated[Path, typer.Option(help="File to write: .csv, .h5ad or .zarr.")],
    set_: Set = None,
    seed: OptionalSeed = None,
    device: OptionalDevice = None,
    quiet: Quiet = False,
) -> None:
    """Label cells, such as a section's, from an annotated reference, by the genes both share."""
    from polyome import parsing
    from polyome.predict.embed import check_format, write_answers
    from polyome.reference import answer_from

    chosen, answering = parsing.annotate_settings(parsing.gathered(None, set_))
    check_format(out, (".csv", ".h5ad", ".zarr"), [reference, *inputs])
    settings = chosen.task | parsing.flags(seed, device, quiet=quiet)
    model, records, answers = answer_from(
        reference, list(inputs), target, fit=chosen.fit, predict=answering, settings=settings
    )
    write_answers(model.fitted_.modality, records, answers, out)
    _notes(answers.notes, quiet=quiet)
    print(model.evaluation_)
    say(f"wrote {out}", quiet=quiet)


@app.command()
@verb
def embed(
    model_dir: ModelDir,
    inputs: Inputs,
    out: Annotated[Path, typer.Option(help="File to write: .csv, .npy, .h5ad or .zarr.")],
    genome: Genome = None,
    window_bp: WindowBp = None,
    center: Center = None,
    labels: Labels = None,
    sequence_column: SequenceColumn = None,
    set_: Set = None,
    seed: Seed = 0,
    device: Device = "auto",
    quiet: Quiet = False,
) -> None:
    """Write each record's representation."""
    from polyome.predict.embed import check_format, embedding_formats, write_embedding

    reading = _reading(genome, labels, sequence_column, window_bp, center)
    model, options = _loaded(model_dir, set_, reading, seed=seed, device=device, quiet=quiet)
    check_format(out, embedding_formats(model.fitted_.modality), inputs)
    records, answers = model.answer(list(inputs), **options)
    _notes(answers.notes, quiet=quiet)
    write_embedding(model.fitted_.modality, records, answers, out)
    say(f"wrote {out}", quiet=quiet)


@app.command()
@verb
def explain(
    model_dir: ModelDir,
    inputs: Inputs,
    out: Annotated[Path, typer.Option(help="Folder to write tables and pictures to.")],
    genome: Genome = None,
    window_bp: WindowBp = None,
    center: Center = None,
    labels: Labels = None,
    sequence_column: SequenceColumn = None,
    set_: Set = None,
    seed: Seed = 0,
    device: Device = "auto",
    quiet: Quiet = False,
) -> None:
    """Say which bases, genes or neighbours made the answers: tables, pictures, tracks."""
    from polyome import parsing
    from polyome.explain.base import INDEX, own_names
    from polyome.io.files import check_new_folder

    check_new_folder(out, replaces=INDEX, own=own_names)
    reading = _reading(genome, labels, sequence_column, window_bp, center)
    checked = parsing.explain_settings
    model, options = _loaded(
        model_dir, set_, reading, seed=seed, device=device, quiet=quiet, checked=checked
    )
    why = model.explain(list(inputs), **options)
    why.save(out)
    say(f"wrote {out}", quiet=quiet)


@app.command()
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
    reading = _reading(genome, labels, sequence_column, window_bp, center)
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


@app.command()
@verb
def scan(
    model_dir: ModelDir,
    genome: Annotated[Path, typer.Argument(metavar="GENOME.fa", help="FASTA, plain or gzip.")],
    out: Annotated[Path, typer.Option(help="File of hits to write: .bed or .bed.gz.")],
    bigwig: Annotated[Path | None, typer.Option(help="Track to write: .bw.")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where an interrupted scan to --out stopped.")
    ] = False,
    set_: Set = None,
    seed: Seed = 0,
    device: Device = "auto",
    quiet: Quiet = False,
) -> None:
    """Find a class of sequences on both strands of a genome."""
    del seed  # nothing is drawn
    from polyome import parsing
    from polyome.genome.scan import ScanArguments, scan_model
    from polyome.genome.scan import scan as run_scan

    given = parsing.gathered(None, set_)
    trusted = parsing.consent_taken(given)
    arguments = ScanArguments(**parsing.checked_settings(ScanArguments, given))
    fitted = scan_model(model_dir, arguments, device=device, quiet=quiet, trust_remote_code=trusted)
    found = run_scan(fitted, genome, out, arguments, bigwig=bigwig, resume=resume, quiet=quiet)
    say(
        f"wrote {out}: {len(found.hits):,} hits"
        + "; their score is their rank, 1000 the first" * bool(len(found.hits)),
        quiet=quiet,
    )


@app.command()
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


@app.command()
@verb
def variants(
    model_dir: ModelDir,
    vcf: Annotated[Path, typer.Argument(metavar="VARIANTS.vcf", help="Plain, gzip or bgzip.")],
    genome: Annotated[Path, typer.Option(help="FASTA that the variants are of.")],
    out: Annotated[Path, typer.Option(help="File to write: .vcf or .vcf.gz (bgzip).")],
    windows: Annotated[
        Path | None, typer.Option(help="BED of the stretches to read, such as start sites.")
    ] = None,
    set_: Set = None,
    seed: Seed = 0,
    device: Device = "auto",
    quiet: Quiet = False,
) -> None:
    """Say what each variant does to a model's answers, in INFO fields."""
    del seed  # nothing is drawn
    from polyome import parsing
    from polyome.estimator import load
    from polyome.genome.variants import VariantArguments, score_variants

    given = parsing.gathered(None, set_)
    trusted = parsing.consent_taken(given)
    arguments = VariantArguments(**parsing.checked_settings(VariantArguments, given))
    model = load(model_dir, device=device, quiet=quiet, trust_remote_code=trusted)
    result = score_variants(
        model.fitted_, vcf, genome, out, windows=windows, arguments=arguments, quiet=quiet
    )
    _notes(result.notes, quiet=quiet)
    say(f"wrote {out}", quiet=quiet)


@data_app.command("list")
@verb
def data_list(seed: Seed = 0, device: Device = "auto", quiet: Quiet = False) -> None:
    """List the data sets that can be had by name."""
    del seed, device, quiet  # every command takes them
    from polyome.data.catalogue import CATALOGUE
    from polyome.data.download import where

    for name, entry in CATALOGUE.items():
        print(f"{name:<20} {entry.task:<10} target {entry.target:<12} {entry.description}")
        print(f"{'':<20} {where(entry)}")


@data_app.command("get")
@verb
def data_get(
    name: Annotated[str, typer.Argument(help="As 'polyome data list' shows it.")],
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path(),
    seed: Seed = 0,
    device: Device = "auto",
    quiet: Quiet = False,
) -> None:
    """Write a data set into a folder."""
    del seed, device  # every command takes them
    from polyome.data.download import get

    path = get(name, out)
    say(f"wrote {path}", quiet=quiet)


@app.command()
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


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True)
    ] = False,
) -> None:
    """Train, run and explain transformers on DNA, cells and tissue."""
    if show:
        print(f"polyome {__version__}")
        raise typer.Exit


def _reading(
    genome: Path | None,
    labels: Path | None,
    sequence_column: str | None,
    window_bp: int | None,
    center: str | None,
) -> dict[str, Any]:
    """Options that say how files are read, by name."""
    return {
        "genome": genome,
        "labels": labels,
        "sequence_column": sequence_column,
        "window_bp": window_bp,
        "center": center,
    }


def _loaded(
    model_dir: Path,
    set_: list[str] | None,
    reading: dict[str, Any],
    *,
    seed: int,
    device: str,
    quiet: bool,
    checked: Callable[..., dict[str, Any]] | None = None,
) -> tuple[Any, dict[str, Any]]:
    """Read the model, and its settings, by default those of reading and prediction."""
    from polyome import parsing
    from polyome.estimator import load

    given = parsing.gathered(None, set_)
    trusted = parsing.consent_taken(given)
    model = load(model_dir, device=device, quiet=quiet, trust_remote_code=trusted)
    model.task.seed = model.fitted_.task.seed = seed
    given |= parsing.reading_settings(model.task_class, reading)
    return model, (checked or parsing.predict_settings)(model, given)


def _notes(notes: Any, *, quiet: bool) -> None:
    for note in notes:
        say(note, quiet=quiet)


def main() -> None:
    """Entry point of the command ``polyome``."""
    app()
