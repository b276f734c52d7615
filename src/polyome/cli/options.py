"""What all verbs of the command line share: options, and exit codes."""

import os
import sys
import warnings
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from polyome._errors import InputError, PolyomeWarning
from polyome._inputs import check_outputs, files_of_pipes
from polyome._progress import say

TaskName = Annotated[str, typer.Argument(metavar="TASK", help="Such as cell-type.")]
Inputs = Annotated[
    list[Path],
    typer.Argument(
        metavar="INPUT...",
        help="Cells: h5ad, zarr, h5mu, loom, 10x, tables. DNA: csv, fasta, bed, gtf.",
    ),
]
ModelDir = Annotated[
    Path, typer.Argument(metavar="MODEL_DIR", help="Folder that fit wrote, or hf://OWNER/NAME.")
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Any setting; an unknown key lists the known."),
]
Config = Annotated[Path | None, typer.Option(help="Settings from a .toml, .json or .yaml file.")]
Target = Annotated[
    str, typer.Option(help="Column with the truth; values and labels: several, a,b.")
]
SplitColumn = Annotated[
    str | None, typer.Option(help="Column with train, test and perhaps validation.")
]
Genome = Annotated[Path | None, typer.Option(help="FASTA that BED intervals are cut from.")]
Measured = Annotated[
    str | None,
    typer.Option("--inputs", help="Measurements: NAME or NAME=MODALITY, with commas: rna,protein."),
]
WindowBp = Annotated[
    int | None,
    typer.Option(help="Read so many bp around each interval (BED) or start (GTF)."),
]
Center = Annotated[
    str | None, typer.Option(help="Middle of --window-bp: middle, or summit (narrowPeak).")
]
Labels = Annotated[
    Path | None, typer.Option(help="Table with ids and labels beside a FASTA or cells.")
]
SequenceColumn = Annotated[str | None, typer.Option(help="Column with sequences.")]
_SEED = typer.Option(help="Random seed.")
_DEVICE = typer.Option(help="auto, cpu, cuda or mps.")
Seed = Annotated[int, _SEED]
Device = Annotated[str, _DEVICE]
OptionalSeed = Annotated[int | None, _SEED]
OptionalDevice = Annotated[str | None, _DEVICE]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress, no messages.")]


def verb(command: Callable[..., None]) -> Callable[..., None]:
    """Turn exceptions into exit codes: 2 for wrong input or options, 1 for work that failed."""

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        try:
            _check_common(options.get("device") or "auto", options.get("seed") or 0)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                warnings.simplefilter("always", PolyomeWarning)
                warnings.showwarning = _show_warning(quiet=bool(options.get("quiet")))
                check_outputs(options)
                with files_of_pipes(options) as readable:
                    command(*arguments, **readable)
        except InputError as error:
            print(f"polyome: {error}", file=sys.stderr)
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            print("polyome: interrupted; no output was written.", file=sys.stderr)
            raise typer.Exit(1) from None
        except BrokenPipeError:  # who reads the output, such as head, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except Exception as error:  # noqa: BLE001 - the last line of defence
            print(f"polyome: failed: {type(error).__name__}: {error}", file=sys.stderr)
            raise typer.Exit(1) from None

    return run


def _check_common(device: str, seed: int) -> None:
    if not 0 <= seed < 2**32:
        message = f"--seed {seed}: a whole number from 0 to {2**32 - 1} is needed."
        raise InputError(message)
    known = ("auto", "cpu", "cuda", "mps")
    if device not in known:
        message = f"--device {device} is none of {', '.join(known)}."
        raise InputError(message)


def _show_warning(*, quiet: bool) -> Callable[..., None]:
    def show(message: Warning | str, *_: object, **__: object) -> None:
        say(f"warning: {message}", quiet=quiet)

    return show
