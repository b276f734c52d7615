"""Files that a command names: pipes are read once into a file, outputs never replace inputs."""

import gzip
import os
import threading
from pathlib import Path

import pytest

from polyome._errors import InputError
from polyome._inputs import check_outputs, files_of_pipes
from polyome.io.compressed import read_bytes


@pytest.fixture
def pipe(tmp_path):
    """Make a named pipe that gives these bytes once."""
    writers = []

    def made(content, name="p"):
        path = tmp_path / name
        os.mkfifo(path)
        writers.append(threading.Thread(target=path.write_bytes, args=(content,)))
        writers[-1].start()
        return path

    yield made
    for writer in writers:
        writer.join()


@pytest.mark.parametrize(
    ("content", "ending"),
    [
        (b"##fileformat=VCFv4.2\n", ".vcf"),
        (b">a\nACGT\n", ".fa"),
        (gzip.compress(b">a\nACGT\n"), ".fa.gz"),
        (gzip.compress(b"##fileformat=VCFv4.2\n")[:-4], ".gz"),
        (b"# x\nchr1\t0\t4\n", ".bed"),
        (b"id\tsequence\nx\tACGT\n", ".tsv"),
        (b"id,sequence\nx,ACGT\n", ".csv"),
        (b"ACGT\n", ""),
        (b"\x1f\x8bxx", ".gz"),
    ],
    ids=["vcf", "fasta", "packed", "cut", "bed", "tsv", "csv", "other", "damaged"],
)
def test_a_pipe_becomes_a_file_that_can_be_read_twice(pipe, content, ending):
    path = pipe(content)
    with files_of_pipes({"vcf": path, "inputs": [path, Path("b")], "out": Path("o")}) as options:
        held = options["vcf"]
        assert held.read_bytes() == held.read_bytes() == content
        assert "".join(held.suffixes) == ending
        assert options["inputs"] == [held, Path("b")]
        assert options["out"] == Path("o")
    assert not held.exists()


def test_an_empty_pipe_is_refused(pipe):
    path = pipe(b"")
    said = pytest.raises(InputError, match=r"gave nothing \(0 bytes\). Did the command before it")
    with said, files_of_pipes({"vcf": path}):
        pass


def test_a_named_pipe_keeps_its_ending(pipe):
    with files_of_pipes({"inputs": [pipe(gzip.compress(b"chr1\t0\t4\n"), "a.bed.gz")]}) as options:
        assert options["inputs"][0].name.endswith("a.bed.gz")


def test_a_reader_refuses_a_pipe(tmp_path):
    path = tmp_path / "p.vcf"
    os.mkfifo(path)
    with pytest.raises(InputError, match="is a pipe or a device, which cannot be read twice"):
        read_bytes(path)


@pytest.mark.parametrize("key", ["genome", "windows", "labels", "inputs", "vcf", "reference"])
@pytest.mark.parametrize("output", ["out", "json", "bigwig"])
def test_no_output_is_an_input(tmp_path, key, output):
    path, link = tmp_path / "a.fa", tmp_path / "link"
    path.write_text(">a")
    link.symlink_to(path)
    given = [path] if key == "inputs" else path
    with pytest.raises(InputError, match=rf"--{output} .* is an input \({key}\); what it holds"):
        check_outputs({key: given, output: link})
    check_outputs({key: given, output: tmp_path / "new", "seed": 0, "set_": ["a=b"]})


def test_two_outputs_are_two_files(tmp_path):
    with pytest.raises(InputError, match=r"--out and --bigwig are both .*x.bw. Name two files"):
        check_outputs({"out": tmp_path / "x.bw", "bigwig": tmp_path / "x.bw"})
