"""Variants: every kind is answered as documented, in the file's order, and counted."""

import gzip
import re

import numpy as np
import pandas as pd
import pytest

from polyome._errors import InputError
from polyome.data.expression import simulate_levels
from polyome.estimator import estimator_class
from polyome.genome.variant_windows import Window, Windows, window_around, window_text
from polyome.genome.variants import VariantArguments, score_variants
from polyome.io.genome import open_genome
from polyome.io.vcf import Variant, index_vcf, read_vcf

COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\ts1"
LENGTH = 60


@pytest.fixture(scope="module")
def model():
    made = estimator_class("expression")(hidden_size=16, num_members=1, quiet=True, device="cpu")
    return made.fit(simulate_levels(), "level,other", baselines=False, num_train_epochs=4)


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    path = tmp_path_factory.mktemp("genome") / "g.fa"
    rng = np.random.default_rng(5)
    letters = {name: "".join(rng.choice(list("ACGT"), 200)) for name in ("chr1", "chr2")}
    path.write_text("".join(f">{name}\n{text.lower()}\n" for name, text in letters.items()))
    return path, letters


def line(chrom, position, reference, alternative, info="."):
    return f"{chrom}\t{position}\tv\t{reference}\t{alternative}\t9\tPASS\t{info}\tGT\t0/1"


def other(base):
    return "ACGT"["ACGT".index(base) - 1]


@pytest.fixture
def run(model, genome, tmp_path):
    def scored(lines, name="out.vcf", windows=None, **arguments):
        source = tmp_path / "in.vcf"
        source.write_text("\n".join(["##fileformat=VCFv4.2", COLUMNS, *lines]) + "\n")
        out = tmp_path / name
        settings = VariantArguments(**arguments)
        result = score_variants(
            model.fitted_, source, genome[0], out, windows=windows, arguments=settings, quiet=True
        )
        found = [v for v in read_vcf(out) if isinstance(v, Variant)]
        return found, result, out

    return scored


def info(variant):
    return dict(item.partition("=")[::2] for item in variant.fields[7].split(";"))


def numbers(text):
    return [float(value) for value in text.split(",")]


def test_an_snv_is_the_difference_of_two_predictions(run, model, genome):
    text = genome[1]["chr1"]
    base = text[100]
    (found,), result, _ = run([line("chr1", 101, base, other(base), "DP=7")])
    start = 100 - LENGTH // 2
    reference = text[start : start + LENGTH]
    changed = reference[: LENGTH // 2] + other(base) + reference[LENGTH // 2 + 1 :]
    usual = model.predict(pd.DataFrame({"sequence": [reference, changed]}))
    values = info(found)
    assert values["DP"] == "7"
    for name in ("level", "other"):
        ref, alt = usual[name]
        assert float(values[f"POLYOME_REF_{name}"]) == pytest.approx(ref, abs=1e-4)
        assert numbers(values[f"POLYOME_ALT_{name}"]) == pytest.approx([alt], abs=1e-4)
        assert numbers(values[f"POLYOME_DIFF_{name}"]) == pytest.approx([alt - ref], abs=2e-4)
    assert result.counts == {"scored": 1}
    assert found.fields[8:] == ["GT", "0/1"]


def test_every_edge_case_is_answered_and_counted(run, genome):
    text = genome[1]["chr1"]
    base = text[99]
    lines = [
        line("chr1", 100, other(base), base),
        line("chr9", 100, "A", "C"),
        line("chr1", 100, base, f"*,{other(base)}"),
        line("chr1", 100, base, f"<DEL>,{base}[chr2:5["),
        line("chr1", 100, base, "."),
        line("chr1", 2, text[1], other(text[1])),
        line("chr1", 199, text[198:], "A"),
        line("chr1", 200, text[199] + "A", "A"),
        line("chr1", 100, text[99:120].lower(), text[99].lower()),
    ]
    found, result, _ = run(lines)
    notes = [info(v).get("POLYOME_NOTE") for v in found]
    assert notes == [
        "reference_mismatch", "unknown_contig", "star_allele", "symbolic_allele",
        "no_alternative", "at_edge", "at_edge", "reference_mismatch", None,
    ]  # fmt: skip
    assert info(found[2])["POLYOME_DIFF_level"].startswith(".,")
    assert "POLYOME_DIFF_level" not in info(found[3])
    assert result.counts == {
        "reference_mismatch": 2, "unknown_contig": 1, "star_allele": 1, "symbolic_allele": 2,
        "no_alternative": 1, "at_edge": 2, "scored": 4,
    }  # fmt: skip
    assert result.variants == len(lines)
    assert any("2 reference_mismatch: REF is not" in note for note in result.notes)


@pytest.mark.parametrize(("number", "notes"), [(6, None), (7, "unknown_letters")])
def test_a_window_of_unknown_letters_is_scored_with_a_note(model, tmp_path, number, notes):
    text = "".join(np.random.default_rng(1).choice(list("ACGT"), 200))
    text = text[:75] + "N" * number + text[75 + number :]
    genome, source, out = (tmp_path / name for name in ("n.fa", "in.vcf", "out.vcf"))
    genome.write_text(f">chr1\n{text}\n")
    header = f"##fileformat=VCFv4.2\n{COLUMNS}\n"
    source.write_text(header + line("chr1", 101, text[100], other(text[100])) + "\n")
    result = score_variants(model.fitted_, source, genome, out, quiet=True)
    (found,) = [v for v in read_vcf(out) if isinstance(v, Variant)]
    assert info(found).get("POLYOME_NOTE") == notes
    assert "POLYOME_DIFF_level" in info(found)
    assert result.counts["scored"] == 1


def test_an_unsorted_file_keeps_its_order_and_gets_no_index(run, genome):
    text = genome[1]["chr1"]
    places = [150, 50, 100]
    lines = [line("chr1", p, text[p - 1], other(text[p - 1])) for p in places]
    found, result, out = run(lines, "out.vcf.gz")
    assert [v.start + 1 for v in found] == places
    assert not result.is_sorted
    assert not out.with_name("out.vcf.gz.tbi").exists()
    assert "not sorted" in result.notes[-1]


def test_a_sorted_file_is_bgzip_with_an_index(run, genome):
    pysam = pytest.importorskip("pysam")
    lines = [
        line(chrom, p, genome[1][chrom][p - 1], f"{other(genome[1][chrom][p - 1])},AAAA")
        for chrom in ("chr1", "chr2")
        for p in (60, 61, 100)
    ]
    _, result, out = run(lines, "out.vcf.gz")
    assert result.is_sorted
    with pysam.VariantFile(str(out)) as file:
        fetched = list(file.fetch("chr2", 59, 61))
    assert [record.pos for record in fetched] == [60, 61]
    assert len(fetched[0].info["POLYOME_DIFF_level"]) == 2
    with gzip.open(out, "rt") as file:
        assert sum(text.startswith("##INFO=<ID=POLYOME") for text in file) == 8


def test_of_several_windows_the_largest_effect_counts(run, genome, tmp_path):
    text = genome[1]["chr1"]
    bed = tmp_path / "w.bed"
    bed.write_text("chr1\t60\t120\tone\t0\t+\nchr1\t80\t140\ttwo\t0\t-\nchr2\t0\t60\tfar\t0\t+\n")
    base = text[100]
    snv = line("chr1", 101, base, other(base))
    found, result, _ = run([snv, line("chr1", 10, text[9], other(text[9]))], windows=bed)
    both = info(found[0])
    assert info(found[1])["POLYOME_NOTE"] == "outside_windows"
    assert result.counts["outside_windows"] == 1
    effects = {}
    for name, row in (("one", "chr1\t60\t120\tone\t0\t+"), ("two", "chr1\t80\t140\ttwo\t0\t-")):
        bed.write_text(f"{row}\n")
        (alone,), *_ = run([snv], windows=bed)
        values = info(alone)
        assert values["POLYOME_WINDOW"] == name
        effects[name] = max(abs(float(values[f"POLYOME_DIFF_{t}"])) for t in ("level", "other"))
    assert both["POLYOME_WINDOW"] == max(effects, key=effects.get)


@pytest.mark.parametrize("is_minus", [False, True])
@pytest.mark.parametrize("place", [70, 110])
def test_the_far_half_of_a_window_stays_in_its_place(genome, place, is_minus):
    path, letters = genome
    text = letters["chr1"]
    opened, window = open_genome(path), Window("w", 60, 120, is_minus)
    variant = Variant(["chr1", str(place + 1), ".", text[place : place + 3], "A", ".", ".", "."], 1)
    found = window_text(opened, variant, window, "A")
    if is_minus:
        found = found.translate(str.maketrans("ACGT", "TGCA"))[::-1]
    edited = text[:place] + "A" + text[place + 3 :]
    if place < 90:  # in the left half: the right end stays
        assert found == edited[58:118]
    else:
        assert found == edited[60:120]
    same = window_text(opened, variant, Window("w", 60, 120, is_minus=False), variant.reference)
    assert same == text[60:120]


def test_windows_reach_beyond_a_chromosome_and_alleles_beyond_a_window(genome):
    path, letters = genome
    text = letters["chr2"]
    opened = open_genome(path)
    first = Variant(["chr2", "1", ".", text[0], "ACGTT", ".", ".", "."], 1)
    assert window_text(opened, first, window_around(first, 10), text[0]) == "N" * 5 + text[:5]
    assert window_text(opened, first, window_around(first, 10), "ACGTT") == "N" * 5 + "ACGTT"
    long = Variant(["chr2", "41", ".", text[40:100], "G", ".", ".", "."], 1)
    for window in (Window("a", 50, 90, is_minus=False), Window("b", 95, 135, is_minus=False)):
        assert len(window_text(opened, long, window, "G")) == 40
        assert window_text(opened, long, window, text[40:100]) == text[window.start : window.end]


def test_start_sites_become_windows_of_the_models_length():
    sites = pd.DataFrame(
        {"chrom": "chr1", "start": [100, 100], "end": [101, 101], "strand": ["+", "-"]},
        index=["plus", "minus"],
    )
    windows = Windows(sites, 60, 40)
    variant = Variant(["chr1", "101", ".", "A", "C", ".", ".", "."], 1)
    found = {w.name: (w.start, w.end) for w in windows.over(variant)}
    assert found == {"plus": (60, 120), "minus": (81, 141)}
    assert not windows.over(Variant(["chr1", "200", ".", "A", "C", ".", ".", "."], 1))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("chr1\t5\tv\tA\n", "line 3 has 4 fields; 8 or more"),
        (line("chr1", "x", "A", "C"), "line 3: POS is 'x'"),
        (line("chr1", 5, "<N>", "C"), "line 3: REF is '<N>'"),
    ],
)
def test_damaged_lines_are_refused_before_anything_is_written(run, tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        run([text])
    assert not (tmp_path / "out.vcf").exists()


def test_files_that_are_no_vcf_are_refused(tmp_path):
    path = tmp_path / "a.vcf"
    path.write_text("chr1\t5\n")
    with pytest.raises(InputError, match="is no VCF"):
        list(read_vcf(path))
    path.write_text("##fileformat=VCFv4.2\n")
    with pytest.raises(InputError, match="no line #CHROM"):
        list(read_vcf(path))
    with pytest.raises(InputError, match="is BCF"):
        list(read_vcf(tmp_path / "a.bcf"))


def test_settings_and_names_are_checked(run, model, genome, tmp_path):
    with pytest.raises(InputError, match="upstream_bp=60: the model's window has 60 bp"):
        run([], upstream_bp=60)
    with pytest.raises(InputError, match=r"ends in \.vcf"):
        run([], name="out.txt")
    cells = estimator_class("cell-type")(hidden_size=16, num_members=1, quiet=True)
    cells.fit(cells.task_class.example().source, "cell_type", baselines=False, num_train_epochs=1)
    with pytest.raises(InputError, match="variants need a model of sequences"):
        score_variants(cells.fitted_, tmp_path / "a", genome[0], tmp_path / "o.vcf", quiet=True)


def test_start_sites_need_a_bed(run):
    with pytest.raises(InputError, match=r"upstream_bp=10 is for a BED of start sites"):
        run([], upstream_bp=10)


def test_scores_of_an_older_run_do_not_stay(run, genome, tmp_path):
    text = genome[1]["chr1"]
    once = line("chr1", 101, text[100], other(text[100]))
    (scored,), _, _ = run([once])
    bed = tmp_path / "w.bed"
    bed.write_text("chr1\t140\t200\tfar\t0\t+\n")
    (again,), _, _ = run(["\t".join(scored.fields)], windows=bed)
    assert info(again) == {"POLYOME_NOTE": "outside_windows"}


def test_a_genome_of_other_names_is_refused_with_a_hint(run, tmp_path):
    with pytest.raises(InputError, match=r"in.vcf: .*has no sequence '7'.* --set aliases=FILE"):
        run([line("7", 100, "A", "C"), line("8", 100, "A", "C")])
    assert not (tmp_path / "out.vcf").exists()


def test_windows_have_the_numbers_that_the_model_reads(genome, tmp_path):
    table = simulate_levels()
    table["half_life"] = np.arange(len(table)) % 7
    table["level"] += table["half_life"]
    made = estimator_class("expression")(
        hidden_size=16, num_members=1, quiet=True, device="cpu", feature_columns="half_life"
    )
    fitted = made.fit(table, "level", baselines=False, num_train_epochs=2).fitted_
    text = genome[1]["chr1"]
    vcf, bed = tmp_path / "v.vcf", tmp_path / "w.bed"
    snv = line("chr1", 101, text[100], other(text[100]))
    vcf.write_text(f"##fileformat=VCFv4.2\n{COLUMNS}\n{snv}\n")

    def reference(windows):
        out = tmp_path / "o.vcf"
        score_variants(fitted, vcf, genome[0], out, windows=windows, quiet=True)
        return float(info(list(read_vcf(out))[-1])["POLYOME_REF_level"])

    with pytest.raises(InputError, match=r"the model reads 'half_life' beside each sequence"):
        reference(None)
    rows = "chr1\t70\t130\tx\t0\t+\t{}\n"
    bed.write_text(rows.format(6))
    with pytest.raises(InputError, match=r"w.bed has 'chrom', 'start', .*'field7'"):
        reference(bed)
    found = []
    for number in (0, 6):
        bed.write_text("#chrom\tstart\tend\tname\tscore\tstrand\thalf_life\n")
        with bed.open("a") as file:
            file.write(rows.format(number))
        found.append(reference(bed))
    assert found[1] > found[0] + 1


def test_chromosomes_beyond_what_tabix_counts_are_indexed_too(tmp_path):
    pysam = pytest.importorskip("pysam")
    path = tmp_path / "long.vcf.gz"
    lines = [line("chr1", position, "A", "C") for position in (500, 600_000_000)]
    head = "##fileformat=VCFv4.2\n##contig=<ID=chr1>\n"
    with pysam.BGZFile(str(path), "wb") as file:
        file.write(f"{head}{COLUMNS}\n{chr(10).join(lines)}\n".encode())
    index_vcf(path, 700_000_000)
    with pysam.TabixFile(str(path), index=f"{path}.csi") as file:
        assert len(list(file.fetch("chr1", 599_999_990, 600_000_010))) == 1


def test_mutagenesis_changes_every_base_to_every_other_one(model):
    sequence = simulate_levels(1, seed=4)["sequence"].iloc[0]
    table = model.mutagenesis(pd.DataFrame({"sequence": [sequence]}, index=["x"]))
    assert len(table) == 3 * len(sequence)
    assert (table["reference"] != table["alternative"]).all()
    assert "".join(table["reference"][::3]) == sequence
    row = table.iloc[50]
    place = row["position"]
    changed = sequence[:place] + row["alternative"] + sequence[place + 1 :]
    usual = model.predict(pd.DataFrame({"sequence": [sequence, changed]}))["level"]
    assert row["level"] == pytest.approx(usual.iloc[1], abs=1e-5)
    assert row["level_difference"] == pytest.approx(usual.iloc[1] - usual.iloc[0], abs=1e-5)


def shown(notes, text):
    return any(text in note for note in notes)


def test_a_long_insertion_that_leaves_the_window_is_at_its_edge(run, genome):
    text = genome[1]["chr1"]
    alleles = [text[99] + "ACGT" * n for n in (2, 7, 8)]
    found, result, _ = run([line("chr1", 100, text[99], allele) for allele in alleles])
    notes = [info(variant).get("POLYOME_NOTE") for variant in found]
    assert notes == [None, None, "at_edge"]
    assert shown(result.notes, "a long allele, beyond the window")


@pytest.mark.parametrize(
    ("letter", "reference", "note"),
    [
        ("R", "A", "ambiguous_reference"),
        ("Y", "c", "ambiguous_reference"),
        ("K", "G", "ambiguous_reference"),
        ("R", "N", "ambiguous_reference"),
        ("N", "A", "ambiguous_reference"),
        ("R", "R", None),
        ("N", "N", None),
        ("R", "G", "reference_mismatch"),
        ("N", "G", "reference_mismatch"),
        ("A", "N", "reference_mismatch"),
    ],
)
def test_codes_of_the_genome_are_the_first_of_their_bases(model, tmp_path, letter, reference, note):
    text = "".join(np.random.default_rng(1).choice(list("ACGT"), 200))
    text = text[:100] + letter + text[101:]
    genome, source, out = (tmp_path / name for name in ("n.fa", "in.vcf", "out.vcf"))
    genome.write_text(f">chr1\n{text}\n")
    header = f"##fileformat=VCFv4.2\n{COLUMNS}\n"
    source.write_text(header + line("chr1", 101, reference, "T") + "\n")
    result = score_variants(model.fitted_, source, genome, out, quiet=True)
    (found,) = [v for v in read_vcf(out) if isinstance(v, Variant)]
    assert info(found).get("POLYOME_NOTE") == note
    if note == "reference_mismatch":
        return
    right = model.predict(pd.DataFrame({"sequence": [text[70:100] + reference + text[101:130]]}))
    assert float(info(found)["POLYOME_REF_level"]) == pytest.approx(right["level"][0], abs=1e-4)
    if note:
        assert shown(result.notes, "ambiguity code (such as R) there; the base of REF is read")


def vcf_of(genome, mistaken, header=""):
    """25 variants, of which so many have another REF."""
    text = genome[1]["chr1"]
    rows = [
        line("chr1", p + 1, other(text[p]) if k < mistaken else text[p], text[p])
        for k, p in enumerate(range(60, 85))
    ]
    return "\n".join([f"##fileformat=VCFv4.2{header}", COLUMNS, *rows]) + "\n"


@pytest.mark.parametrize(
    ("mistaken", "contig", "says"),
    [
        (2, "", None),
        (2, "\n##contig=<ID=chr1,length=200>", None),
        (3, "", "warning: .*3 of 25 REF alleles that were looked up are not what the genome has"),
        (0, "\n##contig=<ID=chr1,length=248956422>", r"'chr1' has 248,956,422 bp \(GRCh38\), and"),
        (0, "\n##contig=<ID=chr2,length=12>", None),
    ],
)
def test_a_vcf_that_may_be_of_another_build_is_warned_of(
    model, genome, tmp_path, mistaken, contig, says
):
    source, out = tmp_path / "in.vcf", tmp_path / "out.vcf"
    source.write_text(vcf_of(genome, mistaken, contig))
    result = score_variants(model.fitted_, source, genome[0], out, quiet=True)
    found = [note for note in result.notes if "one build" in note]
    assert len(found) == (says is not None)
    if says:
        assert re.search(says, found[0])


def test_a_vcf_of_another_build_is_refused(model, genome, tmp_path):
    source, out = tmp_path / "in.vcf", tmp_path / "out.vcf"
    source.write_text(vcf_of(genome, 9))
    with pytest.raises(InputError, match=r"in.vcf: 9 of 25 REF.* one build\? --set check_build"):
        score_variants(model.fitted_, source, genome[0], out, quiet=True)
    assert not out.exists()
    unchecked = VariantArguments(check_build=False)
    result = score_variants(model.fitted_, source, genome[0], out, arguments=unchecked, quiet=True)
    assert result.notes[0].startswith("warning: ")
    assert result.counts == {"reference_mismatch": 9, "scored": 16}


def test_names_of_chromosomes_may_differ_between_vcf_windows_and_genome(run, genome, tmp_path):
    text = genome[1]["chr1"]
    bed = tmp_path / "w.bed"
    bed.write_text("NC_000001.11\t60\t120\tone\t0\t+\n")
    rows = [line(name, 101, text[100], other(text[100])) for name in ("1", "chr1")]
    found, result, _ = run(rows, windows=bed)
    assert [v.chrom for v in found] == ["1", "chr1"]
    assert info(found[0]) == info(found[1])
    assert info(found[0])["POLYOME_WINDOW"] == "one"
    assert shown(result.notes, "1 chromosome name was matched by alias ('1' is 'chr1'")
    table = tmp_path / "aliases.tsv"
    table.write_text("ctg5\tchr1\n")
    row = line("ctg5", 101, text[100], other(text[100]))
    (aliased,), _, _ = run([row], windows=bed, aliases=str(table))
    assert info(aliased) == info(found[0])


def test_windows_go_on_across_the_origin_of_a_circular_chromosome(run, model, genome):
    text = genome[1]["chr1"]
    row = line("chr1", 3, text[2], other(text[2]))
    (cut,), *_ = run([row])
    (round_,), *_ = run([row], circular="chr1")
    assert info(cut)["POLYOME_NOTE"] == "at_edge"
    assert "POLYOME_NOTE" not in info(round_)
    sequence = text[-28:] + text[:32]
    right = model.predict(pd.DataFrame({"sequence": [sequence]}))["level"][0]
    assert float(info(round_)["POLYOME_REF_level"]) == pytest.approx(right, abs=1e-4)


def test_a_table_of_variants_and_starts_of_a_gtf(model, run, genome, tmp_path):
    text = genome[1]["chr1"]
    (usual,), *_ = run([line("chr1", 101, text[100], other(text[100]))])
    table, out = tmp_path / "in.tsv", tmp_path / "table.vcf"
    table.write_text(f"chrom\tpos\tref\talt\nchr1\t101\t{text[100]}\t{other(text[100])}\n")
    score_variants(model.fitted_, table, genome[0], out, quiet=True)
    (found,) = [v for v in read_vcf(out) if isinstance(v, Variant)]
    assert {k: v for k, v in info(found).items() if k != "DP"} == info(usual)
    gtf = tmp_path / "genes.gtf"
    gtf.write_text('chr1\tx\ttranscript\t101\t150\t.\t+\t.\tgene_id "g"; transcript_id "t1";\n')
    score_variants(model.fitted_, table, genome[0], out, windows=gtf, quiet=True)
    (at_start,) = [v for v in read_vcf(out) if isinstance(v, Variant)]
    assert info(at_start)["POLYOME_WINDOW"] == "t1"
    assert info(at_start)["POLYOME_REF_level"] == info(usual)["POLYOME_REF_level"]


def test_a_second_header_loses_no_variant(model, genome, tmp_path, monkeypatch):
    monkeypatch.setattr("polyome.genome.variants.CHUNK", 2)
    text = genome[1]["chr1"]
    head = "\n".join(["##fileformat=VCFv4.2", *(f"##x={i}" for i in range(9)), COLUMNS]) + "\n"
    row = line("chr1", 101, text[100], other(text[100])) + "\n"
    source, out = tmp_path / "in.vcf", tmp_path / "out.vcf"
    source.write_text(head + 2 * row + head + 3 * row)
    assert score_variants(model.fitted_, source, genome[0], out, quiet=True).variants == 5
    assert sum(isinstance(found, Variant) for found in read_vcf(out)) == 5


def test_the_output_may_be_no_input(model, genome, tmp_path):
    source = tmp_path / "in.vcf"
    source.write_text(vcf_of(genome, 0))
    bed = tmp_path / "w.vcf"
    bed.write_text("chr1\t60\t120\n")
    for path in (source, bed):
        before = path.read_text()
        with pytest.raises(InputError, match="is an input; what it holds would be lost"):
            score_variants(model.fitted_, source, genome[0], path, windows=bed, quiet=True)
        assert path.read_text() == before


def test_a_shift_by_half_a_window_is_refused(run):
    with pytest.raises(InputError, match=r"shift_bp=30: the model's window has 60 bp; less than"):
        run([], shift_bp=30)


def test_a_window_that_a_backbone_cuts_has_a_note(run, model, genome, monkeypatch):
    modality = type(model.fitted_.modality)
    monkeypatch.setattr(modality, "is_cut", lambda _, records: np.ones(len(records), bool))
    text = genome[1]["chr1"]
    (found,), result, _ = run([line("chr1", 101, text[100], other(text[100]))])
    assert info(found)["POLYOME_NOTE"] == "cut_tokens"
    assert any("1 cut_tokens: scored, though a window has more tokens" in n for n in result.notes)
