"""Names of chromosomes: those that mean one chromosome are found, and no others are merged."""

import pytest

from polyome._errors import InputError
from polyome.io.chromosomes import (
    ChromosomeNames,
    alias_note,
    build_of,
    plain_chromosome,
    read_aliases,
)


@pytest.mark.parametrize(
    ("names", "plain"),
    [
        (["1", "chr1", "Chr1", "CHR1", "chr01", "NC_000001.10", "NC_000001.11"], "1"),
        (["CM000663.1", "CM000663.2"], "1"),
        (["X", "chrX", "NC_000023.11", "CM000685.2"], "X"),
        (["Y", "chrY", "NC_000024.10", "CM000686.2"], "Y"),
        (["MT", "M", "chrM", "chrMT", "Mt", "NC_012920.1"], "MT"),
        (["chr2L", "2L"], "2L"),
        (["chrIV", "IV"], "IV"),
        (["chr1_random"], "1_random"),
    ],
)
def test_names_of_one_chromosome_have_one_plain_name(names, plain):
    assert {plain_chromosome(name) for name in names} == {plain}


@pytest.mark.parametrize(
    "name", ["scaffold_7", "NC_000913.3", "NC_000001.8", "chromosome1", "contig1", "01", "CHRNA7"]
)
def test_other_names_stay_as_they_are(name):
    assert plain_chromosome(name) == name


def test_what_is_written_in_the_genome_wins_and_two_chromosomes_are_never_merged():
    names = ChromosomeNames({"1": 5, "chr1": 7, "chr2": 9})
    assert names.find("1") == "1"
    assert names.find("chr1") == "chr1"
    assert names.find("NC_000001.11") is None
    assert names.found(["2", "chr2", "9"]) == {"2": "chr2", "chr2": "chr2"}


def test_an_accession_of_another_build_is_another_sequence():
    by_length = ChromosomeNames({"chr1": 248_956_422})
    assert by_length.find("NC_000001.11") == by_length.find("1") == "chr1"
    assert by_length.find("NC_000001.10") is None
    by_name = ChromosomeNames({"CM000664.1": 500})
    assert by_name.find("NC_000002.11") == by_name.find("chr2") == "CM000664.1"
    assert by_name.find("NC_000002.12") is None
    assert build_of("MT", 16_569) is None


def test_the_mitochondrion_of_hg19_is_not_that_of_ensembl():
    assert ChromosomeNames({"chrM": 16_569}).find("MT") == "chrM"
    assert ChromosomeNames({"chrM": 16_571}).find("MT") is None


def test_a_table_names_what_no_rule_knows(write):
    table = read_aliases(write("ctg1\tchrI\nctg2\tchrII\n", "two.tsv"))
    assert ChromosomeNames({"chrI": 3}, table).find("ctg1") == "chrI"
    assert ChromosomeNames({"ctg1": 3}, table).find("chrI") == "ctg1"
    assert ChromosomeNames({"ctg1": 3}, table).find("ctg2") is None


def test_tables_of_ucsc_are_read_in_both_forms(write):
    wide = "# ucsc\tassembly\trefseq\nchr1\t1\tNC_9.1\nchrUn_1\t\tNW_7.1\n"
    dump = "1\tchr1\tensembl\nNC_9.1\tchr1\trefseq\n2\tchr2\tensembl\n"
    for content in (wide, dump):
        table = read_aliases(write(content, "chromAlias.txt"))
        assert table["NC_9.1"] == {"1", "chr1", "NC_9.1"}
        assert "ensembl" not in table
    assert ChromosomeNames({"chr1": 1, "1": 2}, table).find("NC_9.1") is None


@pytest.mark.parametrize(
    ("content", "message"),
    [("a\tb\nc\n", "line 2 has one name; two names"), ("# only\tthis\n", "holds no names")],
)
def test_tables_without_pairs_are_refused(write, content, message):
    with pytest.raises(InputError, match=message):
        read_aliases(write(content, "x.tsv"))


def test_the_note_counts_what_was_matched_by_alias():
    assert alias_note({"chr1": "chr1"}, "a.bed") == ()
    (note,) = alias_note({"1": "chr1", "2": "chr2"}, "a.bed")
    assert note == "a.bed: 2 names were matched by alias ('1' is 'chr1' in the genome)."
