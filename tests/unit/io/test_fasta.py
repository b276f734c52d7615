"""FASTA: what is in the file is what is read; what is no FASTA is refused by name and line."""

import gzip

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyome._errors import InputError, PolyomeWarning
from polyome.io.fasta import read_fasta, stream_fasta
from polyome.io.table import read_table

FASTA = b">a first one\nACGT\nacgtn\n\n>b\nRYKM\n  \n>c\tthird\nUUU\n"
RECORDS = [("a", "ACGTacgtn"), ("b", "RYKM"), ("c", "UUU")]


def test_every_form_of_the_file_reads_the_same(write, form):
    path = write(form(FASTA))
    assert list(stream_fasta(path)) == RECORDS
    table = read_fasta(path)
    assert list(table["sequence"].items()) == RECORDS
    assert list(table["description"]) == ["first one", "", "third"]
    assert table.index.name == "id"


@given(
    sequences=st.lists(st.text("ACGTNacgtnRYSWKMBDHVU", min_size=1, max_size=200), min_size=1),
    width=st.integers(1, 90),
    end=st.sampled_from(["\n", "\r\n"]),
    zipped=st.booleans(),
)
def test_sequences_survive_any_line_width(tmp_path_factory, sequences, width, end, zipped):
    lines = []
    for i, sequence in enumerate(sequences):
        pieces = [sequence[j : j + width] for j in range(0, len(sequence), width)]
        lines += [f">r{i}", *pieces]
    content = "".join(line + end for line in lines).encode()
    path = tmp_path_factory.mktemp("fasta") / "x.fa"
    path.write_bytes(gzip.compress(content) if zipped else content)
    assert list(read_fasta(path)["sequence"]) == sequences


@pytest.mark.parametrize("name", ["pos.v1.fa", "pos.v1.fasta", "pos.v1.fna.gz", "pos.v1.FA.bgz"])
def test_the_file_is_a_column(write, name):
    assert list(read_fasta(write(b">a\nAC\n", name))["file"]) == ["pos.v1"]


def test_no_column_of_empty_descriptions(write):
    assert "description" not in read_fasta(write(b">a\nAC\n"))


def test_labels_are_joined_by_id(write):
    labels = write("label,id,days\nhigh,b,3\nlow,zzz,4\nlow,a,5\n", "labels.csv")
    with pytest.warns(PolyomeWarning, match=r"1 of 3 sequences .* 'c'\), and 1 .* 'zzz'\)"):
        table = read_fasta(write(FASTA), labels=labels)
    assert list(table["label"][:2]) == ["low", "high"]
    assert table["label"].isna().tolist() == [False, False, True]
    assert table["days"].tolist()[:2] == [5, 3]
    assert list(table["sequence"].items()) == RECORDS


def test_labels_of_numeric_ids_keep_their_type(write):
    labels = write("ID\tlabel\n007\t1\n08\t0\n", "labels.tsv")
    table = read_fasta(write(b">007\nAC\n>08\nGT\n"), labels=labels)
    assert table["label"].to_dict() == {"007": 1, "08": 0}
    assert table["label"].dtype.kind == "i"


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("id,label\nx,1\ny,0\n", r"labels none of the 3 sequences\. .*: 'x', 'y'; .*: 'a', 'b'"),
        ("id,label\na,1\na,0\n", r"1 of the ids occurs more than once \('a'\)"),
        ("who,label\na,1\n", r"has no column 'id' \(names of records\)\. Columns: 'who'"),
        ("id,file\na,1\n", r"columns that the sequences have already: 'file'"),
        ("id,label\n", r"labels none"),
        ("", r"is empty \(0 bytes\)"),
    ],
)
def test_labels_that_do_not_fit(write, labels, message):
    with pytest.raises(InputError, match=rf"labels\.csv.*{message}"):
        read_fasta(write(FASTA), labels=write(labels, "labels.csv"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"\n \n", r"holds no record: it is blank"),
        (b"ACGT\n", r"line 1: FASTA begins with '>' and a name, this with 'ACGT'"),
        (b"\nid,sequence\na,AC\n", r"line 2: FASTA begins with '>'.*\.csv"),
        (b"@a\nACGT\n+\n!!!!\n", r"looks like FASTQ.*seqtk seq -A"),
        (b">a\nAC\n>b\n\n>c\nGT\n", r"record 'b' \(line 3\) has no sequence"),
        (b">a\nAC\n>b\n", r"record 'b' \(line 3\) has no sequence"),
        (b">a\nAC\n> b\nGT\n", r"line 3: the record has no name after '>'"),
        (b">a\nAC\n>p1\nMKLV\n", r"record 'p1' \(line 3\) holds 'L' at position 3.*like protein"),
        (b">a\nAC GT\n-AC\n", r"record 'a' \(line 1\) holds '-' at position 5"),
        (b">a\nAC\n@b\nGT\n", r"record 'a' \(line 1\) holds '@' at position 3"),
        (b">a\nAC\0GT\n", r"record 'a' \(line 1\) holds '\\x00' at position 3"),
        (b">a\nAC\xe9GT\n", r"record 'a' \(line 1\) holds .* at position 3"),
        (b">a\nAC\n>x\xe9\nGT\n", r"line 3 is not text in UTF-8 \(byte 0xe9\)"),
        (b"BZh91AY", r"is compressed with bzip2"),
        (b"\xff\xfe>\x00a", r"is damaged: it begins as text in UTF-16"),
    ],
)
def test_what_is_no_fasta_of_dna(write, content, message):
    path = write(content)
    for read in (read_fasta, lambda path: list(stream_fasta(path))):
        with pytest.raises(InputError, match=rf"x\.fa.*{message}"):
            read(path)


def test_ids_that_repeat_stay_as_those_of_a_table_but_names_to_look_up_must_differ(write):
    path = write(b">a\nAC\n>b x\nGT\n>a y\nTT\n")
    table = read_table(write("id,sequence\na,AC\nb,GT\na,TT\n", "x.csv"))
    pd.testing.assert_frame_equal(read_fasta(path)[["sequence"]], table)
    message = r"'a' \(line 5\) has the name of .* line 1.*Rename"
    with pytest.raises(InputError, match=message):
        list(stream_fasta(path))


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("kind", ["gzip", "bgzip"])
def test_files_cut_short(write, bgzipped, kind, share):
    rng = np.random.default_rng(0)
    letters = "".join(rng.choice(list("ACGT"), 20_000))
    whole = {"gzip": gzip.compress, "bgzip": bgzipped}[kind](f">a\n{letters}\n".encode())
    path = write(whole[: int(len(whole) * share)])
    with pytest.raises(InputError, match=r"damaged or cut short: .*intact gzip file is needed"):
        read_fasta(path)


def test_bgzip_cut_between_blocks(write, bgzipped):
    path = write(bgzipped(FASTA)[:-28])
    with pytest.raises(InputError, match="the block that ends a bgzip file is missing"):
        read_fasta(path)


@pytest.mark.parametrize("size", [2, 3, 5])
def test_gzip_cut_within_its_header(write, size):
    with pytest.raises(InputError, match=r"damaged or cut short"):
        read_fasta(write(gzip.compress(b">a\nACGT\n")[:size], "a.fa.gz"))


def test_damaged_gzip(write):
    content = bytearray(gzip.compress(FASTA))
    content[-6] ^= 1
    with pytest.raises(InputError, match=r"damaged or cut short: CRC check failed"):
        read_fasta(write(bytes(content)))


def test_no_file(write):
    path = write(FASTA, "promoters.fa")
    with pytest.raises(InputError, match=r"no file .*promoter\.fa\. Did you mean 'promoters\.fa'"):
        read_fasta(path.with_name("promoter.fa"))
    with pytest.raises(InputError, match="is a folder"):
        read_fasta(path.parent)


def test_a_stream_gives_records_before_a_fault(write):
    records = stream_fasta(write(b">a\nAC\n>b\nMKLV\n"))
    assert next(records) == ("a", "AC")
    with pytest.raises(InputError, match="record 'b'"):
        next(records)


@pytest.mark.real_data
def test_the_genome_of_e_coli(real_data):
    path = real_data / "genome" / "ecoli_k12_mg1655.fa.gz"
    ((_, sequence),) = stream_fasta(path)
    assert len(sequence) == 4_641_652
    assert list(read_fasta(path)["sequence"]) == [sequence]
