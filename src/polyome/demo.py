"""Every task end to end on built-in data."""

from pathlib import Path

from polyome._progress import say
from polyome.estimator import estimator_class
from polyome.io.files import check_new_folder
from polyome.model_folder.fitted_model import SUMMARY
from polyome.predict.record import own_names
from polyome.report.html import report
from polyome.tasks import TASKS


def run_demo(tasks: list[str] | None, out: Path, *, seed: int, device: str, quiet: bool) -> str:
    """Fit every task (or those named) on built-in data and write reports; return a table."""
    shown = []
    for name in tasks or TASKS:
        estimator_class(name)
        check_new_folder(out / name, replaces=SUMMARY, own=own_names)
    for name in tasks or TASKS:
        example = TASKS[name].demo()
        common = {"seed": seed, "device": device, "quiet": quiet}
        model = estimator_class(name)(**common | example.settings)
        say(f"{name}: {example.description}", quiet=quiet)
        model.fit(example.source, example.target, split_by=example.split_by)
        model.fitted_.facts |= {
            "source": example.description,
            "command": f"polyome demo {name} --seed {seed} --out {out}",
        }
        model.save_pretrained(out / name)
        page = report(out / name, seed=seed, quiet=quiet)
        shown.append(
            f"{example.description}\n{model.evaluation_}\n"
            f"model folder: {out / name}\nreport: {page}"
        )
    return "\n\n".join(shown)
