"""Tables of sequences: read as they are written, refused with the row that is wrong."""

import gzip
import io
import sys

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyome._errors import InputError
from polyome.io.fasta import read_fasta
from polyome.io.table import read_table

TABLE = b"id,sequence,label,days\na, ACGT ,NA,1\nNA,NA,low,2\nc,acgtn,007,\n"


def test_every_form_of_the_file_reads_the_same(write, form):
    table = read_table(write(form(TABLE), "x.csv"))
    assert table.index.tolist() == ["a", "NA", "c"]
    assert table.index.name == "id"
    assert table["sequence"].tolist() == ["ACGT", "NA", "acgtn"], "NA is a sequence and an id"
    assert table["label"].isna().tolist() == [True, False, False], "NA is no label"
    assert table["days"].tolist()[:2] == [1, 2]
    assert table.columns.tolist() == ["sequence", "label", "days"]


@pytest.mark.parametrize(
    ("name", "separator"), [("x.csv", ","), ("x.tsv", "\t"), ("x.txt", "\t"), ("x.CSV.gz", ",")]
)
def test_the_ending_says_the_separator_and_the_content_the_compression(write, name, separator):
    table = read_table(write(separator.join(("id", "sequence")) + f"\na{separator}AC\n", name))
    assert table["sequence"].to_dict() == {"a": "AC"}


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_parquet(write, compress):
    pytest.importorskip("pyarrow")
    buffer = io.BytesIO()
    frame = pd.DataFrame({"ID": [1, 2], "dna": ["AC ", "gt"], "label": pd.Categorical(["x", "y"])})
    frame.to_parquet(buffer)
    table = read_table(write(compress(buffer.getvalue()), "x.parquet"), sequence_column="dna")
    assert table["sequence"].to_dict() == {"1": "AC", "2": "gt"}
    assert table["label"].tolist() == ["x", "y"]


@pytest.mark.parametrize("name", ["id", None])
def test_the_index_of_a_parquet_file_names_its_records(write, name):
    pytest.importorskip("pyarrow")
    buffer = io.BytesIO()
    index = pd.Index(["a", "b"], name=name)
    pd.DataFrame({"sequence": ["AC", "GT"]}, index=index).to_parquet(buffer)
    assert read_table(write(buffer.getvalue(), "x.parquet")).index.tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["AC", None], r"row 2 \(id '2'\) has no sequence \(1 such rows of 2\)"),
        ([1.5, 2.5], r"row 1: the sequence is of the type float \(1\.5\); text is needed"),
        ([b"AC", b"GT"], r"row 1: the sequence is of the type bytes"),
    ],
)
def test_parquet_without_texts(write, values, message):
    pytest.importorskip("pyarrow")
    buffer = io.BytesIO()
    pd.DataFrame({"sequence": values}).to_parquet(buffer)
    with pytest.raises(InputError, match=message):
        read_table(write(buffer.getvalue(), "x.parquet"))


def test_parquet_damaged_or_not(write):
    pytest.importorskip("pyarrow")
    with pytest.raises(InputError, match=r"not a Parquet file \(it begins with b'id,seque'\)"):
        read_table(write(TABLE, "x.parquet"))
    with pytest.raises(InputError, match="is damaged or cut short"):
        read_table(write(b"PAR1 and no more", "x.parquet"))


def test_without_pyarrow_the_message_names_it(write, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "fastparquet", None)
    with pytest.raises(InputError, match="Run: pip install pyarrow"):
        read_table(write(b"PAR1", "x.parquet"))


@given(
    st.lists(st.text("ACGTNacgtnU", min_size=1, max_size=30), min_size=1), st.sampled_from(",\t")
)
def test_sequences_and_numbers_survive(tmp_path_factory, sequences, separator):
    path = tmp_path_factory.mktemp("table") / ("x.csv" if separator == "," else "x.tsv")
    frame = pd.DataFrame({"sequence": sequences, "value": range(len(sequences))})
    frame.to_csv(path, sep=separator, index=False)
    table = read_table(path)
    assert table["sequence"].tolist() == sequences
    assert table["value"].dtype.kind == "i"


@pytest.mark.parametrize(
    ("header", "rows", "names", "left"),
    [
        ("name,id,sequence", "n1,i1,A\nn2,i2,C", ["i1", "i2"], ["name"]),
        ("name,Id,sequence", "n1,i1,A\nn2,i2,C", ["i1", "i2"], ["name"]),
        ("name,id,sequence", "n1,i1,A\nn2,,C", ["n1", "n2"], ["id"]),
        ("name,id,sequence", "n1,i1,A\n,,C", ["1", "2"], ["name", "id"]),
        ("gene,sequence", "n1,A\nn2,C", ["1", "2"], ["gene"]),
        ("id,sequence", "01,A\n1,C", ["01", "1"], []),
    ],
)
def test_what_names_the_records(write, header, rows, names, left):
    table = read_table(write(f"{header}\n{rows}\n", "x.csv"))
    assert table.index.tolist() == names
    assert table.columns.drop("sequence").tolist() == left


def test_ids_that_repeat_in_a_table_stay(write):
    table = read_table(write("id,sequence\nabrB,AC\nabrB,GT\n", "x.csv"))
    assert table.index.tolist() == ["abrB", "abrB"]


def test_another_column_is_called_sequence(write):
    path = write("id,dna,label\na,AC,1\n", "x.csv")
    assert read_table(path, sequence_column="dna").columns.tolist() == ["sequence", "label"]
    with pytest.raises(InputError, match=r"no column 'DNA' \(sequence\).*Did you mean 'dna'\?"):
        read_table(path, sequence_column="DNA")


def test_two_columns_of_sequences(write):
    path = write("dna,sequence\nAC,GT\n", "x.csv")
    with pytest.raises(InputError, match=r"has the column 'dna', .* and a column 'sequence'"):
        read_table(path, sequence_column="dna")


LONG = "ACGT" * 30


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"\n\n", r"holds no table: it is blank"),
        (b"id,sequence\n", r"has a header and no rows"),
        (b"id,Sequences\na,AC\n", r"no column 'sequence'.*Did you mean.*--sequence-column"),
        (b"id/sequence\na/AC\n", r"Columns: 'id/sequence'\..* Commas, tabs, semicolons or \| "),
        (f"{LONG},1\n{LONG},0\n".encode(), r"Columns: 'A.{39}\.\.\.', '1'.*looks like a record"),
        (b">a\nACGT\n", r"looks like FASTA: give it the ending \.fa"),
        (b"id,sequence\na,AC\nb,GT,1\n", r"1 rows have more fields .*line 3, 3 fields for 2 names"),
        (b"id,sequence\na,AC,1\nb,GT,1\n", r"rows have more fields .*row\.names = FALSE"),
        (b'id,sequence\na,"AC\nb,GT\n', r"row 1 \(line 2\): a quoted field holds line breaks"),
        (b"id,sequence\na,AC\nb,\n", r"row 2 \(id 'b'\) has no sequence \(1 such rows of 2\)"),
        (b"id,sequence\na,AC\nb\n", r"row 2 \(id 'b'\) has no sequence"),
        (b"id,sequence\na,  \nb,\n", r"row 1 \(id 'a'\) has no sequence \(2 such rows of 2\)"),
        (b"id,sequence\na,AC\nb,MKLV\n", r"row 2 \(id 'b'\) holds 'L' at position 3.*protein"),
        (b"sequence\nAC\nA-C\n", r"row 2 \(id '2'\) holds '-' at position 2"),
        ("sequence\nAC\nAßC\n".encode(), r"row 2 \(id '2'\) holds 'ß' at position 2"),
        (b"id,sequence\na,AC\nx\xe9,AC\n", r"line 3 is not text in UTF-8 \(byte 0xe9\)"),
        (b"id,sequence\na,A\0C\n", r"is not text: it holds bytes of value 0"),
        ("id,sequence\na,AC\n".encode("utf-16")[:-1], r"is damaged: it begins as text in UTF-16"),
        (b"PK\x03\x04abc", r"is a zip archive or a spreadsheet"),
        (gzip.compress(TABLE * 50, mtime=0)[:-9], r"is damaged or cut short"),
        (gzip.compress(b"", mtime=0), r"holds no table: it is blank"),
    ],
)
def test_what_is_no_table_of_dna(write, content, message):
    with pytest.raises(InputError, match=rf"x\.csv.*{message}"):
        read_table(write(content, "x.csv"))


def test_a_file_that_is_not_there_or_cannot_be_read(write, monkeypatch):
    path = write(TABLE, "promoters.csv")
    with pytest.raises(InputError, match=r"Did you mean 'promoters\.csv'"):
        read_table(path.with_name("promoter.csv"))
    with pytest.raises(InputError, match=r"There is no file"):
        read_table(path / "none" / "x.csv")

    def refuse(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "open", refuse)
    with pytest.raises(InputError, match=r"promoters\.csv cannot be read: Permission denied"):
        read_table(path)


def test_a_table_and_a_fasta_of_the_same_give_the_same(write):
    table = read_table(write("id,sequence\na,ACGT\nb,NN\n", "x.csv"))
    fasta = read_fasta(write(">a\nAC\nGT\n>b\nNN\n", "x.fa"))
    pd.testing.assert_frame_equal(table, fasta[["sequence"]])


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("promoter_bsubtilis_cnnprom", 1373),
        ("promoter_human_gue_300_tata", 6130),
        ("expression_yeast_genes_rnaseq", 6348),
    ],
)
def test_real_sets(real_data, name, rows):
    path = real_data / "dna" / f"{name}.csv.gz"
    table = read_table(path)
    assert len(table) == rows
    expected = pd.read_csv(path)
    assert table["sequence"].tolist() == expected["sequence"].tolist()
    pd.testing.assert_series_equal(table["split"], expected["split"], check_index=False)
