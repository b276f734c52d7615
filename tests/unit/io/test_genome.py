"""Pieces of a genome: the same from memory and from disk, and none that are not there."""

import gzip
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from polyome._errors import InputError
from polyome.io import genome as genome_module
from polyome.io.fasta import stream_fasta
from polyome.io.genome import Genome, open_genome

FASTA = b">a first one\nACGT\nacgtn\n\n>b\nRYKM\n"


def test_every_form_of_the_file_reads_the_same(write, form):
    genome = open_genome(write(form(FASTA)))
    assert genome.lengths == {"a": 9, "b": 4}
    assert genome.fetch("a", 2, 6) == "GTac"


@pytest.mark.parametrize(
    ("chrom", "start", "end", "message"),
    [
        ("2", 0, 2, r"has no sequence '2'. It has: 'chr1', 'MT'. A table of two columns may say"),
        ("chrMX", 0, 2, r"has no sequence 'chrMX'"),
        ("chr1", -1, 2, r"chr1:-1-2 is not within chr1 .* 4 bp"),
        ("chr1", 3, 5, r"chr1:3-5 is not within"),
        ("chr1", 3, 2, r"chr1:3-2 is not within"),
    ],
)
def test_pieces_that_the_genome_has_not(write, chrom, start, end, message):
    genome = open_genome(write(b">chr1\nACGT\n>MT\nAAA\n"))
    with pytest.raises(InputError, match=message):
        genome.fetch(chrom, start, end)
    assert genome.fetch("chr1", 2, 2) == ""


def test_other_names_of_a_chromosome_and_a_table_of_aliases(write):
    path = write(b">chr1\nACGT\n>chrM\nAAA\n>ctg7\nGG\n")
    table = write("ctg7\tscaffold_7\n", "aliases.tsv")
    assert open_genome(path).fetch("1", 0, 2) == "AC"
    assert open_genome(path).find("MT") == "chrM"
    assert open_genome(path).find("scaffold_7") is None
    assert open_genome(path, aliases=table).fetch("scaffold_7", 0, 2) == "GG"


def test_names_that_could_mean_two_sequences_are_refused(write):
    genome = open_genome(write(b">chr1\nACGT\n>1\nCC\n>NC_000002.11\nGG\n"))
    assert (genome.fetch("chr1", 0, 1), genome.fetch("1", 0, 1)) == ("A", "C")
    with pytest.raises(InputError, match=r"'chr1', '1' could both be meant; give both files"):
        genome.fetch("NC_000001.11", 0, 1)
    with pytest.raises(InputError, match=r"'NC_000002.11' is of another build"):
        genome.fetch("NC_000002.12", 0, 1)


def test_letters_go_on_across_the_origin_of_a_circular_chromosome(write):
    path = write(b">c\nACGTT\n>l\nGGG\n")
    assert open_genome(path).letters("c", -2, 7) == "NNACGTTNN"
    turned = open_genome(path, circular="c")
    assert turned.letters("c", -2, 7) == "TTACGTTAC"
    assert turned.letters("c", 4, 16) == "TACGTTACGTTA"
    assert turned.letters("l", -1, 4) == "NGGGN"
    assert open_genome(path, circular="true").circular == {"c", "l"}
    assert open_genome(path, circular="false").circular == frozenset()
    with pytest.raises(InputError, match=r"circular=x: .*has no sequence 'x'"):
        open_genome(path, circular="x")


def test_a_piece_of_another_length_than_asked_for_is_refused():
    genome = Genome(Path("g.fa"), {"c": 9}, lambda chrom, start, end: "ACG")
    assert genome.fetch("c", 0, 3) == "ACG"
    with pytest.raises(InputError, match=r"g\.fa and its index do not belong together; remove"):
        genome.fetch("c", 0, 4)


@pytest.fixture
def on_disk(monkeypatch):
    """Take every file for a large one."""
    pysam = pytest.importorskip("pysam")
    monkeypatch.setattr(genome_module, "IN_MEMORY", 0)
    return pysam


def genome_bytes(seed=0, length=5000):
    rng = np.random.default_rng(seed)
    letters = {name: "".join(rng.choice(list("ACGTn"), length)) for name in ("1", "2")}
    lines = [
        line
        for name, sequence in letters.items()
        for line in (f">{name}", *re.findall(".{1,70}", sequence))
    ]
    return letters, "\n".join(lines).encode() + b"\n"


@pytest.mark.parametrize("kind", ["plain", "bgzip"])
@pytest.mark.parametrize("is_read_only", [False, True])
def test_large_genomes_are_read_from_disk(
    write, on_disk, bgzipped, kind, is_read_only, capfd, monkeypatch
):
    monkeypatch.setattr(genome_module, "stream_fasta", None)
    letters, content = genome_bytes()
    path = write(content if kind == "plain" else bgzipped(content), "g.fa.gz")
    path.parent.chmod(0o555 if is_read_only else 0o755)
    verbosity = on_disk.get_verbosity()
    genome = open_genome(path)
    assert genome.lengths == {"1": 5000, "2": 5000}
    for name, start, end in [("1", 0, 5000), ("2", 69, 211), ("2", 4999, 5000), ("1", 7, 7)]:
        assert genome.fetch(name, np.int64(start), np.int64(end)) == letters[name][start:end]
    path.parent.chmod(0o755)
    assert list(path.parent.iterdir()) == [path], "no index is left behind"
    assert on_disk.get_verbosity() == verbosity
    assert capfd.readouterr() == ("", "")


def test_an_index_beside_is_used_and_an_old_one_is_not(write, on_disk, monkeypatch):
    _, content = genome_bytes()
    path = write(content)
    on_disk.faidx(str(path))
    index, make = path.with_name("x.fa.fai"), on_disk.faidx
    made = []
    monkeypatch.setattr(on_disk, "faidx", lambda *words: made.append(words) or make(*words))
    assert open_genome(path).names == ["1", "2"]
    assert not made
    os.utime(index, (0, 0))
    assert open_genome(path).names == ["1", "2"]
    assert len(made) == 1


@pytest.mark.parametrize("kind", ["plain", "bgzip"])
@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.replace(b">1\n", b">1 version 2.2\n"),
        lambda content: content.replace(b">1\n", b">one\n"),
        lambda content: content.replace(b">2\n", b"AC\n>2\n"),
        lambda content: b">2\n" + content.partition(b">2\n")[2] + content.partition(b">2\n")[0],
        lambda content: content[:-90] + b"\n",
        lambda content: content + b">3\nACGT\n",
    ],
    ids=["longer header", "renamed", "longer record", "other order", "cut", "more records"],
)
def test_a_newer_index_that_does_not_fit_is_made_anew(write, on_disk, bgzipped, kind, change):
    def stored(content):
        return content if kind == "plain" else bgzipped(content, block=3000)

    _, content = genome_bytes()
    path = write(stored(content), "g.fa.gz")
    on_disk.faidx("--fai-idx", f"{path}.fai", "--gzi-idx", f"{path}.gzi", str(path))
    path.write_bytes(stored(change(content)))
    os.utime(path, (0, 0))
    genome = open_genome(path)
    for name, sequence in stream_fasta(path):
        assert genome.lengths[name] == len(sequence)
        start = min(100, len(sequence))
        end = min(300, len(sequence))
        assert genome.fetch(name, start, end) == sequence[start:end]


def test_an_index_of_another_file_does_not_give_wrong_pieces(write, on_disk):
    _, content = genome_bytes()
    path = write(content)
    on_disk.faidx(str(path))
    path.write_bytes(b">1\nACGT\n")
    os.utime(path, (0, 0))
    assert open_genome(path).lengths == {"1": 4}


@pytest.mark.parametrize("content", [b">a\nACGT\nAC\nACGTA\n", b">a\nAC\n\n\n>b\nGTACC\n"])
def test_lines_that_cannot_be_indexed_are_read_whole(write, on_disk, content, capfd):
    path = write(content)
    genome = open_genome(path)
    for name, sequence in stream_fasta(path):
        assert genome.fetch(name, 0, len(sequence)) == sequence
    assert capfd.readouterr() == ("", "")


def test_large_plain_gzip_is_read_whole(write, on_disk):
    assert open_genome(write(gzip.compress(FASTA))).fetch("a", 0, 4) == "ACGT"


@pytest.mark.parametrize("content", [b"ACGT\n", b"@a\nACGT\n+\n!!!!\n"])
def test_large_files_that_are_no_fasta(write, on_disk, content):
    with pytest.raises(InputError, match=r"x\.fa"):
        open_genome(write(content))


def test_large_bgzip_cut_short(write, on_disk, bgzipped):
    _, content = genome_bytes()
    with pytest.raises(InputError, match="damaged or cut short"):
        open_genome(write(bgzipped(content)[:-28]))


def test_large_bgzip_damaged_inside(write, on_disk, bgzipped):
    _, content = genome_bytes(length=800_000)
    whole = bgzipped(content, block=60_000)
    path = write(whole)
    on_disk.faidx("--fai-idx", f"{path}.fai", "--gzi-idx", f"{path}.gzi", str(path))
    damaged = bytearray(whole)
    damaged[len(whole) * 9 // 10] ^= 255
    path.write_bytes(damaged)
    os.utime(path, (0, 0))
    genome = open_genome(path)
    with pytest.raises(InputError, match=r"damaged near|do not belong together"):
        genome.fetch("2", 0, 800_000)


def test_without_pysam_small_genomes_are_read_and_large_ones_name_the_extra(write, monkeypatch):
    monkeypatch.setitem(sys.modules, "pysam", None)
    path = write(FASTA)
    assert open_genome(path).names == ["a", "b"]
    monkeypatch.setattr(genome_module, "IN_MEMORY", 0)
    with pytest.raises(InputError, match=r"pysam, which is absent\. Run: pip install 'polyome\[d"):
        open_genome(path)


@pytest.mark.real_data
def test_the_genome_of_e_coli(real_data):
    path = real_data / "genome" / "ecoli_k12_mg1655.fa.gz"
    genome = open_genome(path)
    assert list(genome.lengths.values()) == [4_641_652]
    ((name, sequence),) = stream_fasta(path)
    assert genome.fetch(name, 1_000_000, 1_000_500) == sequence[1_000_000:1_000_500]


def test_messages_know_that_there_is_a_table_of_aliases(write):
    genome = write(">chr1\nACGT\n>chr2\nAAAA\n", "g.fa")
    aliases = write("chr1\tI\nchr2\tI\n", "aliases.txt")
    opened = open_genome(genome, aliases=aliases, circular="chr1, chr2")
    assert opened.circular == {"chr1", "chr2"}
    with pytest.raises(InputError, match=r"aliases says that it is 'chr1', 'chr2'; it can be one"):
        opened.letters("I", 0, 1)
    with pytest.raises(InputError, match="gives it no name that the genome has"):
        opened.letters("scaffold", 0, 1)


def test_the_rule_helps_where_the_table_of_aliases_does_not(write):
    genome = write(">chr1\nACGT\n", "g.fa")
    aliases = write("1\tNC_000001.11\n", "aliases.txt")
    assert open_genome(genome, aliases=aliases).letters("1", 0, 2) == "AC"
