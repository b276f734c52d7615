"""Tables as they come from spreadsheets, databases and scripts: no row is lost in silence.

Each file is built after a public report, named by repository and number. Either every row of it is
read, with the values that are there, or the message names what is wrong and where.
"""

import io
import re
import warnings

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyome._errors import InputError, PolyomeWarning
from polyome.io.delimited import split_line
from polyome.io.fasta import read_fasta
from polyome.io.missing import as_numbers
from polyome.io.table import read_table

READ = [
    # A quote mark inside a field, for inches or 5' and 5", is a letter.
    ("tilo/smarter_csv#283", "x.tsv", 'id\tsequence\tnote\na\tAC\t20"\nb\tGT\t5"x"\n',
     {"a": ("AC", '20"'), "b": ("GT", '5"x"')}),
    # It opens no field in the middle of one, though the next field has one too.
    ("NVIDIA/cudf#2398", "x.csv", 'id,sequence,note\na,AC,/images"\nb,GT,/abc"\nc,GG,z\n',
     {"a": ("AC", '/images"'), "b": ("GT", '/abc"'), "c": ("GG", "z")}),
    # Commas and doubled quote marks between quote marks.
    ("BurntSushi/xsv#186", "x.csv", 'id,sequence,note\n"a","AC","x, ""y"""\nb,GT,z\n',
     {"a": ("AC", 'x, "y"'), "b": ("GT", "z")}),
    # A separator behind the last value of every row, but not of the header.
    ("pandas-dev/pandas#14124", "x.csv", "id,sequence,note\na,AC,x,\nb,GT,y,\n",
     {"a": ("AC", "x"), "b": ("GT", "y")}),
    # The same in header and rows, with more of them in some rows.
    ("deephaven/deephaven-core#1800", "x.txt", "id|sequence|note|\na|AC|x|\nb|GT|y||\n",
     {"a": ("AC", "x"), "b": ("GT", "y")}),
    # Columns without a name or a value, and rows of commas, at the end of Excel's sheets.
    ("wireservice/csvkit#426", "x.csv", "id,sequence,note,,\na,AC,x,,\nb,GT,y,,\n,,,,\n , ,,,\n",
     {"a": ("AC", "x"), "b": ("GT", "y")}),
    # Rows of separators in the middle, which a spreadsheet leaves for deleted ones.
    ("bardsoftware/ganttproject#1634", "x.tsv", "id\tsequence\tnote\na\tAC\tx\n\t\t\nb\tGT\ty\n",
     {"a": ("AC", "x"), "b": ("GT", "y")}),
    # The mark of UTF-8 before the first name, with quote marks and without.
    ("biolab/orange3#7000", "x.csv", b"\xef\xbb\xbfid,sequence,note\na,AC,x\n", {"a": ("AC", "x")}),
    ("pandas-dev/pandas#4793", "x.csv", b'\xef\xbb\xbf"id","sequence","note"\n"a","AC","x"\n',
     {"a": ("AC", "x")}),
    # Excel's line that tells the separator.
    ("mechatroner/vscode_rainbow_csv#108", "x.csv", "sep=;\nid;sequence;note\na;AC;x,y\n",
     {"a": ("AC", "x,y")}),
    ("parsecsv/parsecsv-for-php#60", "x.csv", "sep=,\r\nid,sequence,note\r\na,AC,x;y\r\n",
     {"a": ("AC", "x;y")}),
    ("tspence/csharp-csv-reader#28", "x.csv", '"sep=\t"\nid\tsequence\tnote\na\tAC\tx,y\n',
     {"a": ("AC", "x,y")}),
    # Tabs in .csv, commas in .tsv.
    ("specify/specify7#3105", "x.csv", "id\tsequence\tnote\na\tAC\tx, y\n", {"a": ("AC", "x, y")}),
    ("obiscr/ExcelReader#12", "x.tsv", "id,sequence,note\na,AC,x\n", {"a": ("AC", "x")}),
    # Notes before the header, and a header that looks like one.
    ("pandas-dev/pandas#4623", "x.csv", "# notes\n# v2, of May\nid,sequence,note\na,AC,x\n",
     {"a": ("AC", "x")}),
    ("h2oai/datatable#3072", "x.csv", "# id,sequence,note\na,AC,x\nb,GT,y\n",
     {"a": ("AC", "x"), "b": ("GT", "y")}),
    # Rows whose first letter is #.
    ("shenwei356/csvtk#150", "x.csv", "id,sequence,note\n#a,AC,x\n#b,GT,y\nc,GG,z\n",
     {"#a": ("AC", "x"), "#b": ("GT", "y"), "c": ("GG", "z")}),
    # Blanks around names of columns.
    ("pandas-dev/pandas#9067", "x.csv", "id,   sequence , note\na,  AC,x\n", {"a": ("AC", "x")}),
    # Excel's "Unicode text", in either order of bytes.
    ("vividvilla/csvtotable#35", "x.txt", "id\tsequence\tnote\r\na\tAC\tµ\r\n".encode("utf-16"),
     {"a": ("AC", "µ")}),
    ("Unstructured-IO/unstructured#4443", "x.csv",
     b"\xfe\xff" + "id,sequence,note\na,AC,x\nb,GT,y\n".encode("utf-16-be"),
     {"a": ("AC", "x"), "b": ("GT", "y")}),
    # Lines that end as on old Macs.
    ("pandas-dev/pandas#9079", "x.csv", "id,sequence,note\ra,AC,x\rb,GT,y\r",
     {"a": ("AC", "x"), "b": ("GT", "y")}),
    # A line's end written twice.
    ("avstudnitz/AvS_FastSimpleImport#409", "x.csv",
     "id,sequence,note\r\r\na,AC,x\r\r\nb,GT,y\r\r\n",
     {"a": ("AC", "x"), "b": ("GT", "y")}),
    # Sequences and ids that spell a missing value, and the word None.
    ("pandas-dev/pandas#24681", "x.csv", "id,sequence,note\nNA,NA,x\nnan,NAN,None\n",
     {"NA": ("NA", "x"), "nan": ("NAN", "None")}),
]  # fmt: skip

REFUSED = [
    # Two lone quote marks, far apart: pandas joins all that is between.
    ("pandas-dev/pandas#21695", "x.tsv",
     'id\tnote\tsequence\na\t"5 end\tAC\nb\tx\tGT\nc\tx\tGG\nd\t"5 end\tCC\ne\tx\tAA\n',
     r"row 1 \(line 2\): a quoted field holds line breaks \(3 lines\); is a quote mark meant as"),
    ("pandas-dev/pandas#22661", "x.tsv",
     'id\tnote\tsequence\na\tx\tAC\nb\t"abc"\tGT\nc\t"err\tGG\n',
     r"row 3 \(line 4\): a quoted field holds line breaks \(to the end of the file\)"),
    ("apple/turicreate#1692", "x.csv", '"id","sequence"\n"a","AC"\n"b","GT\n"c","GG"\n',
     r"row 2 \(line 3\): a quoted field holds line breaks \(1 line\)"),
    # Two lone quote marks in one line swallow a separator.
    ("pandas-dev/pandas#39857", "x.csv", 'id,a,sequence,b\nx,1,AC,2\ny,"5,GT,"3\n',
     r"row 2 \(line 3\) has 2 fields, and the header 4 names: a field between quote marks holds"),
    # A line break that is meant so.
    ("tspence/csharp-csv-reader#53", "x.csv", 'id,note,sequence\na,"two\nlines",AC\n',
     r"row 1 \(line 2\): a quoted field holds line breaks \(1 line\).*on one line"),
    # A line break without quote marks.
    ("pandas-dev/pandas#10018", "x.csv", "id,note,sequence\na,one,AC\nb,two\rowt,GT\nc,x,GG\n",
     r"row 2 \(id 'b'\) has no sequence \(2 such rows of 4\)"),
    # More values than names.
    ("pandas-dev/pandas#15203", "x.csv", "id,sequence\na,AC\nb,GT,1\nc,GG\nd,CC,x,y\n",
     r"2 rows have more fields than the header has names \(first: line 3, 3 fields for 2 names\)"),
    # Two columns of one name, which pandas renames.
    ("pandas-dev/pandas#19383", "x.csv", "id,sequence,label,label\na,AC,1,0\n",
     r"columns 3 and 4 are both called 'label'\. Rename or remove all but one\.$"),
    ("pandas-dev/pandas#14704", "x.csv", "id,sequence,y,y, y ,id\na,AC,1,0,2,b\n",
     r"columns 1 and 6 are both called 'id'.*So are 'y'\."),
    # A note below the header.
    ("JuliaData/CSV.jl#351", "x.csv", "# of May\nid,sequence\n# the data\na,AC\n",
     r"row 1 \(id '# the data'\) has no sequence \(1 such rows of 2\)"),
    # Bytes of another encoding.
    ("Annmayn/html2excel#6", "x.csv", b"id,sequence\n\xa3,AC\n", r"line 2 is not text in UTF-8"),
    # A workbook with the ending of a table.
    ("SheetJS/sheetjs#1144", "x.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and more bytes",
     r"is a spreadsheet of an older Excel"),
]  # fmt: skip


@pytest.mark.parametrize(("report", "name", "content", "rows"), READ, ids=[one[0] for one in READ])
def test_every_row_is_read(write, report, name, content, rows):
    del report
    table = read_table(write(content, name))
    assert table.columns.tolist() == ["sequence", "note"]
    assert dict(zip(table.index, table.itertuples(index=False, name=None), strict=True)) == rows


@pytest.mark.parametrize(
    ("report", "name", "content", "message"), REFUSED, ids=[one[0] for one in REFUSED]
)
def test_what_cannot_be_read_is_refused_by_name_and_line(write, report, name, content, message):
    del report
    with pytest.raises(InputError, match=rf"x\.(?:csv|tsv).*{message}"):
        read_table(write(content, name))


def test_a_table_of_labels_is_read_by_the_same_rules(write):
    fasta = write(">a\nAC\n>b\nGT\n")
    labels = write('id\tnote\tlabel\na\t"5 end\t1\nb\tx\t0\n', "labels.tsv")
    with pytest.raises(InputError, match=r"labels\.tsv row 1 \(line 2\): a quoted field holds"):
        read_fasta(fasta, labels=labels)
    labels = write("sep=;\n# of May\nid;label;y;\na;1;0,5;\nb;0;2\n", "labels.csv")
    with pytest.warns(PolyomeWarning, match=r"labels\.csv") as said:
        table = read_fasta(fasta, labels=labels)
    assert table[["label", "y"]].to_numpy().tolist() == [[1, 0.5], [0, 2]]
    assert [
        next(w for w in ("fewer fields", "decimal commas") if w in str(one.message)) for one in said
    ] == ["fewer fields", "decimal commas"]


def test_a_row_that_pandas_would_drop_is_missed(write, monkeypatch):
    monkeypatch.setattr(
        "polyome.io.table.pd.read_csv", lambda *_, **__: pd.DataFrame({"id": ["a"]})
    )
    with pytest.raises(InputError, match=r"x\.csv has 2 rows, and 1 were understood\. Write it"):
        read_table(write("id,sequence\na,AC\nb,GT\n", "x.csv"))


def test_a_parquet_file_with_two_columns_of_one_name(write):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    buffer = io.BytesIO()
    table = arrow.table([["AC", "GT"], [0, 1], [1, 0]], names=["sequence", "label", "label"])
    parquet.write_table(table, buffer)
    with pytest.raises(InputError, match=r"x\.parquet: columns 2 and 3 are both called 'label'"):
        read_table(write(buffer.getvalue(), "x.parquet"))


def test_decimal_commas_between_semicolons(write):
    # nyetwurk/ecuxplot#14; JetBrains-Research/jbr#146 has them between tabs, where they stay text
    content = "id;sequence;y;kind\na;AC;2,418;x\nb;GT;;y\nc;GG;-1,5e3;z\n"
    with pytest.warns(PolyomeWarning, match="semicolons with decimal commas: in 'y' a comma is"):
        table = read_table(write(content, "x.csv"))
    assert table["y"].fillna(0).tolist() == [2.418, 0, -1500]
    assert table["kind"].tolist() == ["x", "y", "z"]
    table = read_table(write("id\tsequence\ty\na\tAC\t4,34957\n", "x.tsv"))
    with pytest.raises(InputError, match=r"'4,34957' at record 'a'.*A comma may be a decimal mark"):
        as_numbers(table["y"], "column 'y'")


@pytest.mark.parametrize("text", ["1.299,99", "1,234,567", "1 234"])
def test_thousands_are_not_guessed(write, text):
    # pola-rs/polars#18797, soramitsu/adar#177
    table = read_table(write(f"id;sequence;y\na;AC;{text}\nb;GT;2\n", "x.csv"))
    with pytest.raises(InputError, match=rf"column 'y' holds '{re.escape(text)}' at record 'a'"):
        as_numbers(table["y"], "column 'y'")


def test_numbers_as_text_with_blanks_and_marks_of_missing_ones(write):
    # pandas-dev/pandas#10647, pandas-dev/pandas#30152
    rows = "a,AC, 1.5 \nb,GT,NA\nc,GG,-\nd,CC,None\ne,AA,#DIV/0!\nf,TT,?\n"
    table = read_table(write(f"id,sequence,y\n{rows}", "x.csv"))
    values = as_numbers(table["y"], "column 'y'")
    assert values[0] == 1.5
    assert len(values) == 6
    assert not any(value == value for value in values[1:])


def test_rows_that_are_short_are_read_and_named(write):
    # exceljs/exceljs#454: Excel leaves out separators at the ends of some rows
    content = "id,sequence,a,b\nx,AC,1,2\ny,GT,3\nz,GG\n"
    with pytest.warns(PolyomeWarning, match=r"2 of 3 rows have fewer fields .*\(first: line 3\)"):
        table = read_table(write(content, "x.csv"))
    assert table["sequence"].to_dict() == {"x": "AC", "y": "GT", "z": "GG"}
    assert table["b"].isna().tolist() == [False, True, True]


@pytest.mark.parametrize("date", ["1-Mar", "Sep-02", "2-Sept", "2022-03-01", "3/1/2021"])
def test_genes_that_became_dates_are_warned_of(write, date):
    # cognoma/cancer-data#4, GangLiLab/genekitr#14
    content = f"id,sequence\nTP53,AC\n{date},GT\nMYC,GG\n"
    with pytest.warns(PolyomeWarning, match=rf"1 of 3 names look like dates \('{date}'\)"):
        assert read_table(write(content, "x.csv")).index.tolist() == ["TP53", date, "MYC"]


def test_genes_in_a_column_and_in_a_table_of_labels_are_looked_at_too(write):
    content = "id,sequence,gene\na,AC,TP53\nb,GT,2-Sep\nc,GG,\nd,GG,\n"
    with pytest.warns(PolyomeWarning, match=r"1 of 4 names look like dates \('2-Sep'\)"):
        read_table(write(content, "x.csv"))
    labels = write("id,label\nTP53,1\n1-Mar,0\n", "labels.csv")
    with pytest.warns(PolyomeWarning, match=r"labels\.csv: 1 of 2 names look like dates"):
        read_fasta(write(">TP53\nAC\n>1-Mar\nGT\n"), labels=labels)


def test_ids_that_are_all_dates_are_not_warned_of(write):
    table = read_table(write("id,sequence\n2022-03-01,AC\n2022-03-02,GT\n", "x.csv"))
    assert len(table) == 2


def outcome(path):
    """The table, or why the file was refused."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PolyomeWarning)  # of short rows
            return read_table(path), ""
    except InputError as error:
        return None, str(error)


FIELDS = st.lists(st.text('ab",\t; #', max_size=6), min_size=2, max_size=3)


@given(st.lists(FIELDS, min_size=1, max_size=12), st.sampled_from([",", "\t", ";"]))
def test_rows_in_are_rows_out_or_a_refusal(tmp_path_factory, rows, separator):
    path = tmp_path_factory.mktemp("table") / ("x.tsv" if separator == "\t" else "x.csv")
    lines = [separator.join((f"r{i}", "AC", *row)) for i, row in enumerate(rows)]
    names = separator.join(["id", "sequence", *(f"c{i}" for i in range(9))])
    path.write_text("\n".join([names, *lines]) + "\n")
    table, refusal = outcome(path)
    if table is None:
        assert re.search(r"row \d+ \(line \d+\)|rows have more fields", refusal)
        return
    assert table.index.tolist() == [f"r{i}" for i in range(len(rows))]
    assert (table["sequence"] == "AC").all()


@given(st.text('ab"",', max_size=12))
def test_a_line_splits_into_fields_without_loss(line):
    fields = split_line(line, ",")
    if fields is None:
        assert line.count('"') % 2 == 1 or '"' in line
    elif '"' not in line:
        assert ",".join(fields) == line


def test_a_missing_sequence_is_not_read_as_two_bases(write):
    """NA is adenine after any base, and so are other texts for what is missing DNA."""
    path = write(f"id,sequence\na,{'ACGT' * 10}\nb,NA\nc,nan\nd,{'AACC' * 12}\n", "a.csv")
    with pytest.raises(InputError, match=r"row 2 \(id 'b'\) has no sequence \(2 such rows of 4\)"):
        read_table(path)


def test_quoted_fields_without_separators_are_counted(write):
    path = write('"id","sequence","note"\n"a","ACGT","x"\n"b","ACGG"\n', "a.csv")
    with pytest.warns(PolyomeWarning, match=r"1 of 2 rows have fewer fields .*line 3"):
        assert read_table(path).index.tolist() == ["a", "b"]
