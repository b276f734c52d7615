"""Reading by a file's ending, and several files as one."""

import anndata
import numpy as np
import pytest

from polyome._errors import InputError
from polyome.io import read, read_sequences
from polyome.io.h5ad import write_h5ad


def test_each_ending_has_its_reader(write, tmp_path):
    write_h5ad(anndata.AnnData(np.ones((2, 3), np.float32)), tmp_path / "x.h5ad")
    assert read(tmp_path / "x.h5ad").shape == (2, 3)
    genome = write(">c\nACGT\n", "g.fna")
    bed = write("c 0 2\n", "x.bed")
    assert read(bed, genome=genome)["sequence"].tolist() == ["AC"]
    assert read(bed, genome=genome, window_bp=4)["sequence"].tolist() == ["NACG"]
    assert read(str(genome))["sequence"].tolist() == ["ACGT"]
    assert read(write("dna\nAC\n", "x.csv"), sequence_column="dna")["sequence"].tolist() == ["AC"]
    labels = write("id,label\nc,yes\n", "labels.csv")
    assert read(genome, labels=labels)["label"].tolist() == ["yes"]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("x.rds", {}, r"ending '\.rds' is not known\. Sequences: '\.fa'.*'\.bed'"),
        ("x", {}, r"There is no file x"),
        ("x.bed", {}, r"cut from a genome\. Name its FASTA with --genome \(in Python: genome="),
        ("x.bed.gz", {}, r"--genome"),
        ("x.csv", {"genome": "g.fa"}, r"--genome is for BED, and this is a table"),
        ("x.csv", {"labels": "l.csv"}, r"--labels is for FASTA, and this is a table"),
        ("x.fa", {"window_bp": 3}, r"window_bp is for BED, and this is a FASTA"),
    ],
)
def test_options_and_endings_that_do_not_fit(name, options, message):
    with pytest.raises(InputError, match=message):
        read(name, **options)


def test_one_file_has_no_source(write):
    assert "source" not in read_sequences([write(">a\nAC\n", "x.fa")])


def test_several_files_are_joined(write):
    first = write("id,sequence,label\na,AC,1\n", "x.csv")
    second = write("id\tsequence\tdays\nb\tGT\t3\nb\tGG\t3\n", "y.tsv.gz")
    table = read_sequences([first, str(second)])
    assert table.index.tolist() == ["a", "b", "b"], "ids that only one file has stay"
    assert table["sequence"].tolist() == ["AC", "GT", "GG"]
    assert table["source"].tolist() == ["x.csv", "y.tsv.gz", "y.tsv.gz"]
    assert table["days"].isna().tolist() == [True, False, False]


def test_ids_that_files_share_carry_their_file(write):
    paths = [write("sequence\nAC\n", "x.csv"), write("sequence\nGT\nGG\n", "y.csv")]
    assert read_sequences(paths).index.tolist() == ["1-x.csv", "1-y.csv", "2-y.csv"]


def test_labels_are_for_the_records_of_all_files(write):
    paths = [write(">a\nAC\n", "x.fa"), write(">b\nGT\n>c\nGT\n", "y.fa")]
    labels = write("id,label\nb,1\nc,0\n", "labels.csv")
    table = read_sequences(paths, labels=labels)
    assert table["label"].tolist()[1:] == [1, 0]
    assert table["file"].tolist() == ["x", "y", "y"]
    assert table["source"].tolist() == ["x.fa", "y.fa", "y.fa"]


def test_intervals_of_several_files(write):
    genome = write(">c\nACGT\n", "g.fa")
    paths = [write("c 0 2 a\n", "x.bed"), write("c 1 4 b\n", "y.bed")]
    assert read_sequences(paths, genome=genome)["sequence"].to_dict() == {"a": "AC", "b": "CGT"}


def test_files_that_cannot_be_joined(write):
    table, fasta = write("sequence,source\nAC,x\n", "x.csv"), write(">a\nAC\n", "x.fa")
    with pytest.raises(InputError, match="No input file was named"):
        read_sequences([])
    with pytest.raises(InputError, match="of several kinds: 'FASTA', 'table'"):
        read_sequences([table, fasta])
    with pytest.raises(InputError, match="named more than once"):
        read_sequences([fasta, fasta])
    with pytest.raises(InputError, match="have a column 'source'"):
        read_sequences([table, write("sequence\nAC\n", "y.csv")])
    with pytest.raises(InputError, match="Name its FASTA with --genome"):
        read_sequences([write("c 0 2\n", "x.bed")])


def test_a_label_without_an_id_is_named_by_its_row(write):
    fasta = write(">a\nACGT\n>b\nACGT\n", "x.fa")
    labels = write("id,label\na,0\n,1\n", "labels.csv")
    with pytest.raises(InputError, match=r"'id' .*is empty in 1 of 2 rows, first in row 2"):
        read_sequences([fasta], labels=labels)
