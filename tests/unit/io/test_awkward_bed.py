"""BED as tools and people leave it, after public reports: no row is lost without a word.

Each case is read with all its rows, or refused with the line that is wrong. The reports are issues
and pull requests on GitHub; the contents here are invented.
"""

import gzip

import pytest

from polyome._errors import InputError
from polyome.io.intervals import read_bed

GENOME = ">chr1 . first, (complete) ;\nAACGTTGGCC\nAACCGGTTAA\n>chr2\nGGGACCCATT\n>3\nTTTTTCCCCC\n"
LETTERS = {"chr1": "AACGTTGGCCAACCGGTTAA", "chr2": "GGGACCCATT", "3": "TTTTTCCCCC"}
FIVE = "chr1\t0\t4\tx\t0\t+\nchr2\t2\t6\ty\t0\t-\n"
COMPLEMENT = str.maketrans("ACGT", "TGCA")

READ = {
    # tanghaibao/jcvi 698, bioinfo-pf-curie/TMB 16, hoffmangroup/umap 14
    "browser and track lines": (
        "browser position chr1:1-9\ntrack name=\"a b\" description='track'\n" + FIVE,
        ["chr1:0-4+", "chr2:2-6-"],
    ),
    # GMOD/jbrowse-components 5073
    "comments with tabs": ("#\t\t\t\t\t-\n#\tdir:\t\t-\n" + FIVE, ["chr1:0-4+", "chr2:2-6-"]),
    # nextstrain/augur 945: a comment in the middle
    "comment in the middle": (
        FIVE.replace("chr2", "# chr1\t0\t2\nchr2"),
        ["chr1:0-4+", "chr2:2-6-"],
    ),
    # fulcrumgenomics/pybedlite 1: blank lines between comments
    "blank lines": ("# a\n\n#\n   \n" + FIVE + "\n\n", ["chr1:0-4+", "chr2:2-6-"]),
    # arq5x/bedtools2 544, deeptools/deepTools 506
    "CRLF in three columns": ("chr1\t0\t4\r\nchr2\t2\t6\r\n", ["chr1:0-4+", "chr2:2-6+"]),
    # daler/pybedtools 297
    "lines of old Macs": (FIVE.replace("\n", "\r"), ["chr1:0-4+", "chr2:2-6-"]),
    # samtools/samtools 165: several blanks between columns
    "runs of blanks": ("chr1   0  4 x  0 +\nchr2 2   6 y 0   -\n", ["chr1:0-4+", "chr2:2-6-"]),
    # shenwei356/seqkit 195: column 5 is there and empty
    "empty score": (
        FIVE.replace("\t0\t+", "\t\t+").replace("\t0\t-", "\t\t-"),
        ["chr1:0-4+", "chr2:2-6-"],
    ),
    # ComparativeGenomicsToolkit/hal 246: quoted names, twelve columns
    "quoted names and blocks": (
        'chr1\t0\t9\t"NM_1.2"\t0\t-\t0\t9\t0\t2\t2,3,\t0,6,\n',
        ["chr1:0-9-"],
    ),
    # daler/pybedtools 365: narrowPeak with lines for browsers
    "narrowPeak example": (
        "track type=narrowPeak visibility=3\nbrowser position chr1:1-9\n"
        "chr1\t0\t4\t.\t0\t.\t182\t5.0945\t-1\t2\n",
        ["chr1:0-4."],
    ),
    # lh3/seqtk 69 and 71, bedtools getfasta -s (arq5x/bedtools 140): strand is honoured
    "both strands of one place": ("3\t3\t7\ta\t0\t+\n3\t3\t7\tb\t0\t-\n", ["3:3-7+", "3:3-7-"]),
    # arq5x/bedtools2 878, 902: names and strands that repeat
    "one name for all": ("chr1\t0\t4\tg\t0\t+\nchr1\t0\t4\tg\t0\t+\n", ["chr1:0-4+"] * 2),
    # macarthur-lab/clinvar 8, BirolLab/straglr 48: chr1 and 1
    "names without chr": ("1\t0\t4\tx\t0\t+\nchr3\t0\t7\ty\t0\t+\n", ["chr1:0-4+", "3:0-7+"]),
    # paulsengroup/modle 107; byte order mark of spreadsheets
    "byte order mark": ("\ufeff" + FIVE, ["chr1:0-4+", "chr2:2-6-"]),
    # ENCODE-DCC/wgbs-pipeline 47: a header with '#'
    "header with a sharp": (
        "#chrom\tstart\tend\tname\tscore\tstrand\n" + FIVE,
        ["chr1:0-4+", "chr2:2-6-"],
    ),
    # freebayes/freebayes 209: a sequence that is called like a browser's line
    "no last line end": (FIVE.rstrip("\n"), ["chr1:0-4+", "chr2:2-6-"]),
}

REFUSED = {
    # arq5x/bedtools 140
    "strand in column 5": ("chr1\t0\t4\tA\t+\nchr1\t0\t4\tB\t-\n", r"line 1: column 5 holds '\+'"),
    # robinweide/GENOVA 59: strand in column 4
    "strand in column 4": ("chr1\t0\t4\t.\nchr1\t0\t4\t-\n", r"line 2: column 4 holds '-'"),
    # databio/gtars 121, GMOD/jbrowse-components 794: a header without '#'
    "header without a sharp": ("chr\tstart\tend\nchr1\t0\t4\n", r"line 1: start is 'start'"),
    # saketkc/gencode_regions 4, etal/cnvkit 127
    "scientific notation": ("chr1\t0\t4\nchr1\t1.0e+00\t7\n", r"line 2: start is '1.0e\+00'"),
    # daler/pybedtools 161
    "floats": ("chr1\t0.0\t4.0\n", r"line 1: start is '0.0'"),
    # arq5x/bedtools2 813, bergmanlab/mcclintock 121
    "negative start": ("chr1\t0\t4\nchr1\t-3\t4\n", r"line 2: start -3 is negative"),
    # bcbio/bcbio-nextgen 329, BirolLab/ntJoin 27
    "start after end": ("chr1\t0\t4\nchr1\t9\t4\n", r"line 2: end 4 is before start 9"),
    # arq5x/bedtools2 646
    "zero length": ("chr1\t0\t0\t.\t585\t+\n", r"line 1: start and end are both 0"),
    # davek44/Basset 55: getfasta skips it
    "beyond the end": ("chr1\t0\t4\nchr2\t5\t11\n", r"line 2: end 11 is beyond the end of chr2"),
    # arq5x/bedtools2 1032: an annotation's columns
    "another table": ("chr1\tComplete\t7016.2\t1\t9\t+\n", r"line 1: start is 'Complete'"),
    # BuysDB/SingleCellMultiOmics 262
    "two columns": ("chr1\t5\n", r"line 1 has 2 fields"),
    # augur 945: another number of columns in the middle
    "ragged rows": ("chr1\t0\t4\tx\nchr1\t0\t4\n", r"line 2 has 3 fields; 4 as in line 1"),
    # YeoLab/eCLIP 34: -1 for no summit
    "no summit": (
        "chr1\t0\t9\t.\t0\t+\t3.4\t6.5\t-1\t-1\n", r"line 1: summit \(column 'field10'\) is '-1'"
    ),
    # lldelisle in deeptools/pyGenomeTracks 206: '*' for a strand
    "star for a strand": ("chr1\t0\t4\tx\t0\t*\n", r"line 1: strand '\*' is none of"),
    # an unknown contig is skipped by getfasta with a warning (davek44/Basset 55)
    "unknown contig": ("chr1\t0\t4\nchrUn_9\t0\t4\n", r"line 2: .*has no sequence 'chrUn_9'"),
}  # fmt: skip


def wanted(place):
    chrom, _, rest = place.rpartition(":")
    strand = rest[-1]
    start, end = map(int, rest[:-1].split("-"))
    letters = LETTERS[chrom][start:end]
    return letters.translate(COMPLEMENT)[::-1] if strand == "-" else letters


@pytest.fixture
def genome(write):
    return write(GENOME, "g.fa")


@pytest.mark.parametrize("case", READ)
@pytest.mark.parametrize("is_packed", [False, True])
def test_all_rows_are_read(write, genome, case, is_packed):
    content, places = READ[case]
    stored = gzip.compress(content.encode()) if is_packed else content
    table = read_bed(write(stored, "x.bed.gz" if is_packed else "x.bed"), genome)
    assert table["sequence"].tolist() == [wanted(place) for place in places]


@pytest.mark.parametrize("case", REFUSED)
def test_a_row_that_is_wrong_is_named(write, genome, case):
    content, message = REFUSED[case]
    options = {"window_bp": 4, "center": "summit"} if "summit" in case else {}
    with pytest.raises(InputError, match=message):
        read_bed(write(content, "x.bed"), genome, **options)


def test_a_chromosome_may_be_called_track(write):
    genome = write(">track\nACGT\n", "g.fa")
    bed = write("track name=x\ntrack\t0\t3\n", "x.bed")
    assert read_bed(bed, genome)["sequence"].tolist() == ["ACG"]


def test_notes_say_what_was_decided(write, genome):
    table = read_bed(write(READ["quoted names and blocks"][0], "x.bed"), genome)
    (note,) = table.attrs["notes"]
    assert "1 of 1 intervals have blocks (BED12); they are read whole" in note
    table = read_bed(write(READ["names without chr"][0], "x.bed"), genome)
    assert "2 names were matched by alias ('1' is 'chr1' in the genome)" in table.attrs["notes"][0]
    one_block = "chr1\t0\t9\tx\t0\t-\t0\t9\t0\t1\t9,\t0,\n"
    assert read_bed(write(one_block, "x.bed"), genome).attrs["notes"] == ()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("chr1\t0\t4\tx\t-1\n", r"column 5 holds '-1'. Is it the strand\?.*Add the columns"),
        ("chr1\t0\t4\tminus\n", r"column 4 holds 'minus'. Is it the strand\?"),
        ("chr1\t0\t4\tx\t0\t.\t-\n", r"column 7 holds '-'.*Move it there, or separate"),
        ("chr1 0 4 my gene 0 -\n", r"column 7 holds '-'.*by tabs if names hold blanks"),
    ],
)
def test_strands_of_other_spellings_and_places_are_refused(write, line, message):
    with pytest.raises(InputError, match=message):
        read_bed(write(line, "a.bed"), write(GENOME, "g.fa"))


def test_labels_of_1_and_minus_1_are_no_strands(write):
    path = write("chr1\t0\t4\t1\nchr1\t4\t8\t-1\n", "a.bed")
    assert read_bed(path, write(GENOME, "g.fa"))["name"].tolist() == ["1", "-1"]
