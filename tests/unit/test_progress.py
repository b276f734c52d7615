from polyome._progress import Progress, say


def test_plain_lines_where_there_is_no_terminal(capsys, monkeypatch):
    monkeypatch.setattr(Progress, "seconds_between_lines", -1.0)
    with Progress("fit", 2, quiet=False) as progress:
        progress.advance(note="loss 1.0")
        progress.advance(note="loss 0.5")
    captured = capsys.readouterr()
    assert captured.err.splitlines() == ["fit: 1/2 loss 1.0", "fit: 2/2 loss 0.5"]
    assert captured.out == ""


def test_quiet_means_quiet(capsys, monkeypatch):
    monkeypatch.setattr(Progress, "seconds_between_lines", -1.0)
    with Progress("fit", 1, quiet=True) as progress:
        progress.advance()
    say("a message", quiet=True)
    assert capsys.readouterr() == ("", "")


def test_a_bar_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with Progress("fit", 3, quiet=False) as progress:
        progress.advance(2, note="loss 1.0")
        assert progress.done == 2
    assert capsys.readouterr().out == ""
