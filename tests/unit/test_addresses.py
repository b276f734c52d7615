"""Nothing in the project installs from, or sends readers to, an address that it does not own."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOREIGN = re.compile(r"git\+https?://|github\.com/polyome|colab\.research|//(www\.)?polyome\.")


def tracked() -> list[Path]:
    said = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if said.returncode:
        pytest.skip("not a checkout")
    return [ROOT / name for name in said.stdout.splitlines()]


def test_no_file_names_an_address_that_the_project_does_not_own():
    texts = [p for p in tracked() if p.suffix in {".py", ".md", ".ipynb", ".toml", ".cff", ".svg"}]
    assert len(texts) > 100
    found = {
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in texts
        if path.is_file() and path != Path(__file__).resolve()
        for match in FOREIGN.finditer(path.read_text())
    }
    assert found == set()
