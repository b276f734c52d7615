"""A folder is whole, or as it was."""

import os

import pytest

from polyome._errors import InputError
from polyome.io.files import (
    check_new_folder,
    check_writable,
    folder_written_aside,
    written_aside,
)


def test_a_link_to_a_folder_stays_one(tmp_path):
    (tmp_path / "real").mkdir()
    link = tmp_path / "latest"
    link.symlink_to("real")
    with folder_written_aside(link, replaces="mark") as aside:
        (aside / "mark").write_text("new")
    assert link.is_symlink()
    assert (tmp_path / "real" / "mark").read_text() == "new"


def test_what_cannot_be_replaced_is_refused_early(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="is the working folder or a disk"):
        check_new_folder(tmp_path, replaces="mark")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.docx").write_text("years")
    with pytest.raises(InputError, match="holds other files"):
        check_new_folder(tmp_path / "other", replaces="mark")


def test_a_failure_leaves_what_was_there(tmp_path):
    folder = tmp_path / "model"
    with folder_written_aside(folder, replaces="mark") as aside:
        (aside / "mark").write_text("old")
    with pytest.raises(ZeroDivisionError), folder_written_aside(folder, replaces="mark") as aside:
        (aside / "mark").write_text(str(1 / 0))
    assert (folder / "mark").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_an_older_folder_is_replaced(tmp_path):
    for text in ("old", "new"):
        with folder_written_aside(tmp_path / "model", replaces="mark") as aside:
            (aside / "mark").write_text(text)
    assert (tmp_path / "model" / "mark").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_files_are_readable_as_new_ones_are(tmp_path):
    with folder_written_aside(tmp_path / "model", replaces="mark") as aside:
        (aside / "mark").write_text("new")
        (aside / "mark").chmod(0o600)
    (tmp_path / "usual").write_text("")
    assert (tmp_path / "model" / "mark").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_link_to_a_file_stays_one(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    with written_aside(tmp_path / "link") as aside:
        aside.write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_inputs_and_devices_are_not_replaced(tmp_path):
    (tmp_path / "a.csv").write_text("sequences")
    with pytest.raises(InputError, match="is an input; what it holds would be lost"):
        check_writable(tmp_path / "a.csv", [tmp_path / ".." / tmp_path.name / "a.csv"])
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="is no file but a device or a pipe"):
        check_writable(tmp_path / "pipe")
