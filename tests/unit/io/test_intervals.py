"""Intervals: each gives the sequence of its own strand, or an error that names its line."""

import gzip
import sys

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyome._errors import InputError
from polyome.io.compressed import is_bgzip
from polyome.io.genome import open_genome
from polyome.io.intervals import read_bed, write_bed
from polyome.io.nucleotides import Sequences, reverse_complement

GENOME = ">chr1 first\nAACGTTTNnacg\n>chr2\nGGGAC\n"
BED = b"chr1\t0\t4\tx\t5\t+\nchr1\t1\t6\ty\t.\t-\nchr2\t2\t5\tz\t7\t.\n"


def other_strand(text):
    return reverse_complement(Sequences.from_text([text])).text(0)


@pytest.fixture
def genome(write):
    return write(GENOME, "g.fa")


def test_every_form_of_the_file_reads_the_same(write, form, genome):
    table = read_bed(write(form(BED), "x.bed"), genome)
    assert table["sequence"].to_dict() == {"x": "AACG", "y": "AACGT", "z": "GAC"}
    assert table["strand"].tolist() == ["+", "-", "."]
    assert table["score"].tolist()[::2] == [5, 7]
    assert table["score"].isna().tolist() == [False, True, False]
    assert table["start"].dtype.kind == "i"
    assert table.index.name == "id"


def test_three_columns_spaces_and_lines_for_browsers(write, genome):
    lines = "browser position chr1\ntrack name=x\n# comment\n\nchr1  0 4\nchr2 \t1\t 5\n"
    table = read_bed(write(lines.replace(" \t", "\t"), "x.bed"), genome)
    assert table.columns.tolist() == ["chrom", "start", "end", "sequence"]
    assert table["sequence"].to_dict() == {"chr1:0-4(.)": "AACG", "chr2:1-5(.)": "GGAC"}


def test_names_of_further_columns(write, genome):
    row = "chr1\t0\t4\tx\t0\t+\t7.5\thigh\n"
    table = read_bed(write(row, "x.bed"), genome)
    assert table.loc["x", ["field7", "field8"]].tolist() == [7.5, "high"]
    header = "#chrom\tchromStart\tchromEnd\tgene\tscore\tstrand\tvalue\tlabel\n"
    table = read_bed(write(header + row, "x.bed"), genome)
    assert table.columns.tolist()[-3:] == ["value", "label", "sequence"]
    assert table["name"].tolist() == ["x"]


def test_a_header_of_another_width_is_refused(write, genome):
    header = "#chrom\tstart\tend\tname\tscore\tstrand\tvalue\tone_more\n"
    with pytest.raises(InputError, match=r"names 8 columns, and the lines below have 7"):
        read_bed(write(header + "chr1\t0\t4\tx\t0\t+\t7.5\n", "x.bed"), genome)


def test_a_missing_strand_is_written_as_a_dot(tmp_path):
    hits = pd.DataFrame({"chrom": ["a", "a"], "start": [1, 2], "end": [3, 4]}, index=["x", "y"])
    write_bed(hits.assign(strand=["-", None]), tmp_path / "a.bed")
    lines = (tmp_path / "a.bed").read_text().splitlines()
    assert [text[-1] for text in lines] == ["-", "."]


def test_a_chromosome_may_be_called_like_a_browser_line(write):
    genome = write(">track1\nACGT\n", "g.fa")
    assert read_bed(write("track1 0 2 x\n", "x.bed"), genome)["sequence"].tolist() == ["AC"]


@pytest.mark.parametrize("last", ["value", "sequence", "start"])
def test_names_that_would_hide_a_column(write, genome, last):
    header = f"#chrom\tstart\tend\tname\tscore\tstrand\tvalue\t{last}\n"
    with pytest.raises(InputError, match=r"gives two columns one name, or calls one 'sequence'"):
        read_bed(write(header + "chr1\t0\t4\tx\t0\t+\t7.5\thigh\n", "x.bed"), genome)


@pytest.mark.parametrize("names", ["xx", "..", "x."])
def test_names_that_do_not_tell_apart_give_way_to_places(write, genome, names):
    lines = "".join(f"chr1\t{i}\t4\t{name}\t0\t-\n" for i, name in enumerate(names))
    table = read_bed(write(lines, "x.bed"), genome)
    assert table.index.tolist() == ["chr1:0-4(-)", "chr1:1-4(-)"]
    assert table["name"].tolist() == list(names)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("chr2 5 2", r"end 2 is before start 5 on chr2"),
        ("chr2 2 2", r"start and end are both 2: the interval is empty"),
        ("chr2 -1 2", r"start -1 is negative; BED counts from 0"),
        ("chr2 1 6", r"end 6 is beyond the end of chr2, which has 5 bp in .*g\.fa"),
        ("chr2 1.5 2", r"start is '1\.5'; a whole number is needed"),
        ("chr2 1 1e3", r"end is '1e3'; a whole number is needed"),
        ("chr2 1 99999999999999999999", r"a whole number is needed"),
        ("start 1 2", r"has no sequence 'start'. It has: 'chr1', 'chr2'"),
        ("9 1 2", r"has no sequence '9'. It has: 'chr1', 'chr2'. A table of two columns may"),
        ("chr2 1", r"has 2 fields; 3 as in line 1 are needed"),
        ("chr2 1 2 x", r"has 4 fields; 3 as in line 1 are needed"),
    ],
)
def test_lines_that_are_no_interval(write, genome, line, message):
    path = write(f"chr1 0 4\n# comment\n{line}\nchr1 0 5\n", "x.bed")
    with pytest.raises(InputError, match=rf"x\.bed line 3.*{message}"):
        read_bed(path, genome)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("chr1 0 4 x 0 1\n", r"line 1: strand '1' is none of '\+', '-', '\.'"),
        ("chrom start end\nchr1 0 4\n", r"line 1: start is 'start'.*a header begins with '#'"),
        ("chr1 0\n", r"line 1 has 2 fields; 3 or more are needed: chrom, start, end"),
        ("track\n#chrom\n", r"holds no interval"),
        ("", r"is empty \(0 bytes\)"),
        (gzip.compress(BED, mtime=0)[:-5], r"is damaged or cut short"),
    ],
)
def test_what_is_no_bed(write, genome, content, message):
    with pytest.raises(InputError, match=rf"x\.bed.*{message}"):
        read_bed(write(content, "x.bed"), genome)


def test_a_genome_that_is_no_dna(write):
    with pytest.raises(InputError, match=r"g\.fa: record 'chr1' .*protein"):
        read_bed(write(BED, "x.bed"), write(">chr1\nMKLVVVFFF\n", "g.fa"))


def test_windows_lie_around_the_middle_and_reach_beyond_the_ends(write, genome):
    lines = "chr2\t2\t3\ta\t0\t+\nchr2\t0\t1\tb\t0\t+\nchr2\t0\t5\tc\t0\t-\n"
    path = write(lines, "x.bed")
    table = read_bed(path, genome, window_bp=3)
    assert table["sequence"].to_dict() == {"a": "GGA", "b": "NGG", "c": "TCC"}
    assert table["end"].tolist() == [3, 1, 5]
    assert read_bed(path, genome, window_bp=9).loc["a", "sequence"] == "NNGGGACNN"
    with pytest.raises(InputError, match="window_bp is 0"):
        read_bed(path, genome, window_bp=0)


@given(
    letters=st.text("ACGT", min_size=30, max_size=60),
    start=st.integers(0, 28),
    length=st.integers(1, 30),
    window_bp=st.none() | st.integers(1, 40),
)
def test_the_other_strand_of_the_mirrored_genome_is_the_same(
    tmp_path_factory, letters, start, length, window_bp
):
    folder, end = tmp_path_factory.mktemp("bed"), min(start + length, len(letters))
    sequences = []
    for name, text, where in [
        ("plus", letters, f"c {start} {end} x 0 +"),
        ("minus", other_strand(letters), f"c {len(letters) - end} {len(letters) - start} x 0 -"),
    ]:
        (folder / f"{name}.fa").write_text(f">c\n{text}\n")
        (folder / f"{name}.bed").write_text(where + "\n")
        table = read_bed(folder / f"{name}.bed", folder / f"{name}.fa", window_bp=window_bp)
        sequences.append(table["sequence"].item())
    assert sequences[0] == sequences[1]
    assert len(sequences[0]) == (window_bp or end - start)


def test_what_is_written_is_read_back(write, genome, tmp_path):
    table = read_bed(write(BED, "x.bed"), genome)
    for name in ("y.bed", "y.bed.gz"):
        write_bed(table, tmp_path / name)
        again = read_bed(tmp_path / name, genome)
        pd.testing.assert_frame_equal(again, table.fillna({"score": 0}), check_dtype=False)


def test_scores_are_whole_and_within_bounds_and_names_one_word_apart(tmp_path):
    scores = [-3, 0.4, 999.6, 5000, float("nan")]
    names = ["a b", "a\tb", "a\nb", '"q"', "é"]
    table = pd.DataFrame({"chrom": "1", "start": range(5), "end": 9, "score": scores}, index=names)
    write_bed(table, tmp_path / "x.bed")
    rows = [line.split("\t") for line in (tmp_path / "x.bed").read_text().splitlines()]
    assert [row[3] for row in rows] == ["a b", "a b", "a b", '"q"', "é"]
    assert [row[4] for row in rows] == ["0", "0", "1000", "1000", "0"]
    assert {row[5] for row in rows} == {"."}


def test_a_zipped_bed_is_bgzip_with_pysam_and_gzip_without(tmp_path, monkeypatch):
    pytest.importorskip("pysam")
    table = pd.DataFrame({"chrom": ["1"], "start": [0], "end": [9]}, index=["x"])
    write_bed(table, tmp_path / "a.bed.gz")
    assert is_bgzip(tmp_path / "a.bed.gz")
    monkeypatch.setitem(sys.modules, "pysam", None)
    write_bed(table, tmp_path / "b.bed.gz")
    assert not is_bgzip(tmp_path / "b.bed.gz")
    contents = {gzip.decompress((tmp_path / f"{n}.bed.gz").read_bytes()) for n in "ab"}
    assert contents == {b"1\t0\t9\tx\t0\t.\n"}


def test_a_bed_that_cannot_be_written_leaves_nothing(tmp_path):
    table = pd.DataFrame({"chrom": ["1"], "start": [0], "end": [9]})
    with pytest.raises(InputError, match="does not exist; make it first"):
        write_bed(table, tmp_path / "none" / "x.bed")


@pytest.mark.real_data
def test_strands_of_a_real_genome(real_data, write):
    path = real_data / "genome" / "ecoli_k12_mg1655.fa.gz"
    genome = open_genome(path)
    (chrom,) = genome.names
    lines = f"{chrom}\t1000\t1081\ta\t0\t+\n{chrom}\t1000\t1081\tb\t0\t-\n"
    sequences = read_bed(write(lines, "x.bed"), path)["sequence"]
    assert sequences["a"] == genome.fetch(chrom, 1000, 1081).upper()
    assert sequences["b"] == other_strand(sequences["a"])
    too_far = write(f"{chrom}\t1000\t4641653\n", "y.bed")
    with pytest.raises(InputError, match="which has 4,641,652 bp"):
        read_bed(too_far, path)
