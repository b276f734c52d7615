"""One HTML file that shows all that is known of a model: no network, opens from disk."""

from dataclasses import dataclass
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from polyome._errors import InputError
from polyome._progress import say
from polyome._version import __version__
from polyome.io.files import check_writable, written_aside
from polyome.report import contents, reproduce, verdict
from polyome.report.card import card_html
from polyome.report.explanations import read_explanations
from polyome.report.figure import as_svg
from polyome.report.plots import training
from polyome.report.record import ModelRecord
from polyome.settings import Natural, Settings

NEEDED = ("jinja2", "matplotlib", "umap", "markdown_it")
DEFAULT_NAME = "report.html"


@dataclass(frozen=True)
class ReportArguments(Settings):
    """What a report may be told.

    Parameters
    ----------
    umap_records : records in the UMAP at most; of more, so many are drawn at random.
    map_records : records in the maps of tissue and in scatters at most.
    """

    umap_records: Natural = 10_000
    map_records: Natural = 20_000


def report(
    model_dir: str | Path,
    out: str | Path | None = None,
    *,
    seed: int = 0,
    quiet: bool = False,
    umap_records: int = ReportArguments.umap_records,
    map_records: int = ReportArguments.map_records,
) -> Path:
    """Write one self-contained HTML file about a fitted model.

    Parameters
    ----------
    model_dir : the folder that ``fit`` or ``save_pretrained`` wrote.
    out : file to write; None is ``report.html`` in the model folder.
    seed : of the UMAP, and of the draw where there are many records.
    quiet : no messages.
    umap_records, map_records : records that are drawn at most.

    Returns
    -------
    Path of the file.

    Examples
    --------
    >>> report("no such folder")
    Traceback (most recent call last):
    polyome._errors.InputError: no such folder does not exist; the folder that ...
    """
    check_extra()
    record = ModelRecord.read(model_dir)
    path = Path(model_dir) / DEFAULT_NAME if out is None else Path(out)
    if path.suffix.lower() not in (".html", ".htm"):
        message = f"{path}: a report is HTML; name a file that ends in .html."
        raise InputError(message)
    check_writable(path)
    say(f"report: drawing the figures of {model_dir}", quiet=quiet)
    arguments = ReportArguments(umap_records, map_records)
    page = render(record, arguments, seed=seed)
    with written_aside(path) as aside:
        aside.write_text(page, encoding="utf-8")
    return path


def check_extra() -> None:
    """Name the extra where a package that a report needs is missing."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        message = f"a report needs {', '.join(missing)}: pip install 'polyome[report]'."
        raise InputError(message)


def render(record: ModelRecord, arguments: ReportArguments, *, seed: int) -> str:
    """Return the page."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("polyome.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates = resources.files("polyome.report") / "templates"
    sections = contents.figure_sections(
        record,
        seed=seed,
        umap_records=arguments.umap_records,
        map_records=arguments.map_records,
    )
    explained, notes = read_explanations(record.folder)
    return environment.get_template("report.html.j2").render(
        record=record,
        facts=record.facts,
        version=__version__,
        style=Markup((templates / "report.css").read_text()),  # our own
        program=Markup((templates / "report.js").read_text()),  # our own
        verdict=verdict.verdict(record),
        losses=verdict.losses(record),
        meaning=verdict.MEANING,
        readable=training.readable,
        table=verdict.score_table(record) if record.scores else None,
        scores_figure=_scores_figure(record),
        numbers=_numbers(record),
        command=reproduce.command(record),
        python=reproduce.python(record),
        sections=list(sections),
        explained=explained,
        explained_notes=notes,
        card=card_html(record.card),
    )


def _scores_figure(record: ModelRecord) -> Any:
    """The first metric beside the baselines', where there is one."""
    if not record.shown_metrics:
        return None
    rows = len(training.rows_of_scores(record))
    return as_svg(
        lambda ax: training.scores(record, ax=ax), 5.0, 0.9 + 0.34 * rows,
        name="scores", says=f"{record.shown_metrics[0]} of the model and of the baselines.",
    )  # fmt: skip


def _numbers(record: ModelRecord) -> list[tuple[str, str, str]]:
    """The numbers at the head of the page: value, name, and what stands below it."""
    rows = record.facts["rows"]
    found = []
    for name in record.shown_metrics[:2]:
        low, high = record.scores.get("intervals", {}).get(name) or (None, None)
        below = "" if low is None else f"95 % interval {low:.3f} to {high:.3f}"
        value = record.scores["metrics"][name]
        found.append((f"{value:.3f}", training.readable(name), below))
    found.append((f"{rows['train']:,}", "training records", ""))
    found.append((f"{rows['test']:,}", "test records", "never seen while fitting"))
    return found
