"""VCF as callers and people leave it, after public reports: no variant is lost without a word.

Each case is read with all its rows, or refused with the line that is wrong. The reports are issues
and pull requests on GitHub; the contents here are invented.
"""

import gzip

import pytest

from polyome._errors import InputError
from polyome.io.variant_table import read_variants
from polyome.io.vcf import Variant, read_vcf

HEAD = "##fileformat=VCFv4.2\n"
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
TWO = "chr1\t5\t.\tA\tC\t.\tPASS\tDP=3\nchr1\t9\t.\tG\tGT\t.\tPASS\tDP=3\n"
SAMPLES = COLUMNS.rstrip("\n") + "\tFORMAT\ts1\ts2\n"

READ = {
    # arq5x/bedtools 90: a blank line after the header
    "blank lines": (HEAD + COLUMNS + "\n" + TWO + "\n", [(5, "A", ["C"]), (9, "G", ["GT"])]),
    # vibansal/crisp 22: lines that end with a carriage return
    "CRLF": ((HEAD + COLUMNS + TWO).replace("\n", "\r\n"), [(5, "A", ["C"]), (9, "G", ["GT"])]),
    # as daler/pybedtools 297 reports it for BED
    "lines of old Macs": (
        (HEAD + COLUMNS + TWO).replace("\n", "\r"), [(5, "A", ["C"]), (9, "G", ["GT"])]
    ),
    # broadinstitute/Drop-seq 492: no line end at the end
    "no last line end": ((HEAD + COLUMNS + TWO)[:-1], [(5, "A", ["C"]), (9, "G", ["GT"])]),
    # zhou-lab/biscuit 23: a header line that is misspelt
    "misspelt header": (
        HEAD + '##FILTER=<ID=PASS,Describe="x">\n' + COLUMNS + TWO,
        [(5, "A", ["C"]), (9, "G", ["GT"])],
    ),
    # jamescasbon/PyVCF 210: contigs and INFO that no header line describes
    "nothing is described": (
        HEAD + COLUMNS + "GL000192.1\t5\trs1;rs2\tA\tC\t.\t.\tnci60=1;FLAG\n", [(5, "A", ["C"])]
    ),
    # samtools/bcftools 67: lower case
    "lower case": (HEAD + COLUMNS + "chr1\t5\t.\tac\tg\t.\t.\t.\n", [(5, "AC", ["G"])]),
    # samtools/hts-specs 54, AstraZeneca-NGS/VarDictJava 267, luntergroup/octopus 46: codes in REF
    "ambiguity codes": (
        HEAD + COLUMNS + "chr3\t5\t.\tB\tBGC\t.\t.\t.\nchr1\t6\t.\tM\tA\t.\t.\t.\n",
        [(5, "B", ["BGC"]), (6, "M", ["A"])],
    ),
    # igvteam/igv 927, ncbi/clinvar 3: codes in ALT
    "codes in ALT": (HEAD + COLUMNS + "1\t5\t.\tAG\tYT,NT\t.\t.\t.\n", [(5, "AG", ["YT", "NT"])]),
    # pcingola/SnpEff 127, iobio/clin.iobio 389, iqbal-lab-org/varifier 30
    "star and dot": (
        HEAD + COLUMNS + "1\t5\t.\tA\tC,*\t.\t.\t.\n1\t6\t.\tA\t.\t.\t.\t.\n",
        [(5, "A", ["C", "*"]), (6, "A", [])],
    ),
    # Ensembl/ensembl-vep 1868: gVCF
    "gVCF": (
        HEAD + COLUMNS + "1\t5\t.\tA\t<NON_REF>\t.\t.\tEND=9\n1\t9\t.\tA\tC,<*>\t.\t.\t.\n",
        [(5, "A", ["<NON_REF>"]), (9, "A", ["C", "<*>"])],
    ),
    # tjiangHIT/cuteSV 147, nhansen/SVanalyzer 8: telomeres at 0
    "position 0": (HEAD + COLUMNS + "1\t0\t.\tN\t<INS>\t.\t.\t.\n", [(0, "N", ["<INS>"])]),
    # EBIvariation/vcf-validator 227: one variant twice
    "the same variant twice": (
        HEAD + COLUMNS + "1\t5\t.\tA\tC\t.\t.\t.\n" * 2, [(5, "A", ["C"]), (5, "A", ["C"])]
    ),
    # samtools/bcftools 988, 601: not sorted
    "not sorted": (
        HEAD + COLUMNS + TWO.split("\n")[1] + "\n" + TWO.split("\n")[0] + "\n",
        [(9, "G", ["GT"]), (5, "A", ["C"])],
    ),
    # knausb/vcfR 146: headers of several files in one
    "a header in the middle": (
        HEAD + COLUMNS + TWO + HEAD + COLUMNS + TWO,
        [(5, "A", ["C"]), (9, "G", ["GT"])] * 2,
    ),
    # fpbarthel/GLASS 23: blank calls between
    "byte order mark": ("\ufeff" + HEAD + COLUMNS + TWO, [(5, "A", ["C"]), (9, "G", ["GT"])]),
}  # fmt: skip

REFUSED = {
    # PopicLab/cue 21, vpc-ccg/svict 10, Intel-HLS/GenomicsDB 148: blanks instead of tabs
    "blanks for tabs": (HEAD + COLUMNS + TWO.replace("\t", " "), r"line 3 has 1 fields; 8 or more"),
    # KarchinLab/open-cravat 19: no header
    "no header": (TWO, r"is no VCF: its first line is"),
    # brentp/cyvcf2 244, pysam-developers/pysam 402: rows before the names of the columns
    "no names of columns": (HEAD + TWO, r"line 2: a variant before the line #CHROM"),
    # pysam-developers/pysam 462: a header alone, cut short
    "only a beginning": (HEAD, r"no line #CHROM"),
    # czbiohub-sf/cerebra 103: 8 fields where there should be more
    "too few fields": (
        HEAD + SAMPLES + "1\t5\t.\tA\tC\t.\t.\t.\n", r"line 3 has 8 fields; the line #CHROM has 11"
    ),
    # KarchinLab/open-cravat 19, zhanxw/rvtests 28: more samples than the header has
    "too many fields": (
        HEAD + COLUMNS + "1\t5\t.\tA\tC\t.\t.\t.\tGT\t0/1\n",
        r"line 3 has 10 fields; the line #CHROM has 8",
    ),
    # vibansal/crisp 4: cut short in the last line
    "cut in the last line": (HEAD + COLUMNS + TWO[:-12], r"line 4 has 6 fields"),
    # dkoboldt/varscan 25: an empty REF, as plain tables of indels have it
    "empty REF": (HEAD + COLUMNS + "1\t5\t.\t-\tC\t.\t.\t.\n", r"line 3: REF is '-'"),
    # a position that a spreadsheet rewrote (as saketkc/gencode_regions 4 for BED)
    "rewritten position": (HEAD + COLUMNS + "1\t1.2E+08\t.\tA\tC\t.\t.\t.\n", r"POS is '1.2E\+08'"),
    # jamescasbon/PyVCF 194: text that is not UTF-8
    "Latin letters": (
        (HEAD + COLUMNS).encode() + b"1\t5\t.\tA\tC\t.\t.\tGENE=caf\xe9\n",
        r"line 3 is not text in UTF-8",
    ),
}  # fmt: skip


def variants(path):
    found = [line for line in read_variants(path) if isinstance(line, Variant)]
    return [(v.start + 1, v.reference, v.alternatives) for v in found]


@pytest.mark.parametrize("case", READ)
@pytest.mark.parametrize("is_packed", [False, True])
def test_all_variants_are_read(write, case, is_packed):
    content, wanted = READ[case]
    stored = gzip.compress(content.encode()) if is_packed else content
    assert variants(write(stored, "x.vcf.gz" if is_packed else "x.vcf")) == wanted


@pytest.mark.parametrize("case", REFUSED)
def test_a_line_that_is_wrong_is_named(write, case):
    content, message = REFUSED[case]
    with pytest.raises(InputError, match=message):
        list(read_vcf(write(content, "x.vcf")))


def test_a_table_of_variants_is_read_as_a_vcf(write):
    table = "Chr\tPosition\trsid\tRef\tAlt\tnote\n1\t5\trs 1\ta\tc/g\tx\n2\t9\t\tG\tGT\ty\n\n"
    path = write(table, "x.tsv")
    assert variants(path) == [(5, "A", ["C", "G"]), (9, "G", ["GT"])]
    *header, first, _ = read_variants(path)
    assert header == [HEAD.rstrip("\n"), COLUMNS.rstrip("\n")]
    assert first.fields == ["1", "5", "rs_1", "A", "C,G", ".", ".", "."]
    assert variants(write("chrom,pos,ref,alt\n1,5,A,C\n", "x.csv")) == [(5, "A", ["C"])]
    assert variants(write(HEAD + COLUMNS + TWO, "y.txt")) == [(5, "A", ["C"]), (9, "G", ["GT"])]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1\t5\tA\tC\n", r"names no column 'chrom', 'pos', 'ref', 'alt'"),
        ("chrom\tpos\tref\talt\n1\t5\tA\n", r"line 2 has 3 fields; the first line names 4"),
        (
            "chrom\tpos\tref\talt\n1\tx\tA\tC\n",
            r"line 2: pos is 'x'; a whole number, counted from 1",
        ),
        ("chrom\tpos\tref\talt\n1\t5\t-\tC\n", r"line 2: ref is '-'.*as VCF does"),
        ("chrom\tpos\tref\talt\n\t5\tA\tC\n", r"line 2: chrom is empty"),
        ("chrom\tchr\tpos\tref\talt\n1\t1\t5\tA\tC\n", r"two columns for chrom: 'chrom', 'chr'"),
    ],
)
def test_tables_that_hold_no_variants_are_refused(write, content, message):
    with pytest.raises(InputError, match=message):
        list(read_variants(write(content, "x.tsv")))


@pytest.mark.parametrize(
    ("name", "content", "alt"),
    [
        ("a.tsv", "## of 2024\n#CHROM\tPOS\tREF\tALT\nchr1\t5\tA\tC\n", "C"),
        ("a.tsv", "# of 2024\nchrom\tpos\tref\talt\nchr1\t5\tA\tC\n", "C"),
        ("a.csv", 'chrom,pos,ref,alt,note\nchr1,5,A,"C,G","a, b"\n', "C,G"),
        ("a.csv", "sep=;\nchrom;pos;ref;alt\nchr1;5;A;C\n;;;\n", "C"),
        ("a.csv", "chrom,pos,ref,alt\nchr1,5,A,NA\n", "."),
        ("a.csv", "chrom,pos,ref,alt\nchr1,5,A,\n", "."),
        ("a.csv", "chrom,pos,ref,alt\nchr1,5,A,<DEL>\n", "<DEL>"),
    ],
)
def test_tables_of_variants_as_programs_write_them(write, name, content, alt):
    (found,) = [line for line in read_variants(write(content, name)) if isinstance(line, Variant)]
    assert found.fields[:5] == ["chr1", "5", ".", "A", alt]


@pytest.mark.parametrize("alt", ["-", "A>T", "U"])
def test_alternatives_that_are_no_letters_are_refused_by_line(write, alt):
    path = write(f"chrom\tpos\tref\talt\nchr1\t5\tA\t{alt}\n", "a.tsv")
    with pytest.raises(InputError, match=f"line 2: alt is '{alt}'; letters of DNA are needed"):
        list(read_variants(path))


def test_an_open_quote_of_a_table_of_variants_is_refused(write):
    path = write('chrom,pos,ref,alt\nchr1,5,A,"C\n', "a.csv")
    with pytest.raises(InputError, match="line 2: a quote mark opens a field, and none closes it"):
        list(read_variants(path))
