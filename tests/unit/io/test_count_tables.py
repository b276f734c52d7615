"""Tables of counts: orientation by names, every line a row, what is no number named."""

import gzip

import numpy as np
import pytest

from polyome._errors import InputError
from polyome.io.count_tables import read_count_table

WANTED = {"a": {"CD3D": 0, "LYZ": 7, "ACTB": 2}, "b": {"CD3D": 3, "LYZ": 0, "ACTB": 9}}


def counts(adata):
    return {cell: {g: int(v) for g, v in row.items()} for cell, row in adata.to_df().T.items()}


FORMS = {
    "genes in rows": "gene,a,b\nCD3D,0,3\nLYZ,7,0\nACTB,2,9\n",
    "cells in rows": ",CD3D,LYZ,ACTB\na,0,7,2\nb,3,0,9\n",
    "R, without a name for the row names": '"a"\t"b"\n"CD3D"\t0\t3\n"LYZ"\t7\t0\n"ACTB"\t2\t9\n',
    "R, write.table": '"a" "b"\n"CD3D" 0 3\n"LYZ" 7 0\n"ACTB" 2 9\n',
    "decimal commas": "gene;a;b\nCD3D;0,0;3,0\nLYZ;7,0;0,0\nACTB;2,0;9,0\n",
    "a line for Excel": "sep=,\ngene,a,b\nCD3D,0,3\nLYZ,7,0\nACTB,2,9\n",
    "a comment first": "# made by us\ngene\ta\tb\nCD3D\t0\t3\nLYZ\t7\t0\nACTB\t2\t9\n",
    "blank lines": "gene,a,b\n\nCD3D,0,3\nLYZ,7,0\n\nACTB,2,9\n\n",
    "BOM and CRLF": "\ufeffgene,a,b\r\nCD3D,0,3\r\nLYZ,7,0\r\nACTB,2,9\r\n",
    "featureCounts": (
        "Geneid\tChr\tStart\tEnd\tStrand\tLength\ta\tb\nCD3D\t1\t5\t9\t+\t4\t0\t3\n"
        "LYZ\t1\t5\t9\t+\t4\t7\t0\nACTB\t1\t5\t9\t+\t4\t2\t9\n"
    ),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_one_table_in_many_forms(form, packed, tmp_path):
    path = tmp_path / ("x.csv.gz" if packed else "x.csv")
    content = FORMS[form].encode()
    path.write_bytes(gzip.compress(content) if packed else content)
    adata, notes = read_count_table(path)
    assert counts(adata) == WANTED
    assert len(notes) == 1


def write(tmp_path, content, name="x.csv"):
    (tmp_path / name).write_text(content)
    return tmp_path / name


def test_text_beside_counts_is_kept(tmp_path):
    path = write(tmp_path, "cell,type,CD3D,LYZ\na,T cell,0,7\nb,B cell,3,0\n")
    adata, _ = read_count_table(path)
    assert list(adata.obs["type"]) == ["T cell", "B cell"]
    assert list(adata.var_names) == ["CD3D", "LYZ"]
    path = write(tmp_path, "id,symbol,a,b\nx1,CD3D,0,3\nx2,LYZ,7,0\n")
    adata, _ = read_count_table(path)
    assert list(adata.var["symbol"]) == ["CD3D", "LYZ"]
    assert list(adata.obs_names) == ["a", "b"]


def test_cells_without_names_are_numbered(tmp_path):
    adata, _ = read_count_table(write(tmp_path, "CD3D,LYZ\n0,7\n3,0\n"))
    assert list(adata.obs_names) == ["1", "2"]
    assert list(adata.var_names) == ["CD3D", "LYZ"]


def test_numbers_that_name_rows(tmp_path):
    adata, _ = read_count_table(write(tmp_path, "cell_id,CD3D,LYZ\n17,0,7\n18,3,0\n"))
    assert list(adata.obs_names) == ["17", "18"]


ODD = "name,x1,x2\ng1,0,3\ng2,7,0\n"


def test_orientation_by_the_genes_of_a_model(tmp_path):
    path = write(tmp_path, ODD)
    adata, notes = read_count_table(path, known=lambda names: int(names.isin(["g1", "g2"]).sum()))
    assert list(adata.var_names) == ["g1", "g2"]
    assert notes == (
        "x.csv: rows were taken for genes ('g1', 'g2') and columns for cells ('x1', 'x2'), by the "
        "model's genes.",
    )


def test_orientation_by_barcodes(tmp_path):
    path = write(tmp_path, "name,AAACATACAACCAC-1,AAACATTGAGCTAC-1\ng1,0,3\ng2,7,0\n")
    adata, notes = read_count_table(path)
    assert list(adata.var_names) == ["g1", "g2"]
    assert "by the barcodes of the other axis" in notes[0]


def test_orientation_that_is_unclear_is_asked_for(tmp_path):
    path = write(tmp_path, ODD)
    message = r"neither its rows \('g1', 'g2'\) nor its columns .*--set table_rows=cells or --set"
    with pytest.raises(InputError, match=message):
        read_count_table(path)
    assert list(read_count_table(path, "genes")[0].var_names) == ["g1", "g2"]
    adata, notes = read_count_table(path, "cells")
    assert list(adata.var_names) == ["x1", "x2"]
    assert notes == ()
    with pytest.raises(InputError, match=r"table_rows=columns: cells or genes is needed"):
        read_count_table(path, "columns")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("gene,a,b\nCD3D,0,3\nLYZ,7,many\n", r"line 3 has 'many' in column 'b', where a number"),
        ("gene,a,b\nCD3D,0,3\nLYZ,7\n", r"line 3 has 2 fields; the first line has 3"),
        ("gene,a,b\nCD3D,0,3\nLYZ,7,1,1\n", r"line 3 has 4 fields; the first line has 3"),
        ("gene,a,b\nCD3D,0,3,4,5\n", r"the first line has 3 fields and the next 5"),
        ('gene,a,b\nCD3D,0,3\n"LYZ,7,1\nACTB,2,9\n', r"line 3 has a quotation mark without"),
        ("sequence,label\nACGT,x\nACGG,y\n", r"holds no column of numbers; its columns are"),
        ("CD3D\nLYZ\n", r"has one column only"),
        ("gene,a,b\n", r"holds no table"),
        ("", r"is empty \(0 bytes\)"),
    ],
)
def test_what_is_no_table_of_counts(content, message, tmp_path):
    with pytest.raises(InputError, match=message):
        read_count_table(write(tmp_path, content))


def test_text_in_another_encoding(tmp_path):
    (tmp_path / "x.csv").write_bytes(b"gene,a\nCD3D,1\n\xe9,2\n")
    with pytest.raises(InputError, match=r"line 3 is not text in UTF-8 \(byte 0xe9\)"):
        read_count_table(tmp_path / "x.csv")


def test_a_wrong_value_far_down_is_named(tmp_path):
    lines = [f"g{i},{i},0" for i in range(3000)]
    lines[2500] = "g2500,2500,x"
    path = write(tmp_path, "gene,a,b\n" + "\n".join(lines) + "\n")
    with pytest.raises(InputError, match=r"line 2,502 has 'x' in column 'b'"):
        read_count_table(path, "genes")


def test_missing_values_stay_missing(tmp_path):
    adata, _ = read_count_table(write(tmp_path, "gene,a,b\nCD3D,NA,3\nLYZ,7,\n"))
    assert np.isnan(adata.X.toarray()).sum() == 2, "it is for the model to refuse them"
