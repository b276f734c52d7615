"""The command line: verbs only, no logic. Heavy imports wait until a verb runs."""

from typing import Annotated

import typer

from polyome import __version__
from polyome.cli import data, genomes, models, predictions

VERBS = (
    models.fit,
    predictions.evaluate,
    predictions.predict,
    predictions.annotate,
    predictions.embed,
    predictions.explain,
    models.audit,
    genomes.scan,
    models.report,
    genomes.variants,
    models.demo,
)

app = typer.Typer(
    name="polyome",
    help="Train, run and explain transformers on DNA, cells and tissue.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for _verb in VERBS:
    app.command()(_verb)
_data = typer.Typer(help="Data sets by name.", no_args_is_help=True)
_data.command("list")(data.data_list)
_data.command("get")(data.data_get)
app.add_typer(_data, name="data")


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


def main() -> None:
    """Entry point of the command ``polyome``."""
    app()
