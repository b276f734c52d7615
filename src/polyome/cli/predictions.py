"""Verbs that read records with a model: evaluate, predict, annotate, embed, explain."""

from pathlib import Path
from typing import Annotated

import typer

from polyome._progress import say
from polyome.cli.loading import loaded, reading_options, say_notes
from polyome.cli.options import (
    Center,
    Device,
    Genome,
    Inputs,
    Labels,
    ModelDir,
    OptionalDevice,
    OptionalSeed,
    Quiet,
    Seed,
    SequenceColumn,
    Set,
    Target,
    WindowBp,
    verb,
)


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
    reading = reading_options(genome, labels, sequence_column, window_bp, center)
    model, options = loaded(model_dir, set_, reading, seed=seed, device=device, quiet=quiet)
    result = model.evaluate(list(inputs), target, part=part, **options)
    say_notes(result.notes, quiet=quiet)
    if json is not None:
        write_json(result.as_dict(), json)
    print(result)


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

    reading = reading_options(genome, labels, sequence_column, window_bp, center)
    model, options = loaded(model_dir, set_, reading, seed=seed, device=device, quiet=quiet)
    check_format(out, model.fitted_.modality.answer_formats, inputs)
    records, answers = model.answer(list(inputs), **options)
    say_notes(answers.notes, quiet=quiet)
    write_answers(model.fitted_.modality, records, answers, out)
    say(f"wrote {out}", quiet=quiet)


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
    say_notes(answers.notes, quiet=quiet)
    print(model.evaluation_)
    say(f"wrote {out}", quiet=quiet)


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

    reading = reading_options(genome, labels, sequence_column, window_bp, center)
    model, options = loaded(model_dir, set_, reading, seed=seed, device=device, quiet=quiet)
    check_format(out, embedding_formats(model.fitted_.modality), inputs)
    records, answers = model.answer(list(inputs), **options)
    say_notes(answers.notes, quiet=quiet)
    write_embedding(model.fitted_.modality, records, answers, out)
    say(f"wrote {out}", quiet=quiet)


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
    reading = reading_options(genome, labels, sequence_column, window_bp, center)
    checked = parsing.explain_settings
    model, options = loaded(
        model_dir, set_, reading, seed=seed, device=device, quiet=quiet, checked=checked
    )
    why = model.explain(list(inputs), **options)
    why.save(out)
    say(f"wrote {out}", quiet=quiet)
