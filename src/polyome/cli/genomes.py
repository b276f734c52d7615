"""Verbs of genomes: scan, variants."""

from pathlib import Path
from typing import Annotated

import typer

from polyome._progress import say
from polyome.cli.loading import say_notes
from polyome.cli.options import (
    Device,
    ModelDir,
    Quiet,
    Seed,
    Set,
    verb,
)


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
    say_notes(result.notes, quiet=quiet)
    say(f"wrote {out}", quiet=quiet)
