"""The report in a real browser: no error, no request, nothing that runs off a small screen."""

import json
import re
import shutil
import subprocess
import warnings
from html import unescape
from pathlib import Path

import pytest

import polyome
from polyome.estimator import estimator_class
from polyome.tasks import TASKS

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--enable-logging=stderr", "--v=0", "--virtual-time-budget=4000"),
)
TINY = {"hidden_size": 16, "num_hidden_layers": 1, "num_members": 1}
PROBE = """<script>
  const found = { refused: [], errors: [] };
  addEventListener("securitypolicyviolation", (e) => found.refused.push(e.blockedURI));
  addEventListener("error", (e) => found.errors.push(String(e.message)));
  addEventListener("load", () => setTimeout(() => {
    const page = document.documentElement, seen = (node) => node.getBoundingClientRect();
    const scrolls = (node) => node.closest(".scroll, pre, svg, .classes");
    found.width = innerWidth;
    found.scroll = page.scrollWidth;
    found.off = [...document.querySelectorAll("main *, header *, nav *")]
      .filter((n) => !scrolls(n) && seen(n).right > innerWidth + 1)
      .map((n) => n.outerHTML.slice(0, 80));
    found.requests = performance.getEntriesByType("resource").map((e) => e.name)
      .filter((name) => !name.startsWith("data:"));
    const box = document.querySelector(".scatter"), canvas = box.querySelector("canvas");
    found.drawn = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
      .data.some((v) => v > 0);
    const at = seen(canvas), tip = document.getElementById("tip");
    for (let x = at.left; x < at.right && tip.hidden; x += 4)
      for (let y = at.top; y < at.bottom && tip.hidden; y += 4)
        canvas.dispatchEvent(new PointerEvent("pointermove", { clientX: x, clientY: y }));
    found.tip = tip.textContent;
    const classes = () => [...box.querySelectorAll(".classes button")];
    if (classes().length) classes()[0].click();
    found.off_after_click = classes().filter((b) => b.className === "off").length;
    [...box.querySelectorAll(".bar button")].find((b) => b.textContent === "confidence")?.click();
    found.ramp = box.querySelectorAll(".ramp").length;
    parent.postMessage(JSON.stringify(found), "*");
  }, 300));
</script>"""
# A window cannot be narrower than 500; a frame can.
FRAME = """<!doctype html><pre id="found"></pre><script>
  addEventListener("message", (e) => { document.getElementById("found").textContent = e.data; });
</script><iframe src="probed.html" style="border: 0; width: {width}px; height: 900px"></iframe>"""


def report_of(model, folder):
    """A report of a small model."""
    model.save_pretrained(folder)
    return polyome.report(folder, quiet=True)


@pytest.fixture(scope="module")
def report(model, tmp_path_factory):
    return report_of(model, tmp_path_factory.mktemp("report") / "model")


@pytest.fixture(scope="module", params=list(TASKS))
def report_of_task(request, tmp_path_factory):
    """A report of every task that there is."""
    example = TASKS[request.param].example()
    model = estimator_class(request.param)(**TINY, device="cpu", quiet=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", polyome.PolyomeWarning)  # of a random split of tissue
        model.fit(example.source, example.target, num_train_epochs=1)
    return report_of(model, tmp_path_factory.mktemp("report") / request.param)


def opened(page: Path, folder: Path, *, width: int, dark: bool = False):
    """Open a copy of a page with a probe inside; returns what it found, and the browser's log."""
    copy = folder / "probed.html"
    text = page.read_text()
    copy.write_text(text.replace("</title>", f"</title>{PROBE}", 1))
    outer = folder / "frame.html"
    outer.write_text(FRAME.replace("{width}", str(width)))
    flags = [*FLAGS, f"--user-data-dir={folder / 'profile'}", "--window-size=1400,1000"]
    if dark:
        flags.append("--blink-settings=preferredColorScheme=0")
    done = subprocess.run(
        [CHROMIUM, *flags, "--dump-dom", outer.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    said = done.stdout.partition('<pre id="found">')[2].partition("</pre>")[0]
    assert said.startswith("{"), done.stderr[-2000:]
    return json.loads(unescape(said)), done.stderr


@pytest.mark.parametrize(("width", "dark"), [(1200, False), (400, False), (400, True)])
def test_it_opens_without_error_request_or_overflow(report, tmp_path, width, dark):
    found, log = opened(report, tmp_path, width=width, dark=dark)
    assert found["errors"] == []
    assert "CONSOLE" not in log
    assert found["requests"] == []
    assert found["refused"] == []
    assert found["width"] == width
    assert found["scroll"] <= width
    assert found["off"] == []
    assert report.stat().st_size < 15_000_000


@pytest.mark.parametrize("width", [1200, 400])
def test_the_report_of_every_task_opens(report_of_task, tmp_path, width):
    found, log = opened(report_of_task, tmp_path, width=width)
    assert (found["errors"], found["requests"], found["refused"], found["off"]) == ([], [], [], [])
    assert "CONSOLE" not in log
    assert found["scroll"] <= width
    assert found["drawn"]


def test_points_are_drawn_named_and_filtered(report, tmp_path):
    found, _ = opened(report, tmp_path, width=800)
    assert found["drawn"]
    assert re.search(r"truth: type \d\nprediction: .*\nconfidence: [01]\.\d+", found["tip"])
    assert found["off_after_click"] == 2
    assert found["ramp"] == 1


def test_the_probe_sees_what_is_wrong(report, tmp_path):
    bad = tmp_path / "bad.html"
    wrong = '<div style="width:900px"><img src="http://127.0.0.1:9/a.png">x</div>'
    text = report.read_text().replace("<main>", f"<main><section>{wrong}</section>", 1)
    bad.write_text(text.replace('"use strict";', '"use strict"; console.error("no");', 1))
    found, log = opened(bad, tmp_path, width=400)
    assert found["refused"]
    assert found["off"]
    assert "CONSOLE" in log
