"""Verbs of data sets: data list, data get."""

from pathlib import Path
from typing import Annotated

import typer

from polyome._progress import say
from polyome.cli.options import (
    Device,
    Quiet,
    Seed,
    verb,
)


@verb
def data_list(seed: Seed = 0, device: Device = "auto", quiet: Quiet = False) -> None:
    """List the data sets that can be had by name."""
    del seed, device, quiet  # every command takes them
    from polyome.data.catalogue import CATALOGUE
    from polyome.data.download import where

    for name, entry in CATALOGUE.items():
        print(f"{name:<20} {entry.task:<10} target {entry.target:<12} {entry.description}")
        print(f"{'':<20} {where(entry)}")


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
