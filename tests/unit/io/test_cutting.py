"""How intervals are cut: windows, summits, starts of transcripts, ends of chromosomes."""

import pytest

from polyome._errors import InputError
from polyome.io import read, read_sequences
from polyome.io.cutting import Cutting
from polyome.io.intervals import read_bed
from polyome.modalities import SequenceModality

TEXT = "AACGTTGGCCATCAGGTTAA"
GENOME = f">chr1\n{TEXT}\n>chr2\nGGGACCCATT\n"
PEAKS = "chr1\t4\t12\ta\t0\t+\t9.5\t3\t-1\t2\nchr1\t4\t12\tb\t0\t-\t9.5\t3\t-1\t7\n"
GTF = (
    "#!genome-build x\n"
    'chr1\tx\tgene\t5\t12\t.\t+\t.\tgene_id "g1"; gene_name "A";\n'
    'chr1\tx\ttranscript\t5\t12\t.\t+\t.\tgene_id "g1"; transcript_id "t1"; level 2;\n'
    'chr1\tx\texon\t5\t12\t.\t+\t.\tgene_id "g1"; transcript_id "t1";\n'
    'chr1\tx\ttranscript\t5\t12\t.\t-\t.\tgene_id "g2"; transcript_id "t2"; note "a; b";\n'
)
GFF3 = (
    "##gff-version 3\n"
    "chr1\tx\tgene\t5\t12\t.\t+\t.\tID=gene:g1;Name=A%3B1;biotype=lnc\n"
    "chr1\tx\tmRNA\t5\t12\t.\t-\t.\tID=t2;Parent=gene:g1\n"
    "###\n##FASTA\n>chr1\nACGT\n"
)
COMPLEMENT = str.maketrans("ACGT", "TGCA")


@pytest.fixture
def genome(write):
    return write(GENOME, "g.fa")


def minus(text):
    return text.translate(COMPLEMENT)[::-1]


@pytest.mark.parametrize("name", ["a.narrowPeak", "a.NARROWPEAK", "a.bed"])
def test_windows_around_summits(write, genome, name):
    table = read(write(PEAKS, name), genome=genome, window_bp=5, center="summit")
    assert table["sequence"].to_dict() == {"a": TEXT[4:9], "b": minus(TEXT[9:14])}
    assert table["end"].tolist() == [12, 12]


def test_columns_of_peaks_have_their_names(write, genome):
    table = read(write(PEAKS, "a.narrowPeak"), genome=genome)
    assert table.columns.tolist()[6:10] == ["signalValue", "pValue", "qValue", "peak"]
    assert table["sequence"].tolist() == [TEXT[4:12], minus(TEXT[4:12])]
    broad = PEAKS.replace("\t2\n", "\n").replace("\t7\n", "\n")
    table = read(write(broad, "a.broadPeak"), genome=genome)
    assert table.columns.tolist()[6:9] == ["signalValue", "pValue", "qValue"]
    with pytest.raises(InputError, match=r"has 9 columns; narrowpeak has 10. Rename the file"):
        read(write(broad, "b.narrowPeak"), genome=genome)


def test_a_column_called_summit_is_read(write, genome):
    header = "#chrom\tstart\tend\tname\tscore\tstrand\tsummit\n"
    bed = write(header + "chr1\t4\t12\ta\t0\t+\t3\n", "a.bed")
    assert read_bed(bed, genome, window_bp=1, center="summit")["sequence"].tolist() == [TEXT[7]]


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("chr1\t4\t12\n", {"window_bp": 5, "center": "summit"}, r"has no summits: narrowPeak has"),
        (PEAKS.replace("\t7\n", "\t8\n"), {"window_bp": 5, "center": "summit"},
         r"line 2: summit \(column 'field10'\) is '8'; a whole number from 0 to 7"),
        (PEAKS, {"center": "summit"}, r"center=summit is for windows: say how long they are"),
        (PEAKS, {"center": "end", "window_bp": 3}, r"center='end' is not known. Known: 'middle'"),
        (PEAKS, {"beyond": "cut"}, r"beyond='cut' is not known. Known: 'refuse', 'clip', 'pad'"),
        (PEAKS, {"window_bp": "x"}, r"window_bp is x; a whole number of at least 1"),
        (PEAKS, {"window_bp": 2.5}, r"window_bp is 2.5; a whole number"),
    ],
)  # fmt: skip
def test_what_cannot_be_cut_so_is_refused(write, genome, content, options, message):
    with pytest.raises(InputError, match=message):
        read_bed(write(content, "a.bed"), genome, **options)


BEYOND = "chr2\t6\t14\ta\t0\t-\nchr2\t-2\t3\tb\t0\t+\nchr2\t0\t10\tc\t0\t+\n"


def test_intervals_beyond_an_end_are_clipped_or_padded(write, genome):
    bed = write(BEYOND, "a.bed")
    clipped = read_bed(bed, genome, beyond="clip")
    assert clipped["sequence"].tolist() == ["AATG", "GGG", "GGGACCCATT"]
    assert clipped["start"].tolist() == [6, 0, 0]
    assert clipped["end"].tolist() == [10, 3, 10]
    padded = read_bed(bed, genome, beyond="pad")
    assert padded["sequence"].tolist() == ["NNNNAATG", "NNGGG", "GGGACCCATT"]
    assert padded["end"].tolist() == [14, 3, 10]
    (note,) = clipped.attrs["notes"]
    assert "2 of 3 intervals reach beyond their chromosome; what lies there is read" in note
    assert "N is read there (beyond=pad)" in padded.attrs["notes"][0]
    with pytest.raises(InputError, match=r"line 1: end 14 is beyond.*--set beyond=clip reads what"):
        read_bed(bed, genome)
    outside = write("chr2\t10\t14\n", "b.bed")
    with pytest.raises(InputError, match=r"line 1: chr2:10-14 lies wholly beyond.*nothing to read"):
        read_bed(outside, genome, beyond="clip")


def test_intervals_go_on_across_the_origin_of_a_circular_chromosome(write, genome):
    bed = write("chr2\t7\t13\ta\t0\t+\nchr2\t7\t13\tb\t0\t-\nchr1\t0\t2\tc\t0\t+\n", "a.bed")
    table = read_bed(bed, genome, circular="chr2")
    assert table["sequence"].tolist() == ["ATTGGG", minus("ATTGGG"), "AA"]
    assert table.attrs["notes"] == ()
    near = write("chr2\t0\t1\ta\t0\t+\n", "b.bed")
    assert read_bed(near, genome, circular="2", window_bp=5)["sequence"].tolist() == ["TTGGG"]
    with pytest.raises(InputError, match="is beyond the end of chr1"):
        read_bed(write("chr1\t15\t25\n", "c.bed"), genome, circular="chr2")


def test_starts_of_transcripts_on_either_strand(write, genome):
    table = read(write(GTF, "a.gtf"), genome=genome, window_bp=5)
    assert table["sequence"].to_dict() == {"t1": TEXT[2:7], "t2": minus(TEXT[9:14])}
    assert table[["start", "end"]].to_numpy().tolist() == [[4, 5], [11, 12]]
    assert table["gene_id"].tolist() == ["g1", "g2"]
    assert table["level"].tolist()[0] == "2"
    assert table["note"].tolist()[1] == "a; b"
    (note,) = table.attrs["notes"]
    assert "the starts of 2 features 'transcript' are read; 3 lines are other features" not in note
    assert "the starts of 2 features 'transcript' are read; 2 lines are other features" in note
    genes = read(write(GTF, "a.gtf"), genome=genome, window_bp=1, feature="gene")
    assert genes["sequence"].to_dict() == {"g1": TEXT[4]}


def test_gff3_ends_where_its_sequences_begin(write, genome):
    table = read(write(GFF3, "a.gff3"), genome=genome, window_bp=3)
    assert table["sequence"].to_dict() == {"t2": minus(TEXT[10:13])}
    gene = read(write(GFF3, "a.gff"), genome=genome, window_bp=3, feature="gene")
    assert gene["Name"].tolist() == ["A;1"]


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (GTF, {}, r"windows around the starts of transcripts are read; say how long they are"),
        (GTF, {"feature": "CDS"}, r"has no feature 'CDS'. It has: 'gene', 'transcript', 'exon'"),
        ("chr1\tx\tCDS\t1\t2\t.\t+\t.\ta=b\n", {}, r"no feature 'transcript', 'mRNA', 'gene'"),
        (
            GTF.replace("t\t5\t12\t.\t-", "t\t5\t12\t.\t."),
            {},
            r"line 5: strand is '.'; '\+' or '-'",
        ),
        (GTF.replace("t\t5\t12\t.\t-", "t\t0\t12\t.\t-"), {}, r"line 5: start '0' and end '12'"),
        ("chr1 x gene 1 2\n", {}, r"line 1 has 1 fields; 9 are needed, separated by tabs"),
        ("# nothing\n", {}, r"holds no feature"),
    ],
)
def test_annotations_that_name_no_start_are_refused(write, genome, content, options, message):
    if "say how long" not in message:
        options = {"window_bp": 3} | options
    with pytest.raises(InputError, match=message):
        read(write(content, "a.gtf"), genome=genome, **options)


def test_several_files_keep_their_notes_and_what_is_usual_is_said(write, genome):
    first, second = write(GTF, "a.gtf"), write(GTF, "b.gtf")
    usual = Cutting(window_bp=5).remembered
    table = read_sequences([first, second], genome=genome, usual=usual)
    assert table["sequence"].str.len().tolist() == [5] * 4
    notes = table.attrs["notes"]
    assert [note.partition(": ")[0][-5:] for note in notes[:2]] == ["a.gtf", "b.gtf"]
    assert notes[2] == "windows of 5 bp around each middle, as in fit."
    table = read_sequences([first], genome=genome, cutting={"window_bp": 7}, usual=usual)
    assert table.attrs["notes"][1] == "window_bp=7, and the model was fitted with window_bp=5."
    plain = read_sequences([write("chr1\t0\t4\n", "a.bed")], genome=genome, cutting={})
    assert plain.attrs["notes"] == ()


def test_options_of_intervals_are_for_intervals(write, genome):
    with pytest.raises(InputError, match=r"center is for BED, and this is a FASTA"):
        read(genome, center="summit", window_bp=3)
    with pytest.raises(InputError, match=r"Name its FASTA with --genome"):
        read(write(GTF, "a.gtf"), window_bp=3)


def test_a_table_of_windows_keeps_how_it_was_cut(write, genome, tmp_path):
    pytest.importorskip("pyarrow")
    table = read(write(PEAKS, "a.bed"), genome=genome, window_bp=5, center="summit")
    table.to_parquet(tmp_path / "a.parquet")
    modality = SequenceModality()
    records = modality.read(table)
    assert Cutting(**records.cut_as) == Cutting(window_bp=5, center="summit")
    modality.fit(records)
    again = SequenceModality.from_state(*modality.state())
    assert again.cut_as_ == {"window_bp": 5, "center": "summit", "feature": None}
    with pytest.raises(InputError, match="window_bp is for files of intervals; the table holds"):
        modality.read(table, window_bp=3)


def test_of_transcripts_and_mrnas_the_commoner_are_read(write, genome):
    """NCBI's GFF3 has thousands of mRNA, and a few ``transcript`` of no other kind."""
    line = "chr1\tx\t{}\t{}\t12\t.\t+\t.\tID={}\n"
    rows = [("mRNA", 5, "a"), ("mRNA", 7, "b"), ("transcript", 9, "c")]
    path = write("".join(line.format(*row) for row in rows), "a.gff3")
    table = read(path, genome=genome, window_bp=3)
    assert table.index.tolist() == ["a", "b"]
    assert table["sequence"].tolist() == [TEXT[3:6], TEXT[5:8]]
    assert table.attrs["notes"][0].endswith(
        "1 lines are other features (1 'transcript': --set feature=transcript)."
    )
