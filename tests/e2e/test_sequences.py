"""Promoters through the commands: every kind of file, and what is refused."""

import gzip
import json

import numpy as np
import pandas as pd
import pytest

from polyome.data.simulate import simulate_sequences
from polyome.genome import distil

TINY = ["--set=hidden_size=16", "--set=num_members=1", "--set=num_train_epochs=2", "--device=cpu"]


@pytest.fixture(scope="module")
def sequences():
    table = simulate_sequences(160)
    table["part"] = np.resize(["train", "train", "train", "test"], len(table))
    return table


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("sequences")


@pytest.fixture(scope="module")
def table_file(sequences, folder):
    path = folder / "promoters.csv.gz"
    sequences.to_csv(path)
    return path


@pytest.fixture(scope="module")
def model_dir(call, table_file, folder):
    out = folder / "model"
    command = ["fit", "promoter", table_file, "--target=label", "--split=part", f"--out={out}"]
    result = call(*command, *TINY)
    assert result.exit_code == 0, result.stderr
    return out


@pytest.fixture(scope="module")
def genome(sequences, folder):
    """All sequences in a row, as one chromosome."""
    path = folder / "genome.fa"
    path.write_text(">chr1 simulated\n" + "\n".join(sequences["sequence"]) + "\n>chr2\nACGTACGT\n")
    return path


def predicted(call, model_dir, source, tmp_path, *options):
    out = tmp_path / "answers.csv"
    result = call("predict", model_dir, source, f"--out={out}", "--device=cpu", *options)
    assert result.exit_code == 0, result.stderr
    return pd.read_csv(out, index_col="id")


def fasta(table, line=60, end="\n"):
    lines = []
    for name, text in table["sequence"].items():
        lines += [f">{name.replace(' ', '_')}"]
        lines += [text[i : i + line] for i in range(0, len(text), line)]
    return end.join(lines) + end


def test_fit_leaves_scores_beside_gc_and_linear_baselines(model_dir):
    metrics = json.loads((model_dir / "metrics.json").read_text())
    assert metrics["task"] == "promoter"
    assert set(metrics["baselines"]) == {
        "majority", "gc_content", "logistic_regression", "gradient_boosting",
    }  # fmt: skip
    assert {"mcc", "auroc", "ece"} <= set(metrics["metrics"])


@pytest.mark.parametrize("form", ["plain", "gzip", "crlf", "lower", "short lines"])
def test_a_fasta_gets_the_same_answers_in_every_form(
    call, model_dir, table_file, sequences, tmp_path, form
):
    usual = predicted(call, model_dir, table_file, tmp_path)
    text = fasta(
        sequences, line=7 if form == "short lines" else 60, end="\r\n" if form == "crlf" else "\n"
    )
    path = tmp_path / ("new.fa.gz" if form == "gzip" else "new.fa")
    if form == "lower":
        text = text.replace("A", "a").replace("T", "t")
    path.write_bytes(gzip.compress(text.encode()) if form == "gzip" else text.encode())
    other = predicted(call, model_dir, path, tmp_path)
    assert (other["label"].to_numpy() == usual["label"].to_numpy()).all()
    np.testing.assert_allclose(other["promoter"], usual["promoter"], atol=1e-6)


def test_bed_gets_the_answers_of_its_sequences_and_goes_back_as_bed(
    call, model_dir, table_file, genome, tmp_path
):
    usual = predicted(call, model_dir, table_file, tmp_path)
    bed = tmp_path / "windows.bed"
    bed.write_text("".join(f"chr1\t{60 * i}\t{60 * i + 60}\tw{i}\t0\t+\n" for i in range(20)))
    other = predicted(call, model_dir, bed, tmp_path, f"--genome={genome}")
    np.testing.assert_allclose(other["promoter"], usual["promoter"].iloc[:20], atol=1e-6)
    out = tmp_path / "hits.bed"
    result = call("predict", model_dir, bed, f"--genome={genome}", f"--out={out}", "--quiet")
    assert result.exit_code == 0, result.stderr
    hits = pd.read_csv(out, sep="\t", header=None)
    assert hits.shape == (20, 6)
    assert list(hits[3]) == list(other["label"])
    assert hits[4].between(500, 1000).all()


def test_bed_on_the_minus_strand_is_the_reverse_complement(
    call, model_dir, sequences, genome, tmp_path
):
    bed = tmp_path / "minus.bed"
    bed.write_text("chr1\t0\t60\tw\t0\t-\n")
    letters = str.maketrans("ACGT", "TGCA")
    flipped = sequences["sequence"].iloc[0].translate(letters)[::-1]
    (tmp_path / "flipped.fa").write_text(f">w\n{flipped}\n")
    one = predicted(call, model_dir, bed, tmp_path, f"--genome={genome}")
    other = predicted(call, model_dir, tmp_path / "flipped.fa", tmp_path)
    np.testing.assert_allclose(one["promoter"], other["promoter"], atol=1e-6)


def test_a_model_of_windows_reads_the_same_windows_later(
    call, refused, sequences, genome, tmp_path
):
    peaks, model = tmp_path / "peaks.narrowPeak", tmp_path / "m"
    rows = [
        f"chr1\t{60 * i + 10}\t{60 * i + 40}\t{label}\t0\t+\t1\t1\t1\t20\n"
        for i, label in enumerate(sequences["label"])
    ]
    peaks.write_text("".join(rows))
    command = ["fit", "promoter", peaks, "--target=name", f"--genome={genome}", f"--out={model}"]
    assert "summit" in refused(*command, "--window-bp=60", "--center=end")
    result = call(*command, "--window-bp=60", "--center=summit", *TINY, "--set=baselines=false")
    assert result.exit_code == 0, result.stderr
    out = tmp_path / "p.csv"
    answering = ["predict", model, peaks, f"--genome={genome}", f"--out={out}", "--device=cpu"]
    result = call(*answering)
    assert "windows of 60 bp around each summit, as in fit" in result.stderr
    usual = pd.read_csv(out)
    whole = tmp_path / "whole.csv"
    sequences.head(3).to_csv(whole)
    alone = predicted(call, model, whole, tmp_path)
    np.testing.assert_allclose(usual["promoter"].head(3), alone["promoter"], atol=1e-6)
    result = call(*answering, "--center=middle")
    assert "center=middle, and the model was fitted with center=summit" in result.stderr
    bed = tmp_path / "places.bed"
    bed.write_text("1\t30\t31\tx\t0\t+\n")
    assert "has no summits" in refused(*answering[:2], bed, *answering[3:])
    result = call(*answering[:2], bed, *answering[3:], "--center=middle", "--quiet")
    assert result.exit_code == 0
    assert pd.read_csv(out)["promoter"][0] == pytest.approx(alone["promoter"].iloc[0], abs=1e-6)


def test_one_base_and_only_n_get_an_answer_that_no_company_changes(call, model_dir, tmp_path):
    (tmp_path / "odd.fa").write_text(">one\nA\n>n\n" + "N" * 60 + "\n>long\n" + "ACGT" * 30 + "\n")
    together = predicted(call, model_dir, tmp_path / "odd.fa", tmp_path)
    assert together[["background", "promoter"]].sum(axis=1).round(4).eq(1).all()
    for name, text in (("one", "A"), ("n", "N" * 60)):
        (tmp_path / "alone.fa").write_text(f">{name}\n{text}\n")
        alone = predicted(call, model_dir, tmp_path / "alone.fa", tmp_path, "--set=batch_size=1")
        assert alone.loc[name, "promoter"] == pytest.approx(
            together.loc[name, "promoter"], abs=1e-5
        )


def test_one_fasta_per_class(call, sequences, tmp_path):
    for label, part in sequences.groupby("label"):
        (tmp_path / f"{label}.fa").write_text(fasta(part))
    files = [tmp_path / "promoter.fa", tmp_path / "background.fa"]
    out = tmp_path / "model"
    result = call("fit", "promoter", *files, "--target=file", f"--out={out}", *TINY)
    assert result.exit_code == 0, result.stderr
    assert json.loads((out / "polyome.json").read_text())["classes"] == ["background", "promoter"]


def test_a_fasta_with_a_table_of_labels_and_homology_split(call, sequences, tmp_path):
    (tmp_path / "all.fa").write_text(fasta(sequences))
    labels = sequences[["label"]].set_axis(sequences.index.str.replace(" ", "_"), axis=0)
    labels.to_csv(tmp_path / "labels.csv", index_label="id")
    command = ["fit", "promoter", tmp_path / "all.fa", f"--labels={tmp_path / 'labels.csv'}"]
    command += ["--target=label", "--split-by=homology", f"--out={tmp_path / 'm'}"]
    result = call(*command, *TINY)
    assert result.exit_code == 0, result.stderr
    assert "by group 'homology'" in result.stderr


def test_several_tables_carry_their_source(call, model_dir, sequences, tmp_path):
    sequences.iloc[:5].to_csv(tmp_path / "a.csv")
    sequences.iloc[5:9].to_csv(tmp_path / "b.csv")
    out = tmp_path / "answers.csv"
    result = call("predict", model_dir, tmp_path / "a.csv", tmp_path / "b.csv", f"--out={out}")
    assert result.exit_code == 0, result.stderr
    assert pd.read_csv(out)["source"].value_counts().to_dict() == {"a.csv": 5, "b.csv": 4}


@pytest.mark.parametrize(
    "setting",
    [
        "tokens=kmer",
        "tokens=bpe",
        "tokens=motif",
        "both_strands=true",
        "anchor=end",
        "composition=0",
    ],
)
def test_every_way_to_read_a_sequence_fits_and_predicts(call, table_file, tmp_path, setting):
    command = ["fit", "promoter", table_file, "--target=label", f"--out={tmp_path / 'm'}"]
    result = call(*command, *TINY, f"--set={setting}", "--set=baselines=false")
    assert result.exit_code == 0, result.stderr
    answers = predicted(call, tmp_path / "m", table_file, tmp_path)
    assert len(answers) == 160


def test_audit_names_copies_and_goes_to_json(call, sequences, tmp_path):
    copied = pd.concat([sequences, sequences.iloc[:4].assign(part="test")])
    copied = copied.set_axis([f"s{i}" for i in range(len(copied))], axis=0)
    copied.to_csv(tmp_path / "t.csv", index_label="id")
    found = tmp_path / "audit.json"
    command = ["audit", "promoter", tmp_path / "t.csv", "--target=label", "--split=part"]
    result = call(*command, f"--json={found}")
    assert result.exit_code == 0, result.stderr
    kinds = {finding["kind"] for finding in json.loads(found.read_text())["findings"]}
    assert "duplicates" in kinds


@pytest.fixture(scope="module")
def scanner_dir(call, table_file, folder):
    out = folder / "with_scanner"
    command = ["fit", "promoter", table_file, "--target=label", "--split=part", f"--out={out}"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distil, "FEWEST_SEQUENCES", 100)
        patch.setattr(distil, "MOST_BP", 6000)
        result = call(*command, *TINY, "--set=scanner=true")
    assert result.exit_code == 0, result.stderr
    assert "scanner" in result.stdout
    return out


def test_the_scanner_is_scored_beside_the_model(scanner_dir):
    metrics = json.loads((scanner_dir / "metrics.json").read_text())
    assert metrics["variants"]["scanner"]["mcc"] is not None


@pytest.mark.parametrize("scanner", ["true", "false"])
def test_scan_writes_hits_of_both_strands(call, scanner_dir, genome, tmp_path, scanner):
    out = tmp_path / "hits.bed"
    options = [f"--set=scanner={scanner}", "--set=threshold=0", "--set=stride_bp=20"]
    result = call("scan", scanner_dir, genome, f"--out={out}", *options, "--device=cpu")
    assert result.exit_code == 0, result.stderr
    assert result.stderr.count("looking for 'promoter'") == 1
    hits = pd.read_csv(out, sep="\t", header=None)
    assert hits.shape[1] == 6
    assert set(hits[5]) == {"+", "-"}
    assert ((hits[2] - hits[1]) == 60).all()
    assert (hits[2] <= 9600).all()


# --- what is refused


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("empty.fa", b"", "empty.fa"),
        ("quotes.tsv", b'id\tnote\tsequence\na\t"5 end\tACGT\nb\tx\tACGT\n', "row 1 (line 2)"),
        ("protein.fa", b">p1\nMKTAYIAKQRQISFVKSHFSRQ\n", "protein"),
        ("letters.fa", b">s\nACGTXACGT\n", "'X'"),
        ("cut.fa.gz", gzip.compress(b">a\nACGTACGTACGTACGT\n" * 50, mtime=0)[:-9], "cut.fa.gz"),
        ("t.csv", b"id,seq\na,ACGT\n", "no column 'sequence' (sequence)"),
        ("t.csv", b"id,sequence\na,\n", "t.csv"),
        ("t.txt.xz", b"", "is not known"),
        ("cells.h5ad", b"", "holds cells, and sequences are needed"),
    ],
)
def test_files_that_cannot_be_read(refused, model_dir, tmp_path, name, content, found):
    (tmp_path / name).write_bytes(content)
    message = refused("predict", model_dir, tmp_path / name, f"--out={tmp_path / 'p.csv'}")
    assert found in message


def test_what_is_not_there_or_a_folder(refused, model_dir, tmp_path):
    out = f"--out={tmp_path / 'p.csv'}"
    assert "is a folder" in refused("predict", model_dir, tmp_path, out)
    assert "There is no file" in refused("predict", model_dir, tmp_path / "nothing", out)


def test_a_fasta_without_labels_says_where_they_may_be(refused, tmp_path):
    (tmp_path / "a.fa").write_text(">a\nACGT\n")
    out = f"--out={tmp_path / 'm'}"
    message = refused("fit", "promoter", tmp_path / "a.fa", "--target=label", out)
    assert "--labels TABLE, or --target file" in message


def test_options_of_sequences_are_refused_for_cells(refused, tmp_path):
    (tmp_path / "cells.h5ad").write_bytes(b"")
    command = ["fit", "cell-type", tmp_path / "cells.h5ad", "--target=t", f"--out={tmp_path / 'm'}"]
    assert "--genome is for sequences" in refused(*command, "--genome=hg38.fa")


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("7\t0\t60", "chr1"),
        ("chr9\t0\t60", "chr9"),
        ("chr2\t0\t60", "8"),
        ("chr1\t60\t60", "line 1"),
        ("chr1\tx\t60", "line 1"),
    ],
)
def test_intervals_that_are_not_on_the_genome(refused, model_dir, genome, tmp_path, line, found):
    (tmp_path / "w.bed").write_text(line + "\n")
    out = f"--out={tmp_path / 'p.csv'}"
    message = refused("predict", model_dir, tmp_path / "w.bed", out, f"--genome={genome}")
    assert found in message


def test_bed_without_a_genome(refused, model_dir, tmp_path):
    (tmp_path / "w.bed").write_text("chr1\t0\t60\n")
    out = f"--out={tmp_path / 'p.csv'}"
    assert "--genome" in refused("predict", model_dir, tmp_path / "w.bed", out)


def test_a_target_that_is_not_there(refused, table_file, tmp_path):
    out = f"--out={tmp_path / 'm'}"
    message = refused("fit", "promoter", table_file, "--target=labels", out)
    assert "the input has no column 'labels' (target)" in message
    assert "Did you mean 'label'?" in message


def test_a_split_by_chromosome_without_chromosomes(refused, table_file, tmp_path):
    out = f"--out={tmp_path / 'm'}"
    command = ["fit", "promoter", table_file, "--target=label", "--split-by=chromosome", out]
    assert "needs a column of chromosomes" in refused(*command, "--quiet")


def test_an_answer_file_of_cells(refused, model_dir, table_file, tmp_path):
    message = refused("predict", model_dir, table_file, f"--out={tmp_path / 'p.h5ad'}")
    assert "a name that ends in .csv or .bed is needed" in message


def test_scans_that_cannot_be_made(refused, model_dir, genome, tmp_path):
    out = f"--out={tmp_path / 'h.bed'}"
    assert "'stride'" in refused("scan", model_dir, genome, out, "--set=stride=3")
    assert "no-genome.fa" in refused("scan", model_dir, tmp_path / "no-genome.fa", out)
    assert ".bed" in refused("scan", model_dir, genome, f"--out={tmp_path / 'h.csv'}")
    (tmp_path / "n.fa").write_text(">a\n" + "Nn" * 100)
    assert "n.fa has no base but N" in refused("scan", model_dir, tmp_path / "n.fa", out)


def test_models_of_composition_have_no_scanner(refused, table_file, tmp_path):
    command = ["fit", "promoter", table_file, "--target=label", f"--out={tmp_path / 'm'}"]
    options = ["--set=scanner=true", "--set=tokens=composition"]
    assert "tokens=composition" in refused(*command, *options)


def test_cells_have_no_scanner(refused, cells_file, tmp_path):
    command = ["fit", "cell-type", cells_file, "--target=cell_type", f"--out={tmp_path / 'm'}"]
    assert "has no sequences to scan" in refused(*command, "--set=scanner=true")
