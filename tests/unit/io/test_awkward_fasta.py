"""FASTA as it comes from editors, databases and pipelines: no record is lost in silence.

Each file is built after a public report, named by repository and number. Either every record of it
is read, with its letters, or the message names the record or the line.
"""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyome._errors import InputError
from polyome.io.fasta import read_fasta, stream_fasta

MARK = b"\xef\xbb\xbf"
TWO = [("a", "ACGT"), ("b", "GGCC")]
READ = [
    # Lines that end as on old Macs, on Windows, or in every way at once.
    ("mdshw5/pyfaidx#141", b">a\rAC\rGT\r>b\rGGCC\r", TWO),
    ("zaeleus/noodles#5", b">a\r\nAC\r\nGT\r\n>b\r\nGGCC\r\n", TWO),
    ("xflouris/libpll#71", b">a x\r\nAC\rGT\n>b\rGGCC", TWO),
    # A line's end written twice.
    ("torognes/vsearch#370", b">a\r\r\nACGT\r\r\n>b\r\r\nGGCC\r\r\n", TWO),
    # Comments before the first record, behind a name, between records.
    ("biopython/biopython#4780", b"; of 2024\n;and more\n>a\nACGT\n>b\nGGCC\n", TWO),
    ("marcelm/dnaio#34", b"# of 2024\n#\n>a\nACGT\n>b\nGGCC\n", TWO),
    ("mdshw5/pyfaidx#43", b">a\n; a comment\nACGT\n;\n\n>b\nGGCC\n; the end\n", TWO),
    # Empty lines between and inside records, and lines of blanks at the end.
    ("adarob/eXpress#2", b"\n>a\nACGT\n\n>b\n\nGG\n\nCC\n\n\n", TWO),
    ("phylovi/bito#229", b">a\nACGT\n>b\nGGCC\n   \n\t\n", TWO),
    # Names end at a tab too, and may hold the sign that begins a record.
    ("thackl/gggenomes#227", b">a\tfirst\nACGT\n>b\t\tsecond\nGGCC\n", TWO),
    ("BenLangmead/bowtie2#39", b">a <B> <C>\nACGT\n>b >c\nGGCC\n", TWO),
    ("pierrebarbera/epa-ng#11", b">a       DE 1\t1411\trna\nACGT\n>b size=121_\nGGCC\n", TWO),
    # A star that ends a sequence.
    ("desmid/mview#23", b">a\nACGT*\n>b\nGG\nCC\n*\n", TWO),
    # The mark of UTF-8, and UTF-16 as a shell of Windows writes it.
    ("Gaius-Augustus/Augustus#118", MARK + b">a\nACGT\n>b\nGGCC\n", TWO),
    ("paulfitz/daff#33", ">a\r\nACGT\r\n>b\r\nGGCC\r\n".encode("utf-16"), TWO),
    # Several gzips in one file, and an ending that tells nothing of it.
    (
        "pysam-developers/pysam#919",
        gzip.compress(b">a\nAC") + gzip.compress(b"GT\n>b\nGGCC\n"),
        TWO,
    ),
    (
        "scverse/rustar-aligner#217",
        gzip.compress(b">a\nACGT\n") + gzip.compress(b">b\nGGCC\n"),
        TWO,
    ),
    # No end of the last line.
    ("biopython/biopython#1814", b">a\nACGT\n>b\nGGCC", TWO),
    # Lower case, RNA, ambiguous letters and blanks.
    ("lmdu/pyfastx#30", b">a\nacgt\n>b\nGGcc\n", [("a", "acgt"), ("b", "GGcc")]),
    ("oschwengers/bakta#87", b">a\nACNNRYKM\n>b\nGGCU\n", [("a", "ACNNRYKM"), ("b", "GGCU")]),
    ("mahulchak/quickmerge#14", b">a\nA C\tG T\n>b\n GGCC \n", TWO),
]  # fmt: skip

REFUSED = [
    # Two files joined, the first without the end of its last line.
    ("nextstrain/nextclade#1234", b">a\nACGT>b\nGGCC\n",
     r"record 'a' \(line 1\) holds '>' at position 5.*A line break is missing before it"),
    # Another sign that begins a record: its letters must not be added to the record above.
    ("mdshw5/pyfaidx#144", b">a\nACGT\n;b\nGGCC\n",
     r"line 3 begins with ';' between letters of the record of line 1.*begin it with '>'"),
    # No name.
    ("mdshw5/pyfaidx#75", b">a\nACGT\n>\nGGCC\n", r"line 3: the record has no name after '>'"),
    ("biointec/columba#7", b">\nACGT\n>\nGGCC\n", r"line 1: the record has no name after '>'"),
    ("samtools/samtools#449", b"> a\nACGT\n", r"line 1: the record has no name after '>'"),
    # No letters.
    ("mdshw5/pyfaidx#159", b">a\n\n>b\n\n", r"record 'a' \(line 1\) has no sequence"),
    ("samtools/htslib#1507", b">a\nACGT\n>foo\n", r"record 'foo' \(line 3\) has no sequence"),
    ("IndexThePlanet/Logan#25", b">a start_typeACGTACGT\n>b\nGGCC\n", r"record 'a' .* no sequence"),
    ("mdshw5/pyfaidx#160", b">a\n*\n>b\nGGCC\n", r"record 'a' \(line 1\) has no sequence"),
    # Gaps.
    ("NLM-DIR/vadr#79", b">a\nAC--GT\n", r"holds '-' at position 3.*gap of an alignment"),
    ("biotite-dev/biotite#26", b">a\nAC__GT\n", r"holds '_' at position 3.*gap of an alignment"),
    ("PatrickKueck/FASconCAT-G#5", ">a\nAC\u2013GT\n".encode(), r"'a' \(line 1\) holds .* at .* 3"),
    ("ndierckx/NOVOPlasty#99", b">a\nAC*GT\n", r"holds '\*' at position 3"),
    # Protein.
    ("arpcard/rgi#184", b">a\nMRFNINKSELLNALTIV*\n", r"holds 'F' at position 3.*like protein"),
    # FASTQ, whole or in the middle, and a table.
    ("ksahlin/strobealign#560", b"@a\nACGT\n+\nIIII\n", r"looks like FASTQ .*seqtk seq -A"),
    ("trinityrnaseq/trinityrnaseq#470", b">a\nACGT\n@b\nGG\n", r"holds '@' at position 5"),
    ("algbio/SBWT#3", b"id,sequence\na,ACGT\n", r"line 1: FASTA begins with '>'.*\.csv or \.tsv"),
    # Nothing but comments.
    ("marcelm/cutadapt#591", b"# nothing\n#\n", r"holds no record: it is blank"),
    # Cut in a download.
    ("OpenGene/fastp#264", gzip.compress(b">a\nACGT\n" * 9, mtime=0)[:-6], r"damaged or cut short"),
]  # fmt: skip


@pytest.mark.parametrize(("report", "content", "records"), READ, ids=[one[0] for one in READ])
def test_every_record_is_read(write, report, content, records):
    del report
    path = write(content)
    assert list(read_fasta(path)["sequence"].items()) == records
    assert list(stream_fasta(path)) == records


@pytest.mark.parametrize(("report", "content", "message"), REFUSED, ids=[r[0] for r in REFUSED])
def test_what_cannot_be_read_is_refused_by_record_or_line(write, report, content, message):
    del report
    for read in (read_fasta, lambda path: list(stream_fasta(path))):
        with pytest.raises(InputError, match=rf"x\.fa.*{message}"):
            read(write(content))


@pytest.mark.parametrize("content", [b">a x\nAC\n>a y\nGT\n", b">seq 0\nAC\n>seq 1\nGT\n"])
def test_records_of_one_name_are_all_kept(write, content):
    # samtools/samtools#380, brentp/pyfasta#2, mdshw5/pyfaidx#150
    assert read_fasta(write(content))["sequence"].tolist() == ["AC", "GT"]


def outcome(path):
    """The letters of each record, or why the file was refused."""
    try:
        return read_fasta(path)["sequence"].to_dict(), ""
    except InputError as error:
        return None, str(error)


LINES = st.lists(st.sampled_from(["ACGT", "nnNN", "", " ", "; x"]), max_size=4)


@given(st.lists(LINES, min_size=1, max_size=6), st.sampled_from(["\n", "\r", "\r\n"]))
def test_letters_in_are_letters_out_or_a_refusal(tmp_path_factory, records, end):
    path = tmp_path_factory.mktemp("fasta") / "x.fa"
    lines = [line for i, record in enumerate(records) for line in (f">r{i}", *record)]
    path.write_bytes((end.join(lines) + end).encode())
    read, refusal = outcome(path)
    if read is None:
        assert "has no sequence" in refusal or "begins with ';'" in refusal
        return
    letters = ["".join(line.strip() for line in record if line[:1] != ";") for record in records]
    assert read == {f"r{i}": text for i, text in enumerate(letters)}
