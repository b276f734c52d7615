"""A scan answers as the model does, finds peaks of both strands, and survives interruption."""

import contextlib
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from polyome._errors import InputError
from polyome.genome.scan import ScanArguments, scan, scan_model, wanted_class
from polyome.genome.windows import WindowScorer
from polyome.io.nucleotides import Sequences, complement
from polyome.model_folder.fitted_model import SCANNER

COLUMNS = ["chrom", "start", "end", "name", "score", "strand"]
EVERY = ScanArguments(stride_bp=4, threshold=0.0, min_distance_bp=1)
"""Every window is a hit."""


def read_bed(path):
    return pd.read_csv(path, sep="\t", names=COLUMNS)


def sequences(genome):
    parts = [part.splitlines() for part in genome.read_text().split(">")[1:]]
    return {lines[0].split()[0]: "".join(lines[1:]).upper() for lines in parts}


def turned(text):
    codes = Sequences.from_text([text]).codes
    return "".join("-ACGTRYSWKMBDHVN"[code] for code in complement(codes)[::-1])


def test_every_window_of_both_strands_has_the_models_own_probability(motif_model, genome, tmp_path):
    hits = scan(motif_model.fitted_, genome, tmp_path / "a.bed", EVERY, quiet=True).hits
    letters = sequences(genome)
    forward = [letters[h.chrom][h.start : h.end] for h in hits.itertuples()]
    windows = [w if s == "+" else turned(w) for w, s in zip(forward, hits["strand"], strict=True)]
    assert len(hits) == 2 * ((400 - 24) // 4 + 1 + (300 - 24) // 4 + 1)
    expected = motif_model.predict(windows_table(windows))["1"].to_numpy()
    np.testing.assert_allclose(hits["probability"], expected, atol=1e-5)


def windows_table(windows):
    return pd.DataFrame({"sequence": windows})


def test_bed_has_six_columns_by_position_and_names_that_rank(motif_model, genome, tmp_path):
    out = tmp_path / "hits.bed"
    result = scan(motif_model.fitted_, genome, out, ScanArguments(stride_bp=1), quiet=True)
    bed = read_bed(out)
    assert len(bed) == len(result.hits) > 1
    assert all(len(line.split("\t")) == 6 for line in out.read_text().splitlines())
    chromosomes = ["chr2", "chr10"]  # the genome's order
    order = bed.assign(place=bed["chrom"].map(chromosomes.index))
    assert order[["place", "start"]].apply(tuple, axis=1).is_monotonic_increasing
    assert (bed["end"] - bed["start"] == 24).all()
    ranked = result.hits.set_index("name").loc[[f"hit{i + 1}" for i in range(len(bed))]]
    assert (np.diff(ranked["prominence"]) <= 0).all()
    order = np.argsort(-bed["score"], kind="stable")
    assert (np.diff(result.hits["prominence"].to_numpy()[order]) <= 1e-6).all()
    assert bed["score"].between(1, 1000).all()
    assert bed["score"].max() == 1000
    for _, strand in result.hits.groupby(["chrom", "strand"]):
        assert (np.diff(strand["start"]) >= 24).all()
        assert (strand["probability"] >= 0.5).all()


def test_without_surroundings_hits_rank_by_probability(motif_model, genome, tmp_path):
    arguments = replace(EVERY, surroundings_bp=0)
    hits = scan(motif_model.fitted_, genome, tmp_path / "a.bed", arguments, quiet=True).hits
    ranked = hits.iloc[hits["name"].str.removeprefix("hit").astype(int).argsort()]
    assert (np.diff(ranked["probability"]) <= 0).all()
    np.testing.assert_array_equal(hits["probability"], hits["prominence"])


def test_motifs_are_found_where_and_on_the_strand_that_they_stand(motif_model, genome, tmp_path):
    arguments = ScanArguments(stride_bp=1, threshold=0.0)
    hits = scan(motif_model.fitted_, genome, tmp_path / "hits.bed", arguments, quiet=True).hits
    best = hits.set_index("name").loc[["hit1", "hit2"]].sort_values("start")
    assert best["chrom"].tolist() == ["chr2", "chr2"]
    assert best["strand"].tolist() == ["+", "-"]
    assert best["start"].tolist() == [100 - 9, 250 - 9]


def test_the_other_strand_of_a_genome_has_the_mirrored_hits(motif_model, tmp_path):
    text = "".join(np.random.default_rng(3).choice(list("ACGT"), 200))
    found = []
    for name, letters in (("a", text), ("b", turned(text))):
        path = tmp_path / f"{name}.fa"
        path.write_text(f">chr\n{letters}\n")
        arguments = replace(EVERY, stride_bp=8)  # (200 - 24) is a multiple of it
        result = scan(motif_model.fitted_, path, tmp_path / f"{name}.bed", arguments, quiet=True)
        found.append(result.hits)
    mirrored = found[1].assign(
        start=200 - found[1]["end"], strand=found[1]["strand"].map({"+": "-", "-": "+"})
    )
    both = found[0].merge(mirrored, on=["start", "strand"], validate="one_to_one")
    assert len(both) == len(found[0])
    np.testing.assert_allclose(both["probability_x"], both["probability_y"], atol=1e-6)


def test_batch_size_changes_nothing(motif_model, genome, tmp_path):
    for size in (1, 7, 4096):
        arguments = replace(EVERY, stride_bp=10, batch_size=size)
        scan(motif_model.fitted_, genome, tmp_path / f"{size}.bed", arguments, quiet=True)
    found = [(tmp_path / f"{size}.bed").read_text() for size in (1, 7, 4096)]
    columns = [[line.split("\t")[:3] for line in text.splitlines()] for text in found]
    assert columns[0] == columns[1] == columns[2]


def test_windows_of_many_unknown_letters_are_not_scored(motif_model, tmp_path):
    path = tmp_path / "n.fa"
    text = "ACGTTGCA" * 10
    path.write_text(f">chr\n{text}{'N' * 50}R{text}\n")
    hits = scan(motif_model.fitted_, path, tmp_path / "n.bed", EVERY, quiet=True).hits
    unknown = [(text + "N" * 51 + text)[s : s + 24].count("N") / 24 for s in hits["start"]]
    assert max(unknown) <= 0.1
    assert len(hits) == 2 * sum(
        (text + "N" * 51 + text)[s : s + 24].count("N") <= 2 for s in range(0, 211 - 23, 4)
    )


def test_sequences_shorter_than_a_window_are_noted(motif_model, genome, tmp_path, capsys):
    result = scan(motif_model.fitted_, genome, tmp_path / "hits.bed", EVERY)
    note = "1 of 3 sequences are shorter than a window (24 bp) and were not scanned: 'tiny'."
    assert result.notes == ("looking for '1', of the classes '0', '1'.", note)
    assert note in capsys.readouterr().err
    assert result.lengths == {"chr2": 400, "tiny": 5, "chr10": 300}


def test_no_hit_is_an_empty_file_and_a_note(motif_model, genome, tmp_path):
    arguments = ScanArguments(threshold=1.0)
    result = scan(motif_model.fitted_, genome, tmp_path / "hits.bed", arguments, quiet=True)
    assert (tmp_path / "hits.bed").read_text() == ""
    assert result.notes[-1] == "no window has a probability of 1 or more."


def test_a_model_of_both_strands_gives_hits_without_strand(unstranded_model, genome, tmp_path):
    result = scan(unstranded_model.fitted_, genome, tmp_path / "hits.bed", EVERY, quiet=True)
    assert set(read_bed(tmp_path / "hits.bed")["strand"]) == {"."}
    assert len(result.hits) == (400 - 24) // 4 + 1 + (300 - 24) // 4 + 1
    assert "hits have no strand" in result.notes[1]


def test_bigwig_has_the_larger_probability_of_both_strands_in_the_middle(
    motif_model, genome, tmp_path
):
    pybigtools = pytest.importorskip("pybigtools")
    track = tmp_path / "track.bw"
    result = scan(motif_model.fitted_, genome, tmp_path / "a.bed", EVERY, bigwig=track, quiet=True)
    file = pybigtools.open(str(track))
    assert file.chroms() == {"chr2": 400, "chr10": 300}  # 'tiny' has no window
    larger = result.hits.groupby(["chrom", "start"])["probability"].max()
    for chrom in ("chr2", "chr10"):
        records = [tuple(record) for record in file.records(chrom)]
        assert [(s, e) for s, e, _ in records] == [(s + 10, s + 14) for s in larger[chrom].index]
        np.testing.assert_allclose([v for _, _, v in records], larger[chrom], atol=1e-6)


def test_a_genome_of_unknown_letters_has_no_hits_and_no_track(motif_model, tmp_path):
    path, track = tmp_path / "n.fa", tmp_path / "n.bw"
    path.write_text(f">chr\n{'N' * 60}\n")
    with pytest.raises(InputError, match=r"n.fa has no base but N"):
        scan(motif_model.fitted_, path, tmp_path / "n.bed", quiet=True)
    path.write_text(f">chr\n{'N' * 59}A\n")
    scan(motif_model.fitted_, path, tmp_path / "n.bed", quiet=True)
    assert (tmp_path / "n.bed").read_text() == ""
    pytest.importorskip("pybigtools")
    with pytest.raises(InputError, match=r"n.bw: there is no value to write"):
        scan(motif_model.fitted_, path, tmp_path / "m.bed", bigwig=track, quiet=True)
    assert not track.exists()
    assert not (tmp_path / "m.bed").exists()


class InterruptedScanError(Exception):
    """Stands for the end of the process."""


def interrupted_at(monkeypatch, number, model, genome, out, **options):
    """Scan until one sequence before ``number`` is done."""
    real, calls = WindowScorer.score, []

    def score(self, codes, pool, advance):
        calls.append(len(codes))
        if len(calls) == number:
            raise InterruptedScanError
        return real(self, codes, pool, advance)

    with monkeypatch.context() as patch:
        patch.setattr(WindowScorer, "score", score)
        with contextlib.suppress(InterruptedScanError):
            scan(model.fitted_, genome, out, quiet=True, **options)
    return calls


def test_an_interrupted_scan_goes_on_and_ends_the_same(motif_model, genome, tmp_path, monkeypatch):
    whole, out = tmp_path / "whole.bed", tmp_path / "hits.bed"
    scan(motif_model.fitted_, genome, whole, EVERY, quiet=True)
    interrupted_at(monkeypatch, 3, motif_model, genome, out, arguments=EVERY)
    assert not out.exists()
    assert (tmp_path / ".hits.bed.parts").is_dir()
    scanned = interrupted_at(monkeypatch, 9, motif_model, genome, out, arguments=EVERY, resume=True)
    assert scanned == [300]
    assert out.read_text() == whole.read_text()
    assert not list(tmp_path.glob(".*"))


def test_without_resume_or_with_other_settings_all_is_scanned_anew(
    motif_model, genome, tmp_path, monkeypatch, capsys
):
    out = tmp_path / "hits.bed"
    for resume, arguments in ((False, EVERY), (True, replace(EVERY, stride_bp=5))):
        interrupted_at(monkeypatch, 3, motif_model, genome, out, arguments=EVERY)
        scanned = interrupted_at(
            monkeypatch, 9, motif_model, genome, out, arguments=arguments, resume=resume
        )
        assert scanned == [400, 5, 300]
    assert capsys.readouterr().err == ""


def test_a_changed_sequence_is_scanned_again(motif_model, genome, tmp_path, monkeypatch):
    out = tmp_path / "hits.bed"
    interrupted_at(monkeypatch, 3, motif_model, genome, out, arguments=EVERY)
    text = genome.read_text()
    genome.write_text(text.replace("TATAAT", "TATCAT", 1))
    scanned = interrupted_at(monkeypatch, 9, motif_model, genome, out, arguments=EVERY, resume=True)
    assert 400 in scanned


def test_the_scanner_of_a_model_folder_is_used_if_wanted(motif_model, tmp_path):
    folder = tmp_path / "model"
    motif_model.save_pretrained(folder)
    usual = scan_model(folder, ScanArguments(), device="cpu", quiet=True)
    assert usual.output.temperature == motif_model.fitted_.output.temperature
    (folder / SCANNER).mkdir()
    other = replace(
        motif_model.fitted_, output=replace(motif_model.fitted_.output, temperature=3.5)
    )
    other.save(folder / SCANNER)
    assert scan_model(folder, ScanArguments(), device="cpu").output.temperature == 3.5
    without = ScanArguments(scanner=False)
    assert scan_model(folder, without, device="cpu").output.temperature == usual.output.temperature


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"stride_bp": 0}, "stride_bp=0: a number of at least 1 is needed."),
        ({"stride_bp": 2.5}, "stride_bp=2.5: a whole number"),
        ({"batch_size": None}, "batch_size=None: a whole number"),
        ({"min_distance_bp": -1}, "min_distance_bp=-1: a number of at least 1"),
        ({"surroundings_bp": -1}, "surroundings_bp=-1: a number of at least 0"),
        ({"threshold": 1.5}, "threshold=1.5: a number from 0 to 1 is needed."),
        ({"threshold": float("nan")}, "threshold=nan: a number from 0 to 1"),
        ({"max_unknown": "all"}, "max_unknown='all': a number is needed"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(InputError) as error:
        ScanArguments(**settings)
    assert str(error.value).startswith(message)


def test_what_cannot_be_written_is_refused_before_work(motif_model, tmp_path, monkeypatch):
    fitted, absent = motif_model.fitted_, tmp_path / "absent.fa"  # the outputs are looked at first
    with pytest.raises(InputError, match=r"the folder .* does not exist; make it first"):
        scan(fitted, absent, tmp_path / "no" / "hits.bed")
    with pytest.raises(InputError, match=r"hits.csv: a scan writes BED; name a file that ends"):
        scan(fitted, absent, tmp_path / "hits.csv")
    with pytest.raises(InputError, match=r"track.wig: name a bigWig that ends with .bw"):
        scan(fitted, absent, tmp_path / "hits.bed", bigwig=tmp_path / "track.wig")
    monkeypatch.setitem(sys.modules, "pybigtools", None)
    with pytest.raises(InputError, match=r"pybigtools, which is absent. Run: pip install"):
        scan(fitted, absent, tmp_path / "hits.bed", bigwig=tmp_path / "track.bw")
    with pytest.raises(InputError, match=r"no file .*absent.fa"):
        scan(fitted, absent, tmp_path / "hits.bed")
    assert not list(tmp_path.iterdir())


def test_a_genome_of_short_sequences_is_refused(motif_model, tmp_path):
    path = tmp_path / "short.fa"
    path.write_text(">a\nACGT\n>b\nACGTACGT\n")
    message = r"all 2 sequences are shorter than a window of the model \(24 bp; the longest has 8"
    with pytest.raises(InputError, match=message):
        scan(motif_model.fitted_, path, tmp_path / "hits.bed")
    assert [file.name for file in tmp_path.iterdir()] == ["short.fa"]


def test_a_wrong_class_or_model_is_refused(motif_model, genome, tmp_path):
    with pytest.raises(InputError, match=r"no class 'yes' \(label\). It has: '0', '1'"):
        scan(motif_model.fitted_, genome, tmp_path / "a.bed", ScanArguments(label="yes"))
    fitted = motif_model.fitted_
    no_classes = replace(fitted, output=replace(fitted.output, classes=()))
    with pytest.raises(InputError, match=r"a scan needs a model that tells classes of sequences"):
        scan(no_classes, genome, tmp_path / "a.bed")


@pytest.mark.parametrize(
    ("classes", "wanted"),
    [
        (("0", "1"), "1"),
        (("False", "True"), "True"),
        (("promoter", "random"), "promoter"),
        (("enhancer", "shuffled enhancers"), "enhancer"),
        (("TATA", "non-promoter"), "TATA"),
        (("Background", "notochord"), "notochord"),
    ],
)
def test_without_a_name_the_class_that_is_no_background_is_looked_for(classes, wanted):
    assert wanted_class(classes, None) == wanted


@pytest.mark.parametrize("classes", [("a", "b"), ("none", "random"), ("background", "a", "b")])
def test_where_it_is_not_plain_the_class_has_to_be_named(classes):
    with pytest.raises(InputError, match=r"which class to look for\? .* Say --set label="):
        wanted_class(classes, None)
    assert wanted_class(classes, classes[0]) == classes[0]


def test_the_class_that_is_looked_for_can_be_chosen(motif_model, genome, tmp_path):
    found = [
        scan(motif_model.fitted_, genome, tmp_path / "a.bed", replace(EVERY, label=label)).hits
        for label in ("0", "1")
    ]
    total = found[0]["probability"].to_numpy() + found[1]["probability"].to_numpy()
    np.testing.assert_allclose(total, 1, atol=1e-9)


def test_windows_that_a_backbone_cuts_are_counted(motif_model, genome, tmp_path, monkeypatch):
    modality = type(motif_model.fitted_.modality)
    monkeypatch.setattr(modality, "is_cut", lambda _, records: np.arange(len(records)) < 2)
    found = scan(motif_model.fitted_, genome, tmp_path / "hits.bed", quiet=True)
    assert "windows have more tokens than the backbone reads" in found.notes[-1]
